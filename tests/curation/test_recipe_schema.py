"""What recipes may hold, told to editors and forms, and the starter recipes that show it to people."""

import jsonschema
import pytest
from recipe_probe import COMMENTED, probe_installed, problems  # noqa: F401 - the fixture applies by being here

from curation import recipe_text
from curation.errors import RecipeError
from curation.recipe import Recipe
from curation.recipe_schema import describe_stage, json_schema
from curation.stage import CorpusStage


def test_a_stage_is_described_from_its_fields():
    described = describe_stage("probe")
    assert described.summary == "Decide nothing, and take every type of parameter."
    assert described.origin == "package studio-probe 1.0"
    assert not described.whole_corpus
    assert described.reasons == {"probed": "it was probed"}
    rows = {row.name: (row.type, row.default, row.bounds, row.choices) for row in described.parameters}
    assert rows == {
        "count": ("whole number", 3, "0 to 100", ()),
        "ratio": ("number", 0.5, "more than 0, less than 1", ()),
        "strict": ("true or false", False, "", (True, False)),
        "word": ("text", "x", "", ()),
        "maybe": ("text or null", None, "", ()),
        "either": ("whole number or text", 0, "", ()),
        "mode": ("one of calm, wild, off", "calm", "", ("calm", "wild", "off")),
        "languages": ("list of text", [], "", ()),
        "tags": ("list of text", [], "", ()),
        "table": ("mapping of keys to whole number", {}, "", ()),
    }
    assert [row.help for row in described.parameters][:2] == ["how many", "which share"]
    with pytest.raises(RecipeError, match="unknown stage 'prob'"):
        describe_stage("prob")


def test_the_schema_takes_and_refuses_what_the_reader_does():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    taken = [COMMENTED, "stages: []", "stages:\n  - use: probe\n    tags: [a]\n"]
    refused = [
        "seed: 1",
        "stages: []\nnam: x",
        "stages: []\nseed: -1",
        "stages: [{use: prob}]",
        "stages: [{use: probe, cuont: 3}]",
        "stages: [{use: probe, count: 101}]",
        "stages: [{use: probe, ratio: 0}]",
        "stages: [{use: probe, mode: loud}]",
        "stages: [{use: probe, name: 1z}]",
        "stages: [{use: probe, enabled: no}]",
        "stages: [{count: 3}]",
    ]
    for text in taken:
        Recipe.from_text(text)
        assert list(validator.iter_errors(recipe_text.parse(text, "").data)) == []
    for text in refused:
        assert problems(text)
        assert list(validator.iter_errors(recipe_text.parse(text, "").data))


STARTERS = ["minimal", "select", "select-ifd", "sft", "sft-zh", "text"]


def test_the_starter_recipes_are_there():
    assert Recipe.builtin_names() == STARTERS


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_recipe_is_sound_and_teaches(name):
    recipe = Recipe.load(name)
    text = recipe.to_yaml()
    lines = text.splitlines()
    assert recipe.name == name
    assert recipe.description
    assert lines[0] == f"# studio curate --in data.jsonl --out dataset --recipe {name}"
    assert all(len(line) <= 100 for line in lines)
    comments = sum(line.lstrip().startswith("#") or " # " in line for line in lines)
    assert comments >= len(recipe.stages) + 2
    validator = jsonschema.Draft202012Validator(json_schema())
    assert list(validator.iter_errors(recipe_text.parse(text, name).data)) == []
    assert Recipe.from_data(recipe.resolved()) == recipe
    read = {name for step in recipe.stages if isinstance(step.stage, CorpusStage) for _, name in step.stage.reads()}
    for step in recipe.stages:
        if step.name in read:  # a stage that is there cannot do without its numbers
            continue
        off = recipe.with_settings([f"{step.name}.enabled=false"])
        assert [kept.name for kept in off.steps()] == [kept.name for kept in recipe.steps() if kept != step]
        assert sum("#" in line for line in off.to_yaml().splitlines()) == sum("#" in line for line in lines)
