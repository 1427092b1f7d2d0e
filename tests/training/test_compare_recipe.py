"""The recipe of a comparison: presets, errors, and the page that lists every parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.errors import RecipeError
from training.compare.recipe import CompareRecipe
from training.reference import pages

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("page", ["compare_recipe.md", "generate_recipe.md", "train_recipe.md"])
def test_the_pages_are_made_from_the_classes(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == pages()[page], "run make docs"


def test_presets_load_and_differ() -> None:
    recipes = [CompareRecipe.load(name) for name in CompareRecipe.preset_names()]
    assert {recipe.name for recipe in recipes} == {"compare", "quick", "full"}
    assert len({recipe.digest() for recipe in recipes}) == 3
    assert CompareRecipe.load() == CompareRecipe.load("compare")


def test_the_digest_is_of_the_outcome_alone() -> None:
    recipe = CompareRecipe.load()
    assert recipe.with_settings(["name=other"]).digest() == recipe.digest()
    assert recipe.with_settings(["prompts.limit=3"]).digest() != recipe.digest()


def test_what_means_something_only_beside_a_run() -> None:
    recipe = CompareRecipe.load()
    assert recipe.needs_run() == "the side base"
    two = recipe.with_settings(["sides.a=smollm2", "sides.b=./merged"])
    assert two.needs_run() == "the heldout records"
    assert two.with_settings(["prompts.limit=0"]).needs_run() == "the held-out losses", "questions may be typed"
    asked = two.with_settings(["prompts.source=asked.txt"])
    assert asked.needs_run() == "the held-out losses"
    assert asked.with_settings(["losses.heldout=false"]).needs_run() == ""


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sides.b=base", "both sides are base"),
        ("judge.rubrics=[helpfulness]", "nobody to judge"),
        ("judge.deepeval=[BiasMetric]", "nobody to judge"),
        ("sampling.max_token=1", "max_tokens"),
        ("sampling.top_p=2", "top_p"),
        ("suites.names=[poems]", "arithmetic"),
    ],
)
def test_what_cannot_work_is_refused(setting: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        CompareRecipe.load().with_settings([setting])
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_a_rubric_is_one_of_ours_or_a_file() -> None:
    judge = 'judge.model="http://127.0.0.1:1/v1#x"'
    with pytest.raises(RecipeError, match="kindness"):
        CompareRecipe.load().with_settings([judge, "judge.rubrics=[kindness]"])
    CompareRecipe.load().with_settings([judge, "judge.rubrics=[helpfulness, mine.yaml]"])


def test_two_draws_of_one_model_may_be_compared() -> None:
    CompareRecipe.load().with_settings(["sides.b=base", "sampling.temperature=0.7"])
