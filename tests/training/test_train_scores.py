"""Scores at each evaluation: a judge at a real endpoint and small tasks, which move nothing and stop nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judges import FaultyServer, always, answers_in
from test_train_methods import trained

from curation.errors import StudioError
from curation.recipe_problems import RecipeProblems
from studio.runs.curves import TrainSnapshot, fold

BASE = ["evaluation.retention=false", "evaluation.every=3", "evaluation.samples=2", "lora.dropout=0.1"]


def of_length(body: dict[str, Any]) -> str:
    """Marks an answer by its length, so that another answer has another mark."""
    (text,) = answers_in(body)
    return json.dumps({"reason": "counted", "score": 1 + len(text) % 5})


def scored(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(e["step"], e["who"], e["name"], e["count"], e["failed"]) for e in events if e["event"] == "scored"]


def warned(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for event in events if event["event"] == "warned"]


def test_answers_and_tasks_are_scored_at_each_evaluation(tiny: Path, questions: Path, tmp_path: Path) -> None:
    plain, _ = trained(questions, tiny, tmp_path / "plain", BASE)
    with FaultyServer(of_length) as server:
        settings = [
            f"evaluation.judge={server.address}",
            "evaluation.judge_rubrics=[helpfulness, correctness]",
            "evaluation.suites=[copying, arithmetic]",
            "evaluation.suite_size=1",
        ]
        summary, events = trained(questions, tiny, tmp_path / "run", [*BASE, *settings])
        assert server.billed and max(server.answered.values()) == 1, "the same answer is not marked twice"
    names = [("helpfulness", 2), ("correctness", 2), ("copying", 2), ("arithmetic", 2)]
    moments = [(0, "base"), (3, "tuned"), (6, "tuned")]
    assert scored(events) == [(step, who, name, count, 0) for step, who in moments for name, count in names]
    assert summary["weights_sha256"] == plain["weights_sha256"], "looking moves nothing"
    answers = [event["answer"] for event in events if event["event"] == "sampled" and event["step"] == 6]
    mean = sum(len(answer) % 5 / 4 for answer in answers) / len(answers)
    (last,) = [e for e in events if e["event"] == "scored" and e["step"] == 6 and e["name"] == "helpfulness"]
    assert last["score"] == pytest.approx(mean)
    snapshot = fold(TrainSnapshot(), events)
    assert snapshot.scores["helpfulness", "tuned"].rows(2)[:, 0].tolist() == [3, 6]
    assert snapshot.scores["helpfulness", "tuned"].rows(2)[-1, 1] == pytest.approx(mean)
    again = fold(snapshot, [{"event": "resumed", "step": 4, "path": "", "refused": [], "time": 0.0}])
    assert again.scores["helpfulness", "tuned"].rows(2)[:, 0].tolist() == [3]


def test_a_broken_judge_costs_points_and_no_training(tiny: Path, questions: Path, tmp_path: Path) -> None:
    with FaultyServer(always("I like it.")) as server:
        _, events = trained(questions, tiny, tmp_path / "run", [*BASE, f"evaluation.judge={server.address}"])
    assert scored(events) == []
    assert [message for message in warned(events) if "2 of 2 answers no score at step 3 (no_object: 2)" in message]


def test_a_judge_that_is_away_costs_points_and_no_training(tiny: Path, questions: Path, tmp_path: Path) -> None:
    with FaultyServer(of_length, rate=1.0, kinds=("drop",)) as server:
        _, events = trained(questions, tiny, tmp_path / "run", [*BASE, f"evaluation.judge={server.address}"])
    assert scored(events) == [] and any("connection: 2" in message for message in warned(events))


def test_the_key_of_the_judge(tiny: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sesame")
    with FaultyServer(of_length, key="sesame") as server:
        judge = f"evaluation.judge={server.address}"
        _, without = trained(questions, tiny, tmp_path / "without", [*BASE, judge])
        _, events = trained(questions, tiny, tmp_path / "with", [*BASE, judge, "evaluation.judge_key_env=JUDGE_KEY"])
    assert scored(without) == [] and any("no_key" in message for message in warned(without))
    assert len(scored(events)) == 3 and "sesame" not in json.dumps(events)


def test_what_is_not_there_is_said_before_the_first_step(tiny: Path, questions: Path, tmp_path: Path) -> None:
    with FaultyServer(of_length) as server:
        judge = f"evaluation.judge={server.address}"
        with pytest.raises(StudioError, match="no rubric is named"):
            trained(questions, tiny, tmp_path / "one", [*BASE, judge, "evaluation.judge_rubrics=[helpfull]"])
        with pytest.raises(StudioError):
            key = "evaluation.judge_key_env=NO_SUCH_KEY"
            trained(questions, tiny, tmp_path / "two", [*BASE, judge, key])
        with pytest.raises(RecipeProblems, match="a judge marks samples, and there are none"):
            trained(questions, tiny, tmp_path / "three", [judge, "evaluation.samples=0"])
        assert server.billed == 0
