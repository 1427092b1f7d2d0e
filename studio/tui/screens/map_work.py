"""The work behind the Map screen, for thread workers: each function posts what it finds, and never touches a widget.

Maps are made by other processes. Reading one, choosing records and painting the plane take milliseconds for thousands of
records and tenths of a second for a million; the screen goes on meanwhile.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.address import from_anywhere
from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.messages import ProblemMet
from studio.tui.screens.curate_messages import RunBegun
from studio.tui.screens.map_messages import (
    MapRead,
    MapsListed,
    MapUnread,
    PlanePainted,
    RecordTold,
    RowsSelected,
    SeedsWritten,
)
from studio.tui.screens.run_book import RunBook
from studio.tui.screens.runs_work import frame_of
from studio.tui.screens.train_work import run_apart
from studio.tui.widgets.generate_list import GenerateFrame

if TYPE_CHECKING:
    from curation.browsing import Record
    from curation.ledger import Event
    from studio.runs.folder import RunFolder
    from studio.tui.points import Choice, Points, Rows
    from studio.tui.scatter import Painter, View


@dataclass(frozen=True)
class Told:
    """All of a record. turns: who says what, after the stages' edits. events: what stages decided. columns: the rest."""

    turns: Sequence[tuple[str, str]]
    events: Sequence[Event] = ()
    columns: Sequence[tuple[str, Any]] = ()


# Runs


def map_book(runs_dir: Path) -> RunBook[GenerateFrame]:
    """Posts MapsListed."""
    return RunBook(runs_dir, map_frame, MapsListed, kind="map")


def map_frame(folder: RunFolder) -> GenerateFrame:
    """One map as its files tell it."""
    from studio.runs.spec import read_spec
    from studio.runs.status import read_result
    from studio.tui.screens.map_frames import list_line

    told = frame_of(folder)
    said = told.problem
    if not said:
        result = read_result(folder)
        said = list_line(read_spec(folder).inputs, result.summary if result is not None else {})
    return GenerateFrame(told.name, told.path, told.status, said, told.started)


def begin(words: Sequence[str], runs_dir: Path, target: MessagePump) -> None:
    """`studio map WORDS --detach` in a process of its own: some embedding models need torch to be looked for. Posts RunBegun
    or ProblemMet."""
    worker = get_current_worker()
    command = [sys.executable, "-m", "studio", "map", *words, "--detach", "--json", "--runs-dir", str(runs_dir)]
    done = run_apart(command, lambda: worker.is_cancelled)
    if done is None or worker.is_cancelled:
        return
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().rpartition(b"\n")[2])
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        found = {"message": lines[-1] if lines else _("It ended without a word."), "hint": ""}
    if "folder" in found:
        target.post_message(RunBegun(str(found["folder"])))
    else:
        target.post_message(ProblemMet(str(found.get("message", "")), str(found.get("hint", ""))))


def read(path: Path, target: MessagePump) -> None:
    """Read a finished map. Posts MapRead or MapUnread."""
    from curation.topics.model import read_map, read_points
    from studio.runs.folder import RunFolder
    from studio.runs.spec import read_spec
    from studio.tui.points import Points

    try:
        cwd = Path(read_spec(RunFolder(path)).cwd)
        found = read_map(path)
        points = Points(read_points(path), found)
    except StudioError as error:
        target.post_message(MapUnread(path.name, error.message, error.hint))
        return
    inputs = tuple(from_anywhere(cwd, name) for name in found.inputs)
    target.post_message(MapRead(path.name, points, inputs))


# Looking


def look(points: Points, choice: Choice, by: str, painter: Painter, view: View | None, target: MessagePump) -> None:
    """Which records are chosen, and the plane with them. Posts RowsSelected, and PlanePainted where there is a view."""
    from studio.tui.points import Choice

    worker = get_current_worker()
    rows = points.rows(choice, by)
    if worker.is_cancelled:
        return
    target.post_message(RowsSelected(points, choice, by, rows))
    if view is not None:
        paint(painter, view, None if choice == Choice() else rows, target)


def paint(painter: Painter, view: View, rows: Rows | None, target: MessagePump) -> None:
    """Draw the plane. Posts PlanePainted."""
    worker = get_current_worker()
    scatter = painter.paint(view, rows)
    if not worker.is_cancelled:
        target.post_message(PlanePainted(painter.points, scatter))


def where(points: Points, inputs: Sequence[str], row: int) -> str:
    """What has to be opened to see a record: the curation, or the file. Raises StudioError."""
    from curation.datasets import datasets_of
    from curation.topics.gather import is_curation

    record = points.record(row)
    name: str = inputs[record["input"]]
    if is_curation(Path(name)):
        return name
    files = datasets_of(name)
    source = record["record_id"].rpartition(":")[0]
    return next((each for each in files if Path(each).name == source), files[0])


def tell(points: Points, inputs: Sequence[str], row: int, target: MessagePump) -> None:
    """Read all of a record. Posts RecordTold or ProblemMet."""
    from curation.topics.gather import is_curation

    worker = get_current_worker()
    record = points.record(row)
    try:
        path = where(points, inputs, row)
        found = _of_curation(Path(path), record["record_id"]) if is_curation(Path(path)) else None
        if found is None and not is_curation(Path(path)):
            found = _of_file(path, record["record_id"], lambda: worker.is_cancelled)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    except OSError as error:
        target.post_message(ProblemMet(f"{record['record_id']}: {error.strerror}"))
        return
    if worker.is_cancelled:
        return
    if found is None:
        said = _("{id} is not there any more.").format(id=record["record_id"])
        target.post_message(ProblemMet(said, _("The data has changed since the map was made.")))
    else:
        target.post_message(RecordTold(points, row, found))


def _of_curation(folder: Path, record_id: str) -> Told | None:
    from curation.ledger import stories

    found = stories(folder, [record_id])
    if not found:
        return None
    return Told([(turn.role, turn.content) for turn in found[0].final()], found[0].events)


def _of_file(path: str, record_id: str, stopped: Any) -> Told | None:
    from curation.browsing import open_records
    from curation.browsing.place import row_of

    records = open_records(path)
    try:
        for _count in records.grow(stopped):
            if stopped():
                return None
        row = row_of(records, record_id)
        record: Record | None = records.record(row) if row is not None else None
        return None if record is None else Told(record.turns, (), tuple(record.columns.items()))
    finally:
        records.close()


def write_seeds(path: Path, topic: int, out: Path, target: MessagePump) -> None:
    """The records of a topic as seeds, as `studio map --topic N --seeds FILE` does. Posts SeedsWritten or ProblemMet."""
    from studio.runs.folder import RunFolder
    from studio.runs.mapping import seeds_of

    try:
        written, changed = seeds_of(RunFolder(path), topic, out)
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(SeedsWritten(str(out), topic, written, changed))
