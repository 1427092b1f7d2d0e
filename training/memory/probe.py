"""A probe: two real steps and an evaluation with the longest records, in a process of their own that says what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError

if TYPE_CHECKING:
    from curation.weights.find import FoundModel
    from training.recipe import TrainRecipe

STEPS = 2


@dataclass(frozen=True)
class Probed:
    """What two steps and an evaluation took, in bytes.

    peak: of main memory, whichever phase had it. phases: what was noted on the way (see `probe_step.run`).
    gpu: the most that tensors took on a CUDA device, else None. fits: False where memory ran out; then peak is what
    was reached before.
    """

    peak: int
    phases: dict[str, int]
    gpu: int | None
    fits: bool


def longest_batch(encoded: Sequence[Any], size: int) -> list[dict[str, list[int]]]:
    """The `size` longest of some Encoded or EncodedPair, as TRL's columns; repeated where there are not as many."""
    columns = [_columns(one) for one in encoded]
    columns.sort(key=lambda row: sum(len(values) for values in row.values()), reverse=True)
    return [columns[number % len(columns)] for number in range(size)] if columns else []


def probe(
    recipe: TrainRecipe,
    found: FoundModel,
    train: Sequence[dict[str, list[int]]],
    evaluation: Sequence[dict[str, list[int]]] = (),
    timeout: float = 1800,
) -> Probed:
    """Train two steps on the batch `train` (rows of `longest_batch`) and evaluate once, in a new process.

    Nothing is kept of it. Raises StudioError where training itself fails.
    """
    steps = min(recipe.schedule.accumulation, 2)  # a second batch has the gradients of the first beside it
    changed = recipe.model_dump(mode="json")
    changed["schedule"] |= {"max_steps": STEPS, "accumulation": steps}
    changed["tracking"] |= {"reporters": []}
    request = {
        "recipe": changed,
        "found": asdict(found),
        "train": [*train] * (STEPS * steps),
        "evaluation": [*evaluation],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.json"
        path.write_text(json.dumps(request))
        command = [sys.executable, "-m", "training.memory.probe_step", str(path)]
        environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
        for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
            environment.pop(name, None)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            raise StudioError(
                f"The memory probe did not end within {timeout:g} seconds.",
                "Choose a shorter length or a smaller batch.",
            ) from None
    return _answer(done)


def _answer(done: subprocess.CompletedProcess[str]) -> Probed:
    if done.returncode in (-9, 137):  # the kernel's way of saying that there is no memory left
        return Probed(0, {}, None, fits=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        if "out of memory" in done.stderr.lower() or "can't allocate memory" in done.stderr:
            return Probed(0, {}, None, fits=False)
        raise StudioError(f"The memory probe failed: {said[-1][:300]}", "The run itself would fail in the same way.")
    found = json.loads(lines[-1])
    if "message" in found:
        raise StudioError(found["message"], found["hint"])
    if found.get("out_of_memory"):
        return Probed(0, {}, None, fits=False)
    return Probed(int(found["peak"]), found, found.get("gpu"), fits=True)


def _columns(one: Any) -> dict[str, list[int]]:
    if hasattr(one, "input_ids"):
        return {"input_ids": list(one.input_ids), "labels": list(one.labels)}
    return {
        "prompt_ids": list(one.prompt_ids),
        "chosen_ids": list(one.chosen_ids),
        "rejected_ids": list(one.rejected_ids),
    }
