"""A generation with a model in this process: no server, no network, and every item accounted for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare_runs import make_tiny
from test_no_network import CONNECTS, GUARD


def test_a_model_of_this_process_needs_no_server_and_no_network(tmp_path: Path) -> None:
    """A tiny model of random weights writes no pairs: every item is turned away or has failed, and each says why."""
    make_tiny(tmp_path / "tiny")
    seeds = [{"question": f"What is {n} and {n}?", "answer": f"Oh, {2 * n}. What a riddle."} for n in range(12)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    words = ["-m", "studio", "generate", "--from-seeds", "seeds.jsonl", "-n", "20", "--model", "./tiny", "--plain"]
    words += ["--set", "model.max_tokens=16", "--set", "model.threads=1"]
    seen, done = _watched([sys.executable, *words], tmp_path)
    assert done.returncode == 0, done.stderr
    assert seen == []
    found = re.search(r"^requested 20 = accepted (\d+) \+ rejected (\d+) \+ failed (\d+)$", done.stdout, re.MULTILINE)
    assert found is not None and sum(map(int, found.groups())) == 20, done.stdout
    assert "Nothing leaves this machine" in done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    assert sum(summary["reasons"].values()) + summary["counts"]["accepted"] == 20
    assert summary["spent"]["prompt_tokens"] > 0 or summary["spent"]["failures"]


def _watched(command: list[str], folder: Path) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    """A command, and the connections it made: as the kernel saw them where there is strace, else as Python did."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    strace, log = shutil.which("strace"), folder / "trace"
    tried = [strace or "", "-f", "-e", "trace=network", "-o", str(folder / "tried"), sys.executable, "-c", ""]
    if strace and subprocess.run(tried, check=False, capture_output=True).returncode == 0:
        command = [strace, "-f", "-qq", "-e", "trace=network", "-o", str(log), *command]
        done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
        return [line for line in log.read_text("utf-8", "replace").splitlines() if CONNECTS.search(line)], done
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    connected = folder / "connected"
    environment = {**kept, "PYTHONPATH": str(folder / "guard"), "CONNECTED": str(connected)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return connected.read_text().splitlines() if connected.exists() else [], done
