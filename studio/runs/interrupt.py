"""How a run hears that it should stop: a signal, or the file `stop` in its folder.

One signal asks for a graceful stop, a second one ends the process at once. The second must work even while the main
thread is deep in native code, where Python runs no signal handler; so a thread reads the wake-up pipe instead, into
which the interpreter's own C handler writes the number of each signal.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

from studio.runs.folder import RunFolder

_LOOK_EVERY = 0.2  # seconds between looks for the stop file: the engine asks far more often than that


class Interrupt:
    """Asks to stop at the first signal or when the stop file appears; at the second signal calls `force`.

    As a context manager, from the main thread, it takes over SIGINT, SIGTERM and SIGHUP and gives them back. A
    `detached` worker ignores SIGHUP, which a closing terminal sends, and so does a process under `nohup`; in the
    foreground it asks to stop.
    """

    def __init__(
        self, folder: RunFolder, force: Callable[[], None], on_first: Callable[[], None], *, detached: bool
    ) -> None:
        self._folder = folder
        self._force = force
        self._on_first = on_first
        self._detached = detached
        self._asked = threading.Event()
        self._looked = 0.0
        self._before: dict[int, signal._HANDLER] = {}

    def should_stop(self) -> bool:
        """Whether the run was asked to stop. Cheap enough to call for every batch."""
        if not self._asked.is_set() and time.monotonic() - self._looked >= _LOOK_EVERY:
            self._looked = time.monotonic()
            if self._folder.stop.exists():
                self._asked.set()
        return self._asked.is_set()

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            hangup = number == signal.SIGHUP
            ignored = hangup and (self._detached or signal.getsignal(number) is signal.SIG_IGN)
            self._before[number] = signal.signal(number, signal.SIG_IGN if ignored else _do_nothing)
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="interrupt", daemon=True)
        self._thread.start()
        # From here on that thread alone takes them. Threads and processes started from this one inherit the mask, so
        # that Ctrl-C, which the terminal sends to the whole group, reaches the run and not the processes it feeds.
        self._mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._writer)
        self._thread.join()
        os.close(self._reader)

    def _watch(self) -> None:
        while numbers := os.read(self._reader, 64):
            for number in numbers:
                if number not in self._before:
                    continue
                if self._asked.is_set() and number != signal.SIGHUP:
                    self._force()
                elif not self._asked.is_set():
                    self._asked.set()
                    with suppress(Exception):  # the terminal it would write to may be gone
                        self._on_first()


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """A handler must be there for the wake-up pipe to be written; the work is done by the thread that reads it."""
