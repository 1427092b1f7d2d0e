"""Which stages there are: the built-in table, and the stages of installed packages, sound ones and broken ones."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from curation import registry
from curation.errors import RecipeError
from curation.recipe import Recipe
from curation.recipe_schema import json_schema
from curation.stage import CorpusStage, RecordStage

PROBE = (Path(__file__).parent / "probe_package" / "studio_probe.py").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def forgotten():
    """Entry points are looked up afresh before and after each test."""

    def forget():
        registry._plugins.cache_clear()
        registry.stage_class.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay a package with stage entry points on the path, as an installer would."""

    def lay(package: str, points: dict[str, str], modules: dict[str, str], version: str = "2.5") -> None:
        site = tmp_path / package
        info = site / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[curation.stages]\n{lines}")
        for module, text in modules.items():
            (site / f"{module}.py").write_text(text, encoding="utf-8")
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(str(site))
        registry._plugins.cache_clear()

    return lay


def probe(name: str) -> str:
    return PROBE.replace('= "probe"', f'= "{name}"')


def test_listing_the_names_imports_no_stage():
    code = (
        "import sys; from curation.registry import stage_names; names = stage_names(); "
        "print(len(names), [m for m in sys.modules if m.startswith('curation.stages')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    count, _, imported = out.strip().partition(" ")
    assert int(count) >= len(registry.BUILT_IN)
    assert imported == "[]"


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_every_built_in_stage_keeps_the_rules(name):
    cls = registry.stage_class(name)
    assert cls.name == name
    assert issubclass(cls, (RecordStage, CorpusStage))
    assert registry._fault(name, cls) == ""
    assert all(sentence for sentence in cls.reasons.values())
    assert inspect.getdoc(cls)
    undescribed = [key for key, field in cls.model_fields.items() if not field.description]
    assert undescribed == []
    assert registry.stage_origin(name) == "built in"


def test_reading_recipes_imports_nothing_heavy():
    code = (
        "import sys; from curation.recipe import Recipe; from curation.registry import BUILT_IN, stage_class\n"
        "for name in BUILT_IN: stage_class(name)\n"
        "for name in Recipe.builtin_names(): Recipe.load(name).digest()\n"
        "print(sorted({'torch', 'transformers', 'faiss', 'textual', 'spacy', 'datasets'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(RecipeError, match="unknown stage 'lenght'") as caught:
        registry.stage_class("lenght")
    assert caught.value.hint == "Did you mean 'length'?"


def test_a_dotted_path_is_no_stage():
    with pytest.raises(RecipeError, match="unknown stage 'os:system'"):
        Recipe.from_text("stages:\n  - use: os:system\n")


def test_a_stage_of_an_installed_package_is_used_by_its_name(install):
    assert "shout" not in registry.stage_names()
    install("shout-pack", {"shout": "shouting:Probe"}, {"shouting": probe("shout")})
    assert "shout" in registry.stage_names()
    assert "shouting" not in sys.modules
    recipe = Recipe.from_text("stages:\n  - use: shout\n    count: 7\n")
    assert recipe.steps()[0].stage.count == 7
    assert registry.stage_origin("shout") == "package shout-pack 2.5"
    assert "shout" in [entry["title"] for entry in json_schema()["properties"]["stages"]["items"]["oneOf"]]


BROKEN = {
    "raises": ("raise ImportError('no module named libmagic')\nProbe = 1\n", "ImportError: no module named libmagic"),
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "lacks": ("x = 1\n", "AttributeError"),
    "syntax": ("def (:\n", "SyntaxError"),
    "function": ("def Probe(): pass\n", "no class derived from RecordStage"),
    "plain": ("class Probe: name = 'plain'\n", "no class derived from RecordStage"),
    "abstract": (probe("abstract").partition("    def decide")[0], "it does not define decide"),
    "misnamed": (probe("other"), "its class says name = 'other'"),
    "reasons": (probe("reasons").replace('= {"probed": "it was probed"}', "= {'probed': 1}"), "has no `reasons`"),
    "clash": (probe("clash").replace("    count: int", "    use: int"), "a parameter cannot be called 'use'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_and_harms_nobody_else(install, name):
    text, said = BROKEN[name]
    install("bad-pack", {name: f"bad_{name}:Probe"}, {f"bad_{name}": text})
    with pytest.raises(RecipeError) as caught:
        Recipe.from_text(f"stages:\n  - use: {name}\n")
    assert "package bad-pack 2.5" in caught.value.message
    assert said in caught.value.message
    assert "uninstall" in caught.value.hint
    assert Recipe.from_text("stages:\n  - use: exact\n").steps()[0].use == "exact"
    with pytest.warns(registry.StagePluginWarning, match="package bad-pack 2.5"):
        usable = registry.loadable_stages()
    assert name not in usable
    assert set(registry.BUILT_IN) <= set(usable)


def test_a_plugin_cannot_shadow_a_built_in(install):
    install("greedy-pack", {"exact": "greedy:Probe"}, {"greedy": probe("exact")})
    with pytest.warns(registry.StagePluginWarning, match="'exact' of package greedy-pack 2.5 is left out"):
        registry.stage_names()
    assert registry.stage_class("exact").__module__ == "curation.stages.exact"


def test_a_plugin_with_an_impossible_name_is_left_out(install):
    install("odd-pack", {"Odd Name": "odd:Probe"}, {"odd": probe("Odd Name")})
    with pytest.warns(registry.StagePluginWarning, match="'Odd Name' of package odd-pack 2.5 is left out"):
        assert "Odd Name" not in registry.stage_names()


def test_two_packages_with_one_stage_name_are_told_apart_by_nobody(install):
    install("one-pack", {"twin": "twin_one:Probe"}, {"twin_one": probe("twin")})
    install("two-pack", {"twin": "twin_two:Probe"}, {"twin_two": probe("twin")})
    with pytest.raises(RecipeError, match=r"offered by package one-pack 2\.5 and package two-pack 2\.5"):
        registry.stage_class("twin")


def test_a_validator_that_crashes_in_a_plugin_is_a_problem_of_the_recipe(install):
    text = probe("crash").replace('raise ValueError("with mode: calm the word cannot be loud")', "return 1 / 0")
    install("crash-pack", {"crash": "crashing:Probe"}, {"crashing": text})
    with pytest.raises(RecipeError, match=r"r\.yaml:2: crash: .*package crash-pack 2\.5.*ZeroDivisionError"):
        Recipe.from_text("stages:\n  - use: crash\n    word: loud\n", "r.yaml")
