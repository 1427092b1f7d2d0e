"""A question before something that cannot be taken back, answered with y or esc."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from studio.tui.i18n import N_, _
from studio.tui.screens.modal import Modal
from studio.tui.widgets.plain import Plain


class ConfirmScreen(Modal[bool]):
    """True for yes."""

    CSS_PATH = "runs_confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", N_("Yes"), tooltip=N_("Do it."), id="confirm.yes"),
        Binding("escape,n,q", "no", N_("No"), tooltip=N_("Do not do it."), id="confirm.no"),
    ]

    def __init__(self, question: str, detail: str = "") -> None:
        super().__init__()
        self._question, self._detail = question, detail

    def compose(self) -> ComposeResult:
        """The question, what it means, the two keys."""
        with Vertical(id="confirm"):
            yield Plain(self._question, classes="title")
            if self._detail:
                yield Plain(self._detail)
            yield Plain(_("y does it, esc does not."), classes="hint")

    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Leave it."""
        self.dismiss(False)
