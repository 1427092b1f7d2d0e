"""Screens that lie over another one and answer a question."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

from studio.tui.bindings import Localised

Answer = TypeVar("Answer")


class Modal(Localised, ModalScreen[Answer]):
    """Answers once. A key pressed twice at once would otherwise answer twice, and take the screen below away as well:
    Textual pops whichever screen is on top, and ends the program where that was the last one.
    """

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Go away with an answer, unless that has happened."""
        if self.app.screen is not self:
            return AwaitComplete()  # of nothing: done
        return super().dismiss(result)
