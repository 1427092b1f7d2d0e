"""What a comparison's figures rest on, as digests: so that it can be told later whether they still speak of what is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.compare.model import (
    JUDGEMENTS,
    LOSSES,
    PROMPTS,
    SIDES,
    SUITES,
    VOTES,
    canonical,
)
from training.compare.votes import digests_in

FILES = (LOSSES, SUITES, JUDGEMENTS, VOTES, "scores.jsonl")
EVENTS = "events.jsonl"


def prepared_of(folder: Path) -> dict[str, Any]:
    """Who was compared, as the run said when it began: `sides`, `template`, `device`, `changes`.

    mixed: a sentence where a later leg of the run found other models than the first: its answers are of both.
    """
    told = list(_prepared_events(folder))
    last = told[-1] if told else {}
    mixed = [
        f"The model of side {side} changed while this comparison was made; its answers are of several models."
        for side in SIDES
        if len({_side(one, side).get("digest", "") for one in told}) > 1
    ]
    return {
        "sides": {side: _side(last, side) for side in SIDES},
        "template": str(last.get("template", "")),
        "device": str(last.get("device", "")),
        "changes": list(last.get("changes", [])),
        "mixed": mixed,
    }


def evidence_of(folder: Path, spec: Mapping[str, Any], sides: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Name -> SHA-256, hex, of what the figures come from; "" for what is not there.

    recipe: of the comparison; a, b: of the models, as the run found them (`sides` of `prepared_of`); training, dataset: of
    the recipe and the sources of the training run that was compared; prompts, answers: of what counts; the other files as
    they lie there.
    """
    return {
        "recipe": str(spec["recipe"].get("digest", "")),
        **{side: str(sides[side].get("digest", "")) for side in SIDES},
        **_of_training(spec),
        "prompts": _file_digest(folder / PROMPTS),
        "answers": _answers_digest(folder),
        **{name.removesuffix(".jsonl"): _file_digest(folder / name) for name in FILES},
    }


def training_run_of(spec: Mapping[str, Any]) -> Path | None:
    """The folder of the training run that a comparison is about, as its recipe names it."""
    named = ((spec["recipe"].get("resolved") or {}).get("sides") or {}).get("run", "")
    return Path(named) if named else None


def dataset_digest(spec: Mapping[str, Any]) -> str:
    """Of the sources of a run, from their digests in its run.json."""
    sources = [[source.get("name", ""), source.get("digest", "")] for source in spec.get("sources", ())]
    return _sha256(canonical(sources)) if sources else ""


def _of_training(spec: Mapping[str, Any]) -> dict[str, str]:
    run = training_run_of(spec)
    nothing = {"training": "", "dataset": dataset_digest(spec)}
    if run is None:
        return nothing
    try:
        found = json.loads((run / "run.json").read_bytes())
        return {"training": str(found["recipe"]["digest"]), "dataset": dataset_digest(found)}
    except (OSError, ValueError, KeyError, TypeError):
        return nothing


def _answers_digest(folder: Path) -> str:
    """Of the answers that count, whatever the order in which they were written."""
    found = sorted([*key, digest] for key, digest in digests_in(folder).items())
    return _sha256(canonical(found)) if found else ""


def _prepared_events(folder: Path) -> list[dict[str, Any]]:
    """The run's own words at the beginning of each leg. Other lines, which hold all answers, are not parsed."""
    found = []
    try:
        with (folder / EVENTS).open("rb") as stream:
            for line in stream:
                if b'"compare_prepared"' not in line[:200]:
                    continue
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if event.get("event") == "compare_prepared":
                    found.append(event)
    except OSError:
        return []
    return found


def _side(event: Mapping[str, Any], side: str) -> dict[str, str]:
    found = event.get(side)
    return {str(key): _without_folders(str(value)) for key, value in found.items()} if isinstance(found, dict) else {}


def _without_folders(name: str) -> str:
    """A model that was named by a path of this machine, by its last part: reports are shown around."""
    return name.rstrip("/").rpartition("/")[2] if name.startswith(("/", "~", "./", "../")) else name


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
