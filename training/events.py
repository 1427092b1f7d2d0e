"""What a training run tells its listeners, besides the events that every run has (`curation/events.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from curation.events import EVENT_NAMES, Event


@dataclass(frozen=True)
class PreflightDone(Event):
    """What was found in the tensors before anything is trained. findings: as in preflight.json."""

    findings: list[dict[str, Any]]
    blocked: bool


@dataclass(frozen=True)
class TrainingPrepared(Event):
    """What will be trained on what. tokens, trained_tokens: of one epoch. parameters: of the base model; trainable:
    those that move. steps: optimizer steps of the whole run. changes: what of the recipe was changed, and why."""

    model: str
    method: str
    template: str
    device: str
    changes: list[str]
    records: int
    validation: int
    tokens: int
    trained_tokens: int
    parameters: int
    trainable: int
    steps: int


@dataclass(frozen=True)
class StepLogged(Event):
    """One point of the curves. loss: mean a trained token; tokens: seen since the first step; seconds: since this leg
    began; eta: seconds left; rss: bytes. gpu: util (share), memory (bytes), temperature (°C), power (W), where it is
    known."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float | None
    tokens: int
    tokens_per_second: float
    seconds: float
    eta: float | None
    rss: int
    gpu: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluated(Event):
    """A loss on records that are not trained on. split: validation or retention. who: base or tuned. tokens: counted."""

    step: int
    split: str
    who: str
    loss: float
    tokens: int


@dataclass(frozen=True)
class Sampled(Event):
    """A held-out prompt, answered greedily. stopped: whether the answer ended with an end mark by itself."""

    step: int
    who: str
    record_id: str
    prompt: str
    answer: str
    reference: str
    stopped: bool


@dataclass(frozen=True)
class Scored(Event):
    """A mean of scores, 0 to 1. name: a rubric by which a judge marked the samples, or a suite of small tasks. count:
    answers that have a score; failed: those that got none."""

    step: int
    who: str
    name: str
    score: float
    count: int
    failed: int


@dataclass(frozen=True)
class CheckpointSaved(Event):
    """A checkpoint is whole on the disk. best: whether its validation loss is the lowest so far."""

    step: int
    path: str
    bytes: int
    seconds: float
    best: bool


@dataclass(frozen=True)
class Resumed(Event):
    """The run goes on from a checkpoint; refused says which newer ones did not verify, and why."""

    step: int
    path: str
    refused: list[str]


@dataclass(frozen=True)
class Paused(Event):
    """The run waits between two steps (`on`), or goes on."""

    step: int
    on: bool


EVENT_NAMES.update(
    {
        PreflightDone: "preflight_done",
        TrainingPrepared: "training_prepared",
        StepLogged: "step_logged",
        Evaluated: "evaluated",
        Sampled: "sampled",
        Scored: "scored",
        CheckpointSaved: "checkpoint_saved",
        Resumed: "resumed",
        Paused: "paused",
    }
)
