"""The queues of a review: everything, then each stage with its reasons, and how much of each has been judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.tui.bindings import Localised
from studio.tui.i18n import N_, _
from studio.tui.screens.review_messages import QueueChosen
from studio.tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from curation.diff import Counts


@dataclass(frozen=True)
class Queue:
    """A line: a stage and a reason ("" for all of either), how many hunks there are and how many are judged.

    judged is -1 for a stage that has several reasons: a hunk can have two of them, so that their sum would be too large.
    """

    stage: str
    reason: str
    total: int
    judged: int


def queues_of(counts: Counts) -> list[Queue]:
    """All queues of these counts. A stage with one reason is one line."""
    found = [Queue("", "", counts.total, counts.judged)]
    stages = dict.fromkeys(stage for stage, _reason in counts.by_reason)
    for stage in stages:
        mine = [(reason, number) for (name, reason), number in counts.by_reason.items() if name == stage]
        if len(mine) > 1:
            found.append(Queue(stage, "", -1, -1))
        found += [
            Queue(stage, reason, number, counts.judged_by_reason.get((stage, reason), 0)) for reason, number in mine
        ]
    return found


class ReasonTree(Localised, LineList):
    """The queues, with a cursor. Posts QueueChosen."""

    HELP = N_("Queues by stage and reason, with how many changes are judged: 3/40. Moving the cursor opens a queue.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next queue."), id="queues.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The queue before."), id="queues.up"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.queues: Sequence[Queue] = ()

    @property
    def count(self) -> int:
        """How many lines."""
        return len(self.queues)

    def show(self, queues: Sequence[Queue], stage: str, reason: str) -> None:
        """Other numbers or other queues; the cursor goes to the one that is open."""
        self.queues = queues
        self.resized()
        places = [place for place, queue in enumerate(queues) if (queue.stage, queue.reason) == (stage, reason)]
        self.set_cursor(places[0] if places else 0)

    def step(self, by: int) -> None:
        """The next queue, or the one before."""
        self.action_move(by)

    def moved(self, place: int) -> None:
        """Open it."""
        self.post_message(QueueChosen(self.queues[place].stage, self.queues[place].reason))

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """`near` or `  near_duplicate`, and `3/40`."""
        queue = self.queues[place]
        right = f"{queue.judged:,}/{queue.total:,}" if queue.total >= 0 else ""
        if not queue.stage:
            return _("everything"), right, False
        alone = sum(each.stage == queue.stage for each in self.queues) == 1
        left = queue.stage if not queue.reason else f"{queue.stage} · {queue.reason}" if alone else f"  {queue.reason}"
        return left, right, queue.total == queue.judged and queue.total >= 0
