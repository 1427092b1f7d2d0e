"""The tensors on disk are those that were looked at, and every leg of a run trains them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.errors import InputError, Refused, Stopped
from curation.events import Event
from training.recipe import TrainRecipe
from training.run import train
from training.session import prepare, restore
from training.tensors import FILE, key_of, load_tensors, save_tensors


def recipe_for(model: Path, *settings: str, preset: str = "lora") -> TrainRecipe:
    short = ["schedule.max_steps=4", "schedule.accumulation=1", "evaluation.samples=1", "evaluation.sample_tokens=3"]
    return TrainRecipe.load(preset).with_settings([f"model.name={model}", *short, *settings])


@pytest.mark.parametrize("preset", ["lora", "dpo"])
def test_what_is_saved_is_what_is_loaded(preset: str, tiny: Path, questions: Path, pairs: Path, tmp_path: Path) -> None:
    data = pairs if preset == "dpo" else questions
    recipe = recipe_for(tiny, preset=preset)
    session = prepare([str(data)], recipe)
    key = key_of([str(data)], recipe)
    save_tensors(session, key, tmp_path)
    found = load_tensors(tmp_path, key, recipe.method.objective)
    assert found is not None
    again = restore(recipe, found)
    assert again.train_rows == session.train_rows
    assert again.prompts == session.prompts
    assert [one.labels for one in again.retention] == [one.labels for one in session.retention]
    assert again.template == session.template


def test_a_key_is_that_of_everything_the_tensors_depend_on(tiny: Path, tmp_path: Path) -> None:
    recipe = recipe_for(tiny)
    key = key_of(["a"], recipe)
    for change in ("seed=3", "data.train_on=everything", "template.system=s", "evaluation.samples=2", "data.limit=3"):
        assert key_of(["a"], recipe.with_settings([change])) != key
    for change in ("lora.r=4", "schedule.max_steps=9", "evaluation.every=2"):
        assert key_of(["a"], recipe.with_settings([change])) == key
    assert key_of(["b"], recipe) != key
    (tmp_path / FILE).write_bytes(b"torn")
    assert load_tensors(tmp_path, key, "sft") is None


def run(data: Path, recipe: TrainRecipe, folder: Path, *, apart: bool = True, stop: bool = False) -> Any:
    events: list[Event] = []
    folder.mkdir(exist_ok=True)
    summary = train([str(data)], recipe, folder, apart=apart, listener=events.append, should_stop=lambda: stop)
    return summary, [event.as_json()["event"] for event in events]


def test_apart_or_here_the_weights_are_the_same(tiny: Path, questions: Path, tmp_path: Path) -> None:
    recipe = recipe_for(tiny, "lora.dropout=0.1")
    here, said_here = run(questions, recipe, tmp_path / "here", apart=False)
    apart, said_apart = run(questions, recipe, tmp_path / "apart")
    assert here["weights_sha256"] == apart["weights_sha256"]
    assert said_here == said_apart
    assert (tmp_path / "here" / "preflight.json").is_file()
    assert json.loads((tmp_path / "apart" / "preflight.json").read_bytes())["blocked"] is False


def test_a_run_goes_on_with_its_tensors_when_the_data_changes(tiny: Path, questions: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_bytes(questions.read_bytes())
    longer = recipe_for(tiny).with_settings(["schedule.max_steps=8"])
    whole, _ = run(data, longer, tmp_path / "whole")
    run(data, recipe_for(tiny, "schedule.decay=constant", "schedule.warmup=0"), tmp_path / "other")
    run(data, longer, tmp_path / "begun")
    data.write_text('{"question": "x", "answer": "y"}\n' * 30)
    more = longer.with_settings(["schedule.max_steps=12"])
    longest, said = run(data, more, tmp_path / "begun")
    assert "preflight_done" not in said, "it was looked at before"
    assert longest["records"] == whole["records"]


def test_what_goes_wrong_apart_is_said_here(tiny: Path, questions: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file nowhere\.csv"):
        run(Path("nowhere.csv"), recipe_for(tiny), tmp_path / "a")
    with pytest.raises(Refused, match="40 tokens"):
        run(questions, recipe_for(tiny, "data.max_length=40"), tmp_path / "b")
    assert not (tmp_path / "b" / FILE).exists()
    with pytest.raises(Stopped):
        run(questions, recipe_for(tiny), tmp_path / "c", stop=True)
