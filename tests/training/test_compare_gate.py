"""The gate: every bound can fail, nothing passes unmeasured, and stale evidence fails."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compare_runs import train_run
from compared_folder import answer_suite, ask, judge, mark, measure, new_comparison, prepared, say
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import InputError
from curation.recipe_problems import RecipeProblems
from training.compare.gate import Policy, check_gate, read_policy
from training.compare.opening import Opener
from training.compare.report import FACTS, write_report
from training.compare.sections import SideSettings
from training.compare.stale import stale_evidence
from training.compare.votes import VoteBook

GOOD = {
    "verdicts": ["better"],
    "decided_by": ["votes"],
    "require_human_votes": 20,
    "min_prompts": 20,
    "min_win_rate_lower_bound": 0.55,
    "max_heldout_loss_increase": 0.0,
    "max_forgetting": 0.05,
    "forgetting": ["kept", "not shown"],
    "min_suite_score": 0.9,
    "max_suite_drop": 0.2,
    "max_judge_failures": 0.1,
    "min_judge_agreement": 0.1,
    "min_scores": {"helpfulness": 0.7},
}
WORSE = {
    "verdicts": ["worse"],
    "decided_by": ["judge", "loss"],
    "require_human_votes": 21,
    "min_prompts": 21,
    "min_win_rate_lower_bound": 0.9,
    "max_heldout_loss_increase": -3.0,
    "max_forgetting": -0.1,
    "forgetting": ["forgot"],
    "min_suite_score": 0.99,
    "max_suite_drop": 0.01,
    "max_judge_failures": 0.01,
    "min_judge_agreement": 0.9,
    "min_scores": {"helpfulness": 0.9},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A training run of the tiny model, in a folder of runs that tests copy; its data and model are beside."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny, home / "model")
    data = home / "questions.jsonl"
    lines = [json.dumps({"question": f"Box {n}?", "answer": f"Box {n} is red."}) for n in range(30)]
    data.write_text("\n".join(lines), encoding="utf-8")
    return train_run(home / "runs", data, home / "model")


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A comparison of that training with its base, which passes the good policy. What it is about may be changed."""
    home = tmp_path / "home"
    shutil.copytree(trained.parent.parent, home)
    for path in home.rglob("run.json"):
        path.write_text(path.read_text().replace(str(trained.parent.parent), str(home)))
    run = home / "runs" / trained.name
    settings = SideSettings(run=str(run), a="base", b="tuned")
    opener = Opener(settings, home / "runs", lambda _sentence: None)
    digests = (opener.facts("base").digest, opener.facts("tuned").digest)
    comparison = new_comparison(home / "runs", "base", "tuned", f'sides.run="{run}"', digests=digests)
    book = VoteBook(comparison)
    for number in range(20):
        ask(comparison, f"p{number}", f"It is {number}", f"Box {number} is red.")
    for number in range(20):
        winner = "b" if number < 16 else "a" if number < 18 else "tie"
        place = {book.order_of(f"p{number}")[0]: "left", book.order_of(f"p{number}")[1]: "right"}
        book.cast(f"p{number}", place.get(winner, "tie"), "ann")  # type: ignore[arg-type,call-overload]
        judge(comparison, f"p{number}", "failed" if number == 19 else winner)
    mark(comparison, "p0", "helpfulness", {"a": 0.2, "b": 0.8})
    measure(comparison, "heldout", [(40 + n, 30 + n) for n in range(15)])
    measure(comparison, "retention", [(40 + n, 39.9 + n + 0.4 * (n % 2)) for n in range(15)])
    answer_suite(comparison, "json", [(1, 1)] * 57 + [(0, 1)] * 2 + [(1, 0)])
    write_report(comparison)
    return comparison


def _policy(folder: Path, values: dict[str, Any]) -> Path:
    path = folder.parent / "policy.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_a_good_comparison_passes_and_every_key_can_make_it_fail(folder: Path) -> None:
    found = check_gate(_policy(folder, GOOD), folder)
    assert found.reasons == ()
    assert found.passed
    assert {check.name.partition(".")[0] for check in found.checks} == {"evidence", *GOOD}
    assert set(WORSE) == set(GOOD) == set(Policy.model_fields)
    for key, value in WORSE.items():
        failed = check_gate(_policy(folder, {**GOOD, key: value}), folder)
        assert not failed.passed
        assert [check.name.partition(".")[0] for check in failed.checks if not check.passed] == [key]
        assert len(failed.reasons) == 1
    assert json.loads(json.dumps(found.as_json()))["passed"] is True


def test_an_empty_policy_asks_for_better(folder: Path) -> None:
    path = folder.parent / "policy.yaml"
    path.write_text("# nothing\n")
    assert check_gate(path, folder).passed
    assert read_policy(path).verdicts == ("better",)


def test_suites_can_be_asked_for_by_name(folder: Path) -> None:
    assert check_gate(_policy(folder, {"min_suite_score": {"json": 0.9}}), folder).passed
    missing = check_gate(_policy(folder, {"min_suite_score": {"arithmetic": 0.1}}), folder)
    assert missing.reasons == ("The score of arithmetic was not measured; the policy asks for at least 0.1.",)


def test_what_nobody_measured_does_not_pass(folder: Path) -> None:
    for name in ("losses.jsonl", "suites.jsonl", "judgements.jsonl", "votes.jsonl"):
        (folder / name).unlink()
    write_report(folder)
    found = check_gate(_policy(folder, GOOD), folder)
    failed = {check.name.partition(".")[0] for check in found.checks if not check.passed}
    assert failed == set(GOOD) - {"decided_by", "min_prompts"}


def test_without_votes_the_win_rate_is_the_judges(folder: Path) -> None:
    (folder / "votes.jsonl").unlink()
    write_report(folder)
    found = check_gate(_policy(folder, {"min_win_rate_lower_bound": 0.6}), folder)
    assert found.passed
    assert any("win rate by judge" in check.reason for check in found.checks)


def _touch_adapter(folder: Path) -> None:
    path = next(folder.parent.glob("*-train-*/adapter/adapter_model.safetensors"))
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    os.utime(path)


def _touch_base(folder: Path) -> None:
    path = folder.parent.parent / "model" / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def _edit_json(path: Path, change: Callable[[Any], None]) -> None:
    found = json.loads(path.read_bytes())
    change(found)
    path.write_text(json.dumps(found))


def _other_training_recipe(folder: Path) -> None:
    path = next(folder.parent.glob("*-train-*/run.json"))
    _edit_json(path, lambda spec: spec["recipe"].update(digest="0" * 64))


def _other_recipe(folder: Path) -> None:
    def change(spec: Any) -> None:
        spec["recipe"]["yaml"] = spec["recipe"]["yaml"].replace("max_tokens: 256", "max_tokens: 7")

    _edit_json(folder / "run.json", change)


def _unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: next(folder.parent.parent.glob(name)).unlink()


def _report_of_another(folder: Path) -> None:
    _edit_json(folder / FACTS, lambda facts: facts["evidence"].update(answers="0" * 64))


def _append(name: str, line: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = next(folder.parent.parent.glob(name))
        path.write_text(f"{path.read_text().rstrip()}\n{line}\n")

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_touch_adapter, "The model of side b is not the one that was compared"),
        (_touch_base, "The model of side a is not"),
        (_unlink("runs/*-train-*/adapter/adapter_config.json"), "The model of side b is not there as it was"),
        (_append("questions.jsonl", '{"question": "New?", "answer": "Yes."}'), "The source questions.jsonl of the training"),
        (_append("runs/questions.jsonl", '{"question": "New?", "answer": "Yes."}'), "The source questions.jsonl of the prompts"),
        (_other_training_recipe, "training is not what it was"),
        (_other_recipe, "recipe is not the one that its digest"),
        (lambda folder: say(folder, "p0", "b", "anew"), "answers is not what it was"),
        (lambda folder: measure(folder, "heldout", [(1.0, 2.0)]), "losses is not what it was"),
        (lambda folder: ask(folder, "p99", "x", "y"), "prompts is not what it was"),
        (lambda folder: VoteBook(folder).cast("p0", "tie", "bob"), "votes is not what it was"),
        (lambda folder: judge(folder, "p0", "a"), "judgements is not what it was"),
        (lambda folder: answer_suite(folder, "json", [(0, 0)]), "suites is not what it was"),
        (_report_of_another, "answers is not what it was"),
        (lambda folder: (folder / FACTS).unlink(), "There is no compare.json"),
        (lambda folder: (folder / FACTS).write_text("[]"), "There is no compare.json, or it is damaged"),
        (lambda folder: prepared(folder, ("x", "y")), "The model of side a changed while"),
        (lambda folder: (folder / "events.jsonl").unlink(), "never said which model side a was"),
    ],
)  # fmt: skip
def test_stale_evidence_fails(folder: Path, change: Callable[[Path], object], said: str) -> None:
    assert stale_evidence(folder) == []
    change(folder)
    found = check_gate(_policy(folder, {}), folder)
    assert not found.passed
    assert any(said in reason for reason in found.reasons), found.reasons


def test_a_report_written_again_does_not_hide_another_model(folder: Path) -> None:
    _touch_adapter(folder)
    write_report(folder)
    assert any("side b is not the one" in reason for reason in check_gate(_policy(folder, {}), folder).reasons)


def test_a_policy_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("verdicts: [better, best]\nmin_winrate_lower_bound: 0.5\nmax_judge_failures: 2\nmin_prompts: x\n")
    with pytest.raises(RecipeProblems) as raised:
        read_policy(path)
    told = str(raised.value)
    for words in (
        "policy.yaml:1: verdicts.1: must be one of better, worse, not shown",
        "policy.yaml:2: min_winrate_lower_bound: unknown key. Did you mean 'min_win_rate_lower_bound'?",
        "policy.yaml:3: max_judge_failures: must be at most 1",
        "policy.yaml:4: min_prompts: must be a whole number",
    ):
        assert words in told
    path.write_text("- 1\n")
    with pytest.raises(RecipeProblems, match="must be a mapping"):
        read_policy(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_policy(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_policy(tmp_path / "none.yaml")


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.booleans()))
def test_law_a_valid_policy_is_read_as_it_was_written(keys: dict[str, bool]) -> None:
    values = {key: (GOOD if good else WORSE)[key] for key, good in keys.items()}
    found = Policy.model_validate_json(json.dumps(values), strict=True)
    assert json.loads(found.model_dump_json(exclude_unset=True)) == values


def test_every_key_of_a_policy_is_documented_and_the_example_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(Policy.model_fields)
    example = tmp_path / "policy.yaml"
    example.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    assert read_policy(example).min_suite_score == {"json": 0.9, "arithmetic": 0.5}
