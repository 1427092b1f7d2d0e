"""The records that a training run learned, as texts: read from its files, or from its tensors where those have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from curation.errors import InputError
from training.compare.back.files import Recorded, read_spec, sources_of
from training.examples import Example, Message, read_examples

_TENSORS = "tensors.npz"
_WEIGHTS = ("adapter", "model")  # folders of a run that hold its tokenizer


@dataclass(frozen=True)
class Learned:
    """One record that was trained on. answer: all that the assistant says in it (of a plain text, the text); prompt:
    all that the user says."""

    record_id: str
    prompt: str
    answer: str


def train_spec(run: Path) -> dict[str, Any]:
    """What a training run was asked for. Raises InputError for another kind of run."""
    spec = read_spec(run)
    if spec["kind"] != "train":
        raise InputError(f"{run.name} is no training run: it is of kind {spec['kind']}.", "Name a run of studio train.")
    return spec


def learned_records(run: Path) -> list[Learned]:
    """Every record that `run` trained on, in its order.

    Where its files are no longer what they were, the texts are those of its tensors: as the template wrote them, without
    its marks. Raises InputError where neither is there.
    """
    found = learned_examples(run)
    if found is not None:
        return [as_learned(example) for example in found]
    return list(_from_tensors(run))


def learned_examples(run: Path) -> list[Example] | None:
    """The same as conversations; None where the files have changed or are gone."""
    spec = train_spec(run)
    paths = [_now(source, run) for source in sources_of(spec)]
    if not paths or None in paths:
        return None
    resolved = spec["recipe"]["resolved"]
    data = resolved["data"]
    read = read_examples(
        [str(path) for path in paths],
        objective=resolved["method"]["objective"],
        format=data["format"],
        limit=data["limit"],
        validation=data["validation"],
        seed=resolved["seed"],
    )
    known = {source["name"] for source in spec["sources"]}
    if any(example.record_id.rpartition(":")[0] not in known for example in read.train):
        return None  # elsewhere, the files have other names
    ids = trained_ids(run)
    return [example for example in read.train if ids is None or example.record_id in ids]


def trained_ids(run: Path) -> set[str] | None:
    """The ids of the records that became tensors: others are too long, or beyond the template. None: not kept."""
    import numpy as np

    try:
        with np.load(run / _TENSORS, allow_pickle=False) as arrays:
            return set(json.loads(arrays["rest"].tobytes())["train"])
    except (OSError, ValueError, KeyError):
        return None


def as_learned(example: Example) -> Learned:
    """An example as the two texts it is searched by."""
    said = [message for message in example.messages if message.role in ("assistant", "text")]
    asked = [message for message in example.messages if message.role not in ("assistant", "text", "system")]
    return Learned(example.record_id, _joined(asked), _joined(said))


def _joined(messages: Sequence[Message]) -> str:
    return "\n\n".join(message.content for message in messages)


def _now(source: Recorded, run: Path) -> Path | None:
    """Where the bytes of a source are now: in their place, or with the run that wrote them beside this one."""
    beside = run.absolute().parent / source.path.parent.parent.name / source.path.parent.name / source.path.name
    return next((path for path in (source.path, beside) if source.is_at(path)), None)


def _from_tensors(run: Path) -> Iterator[Learned]:
    import numpy as np

    gone = InputError(
        f"The data of {run.name} has changed or is gone, and its tensors cannot be read.",
        "Put the files back where they were: studio runs show names them.",
    )
    tokenizer = _tokenizer(run)
    if tokenizer is None:
        raise gone
    try:
        with np.load(run / _TENSORS, allow_pickle=False) as arrays:
            ids = json.loads(arrays["rest"].tobytes())["train"]
            columns = {name: arrays[name] for name in arrays.files if name.startswith("train.")}
    except (OSError, ValueError, KeyError):
        raise gone from None
    for record_id, spans in zip(ids, _spans(columns), strict=True):
        texts = tokenizer.decode_batch([ids for _, ids in spans], skip_special_tokens=True)
        said: dict[bool, list[str]] = {False: [], True: []}
        for (is_learned, _), text in zip(spans, texts, strict=True):
            said[is_learned] += [text.strip()] if text.strip() else []
        yield Learned(record_id, *("\n\n".join(said[is_learned]) for is_learned in (False, True)))


def _spans(columns: Mapping[str, Any]) -> list[list[tuple[bool, list[int]]]]:
    """Of every record the runs of tokens that are learned, and those that are only read."""
    if "train.prompt_ids" in columns:  # pairs
        pairs = zip(_rows(columns, "train.prompt_ids"), _rows(columns, "train.chosen_ids"), strict=True)
        return [[(False, asked), (True, chosen)] for asked, chosen in pairs]
    found = []
    for ids, labels in zip(_rows(columns, "train.input_ids"), _rows(columns, "train.labels"), strict=True):
        runs = groupby(zip(ids, labels, strict=True), key=lambda pair: pair[1] >= 0)
        found.append([(is_learned, [token for token, _ in run]) for is_learned, run in runs])
    return found


def _rows(columns: Mapping[str, Any], name: str) -> list[list[int]]:
    flat, ends = columns[name].tolist(), columns[f"{name}.ends"].tolist()
    return [flat[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []


def _tokenizer(run: Path) -> Any:
    from tokenizers import Tokenizer

    path = next((path for name in _WEIGHTS if (path := run / name / "tokenizer.json").is_file()), None)
    return None if path is None else Tokenizer.from_file(str(path))
