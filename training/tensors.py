"""The tensors of a run on disk: what preflight looked at is what every leg of the run trains, whatever became of the data.

One .npz file without pickles: for each side its token ids and labels in a row (int32), where each record ends (int64), and
a JSON text with the rest.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from training.recipe import TrainRecipe
    from training.session import Session

FILE = "tensors.npz"
_COLUMNS = {"sft": ("input_ids", "labels"), "dpo": ("prompt_ids", "chosen_ids", "rejected_ids")}


def key_of(inputs: Sequence[str], recipe: TrainRecipe) -> str:
    """What the tensors depend on, as a digest: inputs by name, and the parts of the recipe that make them."""
    model = recipe.model
    facts = {
        "inputs": list(inputs),
        "seed": recipe.seed,
        "model": [model.name, model.revision],
        "template": recipe.template.model_dump(mode="json"),
        "data": recipe.data.model_dump(mode="json"),
        "objective": recipe.method.objective,
        "retention": recipe.evaluation.retention,
        "samples": recipe.evaluation.samples,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def save_tensors(session: Session, key: str, folder: Path) -> None:
    """Write what `session` trains into `folder`. Raises OutputError."""
    import numpy as np

    objective = session.recipe.method.objective
    arrays: dict[str, Any] = {}
    sides: Mapping[str, tuple[Sequence[Any], str]] = {
        "train": (session.train, objective),
        "validation": (session.validation, objective),
        "retention": (session.retention, "sft"),
    }
    rest: dict[str, Any] = {"key": key, "changes": list(session.changes), "split_by": session.examples.split_by}
    rest["prompts"] = [asdict(prompt) for prompt in session.prompts]
    for side, (records, kind) in sides.items():
        rest[side] = [one.record_id for one in records]
        for column in _COLUMNS[kind]:
            rows = [getattr(one, column) for one in records]
            arrays[f"{side}.{column}"] = np.array([token for row in rows for token in row], dtype=np.int32)
            arrays[f"{side}.{column}.ends"] = np.cumsum([len(row) for row in rows], dtype=np.int64)
    arrays["rest"] = np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    write_atomic(folder / FILE, stream.getvalue(), mode=0o600)


def load_tensors(folder: Path, key: str, objective: str) -> dict[str, Any] | None:
    """What was saved with this key: `train`, `validation`, `retention` (Encoded or EncodedPair), `prompts`, `changes`,
    `split_by`. None where there is nothing, or of another key."""
    import numpy as np

    from training.session import Prompt

    try:
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            rest = json.loads(arrays["rest"].tobytes())
            if rest.pop("key") != key:
                return None
            for side in ("train", "validation", "retention"):
                kind = "sft" if side == "retention" else objective
                rest[side] = _records(arrays, side, kind, rest[side])
    except (OSError, ValueError, KeyError):
        return None
    rest["prompts"] = tuple(Prompt(**{**prompt, "ids": tuple(prompt["ids"])}) for prompt in rest["prompts"])
    return dict(rest)


def _records(arrays: Any, side: str, kind: str, ids: Sequence[str]) -> list[Any]:
    from training.tokenize import Encoded, EncodedPair

    columns = []
    for column in _COLUMNS[kind]:
        flat, ends = arrays[f"{side}.{column}"].tolist(), arrays[f"{side}.{column}.ends"].tolist()
        columns.append([flat[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else [])
    make: Any = Encoded if kind == "sft" else EncodedPair
    return [make(*row) for row in zip(ids, *columns, strict=True)]
