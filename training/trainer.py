"""TRL's trainers with the studio's own way of saving: a checkpoint is whole or not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.checkpoint import Checkpoint, save_staged
from training.distributed import agreed

if TYPE_CHECKING:
    from training.session import Session

STATE = "studio_state.json"


def make_trainer(session: Session, folder: Path, on_save: Callable[[Any, Callable[[Path], None]], None]) -> Any:
    """An SFTTrainer or DPOTrainer over the session's tensors; `on_save(trainer, write)` is called for a checkpoint."""
    from transformers import set_seed
    from transformers.trainer_callback import PrinterCallback, ProgressCallback
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.sft_trainer import SFTTrainer

    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes our folder of data for it
    from training.adapters import peft_config
    from training.arguments import training_arguments

    base: Any = DPOTrainer if session.recipe.method.objective == "dpo" else SFTTrainer

    class Saving(base):  # type: ignore[misc]
        """Writes checkpoints where it is told to, instead of straight into the folder."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
            """Nothing: the tensors are those that preflight looked at."""
            return dataset

        def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ARG002 - the signature is the trainer's
            self.store_flos()
            on_save(self, self._write)

        def _write(self, path: Path) -> None:
            """Weights, optimiser, schedule, random numbers and state. Every process calls it."""
            self.save_model(str(path), _internal_call=True)
            self._save_optimizer_and_scheduler(str(path))
            self._save_scaler(str(path))
            self._save_rng_state(str(path))
            if self.args.should_save:
                self.state.save_to_json(str(path / "trainer_state.json"))

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """The studio writes its own."""

    set_seed(session.recipe.seed)  # TRL draws the adapter's first weights before the trainer itself would seed
    trainer = Saving(
        model=session.model,
        args=training_arguments(session.recipe, session.device, folder),
        train_dataset=Dataset.from_list(session.train_rows),
        processing_class=session.tokenizer,
        peft_config=peft_config(session.recipe, session.found.path),
    )
    for noisy in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(noisy)
    return trainer


def save_checkpoint(
    trainer: Any, folder: Path, write: Callable[[Path], None], state: Mapping[str, Any], facts: Mapping[str, Any]
) -> Checkpoint | None:
    """One checkpoint, written by all processes and sealed by the first; None in the others."""
    step = trainer.state.global_step

    def write_all(path: Path) -> None:
        agreed(trainer, str(path))
        write(path)
        (path / STATE).write_text(json.dumps(state, indent=2), encoding="utf-8")
        trainer.accelerator.wait_for_everyone()

    if trainer.accelerator.is_main_process:
        return save_staged(folder, step, write_all, facts)
    write(Path(agreed(trainer, "")))
    trainer.accelerator.wait_for_everyone()
    return None


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote as `state`."""
    found: dict[str, Any] = json.loads((checkpoint / STATE).read_bytes())
    return found
