"""One stage's decisions in a process of its own: `python -P -m curation.preview_apart FOLDER`.

The two sides exchange files in a temporary folder that only its owner can read, and that is gone afterwards. The other
process ends when it has answered, or is killed when whoever asked is called off.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from curation.errors import StageError, StudioError
from curation.recipe_check import Step
from curation.registry import stage_class
from curation.schema import Batch, Decisions
from curation.stage import StageContext


def ask(step: Step, batch: Batch, context: StageContext, should_stop: Callable[[], bool] = lambda: False) -> Decisions:
    """What the stage decides about `batch`. Raises StageError with its own words where it cannot, PreviewStopped soon
    after `should_stop()`.
    """
    with tempfile.TemporaryDirectory(prefix="studio-preview-") as name:
        folder = Path(name)
        batch.records.write_ipc(folder / "records")
        batch.turns.write_ipc(folder / "turns")
        if context.clusters is not None:
            context.clusters.collect().write_ipc(folder / "clusters")
        if context.scores is not None:
            context.scores.write_ipc(folder / "scores")
        asked = {
            "name": step.name,
            "use": step.use,
            "stage": step.stage.model_dump(mode="json"),
            "seed": context.seed,
            "column_types": {source: dict(types) for source, types in context.column_types.items()},
        }
        (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
        code = _wait([sys.executable, "-P", "-m", "curation.preview_apart", name], folder / "said", should_stop)
        problem = folder / "problem.json"
        if problem.exists():
            raise StageError(*json.loads(problem.read_bytes()))
        if code:
            said = (folder / "said").read_text("utf-8", "replace").strip().splitlines()
            raise StageError(f"stage '{step.name}' ended with an error: {said[-1][:300] if said else code}")
        return Decisions(pl.read_ipc(folder / "rows"), pl.read_ipc(folder / "edits"))


def _wait(command: Sequence[str], said: Path, should_stop: Callable[[], bool]) -> int:
    from curation.preview import PreviewStopped

    with said.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        while True:
            try:
                return process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                if should_stop():
                    raise PreviewStopped from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main(folder: Path) -> None:
    """The answering side: reads the question in `folder`, and writes the decisions there, or what is wrong."""
    from curation.preview import decide_here

    asked = json.loads((folder / "asked.json").read_bytes())
    batch = Batch(pl.read_ipc(folder / "records"), pl.read_ipc(folder / "turns"))
    clusters, scores = folder / "clusters", folder / "scores"
    context = StageContext(
        asked["seed"],
        asked["column_types"],
        None,
        pl.scan_ipc(clusters) if clusters.exists() else None,
        pl.read_ipc(scores) if scores.exists() else None,
    )
    try:
        stage = stage_class(asked["use"])(**asked["stage"])
        decisions = decide_here(Step(name=asked["name"], use=asked["use"], stage=stage), batch, context)
    except StudioError as error:
        (folder / "problem.json").write_text(json.dumps([error.message, error.hint]), encoding="utf-8")
        return
    decisions.rows.write_ipc(folder / "rows")
    decisions.edits.write_ipc(folder / "edits")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
