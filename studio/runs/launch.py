"""Starting a detached worker: a new session, files for its output, and the lock handed over."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from curation.errors import StageError, StudioError
from studio.runs.execute import prepare
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock, is_held
from studio.runs.status import read_result

_STARTS_WITHIN = 10.0  # seconds to the first event: it has to import the engine, on a busy machine


def launch(folder: RunFolder, lock: RunLock, *, pass_stdin: bool = False) -> int:
    """Hand the held `lock` to a new worker and return its process id once its first event is written.

    The worker is in a session of its own (a closing terminal does not reach it), ignores SIGHUP, and writes to
    `worker.log`. pass_stdin: the run reads its records from this process's standard input.
    Raises StageError with the log's last line when the worker dies at once. `lock` is closed here in any case.
    """
    with lock:
        prepare(folder)
        seen = folder.events.stat().st_size if folder.events.exists() else 0
        log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", "studio.runs.worker", str(folder.path)]
        try:
            process = subprocess.Popen(
                [*command, "--lock-fd", str(lock.descriptor)],
                stdin=None if pass_stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.descriptor,),
            )
        finally:
            os.close(log)
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        if folder.events.exists() and folder.events.stat().st_size > seen:
            break
        if process.poll() is not None and read_result(folder) is None and not is_held(folder):
            raise _died(folder, process.returncode)
        time.sleep(0.02)
    return process.pid


def _died(folder: RunFolder, code: int) -> StudioError:
    lines = folder.log.read_text("utf-8", "replace").strip().splitlines()
    said = lines[-1][:500] if lines else "It said nothing."
    return StageError(f"The worker ended at once with status {code}: {said}", f"Its log is {folder.log}.")
