"""The program in a pseudo-terminal of its own: keys in, every byte out, with a clock."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self


class PtyScreen:
    """`python -m studio ARGUMENTS`, or another `program`, in a terminal of some size. `output` grows as it is read."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (100, 30),
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "-m", "studio"),
    ) -> None:
        self.output = bytearray()
        self.status: int | None = None
        self.started = time.monotonic()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            _resize(0, *size)  # before the program looks, which on a busy machine may be before the parent goes on
            os.environ.update(
                {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(environment or {})}
            )
            os.execv(program[0], [*program, *arguments])

    def resize(self, columns: int, lines: int) -> None:
        """Tell the terminal, and so the program, its size."""
        _resize(self._terminal, columns, lines)

    def send(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def pump(self, seconds: float, until: bytes | None = None) -> bool:
        """Read for so long, or until something has come since this call began; whether it came."""
        end = time.monotonic() + seconds
        begin = len(self.output)
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._terminal], [], [], min(left, 0.05))
            if ready:
                try:
                    data = os.read(self._terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                self.output += data
            if until is not None and until in self.output[begin:]:
                return True
        return until is not None and until in self.output[begin:]

    def finish(self, seconds: float = 20.0) -> int:
        """Wait for the end; the exit status, or 256 if it had to be killed."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.pump(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = 256
        return self.status

    def __enter__(self) -> Self:
        return self

    def hang_up(self, patience: float = 30.0) -> int:
        """Close the terminal, as a lost connection does: the kernel sends SIGHUP. The exit status; -1 is the signal's."""
        os.close(self._terminal)
        self._terminal = -1
        end = time.monotonic() + patience
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
            assert time.monotonic() < end, "the program outlived its terminal"
            time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self._terminal >= 0:
            os.close(self._terminal)


def _resize(terminal: int, columns: int, lines: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
