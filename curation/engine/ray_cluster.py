"""Into a Ray cluster and out of it again, leaving the process and the machine as they were.

Only here is anything of Ray's started, reached or ended. `ray` is imported inside, since it is an extra.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curation.engine.plan import SHARD_BYTES
from curation.errors import ClusterError

CLIENT = "ray://"
REACHED_WITHIN = 5.0  # seconds to an answer at an address; Ray itself would try for 107
CLIENT_TRIES = 3
_PREFIX = "studio-ray-"  # of the folder of a Ray of our own; the id of the process that started it follows
_QUIET = 40  # logging.ERROR
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_TOKEN = secrets.token_hex(32)  # one a process: Ray reads it once
_ADDRESS = re.compile(r"(?:ray://)?(?P<place>[^\s:/\[\]]+:\d{1,5}|\[[0-9A-Fa-f:.]+\]:\d{1,5})")


def require(address: str | None) -> None:
    """Raise ClusterError where Ray is not installed or `address` is none. Imports nothing of Ray's."""
    if find_spec("ray") is None:
        raise ClusterError("Ray is not installed.", "pip install 'curation-studio[ray]', here and on every node.")
    if address not in (None, "auto") and not _ADDRESS.fullmatch(address):
        raise ClusterError(
            f"'{address}' is no address of a Ray cluster.", "Write auto, HOST:PORT, or ray://HOST:PORT from outside it."
        )


@contextlib.contextmanager
def connected(address: str | None, folder: Path, cores: int) -> Iterator[Any]:
    """The module `ray`, connected to `address`; None: to a Ray of its own on this machine with so many cores.

    folder: one without Python files, which Ray puts on the path of its workers in place of the current folder.
    A Ray that this process is connected to already is taken, and left as it is. Raises ClusterError.
    """
    require(address)
    with contextlib.ExitStack() as undo:
        # Before the import: Ray reads its environment once. The ports of a Ray of one's own are open to the network, so that it
        # has to take nothing without a token.
        alone = address is None and "RAY_AUTH_MODE" not in os.environ
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN} if alone else {}
        undo.enter_context(_environment({**_SETTINGS, **token}))
        import ray

        if ray.is_initialized():
            yield ray
            return
        options: dict[str, Any] = {"address": address}
        if address is None:
            options = _of_its_own(undo, cores)
        else:
            _reach(address)
        with _signals_kept(), contextlib.chdir(folder):
            try:
                _init(ray, options)
            except (Exception, SystemExit) as error:
                raise _refused(address, error) from error
        undo.enter_context(_silence(ray))  # until its threads have ended
        undo.callback(ray.shutdown)
        yield ray


def _init(ray: Any, options: dict[str, Any]) -> None:
    """Connect. The head node starts a process for each client, and gives up on one that a busy machine is slow to start."""
    for left in reversed(range(CLIENT_TRIES)):
        try:
            ray.init(**options, log_to_driver=False, logging_level=_QUIET)
            return
        except ConnectionAbortedError:
            with contextlib.suppress(Exception):
                ray.util.disconnect()  # or Ray takes this process for a client ever after
            if not left:
                raise


def _of_its_own(undo: contextlib.ExitStack, cores: int) -> dict[str, Any]:
    """Arguments that start a Ray here, in a folder that is gone with it."""
    _sweep()
    # Readable by its owner only; a short path, since sockets lie in it.
    temp = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    undo.callback(shutil.rmtree, temp, ignore_errors=True)
    return {
        "address": "local",
        "num_cpus": cores,
        "object_store_memory": max(128 * 2**20, 4 * (cores + 1) * SHARD_BYTES),
        "include_dashboard": False,
        "_temp_dir": temp,
    }


def _sweep() -> None:
    """Remove what runs of this user that were killed left behind: records may have been spilled there."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _reach(address: str) -> None:
    """Raise ClusterError where nobody speaks gRPC at the address. With TLS that cannot be told; Ray then finds out."""
    named = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    found = _ADDRESS.fullmatch(named)
    if found is None or os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
        return
    import grpc

    with grpc.insecure_channel(found["place"], options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=REACHED_WITHIN)
        except grpc.FutureTimeoutError:
            raise ClusterError(
                f"there is no Ray cluster at {named}",
                "`ray status` on the head node tells its address; port 6379 from its nodes, ray://HOST:10001 from elsewhere.",
            ) from None


def _refused(address: str | None, error: BaseException) -> ClusterError:
    said = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    if address is None:
        return ClusterError(f"Ray cannot be started on this machine: {said}")
    if address == "auto":
        return ClusterError(f"there is no Ray cluster on this machine: {said}", "Start one with `ray start --head`.")
    hint = "Python and Ray must be of the same versions there."
    if not address.startswith(CLIENT):
        hint = f"{hint} From a machine that is no node of the cluster, use ray://HOST:10001."
    return ClusterError(f"the Ray cluster at {address} cannot be used: {said}", hint)


@contextlib.contextmanager
def _silence(ray: Any) -> Iterator[None]:
    """Ray prints to stdout what became of its workers, where a program may be reading our events."""
    told, flag = ray._private.worker, "_worker_logs_enabled"
    before = getattr(told, flag, None)
    setattr(told, flag, False)
    try:
        yield
    finally:
        setattr(told, flag, before)


@contextlib.contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM over for good; a run has a way of its own to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
