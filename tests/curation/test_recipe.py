"""Recipes: read, changed with `--set`, written back, resolved, digested, described."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import recipe_text, registry
from curation.errors import RecipeError
from curation.recipe import Recipe
from curation.recipe_problems import RecipeProblems
from curation.recipe_schema import describe_stage, json_schema

PACKAGE = Path(__file__).parent / "probe_package"


@pytest.fixture(autouse=True, scope="module")
def probe_installed():
    """The package with the stage `probe` lies on the path while this module's tests run."""
    sys.path.insert(0, str(PACKAGE))
    registry._plugins.cache_clear()
    yield
    sys.path.remove(str(PACKAGE))
    registry._plugins.cache_clear()
    registry.stage_class.cache_clear()


COMMENTED = """\
# studio curate --in data.jsonl --recipe mine.yaml
name: mine   # the name
description: Ein Rezept, 一个配方
# the stages, in order
stages:
  # look at it first
  - use: probe   # with defaults

  # then again
  - use: probe
    count: 4  # four
    ratio: 1e-1
    # the end of the second
  - {use: probe, name: last, mode: wild, enabled: false}  # in flow style
# the end
"""


def problems(text: str, origin: str = "r.yaml") -> list[str]:
    with pytest.raises(RecipeProblems) as caught:
        Recipe.from_text(text, origin)
    return [str(problem) for problem in caught.value.problems]


def setting_problems(recipe: Recipe, *given: str) -> list[str]:
    with pytest.raises(RecipeProblems) as caught:
        recipe.with_settings(given)
    return [str(problem) for problem in caught.value.problems]


# Reading


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
sources:
  - {path: a, cap: 0}
  - {path: a, name: b}
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
        "r.yaml:4: sources[0].cap: must be at least 1, got 0",
        "r.yaml:5: sources[1]: needs either path or name, and not both",
        "r.yaml:7: stages[0].use: unknown stage 'prob'. Did you mean 'probe'?",
        "r.yaml:9: probe.cout: unknown key. Did you mean 'count'?",
        "r.yaml:10: probe.tabel: unknown key. Did you mean 'table'?",
        "r.yaml:12: probe.table.a: must be a whole number, got 'x'",
        "r.yaml:13: stages[2].use: is missing. Write `- use: probe`, its parameters below it.",
        "r.yaml:15: stages[3]: must be a mapping that begins with use:, got 'probe'. Write `- use: probe`.",
        "r.yaml:17: stages[5].name: 'zz' already is the name of stages[4]",
        "r.yaml:18: stages[6].name: must be made of letters a-z, digits, - and _, and begin with a letter, got '1z'",
        "r.yaml:20: probe-4.enabled: must be true or false, got 'no'",
        "r.yaml:21: probe-5: with mode: calm the word cannot be loud",
        f"r.yaml:23: stages[9].use: must be the name of a stage, got 7. Known: {', '.join(registry.stage_names())}.",
    ]
    with pytest.raises(RecipeError) as caught:
        Recipe.from_text(text, "r.yaml")
    assert caught.value.message.startswith("r.yaml: 15 problems\n  r.yaml:1: nam: ")


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
@settings(max_examples=150, deadline=None)
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
sources = st.lists(
    st.fixed_dictionaries(
        {"path": st.text("ab/*", min_size=1)}, optional={"weight": st.floats(0.1, 9), "cap": st.integers(1)}
    ),
    max_size=2,
    unique_by=lambda source: source["path"],
)
recipes = st.fixed_dictionaries(
    {"stages": st.lists(entries, max_size=3)},
    optional={
        "name": st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=80),
        "description": st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
        "seed": st.integers(0, (1 << 63) - 1),
        "sources": sources,
    },
)


@given(recipes)
@settings(max_examples=60, deadline=None)
def test_recipe_to_yaml_to_recipe_is_the_identity(data):
    recipe = Recipe.from_data(data)
    again = Recipe.from_text(recipe.to_yaml(), "other.yaml")
    assert again == recipe
    assert again.resolved() == recipe.resolved()
    assert again.digest() == recipe.digest()
    assert again.stages == recipe.stages
    assert Recipe.from_data(json.loads(json.dumps(recipe.resolved()))) == recipe


@given(st.sampled_from(["probe", "probe-2", "last"]), st.sampled_from(sorted(values)), st.data())
@settings(max_examples=60, deadline=None)
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
        COMMENTED.replace("# the name", "\nsources: [{path: a, weight: 2}]"),
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


# Describing


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
    taken = [COMMENTED, "stages: []", "stages:\n  - use: probe\n    tags: [a]\n", "sources: [{path: a}]\nstages: []"]
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


# Starter recipes


STARTERS = ["minimal", "sft", "sft-zh", "text"]


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
    for step in recipe.stages:
        off = recipe.with_settings([f"{step.name}.enabled=false"])
        assert [kept.name for kept in off.steps()] == [kept.name for kept in recipe.steps() if kept != step]
        assert sum("#" in line for line in off.to_yaml().splitlines()) == sum("#" in line for line in lines)
