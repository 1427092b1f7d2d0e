"""Help for the focused widget: what it is for, and every key that does something there."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen

from studio.tui.bindings import Localised
from studio.tui.i18n import N_, _
from studio.tui.screens.modal import Modal
from studio.tui.widgets.plain import Plain


class HelpScreen(Modal[None]):
    """Shows the HELP of the widget that had the focus, and its keys."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1,question_mark", "dismiss", N_("Close"), tooltip=N_("Close this help."), id="help.close"),
    ]

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._text = Content("\n\n").join([*_words(about), _table(about)])

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with VerticalScroll(id="help"):
            yield Plain(self._text)


def _words(screen: Screen[object]) -> list[Content]:
    """The help of the focused widget and of what it lies in, from the inside out."""
    nodes: list[DOMNode] = list((screen.focused or screen).ancestors_with_self)
    texts = [_(words) for node in nodes if isinstance(node, Localised) and (words := node.HELP)]
    return [Content(text) for text in dict.fromkeys(texts)]


def _table(screen: Screen[object]) -> Content:
    keys: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        said = active.tooltip or binding.description
        if said and not binding.system and binding.id:
            keys.setdefault((binding.action, said), []).append(screen.app.get_key_display(binding))
    rows = [(" ".join(shown), said) for (_action, said), shown in keys.items()]
    width = max((Content(left).cell_length for left, _said in rows), default=0)
    lines = [
        Content.assemble((left + " " * (width - Content(left).cell_length), "bold"), "  ", said) for left, said in rows
    ]
    return Content("\n").join(lines)
