"""From an exception to one line, a hint and an exit code; and to a log where it was unexpected."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

import click

from curation.errors import StudioError
from studio.cli.output import ReaderLeft, error_lines
from studio.exit_codes import ExitCode


def exit_code_for(error: BaseException) -> int:
    """Say what went wrong on stderr, as briefly as it can be said, and return the exit code."""
    match error:
        case ReaderLeft() | BrokenPipeError():
            return _reader_left()
        case SystemExit():
            return _leave(error)
        case click.exceptions.Exit():
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            return _say("Stopped.", "", ExitCode.STOPPED)
        case click.ClickException():
            return _misused(error)
        case StudioError():
            from studio.runs.execute import exit_code_of

            return _say(error.message, error.hint, exit_code_of(error))
        case OSError():
            where = f" {error.filename}" if error.filename else ""
            return _say(f"The system refused:{where}: {error.strerror or error}.", _log_hint(), ExitCode.OUTPUT)
        case _:
            return _say(f"Something unexpected happened: {type(error).__name__}.", _log_hint(), ExitCode.FAILED)


def _leave(error: SystemExit) -> int:
    if isinstance(error.__context__, BrokenPipeError):  # click, while it printed help
        return _reader_left()
    return error.code if isinstance(error.code, int) else int(ExitCode.FAILED)


def _misused(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        _write(error.format_message())
        return int(ExitCode.USAGE)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "studio"
    return _say(error.format_message(), f"See '{command} --help'.", ExitCode.USAGE)


def _say(message: str, hint: str, code: ExitCode) -> int:
    _write(error_lines(message, hint))
    return int(code)


def _write(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _reader_left() -> int:
    """Whoever read stdout has seen enough; nothing more may be written, not even by the interpreter at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(ExitCode.OK)


def _log_hint() -> str:
    """Keep the traceback being handled in a file of the user's own, and say where."""
    text = f"{' '.join(sys.argv[:2])}\n{traceback.format_exc()}"
    for folder in (_state_folder(), Path(tempfile.gettempdir())):
        path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(text)
        return f"The traceback is in {path}; please add it to a bug report, with what 'studio doctor' says."
    return "Its traceback could not be written anywhere."


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "curation-studio"
