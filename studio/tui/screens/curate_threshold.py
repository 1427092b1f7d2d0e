"""Moving the thresholds of a finished run, with the number of records that change sides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.message_pump import MessagePump

from curation.errors import StudioError
from studio.tui.i18n import N_, _
from studio.tui.screens.modal import Modal
from studio.tui.widgets.lines import LineChosen
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.threshold import ThresholdList

if TYPE_CHECKING:
    from curation.recipe import Recipe
    from curation.thresholds import Dial


@dataclass
class DialsRead(Message):
    """The thresholds of the run, or why there are none."""

    dials: list[Dial]
    recipe: Recipe | None
    problem: str = ""


def read_dials(path: Path, target: MessagePump) -> None:
    """Read the scores in the ledger of a run. Posts DialsRead."""
    from curation.thresholds import dials
    from studio.runs.begin import recipe_of
    from studio.runs.folder import RunFolder

    try:
        recipe = recipe_of(RunFolder(path))
        target.post_message(DialsRead(dials(path, recipe), recipe))
    except StudioError as error:
        target.post_message(DialsRead([], None, f"{error.message} {error.hint}".strip()))


class ThresholdScreen(Modal[str]):
    """The setting that was chosen, such as `length.min_chars=20`; "" for none."""

    CSS_PATH = "curate_threshold.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,q", "leave", N_("Leave"), tooltip=N_("Leave the thresholds as they were."), id="thresholds.leave"
        ),
    ]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._recipe: Recipe | None = None

    def compose(self) -> ComposeResult:
        """The dials, and what the figures mean."""
        with Vertical(id="thresholds"):
            yield Plain(_("Thresholds of {name}").format(name=self._path.name), classes="title")
            yield ThresholdList(id="dials")
            yield Plain(
                _(
                    "pass: dropped records that would pass this stage; later ones may still drop them. fall: kept ones that "
                    "would not, ? where their scores are not noted. left and right move one, enter does the run again "
                    "with it, esc leaves."
                ),
                classes="hint",
            )

    def on_mount(self) -> None:
        """Read the ledger."""
        self.query_one(ThresholdList).focus()
        self.run_worker(
            lambda: read_dials(self._path, self), thread=True, exclusive=True, group="dials", exit_on_error=True
        )

    def on_dials_read(self, message: DialsRead) -> None:
        """Show them."""
        self._recipe = message.recipe
        self.query_one(ThresholdList).show(message.dials)
        if not message.dials:
            said = message.problem or _("No stage with a threshold dropped anything.")
            self.query_one(".hint", Plain).show(said)

    def on_line_chosen(self, message: LineChosen) -> None:
        """That one, if it was moved."""
        from curation.thresholds import setting_for

        message.stop()
        dials = self.query_one(ThresholdList)
        dial, value = dials.dials[message.place], dials.values[message.place]
        if self._recipe is not None and value != dial.value:
            self.dismiss(setting_for(dial, self._recipe, value))

    def action_leave(self) -> None:
        """None."""
        self.dismiss("")
