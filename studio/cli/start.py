"""Starting a run that has its folder, in front of the user or behind their back, and telling how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.output import Output
from studio.cli.progress import as_listener, narrator_for
from studio.cli.summary import tell
from studio.exit_codes import ExitCode
from studio.runs.folder import RunFolder, reference
from studio.runs.status import Result, Status, read_result

if TYPE_CHECKING:
    from studio.runs.lock import RunLock


def start(folder: RunFolder, lock: RunLock, out: Output, *, detach: bool, pass_stdin: bool = False) -> int:
    """Do the run described in `folder`, whose lock is held, and return the exit code."""
    from studio.runs.execute import execute, prepare

    if detach:
        return _detached(folder, lock, out, pass_stdin)
    with lock:
        prepare(folder)
        narrator = narrator_for(out)

        def on_stop() -> None:
            out.say("Stopping after what is under way. Press Ctrl-C again to end it now.")

        try:
            result = execute(folder, lock, as_listener(narrator), on_stop)
        finally:
            narrator.close()
    return report(folder, result, out)


def _detached(folder: RunFolder, lock: RunLock, out: Output, pass_stdin: bool) -> int:
    from studio.runs.launch import launch

    pid = launch(folder, lock, pass_stdin=pass_stdin)
    run = reference(folder)
    out.say(f"Process {pid} goes on without this terminal. Watch it with 'studio runs attach {run}'.")
    if out.json:
        out.json_line({"run": folder.name, "folder": str(folder.path), "pid": pid})
    else:
        out.data(run)
    return int(ExitCode.OK)


def report(folder: RunFolder, result: Result, out: Output) -> int:
    """Say how the run ended; with --json the events have said it already. Returns its exit code."""
    run = reference(folder)
    if result.status is Status.FINISHED:
        if out.quiet and not out.json:
            out.data(run)
        elif not out.json:
            out.data("")
            out.data(tell(folder, result.summary))
    elif result.status is Status.STOPPED:
        out.say(f"Stopped. What was finished is kept; go on with 'studio runs resume {run}'.")
    else:
        out.problem(result.message, result.hint)
        out.say(f"What was finished is kept in {folder.path}; go on with 'studio runs resume {run}'.")
    return result.exit_code


def resume(
    folder: RunFolder,
    out: Output,
    *,
    settings: Sequence[str],
    argv: Sequence[str],
    detach: bool,
    how: Mapping[str, Any] | None = None,
    verdicts: Path | None = None,
) -> int:
    """Go on with a run that stopped, failed or was killed; or with a finished one under other settings or verdicts.

    how: as of `studio.runs.begin.reopen`. verdicts: a journal whose lines are copied into the run's own first. Raises BusyError
    when the run is running. A
    finished run whose settings and verdicts stay the same is only told again.
    """
    from studio.runs.begin import reopen

    lock = reopen(folder, settings=settings, how=how, verdicts=verdicts, argv=argv)
    if lock is None:
        out.say(f"{folder.name} is finished already; there is nothing left to do.")
        result = read_result(folder)
        return int(ExitCode.OK) if result is None else _told_again(folder, result, out)
    return start(folder, lock, out, detach=detach)


def _told_again(folder: RunFolder, result: Result, out: Output) -> int:
    if not out.json:
        return report(folder, result, out)
    from studio.runs.events import EventReader

    ending = [event for event in EventReader(folder.events).read() if event["event"] == "run_finished"]
    for event in ending[-1:]:
        out.json_line(event)
    return result.exit_code
