"""A training run's curves and state, folded from its events: all that a view of it needs, however it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from studio.runs.snapshot import RunSnapshot
from studio.runs.snapshot import fold as fold_run

Numbers = npt.NDArray[np.float64]

COLUMNS = ("step", "loss", "learning_rate", "grad_norm", "tokens_per_second", "rss", "gpu_memory")
MOST_POINTS = 1 << 18
"""Points of one curve that are kept (15 MB); of more, the extremes of every four are."""
_SAMPLED_RECORDS, _ANSWERS_KEPT, _ANSWER_CHARACTERS = 64, 12, 4000
_NOTES_KEPT, _CHECKPOINTS_KEPT = 80, 40
_NOTES = ("warned", "checkpoint_saved", "resumed", "paused", "run_stopped", "run_failed")


@dataclass(frozen=True)
class Points:
    """Rows of numbers, ordered by their first column, in chunks whose sizes fall: appending is cheap, and older
    snapshots stay what they were. A number that was not finite is NaN.
    """

    chunks: tuple[Numbers, ...] = ()

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)

    def with_rows(self, rows: Sequence[Sequence[float | None]]) -> Points:
        """These rows, and new ones behind them."""
        if not rows:
            return self
        chunks = [*self.chunks, np.asarray(rows, dtype=np.float64)]
        while len(chunks) > 1 and len(chunks[-2]) < 2 * len(chunks[-1]):
            chunks[-2:] = [np.concatenate(chunks[-2:])]
        longer = Points(tuple(chunks))
        return longer if len(longer) <= MOST_POINTS else Points((_thinned(longer.rows()),))

    def up_to(self, step: int) -> Points:
        """Only the rows up to this step: a run that goes on from a checkpoint does the later ones again."""
        kept = [chunk[chunk[:, 0] <= step] for chunk in self.chunks]
        return Points(tuple(chunk for chunk in kept if len(chunk)))

    def rows(self, width: int = len(COLUMNS)) -> Numbers:
        """All of it: (points, columns). `width` is that of no points at all."""
        return np.concatenate(self.chunks) if self.chunks else np.empty((0, width))


def _thinned(rows: Numbers) -> Numbers:
    """Half of the rows: of every four, those with the lowest and the highest second column, so that spikes stay."""
    whole = len(rows) // 4 * 4
    fours = np.nan_to_num(rows[:whole, 1].reshape(-1, 4), nan=np.inf)
    first = np.arange(0, whole, 4)
    low, high = fours.argmin(axis=1), fours.argmax(axis=1)
    high = np.where(low == high, (low + 1) % 4, high)  # all four are the same
    kept = np.sort(np.concatenate([first + low, first + high]))
    return np.concatenate([rows[kept], rows[whole:]])


@dataclass(frozen=True)
class Answer:
    """What a model said at a step. stopped: it ended by itself."""

    step: int
    text: str
    stopped: bool


@dataclass(frozen=True)
class Story:
    """A held-out prompt and how it was answered: by the base model, and by the tuned one, oldest first."""

    record_id: str
    prompt: str
    reference: str
    base: Answer | None = None
    tuned: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class TrainSnapshot:
    """A training run after the events seen so far.

    run: what every run has. prepared: what is trained on what (`training_prepared`), empty before that. points: columns
    as in COLUMNS. last: the newest `step_logged`. losses: by split and who, rows of (step, loss). scores: by name and
    who, rows of (step, mean score). stories: by record.
    notes: what happened besides, as events, the newest last. best: the step of the checkpoint with the lowest
    validation loss.
    """

    run: RunSnapshot = field(default_factory=RunSnapshot)
    prepared: Mapping[str, Any] = field(default_factory=dict)
    points: Points = field(default_factory=Points)
    last: Mapping[str, Any] = field(default_factory=dict)
    losses: Mapping[tuple[str, str], Points] = field(default_factory=dict)
    scores: Mapping[tuple[str, str], Points] = field(default_factory=dict)
    stories: Mapping[str, Story] = field(default_factory=dict)
    checkpoints: tuple[Mapping[str, Any], ...] = ()
    best: int | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    blocked: bool = False
    notes: tuple[Mapping[str, Any], ...] = ()
    paused: bool = False

    @property
    def step(self) -> int:
        """The last step that is known to be done."""
        return int(self.last.get("step", 0))

    @property
    def steps(self) -> int:
        """Steps of the whole run, 0 while that is not known."""
        return int(self.prepared.get("steps", 0))

    def loss(self, split: str, who: str) -> float | None:
        """The newest loss of a split, of the base or the tuned model; None before there is one."""
        points = self.losses.get((split, who))
        return float(points.chunks[-1][-1, 1]) if points is not None and points.chunks else None


def read_snapshot(events: Path) -> TrainSnapshot:
    """A run as its events.jsonl tells it now."""
    from studio.runs.events import EventReader

    snapshot = TrainSnapshot()
    for block in EventReader(events).blocks():
        snapshot = fold(snapshot, block)
    return snapshot


def last_step(events: Path) -> Mapping[str, Any] | None:
    """The newest `step_logged`, from the last 64 KiB of an events.jsonl; None where there is none in them."""
    from studio.runs.events import EventReader

    try:
        size = events.stat().st_size
    except OSError:
        return None
    found = EventReader(events, max(0, size - (1 << 16))).read()  # the first line may be half of one
    return next((event for event in reversed(found) if event["event"] == "step_logged"), None)


def fold(snapshot: TrainSnapshot, events: Iterable[Mapping[str, Any]]) -> TrainSnapshot:
    """The snapshot after `events` (JSON objects). Events that are not about training change `run` only."""
    common: list[Mapping[str, Any]] = []
    rows: list[tuple[float | None, ...]] = []
    last: Mapping[str, Any] | None = None
    for event in events:
        kind = event["event"]
        if kind == "step_logged":
            if event["step"] <= (last or snapshot.last).get("step", -1):  # begun again without a checkpoint
                snapshot, rows = _resumed(_with_points(snapshot, rows, last), {"step": event["step"] - 1}), []
            rows.append(_row(event))
            last = event
            continue
        step = _STEPS.get(kind)
        if step is not None or kind in _NOTES:
            snapshot = _with_points(snapshot, rows, last)
            rows, last = [], None
        if step is not None:
            snapshot = step(snapshot, event)
        if kind in _NOTES:
            snapshot = replace(snapshot, notes=(*snapshot.notes, event)[-_NOTES_KEPT:])
        if kind == "progress" and common and common[-1]["event"] == kind and common[-1]["phase"] == event["phase"]:
            common.pop()  # only the newest of a phase counts, and there may be one a step
        common.append(event)
    snapshot = _with_points(snapshot, rows, last)
    return replace(snapshot, run=fold_run(snapshot.run, common)) if common else snapshot


def _row(event: Mapping[str, Any]) -> tuple[float | None, ...]:
    return (
        event["step"],
        event["loss"],
        event["learning_rate"],
        event["grad_norm"],
        event["tokens_per_second"],
        event["rss"],
        event["gpu"].get("memory") if event.get("gpu") else None,
    )


def _with_points(
    snapshot: TrainSnapshot, rows: Sequence[tuple[float | None, ...]], last: Mapping[str, Any] | None
) -> TrainSnapshot:
    if not rows or last is None:
        return snapshot
    return replace(snapshot, points=snapshot.points.with_rows(rows), last=last)


def _started(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    """A new picture; one that goes on keeps what there is until it says from where."""
    return replace(snapshot, paused=False) if event["resumed"] else TrainSnapshot()


def _prepared(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    return replace(snapshot, prepared=event)


def _evaluated(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    key = (event["split"], event["who"])
    points = snapshot.losses.get(key, Points()).up_to(event["step"] - 1)
    added = points.with_rows([(event["step"], event["loss"])])
    return replace(snapshot, losses={**snapshot.losses, key: added})


def _scored(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    key = (event["name"], event["who"])
    points = snapshot.scores.get(key, Points()).up_to(event["step"] - 1)
    added = points.with_rows([(event["step"], event["score"])])
    return replace(snapshot, scores={**snapshot.scores, key: added})


def _sampled(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    record = event["record_id"]
    story = snapshot.stories.get(record)
    if story is None:
        if len(snapshot.stories) >= _SAMPLED_RECORDS:
            return snapshot
        story = Story(record, event["prompt"][:_ANSWER_CHARACTERS], event["reference"][:_ANSWER_CHARACTERS])
    answer = Answer(event["step"], event["answer"][:_ANSWER_CHARACTERS], event["stopped"])
    if event["who"] == "base":
        story = replace(story, base=answer)
    else:
        earlier = [each for each in story.tuned if each.step < answer.step]
        story = replace(story, tuned=(*earlier, answer)[-_ANSWERS_KEPT:])
    return replace(snapshot, stories={**snapshot.stories, record: story})


def _checkpoint(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    best = event["step"] if event["best"] else snapshot.best
    return replace(snapshot, checkpoints=(*snapshot.checkpoints, event)[-_CHECKPOINTS_KEPT:], best=best)


def _resumed(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    """What was done after the checkpoint is done again."""
    step = event["step"]
    stories = {
        name: replace(story, tuned=tuple(each for each in story.tuned if each.step <= step))
        for name, story in snapshot.stories.items()
    }
    return replace(
        snapshot,
        points=snapshot.points.up_to(step),
        last=snapshot.last if snapshot.step <= step else {"step": step},
        losses={key: points.up_to(step) for key, points in snapshot.losses.items()},
        scores={key: points.up_to(step) for key, points in snapshot.scores.items()},
        stories=stories,
        checkpoints=tuple(each for each in snapshot.checkpoints if each["step"] <= step),
        best=snapshot.best if snapshot.best is None or snapshot.best <= step else None,
        paused=False,
    )


def _paused(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    return replace(snapshot, paused=event["on"])


def _examined(snapshot: TrainSnapshot, event: Mapping[str, Any]) -> TrainSnapshot:
    return replace(snapshot, findings=tuple(event["findings"]), blocked=event["blocked"])


def _over(snapshot: TrainSnapshot, _: Mapping[str, Any]) -> TrainSnapshot:
    return replace(snapshot, paused=False)


_STEPS: Mapping[str, Callable[[TrainSnapshot, Mapping[str, Any]], TrainSnapshot]] = {
    "run_started": _started,
    "training_prepared": _prepared,
    "evaluated": _evaluated,
    "sampled": _sampled,
    "scored": _scored,
    "checkpoint_saved": _checkpoint,
    "resumed": _resumed,
    "paused": _paused,
    "preflight_done": _examined,
    "run_stopped": _over,
    "run_failed": _over,
    "run_finished": _over,
}


# For drawing


def smoothed(values: Numbers, window: int) -> Numbers:
    """The mean over the last `window` points at each point; NaNs are left out of it. As long as `values`."""
    if window <= 1 or len(values) < 2:
        return values
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(0, end - window)
    counted = count[end] - count[begin]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Numbers = (total[end] - total[begin]) / counted
    return np.where(known, found, np.nan)


def extremes(x: Numbers, y: Numbers, first: float, last: float, columns: int) -> tuple[Numbers, Numbers]:
    """The lowest and the highest y in each of `columns` equal parts of first..last; NaN where there is none.

    So a spike of one step among a hundred thousand is a column of its own, however narrow the picture.
    """
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    inside = np.isfinite(y) & (x >= first) & (x <= last)
    x, y = x[inside], y[inside]
    if not len(x) or columns < 1:
        return low, high
    scale = columns / max(last - first, 1e-12)
    part = np.minimum(((x - first) * scale).astype(np.int64), columns - 1)
    starts = np.flatnonzero(np.concatenate([[True], part[1:] != part[:-1]]))
    low[part[starts]] = np.minimum.reduceat(y, starts)
    high[part[starts]] = np.maximum.reduceat(y, starts)
    return low, high
