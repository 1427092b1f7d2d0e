"""Worker processes that answer tasks over their own pipes.

Not `multiprocessing`: its spawn imports the caller's main module again, which breaks in scripts without a guard and
in notebooks; its executors leave orphans when the parent is killed. Here a worker ends when its standard input does,
and is started with the environment it needs (polars reads its thread count once, at import; forking after importing
polars deadlocks).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Protocol

from curation.errors import WorkerLost

_HEAD = struct.Struct("<Q")
THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Pool(Protocol):
    """Runs picklable functions of importable modules: where, is all that an engine is."""

    @property
    def size(self) -> int:
        """How many tasks run at once."""
        ...

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """A future of `function(*args)`."""
        ...

    def close(self) -> None:
        """Give up what is under way and free everything."""
        ...


class InlinePool:
    """Runs each task at once, in this process: for one worker, or for work too small to share."""

    size = 1

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """The finished future of `function(*args)`."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to close."""


class ProcessPool:
    """`workers` processes, one thread of this process feeding each."""

    def __init__(self, workers: int) -> None:
        self.size = workers
        self._threads = max(1, (os.cpu_count() or 1) // workers)
        self._local = threading.local()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._closed = False
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="worker")

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """A future of `function(*args)`, run in some worker. A worker that dies is replaced and asked once more."""
        return self._executor.submit(self._ask_twice, function, args)

    def close(self) -> None:
        """End all workers now; unfinished tasks are lost."""
        self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.kill()
        for process in self._processes:
            process.wait()
        self._executor.shutdown(wait=True)

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask_twice(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        try:
            return self._ask(function, args)
        except WorkerLost:
            if self._closed:
                raise
            return self._ask(function, args)

    def _ask(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        process: subprocess.Popen[bytes] | None = getattr(self._local, "process", None)
        if process is None or process.poll() is not None:
            process = self._local.process = self._start()
        try:
            send(process.stdin, (function, args))
            good, answer = receive(process.stdout)
        except (OSError, EOFError) as error:
            process.kill()
            code = process.wait()
            raise WorkerLost(
                f"a worker process died (exit status {code})",
                "If memory ran out, use fewer --workers; what was finished is kept and can be resumed.",
            ) from error
        if good:
            return answer
        raise answer

    def _start(self) -> subprocess.Popen[bytes]:
        environment = dict(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(self._threads)), TOKENIZERS_PARALLELISM="false")
        # -P keeps a user's own `curation/` folder in the current directory from being imported instead of ours.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "curation.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._processes.append(process)
        return process


def send(pipe: IO[bytes] | None, value: Any) -> None:
    """Write one length-prefixed pickle."""
    if pipe is None:
        raise EOFError
    data = pickle.dumps(value, protocol=5)
    pipe.write(_HEAD.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes] | None) -> Any:
    """Read one length-prefixed pickle; EOFError when the other side is gone."""
    if pipe is None:
        raise EOFError
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    (size,) = _HEAD.unpack(head)
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)
