"""The result of a run: an adapter or a model, its tokenizer with the template, a card and a manifest, whole or not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.session import Session

_WEIGHTS = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")


def save_final(
    trainer: Any, session: Session, folder: Path, base: Mapping[str, float], tuned: Mapping[str, float]
) -> dict[str, Any]:
    """Save what was trained into `adapter/` (`model/` for full fine-tuning).

    Returns its path and the SHA-256 of its weights. Every process calls it; the first one writes.
    """
    from training.manifest import sha256_of

    final = folder / ("model" if session.recipe.method.kind == "full" else "adapter")
    staged = final.with_name(f".{final.name}.part")
    if session.is_main:
        shutil.rmtree(staged, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    trainer.save_model(str(staged), _internal_call=True)
    if session.is_main:
        _add(staged, session, base, tuned)
        _publish(staged, final)
    trainer.accelerator.wait_for_everyone()
    weights = next(final / name for name in _WEIGHTS if (final / name).is_file())
    return {"weights": str(final), "weights_sha256": sha256_of(weights)}


def _add(staged: Path, session: Session, base: Mapping[str, float], tuned: Mapping[str, float]) -> None:
    """Tokenizer, template and card; what the trainer leaves besides is taken away."""
    session.tokenizer.chat_template = session.template.chat_template()
    session.tokenizer.save_pretrained(staged)
    (staged / "training_args.bin").unlink(missing_ok=True)
    _order_targets(staged / "adapter_config.json")
    (staged / "README.md").write_text(_card(session, base, tuned), encoding="utf-8")


def _order_targets(config: Path) -> None:
    """PEFT writes a set of names in an order of its own: two like runs must end in the same bytes."""
    if config.is_file():
        found = json.loads(config.read_bytes())
        if isinstance(found.get("target_modules"), list):
            found["target_modules"].sort()
        config.write_text(json.dumps(found, indent=2, sort_keys=True), encoding="utf-8")


def _publish(staged: Path, final: Path) -> None:
    from curation.writers.atomic import fsync_dir, fsync_file
    from training.manifest import MANIFEST, files_in, manifest_of

    for name in files_in(staged):
        fsync_file(staged / name)
    (staged / MANIFEST).write_bytes(manifest_of(staged, {}).render())
    fsync_file(staged / MANIFEST)
    shutil.rmtree(final, ignore_errors=True)
    staged.rename(final)
    fsync_dir(final.parent)


def _card(session: Session, base: Mapping[str, float], tuned: Mapping[str, float]) -> str:
    recipe = session.recipe
    front = {
        "base_model": session.found.name,
        "library_name": "transformers" if recipe.method.kind == "full" else "peft",
        "tags": [recipe.method.kind, recipe.method.objective, "curation-studio"],
    }
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items())
    rows = "\n".join(f"| {split} | {base.get(split, float('nan')):.4f} | {loss:.4f} |" for split, loss in tuned.items())
    return (
        f"---\n{head}\n---\n\n# {recipe.name} on {session.found.name}\n\n{recipe.description}\n\n"
        f"Trained on {len(session.train)} records ({session.examples.split_by} split, "
        f"{len(session.validation)} held out) with the template {session.template.name}.\n\n"
        f"| loss | base | fine-tuned |\n|:--|--:|--:|\n{rows}\n\n"
        f"The recipe, with every value:\n\n```json\n{json.dumps(recipe.resolved(), indent=2, ensure_ascii=False)}\n```\n"
    )
