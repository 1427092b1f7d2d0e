"""Splitting one whitespace-free chunk of text into words, the way English treebanks do.

The published thresholds were set on words that include punctuation marks, with contractions cut in two ("do"
"n't"). These rules cut the same way as the tokenizers those filters are run with (spaCy's blank English
pipeline: the agreement is measured in `benchmarks/quality_agreement.py`), in the order: known chunk; marks
peeled off both ends, one at a time, as long as what is left is not a known chunk; web address left whole; the
rest cut at inner marks. Characters of scripts without spaces are one word each, whatever is beside them.
"""

from __future__ import annotations

import re
from itertools import product

from curation.stages.heuristics.scripts import CJK_PUNCTUATION, UNSPACED

_QUOTES = "'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉"
_MARKS = r"…,:;!?¿؟¡()\[\]{}<>_#*&。？！，、；：～·।،۔؛٪"
_CURRENCY = "$£€¥฿₠-₿"
_ICONS = (
    "\u00a6\u00a9\u00ae\u00b0\u2100-\u2123\u2195-\u2199\u219c-\u21f3\u2300-\u23ff\u2400-\u25b6\u25b8-\u25c0\u25c2-\u266e"
    "\u2670-\u2bff\u3004\u3012\u3013\u3020\u3200-\u33ff\ufffc\ufffd\U0001f000-\U0001faff"
)
_UNITS = (
    "km[²³]?|m[²³]?|dm[²³]?|cm[²³]?|mm[²³]?|ha|µm|nm|yd|in|ft|kg|g|mg|µg|t|lb|oz|m/s|km/h|kmh|mph|hPa|Pa|mbar|"
    "[mMkKgGtT][bB]|[TGMK%]"
)
_LOWER = "a-zß-öø-ÿāăąćčďđēęěğģīįıķļłńņňőœŕřśşšťūůűųźżžа-яё"
_UPPER = "A-ZÀ-ÖØ-ÞА-ЯЁ"

_PREFIX = re.compile(rf"\.\.+|(?:US|C|A)\$|\+(?![0-9])|[§%=—–{_MARKS}{_QUOTES}{_CURRENCY}{_ICONS}]")
_SUFFIX = re.compile(
    rf"(?:['’][sS]|[—–{_MARKS}{_QUOTES}{_ICONS}]|(?<=[0-9])(?:\+|[{_CURRENCY}]|US\$|C\$|A\$|{_UNITS})"
    rf"|(?<=[0-9%²+\-{_LOWER}{_MARKS}{_QUOTES}])\.|(?<=[{_UPPER}][{_UPPER}])\.)$"
)
# Begins with one character class, which `re` can skip ahead to; what must stand before the mark is looked up
# behind it.
_INNER = re.compile(
    rf"[.…,+\-*^–—~:<>=/{_ICONS}](?:(?<=\.)\.+|(?<=[…{_ICONS}])|(?<=[0-9][+\-*^])(?=[0-9-])"
    rf"|(?<=[{_LOWER}{_QUOTES}]\.)(?=[{_UPPER}{_QUOTES}])|(?<=[^\W\d_],)(?=[^\W\d_])"
    r"|(?<=[^\W_]-)-{0,2}(?=[^\W\d_])|(?<=[^\W_][–—~])—?(?=[^\W\d_])|(?<=[^\W_][:<>=/])(?=[^\W\d_]))"
)
_ADDRESS = re.compile(
    rf"(?:[\w+\-.]{{2,}}://)?(?:\S+@)?(?:[A-Za-z0-9\u00a1-\uffff][A-Za-z0-9\u00a1-\uffff_-]*\.)+[{_LOWER}]{{2,63}}"
    r"(?::\d{2,5})?(?:[/?#]\S*)?"
)
_STANDALONE = re.compile(f"[{UNSPACED}{CJK_PUNCTUATION}]|[^{UNSPACED}{CJK_PUNCTUATION}]+")
_PLAIN = re.compile(r"([(\"\[]?)([A-Za-z]+)([,.;:)\"\]]?)")

_LONGEST_MARK = 4  # "km/h", "mbar"

# Beyond this many characters a chunk is no word but data (base64, a rule of dashes): it is cut without
# peeling, in one pass, so that a hostile line cannot make peeling quadratic.
_LONG = 500
_ROUGH = re.compile(r"\w+|[^\w]")

# "Jan." stays one word: the period belongs to it.
_ABBREVIATIONS = (
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mr Mrs Ms Messrs Dr Prof Rev Gen Gov Sen Rep Adm Jr St Mt Bros "
    "Co co Corp Inc Ltd vs e.g E.g E.G i.e I.e I.E a.m p.m v.s Ph.D D.C N.Y N.J N.H N.C N.D N.M S.C Ala Ariz Ark Calif "
    "Colo Conn Del Fla Ga Ia Id Ill Ind Kan Kans Ky La Mass Md Mich Minn Miss Mo Mont Neb Nebr Nev Okla Ore Pa Tenn Va "
    "Wash Wis"
)
_WHOLE = (
    "and/or w/o o'clock O'clock ma'am Ma'am 'cause 'Cause 'em 'bout 'd 're 's 'S '' C++ :) :( ;) :-) :-( ;-) :D :P :p "
    ":/ =( =) (: (; <3 8) :o :O :x :X :* :| ^_^ -_- :} :] [: :> xD XD"
)
_PRONOUNS = "i you he she it we they"
_QUESTIONS = "who what when where why how"
_ALL_SUBJECTS = f"{_PRONOUNS} {_QUESTIONS} there that this these those"
_CUT_AFTER = {  # what can follow which word with or without an apostrophe
    "m": "i",
    "s": f"he she it {_QUESTIONS} there that this",
    "ll": _ALL_SUBJECTS,
    "d": _ALL_SUBJECTS,
    "re": f"you we they {_QUESTIONS} there these those",
    "ve": f"i you we they {_QUESTIONS} there these those could might must should would not",
}
_NEGATED = "ca could do does did had may might must need ought sha should wo would ai are is was were have has dare"
# Ordinary words that only look like a contraction without its apostrophe.
_ORDINARY = {"ill", "its", "hell", "shell", "shed", "were", "whore", "well"}


def _known() -> dict[str, tuple[str, ...]]:
    """Chunks with a fixed split: contractions in both cases and both apostrophes, abbreviations, a few faces."""
    known: dict[str, tuple[str, ...]] = {word: (word,) for word in _WHOLE.split()}
    for stem in (*_ABBREVIATIONS.split(), *"abcdefghijklmnopqrstuvwxyz"):
        known[f"{stem}."] = (f"{stem}.",)
    for mark in ("'", "’", ""):
        for tail, subjects in _CUT_AFTER.items():
            for subject in subjects.split():
                _add(known, (subject, mark + tail))
                if tail in ("ll", "d"):
                    _add(known, (subject, mark + tail, mark + "ve"))
        for verb in _NEGATED.split():
            _add(known, (verb, f"n{mark}t"))
            _add(known, (verb, f"n{mark}t", f"{mark}ve"))
    for mark in ("'", "’"):
        _add(known, ("let", f"{mark}s"))
        known[f"y{mark}all"] = (f"y{mark}", "all")
    for pair in (("can", "not"), ("gon", "na"), ("got", "ta")):
        _add(known, pair)
    for hour, half in product(range(1, 13), ("am", "pm", "a.m.", "p.m.")):
        known[f"{hour}{half}"] = (str(hour), half)
    return known


def _add(known: dict[str, tuple[str, ...]], parts: tuple[str, ...]) -> None:
    whole = "".join(parts)
    if whole not in _ORDINARY:
        known[whole] = parts
        known[whole.capitalize()] = (parts[0].capitalize(), *parts[1:])


_KNOWN = _known()


def split_chunk(chunk: str) -> tuple[str, ...]:
    """The words of one chunk (no whitespace inside); joined, they are the chunk again."""
    known = _KNOWN.get(chunk)
    if known is not None:
        return known
    plain = _PLAIN.fullmatch(chunk)
    if plain is not None and plain[2] not in _KNOWN and f"{plain[2]}{plain[3]}" not in _KNOWN:
        head, word, tail = plain.groups()
        if tail != "." or word[-1].islower() or (word[-2:].isupper() and len(word) > 1):
            return tuple(part for part in (head, word, tail) if part)
    if not chunk.isascii():
        pieces = _STANDALONE.findall(chunk)
        if len(pieces) > 1:
            words: list[str] = []
            for piece in pieces:
                if len(piece) == 1:
                    words.append(piece)
                else:
                    words.extend(_split_spaced(piece))
            return tuple(words)
    return _split_spaced(chunk)


def _split_spaced(chunk: str) -> tuple[str, ...]:
    if len(chunk) > _LONG:
        return tuple(_ROUGH.findall(chunk))
    before, middle, after = _peel(chunk)
    if not middle:
        parts: tuple[str, ...] = ()
    elif middle in _KNOWN:
        parts = _KNOWN[middle]
    elif "." in middle and _ADDRESS.fullmatch(middle):
        parts = (middle,)
    else:
        parts = _cut_inside(middle)
    return (*before, *parts, *reversed(after))


def _peel(chunk: str) -> tuple[list[str], str, list[str]]:
    """Marks off the front, what is left, marks off the back (outermost first)."""
    before: list[str] = []
    after: list[str] = []
    while chunk and chunk not in _KNOWN:
        front = _PREFIX.match(chunk)
        if front and chunk[front.end() :] in _KNOWN:
            before.append(front[0])
            return before, chunk[front.end() :], after
        rest = chunk[front.end() :] if front else chunk
        back = _back(rest)
        if back and chunk[: -len(back)] in _KNOWN:
            after.append(back)
            return before, chunk[: -len(back)], after
        if front is None and not back:
            break
        if front:
            before.append(front[0])
        if back:
            after.append(back)
            rest = rest[: -len(back)]
        chunk = rest
    return before, chunk, after


def _back(chunk: str) -> str:
    """The mark at the end of `chunk`, or "". This is the hot spot: only the last characters are searched."""
    if chunk.endswith(".."):
        return chunk[len(chunk.rstrip(".")) :]
    mark = _SUFFIX.search(chunk, max(0, len(chunk) - _LONGEST_MARK))
    return mark[0] if mark else ""


def _cut_inside(chunk: str) -> tuple[str, ...]:
    parts: list[str] = []
    start = 0
    for mark in _INNER.finditer(chunk):
        if mark.start() > start:
            parts.append(chunk[start : mark.start()])
        parts.append(mark[0])
        start = mark.end()
    if start < len(chunk):
        parts.append(chunk[start:])
    return tuple(parts)
