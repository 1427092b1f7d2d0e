"""What the kernel says about this process's memory."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Bytes this process has in main memory now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """Most bytes this process ever had in main memory (since `forget_peak`, where the kernel can forget).

    VmHWM on Linux: `ru_maxrss` of a child begins at what its parent had when it was forked.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text("ascii"), re.MULTILINE)
            if found:
                return int(found[1]) * 1024
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def forget_peak() -> None:
    """Begin a new peak from what is in memory now, where the kernel offers it (Linux 4.0 and newer)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
