"""A worker process: reads tasks from its standard input until it ends, writes answers to its standard output."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from typing import Any

from curation.engine.pool import receive, send
from curation.errors import StageError, StudioError


def main() -> None:
    """Answer tasks until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent decides
    tasks = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    while True:
        try:
            function, args = receive(tasks)
        except EOFError:
            return
        send(answers, answer(function, args))


def answer(function: Any, args: Any) -> tuple[bool, Any]:
    """Whether `function(*args)` went well; its value, or an error that survives the way back. Tracebacks go to stderr."""
    try:
        return True, function(*args)
    except StudioError as error:
        return False, error
    except Exception as error:
        traceback.print_exc()
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            error = StageError(f"{type(error).__name__}: {error}", "The traceback is in the log of the run.")
        return False, error


if __name__ == "__main__":
    main()
