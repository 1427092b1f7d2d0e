"""When the interface itself fails: a log with the traceback, and one line. Never the values of variables.

Textual prints the local variables of every frame, which hold records.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from studio.display import display
from studio.tui.i18n import _


def write_log(error: BaseException) -> Path | None:
    """The traceback (source lines only) in a file of the user's own; None where none can be written."""
    text = display("".join(traceback.format_exception(error)), lines=True)
    base = os.environ.get("XDG_STATE_HOME")
    state = (Path(base) if base else Path.home() / ".local" / "state") / "curation-studio"
    for folder in (state, Path(tempfile.gettempdir())):
        path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{display(' '.join(sys.argv[:1]))}\n{text}\n")
        return path
    return None


def sentence(error: BaseException, log: Path | None) -> str:
    """The one line that is left on the terminal."""
    said = _("Something unexpected happened in the interface: {kind}.").format(kind=type(error).__name__)
    where = (
        _("The traceback is in {path}; please add it to a bug report.").format(path=log)
        if log
        else _("Its traceback could not be written anywhere.")
    )
    return display(f"{said} {where}")
