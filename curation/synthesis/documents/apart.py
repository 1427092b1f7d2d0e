"""The converting process as its parent sees it: asked for one document at a time, bounded in time and memory.

A process converts one document after another, since starting it takes a second; one that was killed, or died, is replaced
for the next document. So no document can do harm to any other, or to the run.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from curation.errors import Stopped, WorkerLost
from curation.synthesis.documents.kinds import Unread

_LOOK_EVERY = 0.05  # seconds
_START = 120.0  # seconds that starting may take; it is one on an idle machine
_MAX_ANSWER = 1 << 28  # bytes
# What a process needs to be the same Python. Keys of endpoints are not among it.
_HANDED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
              "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8")  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Converter:
    """Converts documents in a process of its own. seconds, memory (MiB): what one document may take."""

    def __init__(self, seconds: float, memory: int, should_stop: Callable[[], bool]) -> None:
        self._seconds, self._memory, self._should_stop = seconds, memory, should_stop
        self._process: subprocess.Popen[bytes] | None = None
        self._idle = 0  # bytes that it holds before it converts anything

    def convert(self, path: Path, kind: str) -> dict[str, Any]:
        """`text`, `title`, `converter` and the `digest` of what was read. Raises Unread with a reason, Stopped."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        asked = {"path": os.fsencode(path.absolute()).hex(), "kind": kind, "seconds": self._seconds}
        answer = self._ask(json.dumps(asked).encode() + b"\n", self._seconds)
        if answer is None:
            self.close()
            raise Unread(f"converting it took longer than {self._seconds:g} seconds (source.timeout)")
        if answer.get("memory"):
            return self._too_large()  # what a failed conversion left behind is not carried on
        if "reason" in answer:
            raise Unread(str(answer["reason"]))
        if not all(isinstance(answer.get(key), str) for key in ("text", "title", "converter", "digest")):
            return self._died()
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process, self._idle = self._process, None, 0
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()

    def __enter__(self) -> Converter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        self.close()
        environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", "curation.synthesis.documents.child", str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, **dict.fromkeys(_THREADS, "1")},
        )
        try:
            ready = self._ask(b"", _START)
        except Unread:
            ready = None
        if not ready:
            self.close()
            raise WorkerLost(
                "The process that converts documents does not start.",
                "Check that markitdown is installed: studio doctor.",
            )
        self._idle = self._held()

    def _ask(self, question: bytes, seconds: float) -> dict[str, Any] | None:
        """The answer; None when there was none in time. Raises Unread when the process died."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return self._died()
        until = time.monotonic() + seconds
        gathered = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            try:
                process.stdin.write(question)
                process.stdin.flush()
            except OSError:
                return self._died()
            while not gathered.endswith(b"\n"):
                if self._should_stop():
                    self.close()
                    raise Stopped("The run was stopped while documents were converted.")
                if time.monotonic() > until:
                    return None
                if not selector.select(_LOOK_EVERY):
                    if self._idle and self._held() > self._idle + (self._memory << 20):
                        return self._too_large()  # where the kernel does not bound it
                    continue
                piece = os.read(process.stdout.fileno(), 1 << 16)
                if not piece or len(gathered) > _MAX_ANSWER:
                    return self._died()
                gathered += piece
        try:
            answer = json.loads(gathered)
        except (ValueError, RecursionError):
            return self._died()
        return answer if isinstance(answer, dict) else self._died()

    def _held(self) -> int:
        """Bytes of memory that the process holds; 0 where it is gone."""
        import psutil

        try:
            return int(psutil.Process(self._process.pid).memory_info().rss) if self._process else 0
        except psutil.Error:
            return 0

    def _too_large(self) -> dict[str, Any]:
        self.close()
        raise Unread(f"converting it took more than {self._memory:,} MiB (source.memory)")

    def _died(self) -> dict[str, Any]:
        self.close()
        raise Unread("the converter died of it; it may be broken, or take too much memory (source.memory)")
