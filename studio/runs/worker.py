"""The detached worker: `python -P -m studio.runs.worker FOLDER`.

It belongs to a session of its own, has no terminal, and outlives whoever started it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from curation.errors import StudioError
from studio.runs.execute import execute, exit_code_of, prepare
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock


def main(argv: list[str] | None = None) -> int:
    """Do the run in FOLDER and return its exit code. What it says goes to the log it was started with."""
    parser = argparse.ArgumentParser(prog="studio.runs.worker", description="Do the run that a folder describes.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock-fd", type=int, help="an open, locked run.lock handed over by the launcher")
    options = parser.parse_args(argv)
    folder = RunFolder(options.folder.resolve())
    try:
        if options.lock_fd is None:
            lock = RunLock.acquire(folder)
            prepare(folder)
        else:
            lock = RunLock.adopt(folder, options.lock_fd)
        with lock:
            return execute(folder, lock, detached=True).exit_code
    except StudioError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)  # noqa: T201 - its stderr is the run's log
        return int(exit_code_of(error))


if __name__ == "__main__":
    sys.exit(main())
