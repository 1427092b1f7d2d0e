"""Questions of the Review screen: about many changes at once, and a text to edit."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Paste
from textual.widgets import TextArea

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.screens.modal import Modal
from studio.tui.widgets.plain import Plain

_ESCAPED = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|r)")
LONGEST = 200_000  # characters that can be edited here; the user's own editor takes more


def editable(text: str) -> str | None:
    """`text` with its invisible characters made visible, so that `edited` can take it back; None where it could not, because
    the text itself holds such an escape, or is too long.
    """
    if len(text) > LONGEST:
        return None
    shown = display(text, lines=True)
    return shown if shown == text or not _ESCAPED.search(text) else None


def edited(shown: str, text: str) -> str:
    """What was typed, with the visible escapes of `text` as the characters they stood for."""
    if display(text, lines=True) == text:
        return shown
    return _ESCAPED.sub(lambda match: _character(match.group()), shown)


def _character(escape: str) -> str:
    return "\r" if escape == "\\r" else chr(int(escape[2:], 16))


def as_json(obj: Any) -> str:
    """Indented JSON in which every invisible character is a JSON escape: the same object when it is read back."""
    text = json.dumps(obj, ensure_ascii=False, indent=2)
    return "".join(
        c if c == "\n" or display(c) == c else json.dumps(c)[1:-1] if ord(c) > 0x7F else f"\\u{ord(c):04x}"
        for c in text
    )


class AskScreen(Modal[str]):
    """A sentence and some keys; "" where nothing was chosen. Not every key is for every question."""

    CSS_PATH = "review_ask.tcss"
    HELP = N_("What is asked is done only after this; esc leaves everything as it is.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "choose('accept')", N_("Accept all"), tooltip=N_("Accept all these changes."), id="ask.accept"),
        Binding("x", "choose('reject')", N_("Reject all"), tooltip=N_("Reject all these changes."), id="ask.reject"),
        Binding("y,enter", "choose('yes')", N_("Yes"), tooltip=N_("Do it."), id="ask.yes"),
        Binding("escape,n,q", "choose('')", N_("Leave"), tooltip=N_("Do nothing."), id="ask.leave"),
    ]

    def __init__(self, question: str, keys: str, choices: tuple[str, ...]) -> None:
        super().__init__()
        self.question = question
        self._keys, self._choices = keys, choices

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        with Vertical(id="ask"):
            yield Plain(self.question, id="question")
            yield Plain(self._keys, classes="hint")

    def action_choose(self, choice: str) -> None:
        """The answer, if it is one to this question."""
        if not choice or choice in self._choices:
            self.dismiss(choice)


class _Field(TextArea):
    """What is pasted may be data: control characters become visible."""

    async def _on_paste(self, event: Paste) -> None:
        event.text = display(event.text, lines=True)
        await super()._on_paste(event)


class EditScreen(Modal[str | None]):
    """A text to edit; None where nothing was changed."""

    CSS_PATH = "review_ask.tcss"
    HELP = N_("ctrl+o keeps what you typed, esc leaves the text as it was. Invisible characters are shown as \\x1b.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o,f10", "keep", N_("Keep"), tooltip=N_("Save the text and go back."), priority=True, id="edit.keep"),
        Binding("escape", "leave", N_("Leave"), tooltip=N_("Go back; nothing is changed."), priority=True, id="edit.leave"),
    ]  # fmt: skip

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(id="edit"):
            yield Plain(self._title, id="edit-title")
            yield _Field(self._text, id="edit-text", soft_wrap=True)
            yield Plain(_("ctrl+o keeps it, esc leaves it as it was."), classes="hint")

    def on_mount(self) -> None:
        """The cursor is in the text at once."""
        field = self.query_one(_Field)
        field.cursor_blink = False
        field.focus()

    def action_keep(self) -> None:
        """Done, when the letters before this key are in the field: keys with priority overtake them."""
        self.query_one(_Field).call_later(self._keep)

    def _keep(self) -> None:
        now = self.query_one(_Field).text
        self.dismiss(None if now == self._text else now)

    def action_leave(self) -> None:
        """Nothing."""
        self.dismiss(None)
