"""What the tests of recipes share: a package with the stage `probe`, which takes every type of parameter."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation import registry
from curation.recipe import Recipe
from curation.recipe_problems import RecipeProblems

PACKAGE = Path(__file__).parent / "probe_package"

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


@pytest.fixture(autouse=True, scope="module")
def probe_installed() -> Iterator[None]:
    """The package with the stage `probe` lies on the path while a module's tests run."""
    sys.path.insert(0, str(PACKAGE))
    registry._plugins.cache_clear()
    yield
    sys.path.remove(str(PACKAGE))
    registry._plugins.cache_clear()
    registry.stage_class.cache_clear()


def problems(text: str, origin: str = "r.yaml") -> list[str]:
    """Every problem that reading `text` reports, as sentences."""
    with pytest.raises(RecipeProblems) as caught:
        Recipe.from_text(text, origin)
    return [str(problem) for problem in caught.value.problems]
