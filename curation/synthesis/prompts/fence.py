"""Data between tags with a mark that occurs nowhere in it.

Whatever comes from a document, a seed or a model is data. It stands between `<source MARK>` and `</source MARK>`; nobody
who writes a document can know the mark, so no document can end its own fence or open another. Within, what a chat
template would read as the end of a message is taken apart, and what people cannot see is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Sequence

from curation.privacy.places import MARKER
from curation.synthesis.model import Exchange, Material

Turns = Sequence[tuple[str, str]]
DIGITS = 12

# Control characters, direction overrides, and the tag characters that spell whole sentences without being shown.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_HALF = re.compile("[\ud800-\udfff]")
_LABELS = {"user": "question", "assistant": "answer"}


def nonce_for(secret: str, unit_id: str, text: str) -> str:
    """The mark of a unit's fence: 12 hexadecimal digits that are not in `text`, in either case.

    An HMAC, so that the same unit has the same prompt each time and is found in the ledger of calls, and nobody without
    the secret can tell it beforehand. text: all that will stand in the fence, see `data_of`.
    """
    low = text.casefold()
    for turn in range(1 << 16):
        said = f"{turn}\x00{unit_id}\x00{text}".encode("utf-8", "surrogatepass")
        mark = hmac.new(secret.encode("utf-8", "surrogatepass"), said, hashlib.sha256).hexdigest()[:DIGITS]
        if mark not in low:
            return mark
    raise AssertionError("65536 digests of a text cannot all be in it")


def data_of(material: Material, exchanges: Iterable[Exchange] = ()) -> str:
    """Every text that a prompt about the material holds, for `nonce_for`."""
    turns = [text for turns in (material.turns, *material.seeds) for _, text in turns]
    said = [text for one in exchanges for text in (one.question, one.answer, one.quote, one.reasoning)]
    return "\x00".join([material.text, material.title, *material.headings, *turns, *said])


def shown(text: str) -> str:
    """The text as a model is shown it: markers of chat templates with a space in them, nothing unseen."""
    text = _HALF.sub("\ufffd", _UNSEEN.sub("", text))
    while MARKER.search(text):
        text = MARKER.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
    return text


def fenced(label: str, text: str, mark: str) -> str:
    """`text`, which is data, in a fence."""
    return f"<{label} {mark}>\n{text}\n</{label} {mark}>"


def source(material: Material, label: str, mark: str, *, chinese: bool) -> str:
    """The source text with its title and headings, in a fence."""
    title, section = ("标题：", "章节：") if chinese else ("Title: ", "Section: ")
    head = [title + _line(material.title)] if material.title.strip() else []
    head += [section + " > ".join(map(_line, material.headings))] if material.headings else []
    return fenced(label, "\n".join([*head, *([""] if head else []), shown(material.text)]), mark)


def sentences(texts: Sequence[str], mark: str) -> str:
    """Sentences of the source text, each in a fence of its own, in order."""
    return "\n".join(fenced("sentence", shown(text), mark) for text in texts)


def record(turns: Turns, mark: str, *, plain: bool) -> str:
    """A record in a fence, in the form in which records are asked for."""
    return fenced("record", _plain(turns) if plain else _as_json(turns), mark)


def examples(seeds: Sequence[Turns], mark: str, *, plain: bool) -> str:
    """Seeds in one fence, each in the form in which records are asked for."""
    said = "\n\n".join(map(_plain, seeds)) if plain else "\n".join(map(_as_json, seeds))
    return fenced("examples", said, mark)


def written(exchanges: Sequence[Exchange], mark: str) -> str:
    """What a model wrote, in a fence, to be looked at by a model."""
    turns = [turn for one in exchanges for turn in (("user", one.question), ("assistant", one.answer))]
    return fenced("record", _as_json(turns), mark)


def _line(text: str) -> str:
    return " ".join(shown(text).split())


def _as_json(turns: Turns) -> str:
    """As an item is asked for: `{"question": …, "answer": …}`, or `{"exchanges": […]}`."""
    has_system = bool(turns) and turns[0][0] == "system"
    system = {"system": shown(turns[0][1])} if has_system else {}
    rest = turns[has_system:]
    pairs = [
        {_LABELS.get(role, "text"): shown(text) for role, text in rest[start : start + 2]}
        for start in range(0, len(rest), 2)
    ]
    if len(pairs) == 1:
        return json.dumps({**system, **pairs[0]}, ensure_ascii=False)
    return json.dumps({**system, "exchanges": pairs}, ensure_ascii=False)


def _plain(turns: Turns) -> str:
    return "\n".join(f"{_LABELS.get(role, role).capitalize()}: {shown(text).strip()}" for role, text in turns)
