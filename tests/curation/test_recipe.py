"""Reading recipes: strict YAML 1.2, and every problem named with file, line, key and what was meant."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_probe import COMMENTED, probe_installed, problems  # noqa: F401 - the fixture applies by being here

from curation import recipe_text, registry
from curation.errors import RecipeError
from curation.recipe import Recipe
from curation.recipe_problems import RecipeProblems


def test_a_recipe_is_read_with_names_defaults_and_order():
    recipe = Recipe.from_text(COMMENTED)
    assert (recipe.name, recipe.seed, recipe.description) == ("mine", 0, "Ein Rezept, 一个配方")
    assert [(step.name, step.use, step.enabled) for step in recipe.stages] == [
        ("probe", "probe", True),
        ("probe-2", "probe", True),
        ("last", "probe", False),
    ]
    assert [step.name for step in recipe.steps()] == ["probe", "probe-2"]
    assert recipe.stages[1].stage.ratio == 0.1
    assert recipe.stages[0].stage.ratio == 0.5


def test_names_given_by_hand_are_not_given_again():
    text = "stages:\n  - {use: probe}\n  - {use: probe}\n  - {use: probe, name: probe-2}\n  - {use: probe}\n"
    assert [step.name for step in Recipe.from_text(text).stages] == ["probe", "probe-3", "probe-2", "probe-4"]


def test_a_recipe_without_a_name_takes_that_of_its_file(tmp_path):
    path = tmp_path / "my corpus.yaml"
    path.write_text("\ufeffstages:\n  - use: probe\n", encoding="utf-8")
    recipe = Recipe.load(path)
    assert recipe.name == "my corpus"
    assert Recipe.from_text(recipe.to_yaml(), "elsewhere.yaml") == recipe


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-4", 1e-4),
        ("1E+2", 100.0),
        (".5", 0.5),
        ("-0.0", -0.0),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("True", True),
        ("~", None),
        ("", None),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ("'7'", "7"),
    ],
)
def test_scalars_follow_yaml_1_2(written, value):
    read = recipe_text.parse(f"key: {written}\n", "r.yaml").data["key"]
    assert (read, type(read)) == (value, type(value))


def test_the_strictness_reaches_the_parameters():
    assert Recipe.from_text("stages:\n  - use: probe\n    ratio: 1e-4\n").stages[0].stage.ratio == 1e-4
    assert Recipe.from_text("stages:\n  - use: probe\n    word: no\n").stages[0].stage.word == "no"
    for line, said in {
        "count: '4'": "count: must be a whole number, got '4'. Take the quotes away.",
        "count: true": "count: must be a whole number, got true",
        "count: 4.0": "count: must be a whole number, got 4.0",
        "count:": "count: must be a whole number, got nothing (null)",
        "ratio: '0.5'": "ratio: must be a number, got '0.5'. Take the quotes away.",
        "strict: no": "strict: must be true or false, got 'no'. Only true and false are yes and no in YAML 1.2.",
        "strict: 1": "strict: must be true or false, got 1",
        "word: 5": 'word: must be text, got 5. Put it in quotes to make it text: "5".',
        "languages: en": "languages: must be a list, got 'en'. Write [en] for a list of one.",
        "table: [1]": "table: must be a mapping of keys to values, got a list",
        "either: [1]": "either: must be a whole number or must be text, got a list",
    }.items():
        assert problems(f"stages:\n  - use: probe\n    {line}\n") == [f"r.yaml:3: probe.{said}"]


def test_bounds_and_choices_are_told_in_words():
    for line, said in {
        "count: -3": "must be at least 0, got -3",
        "count: 101": "must be at most 100, got 101",
        "ratio: 0": "must be more than 0, got 0",
        "ratio: 1": "must be less than 1, got 1",
        "mode: clam": "must be one of calm, wild, off, got 'clam'. Did you mean 'calm'?",
        f"word: {'a' * 41}": "must have at most 40 characters, got 41",
        f"word: {'字' * 70}": "must have at most 40 characters, got 70",
    }.items():
        key = line.partition(":")[0]
        assert problems(f"stages:\n  - use: probe\n    {line}\n") == [f"r.yaml:3: probe.{key}: {said}"]


def test_all_problems_come_at_once_each_with_its_line():
    text = """\
nam: x
seed: -1
stages:
  - use: prob
  - use: probe
    cout: 3
    tabel: {}
    table:
      a: x
  - probe:
      count: 3
  - probe
  - {use: probe, name: zz}
  - {use: probe, name: zz}
  - {use: probe, name: 1z}
  - use: probe
    enabled: no
  - use: probe
    word: loud
  - use: 7
"""
    assert problems(text) == [
        "r.yaml:1: nam: unknown key. Did you mean 'name'?",
        "r.yaml:2: seed: must be at least 0, got -1",
        "r.yaml:4: stages[0].use: unknown stage 'prob'. Did you mean 'probe'?",
        "r.yaml:6: probe.cout: unknown key. Did you mean 'count'?",
        "r.yaml:7: probe.tabel: unknown key. Did you mean 'table'?",
        "r.yaml:9: probe.table.a: must be a whole number, got 'x'",
        "r.yaml:10: stages[2].use: is missing. Write `- use: probe`, its parameters below it.",
        "r.yaml:12: stages[3]: must be a mapping that begins with use:, got 'probe'. Write `- use: probe`.",
        "r.yaml:14: stages[5].name: 'zz' already is the name of stages[4]",
        "r.yaml:15: stages[6].name: must be made of letters a-z, digits, - and _, and begin with a letter, got '1z'",
        "r.yaml:17: probe-4.enabled: must be true or false, got 'no'",
        "r.yaml:18: probe-5: with mode: calm the word cannot be loud",
        f"r.yaml:20: stages[9].use: must be the name of a stage, got 7. Known: {', '.join(registry.stage_names())}.",
    ]
    with pytest.raises(RecipeError) as caught:
        Recipe.from_text(text, "r.yaml")
    assert caught.value.message.startswith("r.yaml: 13 problems\n  r.yaml:1: nam: ")


def test_one_problem_has_its_hint_apart():
    with pytest.raises(RecipeError) as caught:
        Recipe.from_text("stages:\n  - use: probe\n    cuont: 3\n", "r.yaml")
    assert caught.value.message == "r.yaml:3: probe.cuont: unknown key"
    assert caught.value.hint == "Did you mean 'count'?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "r.yaml: the recipe is empty"),
        ("# only a comment\n", "r.yaml: the recipe is empty"),
        ("- a\n", "r.yaml:1: the recipe must be a mapping of keys to values, got a list"),
        ("seed: 3\n", "r.yaml:1: stages: is missing"),
        ("stages: clean\n", "r.yaml:1: stages: must be a list, got 'clean'"),
        ("name: &a x\nstages: []\n", "r.yaml:1: anchors and aliases are not allowed"),
        ("stages: [*a]\n", "r.yaml:1: anchors and aliases are not allowed"),
        ("stages: []\nname: !!python/object/apply:os.system [ls]\n", "r.yaml:2: tags are not allowed"),
        ("stages: []\n<<: {seed: 1}\n", "r.yaml:2: merge keys (<<) are not allowed"),
        ("seed: 1\nstages: []\nseed: 2\n", "r.yaml:3: the key 'seed' stands here twice, first in line 1"),
        ("stages:\n  - {use: probe, use: probe}\n", "r.yaml:2: the key 'use' stands here twice, first in line 2"),
        ("? [a]\n: 1\n", "r.yaml:1: a key must be plain text"),
        ("stages: []\n---\nstages: []\n", "r.yaml:2: a recipe is one YAML document"),
        ("%YAML 1.1\n---\nstages: []\n", "r.yaml:1: a recipe has no YAML directives"),
        ("stages:\n\t- use: probe\n", "r.yaml:2: not YAML: found character '\\t'"),
        ("description: a: b\nstages: []\n", "r.yaml:1: not YAML: mapping values are not allowed here"),
        ("stages: []\nseed: .inf\n", "r.yaml:2: '.inf' must be a finite number"),
        ("stages: []\nseed: 1e999\n", "r.yaml:2: '1e999' must be a finite number"),
        ("stages: []\nseed: " + "9" * 5000, "r.yaml:2: '" + "9" * 60 + "'… has more than 400 digits"),
        ('stages: []\nname: "\\ud800"\n', "r.yaml:2: half a surrogate pair is no character"),
        ("stages: []\nname: a\x07\n", "r.yaml: not YAML: unacceptable character"),
        ("stages: []\nname: ' a'\n", "r.yaml:2: name: must be one line of printable characters"),
        ("a: " + "[" * 5000, "r.yaml:1: nested more than 12 levels deep"),
        ("- a\n" * 20_001, "r.yaml:20001: a recipe has at most 20000 lines"),
        (
            "a: [" + "b," * 9000 + "\n" + "b," * 9000 + "]",
            "r.yaml:2: a recipe has at most 10000 values",
        ),
        ("a: " + "!" * 30_000, "r.yaml:1: a line of a recipe has at most 20000 characters"),
        ("#" + "x" * (1 << 20), "r.yaml:1: a recipe has at most 1024 KiB"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_a_recipe_must_not_be(text, said):
    assert problems(text)[0].startswith(said)


@given(st.text(alphabet="aeux01 -:#[]{}&*!|>'\"%@`,?\n\t.~=\\", max_size=60))
@settings(max_examples=80, deadline=None)
def test_any_text_is_a_recipe_or_a_recipe_error(text):
    for whole in (text, f"stages:\n  - use: probe\n    word: {text}"):
        try:
            recipe = Recipe.from_text(whole, "r.yaml")
        except RecipeError as error:
            assert error.message
        else:
            assert Recipe.from_text(recipe.to_yaml()) == recipe


def test_files_that_are_no_recipe(tmp_path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"# one\nname: caf\xe9\nstages: []\n")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * ((1 << 20) + 1))
    for path, said in [
        (str(latin), "latin.yaml:2: a recipe is UTF-8 text"),
        (str(large), "large.yaml: a recipe has at most 1024 KiB"),
        (str(tmp_path), "is no regular file"),
        ("/dev/zero", "is no regular file"),
        (str(tmp_path / "nothing.yaml"), "no starter recipe and no file is named"),
        ("a\0b", "no starter recipe and no file is named 'a\\x00b'"),
        ("x" * 5000, "cannot read the recipe 'xxx"),
    ]:
        with pytest.raises(RecipeError) as caught:
            Recipe.load(path)
        assert said in caught.value.message
    with pytest.raises(RecipeError) as caught:
        Recipe.load("minimla")
    assert caught.value.hint == "Did you mean 'minimal'?"


def test_errors_survive_the_trip_from_a_worker():
    with pytest.raises(RecipeProblems) as caught:
        Recipe.from_text("seed: x\nstages: 1\n")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.message, copy.hint, copy.problems) == (
        caught.value.message,
        caught.value.hint,
        caught.value.problems,
    )
