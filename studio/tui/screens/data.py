"""The Data screen: a table of whatever was opened, the record under the cursor, and what the records are like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.timer import Timer

from studio.tui import looking
from studio.tui.frames import RecordRows, drawings, nothing_open, readable, record_content, sortable, status_parts
from studio.tui.i18n import N_, _
from studio.tui.looking import Arrangement
from studio.tui.messages import (
    CursorMoved,
    DistributionsMeasured,
    MatchesFound,
    ProblemMet,
    PromptAnswered,
    PromptLeft,
    RecordRead,
    RecordsCounted,
    RecordsOpened,
    RowChosen,
    RowsOrdered,
    RowsRead,
    RowsWanted,
    SearchAdvanced,
)
from studio.tui.screens.data_go import GoesToRecord
from studio.tui.screens.data_keys import DATA_KEYS
from studio.tui.text import line
from studio.tui.widgets.charts import Charts
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.record_pane import RecordPane
from studio.tui.widgets.record_table import RecordTable
from studio.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from curation.browsing import Order, Record, RecordList
    from curation.browsing.model import RowNumbers
    from curation.browsing.search import Matches

_RESTING = 0.04  # seconds the cursor must stay before the record under it is laid out
_FATES = ("", "kept", "edited", "dropped")


class DataScreen(GoesToRecord):
    """Opens a path, and shows its records. Everything that takes time is a thread worker of `studio.tui.looking`."""

    PLACE = "data"
    CSS_PATH = "data.tcss"
    HELP = N_(
        "Find takes a text, or a regular expression between slashes; small letters match capitals too. Filter takes an "
        "SQL condition, as the stage where does: chars > 500 AND source = 'a.jsonl'. Sort takes length, size, source or "
        "a column, with - in front for the largest first."
    )
    BINDINGS = DATA_KEYS

    def __init__(self) -> None:
        super().__init__()
        self.records: RecordList | None = None
        self.record: Record | None = None
        self.order: Order | None = None
        self.arrangement = Arrangement()
        self.matches: Matches | None = None
        self.counted, self.whole = 0, False
        self.status = ""  # no reactive: one on a screen repaints all of it, 40 kB at 120 by 40
        self._kept: RowNumbers | None = None  # rows that the filter left, before they were sorted
        self._path = ""
        self._progress = ""
        self._resting: Timer | None = None

    def body(self) -> ComposeResult:
        """The table on the left, record and charts on the right; under one another on narrow terminals."""
        with Container(id="empty"):
            yield Plain(id="empty-text")
        with Container(id="split"):
            with Vertical(id="list"):
                yield RecordTable(id="table")
                yield Plain(id="status")
            with Vertical(id="side"):
                yield RecordPane(id="pane")
                yield Charts(id="charts")
        yield PromptLine()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, nothing else is asked."""
        asks = action in ("find", "filter", "sort", "open")
        return not (asks and self.query_one(PromptLine).is_open) and super().check_action(action, parameters)

    def on_mount(self) -> None:
        """Open what the program was started with, after the first frame."""
        self._show_empty(*nothing_open())
        if self.studio.opened:
            self.call_after_refresh(self.open_path, self.studio.opened)

    # Opening

    def open_path(self, path: str) -> None:
        """Open something else."""
        self.workers.cancel_group(self, "search")
        self.workers.cancel_group(self, "measure")
        self._path = self.studio.opened = path
        self._show_empty(_("Opening {path} …").format(path=path), "")
        self._work("open", lambda: looking.open_and_count(path, self))

    def on_records_opened(self, message: RecordsOpened) -> None:
        """Something new: nothing found, nothing sorted."""
        from curation.browsing import Order

        if self.records is not None:
            self.records.close()
        self.records, self.record, self.matches = message.records, None, None
        self.order, self.arrangement, self._kept = Order(), Arrangement(), None
        self.counted, self.whole, self._progress = 0, False, ""
        self.query_one(Charts).drawings = ()
        self.query_one(RecordPane).show(Content(""))
        self.query_one(TopBar).opened = message.records.name
        self._show_rows(cursor=0)

    def on_records_counted(self, message: RecordsCounted) -> None:
        """More records, or all of them."""
        records = message.records
        if records is not self.records:
            return
        first = not self.counted and message.count
        self.counted, self.whole = message.count, message.whole
        if first:
            self.set_class(True, "-filled")
            self.query_one(RecordTable).focus()
        self.query_one(RecordTable).grown()
        if first or message.whole:
            self._read_under_cursor()
            self._work("measure", lambda: looking.measure(records, self))
        if message.whole:
            for note in records.notes[:3]:
                self.studio.say(note, "warning")
            if records.problem is not None:
                self.on_problem_met(ProblemMet(records.problem.message, records.problem.hint))
            elif not message.count:
                self._show_empty(
                    _("There is no record in {path}.").format(path=self._path), _("o opens something else.")
                )
        self._tell()

    def on_problem_met(self, message: ProblemMet) -> None:
        """In place of records where there are none, else in the corner."""
        message_stop = getattr(message, "stop", None)
        if message_stop is not None:
            message.stop()
        self._progress = ""
        if self.counted:
            self.studio.say(f"{message.message} {message.hint}".strip(), "error")
        else:
            self._show_empty(message.message, f"{message.hint}\n\n" + _("o opens something else."))
        self._tell()

    # The table and the record

    def _show_rows(self, cursor: int) -> None:
        if self.records is not None and self.order is not None:
            self.query_one(RecordTable).show(RecordRows(self.records, self.order), cursor=cursor)

    def on_cursor_moved(self, message: CursorMoved) -> None:
        """The record is laid out when the cursor has come to rest."""
        message.stop()
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_RESTING, self._read_under_cursor)
        self._tell()

    def _read_under_cursor(self) -> None:
        records, table = self.records, self.query_one(RecordTable)
        if records is not None and table.rows is not None and table.count:
            row = table.rows.row(table.cursor)
            self._work("record", lambda: looking.read_record(records, row, self))

    def on_record_read(self, message: RecordRead) -> None:
        """Show it, if it is still the one."""
        table = self.query_one(RecordTable)
        if message.records is not self.records or table.rows is None or not table.count:
            return
        if table.rows.row(table.cursor) == message.row:
            again = self.record is not None and self.record.raw == message.record.raw
            self.record = message.record
            content = record_content(message.record, message.language)
            self.query_one(RecordPane).show(content, from_top=not again)

    def on_rows_wanted(self, message: RowsWanted) -> None:
        """Read what the table could not show."""
        records, rows = self.records, tuple(message.rows)
        if records is not None:
            self._work("rows", lambda: looking.read_rows(records, rows, self))

    def on_rows_read(self, message: RowsRead) -> None:
        """Draw them."""
        if message.records is self.records:
            self.query_one(RecordTable).arrived()

    def on_row_chosen(self, message: RowChosen) -> None:
        """Enter: into the record."""
        message.stop()
        self.remove_class("-charts")
        self.query_one(RecordPane).focus()

    # Prompts

    def action_find(self) -> None:
        """Ask what to find."""
        self._ask("find", _("Find"), _("a text, or /a regular expression/"))

    def action_filter(self) -> None:
        """Ask for a condition."""
        hint = _("SQL, for example chars > 500; nothing shows everything again")
        self._ask("filter", _("Filter"), hint, self.arrangement.condition)

    def action_sort(self) -> None:
        """Ask for an order."""
        hint = _("length, size, source or a column; - in front: largest first")
        self._ask("sort", _("Sort"), hint, self.arrangement.sort, sortable(self.records))

    def action_open(self) -> None:
        """Ask for a path."""
        from studio.tui.paths import PathSuggester

        prompt = self.query_one(PromptLine)
        prompt.ask("open", _("Open"), hint=_("a file, a folder or a run"), suggester=PathSuggester())

    def _ask(self, prompt: str, label: str, hint: str, text: str = "", words: list[str] | None = None) -> None:
        if not self.counted:
            self.studio.say(_("Nothing is open. Press o to open something."))
            return
        from textual.suggester import SuggestFromList

        suggester = SuggestFromList(words) if words else None
        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text, suggester=suggester)

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to the table."""
        message.stop()
        self._back()

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        self._back()
        records, answer = self.records, message.answer
        if message.prompt == "open":
            if answer:
                self.open_path(answer)
        elif records is None:
            return
        elif message.prompt == "find":
            if answer:
                self._work("search", lambda: looking.search(records, answer, self))
        elif message.prompt == "filter":
            self._arrange(Arrangement(answer, self.arrangement.sort, self.arrangement.fate))
        else:
            self._arrange(Arrangement(self.arrangement.condition, answer, self.arrangement.fate))

    def _back(self) -> None:
        if self.counted:
            self.query_one(RecordTable).focus()
        else:
            self.set_focus(None)

    # Searching, filtering, sorting

    def action_fate(self) -> None:
        """The next of all, kept, edited, dropped."""
        records = self.records
        if records is None or not any(segment.kind == "run" for segment in records.segments):
            self.studio.say(_("Only a run has kept, edited and dropped records."))
            return
        fate = _FATES[(_FATES.index(self.arrangement.fate) + 1) % len(_FATES)]
        self._arrange(Arrangement(self.arrangement.condition, self.arrangement.sort, fate))

    def _arrange(self, wanted: Arrangement) -> None:
        records = self.records
        if records is not None and wanted != self.arrangement:
            same = (wanted.condition, wanted.fate) == (self.arrangement.condition, self.arrangement.fate)
            known = self._kept if same else None
            self._work("search", lambda: looking.arrange(records, wanted, self, known))

    def on_search_advanced(self, message: SearchAdvanced) -> None:
        """How far it is."""
        if not any(
            worker.group == "search" and worker.is_running and not worker.is_cancelled for worker in self.workers
        ):
            return  # it was stopped, or has ended
        said = _("looked at {done} of {total}, {found} found, esc stops")
        self._progress = said.format(done=f"{message.done:,}", total=f"{message.total:,}", found=f"{message.found:,}")
        self._tell()

    def on_rows_ordered(self, message: RowsOrdered) -> None:
        """Show the rows in their order, from the top."""
        if message.records is not self.records:
            return
        self._progress = ""
        if message.order.rows is not None and not len(message.order.rows):
            self.studio.say(_("No record is left; nothing was changed."), "warning")
            self._tell()
            return
        self.order, self.arrangement, self._kept = message.order, message.wanted, message.kept
        self._show_rows(cursor=0)
        self._tell()

    def on_matches_found(self, message: MatchesFound) -> None:
        """Mark them, and go to the first."""
        from curation.browsing.search import Matches

        if message.records is not self.records:
            return
        self._progress = ""
        self.matches = Matches(message.rows)
        self.query_one(RecordTable).mark(self.matches)
        if not len(self.matches):
            self.studio.say(_("Not found: {text}").format(text=message.what), "warning")
        elif self.query_one(RecordTable).cursor not in self.matches:
            self.action_next(1)
        self._tell()

    def action_next(self, step: int) -> None:
        """To the next match in the order shown."""
        table = self.query_one(RecordTable)
        if self.matches is not None and self.order is not None:
            place = self.matches.next_place(self.order, table.cursor, step)
            if place is not None:
                table.go_to(place)

    def action_stop(self) -> None:
        """Stop a search; with none going on, forget what was found."""
        if self.workers.cancel_group(self, "search"):
            self._progress = ""
        elif self.matches is not None:
            self.matches = None
            self.query_one(RecordTable).mark(frozenset())
        self._back()
        self._tell()

    # Distributions

    def on_distributions_measured(self, message: DistributionsMeasured) -> None:
        """Draw them."""
        if message.records is not self.records:
            return
        found, charts = message.distributions, self.query_one(Charts)
        charts.drawings = drawings(found)
        said = _("a sample of {n} records") if found.sampled < found.total else _("all {n} records")
        charts.note = said.format(n=f"{found.sampled:,}")
        self._tell()

    def action_charts(self) -> None:
        """Charts in place of the record, where there is no room for both."""
        self.toggle_class("-charts")

    # The record elsewhere

    def action_copy(self) -> None:
        """The record as JSON into the terminal's clipboard."""
        if self.record is not None:
            self.studio.copy(self.record.raw.payload.decode("utf-8", "replace"))

    def action_editor(self) -> None:
        """The whole record in the user's editor. What is changed there is not taken over."""
        from studio.tui.editor import edit

        if self.record is not None and edit(self.app, readable(self.record), ".json") is not None:
            self.studio.say(_("The data is not changed here. Changes are made on the screen Review."), "warning")

    def action_reload(self) -> None:
        """Open the same again."""
        if self._path:
            self.open_path(self._path)

    # What is told

    def _work(self, group: str, work: object) -> None:
        """Run in a thread; a newer one of the same group takes its place."""
        self.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=True, name=group)  # type: ignore[arg-type]

    def _tell(self) -> None:
        """The line under the table."""
        table = self.query_one(RecordTable)
        if self.records is not None and self.order is not None:
            found = len(self.matches) if self.matches is not None else None
            parts = status_parts(self.records, self.order, table.cursor, table.count, found, whole=self.whole)
            self.status = " · ".join(part for part in (*parts, self._progress) if part)
            self.query_one("#status", Plain).show(line(self.status), same_size=True)

    def _show_empty(self, head: str, rest: str) -> None:
        self.counted = 0
        self.remove_class("-filled")
        text = Content("\n").join([line(head, style="bold"), Content(""), *map(line, rest.split("\n"))])
        self.query_one("#empty-text", Plain).show(text)
