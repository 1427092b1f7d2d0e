"""Looking at the tokens before anything is trained: preflight in another process, its report, the tokens of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from studio.tui.i18n import N_, _
from studio.tui.screens import train_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.train_messages import MemoryEstimated, PreflightFailed, PreflightMade
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from studio.tui.screens.train import TrainScreen


class ReportPane(ScrolledText):
    """What preflight found."""

    HELP = N_(
        "What was found in the tokens that would be trained: ✗ stops the run, ! is a warning, → says what to do. p looks "
        "again, esc goes back to the recipe."
    )


class TokensPane(ScrolledText):
    """The tokens of a record."""

    HELP = N_(
        "The tokens of a record as they are trained: those between ‹ and › are learned, the others are only read. ] and [ "
        "go on and back."
    )


class LooksAtTokens(StudioScreen):
    """What the Train screen does with preflight. `-report` shows the report in place of the recipe."""

    report: PreflightMade | None = None
    record = 0

    @property
    def _looker(self) -> TrainScreen:
        return cast("TrainScreen", self)

    def action_preflight(self) -> None:
        """Have the tokens looked at by another process."""
        draft, inputs = self._looker.draft, self._looker.inputs
        if draft is None:
            return
        if not inputs or not draft.recipe.model.name:
            self.studio.say(_("Preflight needs data (i) and a model (m)."), "warning")
            return
        recipe, command = draft.recipe, draft.command(inputs)
        self._looker.tell(_("Preflight: reading the data, making tokens …"))
        self._looker.work("preflight", lambda: work.preflight(inputs, recipe, command, self))

    def on_preflight_made(self, message: PreflightMade) -> None:
        """Show it."""
        self._looker.tell("")
        self.report, self.record = message, 0
        self.remove_class("-following")
        self.add_class("-report")
        self.query_one(ReportPane).focus()
        self.show_report(home=True)
        self.refresh_bindings()

        draft, inputs = self._looker.draft, self._looker.inputs
        if draft is not None and message.report.get("memory", {}) is None and draft.command(inputs) == message.command:
            recipe, command = draft.recipe, message.command
            self._looker.work("memory", lambda: work.estimate_memory(inputs, recipe, command, self))

    def on_memory_estimated(self, message: MemoryEstimated) -> None:
        """It joins the report."""
        if self.report is not None and self.report.command == message.command:
            self.report = PreflightMade(message.command, {**self.report.report, "memory": message.memory})
            self.show_report()

    def on_preflight_failed(self, message: PreflightFailed) -> None:
        """There was nothing to look at."""
        self._looker.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    def blocking(self) -> tuple[str, ...]:
        """What preflight found that stops the recipe as it is now; nothing where it looked at another one, or not at all."""
        if (
            self.report is None
            or self._looker.draft is None
            or self.report.command != self._looker.draft.command(self._looker.inputs)
        ):
            return ()
        found = [each["reason"] for each in self.report.report["findings"] if each["level"] == "block"]
        return tuple(dict.fromkeys(found))

    def action_record(self, by: int) -> None:
        """The tokens of another record."""
        from studio.tui.screens.train_report import records_of

        if self.report is not None and (records := records_of(self.report.report)):
            self.record = (self.record + by) % len(records)
            self.add_class("-tokens")
            self.show_report(home=True)

    def show_report(self, *, home: bool = False) -> None:
        """The report, and the tokens of a record."""
        from studio.tui.screens.train_report import records_of, report_content, tokens_content

        if self.report is None or not self.has_class("-report"):
            return
        pane, tokens, report = self.query_one(ReportPane), self.query_one(TokensPane), self.report.report
        room = self.size.width // 2 if self.size.width >= 100 else self.size.width  # as in train.tcss
        pane.show(report_content(report, max(30, room - 4)), home=home)
        tokens.show(tokens_content(records_of(report), self.record), home=home)
