"""The other end of `llama_process`: llama.cpp asked from here."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from curation.errors import Stopped, StudioError

_SCRIPT = Path(__file__).with_name("llama_process.py")
_LAST = 2000  # characters of what a tool said that are looked at


def python_of(words: Sequence[str | Path]) -> list[str]:
    """A command of this interpreter that puts no folder of its own on the path."""
    return [sys.executable, "-P", *map(str, words)]


def run_tool(
    command: Sequence[str], environment: Mapping[str, str], log: Path, should_stop: Callable[[], bool], what: str
) -> None:
    """Run a tool to its end, its words appended to `log`. Raises Stopped, or StudioError with its last words."""
    with log.open("ab") as stream:
        begin = stream.tell()
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
                    break
                if should_stop():
                    raise Stopped("The export was stopped; what is whole is kept.")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        with log.open("rb") as words:
            words.seek(begin)
            said = words.read().decode("utf-8", "replace").strip().splitlines()
        last = next((line.strip() for line in reversed(said) if line.strip()), f"status {process.returncode}")
        raise StudioError(f"{what} failed: {last[-_LAST:][:300].rstrip('.')}.", f"All it said is in {log}.")


class LlamaModel:
    """A GGUF file loaded by llama.cpp in a process of its own; a context manager."""

    def __init__(self, path: Path, context: int, environment: Mapping[str, str], log: Path) -> None:
        threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
        self._log = log.open("ab")
        self._path = path
        self._process = subprocess.Popen(
            python_of([_SCRIPT, "serve", path, str(context), threads]),
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def tokens_of(self, text: str) -> list[int]:
        """Its tokens as llama.cpp makes them for a prompt: BOS added where the file says so, special tokens read."""
        self._ask({"text": text})
        found = json.loads(self._stdout.readline() or b"null")
        if not isinstance(found, list):
            raise self._lost()
        return [int(token) for token in found]

    def log_probs(self, tokens: Sequence[int], first: int) -> Any:
        """Log-probabilities (nats, float32, tokens x vocabulary) that predict `tokens[first:]`, as a torch tensor."""
        import numpy as np
        import torch

        self._ask({"tokens": list(tokens[:-1]), "from": first - 1})
        head = self._read(8)
        rows, vocabulary = struct.unpack("<II", head)
        data = np.frombuffer(self._read(rows * vocabulary * 4), "<f4").reshape(rows, vocabulary)
        return torch.from_numpy(data.copy()).log_softmax(-1)

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        return self._process.stdout

    def _ask(self, asked: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(json.dumps(asked).encode() + b"\n")
                stdin.flush()
        except OSError as error:
            raise self._lost() from error

    def _read(self, size: int) -> bytes:
        data = self._stdout.read(size)
        if len(data) != size:
            raise self._lost()
        return data

    def _lost(self) -> StudioError:
        return StudioError(f"llama.cpp cannot run {self._path.name}.", f"What it said is in {Path(self._log.name)}.")
