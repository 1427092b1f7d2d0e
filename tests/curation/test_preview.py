"""A preview says of a sample what a run over the same records does: counts, reasons, order and survivors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_inputs import run, write_messy

from curation.errors import InputError, StageError
from curation.preview import (
    EXAMPLES,
    Preview,
    Previewer,
    PreviewStopped,
    decide_apart,
    decide_here,
    is_dear,
    take_sample,
)
from curation.preview_apart import ask
from curation.recipe import Recipe
from curation.recipe_check import Step
from curation.registry import stage_class
from curation.schema import Batch, Decisions
from curation.stage import StageContext

SAMPLES = Path(__file__).parents[2] / "datasets"
MANY = """
seed: 3
stages:
  - {use: clean}
  - {use: length, min_chars: 30, max_chars: 900}
  - {use: language, allow: [en, zh], annotate: true}
  - {use: values, annotate: true}
  - {use: pii, names: false}
  - {use: quality}
  - {use: repetition}
  - {use: machine_text}
  - {use: near}
  - {use: exact, normalise: letters}
  - {use: sample, fraction: 0.8}
  - {use: split, validation: 0.2}
"""
SEMANTIC = "stages: [{use: length, min_chars: 20}, {use: semantic, conflicts: flag}, {use: exact}]"


def previewed(inputs: list[str], recipe: str, *, dear: bool = False, most: int = 500) -> Preview:
    return Previewer(take_sample(inputs, most)).preview(Recipe.from_text(recipe), dear=dear)


def told(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a summary says of its stages, without how long they took."""
    names = ("records_in", "dropped", "edited", "flagged")
    return [
        {
            "stage": each["stage"],
            **{name: each[name] for name in names},
            "reasons": sorted((item["action"], item["reason"], item["count"]) for item in each["reasons"]),
        }
        for each in stages
    ]


def foretold(preview: Preview) -> list[dict[str, Any]]:
    return [
        {
            "stage": each.name,
            "records_in": each.records_in,
            "dropped": each.dropped,
            "edited": each.edited,
            "flagged": each.flagged,
            "reasons": sorted((item.action, item.reason, item.count) for item in each.reasons),
        }
        for each in preview.stages
    ]


def builtin(name: str) -> str:
    return Recipe.load(name).to_yaml()


@pytest.mark.parametrize("recipe", ["sft", "sft-zh", "minimal", "many"])
@pytest.mark.parametrize("source", ["support_desk.jsonl", "qa_zh.csv", "alpaca_mixed.json"])
def test_counts_are_those_of_a_run_over_the_same_file(tmp_path: Path, source: str, recipe: str) -> None:
    text = MANY if recipe == "many" else builtin(recipe)
    preview = previewed([str(SAMPLES / source)], text)
    summary = run(tmp_path, SAMPLES / source, recipe=text)
    assert foretold(preview) == told(summary["stages"])
    assert preview.whole
    assert preview.kept == summary["counts"]["kept"]
    assert preview.unread == summary["counts"]["quarantined"]
    assert preview.sampled == summary["counts"]["read"] - summary["counts"]["quarantined"] - summary["counts"]["blank"]
    assert not any(each.waiting or each.problem for each in preview.stages)


def test_counts_of_a_stage_that_decides_in_another_process(tmp_path: Path) -> None:
    source = SAMPLES / "qa_zh.csv"
    waiting = previewed([str(source)], SEMANTIC)
    assert [each.waiting for each in waiting.stages] == [False, True, False]
    preview = previewed([str(source)], SEMANTIC, dear=True)
    summary = run(tmp_path, source, recipe=SEMANTIC)
    assert foretold(preview) == told(summary["stages"])
    semantic = preview.of("semantic")
    assert semantic is not None
    assert semantic.dropped > 0
    twins = [each for each in semantic.examples if each.action == "drop"]
    assert twins[0].related_id
    assert twins[0].twin
    assert twins[0].score is not None
    assert twins[0].threshold is not None
    assert twins[0].score >= twins[0].threshold


@pytest.mark.parametrize("most", [1, 17, 60])
def test_counts_of_a_part_are_those_of_a_run_that_reads_as_much(tmp_path: Path, most: int) -> None:
    source = write_messy(tmp_path / "messy.jsonl", 200)
    sample = take_sample([str(source)], most)
    assert not sample.whole
    lines = source.read_text("utf-8").splitlines()
    payloads = [number for number, each in enumerate(lines) if each.strip()]
    part = tmp_path / "part" / "messy.jsonl"
    part.parent.mkdir()
    part.write_text("\n".join(lines[: payloads[most - 1] + 1]) + "\n", "utf-8")
    preview = Previewer(sample).preview(Recipe.from_text(MANY))
    summary = run(tmp_path / "run", part, recipe=MANY)
    assert foretold(preview) == told(summary["stages"])
    assert (preview.kept, preview.unread) == (summary["counts"]["kept"], summary["counts"]["quarantined"])


def test_several_sources_give_a_share_each_with_the_ids_of_a_run(tmp_path: Path) -> None:
    one, two = write_messy(tmp_path / "a.jsonl", 90, seed=1), write_messy(tmp_path / "b.jsonl", 90, seed=2)
    sample = take_sample([str(one), str(two)], 40)
    by_source = dict(sample.batch.records.group_by("source").len().iter_rows())
    assert set(by_source) == {"a.jsonl", "b.jsonl"}
    assert sum(by_source.values()) + sample.unread == 40
    whole = take_sample([str(one), str(two)])
    summary = run(tmp_path / "run", one, two)
    assert foretold(Previewer(whole).preview(Recipe.from_text(MANY)))[0]["records_in"] == len(whole)
    ledger = pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet")
    assert set(ledger["record_id"]) <= set(whole.batch.records["record_id"])
    assert len(whole) == summary["counts"]["read"] - summary["counts"]["quarantined"] - summary["counts"]["blank"]


def test_nothing_to_read_and_nothing_there(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("\n[1]\nnonsense\n")
    preview = previewed([str(nothing)], MANY)
    assert (preview.sampled, preview.kept, preview.unread, preview.whole) == (0, 0, 2, True)
    assert all(each.records_in == 0 and not each.problem for each in preview.stages)
    with pytest.raises(InputError):
        take_sample([str(tmp_path / "nowhere.jsonl")])


def test_examples_are_records_that_were_decided_about_and_show_what_changes() -> None:
    preview = previewed([str(SAMPLES / "support_desk.jsonl")], MANY)
    clean = preview.of("clean")
    assert clean is not None
    assert {each.reason for each in clean.reasons} == {each.reason for each in clean.examples}
    for example in clean.examples:
        assert all(turn.after is not None and turn.after != turn.before for turn in example.turns)
    for stage in preview.stages:
        for item in stage.reasons:
            shown = [each for each in stage.examples if (each.action, each.reason) == (item.action, item.reason)]
            assert len(shown) <= min(EXAMPLES, item.count)
            assert item.sentence
    near = preview.of("near")
    assert near is not None
    assert all(each.related_id and each.twin for each in near.examples if each.action == "drop")


# What is remembered


class Counting:
    """Decides here, and notes which dear stages were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, step: Step, batch: Batch, context: StageContext, stop: Callable[[], bool]) -> Decisions:
        self.asked.append(step.name)
        return decide_here(step, batch, context)


def test_only_what_follows_an_edit_decides_again() -> None:
    counting = Counting()
    previewer = Previewer(take_sample([str(SAMPLES / "qa_zh.csv")]), counting)
    recipe = Recipe.from_text(SEMANTIC)
    first = previewer.preview(recipe, dear=True)
    assert counting.asked == ["semantic"]
    again = previewer.preview(recipe)
    assert counting.asked == ["semantic"], "what was decided once is known, also without asking for it"
    assert foretold(again) == foretold(first)
    assert [each.seconds for each in again.stages] == [0.0, 0.0, 0.0]
    later = previewer.preview(recipe.with_settings(["exact.normalise=letters"]))
    assert [each.seconds > 0 for each in later.stages] == [False, False, True]
    assert counting.asked == ["semantic"]
    earlier = previewer.preview(recipe.with_settings(["length.min_chars=200"]))
    assert [each.waiting for each in earlier.stages] == [False, True, False], "it saw other records"
    previewer.preview(recipe.with_settings(["length.min_chars=200"]), dear=True)
    assert counting.asked == ["semantic", "semantic"]
    assert foretold(previewer.preview(recipe)) == foretold(first), "back where it was"


def test_another_seed_draws_other_records() -> None:
    previewer = Previewer(take_sample([str(SAMPLES / "support_desk.jsonl")]))
    kept = set()
    for seed in range(4):
        recipe = Recipe.from_text(f"seed: {seed}\nstages: [{{use: sample, fraction: 0.5}}]")
        (stage,) = previewer.preview(recipe).stages
        kept.add(tuple(each.record_id for each in stage.examples))
    assert len(kept) > 1


# What goes wrong


def test_a_stage_that_cannot_decide_says_why_and_the_others_go_on() -> None:
    text = "stages: [{use: where, condition: no_such_column > 3}, {use: length, min_chars: 100000}]"
    preview = previewed([str(SAMPLES / "qa_zh.csv")], text)
    where, length = preview.stages
    assert "no_such_column" in where.problem + where.hint
    assert length.records_in == preview.sampled
    assert length.dropped == preview.sampled
    assert preview.kept == 0


def test_a_problem_in_the_other_process_comes_back_in_its_own_words(tmp_path: Path) -> None:
    facts = {"use": "decontaminate", "against": [str(tmp_path / "no such file.jsonl")]}
    text = json.dumps({"stages": [facts]})
    (stage,) = previewed([str(SAMPLES / "qa_zh.csv")], text, dear=True).stages
    assert "no such file" in stage.problem
    assert not stage.dropped


def test_the_other_process_decides_as_this_one_would() -> None:
    batch = take_sample([str(SAMPLES / "support_desk.jsonl")]).batch
    for use, given in (("near", {}), ("length", {"min_chars": 60}), ("clean", {}), ("split", {"validation": 0.3})):
        step = Step(name="mine", use=use, stage=stage_class(use)(**given))
        here, apart = (
            decide_here(step, batch, StageContext(5)),
            decide_apart(step, batch, StageContext(5), lambda: False),
        )
        assert here.rows.equals(apart.rows)
        assert here.edits.equals(apart.edits)


def test_who_is_called_off_stops_at_once_and_leaves_no_process() -> None:
    sample = take_sample([str(SAMPLES / "qa_zh.csv")])
    with pytest.raises(PreviewStopped):
        Previewer(sample).preview(Recipe.from_text(MANY), should_stop=lambda: True)
    import psutil

    step = Step(name="mine", use="semantic", stage=stage_class("semantic")())
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    began = time.monotonic()
    with pytest.raises(PreviewStopped):
        ask(step, sample.batch, StageContext(), lambda: True)
    assert time.monotonic() - began < 3
    assert {each.pid for each in psutil.Process().children(recursive=True)} <= before


def test_a_process_that_dies_is_an_error_of_its_stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "polars.py"
    broken.write_text("raise SystemExit('no room for \\x1b[2J it')\n")
    batch = take_sample([str(SAMPLES / "qa_zh.csv")]).batch
    step = Step(name="mine", use="length", stage=stage_class("length")(min_chars=3))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(StageError, match="stage 'mine' ended with an error: no room"):
        ask(step, batch, StageContext())


@pytest.mark.parametrize(
    ("use", "given", "dear"),
    [
        ("semantic", {}, True),
        ("near", {}, False),
        ("pii", {"names": True}, True),
        ("pii", {"names": False}, False),
        ("values", {}, False),
        ("values", {"policy": "mine.yaml"}, True),
        ("machine_text", {}, False),
        ("machine_text", {"perplexity_below": 8.0, "perplexity_model": "some/model"}, True),
        ("length", {"min_tokens": 3, "tokenizer": "some/model"}, True),
        ("length", {"min_chars": 3}, False),
        ("decontaminate", {"against": ["x.jsonl"]}, True),
    ],
)
def test_which_stages_wait_to_be_asked(use: str, given: dict[str, Any], dear: bool) -> None:
    assert is_dear(stage_class(use)(**given)) is dear


def test_cheap_previews_load_nothing_heavy_here() -> None:
    program = f"""
import sys
from curation.preview import Previewer, take_sample
from curation.recipe import Recipe
text = {SEMANTIC!r}
preview = Previewer(take_sample([{str(SAMPLES / "qa_zh.csv")!r}])).preview(Recipe.from_text(text), dear=True)
assert preview.stages[1].dropped, preview
found = {{"torch", "transformers", "faiss", "spacy", "textual", "sentence_transformers"}} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
