"""`studio recipes`: what it prints is what the recipes and stages say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from curation.recipe import Recipe
from curation.recipe_schema import describe_stage
from curation.registry import stage_names
from studio.cli.main import main

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_list_has_every_built_in_recipe(cli: Cli) -> None:
    names = Recipe.builtin_names()
    assert {"sft", "sft-zh", "text", "minimal"} <= set(names)
    code, out, _ = cli("recipes", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == names
    listed = [json.loads(line) for line in cli("recipes", "list", "--json")[1].splitlines()]
    assert [one["recipe"] for one in listed] == names
    assert all(one["description"] and one["stages"] for one in listed)


def test_show_prints_yaml_that_can_be_used(cli: Cli, tmp_path: Path) -> None:
    _, out, _ = cli("recipes", "show", "sft")
    assert "#" in out, "its comments are there"
    (tmp_path / "mine.yaml").write_text(out)
    assert Recipe.load(tmp_path / "mine.yaml") == Recipe.load("sft")
    assert "seed: 9" in cli("recipes", "show", "sft", "--set", "seed=9")[1]
    (tmp_path / "full.yaml").write_text(cli("recipes", "show", "sft", "--resolved")[1])
    assert Recipe.load(tmp_path / "full.yaml") == Recipe.load("sft")
    assert json.loads(cli("recipes", "show", "sft", "--json")[1]) == Recipe.load("sft").resolved()


def test_check_finds_every_problem_and_exits_with_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("stages:\n  - use: exact\n    kep: first\n  - use: exakt\n")
    (tmp_path / "good.yaml").write_text("stages:\n  - use: exact\n")
    code, out, err = cli("recipes", "check", "good.yaml", "bad.yaml")
    assert code == 1
    assert out == "good.yaml is right: exact\n"
    for said in ("bad.yaml:3", "'keep'", "bad.yaml:4", "'exact'"):
        assert said in err
    assert "Traceback" not in err
    code, out, _ = cli("recipes", "check", "good.yaml", "bad.yaml", "--json")
    good, bad = (json.loads(line) for line in out.splitlines())
    assert (code, good["ok"], bad["ok"]) == (1, True, False)
    assert len(bad["problems"]) == 2
    assert cli("recipes", "check", "good.yaml", "--set", "exact.keep=longest")[0] == 0
    assert cli("recipes", "check", "good.yaml", "--set", "exact.keep=shortest")[0] == 1


def test_stages_are_listed_and_described(cli: Cli) -> None:
    _, out, _ = cli("recipes", "stages")
    assert [line.split()[0] for line in out.splitlines()] == stage_names()
    for name in stage_names():
        code, out, _ = cli("recipes", "stages", name)
        described = describe_stage(name)
        assert code == 0
        for parameter in described.parameters:
            assert f"\n{parameter.name}: " in out
            assert parameter.help in out
        for reason in described.reasons:
            assert f"  {reason}" in out
    code, _, err = cli("recipes", "stages", "exakt")
    assert code == 2
    assert "'exact'" in err


def test_the_schema_of_recipes_is_json_schema(cli: Cli) -> None:
    found = json.loads(cli("recipes", "schema")[1])
    assert found["$schema"].startswith("https://json-schema.org/")
    assert {entry["title"] for entry in found["properties"]["stages"]["items"]["oneOf"]} == set(stage_names())
