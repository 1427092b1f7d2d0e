"""Reading, encoding and preflight in a process of their own, which ends before the model is loaded.

What they need (the data, polars, the rules of every check) would stay in the training process for its whole life: 90 MB
beside a model of 1.2 GB, measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import Stopped, WorkerLost

if TYPE_CHECKING:
    from training.recipe import TrainRecipe
    from training.session import Session

_LOOK_EVERY = 0.1  # seconds


@dataclass(frozen=True)
class Looked:
    """What preflight said: every finding as JSON values, and the first of those that stop the run, or None."""

    findings: list[dict[str, Any]]
    blocking: dict[str, Any] | None


def prepare_apart(
    inputs: Sequence[str], recipe: TrainRecipe, folder: Path, allow: Sequence[str], should_stop: Callable[[], bool]
) -> Looked:
    """Read, encode and look; leaves `preflight.json` and, where nothing blocks, the tensors in `folder`.

    Raises what `prepare` raises; Stopped when asked to; WorkerLost when the process dies.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future = pool.submit(_prepare, list(inputs), recipe.to_yaml(), recipe.name, str(folder), list(allow))
        try:
            return _wait(future, should_stop)
        except Stopped:
            for process in list(getattr(pool, "_processes", {}).values()):
                with suppress(OSError):
                    process.kill()
            raise
        except BrokenProcessPool:
            raise WorkerLost(
                "The process that read the data died.", "Most often memory ran out: try fewer records (data.limit)."
            ) from None


def look(session: Session, folder: Path, allow: Sequence[str]) -> Looked:
    """Preflight of a prepared session, kept as `preflight.json`."""
    from curation.writers.atomic import write_atomic
    from training.preflight import examine_session

    report = examine_session(session, allow=allow)
    write_atomic(folder / "preflight.json", json.dumps(report.as_json(), ensure_ascii=False).encode(), mode=0o600)
    blocking = next((finding.as_json() for finding in report.findings if finding.blocks), None)
    return Looked([finding.as_json() for finding in report.findings], blocking)


def _wait(future: Future[Looked], should_stop: Callable[[], bool]) -> Looked:
    while not future.done():
        if should_stop():
            raise Stopped("The run was stopped before its first step.")
        time.sleep(_LOOK_EVERY)
    return future.result()


def _prepare(inputs: list[str], text: str, name: str, folder: str, allow: list[str]) -> Looked:
    from training.recipe import TrainRecipe
    from training.session import prepare
    from training.tensors import key_of, save_tensors

    recipe = TrainRecipe.from_text(text, name)
    session = prepare(inputs, recipe)
    looked = look(session, Path(folder), allow)
    if looked.blocking is None:
        save_tensors(session, key_of(inputs, recipe), Path(folder))
    return looked
