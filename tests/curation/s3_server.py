"""A real S3-compatible server on this machine (moto), its keys, and a wire that breaks on request."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

KEY, SECRET = "AKIATESTTESTTESTTEST", "wJalrXUtnFEMIofThisTestOnly0123456789abcd"

# Every process of a test that imports this at its start keeps a list of what it connects to.
GUARD = """
import os, socket
_connect = socket.socket.connect
def _noted(self, address, _connect=_connect):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        with open(os.environ["CONNECTED"], "a") as stream:
            stream.write(f"{address[0]}\\n")
    return _connect(self, address)
socket.socket.connect = _noted
_lookup = socket.getaddrinfo
def _looked_up(host, *args, **more):
    with open(os.environ["CONNECTED"], "a") as stream:
        stream.write(f"{host}\\n")
    return _lookup(host, *args, **more)
socket.getaddrinfo = _looked_up
"""


def settings(port: int) -> dict[str, str]:
    """The environment in which s3:// means the server at `port`."""
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@contextmanager
def s3_server(**more: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The server as a process of its own, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, env={**os.environ, **more}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).close()
                break
            assert server.poll() is None, "the server ended"
            time.sleep(0.1)
        yield server, port
    finally:
        server.kill()
        server.wait()


def client(port: int) -> Any:
    """boto3's client of the server, which fills it."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


class Wire:
    """A proxy in front of the server. `cuts`: how many connections break off after `after` bytes of an answer."""

    def __init__(self, port: int) -> None:
        self.cuts, self.after, self.cut = 0, 1 << 20, 0
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._pump, args=(here, there, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(there, here, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        seen = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                seen += len(data)
                target.sendall(data)
                if answers and self.cuts and seen > self.after:
                    self.cuts, self.cut = self.cuts - 1, self.cut + 1
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
