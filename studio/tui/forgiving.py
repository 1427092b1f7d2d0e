"""Errors a user can act on are said in a corner; they end nothing."""

from __future__ import annotations

from textual.message import Message
from textual.message_pump import MessagePump

from curation.errors import StudioError
from studio.tui.messages import ProblemMet


class Forgiving(MessagePump):
    """For the application and its screens. Textual ends the pump whose handler raised anything, and what it belongs to
    would stand still from then on.
    """

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except StudioError as error:
            self.app.post_message(ProblemMet(error.message, error.hint))
