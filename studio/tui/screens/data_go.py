"""Coming to the Data screen from elsewhere, with one record in mind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.message_pump import MessagePump

from studio.display import display
from studio.tui.i18n import _
from studio.tui.screens.base import StudioScreen
from studio.tui.widgets.record_table import RecordTable

if TYPE_CHECKING:
    from curation.browsing import Order, RecordList
    from studio.tui.messages import RecordsCounted


@dataclass
class RecordPlaced(Message):
    """The row of a record that was asked for, None where what is open has no such record."""

    records: RecordList
    record_id: str
    row: int | None


class GoesToRecord(StudioScreen):
    """`open_record` opens a path, and goes to a record as soon as all of it was read."""

    records: RecordList | None
    order: Order | None
    _path: str
    _wanted = ("", "")  # path and record

    if TYPE_CHECKING:

        def open_path(self, path: str) -> None:
            """Open something else."""

    def open_record(self, path: str, record_id: str) -> None:
        """Open a path with the cursor on this record. What is open already is not read again, if all of it is shown."""
        self._wanted = (path, record_id)
        if path == self._path and self.records is not None and self.records.whole and self._all_shown():
            self._seek(self.records)
        else:
            self.open_path(path)

    def _all_shown(self) -> bool:
        return self.order is not None and self.order.rows is None

    def on_records_counted(self, message: RecordsCounted) -> None:
        """Besides what the screen does: go there."""
        if message.whole and message.records is self.records and self._wanted[0] == self._path:
            self._seek(message.records)

    def _seek(self, records: RecordList) -> None:
        record_id = self._wanted[1]
        self._wanted = ("", "")
        self.run_worker(
            lambda: place(records, record_id, self), thread=True, exclusive=True, group="seek", exit_on_error=True
        )

    def on_record_placed(self, message: RecordPlaced) -> None:
        """Put the cursor on it."""
        if message.records is not self.records:
            return
        if message.row is None:
            said = _("There is no record {id} here any more.")
            self.studio.say(said.format(id=display(message.record_id, limit=200)), "warning")
        elif self._all_shown():
            self.query_one(RecordTable).go_to(message.row)


def place(records: RecordList, record_id: str, target: Any) -> None:
    """Find the row of a record. Posts RecordPlaced."""
    from curation.browsing.place import row_of

    found: MessagePump = target
    found.post_message(RecordPlaced(records, record_id, row_of(records, record_id)))
