"""What happens between two steps: points of the curves, evaluations, samples, checkpoints, pausing, stopping."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from curation.events import Listener, Warned
from training.distributed import any_of
from training.events import Evaluated, Paused, Sampled, StepLogged
from training.losses import GivenUp, answer, as_base, mean_loss, mean_pair_loss
from training.machine import Machine
from training.watch_scores import Scores

if TYPE_CHECKING:
    from training.session import Session

_FAR = 3.0  # a smoothed loss this many times its lowest is said to diverge
_SMOOTH = 0.9


class Diverged(StudioError):
    """The loss or a weight is no number any more."""


@dataclass
class Progress:
    """What a checkpoint must hold besides the trainer's own state. best_step: 0 while nothing was evaluated."""

    tokens: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    without_better: int = 0
    evaluated_at: int = -1

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        facts = asdict(self)
        facts["best_loss"] = None if math.isinf(self.best_loss) else self.best_loss
        return facts

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Progress:
        """Back from plain values."""
        return cls(**{**facts, "best_loss": math.inf if facts["best_loss"] is None else facts["best_loss"]})


class Watch:
    """Hears the trainer between its steps, through `callback_for`. One a run and process."""

    def __init__(
        self, session: Session, listener: Listener, should_stop: Callable[[], bool], folder: Path, progress: Progress
    ) -> None:
        self.session = session
        self.progress = progress
        self.stopped = False
        self.before_first_step: Callable[[], None] = _nothing
        self._listener = listener if session.is_main else _silence
        self._should_stop = should_stop
        self._pause = folder / "pause"
        self._machine = Machine(session.device.kind)
        self._began = time.monotonic()
        self._steps: deque[tuple[float, int, int]] = deque(maxlen=20)  # when, step, tokens
        self._tokens_before = 0
        self._smooth: float | None = None
        self._lowest = math.inf
        self._warned = False
        self._scores = Scores(session, folder, self._listener, should_stop)

    # What the trainer tells

    def begin(self, trainer: Any, step: int) -> None:
        """Before the first step of this leg. The trainer counts its tokens from zero in each leg.

        What a stop kept from being measured at this step is measured now.
        """
        if step == 0:
            self.before_first_step()
        every = self.session.recipe.evaluation.every
        if step and every and step % every == 0 and self.progress.evaluated_at < step:
            with suppress(GivenUp):
                self.evaluate(trainer, step)
        self._tokens_before = self.progress.tokens
        self._steps.append((time.monotonic(), step, self.progress.tokens))

    def logged(self, state: Any, logs: dict[str, Any]) -> None:
        """A point of the curves. Raises Diverged for a loss that is no number."""
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        norm = logs.get("grad_norm")
        now = time.monotonic()
        self.progress.tokens = self._tokens_before + int(logs.get("num_tokens", 0))
        self._steps.append((now, state.global_step, self.progress.tokens))
        then, step_then, tokens_then = self._steps[0]
        seconds, steps = max(now - then, 1e-9), max(state.global_step - step_then, 1)
        self._listener(
            StepLogged(
                step=state.global_step,
                epoch=float(state.epoch or 0),
                loss=loss,
                learning_rate=float(logs.get("learning_rate", 0)),
                grad_norm=None if norm is None else float(norm),
                tokens=self.progress.tokens,
                tokens_per_second=round((self.progress.tokens - tokens_then) / seconds, 2),
                seconds=round(now - self._began, 3),
                eta=round((state.max_steps - state.global_step) * seconds / steps, 1),
                rss=self._machine.rss(),
                gpu=self._machine.gpu(),
            )
        )
        if not math.isfinite(loss) or (norm is not None and not math.isfinite(float(norm))):
            raise diverged(
                f"The loss at step {state.global_step} is {loss}", self.session.recipe.optimizer.learning_rate
            )
        self._look_for_divergence(state.global_step, loss)

    def step_ended(self, trainer: Any, state: Any, control: Any) -> None:
        """After an optimiser step: pause, measure, decide whether to save and to end."""
        asked_to_stop = self._wait_while_paused(trainer, state.global_step)
        recipe, step = self.session.recipe, state.global_step
        last = step >= state.max_steps
        every = recipe.evaluation.every
        if every and step % every == 0 and not last and not asked_to_stop:
            try:
                self.evaluate(trainer, step)
            except GivenUp:  # measured when the run goes on, see `begin`
                asked_to_stop = True
            if recipe.evaluation.early_stopping and self.progress.best_step == step:
                control.should_save = True  # it may become the result
            if self.is_exhausted() and not asked_to_stop:
                self._listener(Warned(f"Stopped early at step {step}: the validation loss does not fall any more."))
                control.should_training_stop = control.should_save = True
        if asked_to_stop and not last:
            self.stopped = control.should_training_stop = control.should_save = True
        if last or step % recipe.checkpoints.every == 0:
            control.should_save = True

    def is_exhausted(self) -> bool:
        """Whether early stopping has seen enough evaluations without a better one."""
        patience = self.session.recipe.evaluation.early_stopping
        return patience > 0 and self.progress.without_better >= patience

    # Measuring

    def evaluate(self, trainer: Any, step: int, who: str = "tuned") -> dict[str, float]:
        """Losses on validation and retention, sample answers, and scores. The lowest validation loss so far is remembered.

        Raises GivenUp when the run is asked to stop meanwhile.
        """
        session = self.session
        found: dict[str, float] = {}
        sides: dict[str, Any] = {"validation": session.validation, "retention": session.retention}
        size, is_dpo = session.recipe.evaluation.batch_size, session.recipe.method.objective == "dpo"
        with as_base(trainer, session.recipe.method.kind if who == "base" else ""):
            for split, records in sides.items():
                if not records:
                    continue
                measure: Any = mean_pair_loss if split == "validation" and is_dpo else mean_loss
                loss = measure(trainer, records, size, lambda: self._asked_to_stop(trainer))
                found[split] = loss.value
                self._listener(Evaluated(step, split, who, loss.value, loss.count))
            self._sample(trainer, step, who)
        if who == "tuned" and "validation" in found:
            self._remember(step, found["validation"])
        return found

    def _remember(self, step: int, loss: float) -> None:
        self.progress.evaluated_at = step
        if loss < self.progress.best_loss:
            self.progress.best_loss, self.progress.best_step, self.progress.without_better = loss, step, 0
        else:
            self.progress.without_better += 1

    def _sample(self, trainer: Any, step: int, who: str) -> None:
        answered = []
        for prompt in self.session.prompts:
            said, stopped = self._answer(trainer, prompt.ids)
            answered.append((prompt, said))
            self._listener(Sampled(step, who, prompt.record_id, prompt.text, said, prompt.reference, stopped))
        self._scores.of_samples(step, who, answered)
        self._scores.of_tasks(step, who, lambda ids: self._answer(trainer, ids)[0])

    def _answer(self, trainer: Any, ids: Sequence[int]) -> tuple[str, bool]:
        if self._asked_to_stop(trainer):
            raise GivenUp
        return answer(trainer, self.session.template, ids, self.session.recipe.evaluation.sample_tokens)

    def _look_for_divergence(self, step: int, loss: float) -> None:
        self._smooth = loss if self._smooth is None else _SMOOTH * self._smooth + (1 - _SMOOTH) * loss
        self._lowest = min(self._lowest, self._smooth)
        if self._smooth > _FAR * self._lowest and self._smooth > 1 and not self._warned:
            self._warned = True
            rate = self.session.recipe.optimizer.learning_rate
            self._listener(
                Warned(
                    f"The loss rises: {self._smooth:.2f} at step {step}, after {self._lowest:.2f}.",
                    f"Stop, and try optimizer.learning_rate={rate / 3:.1g}.",
                )
            )

    # Pausing and stopping

    def _asked_to_stop(self, trainer: Any) -> bool:
        """Whether any process was asked to."""
        return any_of(trainer, [self._should_stop()])[0]

    def _wait_while_paused(self, trainer: Any, step: int) -> bool:
        """Wait as long as the run is paused. Returns whether it was asked to stop: all processes do so at one step."""
        stop, paused = any_of(trainer, [self._should_stop(), self._pause.exists()])
        if not paused:
            return stop
        began = time.monotonic()
        self._listener(Paused(step, on=True))
        while paused and not stop:
            time.sleep(0.2)
            stop, paused = any_of(trainer, [self._should_stop(), self._pause.exists()])
        waited = time.monotonic() - began
        self._steps = deque(
            ((then + waited, at, tokens) for then, at, tokens in self._steps), maxlen=self._steps.maxlen
        )
        self._listener(Paused(step, on=False))
        return stop


def callback_for(watch: Watch, trainer: Any) -> Any:
    """The watch as a callback of the trainer."""
    from transformers import TrainerCallback

    class Between(TrainerCallback):
        """Passes on what happens."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            """See `Watch.begin`."""
            watch.begin(trainer, state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            """See `Watch.step_ended`."""
            watch.step_ended(trainer, state, control)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
            """See `Watch.logged`."""
            watch.logged(state, logs or {})

    return Between()


def diverged(what: str, rate: float) -> Diverged:
    """The error of a training that cannot go on, with a proposal."""
    return Diverged(
        f"{what}: the training has diverged.",
        f"The last good checkpoint is kept. Clone the run with --set optimizer.learning_rate={rate / 3:.1g}, or with a "
        "longer schedule.warmup; with float16, use bfloat16 or float32.",
    )


def _nothing() -> None:
    """Nothing has to be measured: an earlier leg did."""


def _silence(event: Any) -> None:
    """The listener of all processes but the first."""
