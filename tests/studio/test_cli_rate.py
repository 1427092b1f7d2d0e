"""The stage `rate` from the command line: its cost before, its words after, a budget that is raised when the run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))
from llm_server import FaultyServer
from rated_numbers import judge, write_numbers


@pytest.fixture
def server():
    with FaultyServer(judge) as found:
        yield found


def studio(here: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STUDIO_CACHE": str(here / "cache"), "COLUMNS": "200"}
    code = "import sys; from studio.cli.main import main; sys.argv[0] = 'studio'; sys.exit(main())"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=120)


def test_cost_before_words_after_and_a_budget_that_is_raised(tmp_path: Path, server: FaultyServer) -> None:
    write_numbers(tmp_path / "n.jsonl", 12)
    (tmp_path / "r.yaml").write_text(f"name: r\nstages:\n  - use: rate\n    model: {server.address}\n    calls: 5\n")
    asked = ("curate", "--in", "n.jsonl", "--recipe", "r.yaml")
    plan = studio(tmp_path, *asked, "--dry-run").stdout
    (line,) = [line for line in plan.splitlines() if line.startswith("  rate: ")]
    assert "12 calls with" in line and "6,144 of answers" in line
    assert server.requests == []
    first = studio(tmp_path, *asked)
    assert first.returncode != 0 and "the budget is spent" in first.stderr and "resume" in first.stderr
    assert server.billed == 5
    again = studio(tmp_path, "runs", "resume", "last", "--set", "rate.calls=50")
    assert again.returncode == 0, again.stderr
    assert server.billed == 12
    why = studio(tmp_path, "why", "last", "n.jsonl:5").stdout
    assert "rate: annotate, rated" in why and "quality = 4.0" in why and "quality: because of 4" in why
    story = json.loads(studio(tmp_path, "why", "last", "n.jsonl:5", "--json").stdout)
    assert story["events"][0]["said"] == {"quality": "because of 4", "complexity": "it is a number"}
