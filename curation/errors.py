"""Errors a user can act on: every one says what is wrong and what to do about it.

Inside a batch nothing raises: an unreadable line is a quarantined line. These errors are for what stops a whole run.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StudioError(Exception):
    """Base of every error shown to a user: one sentence, and a hint that says how to go on."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[StudioError], tuple[str, str]]:
        """Survive the trip from a worker process: `args` alone would lose the hint."""
        return type(self), (self.message, self.hint)


class RecipeError(StudioError):
    """The recipe cannot be run: unknown stage or key, bad value, bad YAML."""


class InputError(StudioError):
    """The input cannot be read at all: missing, unreadable, empty, of no known kind."""


class OutputError(StudioError):
    """The output cannot be written: no room, no permission, in the way."""


class BusyError(StudioError):
    """Another process holds the run folder."""


class StageError(StudioError):
    """A stage failed on a whole batch, or refuses to go on (a missing model, a wipe-out)."""


class Refused(StudioError):
    """A check found something that has to be mended, or allowed by name, before the run may begin."""


class WorkerLost(StudioError):
    """A worker process died without an answer (killed, out of memory)."""


class ClusterError(StudioError):
    """The cluster cannot be reached, or a node of it would not give the bytes that this machine gives."""


class Stopped(StudioError):
    """The user asked the run to stop; what was finished is kept and can be resumed."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the closest valid spelling, or every valid one when none is close."""
    options = sorted(known)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(options)}." if options else ""
