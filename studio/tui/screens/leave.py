"""The question before quitting while runs go on: which, and how to come back to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from studio.tui.i18n import N_, _, ngettext
from studio.tui.screens.modal import Modal
from studio.tui.widgets.plain import Plain


def farewell(names: Sequence[str]) -> str:
    """What is said about the runs that go on, a line each."""
    head = ngettext("{n} run continues in the background:", "{n} runs continue in the background:", len(names))
    lines = [f"  studio runs attach {name}" for name in names]
    return "\n".join([head.format(n=len(names)), *lines])


class LeaveScreen(Modal[bool]):
    """True when the user wants to leave."""

    CSS_PATH = "leave.tcss"
    HELP = N_(
        "Runs are processes of their own: they go on when this program ends, and are here when it is opened again."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,ctrl+q", "leave", N_("Quit"), tooltip=N_("Quit; the runs go on."), id="leave.quit"),
        Binding("escape", "stay", N_("Stay"), tooltip=N_("Do not quit."), id="leave.stay"),
    ]

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        """What goes on, and the two keys."""
        with Vertical(id="leave"):
            yield Plain(farewell(self._names))
            yield Plain(
                _("enter quits, esc stays. Opening studio again shows them on the screen Runs."), classes="hint"
            )

    def action_leave(self) -> None:
        """Quit."""
        self.dismiss(True)

    def action_stay(self) -> None:
        """Stay."""
        self.dismiss(False)
