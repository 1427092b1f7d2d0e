"""What happened to the recipe, its preview and the run that is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from curation.preview import Preview
    from curation.recipe_draft import RecipeDraft
    from studio.runs.status import Result, Status


@dataclass
class DraftOpened(Message):
    """A recipe was read. `inputs`: those of the run it came from, None to leave them as they are."""

    draft: RecipeDraft
    inputs: tuple[str, ...] | None = None


@dataclass
class PreviewMade(Message):
    """What the recipe with this text would do to a sample."""

    text: str
    preview: Preview

    def can_replace(self, message: Message) -> bool:
        """Only the newest preview is worth drawing."""
        return isinstance(message, PreviewMade)


@dataclass
class PreviewFailed(Message):
    """There is no sample to look at, and why."""

    message: str
    hint: str


@dataclass
class RunBegun(Message):
    """A run was started, or goes on, in the background: the path of its folder."""

    folder: str


@dataclass
class RunStood(Message):
    """How a run stands, looked at twice a second. cores: in use; memory: bytes; both None where nobody runs it. log: the
    last lines of a run that crashed.
    """

    run: str
    status: Status
    result: Result | None
    cores: float | None = None
    memory: int | None = None
    log: tuple[str, ...] = ()

    def can_replace(self, message: Message) -> bool:
        """Only the newest state is worth drawing."""
        return isinstance(message, RunStood) and message.run == self.run
