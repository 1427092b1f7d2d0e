"""Text of records as HTML: escaped, what cannot be seen made visible, changes marked word by word.

Dataset text is hostile. It reaches a page only through `visible` or `marked`, which return safe markup; everything else
is escaped by the template. Scripts without spaces between words (Chinese, Japanese, Thai) are compared by character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from markupsafe import Markup, escape

# Controls, fillers, zero-width and bidi marks, line separators, tags: what hides in a text or reorders it.
# A newline and a tab are shown by the browser.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_COMBINING = re.compile(f"{_HIDDEN.pattern}|[\u0300-\u036f\u3099\u309a]")
_CONTROLS = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split()
_SPACES = {" ": "·", "\t": "⇥", "\n": "⏎\n", "\u00a0": "⍽", "\u3000": "□"}
_SPACE = re.compile("[ \t\n\u00a0\u3000]")

_BY_CHARACTER = (
    "\u0e00-\u0e7f\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[^\W{_BY_CHARACTER}]+|.", re.DOTALL)
_WORD = re.compile(r"\w")
_SENTENCE = re.compile(r"[^\n.!?。！？；]*(?:[\n.!?。！？；]|$)")

MOST_PAIRS = 25_000_000  # token pairs compared at most: 5,000 by 5,000 take 0.3 s and 3 MB
CONTEXT = 60  # characters of unchanged text kept on each side of a change in a long text

_Piece = tuple[str, str, str]  # "equal" | "change", text before, text after


def visible(text: str, limit: int = 900) -> Markup:
    """`text` escaped, with hidden characters named; at most about `limit` characters, cut in the middle."""
    if len(text) <= limit:
        return _named(text)
    head, tail = limit * 3 // 4, limit // 4
    return _named(text[:head]) + _cut(len(text) - head - tail) + _named(text[-tail:])


def marked(before: str, after: str, limit: int = 900) -> Markup:
    """What changed from `before` to `after`: removed text in `<del>`, new text in `<ins>`, far context left out.

    Each side of a change, and the whole, is cut so that a page of many such texts stays small.
    """
    long = max(len(before), len(after)) > limit
    out = Markup()
    spent = 0
    pieces = list(_pieces(before, after))
    for place, (kind, old, new) in enumerate(pieces):
        if spent > limit:
            left = sum(max(len(x), len(y)) for _, x, y in pieces[place:])
            return out + _cut(left)
        if kind == "equal":
            shown = _context(old, place == 0, place == len(pieces) - 1) if long else _named(old)
            spent += min(len(old), 2 * CONTEXT) if long else len(old)
        else:
            alike = unicodedata.normalize("NFC", old) == unicodedata.normalize("NFC", new)
            names = _COMBINING if alike else _HIDDEN  # what looks the same on both sides is told apart by its accents
            shown = _change("del", old, limit, names) + _change("ins", new, limit, names)
            spent += min(len(old), limit) + min(len(new), limit)
        out += shown
    return out


def likeness(before: str, after: str) -> float:
    """The share of the longer text that is unchanged, 0 to 1; 1 for two empty texts."""
    equal = sum(len(old) for kind, old, _ in _pieces(before, after) if kind == "equal")
    return equal / max(len(before), len(after), 1) if before or after else 1.0


def tokens(text: str) -> list[str]:
    """Words; single characters of scripts without spaces; every other character by itself. Joined, the text again."""
    return _TOKEN.findall(text)


def _pieces(before: str, after: str) -> Iterator[_Piece]:
    """The two texts as a sequence of equal and changed pieces, small islands between two changes absorbed."""
    old, new = tokens(before), tokens(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    if start:
        yield "equal", "".join(old[:start]), "".join(new[:start])
    middle = _merged(_aligned(old[start : len(old) - end], new[start : len(new) - end]))
    for piece in _absorbed(middle):
        yield from _finer(piece)
    if end:
        yield "equal", "".join(old[-end:]), "".join(new[-end:])


def _aligned(old: list[str], new: list[str]) -> Iterator[_Piece]:
    """Pieces between the words (not the blanks) that a longest common subsequence of the two has in common."""
    if len(old) * len(new) > MOST_PAIRS:  # compare sentences instead; and where even they are too many, nothing
        old, new = _SENTENCE.findall("".join(old)), _SENTENCE.findall("".join(new))
        if len(old) * len(new) > MOST_PAIRS:
            yield "change", "".join(old), "".join(new)
            return
    i = j = 0
    for at_old, at_new in [*_anchors(old, new), (len(old), len(new))]:
        yield from _gap(old[i:at_old], new[j:at_new])
        if at_old < len(old):
            yield "equal", old[at_old], new[at_new]
        i, j = at_old + 1, at_new + 1


def _anchors(old: list[str], new: list[str]) -> Iterator[tuple[int, int]]:
    from rapidfuzz.distance import LCSseq

    words = [[place for place, token in enumerate(text) if not token.isspace()] for text in (old, new)]
    number: dict[str, int] = {}
    coded = [
        [number.setdefault(text[place], len(number)) for place in places]
        for text, places in zip((old, new), words, strict=True)
    ]
    for step in LCSseq.opcodes(*coded):
        if step.tag == "equal":
            yield from zip(
                words[0][step.src_start : step.src_end], words[1][step.dest_start : step.dest_end], strict=True
            )


def _gap(old: list[str], new: list[str]) -> Iterator[_Piece]:
    """What stands between two anchors, less the blanks that both have at its ends."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    parts = (
        ("equal", old[:start], new[:start]),
        ("change", old[start : len(old) - end], new[start : len(new) - end]),
        ("equal", old[len(old) - end :], new[len(new) - end :]),
    )
    for kind, removed, added in parts:
        if removed or added:
            yield kind, "".join(removed), "".join(added)


def _finer(piece: _Piece) -> Iterator[_Piece]:
    """A change that only puts in or takes out what is no word, such as a zero-width space, is marked just there."""
    kind, old, new = piece
    start = _common(old, new)
    rest = (old[start:], new[start:])
    end = _common(rest[0][::-1], rest[1][::-1])
    removed, added = (text[: len(text) - end] for text in rest)
    if kind == "equal" or (removed and added) or _WORD.search(removed + added):
        yield piece
        return
    head, tail = old[:start], old[len(old) - end :]
    for part in (("equal", head, head), ("change", removed, added), ("equal", tail, tail)):
        if part[1] or part[2]:
            yield part


def _merged(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Neighbours of the same kind as one piece."""
    for kind, group in groupby(pieces, key=itemgetter(0)):
        parts = list(group)
        yield kind, "".join(old for _, old, _ in parts), "".join(new for _, _, new in parts)


def _absorbed(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """Changes that only a blank or a single character parts become one change: fewer marks are easier to read."""
    waiting: _Piece | None = None
    island = ""
    for kind, old, new in pieces:
        if kind == "equal":
            if waiting is None or len(old) > 1:
                if waiting is not None:
                    yield waiting
                    waiting = None
                yield kind, old, new
            else:
                island = old
        elif waiting is None:
            waiting = (kind, old, new)
        elif _worth_joining(waiting, island, (kind, old, new)):
            waiting = (kind, waiting[1] + island + old, waiting[2] + island + new)
            island = ""
        else:
            yield waiting
            yield "equal", island, island
            waiting, island = (kind, old, new), ""
    if waiting is not None:
        yield waiting
        if island:
            yield "equal", island, island


def _worth_joining(first: _Piece, island: str, second: _Piece) -> bool:
    replaced = all(old and new for _, old, new in (first, second))
    return not island or (replaced and len(first[1]) + len(second[1]) > 2)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return place
    return min(len(old), len(new))


def _context(text: str, first: bool, last: bool) -> Markup:
    """The parts of an unchanged stretch next to a change."""
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    if len(text) <= head + tail + 20:
        return _named(text)
    return _named(text[:head]) + _cut(len(text) - head - tail) + (_named(text[-tail:]) if tail else Markup())


def _change(tag: str, text: str, limit: int, names: re.Pattern[str]) -> Markup:
    if not text:
        return Markup()
    kept = text if len(text) <= limit else text[:limit]
    inner = Markup(_SPACE.sub(lambda match: _SPACES[match.group()], str(_named(kept, names, bare=True))))
    rest = _cut(len(text) - len(kept)) if len(kept) < len(text) else Markup()
    kind = Markup(' class="blank"') if text.isspace() else Markup()  # shown, but not struck through
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), kind, inner + rest)


def _cut(characters: int) -> Markup:
    return Markup('<span class="cut">… {} characters …</span>').format(f"{characters:,}")


def _named(text: str, names: re.Pattern[str] = _HIDDEN, bare: bool = False) -> Markup:
    """Escaped text, what `names` finds as a box with its name or code. `bare`: with no blank in any tag."""
    out = []
    last = 0
    for match in names.finditer(text):
        out.append(str(escape(text[last : match.start()])))
        out.append(_box(match.group(), bare))
        last = match.end()
    out.append(str(escape(text[last:])))
    return Markup("".join(out))


def _box(character: str, bare: bool) -> str:
    code = ord(character)
    picture = _CONTROLS[code] if code < 0x20 else f"U+{code:04X}"
    if bare:
        return f"<b>{picture}</b>"
    name = unicodedata.name(character, f"control character {code:#04x}")
    return f'<b title="{escape(name)}">{picture}</b>'
