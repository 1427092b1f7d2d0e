"""The choice of something from a list with descriptions: which stage to add, which recipe to open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from studio.tui.i18n import N_
from studio.tui.screens.modal import Modal
from studio.tui.text import cell, line
from studio.tui.widgets.lines import LineChosen, LineList, LineMoved
from studio.tui.widgets.plain import Plain


@dataclass(frozen=True)
class Choice:
    """Something to choose: its value, a line about it, and a longer text."""

    value: str
    summary: str
    text: str = ""


class ChoiceList(LineList):
    """The choices, one a line."""

    HELP = N_("Choose with the arrows, enter takes it, esc leaves.")

    def __init__(self, choices: Sequence[Choice], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.choices = tuple(choices)

    @property
    def count(self) -> int:
        """The number of choices."""
        return len(self.choices)

    def line(self, place: int, width: int) -> Content:
        """Its value and what it does."""
        names = max(len(each.value) for each in self.choices) + 1
        choice = self.choices[place]
        return Content.assemble(
            (cell(choice.value, names), "bold"), " ", (cell(choice.summary, width - names - 1), "dim")
        )


class ChooseScreen(Modal[str]):
    """The value that was chosen, "" for none."""

    CSS_PATH = "curate_add.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Leave"), tooltip=N_("Choose nothing."), id="choose.leave"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title, self._choices = title, choices

    def compose(self) -> ComposeResult:
        """The list, and what there is to say about the line under the cursor."""
        with Vertical(id="choose"):
            yield Plain(self._title, classes="title")
            yield ChoiceList(self._choices, id="choices")
            yield Plain(id="about")

    def on_mount(self) -> None:
        """Ready to choose."""
        self.query_one(ChoiceList).focus()
        self._tell(0)

    def on_line_moved(self, message: LineMoved) -> None:
        """Another description."""
        message.stop()
        self._tell(message.place)

    def on_line_chosen(self, message: LineChosen) -> None:
        """That is it."""
        message.stop()
        self.dismiss(self._choices[message.place].value)

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss("")

    def _tell(self, place: int) -> None:
        if self._choices:
            text = self._choices[place].text
            self.query_one("#about", Plain).show(Content("\n").join(map(line, text.split("\n"))))


def stage_choices() -> list[Choice]:
    """Every stage there is, with what it does."""
    from curation.registry import loadable_stages
    from studio.tui.screens.curate_frames import about

    described = [about(name) for name in loadable_stages()]
    return [Choice(each.name, each.summary, _flowing(each.text)) for each in described if each is not None]


def _flowing(text: str) -> str:
    """A docstring with its lines joined: the pane breaks them where it ends."""
    return "\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def recipe_choices() -> list[Choice]:
    """The starter recipes."""
    from curation.recipe import Recipe

    loaded = [Recipe.load(name) for name in Recipe.builtin_names()]
    return [
        Choice(each.name, each.description, " → ".join(step.name for step in each.steps()) + f"\n{each.description}")
        for each in loaded
    ]
