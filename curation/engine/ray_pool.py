"""The passes of a run as tasks on a Ray cluster: a pool like the others, behind the same engine.

Workers read and write the run's folder themselves, so every node needs it under the same path; only raw shards and small
manifests travel through Ray. What is lost with a worker or a node is done again by Ray, under the same keys.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from curation.engine.plan import stretches
from curation.engine.ray_cluster import connected
from curation.engine.ray_task import Ticket, carry_out, facts_of, here
from curation.errors import ClusterError, WorkerLost
from curation.recipe import Recipe

RETRIES = 5  # times a task is done again when its worker or node is lost
ANSWERS_WITHIN = 60.0  # seconds for a node's first answer: it starts a process and imports polars
_LOOK_EVERY = 0.5  # seconds between looks whether this pool was closed


class RayPool:
    """Runs each task on some core of the cluster at `address` (docs/ray.md); None: a Ray of its own on this machine.

    folder: the run's `shards`. recipe: what will be asked for, so that each node can be looked at before anything runs.
    workers: the most tasks at once; None: as many as there are cores.
    Raises ClusterError where the cluster cannot be reached, has no core, or has a node that would give other bytes.
    """

    def __init__(self, recipe: Recipe, folder: Path, *, address: str | None = None, workers: int | None = None) -> None:
        self._limit = workers
        self._lock = threading.Lock()
        self._under_way: set[Any] = set()
        self._closed = False
        self._undo = contextlib.ExitStack()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark = folder.resolve() / f"ray-{secrets.token_hex(8)}.mark"
        steps = [step for stretch in stretches(recipe) for step in (*stretch.records, *stretch.corpus)]
        self._ticket = Ticket(str(mark), str(Path.cwd()), facts_of(steps), pickle.dumps(steps))
        with contextlib.ExitStack() as undo:
            self._ray = undo.enter_context(connected(address, folder, workers or os.cpu_count() or 1))
            mark.touch(mode=0o600)
            undo.callback(mark.unlink, missing_ok=True)
            self._task = self._ray.remote(carry_out)
            self._look_at_nodes()
            self._undo = undo.pop_all()
        self._executor = ThreadPoolExecutor(workers or max(64, 4 * self.size), thread_name_prefix="ray-task")

    @property
    def size(self) -> int:
        """How many tasks run at once now, at the most: nodes come and go."""
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        return max(1, min(cores, self._limit or cores))

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """A future of `function(*args)`, run on some node."""
        return self._executor.submit(self._ask, function, args)

    def close(self) -> None:
        """Give up what is under way, leave the cluster, and end it where it is this pool's own."""
        self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            lost = list(self._under_way)
        for reference in lost:
            with contextlib.suppress(Exception):  # its node may be gone
                self._ray.cancel(reference, force=True)
        self._executor.shutdown(wait=True)
        self._undo.close()

    def __enter__(self) -> RayPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        options = {"name": function.__name__, "num_cpus": 1, "max_retries": RETRIES}
        task = pickle.dumps((function, args), protocol=5)
        with self._lock:
            if self._closed:
                raise WorkerLost("the cluster was left")
            reference = self._task.options(**options).remote(task, self._ticket)
            self._under_way.add(reference)
        try:
            # Not one long `get`: it would not return where Ray has ended, and this thread is waited for.
            while not self._closed and not self._ray.wait([reference], timeout=_LOOK_EVERY)[0]:
                pass
            if self._closed:
                raise WorkerLost("the cluster was left")
            good, value, said = self._get(reference)
        finally:
            with self._lock:
                self._under_way.discard(reference)
        if said:
            print(said, end="", file=sys.stderr)  # noqa: T201 - the run's log, as what local workers say
        if good:
            return value
        raise value

    def _get(self, reference: Any) -> tuple[bool, Any, str]:
        """What a task answered. Raises WorkerLost where Ray lost it for good."""
        try:
            answer: tuple[bool, Any, str] = self._ray.get(reference)
        except self._ray.exceptions.OutOfMemoryError as error:
            raise WorkerLost(
                "a node ran out of memory again and again",
                "Use fewer --workers, or nodes with more memory for each core; what was finished is kept.",
            ) from error
        except Exception as error:
            raise WorkerLost(
                f"the cluster lost a task for good ({type(error).__name__}: {_first_line(error)})",
                "`ray status` tells which nodes are left; what was finished is kept and can be resumed.",
            ) from error
        return answer

    def _look_at_nodes(self) -> None:
        """Ask every node for its name, which takes what any task takes: our code, the folder, the models."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        if not nodes:
            raise ClusterError("the Ray cluster has no node with a core", "Add one: ray start --address=HOST:PORT")
        asked = {}
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = self._task.options(name="look", num_cpus=0, max_retries=0, scheduling_strategy=there)
            asked[task.remote(pickle.dumps((here, ())), self._ticket)] = node["NodeManagerAddress"]
        self._ray.wait(list(asked), num_returns=len(asked), timeout=ANSWERS_WITHIN)
        for reference, name in asked.items():
            try:
                good, value, _ = self._ray.get(reference, timeout=0.1)
            except Exception as error:
                raise ClusterError(
                    f"the node at {name} cannot run tasks of studio: {_first_line(error)}",
                    "Install curation-studio[ray] on every node, for the Python that `ray start` was called with.",
                ) from error
            if not good:
                raise value


def _first_line(error: BaseException) -> str:
    """What an error of Ray's says in one line: the last one of a traceback, which it may hold."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return (lines[-1].strip() if lines else type(error).__name__)[:300]
