"""The line at the bottom where something is typed: what to find, a condition, an order, a path."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Key
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from studio.tui.bindings import Localised
from studio.tui.i18n import N_
from studio.tui.messages import PromptAnswered, PromptLeft
from studio.tui.text import plain
from studio.tui.widgets.plain import Plain


class PromptField(Localised, Input):
    """A field that does what its own keys say in the order in which they were pressed.

    Textual looks for the action of a key when the key has gone up to the application, after the letters behind it are in
    the field: what is typed right behind ctrl+u would be taken out with the rest.
    """

    async def _on_key(self, event: Key) -> None:
        """The keys of its line and its own at once; letters are the base class's.

        The line's come first: every widget has `up` for scrolling, which a field of one line does not do.
        """
        for owner in (self.parent, self):
            if not isinstance(owner, Widget):
                continue
            for binding in owner._bindings.key_to_bindings.get(event.key, ()):
                event.stop()
                event.prevent_default()
                await owner.run_action(binding.action)
                return


class PromptLine(Localised, Horizontal):
    """Hidden until `ask`. Posts PromptAnswered or PromptLeft, and hides."""

    HELP = N_("Enter takes what is typed, esc leaves, up brings back what was typed before, right completes.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), tooltip=N_("Close this line; nothing happens."), id="prompt.leave"),
        Binding("up", "earlier", N_("Earlier"), show=False, tooltip=N_("What was typed before."), id="prompt.earlier"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._prompt = ""
        self._before: dict[str, list[str]] = {}
        self._back = 0
        self.display = False

    def compose(self) -> ComposeResult:
        """A label and a field."""
        yield Plain(id="prompt-label")
        yield PromptField(id="prompt-input", compact=True)

    def ask(
        self, prompt: str, label: str, *, hint: str = "", text: str = "", suggester: Suggester | None = None
    ) -> None:
        """Open the line. `prompt` names it in the answer."""
        self._prompt, self._back = prompt, 0
        self.query_one("#prompt-label", Plain).show(label)
        field = self.query_one(Input)
        field.suggester = suggester
        field.placeholder = hint
        field.value = text
        self.display = True
        self.add_class("-open")
        self.screen.set_focus(field)  # at once, not in a moment as `focus` does: the next key may be there already

    @property
    def is_open(self) -> bool:
        """Whether something is being asked."""
        return self.has_class("-open")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        answer = event.value.strip()
        before = self._before.setdefault(self._prompt, [])
        if answer and answer not in before[-1:]:
            before.append(answer)
        self._close()
        self.post_message(PromptAnswered(self._prompt, answer))

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is pasted may be data: control characters become visible in the field, too."""
        event.stop()
        harmless = plain(event.value)
        if harmless != event.value:
            event.input.value = harmless

    def action_leave(self) -> None:
        """Esc."""
        self._close()
        self.post_message(PromptLeft(self._prompt))

    def action_earlier(self) -> None:
        """What was typed at this prompt before, one further back each time."""
        before = self._before.get(self._prompt, [])
        if self._back < len(before):
            self._back += 1
            self.query_one(Input).value = before[-self._back]

    def _close(self) -> None:
        self.remove_class("-open")
        self.display = False
