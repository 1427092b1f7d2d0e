"""A training run from its inputs to its adapter, from top to bottom."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import OutputError, Refused, Stopped
from curation.events import Listener, Warned
from curation.events import Progress as PhaseProgress
from curation.writers.atomic import write_atomic
from training.apart import Looked, look, prepare_apart
from training.distributed import agreed, processes
from training.events import PreflightDone, TrainingPrepared
from training.finish import save_final
from training.keeper import CHECKPOINTS, Keeper
from training.losses import GivenUp
from training.session import Session, prepare, restore
from training.tensors import key_of, load_tensors
from training.trainer import make_trainer
from training.watch import Progress, Watch, callback_for

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

BASE = "base.json"


def train(
    inputs: Sequence[str],
    recipe: TrainRecipe,
    folder: Path,
    *,
    allow: Sequence[str] = (),
    apart: bool = True,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """Train what `recipe` says on `inputs` into the run's `folder`, or go on from its newest whole checkpoint.

    allow: names of preflight findings that may not stop the run. apart: read and look at the data in a process of its
    own, which costs some seconds and saves memory. Returns the summary. Raises Stopped when `should_stop`
    said so, after a checkpoint; StudioError for everything a user can act on, Diverged among them.
    """
    began = time.monotonic()
    listener(PhaseProgress("prepare", 0, None, "records", 0.0, None))
    if apart and processes() == 1 and not recipe.data.packing:
        session = _session(inputs, recipe, folder, allow, listener, should_stop)
    else:
        session = _session_here(inputs, recipe, folder, allow, listener)
    say = listener if session.is_main else lambda _event: None
    if should_stop():
        raise Stopped("The run was stopped before its first step.")
    session.load()
    if session.is_main and session.examples.train:
        _preflight_weights(session, allow, say)

    progress = Progress()
    keeper = Keeper(session, folder, progress, say)
    trainer = make_trainer(session, folder / CHECKPOINTS, keeper.save)
    watch = Watch(session, say, should_stop, folder, progress)
    trainer.add_callback(callback_for(watch, trainer))
    say(_prepared(session, trainer))
    folder = agreed(trainer, folder)
    keeper.folder = folder / CHECKPOINTS

    start = keeper.find_start(trainer)
    keeper.check_room(trainer)
    base = _Base(watch, trainer, folder, session.is_main)
    if start is not None and watch.is_exhausted():  # killed after its last step, which early stopping chose
        keeper.load(trainer, start)
    else:
        trainer.train(resume_from_checkpoint=str(start.path) if start else None)
    if watch.stopped:
        raise Stopped("The run was stopped; its checkpoint is whole.")

    result = keeper.choose_best(trainer)
    try:
        tuned = watch.evaluate(trainer, result)
    except GivenUp:
        raise Stopped("The run was stopped after its last step; it is measured when it goes on.") from None
    weights = save_final(trainer, session, folder, base.losses, tuned)
    return {**_summary(session, trainer, progress, base.losses, tuned), "seconds": _since(began), **weights}


def _session(
    inputs: Sequence[str],
    recipe: TrainRecipe,
    folder: Path,
    allow: Sequence[str],
    say: Listener,
    should_stop: Callable[[], bool],
) -> Session:
    """The tensors of this run, as an earlier leg left them, else read, encoded and looked at in a process of its own,
    whose memory is free again before the model is loaded."""
    key, objective = key_of(inputs, recipe), recipe.method.objective
    found = load_tensors(folder, key, objective)
    if found is None:
        looked = prepare_apart(inputs, recipe, folder, allow, should_stop)
        found = load_tensors(folder, key, objective)
        _tell(looked, found["changes"] if found else (), say)
    if found is None:
        raise OutputError(f"The tensors in {folder} cannot be read.", "Check the disk, and resume the run.")
    return restore(recipe, found)


def _session_here(
    inputs: Sequence[str], recipe: TrainRecipe, folder: Path, allow: Sequence[str], say: Listener
) -> Session:
    """The same in this process: where a launcher started several, or packing has to be measured on the model."""
    session = prepare(inputs, recipe)
    if session.is_main:
        _tell(look(session, folder, allow), session.changes, say)
    return session


def _tell(looked: Looked, changes: Sequence[str], say: Listener) -> None:
    """Pass on what was changed and found. Raises Refused for what would fail silently."""
    for sentence in changes:
        say(Warned(sentence))
    first = looked.blocking
    say(PreflightDone(looked.findings, first is not None))
    if first is not None:
        raise Refused(first["message"], f"{first['fix']} To train all the same: --allow {first['reason']}")


def _preflight_weights(session: Session, allow: Sequence[str], say: Listener) -> None:
    """The same with what only the loaded weights can tell; silent where they tell nothing."""
    from training.preflight import examine_weights

    found = examine_weights(session, allow=allow)
    if found:
        first = next((finding.as_json() for finding in found if finding.blocks), None)
        _tell(Looked([finding.as_json() for finding in found], first), (), say)


def _prepared(session: Session, trainer: Any) -> TrainingPrepared:
    full = session.recipe.method.kind == "full"
    trainable, every = _parameters(trainer.model)
    steps = session.recipe.schedule.max_steps or _steps(session, trainer)
    return TrainingPrepared(
        model=session.found.name,
        method=_method(session.recipe),
        template=session.template.origin if session.template.name == "auto" else session.template.name,
        device=f"{session.device.name}, {session.device.dtype}",
        changes=list(session.changes),
        records=len(session.train),
        validation=len(session.validation),
        tokens=sum(_tokens(one) for one in session.train),
        trained_tokens=sum(_trained(one) for one in session.train),
        parameters=every if full else every - trainable,
        trainable=trainable,
        steps=steps,
    )


def _parameters(model: Any) -> tuple[int, int]:
    """How many move, and how many there are; peft knows how many lie packed in one number of a 4-bit weight."""
    if hasattr(model, "get_nb_trainable_parameters"):
        trainable, every = model.get_nb_trainable_parameters()
        return int(trainable), int(every)
    counts = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return sum(count for count, moves in counts if moves), sum(count for count, _ in counts)


def _steps(session: Session, trainer: Any) -> int:
    schedule = session.recipe.schedule
    processes: int = trainer.accelerator.num_processes
    batches = math.ceil(len(session.train_rows) / (schedule.batch_size * processes))
    return math.ceil(max(math.ceil(batches / schedule.accumulation), 1) * schedule.epochs)


def _summary(
    session: Session, trainer: Any, progress: Progress, base: dict[str, float], tuned: dict[str, float]
) -> dict[str, Any]:
    return {
        "kind": "train",
        "model": session.found.name,
        "method": _method(session.recipe),
        "steps": trainer.state.global_step,
        "epochs": round(float(trainer.state.epoch or 0), 3),
        "tokens": progress.tokens,
        "records": len(session.train),
        "validation_records": len(session.validation),
        "losses": {"base": base, "tuned": tuned},
        "best_step": progress.best_step,
    }


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)


class _Base:
    """Losses before the first step: measured once, when the trainer has spread the model over the processes (FSDP and
    ZeRO can run it only then), and kept for the legs that follow."""

    def __init__(self, watch: Watch, trainer: Any, folder: Path, is_main: bool) -> None:
        self.losses: dict[str, float] = {}
        self._watch, self._trainer, self._path, self._is_main = watch, trainer, folder / BASE, is_main
        found: dict[str, float] | None = None
        if is_main:
            with suppress(OSError, ValueError):
                found = json.loads(self._path.read_bytes())
        found = agreed(trainer, found)
        if found is None:
            watch.before_first_step = self._measure
        else:
            self.losses = found

    def _measure(self) -> None:
        try:
            self.losses = self._watch.evaluate(self._trainer, 0, "base")
        except GivenUp:
            raise Stopped("The run was stopped before its first step.") from None
        if self._is_main:
            write_atomic(self._path, json.dumps(self.losses).encode(), mode=0o600)


def _method(recipe: TrainRecipe) -> str:
    """`qlora (nf4)`, `lora`, `dpo with lora`."""
    kind, bits = recipe.method.kind, recipe.model.quantization
    name = (
        f"qlora ({bits})"
        if kind == "lora" and bits in ("nf4", "fp4")
        else kind + (f" ({bits})" if bits != "none" else "")
    )
    return f"dpo with {name}" if recipe.method.objective == "dpo" else name


def _tokens(one: Any) -> int:
    return len(one.input_ids) if hasattr(one, "input_ids") else len(one.prompt_ids) + len(one.chosen_ids)


def _trained(one: Any) -> int:
    return sum(label >= 0 for label in one.labels) if hasattr(one, "labels") else len(one.chosen_ids)
