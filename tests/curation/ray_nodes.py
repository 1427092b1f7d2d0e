"""A Ray cluster of two nodes on this machine: two `ray start`, with ports, sockets and memory of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STORE = 100 * 2**20  # bytes of the object store of a node
# A node that is gone is noticed within three seconds, in place of half a minute.
_IMPATIENT = {
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "20000",  # of one that is there and has no turn on a busy machine
    "RAY_health_check_failure_threshold": "5",
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "120",  # for the process of a client, started on a busy machine
}


@dataclass
class Node:
    """One `ray start --block`, and all that it started."""

    process: subprocess.Popen[bytes]

    def owns(self, pid: int) -> bool:
        """Whether a process is a worker of this node."""
        return any(parent.pid == self.process.pid for parent in psutil.Process(pid).parents())

    def kill(self) -> None:
        """As when the power goes: nobody says goodbye."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait()


@dataclass
class Cluster:
    """address: for nodes. client: for others, through the head node. nodes: the head first."""

    port: int
    client_port: int
    temp: Path
    nodes: list[Node] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def client(self) -> str:
        return f"ray://127.0.0.1:{self.client_port}"

    def start(self, *arguments: str, **environment: str) -> Node:
        """One more node of one core."""
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1"]
        command += [f"--object-store-memory={STORE}", "--min-worker-port=0", "--max-worker-port=0", *arguments]
        command += ["--node-ip-address=127.0.0.1", "--disable-usage-stats"]
        log = (self.temp / f"start{len(self.nodes)}.log").open("wb")
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", **_IMPATIENT, **environment}
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **quiet}, start_new_session=True, cwd=self.temp
        )
        log.close()
        node = Node(process)
        self.nodes.append(node)
        return node

    def join(self, **environment: str) -> Node:
        """One more node that is none of the head."""
        return self.start(f"--address={self.address}", **environment)

    def wait_for(self, nodes: int, within: float = 60.0) -> None:
        """Until so many nodes are alive, as the cluster itself sees it."""
        from ray._raylet import GcsClient

        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                found = GcsClient(address=self.address).get_all_node_info(timeout=2)
                if sum(node.state == 0 for node in found.values()) == nodes:
                    return
            time.sleep(0.2)
        raise TimeoutError((self.temp / "start0.log").read_text())


@contextlib.contextmanager
def two_nodes() -> Iterator[Cluster]:
    """A cluster of two nodes with one core each. All of it is gone at the end."""
    temp = Path(tempfile.mkdtemp(prefix="rn-"))  # a short path: sockets lie in it
    cluster = Cluster(free_port(), free_port(), temp)
    try:
        head = ("--head", f"--port={cluster.port}", f"--ray-client-server-port={cluster.client_port}")
        cluster.start(*head, "--include-dashboard=false", f"--temp-dir={temp}")
        cluster.wait_for(1)
        cluster.join()
        cluster.wait_for(2)
        yield cluster
    finally:
        for node in reversed(cluster.nodes):
            node.kill()
        shutil.rmtree(temp, ignore_errors=True)


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
        return found
