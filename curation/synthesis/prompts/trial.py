"""Every prompt file filled in once for each way in which it may be used, before anything is asked of a model."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from curation.synthesis.model import Exchange, Material, Unit
from curation.synthesis.prompts.schema import WORKED_ON
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import QUESTION_TYPES

if TYPE_CHECKING:
    from curation.synthesis.prompts.render import Prompts

_NONCE = "0123456789ab"
_ANCHOR = ((0, 22),)  # all of the text of _material, as it was before it was masked
_TURNS = (("user", "Where?"), ("assistant", "There."))


def try_all(prompts: Prompts) -> None:
    """Raises RecipeError for the first file that cannot be filled in."""
    recipes = [_recipe(structured, guidance) for structured, guidance in product(("auto", "off"), ("", "Be kind."))]
    for kind, language, (wanted, turns), recipe in product(WORKED_ON, ("en", "zh"), ((1, 1), (2, 1), (2, 2)), recipes):
        for difficulty in ("", "hard"):
            unit = Unit("u", kind, wanted, language=language, difficulty=difficulty, turns=turns)
            _try(prompts, unit, recipe)
            if kind == "qa" and turns == 1:
                _try(prompts, replace(unit, anchors=_ANCHOR * wanted), recipe)
    for kind, reasoning in product(WORKED_ON, (False, True)):
        for difficulty in ("easy", "medium"):
            unit = Unit("u", kind, 1, difficulty=difficulty, reasoning=reasoning)
            _try(prompts, unit, recipes[2])
            if kind == "qa":
                _try(prompts, replace(unit, anchors=_ANCHOR), recipes[2])
    exchange = Exchange("Where?", "There.")
    for language, recipe in product(("en", "zh"), recipes):
        material = _material(language, masked=False)
        prompts.answerable(exchange, material, recipe, _NONCE)
        prompts.judge([exchange], material, recipe, _NONCE)
        prompts.judge([exchange], Material(language=language), recipe, _NONCE)


def _try(prompts: Prompts, unit: Unit, recipe: GenerateRecipe) -> None:
    unit = replace(unit, types=QUESTION_TYPES if unit.kind == "qa" else ())
    prompts.request(unit, _material(unit.language, masked=unit.wanted == 1), recipe, _NONCE)


def _recipe(structured: str, guidance: str) -> GenerateRecipe:
    rubric = "Look at the manners." if guidance else ""
    data = {
        "ask": {"guidance": guidance},
        "model": {"structured": structured},
        "gates": {"rubric": rubric, "quote": not guidance},
    }
    return GenerateRecipe.model_validate(data)


def _material(language: str, *, masked: bool) -> Material:
    return Material(
        text="Ask <PERSON> at the desk.", title="Rules", headings=("Desk",), turns=_TURNS, seeds=(_TURNS, _TURNS),
        replaced=((4, 12, 5),) if masked else (), language=language,
    )  # fmt: skip
