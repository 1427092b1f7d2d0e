"""What happened to the training recipe, its preflight and the run that is followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from studio.runs.curves import TrainSnapshot
    from studio.tui.screens.train_draft import Draft


@dataclass
class DraftLoaded(Message):
    """A recipe was read. inputs: those of the run it came from, None to leave them as they are."""

    draft: Draft
    inputs: tuple[str, ...] | None = None


@dataclass
class TrainChanged(Message):
    """A training run that is watched went on: its whole picture."""

    run: str
    snapshot: TrainSnapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture of a run is worth drawing."""
        return isinstance(message, TrainChanged) and message.run == self.run


@dataclass
class OverlayRead(Message):
    """The curves of another run, to be drawn behind."""

    run: str
    snapshot: TrainSnapshot


@dataclass
class ModelsFound(Message):
    """Names of models that are on this disk."""

    names: tuple[str, ...]


@dataclass
class PreflightMade(Message):
    """What was found in the tokens: the report as JSON. command: what was looked at."""

    command: str
    report: Mapping[str, Any]


@dataclass
class MemoryEstimated(Message):
    """What memory it would take, as JSON; {} where that is not known. command: what was looked at."""

    command: str
    memory: Mapping[str, Any]


@dataclass
class PreflightFailed(Message):
    """There was nothing to look at, and why."""

    message: str
    hint: str
