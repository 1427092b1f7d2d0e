"""The checkpoints of one run: where it goes on, what is saved and kept, and which step is its result."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from curation.events import Listener, Warned
from training import checkpoint as checkpoints
from training.distributed import agreed
from training.events import CheckpointSaved, Resumed
from training.trainer import read_state, save_checkpoint
from training.watch import Progress, diverged

if TYPE_CHECKING:
    from training.session import Session

CHECKPOINTS = "checkpoints"
# Bytes that an optimizer keeps a trained number.
_STATE_BYTES = {"adamw": 8, "paged_adamw": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2, "sgd": 0, "adafactor": 1}


class Keeper:
    """Saves checkpoints, finds the one to go on from, and the best one at the end."""

    def __init__(self, session: Session, folder: Path, progress: Progress, say: Listener) -> None:
        self._session, self._progress, self._say = session, progress, say
        self.folder = folder / CHECKPOINTS

    def find_start(self, trainer: Any) -> checkpoints.Checkpoint | None:
        """The newest checkpoint that verifies; says which newer ones do not. The first process looks for all."""
        looked: tuple[checkpoints.Checkpoint | None, list[tuple[Path, str]]] = (None, [])
        if self._session.is_main:
            checkpoints.clean_staged(self.folder)
            looked = checkpoints.newest_valid(self.folder)
        found, refused = agreed(trainer, looked)
        if found is None:
            for path, why in refused:
                self._say(Warned(f"{path.name} cannot be used: {why}.", "The run begins anew."))
            return None
        model = found.facts.get("model")
        if model != self._session.found.digest:
            raise StudioError(
                f"The model {self._session.found.name} is not the one that {found.path.name} was trained on.",
                "Its files have changed since. Put them back, or start a new run.",
            )
        vars(self._progress).update(vars(Progress.of(read_state(found.path)["progress"])))
        self._say(Resumed(found.step, str(found.path), [f"{path.name}: {why}" for path, why in refused]))
        return found

    def save(self, trainer: Any, write: Callable[[Path], None]) -> None:
        """One checkpoint. Never of weights that are no numbers: the last good one would be rotated away."""
        self._check_weights(trainer)
        step = trainer.state.global_step
        saved = save_checkpoint(
            trainer,
            self.folder,
            write,
            {"progress": self._progress.as_json()},
            {
                "model": self._session.found.digest,
                "recipe": self._session.recipe.digest(),
                "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft")},
            },
        )
        if saved is None:
            return
        best = self._progress.best_step
        self._say(CheckpointSaved(step, str(saved.path), saved.bytes, round(saved.seconds, 3), best == step))
        checkpoints.rotate(self.folder, self._session.recipe.checkpoints.keep, [self._path(best)])

    def check_room(self, trainer: Any) -> None:
        """Before the first step: whether the disk has room for what will be saved. Raises OutputError."""
        if not self._session.is_main:
            return
        moments = _STATE_BYTES[self._session.device.optimizer]
        moved = (weight for weight in trainer.model.parameters() if weight.requires_grad)
        size = sum(weight.numel() * (weight.element_size() + moments) for weight in moved)
        warning = checkpoints.check_room(self.folder, size, self._session.recipe.checkpoints.keep)
        if warning:
            self._say(Warned(warning))

    def load(self, trainer: Any, start: checkpoints.Checkpoint) -> None:
        """Weights and counts of a checkpoint, with nothing left to train."""
        from transformers import TrainerState

        trainer._load_from_checkpoint(str(start.path), model=trainer.model)
        trainer.state = TrainerState.load_from_json(str(start.path / "trainer_state.json"))

    def choose_best(self, trainer: Any) -> int:
        """Where the run may end early, its result is the step with the lowest validation loss, not the last one.

        Returns the step whose weights the model has now.
        """
        best, last = self._progress.best_step, int(trainer.state.global_step)
        if not self._session.recipe.evaluation.early_stopping or best in (0, last):
            return last
        path = self._path(best)
        if checkpoints.verify(path) is not None:
            self._say(Warned(f"The best step, {best}, has no checkpoint; the last step is kept."))
            return last
        trainer._load_from_checkpoint(str(path), model=trainer.model)
        self._say(Warned(f"The result is that of step {best}, which had the lowest validation loss."))
        return best

    def _path(self, step: int) -> Path:
        return self.folder / f"checkpoint-{step:08d}"

    def _check_weights(self, trainer: Any) -> None:
        for name, weight in trainer.model.named_parameters():
            if weight.requires_grad and not bool(weight.detach().isfinite().all()):
                what = f"{name} is no number at step {trainer.state.global_step}"
                raise diverged(what, self._session.recipe.optimizer.learning_rate)
