"""An item to edit: every question, answer and quote of it in a field of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Paste
from textual.widgets import TextArea

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.screens.modal import Modal
from studio.tui.screens.review_ask import editable, edited
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from curation.synthesis.model import Exchange

Exchanges = tuple["Exchange", ...]
_PARTS = ("question", "reasoning", "answer", "quote")


class ItemField(TextArea):
    """What is pasted may be data: control characters become visible."""

    async def _on_paste(self, event: Paste) -> None:
        event.text = display(event.text, lines=True)
        await super()._on_paste(event)


class SourceText(ScrolledText):
    """What the item was made from."""

    HELP = N_("What the item was made from, to be quoted word for word.")


class ItemEditScreen(Modal[Exchanges | None]):
    """The exchanges as they are wanted; None where nothing was changed. source: what they were made from, to look at.
    refused: says what is wrong with them, or ""."""

    CSS_PATH = "generate_edit.tcss"
    HELP = N_(
        "tab goes to the next field, ctrl+o keeps what you typed, esc leaves everything as it was. The quote must stand in "
        "the source, word for word. Invisible characters are shown as \\x1b."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o,f10", "keep", N_("Keep"), tooltip=N_("Keep the item like this."), priority=True, id="item.keep"),
        Binding("escape", "leave", N_("Leave"), tooltip=N_("Leave the item as it was."), priority=True, id="item.leave"),
    ]  # fmt: skip

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium")]  # noqa: RUF012

    def __init__(self, title: str, exchanges: Exchanges, source: Content, refused: Callable[[Exchanges], str]) -> None:
        super().__init__()
        self._title, self._exchanges, self._source, self._refused = title, exchanges, source, refused

    @classmethod
    def can_edit(cls, exchanges: Sequence[Exchange]) -> bool:
        """Whether all of it can be shown and taken back without a loss."""
        return all(editable(getattr(each, part)) is not None for each in exchanges for part in _PARTS)

    def compose(self) -> ComposeResult:
        """A field for each part that there is."""
        words = {
            "question": _("Question"),
            "reasoning": _("Steps"),
            "answer": _("Answer"),
            "quote": _("Rests on"),
        }
        with Vertical(id="item-edit"):
            yield Plain(self._title, id="item-title")
            with Container(id="item-halves"):
                with VerticalScroll(id="item-fields", can_focus=False):
                    for place, exchange in enumerate(self._exchanges):
                        number = f" {place + 1}" if len(self._exchanges) > 1 else ""
                        for part in self._parts(exchange):
                            yield Plain(words[part] + number, classes="label")
                            text = editable(getattr(exchange, part)) or ""
                            yield ItemField(text, id=f"{part}-{place}", soft_wrap=True, tab_behavior="focus")
                yield SourceText(id="item-source")
            yield Plain(id="item-problem")
            yield Plain(_("tab next field · ctrl+o keeps it · esc leaves it as it was"), classes="hint")

    def _parts(self, exchange: Exchange) -> list[str]:
        return [part for part in _PARTS if part in ("question", "answer") or getattr(exchange, part)]

    def on_mount(self) -> None:
        """The cursor is in the answer: it is what mostly needs a hand."""
        for field in self.query(ItemField):
            field.cursor_blink = False
        self.query_one("#answer-0", ItemField).focus()
        self.query_one(SourceText).show(self._source)

    def _typed(self) -> Exchanges:
        found = []
        for place, exchange in enumerate(self._exchanges):
            parts = {}
            for part in self._parts(exchange):
                before = getattr(exchange, part)
                now = self.query_one(f"#{part}-{place}", ItemField).text
                parts[part] = before if now == editable(before) else edited(now, before)
            found.append(replace(exchange, **parts))
        return tuple(found)

    def action_keep(self) -> None:
        """Done, when the letters before this key are in their field: keys with priority overtake them."""
        field = self.focused
        if isinstance(field, ItemField):
            field.call_later(self._keep)
        else:
            self._keep()

    def _keep(self) -> None:
        """Go, unless something is wrong with it."""
        now = self._typed()
        if now == self._exchanges:
            self.dismiss(None)
            return
        problem = self._refused(now)
        self.query_one("#item-problem", Plain).show(problem)
        if not problem:
            self.dismiss(now)

    def action_leave(self) -> None:
        """Nothing."""
        self.dismiss(None)
