"""The judge of an experiment over answers that are there: marks, pairs, a spent budget, a dead endpoint, broken replies."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

from judges import FaultyServer, answers_in, good, marking, said

from curation.errors import StageError
from curation.events import Event, Progress
from studio.runs.experiment_judge import MARKS, PAIRS, Judging, append_answer, drawn_prompts
from training.compare.model import CALLS, Answer, Prompt, read
from training.compare.model import PROMPTS as PROMPTS_FILE
from training.examples import Example, Message
from training.experiment.arms import asked, made
from training.experiment.judging import JudgingRecipe
from training.experiment.model import ExperimentRecipe

PROMPTS = [Prompt(f"p{n}", (Message("user", f"Question {n}?"),)) for n in range(4)]
ARMS = ("all", "best=x", "chance=random:best")
GOOD = {"all": "right", "best": "right right", "chance": "wrong"}


def judge_of(body: dict[str, Any]) -> str:
    """Marks one answer and compares two, both by how often they say `right`."""
    return good(body) if len(answers_in(body)) == 2 else marking(body)


def judging(
    folder: Path, address: str, *settings: str, seeds: int = 2, say: Callable[[Event], None] = print
) -> Judging:
    arms = tuple(made(one, "stages: []" if one.kind == "curated" else "") for one in map(asked, ARMS))
    usual = [f"judge.model={json.dumps(address)}", "judge.attempts=1", "judge.timeout=5.0", "judge.concurrency=1"]
    recipe = JudgingRecipe(name="judge").with_settings([*usual, *settings])
    experiment = ExperimentRecipe(arms=arms, training="y", seeds=seeds, judging=recipe.to_yaml())
    return Judging(recipe, experiment, PROMPTS, folder, say, lambda: False)


def legs(folder: Path, seeds: int = 2, answers: dict[str, str] = GOOD) -> dict[tuple[str, int], Path]:
    """The folders of finished trainings, each with an answer to every prompt; seeds differ in a word."""
    found = {}
    for arm, text in answers.items():
        for seed in range(seeds):
            found[arm, seed] = folder / f"{arm}-{seed}"
            found[arm, seed].mkdir(parents=True)
            for prompt in PROMPTS:
                append_answer(found[arm, seed], Answer(prompt.prompt_id, "b", f"{text} {seed}", 2, 1.0, "end"))
    return found


def differences(rows: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[float, str]]:
    return {(one["arm"], one["other"]): (round(one["mean"], 3), one["verdict"]) for one in rows}


def test_marks_and_pairs_say_what_the_judge_said(tmp_path: Path) -> None:
    events: list[Event] = []
    with FaultyServer(judge_of) as server:
        one = judging(tmp_path, server.address, "judge.pairwise=true", say=events.append)
        facts = one.judge(legs(tmp_path), "")
        billed = server.billed
        assert one.judge({key: tmp_path / f"{key[0]}-{key[1]}" for key in legs_there(tmp_path)}, "") == facts
        assert server.billed == billed, "what was judged is not paid for again"
    assert (facts["judged"], facts["failed"], facts["left"]) == (24 + 16, 0, 0)
    marks = facts["marks"]["helpfulness"]
    assert marks["means"] == {"all": 0.25, "best": 0.5, "chance": 0.0}
    assert differences(marks["differences"]) == {
        ("best", "all"): (0.25, "better"), ("best", "chance"): (0.5, "better"), ("chance", "all"): (-0.25, "worse"),
    }  # fmt: skip
    assert "best (+0.2500) is better" in marks["sentence"] and "helpfulness" in marks["sentence"]
    couples = facts["pairs"]
    assert differences(couples["differences"]) == {
        ("best", "all"): (1.0, "better"),
        ("best", "chance"): (1.0, "better"),
    }
    assert [(row["won"], row["lost"], row["ties"]) for row in couples["differences"]] == [(8, 0, 0), (8, 0, 0)]
    assert couples["places"] == {"asked": 16, "agreed": 16, "first": 0, "second": 0}
    assert billed == 24 + 32 == facts["cost"]["calls"], "said beforehand"
    assert {event.unit for event in events if isinstance(event, Progress)} == {"judgements"}
    assert (tmp_path / "judge" / CALLS).is_file()


def legs_there(folder: Path) -> list[tuple[str, int]]:
    return [(arm, seed) for arm in GOOD for seed in range(2) if (folder / f"{arm}-{seed}").is_dir()]


def test_equal_answers_are_ties_and_nobody_is_asked(tmp_path: Path) -> None:
    with FaultyServer(judge_of) as server:
        one = judging(tmp_path, server.address, "judge.pairwise=true", "judge.rubrics=[]")
        facts = one.judge(legs(tmp_path, answers=dict.fromkeys(GOOD, "right")), "")
        assert server.billed == 0
    assert facts["marks"] == {}
    assert differences(facts["pairs"]["differences"]) == {
        ("best", "all"): (0.0, "not shown"), ("best", "chance"): (0.0, "not shown"),
    }  # fmt: skip
    assert [row["ties"] for row in facts["pairs"]["differences"]] == [8, 8]


def test_a_judge_that_cannot_be_read_gives_no_marks(tmp_path: Path) -> None:
    with FaultyServer(lambda body: "I like it.") as server:
        facts = judging(tmp_path, server.address, "judge.pairwise=true").judge(legs(tmp_path), "")
    assert (facts["judged"], facts["failed"], facts["left"]) == (0, 40, 0)
    assert facts["marks"]["helpfulness"] == {"means": {}, "differences": [], "sentence": ""}
    assert facts["pairs"]["differences"] == []


def test_prompts_without_every_verdict_are_left_out_and_counted(tmp_path: Path) -> None:
    def sometimes(body: dict[str, Any]) -> str:
        text = body["messages"][0]["content"]
        return "no" if "Question 2?" in text and "right right 1" in text else marking(body)

    with FaultyServer(sometimes) as server:
        facts = judging(tmp_path, server.address).judge(legs(tmp_path), "")
    assert (facts["judged"], facts["failed"]) == (23, 1)
    used = {(row["arm"], row["other"]): row["records"] for row in facts["marks"]["helpfulness"]["differences"]}
    assert used == {("best", "all"): 3, ("best", "chance"): 3, ("chance", "all"): 4}


def test_a_spent_budget_leaves_whole_prompts_and_says_so(tmp_path: Path) -> None:
    with FaultyServer(judge_of) as server:
        facts = judging(tmp_path, server.address, "judge.max_calls=13").judge(legs(tmp_path), "")
        assert server.billed == 13
    assert facts["cost"]["calls"] == 13 and facts["left"] + facts["failed"] == 24 - 13
    assert {row["records"] for row in facts["marks"]["helpfulness"]["differences"]} == {2}


def test_a_dead_endpoint_ends_it_and_the_rest_is_asked_later(tmp_path: Path) -> None:
    folders = legs(tmp_path)
    with FaultyServer(judge_of, faults=[None] * 5 + ["500"] * 8) as server:
        one = judging(tmp_path, server.address)
        with pytest.raises(StageError, match="11 judgements are left"):
            one.judge(folders, "")
        facts = one.judge(folders, "")
        assert (facts["judged"], facts["failed"], facts["left"]) == (24, 0, 0)
        assert server.billed == 24


def test_passing_trouble_is_asked_about_once_more(tmp_path: Path) -> None:
    with FaultyServer(judge_of, faults=[None] * 5 + ["500"] * 3) as server:
        facts = judging(tmp_path, server.address).judge(legs(tmp_path), "")
        assert (server.billed, len(server.requests)) == (24, 27)
    assert (facts["judged"], facts["failed"], facts["left"]) == (24, 0, 0)


def test_every_setting_of_the_judge_has_its_effect(tmp_path: Path) -> None:
    folders = legs(tmp_path)
    with FaultyServer(judge_of) as server:
        judging(tmp_path, server.address, "judge.rubrics=[style, helpfulness]", "judge.max_tokens=99").judge(
            folders, ""
        )
        assert {request.body["max_tokens"] for request in server.requests} == {99}
        assert server.billed == 48
    assert {place.name for place in (tmp_path / "judge").iterdir() if place.is_dir()} == {MARKS}
    names = [prompt.prompt_id for prompt in read(tmp_path / "judge" / MARKS / PROMPTS_FILE, Prompt)]
    assert names[0] == "all/0/p0" and len(set(names)) == 24
    assert not (tmp_path / "judge" / PAIRS).exists()
    one_sided = FaultyServer(lambda body: said("A"))
    with one_sided as server:
        facts = judging(tmp_path, server.address, "judge.pairwise=true", "judge.rubrics=[]").judge(folders, "")
    assert facts["pairs"]["places"]["agreed"] == 0 and facts["pairs"]["places"]["first"] == 16
    assert {row["ties"] for row in facts["pairs"]["differences"]} == {8}


def test_the_questions_are_drawn_by_limit_and_seed() -> None:
    examples = [Example(f"r{n}", (Message("user", f"{n}?"), Message("assistant", "Yes."))) for n in range(30)]

    def ids(*settings: str) -> list[str]:
        recipe = JudgingRecipe(name="judge").with_settings(["judge.model=smollm2", *settings])
        return [prompt.record_id for prompt in drawn_prompts(recipe, examples)]

    assert len(ids()) == 12 and len(ids("prompts.limit=5")) == 5 and len(ids("prompts.limit=50")) == 30
    assert ids() != ids("prompts.seed=1")
