"""How far the copying of remote files is, for whoever waits for it. Light: front ends import it at their start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Copying:
    """How far the copying of `files` files is: `done` of `total` bytes. what: the address that was named."""

    what: str
    files: int
    done: int
    total: int


Watcher = Callable[[Copying], None]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Have `watcher` called with how far copies are, for as long as this lasts, in this thread."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def watcher_now() -> Watcher:
    """Who wants to hear how far copies are."""
    return _watcher.get() or _nobody


def _nobody(_: Copying) -> None:
    """Nobody watches."""


def readable(size: int) -> str:
    """A number of bytes for people: `1.2 GB`."""
    if size < 1000:
        return f"{size:,} bytes"
    power = min(3, (len(str(size)) - 1) // 3)
    return f"{size / 1000**power:,.1f} {('', 'kB', 'MB', 'GB')[power]}"
