"""A whole run with the search for personal data on connects to nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECORDS = [
    {"question": "My name is Ann McCord, write to ann.mccord@firma-test.co.uk.", "answer": "I will, Ann."},
    {
        "question": "我叫王小明，手机13812345678，邮箱wang@firma-test.com.cn，住在北京市海淀区中关村大街1号。",
        "answer": "好的，记下了。",
    },
    {
        "question": "Call +44 20 7946 0958 or see https://x.firma-test.de/?token=abcdef1234567890abcdef",
        "answer": "DE89 3704 0044 0532 0130 00",
    },
    {"question": "Wie heißt du und wo wohnst du denn eigentlich?", "answer": "Ich heiße Hans und wohne an der Spree."},
]
RECIPE = "stages:\n  - use: clean\n  - use: pii\n    operator: pseudonym\n  - use: exact\n"

# Where there is no strace: every process of the run imports this at its start and keeps a list of what it connects to.
GUARD = """
import os, socket
_connect = socket.socket.connect
def _noted(self, address, _connect=_connect):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        with open(os.environ["CONNECTED"], "a") as stream:
            stream.write(f"{address}\\n")
    return _connect(self, address)
socket.socket.connect = _noted
socket.socket.connect_ex = _noted
_lookup = socket.getaddrinfo
def _looked_up(host, *args, **more):
    with open(os.environ["CONNECTED"], "a") as stream:
        stream.write(f"{host}\\n")
    return _lookup(host, *args, **more)
socket.getaddrinfo = _looked_up
"""
CONNECTS = re.compile(r"\b(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?\b")


def _command(tmp_path: Path) -> list[str]:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    # The workers' pool is used with several shards only, so they are made small.
    code = (
        "import sys\nfrom curation.engine import local\nlocal.SHARD_RECORDS = 1\n"
        "from studio.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    words = ["curate", str(source), "--recipe", str(tmp_path / "recipe.yaml"), "--runs-dir", str(tmp_path / "runs")]
    return [sys.executable, "-c", code, *words, "--workers", "2"]


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    return {**kept, "STUDIO_PII_KEY": "a key of this test, not of anybody", **more}


def _masked(tmp_path: Path) -> bool:
    (folder,) = (tmp_path / "runs").iterdir()
    dataset = (folder / "dataset" / "train.jsonl").read_text()
    return dataset.count("<EMAIL_ADDRESS_") == 2 and "<PERSON_" in dataset and "firma-test.co.uk" not in dataset


@pytest.mark.slow
def test_a_run_connects_to_nobody(tmp_path: Path) -> None:
    seen = _traced(tmp_path) if _can_trace(tmp_path) else _guarded(tmp_path)
    assert _masked(tmp_path)
    assert seen == []


def _can_trace(tmp_path: Path) -> bool:
    strace = shutil.which("strace")
    if strace is None:
        return False
    tried = [strace, "-f", "-e", "trace=network", "-o", str(tmp_path / "tried"), sys.executable, "-c", ""]
    return subprocess.run(tried, check=False, capture_output=True).returncode == 0


def _traced(tmp_path: Path) -> list[str]:
    """The connections that the kernel saw, of all processes of the run."""
    log = tmp_path / "trace"
    words = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(log), *_command(tmp_path)]
    done = subprocess.run(words, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in log.read_text("utf-8", "replace").splitlines() if CONNECTS.search(line)]


def _guarded(tmp_path: Path) -> list[str]:
    """The connections and look-ups of names that Python saw, of all processes of the run."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    connected = tmp_path / "connected"
    environment = _environment(PYTHONPATH=str(guard), CONNECTED=str(connected))
    done = subprocess.run(_command(tmp_path), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return connected.read_text().splitlines() if connected.exists() else []


def test_the_guards_see_a_connection(tmp_path: Path) -> None:
    """Both would fail if a run asked for anything; a port of this machine where nobody listens stands in for the world."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    code = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), timeout=1)\nexcept OSError:\n    pass"
    environment = _environment(PYTHONPATH=str(guard), CONNECTED=str(tmp_path / "connected"))
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert "127.0.0.1" in (tmp_path / "connected").read_text()
    assert CONNECTS.search("12 connect(3, {sa_family=AF_INET, sin_port=htons(9)}, 16) = -1")
    assert not CONNECTS.search('12 connect(3, {sa_family=AF_UNIX, sun_path="/x"}, 110) = 0')
