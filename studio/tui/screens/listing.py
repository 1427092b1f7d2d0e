"""A list of the runs of one kind; in its place the run that is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.content import Content
from textual.widget import Widget

from studio.tui.screens.watching import WatchesRun
from studio.tui.text import line
from studio.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from studio.tui.screens.run_book import RunBook

_LIST_EVERY = 2.0  # seconds


class ListsRuns(WatchesRun):
    """PLACE is the kind of run, too. `-open` shows a run, which is looked at every EVERY seconds; `-none` that there is none."""

    EVERY: ClassVar[float] = 0.5

    book: RunBook[Any] | None = None
    _looks = 0

    if TYPE_CHECKING:

        def attach(self, folder: Path) -> None:
            """Open a run."""

        def watch_run(self) -> None:
            """Look at the run that is open."""

    def begin_list(self, book: RunBook[Any], runs: Widget) -> None:
        """Show the list, or what the program was started with."""
        self.book = book
        runs.focus()
        opened = Path(self.studio.opened or "")
        if f"-{self.PLACE}-" in opened.name and (opened / "run.json").is_file():
            self.attach(opened.absolute())
        self._look_again()
        self.set_interval(self.EVERY, self._look_again)

    def _look_again(self) -> None:
        """At what is open; every now and then at the list."""
        if not self.is_on_top:
            return
        self._looks += 1
        book = self.book
        if self.has_class("-open"):
            self.watch_run()
        elif book is not None and self._looks % round(_LIST_EVERY / self.EVERY) == 1:
            self.work("list", lambda: book.read(self))

    def show_whether_any(self, runs: Sequence[object], said: Sequence[str]) -> None:
        """said: paragraphs for where there are none."""
        self.set_class(not runs, "-none")
        if not runs:
            self.query_one("#none-text", Plain).show(Content("\n\n").join(map(line, said)))
