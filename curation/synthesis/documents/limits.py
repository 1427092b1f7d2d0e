"""What a converting process may not do: use more memory than it was given, write a file, or speak to anybody."""

from __future__ import annotations

import ctypes
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1
_FORBIDDEN = frozenset((
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
    "socket.gethostbyaddr", "socket.getnameinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork",
    "os.forkpty", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "shutil.rmtree", "ctypes.dlopen",
))  # fmt: skip


class NotAllowed(RuntimeError):
    """A converter tried what no document is a reason for."""


def seal(memory: int) -> None:
    """Bound this process for good. memory: MiB on top of what it holds now, counted as address space.

    It cannot write files any more, core dumps included; Python code in it cannot open connections or start programs.
    """
    most = psutil.Process().memory_info().vms + (memory << 20)
    with suppress(ValueError, OSError):  # macOS takes none; there the parent watches
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # pipes are not files
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails with EFBIG
    sys.addaudithook(_refuse)


def end_with_parent() -> None:
    """The kernel kills this process when the thread that started it is gone (Linux; elsewhere `end_after` is left)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_after(seconds: float) -> None:
    """This process is killed by the kernel after so many seconds, should nobody be left to do it. 0: not any more."""
    signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM's default ends the process, in C code as well


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise NotAllowed(event)
