"""Processes of `studio` that begin with torch, transformers, peft and trl already imported.

To import them takes a process 4.7 s of a core, and a tiny model is trained in less than one. So the first call starts a
process that imports them, and every process that a test asks for is forked from it: with a process id, a session, an
environment and open files of its own, to be killed like any other. What is not imported before is polars, whose threads do
not survive a fork, and anything of the studio. Where an environment would have been read by an import, and where the
process is to be prepared in a way of its own (`preexec_fn`), it is started cold.

    process = start(["train", "--data", "a.jsonl"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = process.communicate(timeout=60)
"""

from __future__ import annotations

import array
import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_READ_BY_IMPORTS = (
    "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN", "TRANSFORMERS_OFFLINE", "OMP_NUM_THREADS",
    "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONDEVMODE", "LD_PRELOAD",
    "LD_LIBRARY_PATH",
)  # fmt: skip
_STUDIO = ("-m", "studio")

_lock = threading.Lock()
_server: tuple[subprocess.Popen[bytes], str, dict[str, str]] | None = None


class Warm:
    """A process as `subprocess.Popen` has it, which is a child of another process."""

    def __init__(
        self, connection: socket.socket, pid: int, stdout: int | None, stderr: int | None, *, text: bool
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._connection = connection
        how = {"mode": "r", "encoding": "utf-8"} if text else {"mode": "rb"}
        self.stdout: Any = None if stdout is None else os.fdopen(stdout, **how)  # type: ignore[call-overload]
        self.stderr: Any = None if stderr is None else os.fdopen(stderr, **how)  # type: ignore[call-overload]

    def poll(self) -> int | None:
        """The exit code, once it has ended; minus the signal, where one ended it."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("studio", timeout or 0.0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """All that it says, and its end. Raises subprocess.TimeoutExpired."""
        said: dict[str, Any] = {"stdout": None, "stderr": None}

        def read(name: str, stream: Any) -> None:
            said[name] = stream.read()

        readers = [
            threading.Thread(target=read, args=(name, stream), daemon=True)
            for name, stream in (("stdout", self.stdout), ("stderr", self.stderr))
            if stream is not None and not stream.closed
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired("studio", timeout or 0.0)
        self.wait(timeout)
        for stream in filter(None, (self.stdout, self.stderr)):
            stream.close()
        return said["stdout"], said["stderr"]

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            ready, _, _ = select.select([self._connection], [], [], timeout)
            if ready:
                told = self._connection.recv(64)
                assert told, "the process that starts others is gone"
                self.returncode = int(told)
                self._connection.close()
        return self.returncode


def start(
    words: Sequence[str],
    *,
    before: Sequence[str] = _STUDIO,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    text: bool = True,
    **more: Any,
) -> Any:
    """`python BEFORE… WORDS…` in a session of its own. before: `-m MODULE`, or `-c PROGRAM` with words of its own."""
    environment = dict(os.environ if env is None else env)
    server = None if more or before[0] not in ("-m", "-c") else _running(environment)
    if server is None:
        return subprocess.Popen(
            [sys.executable, *before, *words], cwd=cwd, env=environment, stdin=stdin, stdout=stdout, stderr=stderr,
            text=text, start_new_session=True, **more,
        )  # fmt: skip
    order = json.dumps(
        {"before": list(before), "words": list(words), "cwd": str(cwd or Path.cwd()), "env": environment}
    )
    with Path(os.devnull).open("r+b") as nothing:
        theirs, ours = [{None: 0, subprocess.DEVNULL: nothing.fileno()}.get(stdin, stdin)], []
        for wanted in (stdout, stderr):
            reading = None
            if wanted == subprocess.PIPE:
                reading, writing = os.pipe()
            elif wanted == subprocess.STDOUT:
                writing = os.dup(theirs[1])
            else:
                writing = os.dup({None: len(theirs), subprocess.DEVNULL: nothing.fileno()}.get(wanted, wanted))
            theirs.append(writing)
            ours.append(reading)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(server)
        data = order.encode()
        connection.sendmsg(
            [len(data).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", theirs))]
        )
        connection.sendall(data)
        for handle in theirs[1:]:
            os.close(handle)
    pid = int(connection.recv(8).decode())
    return Warm(connection, pid, *ours, text=text)


def run(
    words: Sequence[str],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    text: str = "",
    timeout: float = 300.0,
) -> subprocess.CompletedProcess[str]:
    """`studio WORDS` to its end, with `text` as its input, and what it said."""
    with tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        piped = {"stdin": given.fileno(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = start(words, cwd=cwd, env=env, **piped)
        said, complained = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(["studio", *words], process.returncode, said, complained)


def _running(environment: Mapping[str, str]) -> str | None:
    """Where the process that starts others listens; None where its imports do not fit the environment."""
    global _server
    wanted = {name: environment[name] for name in _READ_BY_IMPORTS if name in environment}
    with _lock:
        if _server is None:
            place = f"\0studio-tests-{os.getpid()}-{os.urandom(6).hex()}"
            command = [sys.executable, str(Path(__file__).resolve()), place[1:]]
            server = subprocess.Popen(
                command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert server.stdout is not None
            server.stdout.readline()
            _server = (server, place, wanted)
            atexit.register(_end, server)
        return _server[1] if _server[2] == wanted else None


def _end(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


def serve(place: str) -> None:
    """Import what is dear, then fork a process for every order until the standard input ends."""
    import torch
    import transformers

    os.environ.setdefault("BITSANDBYTES_NOWELCOME", "1")
    import peft
    import trl

    dear = (torch.nn, transformers.Trainer, transformers.AutoTokenizer, transformers.AutoModelForCausalLM,
            transformers.LlamaForCausalLM, peft.PeftModel, trl.SFTTrainer, trl.DPOTrainer)  # fmt: skip
    assert dear and "polars" not in sys.modules
    import gc

    gc.freeze()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\0" + place)
    listening.listen(64)
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listening, woken, 0], [], [])
        if 0 in ready:
            return
        if woken in ready:
            os.read(woken, 4096)
            _bury(running)
        if listening in ready:
            connection, _ = listening.accept()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                _become(connection)
            running[pid] = connection


def _bury(running: dict[int, socket.socket]) -> None:
    """Tell how those that have ended did."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection:
            connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(connection: socket.socket) -> None:
    """Be the process that was ordered, to its end."""
    code = 1
    try:
        size, told, _, _ = connection.recvmsg(8, socket.CMSG_LEN(3 * array.array("i").itemsize))
        handles = array.array("i", told[0][2])
        data = b""
        while len(data) < int.from_bytes(size, "big"):
            data += connection.recv(1 << 20)
        order = json.loads(data)
        os.setsid()
        for place, handle in enumerate(handles):
            os.dup2(handle, place)
            os.close(handle)
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        connection.sendall(str(os.getpid()).encode())
        connection.close()
        code = _main(order["before"], order["words"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _main(before: list[str], words: list[str]) -> int:
    """What `python BEFORE… WORDS…` does; its exit code."""
    how, what, *first = before
    sys.argv = [what, *first, *words]
    sys.path[0] = ""
    code: object = 0
    try:
        if how == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv[0] = "-c"
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        code = ended.code
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if isinstance(code, str):
        sys.stderr.write(code + "\n")
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(sys.argv[1])
