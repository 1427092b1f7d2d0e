"""The work behind the Runs screen, for thread workers: looks at run folders, posts what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.message_pump import MessagePump

from curation.errors import StudioError
from studio.tui.messages import ProblemMet
from studio.tui.screens.run_book import RunBook
from studio.tui.screens.runs_frames import RunFrame

if TYPE_CHECKING:
    from studio.runs.folder import RunFolder


@dataclass
class RunsListed(Message):
    """Every run in the folder, newest first."""

    runs: tuple[RunFrame, ...]

    def can_replace(self, message: Message) -> bool:
        """Only the newest list counts."""
        return isinstance(message, RunsListed)


@dataclass
class RunsCompared(Message):
    """Name, recipe's text and summary of two runs."""

    left: tuple[str, str, dict[str, Any]]
    right: tuple[str, str, dict[str, Any]]


def runs_book(runs_dir: Path) -> RunBook[RunFrame]:
    """Posts RunsListed."""
    return RunBook(runs_dir, frame_of, RunsListed)


def frame_of(folder: RunFolder) -> RunFrame:
    """One run as its files tell it. A folder that cannot be understood is a line with a problem."""
    from studio.runs.spec import read_spec
    from studio.runs.status import Status, read_result, status_of

    status = status_of(folder)
    result = read_result(folder)
    path = str(folder.path)
    try:
        spec = read_spec(folder)
    except StudioError as error:
        return RunFrame(folder.name, path, "", "", status.value, -1, -1, "", 0.0, error.message)
    counts = (result.summary.get("counts") or {}) if result is not None else {}
    seconds = result.seconds if result is not None else 0.0
    if status is Status.RUNNING:
        from studio.runs.lock import holder

        by = holder(folder)
        seconds = max(0.0, datetime.now().timestamp() - by.since) if by is not None else 0.0
    return RunFrame(
        folder.name,
        path,
        spec.kind,
        str(spec.recipe.get("name", "")),
        status.value,
        counts.get("read", -1),
        counts.get("kept", -1),
        spec.created[:16].replace("T", " "),
        seconds,
        result.message if result is not None else "",
        _training_note(folder, result.summary if result is not None else {}) if spec.kind == "train" else "",
    )


def _training_note(folder: RunFolder, summary: dict[str, Any]) -> str:
    """`6.225 → 5.988`, the held-out loss before and after; of a run that is not finished `12: 6.031`, step and loss."""
    losses = summary.get("losses") or {}
    before, after = ((losses.get(who) or {}).get("validation") for who in ("base", "tuned"))
    if after is not None:
        return f"{before:.3f} → {after:.3f}" if before is not None else f"{after:.3f}"
    from studio.runs.curves import last_step

    step = last_step(folder.events)
    return f"{step['step']:,}: {step['loss']:.3f}" if step is not None and step["loss"] is not None else ""


def compare(left: Path, right: Path, target: MessagePump) -> None:
    """Posts RunsCompared or ProblemMet."""
    from studio.runs.folder import RunFolder
    from studio.runs.spec import read_spec
    from studio.runs.status import read_result

    found = []
    try:
        for path in (left, right):
            folder = RunFolder(path)
            result = read_result(folder)
            found.append((folder.name, str(read_spec(folder).recipe["yaml"]), result.summary if result else {}))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
        return
    target.post_message(RunsCompared(found[0], found[1]))


def remove_run(path: Path, target: MessagePump) -> None:
    """Delete a run's folder. Posts ProblemMet where that is refused; a running one never goes."""
    from studio.runs.folder import RunFolder
    from studio.runs.remove import remove

    try:
        remove(RunFolder(path))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))


def size_of(path: Path) -> int:
    """Bytes of all files in a run's folder; links are not followed."""
    total = 0
    for each in path.rglob("*"):
        try:
            total += 0 if each.is_dir() else each.lstat().st_size
        except OSError:
            continue
    return total
