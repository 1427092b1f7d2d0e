"""Seeds, texts and records to work from: read out of any file that the readers know, in any of its formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from curation.datasets import datasets_of
from curation.errors import InputError
from curation.events import Listener, Warned
from curation.schema import content_hash
from curation.synthesis.model import Origin
from curation.synthesis.sections import SourceSettings

if TYPE_CHECKING:
    from curation.readers.model import Source

Turns = tuple[tuple[str, str], ...]

LEFT_OUT: Mapping[str, str] = {
    "no_record": "the line cannot be read, or no format fits",
    "not_text": "a message is not text",
    "tool_calls": "a message calls a tool",
    "unwanted_answer": "labelled as an answer that nobody wants",
    "several_answers": "more than one answer was chosen",
    "no_text": "there is no text in it",
    "no_conversation": "it is a plain text, and seeds and records are questions and answers",
    "other": "it cannot be written as a conversation",
}
_QUESTIONS = ("prompt", "question", "instruction", "query", "input", "text")  # what lists of bare questions call them
_CHUNK_RECORDS, _CHUNK_BYTES = 4096, 16 << 20


class _Skip(Exception):
    """A record that cannot be worked from, by the name of its reason."""


def read_origins(inputs: Sequence[str], settings: SourceSettings, listener: Listener = lambda _: None) -> list[Origin]:
    """Everything that `inputs` hold (files, folders, globs, hf:NAME, finished runs), `settings.limit` at most.

    A record's id is `source:position`, as in a curation of the same files. What cannot be worked from is counted by
    reason and said once. With kind texts a record's last answer is its text. Raises InputError for inputs that cannot
    be read, and where nothing is left.
    """
    from curation.readers import find_sources

    skipped: Counter[str] = Counter()
    found: list[Origin] = []
    files = [file for name in inputs for file in datasets_of(name)]
    for source in find_sources(files, note=lambda text: listener(Warned(text))):
        for origin in _origins(source, settings, skipped):
            found.append(origin)
            if len(found) == settings.limit:  # 0 never is
                break
        if len(found) == settings.limit:
            break
    if skipped:
        listener(Warned(_told(skipped), "`studio inspect FILE` shows how its lines are read."))
    if not found:
        raise InputError(f"There is nothing to work from in {', '.join(inputs)}.", _told(skipped) if skipped else "")
    return found


def _origins(source: Source, settings: SourceSettings, skipped: Counter[str]) -> Iterator[Origin]:
    from curation.formats import BadRecord, Inexpressible, detect
    from curation.readers import parse_payload, read_chunks, sample_objects

    primary = detect(sample_objects(source))
    with closing(read_chunks(source, chunk_records=_CHUNK_RECORDS, chunk_bytes=_CHUNK_BYTES)) as chunks:
        for chunk in chunks:
            if chunk.bad:
                skipped["no_record"] += len(chunk.bad)
            for position, payload in zip(chunk.positions, chunk.payloads, strict=True):
                try:
                    turns, digest = _read(parse_payload(payload), primary, settings)
                except BadRecord:
                    skipped["no_record"] += 1
                except Inexpressible as error:
                    skipped[error.reason if error.reason in LEFT_OUT else "other"] += 1
                except _Skip as error:
                    skipped[str(error)] += 1
                else:
                    yield Origin(f"{source.name}:{position}", turns, digest)


def _read(found: Mapping[str, object], primary: str | None, settings: SourceSettings) -> tuple[Turns, str]:
    """The turns of an object, and the digest of what a curation reads of it."""
    from curation.formats import read_record

    asked = _bare_question(found) if settings.kind == "records" and settings.how == "complete" else ""
    if asked:
        turns: Turns = (("user", asked),)
        return turns, content_hash(turns)
    name, pairs, meta = read_record(found, primary, None)
    turns = _turns(name, pairs, meta)
    if settings.kind == "texts":
        turns = _text(turns)
    elif any(role == "text" for role, _ in turns):
        raise _Skip("no_conversation")
    if not any(said.strip() for _, said in turns):
        raise _Skip("no_text")
    return turns, content_hash(pairs)


def _bare_question(found: Mapping[str, object]) -> str:
    """The question of an object that has nothing else, such as `{"prompt": "…"}`; "" for any other."""
    texts = [found[key] for key in _QUESTIONS if key in found]
    return texts[0] if len(found) == len(texts) == 1 and isinstance(texts[0], str) and texts[0].strip() else ""


def _turns(name: str, pairs: Sequence[tuple[str, str]], meta: str) -> Turns:
    """A record as a conversation; of a pair of answers the chosen one; a plain text is one turn of that role."""
    from curation.formats import get
    from curation.formats.meta import load_template

    if name == "text":
        return tuple(("text", said) for _, said in pairs)
    if name == "preference":
        if sum(role == "chosen" for role, _ in pairs) != 1:
            raise _Skip("several_answers")
        named = {"chosen": "assistant"}
        return tuple((named.get(role, role), said) for role, said in pairs if role != "rejected")
    exchange = get(name).to_messages(load_template(meta), pairs)
    return tuple(_message(message) for message in exchange.messages)


def _message(message: Mapping[str, object]) -> tuple[str, str]:
    content = message.get("content")
    if message.get("tool_calls") or message.get("function_call"):
        raise _Skip("tool_calls")
    if not isinstance(content, str):
        raise _Skip("not_text")
    role = str(message["role"])
    return ("system" if role == "developer" else role, content)


def _text(turns: Turns) -> Turns:
    """The text that an instruction is looked for: the record's own, or its last answer."""
    if turns and turns[0][0] == "text":
        return turns
    answers = [said for role, said in turns if role == "assistant"]
    if not answers:
        raise _Skip("no_text")
    return (("text", answers[-1]),)


def _told(skipped: Mapping[str, int]) -> str:
    total = sum(skipped.values())
    reasons = ", ".join(f"{LEFT_OUT[name]} ({count:,})" for name, count in sorted(skipped.items()))
    return f"{total:,} {'record was' if total == 1 else 'records were'} left out: {reasons}."
