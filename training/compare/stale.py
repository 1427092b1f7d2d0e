"""Does a comparison still speak of what is there? Every digest that its figures rest on, against what is on the disk now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.errors import StudioError
from training.compare.model import SIDES
from training.compare.report import FACTS
from training.compare.report.evidence import evidence_of, prepared_of, training_run_of
from training.compare.report.facts import read_run


def stale_evidence(folder: Path) -> list[str]:
    """A sentence for each thing that is no longer what was compared; none where all of it is.

    Looked at: the models (base and adapter, byte by byte), the sources of the training and of the prompts, the recipes of
    training and comparison, prompts, answers and every other file of the comparison against its report. Raises InputError
    where the folder is no comparison's.
    """
    spec = read_run(folder)
    prepared = prepared_of(folder)
    return [
        *_report(folder, spec, prepared["sides"]),
        *_recipe(spec),
        *prepared["mixed"],
        *_sides(folder, spec, prepared["sides"]),
        *_sources(folder, spec),
    ]


def _report(folder: Path, spec: Mapping[str, Any], sides: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    try:
        recorded = json.loads((folder / FACTS).read_bytes())["evidence"]
        recorded = {str(name): str(digest) for name, digest in recorded.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield f"There is no {FACTS}, or it is damaged: nothing says what the figures were made from."
        return
    now = evidence_of(folder, spec, sides)
    for name in sorted({*now, *recorded}):
        if now.get(name, "") != recorded.get(name, ""):
            yield f"{name} is not what it was when {FACTS} was written; write it again with studio compare --report."


def _recipe(spec: Mapping[str, Any]) -> Iterator[str]:
    """Whether the recipe says what its digest was taken of."""
    from training.compare.recipe import CompareRecipe

    entry = spec["recipe"]
    try:
        digest = CompareRecipe.from_text(str(entry.get("yaml", "")), str(entry.get("name", ""))).digest()
    except StudioError as error:
        yield f"The comparison's recipe cannot be read any more: {error.message}"
        return
    if digest != entry.get("digest"):
        yield "The comparison's recipe is not the one that its digest was taken of."


def _sides(folder: Path, spec: Mapping[str, Any], sides: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    from training.compare.opening import Opener
    from training.compare.sections import SideSettings

    try:
        settings = SideSettings.model_validate((spec["recipe"].get("resolved") or {}).get("sides", {}))
    except ValueError:
        yield "The comparison's recipe does not say which models were compared."
        return
    opener = Opener(settings, folder.parent, lambda _sentence: None)
    try:
        for side in SIDES:
            was = sides[side].get("digest", "")
            if not was:
                yield f"The comparison never said which model side {side} was."
                continue
            try:
                now = opener.facts(getattr(settings, side)).digest
            except StudioError as error:
                yield f"The model of side {side} is not there as it was: {error.message}"
                continue
            if now != was:
                yield f"The model of side {side} is not the one that was compared: its weights have changed."
    finally:
        opener.close()


def _sources(folder: Path, spec: Mapping[str, Any]) -> Iterator[str]:
    """Files that prompts or training records came from, and that are gone or changed."""
    from training.compare.trained import TrainedRun

    found = [(TrainedRun(folder, dict(spec)), "the prompts")]
    run = training_run_of(spec)
    if run is not None:
        try:
            found.append((TrainedRun(run, json.loads((run / "run.json").read_bytes())), "the training"))
        except (OSError, ValueError):
            yield f"The training run {run.name} is not there any more."
    for one, what in found:
        for name in one.changed_inputs():
            yield f"The source {name} of {what} is gone, or its bytes have changed."
