"""`studio curate --engine ray` without a cluster: a Ray of its own on this machine; and addresses that lead nowhere."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import psutil
import pytest
from engine_inputs import RECIPE, digests, run, write_messy
from ray_nodes import free_port

from curation.engine.engines import open_pool
from curation.engine.ray_cluster import require
from curation.errors import ClusterError, InputError
from curation.recipe import Recipe

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed", allow_module_level=True)

from curation.engine.ray_pool import RayPool

STUDIO = str(Path(sys.executable).with_name("studio"))


@pytest.fixture
def web_server() -> Iterator[int]:
    """The port of something that listens and is no Ray."""
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "auto"])
def test_an_address_that_leads_nowhere_is_told_within_seconds(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", place)
    monkeypatch.setattr("curation.engine.ray_cluster.REACHED_WITHIN", 1.0)
    began = time.monotonic()
    with pytest.raises(ClusterError, match=f"no Ray cluster at .*{place}") as found:
        RayPool(Recipe.from_text(RECIPE), tmp_path / "shards", address=form.format(place.rpartition(":")[2]))
    assert "ray status" in found.value.hint
    assert time.monotonic() - began < 30, "Ray itself takes 107 seconds, and then ends the process"
    assert not list((tmp_path / "shards").iterdir())


def test_something_else_that_listens_is_no_cluster(
    web_server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.engine.ray_cluster.REACHED_WITHIN", 1.0)
    with pytest.raises(ClusterError, match="no Ray cluster at"):
        RayPool(Recipe.from_text(RECIPE), tmp_path / "shards", address=f"127.0.0.1:{web_server}")


@pytest.mark.parametrize("address", ["", "head", "http://head:6379", "ray://head", "head:port", "head:6379/x"])
def test_what_is_no_address_is_refused_before_anything_is_made(address: str) -> None:
    with pytest.raises(ClusterError, match="is no address"):
        require(address)


@pytest.mark.parametrize("address", [None, "auto", "head:6379", "10.0.0.1:6379", "ray://head:10001", "[::1]:6379"])
def test_addresses(address: str | None) -> None:
    require(address)


def test_without_ray_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.engine.ray_cluster.find_spec", lambda name: None)
    with pytest.raises(ClusterError, match="not installed") as found:
        require(None)
    assert "curation-studio[ray]" in found.value.hint


def test_an_engine_that_is_none_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="no engine 'rey'") as found,
        open_pool("rey", Recipe.load("minimal"), tmp_path),
    ):
        pass
    assert "'ray'" in found.value.hint


def curate(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [STUDIO, "curate", *arguments, "--json", "--runs-dir", str(folder / "runs")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)


@pytest.mark.slow
def test_ctrl_c_and_resume_with_a_ray_of_its_own(tmp_path: Path) -> None:
    """From the command line: events alone on stdout, a graceful stop, and the local engine's bytes in the end."""
    source = write_messy(tmp_path / "in.jsonl", 30_000)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    before = set(Path(tempfile.gettempdir()).glob("studio-ray-*"))
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    abandoned = Path(tempfile.mkdtemp(prefix=f"studio-ray-{killed.pid}-"))
    asked = ["in.jsonl", "--recipe", "recipe.yaml", "--no-report", "--engine", "ray", "--workers", "2"]
    process = curate(tmp_path, *asked)
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "shard_finished":
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=60)
    events += [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 130, err
    assert events[-1]["event"] == "run_stopped"
    (started,) = [event for event in events if event["event"] == "run_started"]
    assert started["workers"] == 2
    assert not abandoned.exists(), "what a killed run left is swept away by the next"
    assert not leftovers(before)

    again = curate(tmp_path, "--resume", "last", "--engine", "ray")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    assert any(event["reused"] for event in events if event["event"] == "shard_finished")
    (folder,) = (tmp_path / "runs").iterdir()
    spec = json.loads((folder / "run.json").read_text())
    assert (spec["options"]["engine"], spec["options"]["address"], spec["options"]["workers"]) == ("ray", None, 2)
    run(tmp_path / "here", source, workers=os.cpu_count())
    assert digests(folder) == digests(tmp_path / "here")
    assert not leftovers(before)


def leftovers(before: set[Path]) -> list[object]:
    """Folders and processes of a Ray that ended."""
    folders = set(Path(tempfile.gettempdir()).glob("studio-ray-*")) - before
    names = [str(folder) for folder in folders]
    found: list[object] = [*folders]
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if any(name in command for name in names) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(command[:80])
    return found


def test_an_address_needs_the_engine(tmp_path: Path) -> None:
    process = curate(tmp_path, "in.jsonl", "--address", "auto")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--engine ray" in json.loads(out)["message"]


def test_a_bad_address_leaves_no_run_behind(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    process = curate(tmp_path, "in.jsonl", "--engine", "ray", "--address", "head")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 6
    assert json.loads(out)["error"] == "ClusterError"
    assert not (tmp_path / "runs").exists()
