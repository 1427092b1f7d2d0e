"""What an experiment tells its listeners, besides the events that every run has (`curation/events.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curation.events import EVENT_NAMES, Event


@dataclass(frozen=True)
class ExperimentPlanned(Event):
    """The data of every arm is there, and the budget is set. arms: name -> records, tokens and steps of its trainings.
    trainings: how many there will be. judge: its name and what it will be asked, where there is one."""

    arms: dict[str, dict[str, Any]]
    trainings: int
    judge: dict[str, Any] | None = None


@dataclass(frozen=True)
class LegDone(Event):
    """One training of an experiment is over and measured. loss: mean on the held-out records, nats a token."""

    arm: str
    seed: int
    run: str
    loss: float
    steps: int
    tokens: int


@dataclass(frozen=True)
class ExperimentConcluded(Event):
    """What the experiment shows, as in report.json. verdict: better, worse, mixed or not shown."""

    verdict: str
    sentence: str


EVENT_NAMES.update(
    {
        ExperimentPlanned: "experiment_planned",
        LegDone: "leg_done",
        ExperimentConcluded: "experiment_concluded",
    }
)
