"""How far something is that takes long, said from deep inside to whoever has set out to hear it.

    with hearing(print):
        ...            # and somewhere within it, once in a while:
        advance(3, 10, "texts")

Where nobody hears it costs nothing. What is told in other threads than that of `hearing` is not heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from curation.errors import Stopped

Hear = Callable[[int, int, str], None]
"""Gets how many are done, of how many, and what they are: "texts", "records"."""


def _nobody(_done: int, _total: int, _unit: str) -> None:
    pass


def _never() -> bool:
    return False


_hearer: ContextVar[tuple[Hear, Callable[[], bool]]] = ContextVar("hearer", default=(_nobody, _never))


@contextmanager
def hearing(hear: Hear, should_stop: Callable[[], bool] = _never) -> Iterator[None]:
    """Hear what is told in the meantime, in this thread."""
    before = _hearer.set((hear, should_stop))
    try:
        yield
    finally:
        _hearer.reset(before)


def tell(done: int, total: int, unit: str) -> None:
    """Say how far it is."""
    _hearer.get()[0](done, total, unit)


def advance(done: int, total: int, unit: str) -> None:
    """Say how far it is, where it may be broken off. Raises Stopped."""
    hear, should_stop = _hearer.get()
    hear(done, total, unit)
    if should_stop():
        raise Stopped("the run was stopped", "What was finished is kept; resume it to go on from there.")
