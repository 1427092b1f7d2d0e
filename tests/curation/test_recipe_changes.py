"""Recipes changed with `--set`, written back with their comments, resolved and digested."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_probe import COMMENTED, PACKAGE, probe_installed  # noqa: F401 - the fixture applies by being here

from curation import recipe_text
from curation.errors import RecipeError
from curation.recipe import Recipe
from curation.recipe_problems import RecipeProblems


def setting_problems(recipe: Recipe, *given: str) -> list[str]:
    with pytest.raises(RecipeProblems) as caught:
        recipe.with_settings(given)
    return [str(problem) for problem in caught.value.problems]


# Changing


def test_settings_replace_values_and_keep_every_comment():
    recipe = Recipe.from_text(COMMENTED)
    changed = recipe.with_settings(
        ["seed=7", "probe.count=9", "probe-2.count=5", "probe-2.languages=[en, zh]", "last.enabled=true"]
    )
    assert changed.seed == 7
    assert [step.stage.count for step in changed.stages] == [9, 5, 3]
    assert changed.stages[1].stage.languages == ("en", "zh")
    assert [step.enabled for step in changed.stages] == [True, True, True]
    assert recipe.stages[0].stage.count == 3
    assert (
        changed.to_yaml()
        == """\
# studio curate --in data.jsonl --recipe mine.yaml
name: mine   # the name
description: Ein Rezept, 一个配方
seed: 7
# the stages, in order
stages:
  # look at it first
  - use: probe   # with defaults
    count: 9

  # then again
  - use: probe
    count: 5  # four
    ratio: 1e-1
    languages: [en, zh]
    # the end of the second
  - {use: probe, name: last, mode: wild, enabled: true}   # in flow style
# the end
"""
    )


def test_the_authors_indentation_stays():
    text = "stages:\n- use: probe\n  # why four\n  count: 4\n-   use: probe\n"
    assert Recipe.from_text(text).with_settings(["probe.count=5"]).to_yaml().splitlines()[-4:-1] == [
        "- use: probe",
        "  # why four",
        "  count: 5",
    ]


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("probe.word=karma >= 3", "word", "karma >= 3"),
        ("probe.word=a: b # c", "word", "a: b # c"),
        ("probe.word= no ", "word", "no"),
        ('probe.word="7"', "word", "7"),
        ("probe.word=''", "word", ""),
        ("probe.word=x=y", "word", "x=y"),
        ("probe.word='a' = \"b\" or 'c' = d", "word", "'a' = \"b\" or 'c' = d"),
        ('probe.word="a b" IS NULL', "word", '"a b" IS NULL'),
        ("probe.word='it''s'", "word", "it's"),
        ("probe.word=&a *b", "word", "&a *b"),
        ("probe.maybe=null", "maybe", None),
        ("probe.maybe=", "maybe", None),
        ("probe.ratio=1e-2", "ratio", 0.01),
        ("probe.strict=true", "strict", True),
        ("probe.table={a: 1, 字: 2}", "table", {"a": 1, "字": 2}),
        ("probe.tags=[b, a]", "tags", frozenset("ab")),
    ],
)
def test_setting_values_are_scalars_or_flow_collections(setting, key, value):
    changed = Recipe.from_text(COMMENTED).with_settings([setting])
    assert getattr(changed.stages[0].stage, key) == value
    assert Recipe.from_text(changed.to_yaml()) == changed
    assert "# the end" in changed.to_yaml()


def test_settings_that_are_wrong_are_named():
    recipe = Recipe.from_text(COMMENTED)
    known = "Known: last, probe, probe-2."
    for setting, said in {
        "prob.count=3": "no stage of the recipe 'mine' is named 'prob'. Did you mean 'probe'?",
        "length.min=3": f"no stage of the recipe 'mine' is named 'length'. {known}",
        "probe": "a setting is written as stage.parameter=value. For example: length.min_chars=20",
        "probe=3": "names a stage, but none of its parameters. Write probe.parameter=value.",
        "sed=3": "'sed' is no key of a recipe. Did you mean 'seed'?",
        "probe.use=exact": "'use' of a stage cannot be set. Edit a copy of the recipe instead.",
        "probe.cuont=3": "probe.cuont: unknown key. Did you mean 'count'?",
        "probe.count=-1": "probe.count: must be at least 0, got -1",
        "probe.table=[1": "not YAML: expected ',' or ']', but got '<stream end>'",
        "probe.count=.nan": "must be a finite number",
        "seed=null": "seed: must be a whole number, got nothing (null)",
    }.items():
        assert setting_problems(recipe, setting) == [f"--set {setting}: {said}"]
    assert setting_problems(recipe, "probe.count=-1", "seed=x", "probe-2.mode=on") == [
        "--set seed=x: seed: must be a whole number, got 'x'",
        "--set probe.count=-1: probe.count: must be at least 0, got -1",
        "--set probe-2.mode=on: probe-2.mode: must be one of calm, wild, off, got 'on'",
    ]
    assert setting_problems(recipe, "probe.word=loud") == [
        "--set probe.word=loud: probe: with mode: calm the word cannot be loud"
    ]


def test_the_last_setting_of_a_key_wins_and_none_changes_nothing():
    recipe = Recipe.from_text(COMMENTED)
    assert recipe.with_settings(["seed=1", "seed=2"]).seed == 2
    assert recipe.with_settings([]) is recipe
    assert recipe.to_yaml() == COMMENTED


def test_an_edit_that_would_not_read_back_is_replaced_by_plain_yaml():
    text = "# a comment\nseed: 1\nstages: [{use: probe}]\n"
    wanted = {"seed": 2, "stages": [{"use": "probe", "word": "x"}]}
    assert recipe_text.parse(recipe_text.edit(text, {("seed",): 3}, wanted), "").data == wanted


def test_a_recipe_written_as_json_is_read_and_changed():
    recipe = Recipe.from_text(json.dumps({"name": "😀", "stages": [{"use": "probe"}]}))
    assert recipe.name == "😀"
    changed = recipe.with_settings(["seed=3", "probe.word=x"])
    assert Recipe.from_text(changed.to_yaml()) == changed


# Writing


values = {
    "count": st.integers(0, 100),
    "ratio": st.floats(0, 1, exclude_min=True, exclude_max=True),
    "strict": st.booleans(),
    "word": st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda word: word != "loud"),
    "maybe": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    "either": st.integers() | st.text(st.sampled_from("0123456789.eE+-~xonul_:# "), max_size=6),
    "mode": st.sampled_from(["calm", "wild", "off"]),
    "languages": st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=3),
    "tags": st.lists(st.sampled_from(["a", "b", "null", "1", "- "]), unique=True),
    "table": st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), st.integers(), max_size=3),
}
entries = st.fixed_dictionaries({"use": st.just("probe")}, optional={"enabled": st.booleans(), **values})
recipes = st.fixed_dictionaries(
    {"stages": st.lists(entries, max_size=3)},
    optional={
        "name": st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=80),
        "description": st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
        "seed": st.integers(0, (1 << 63) - 1),
    },
)


@given(recipes)
@settings(max_examples=40, deadline=None)
def test_recipe_to_yaml_to_recipe_is_the_identity(data):
    recipe = Recipe.from_data(data)
    again = Recipe.from_text(recipe.to_yaml(), "other.yaml")
    assert again == recipe
    assert again.resolved() == recipe.resolved()
    assert again.digest() == recipe.digest()
    assert again.stages == recipe.stages
    assert Recipe.from_data(json.loads(json.dumps(recipe.resolved()))) == recipe


@given(st.sampled_from(["probe", "probe-2", "last"]), st.sampled_from(sorted(values)), st.data())
@settings(max_examples=30, deadline=None)
def test_set_then_to_yaml_keeps_comments_and_says_the_value(step, key, data):
    recipe = Recipe.from_text(COMMENTED)
    value = data.draw(values[key])
    changed = recipe.with_settings([f"{step}.{key}={json.dumps(value)}"])
    text = changed.to_yaml()
    assert Recipe.from_text(text) == changed
    for line in COMMENTED.splitlines():
        comment = line[line.index("#") :] if "#" in line else ""
        assert comment in text
    entry = next(entry for entry in changed.resolved()["stages"] if entry["name"] == step)
    assert entry[key] == (sorted(value) if key == "tags" else value)


def test_a_recipe_made_in_python_is_written_and_read():
    from studio_probe import Probe

    recipe = Recipe.of(Probe(count=9), Probe(mode="wild"), seed=3, name="made")
    assert recipe.to_yaml() == (
        "name: made\nseed: 3\nstages:\n  - use: probe\n    count: 9\n"
        "  - use: probe\n    name: probe-2\n    mode: wild\n"
    )
    assert Recipe.from_text(recipe.to_yaml()) == recipe
    assert recipe.with_settings(["probe-2.count=1"]).stages[1].stage.count == 1


def test_data_that_is_no_plain_value_is_refused():
    for data in ({"stages": [], "seed": float("nan")}, {"stages": [], "name": "\ud800"}, {"stages": [object()]}):
        with pytest.raises(RecipeError, match="not plain values"):
            Recipe.from_data(data)


# Digest


def test_the_digest_is_that_of_what_is_done():
    recipe = Recipe.from_text(COMMENTED)
    same = [
        COMMENTED.replace("# four", "# vier"),
        COMMENTED.replace("    count: 4  # four\n    ratio: 1e-1\n", "    ratio: 0.1\n    count: 4\n"),
        COMMENTED.replace("  - use: probe   # with defaults\n", "  - use: probe\n    count: 3\n"),
        COMMENTED.replace("mode: wild", "mode: off"),
        COMMENTED.replace("name: mine", "name: thine"),
    ]
    other = [
        COMMENTED.replace("count: 4", "count: 5"),
        COMMENTED.replace("# the name", "\nseed: 1"),
        COMMENTED.replace("enabled: false", "enabled: true"),
        COMMENTED.replace("# with defaults", "\n    name: first"),
    ]
    assert {Recipe.from_text(text).digest() for text in same} == {recipe.digest()}
    assert len({Recipe.from_text(text).digest() for text in [COMMENTED, *other]}) == len(other) + 1


def test_the_digest_does_not_change_with_the_process():
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); from curation.recipe import Recipe; "
        "print(Recipe.from_text('stages: [{use: probe, tags: [a, b, c, d, e, f, g]}]').digest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "12"
    }
    assert len(digests) == 1
