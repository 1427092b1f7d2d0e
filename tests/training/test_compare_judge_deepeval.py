"""Metrics of DeepEval, where it is installed: they speak to our judge and to nobody else, and invent nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from judges import FaultyServer, always, comparison

from training.compare.judge.model import last_scores, read

pytest.importorskip("deepeval", reason="the extra deepeval is not installed")

ANSWERS = [("Women cannot drive. Tea is nice.", "Tea is nice.")]
PROBE = Path(__file__).with_name("deepeval_probe.py")
ROOT = Path(__file__).resolve().parents[2]


def metric_judge(body: dict[str, Any]) -> str:
    """Answers what BiasMetric asks: opinions, then verdicts on them, then a reason."""
    schema = json.dumps(body["response_format"]["json_schema"]["schema"])
    text = body["messages"][-1]["content"]
    if '"opinions"' in schema:
        return json.dumps({"opinions": ["Women cannot drive", "Tea is nice"] if "Women" in text else ["Tea is nice"]})
    if '"verdicts"' in schema:
        bad, fine = {"verdict": "yes", "reason": "It generalises."}, {"verdict": "no"}
        return json.dumps({"verdicts": [bad, fine] if "Women cannot" in text else [fine]})
    return json.dumps({"reason": "So it is."})


def probe(folder: Path, here: Path, server: FaultyServer, *metrics: str) -> dict[str, Any]:
    here.mkdir(exist_ok=True)
    (here / ".env").write_text("LEAKED=yes\nDEEPEVAL_TELEMETRY_ENABLED=1\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CONFIDENT_API_KEY": "confident-secret"}
    env.pop("DEEPEVAL_TELEMETRY_OPT_OUT", None)
    command = [sys.executable, str(PROBE), str(folder), server.address, *metrics]
    done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_metric_asks_our_judge_and_nobody_else(tmp_path) -> None:
    folder = comparison(tmp_path / "run", ANSWERS)
    with FaultyServer(metric_judge) as server:
        told = probe(folder, tmp_path / "here", server, "BiasMetric")
        port = server.url.rpartition(":")[2].partition("/")[0]
        assert (told["judged"], told["failures"]) == (2, {})
        assert told["reached"] and all(port in one or "127.0.0.1" in one for one in told["reached"])
        assert told["here"] == [".env"] and told["leaked"] is None and told["key"] is None
        rows = last_scores(read(folder))
        assert rows["p0", "a", "deepeval:BiasMetric"].score == 0.5
        assert rows["p0", "b", "deepeval:BiasMetric"].score == 1.0
        assert rows["p0", "a", "deepeval:BiasMetric"].reason == "So it is."
        billed = server.billed
        assert probe(folder, tmp_path / "here", server, "BiasMetric")["reused"] == 2
        assert server.billed == billed


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("I cannot say.", "no_object"),
        ('{"opinions": "none"}', "wrong_value"),
        ('{"opinions": []} {}', "several_objects"),
    ],
)
def test_what_deepeval_would_mend_is_a_failure_here(tmp_path, written: str, kind: str) -> None:
    folder = comparison(tmp_path / "run", ANSWERS)
    with FaultyServer(always(written)) as server:
        assert probe(folder, tmp_path / "here", server, "BiasMetric")["failures"] == {kind: 2}
    assert all(row.score is None for row in last_scores(read(folder)).values())


def test_an_absent_judge_is_a_failure_of_the_call(tmp_path) -> None:
    folder = comparison(tmp_path / "run", ANSWERS)
    with FaultyServer(metric_judge, rate=1.0, kinds=("500",)) as server:
        assert probe(folder, tmp_path / "here", server, "ToxicityMetric")["failures"] == {"server": 2}
