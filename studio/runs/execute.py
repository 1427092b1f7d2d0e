"""Doing a run in this process: the same code for a foreground command and for a detached worker."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import BusyError, InputError, OutputError, RecipeError, Refused, Stopped, StudioError
from curation.events import Event, Listener, RunFailed, RunFinished, RunStopped
from studio.exit_codes import ExitCode
from studio.runs.compare import run_compare
from studio.runs.curate import run_curate
from studio.runs.events import ENDINGS, EventLog
from studio.runs.experiment import run_experiment
from studio.runs.export import run_export
from studio.runs.folder import RunFolder
from studio.runs.generate import run_generate
from studio.runs.interrupt import Interrupt
from studio.runs.lock import RunLock
from studio.runs.mapping import run_map
from studio.runs.spec import RunSpec, now, read_spec
from studio.runs.status import Result, Status
from studio.runs.train import run_train

if TYPE_CHECKING:
    from collections.abc import Iterator

ShouldStop = Callable[[], bool]
Entry = Callable[[RunSpec, RunFolder, Listener, ShouldStop], dict[str, Any]]

KINDS: Mapping[str, Entry] = {
    "curate": run_curate,
    "train": run_train,
    "compare": run_compare,
    "experiment": run_experiment,
    "export": run_export,
    "generate": run_generate,
    "map": run_map,
}
"""What a worker can do, by the `kind` of run.json."""


def prepare(folder: RunFolder) -> None:
    """Clear what an earlier leg left: its result, the wish to stop or to wait. Only the holder of the lock may call this."""
    for path in (folder.result, folder.stop, folder.pause):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}.") from error


def execute(
    folder: RunFolder,
    lock: RunLock,
    listener: Listener | None = None,
    on_stop: Callable[[], None] = lambda: None,
    *,
    detached: bool = False,
) -> Result:
    """Do the run that `folder` describes, to its end, and write its result. Never raises what a run can raise.

    listener: hears every event besides `events.jsonl`; what it raises is dropped, because a terminal that went away
    must not end a run. on_stop: called once, when the first signal asked for a graceful stop.
    """
    lock.sign()
    leg = _Leg(folder, listener)

    @contextmanager
    def interrupted() -> Iterator[ShouldStop]:
        with Interrupt(folder, leg.force, on_stop, detached=detached) as interrupt:
            yield interrupt.should_stop

    return _carry_out(leg, interrupted())


def execute_within(
    folder: RunFolder, lock: RunLock, should_stop: ShouldStop, listener: Listener | None = None
) -> Result:
    """The same for a run that is a part of another one, whose process it is done in: that one hears the signals."""
    lock.sign()
    return _carry_out(_Leg(folder, listener), nullcontext(lambda: should_stop() or folder.stop.exists()))


def _carry_out(leg: _Leg, listening: AbstractContextManager[ShouldStop]) -> Result:
    folder = leg.folder
    try:
        with listening as should_stop:
            spec = read_spec(folder)
            with _working_in(spec.cwd):
                summary = KINDS[spec.kind](spec, folder, leg.emit, should_stop)
    except Stopped as error:
        return leg.end(RunStopped(folder.name), _result(leg, Status.STOPPED, ExitCode.STOPPED, error))
    except StudioError as error:
        event = RunFailed(folder.name, type(error).__name__, error.message, error.hint)
        return leg.end(event, _result(leg, Status.FAILED, exit_code_of(error), error))
    except Exception as error:
        keep_traceback(folder)
        unexpected = StudioError(
            f"An unexpected {type(error).__name__} ended the run.", f"The traceback is in {folder.log}."
        )
        event = RunFailed(folder.name, type(error).__name__, unexpected.message, unexpected.hint)
        return leg.end(event, _result(leg, Status.FAILED, ExitCode.FAILED, unexpected, type(error).__name__))
    return leg.end(RunFinished(folder.name, summary), _result(leg, Status.FINISHED, ExitCode.OK, summary=summary))


class _Leg:
    """One stretch of a run between a start and an end: its events, its clock, and exactly one ending."""

    def __init__(self, folder: RunFolder, listener: Listener | None) -> None:
        self.folder = folder
        self.started = time.monotonic()
        self._log = EventLog(folder.events)
        self._listener = listener
        self._ending = threading.Lock()

    def emit(self, event: Event) -> None:
        """Pass an event on. The engine's own ending is held back: the run ends when its result is written."""
        if isinstance(event, ENDINGS):
            return
        self._pass_on(event)

    def end(self, event: Event, result: Result) -> Result:
        """The last event, then the result."""
        self._ending.acquire()  # never released: the first ending is the only one
        return self._end(event, result)

    def force(self) -> None:
        """End this process now, and every process it started; what was finished is kept."""
        if not self._ending.acquire(blocking=False):
            return  # it is ending by itself, a matter of milliseconds
        kill_children()
        with suppress(Exception):
            self._end(RunStopped(self.folder.name), _result(self, Status.STOPPED, ExitCode.STOPPED))
        os._exit(ExitCode.STOPPED)

    def _end(self, event: Event, result: Result) -> Result:
        with suppress(OutputError):  # a full disk: the result matters more, and `crashed` says it if that fails too
            self._log(event)
        self._tell(event)
        with suppress(OutputError):
            result.write(self.folder)
        self._log.close()
        return result

    def _pass_on(self, event: Event) -> None:
        self._log(event)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        if self._listener is not None:
            with suppress(Exception):
                self._listener(event)


def _result(
    leg: _Leg,
    status: Status,
    code: ExitCode,
    error: StudioError | None = None,
    error_name: str = "",
    summary: dict[str, Any] | None = None,
) -> Result:
    return Result(
        status=status,
        ended=now(),
        seconds=round(time.monotonic() - leg.started, 3),
        exit_code=int(code),
        error=error_name or (type(error).__name__ if error else ""),
        message=error.message if error else "",
        hint=error.hint if error else "",
        summary=summary or {},
    )


def exit_code_of(error: StudioError) -> ExitCode:
    """The documented exit code of an error a user can act on."""
    by_type: tuple[tuple[type[StudioError], ExitCode], ...] = (
        (RecipeError, ExitCode.USAGE),
        (InputError, ExitCode.INPUT),
        (BusyError, ExitCode.BUSY),
        (OutputError, ExitCode.OUTPUT),
        (Stopped, ExitCode.STOPPED),
        (Refused, ExitCode.FINDINGS),
    )
    return next((code for kind, code in by_type if isinstance(error, kind)), ExitCode.FAILED)


def keep_traceback(folder: RunFolder) -> None:
    """Append the traceback being handled to the run's log. Tracebacks hold no local variables, so no record's text."""
    with suppress(OSError):
        descriptor = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"\n{now()}\n{traceback.format_exc()}")


def kill_children() -> None:
    """SIGKILL to every process this one started, and to theirs."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()


@contextmanager
def _working_in(folder: str) -> Iterator[None]:
    """Relative inputs mean what they meant when the run was made, wherever it is resumed from."""
    before = Path.cwd()
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"The folder the run was started in, {folder}, cannot be entered: {error.strerror}."
        ) from error
    try:
        yield
    finally:
        os.chdir(before)
