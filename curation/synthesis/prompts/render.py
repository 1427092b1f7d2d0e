"""From a unit and its material to the request that is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from curation.errors import RecipeError
from curation.language.codes import LANGUAGES
from curation.llm.model import ChatMessage, ChatRequest
from curation.synthesis.model import Exchange, Kind, Material, Unit, anchors_in
from curation.synthesis.prompts import fence
from curation.synthesis.prompts.files import EXAMPLES, SUFFIX, PromptFolder
from curation.synthesis.prompts.schema import ANSWERABLE, MARK, WORKED_ON, file_of, items_schema, keys_of
from curation.synthesis.recipe import GenerateRecipe

Form = Literal["json", "plain"]
ANSWERABLE_TOKENS = 64
MARK_TOKENS = 400
_FENCED: Mapping[Kind, str] = {
    "qa": "source", "instruction": "source", "similar": "examples",
    "rewrite": "record", "complete": "record", "translate": "record", "deepen": "record",
}  # fmt: skip


class Prompts:
    """The prompt files of a run. The same unit, material, recipe and nonce give the same request."""

    def __init__(self, folder: PromptFolder) -> None:
        self._folder = folder

    @classmethod
    def load(cls, folder: str = "") -> Prompts:
        """The built-in prompts, with the files of `folder` in place of those of the same name.

        Every file is filled in once for each way in which it may be used. Raises RecipeError, naming file and line, for one
        that cannot be, or that does not show the data it is about.
        """
        from curation.synthesis.prompts.trial import try_all

        prompts = cls(PromptFolder(folder))
        try_all(prompts)
        return prompts

    @property
    def digests(self) -> dict[str, str]:
        """Name of each file -> SHA-256 (hex)."""
        return self._folder.digests

    def request(self, unit: Unit, material: Material, recipe: GenerateRecipe, nonce: str) -> ChatRequest:
        """What is asked for a unit. nonce: of `nonce_for`, with `data_of(material)` as its text."""
        _check(nonce, fence.data_of(material))
        form = form_of(unit, recipe)
        keys = keys_of(unit, quote=recipe.gates.quote)
        code = unit.language or material.language
        plain = form == "plain"
        label = _FENCED[unit.kind]
        chinese = code == "zh"
        values: dict[str, Any] = {
            "count": unit.wanted, "types": list(unit.types), "difficulty": unit.difficulty, "turns": unit.turns,
            "keys": list(keys), "form": form, **_common(code, nonce, material, recipe),
        }  # fmt: skip
        if label == "source":
            data = {label: fence.source(material, label, nonce, chinese=chinese)}
        elif label == "record":
            data = {label: fence.record(material.turns, nonce, plain=plain)}
        else:
            data = {label: fence.examples(material.seeds, nonce, plain=plain)}
        if unit.anchors:
            said = [material.text[start:end] for start, end in anchors_in(material, unit)]
            data["sentences"] = fence.sentences(said, nonce)
        model = recipe.model
        return ChatRequest(
            model="",
            messages=self._messages(file_of(unit), values, data),
            temperature=model.temperature,
            top_p=model.top_p,
            max_tokens=model.max_tokens,
            seed=unit.seed,
            stop=_stops(keys[0], "sentence" if unit.anchors else label) if form == "plain" and _is_here(recipe) else (),
            schema=items_schema(unit, keys) if form == "json" and model.structured == "auto" else None,
        )

    def answerable(self, exchange: Exchange, material: Material, recipe: GenerateRecipe, nonce: str) -> ChatRequest:
        """Whether the exchange can be answered from its source alone. nonce: the unit's; the fence has one of its own."""
        return self._look("answerable", [exchange], material, recipe, nonce, ANSWERABLE, ANSWERABLE_TOKENS)

    def judge(
        self, exchanges: Sequence[Exchange], material: Material, recipe: GenerateRecipe, nonce: str
    ) -> ChatRequest:
        """How good an item is, by the recipe's rubric. nonce: the unit's; the fence has one of its own."""
        return self._look("judge", exchanges, material, recipe, nonce, MARK, MARK_TOKENS)

    def read_answerable(self, text: str) -> bool | None:
        """What the answer to `answerable` says; None where it says neither."""
        from curation.synthesis.parse import read_answerable

        return read_answerable(text)

    def read_mark(self, text: str) -> tuple[float, str] | None:
        """Mark (1 to 5) and reason in the answer to `judge`; None where there is none."""
        from curation.synthesis.parse import read_mark

        return read_mark(text)

    def _look(
        self,
        name: str,
        exchanges: Sequence[Exchange],
        material: Material,
        recipe: GenerateRecipe,
        nonce: str,
        schema: Mapping[str, Any],
        max_tokens: int,
    ) -> ChatRequest:
        """A question about what was written. Whoever wrote it has seen `nonce`, so the fence gets another mark."""
        mark = fence.nonce_for(nonce, name, fence.data_of(material, exchanges))
        common = _common(material.language, mark, material, recipe)
        values = {
            **common, "form": "json" if recipe.model.structured == "auto" else "plain", "rubric": recipe.gates.rubric,
        }  # fmt: skip
        source = fence.source(material, "source", mark, chinese=common["chinese"]) if material.text else ""
        data = {"source": source, "written": fence.written(exchanges, mark)}
        return ChatRequest(
            model="",
            messages=self._messages(name, {**values, "has_source": bool(source)}, data),
            max_tokens=max_tokens,
            schema=schema if recipe.model.structured == "auto" else None,
        )

    def _messages(self, name: str, values: Mapping[str, Any], data: Mapping[str, str]) -> tuple[ChatMessage, ...]:
        """Both blocks as messages. Data goes into the user's alone, each piece whole."""
        system = self._folder.render(name, "system", values)
        user = self._folder.render(name, "user", {**values, **data})
        for key, piece in data.items():
            if piece not in user:
                said = f"{self._folder.where[name + SUFFIX]}: the block 'user' does not show {{{{ {key} }}}} as it is."
                raise RecipeError(said, "Put it in once, without a filter.")
        example: list[ChatMessage] = []
        for pair in EXAMPLES:
            shown, answered = (self._folder.render(name, block, values) for block in pair)
            if shown and answered:
                example += [ChatMessage("user", shown), ChatMessage("assistant", answered)]
        return (*([ChatMessage("system", system)] if system else []), *example, ChatMessage("user", user))


def form_of(unit: Unit, recipe: GenerateRecipe) -> Form:
    """plain: labelled lines, which small models manage. They are asked of models in this process, and where
    model.structured is off, when one item of one exchange is wanted."""
    lines_do = _is_here(recipe) or recipe.model.structured == "off"
    return "plain" if unit.wanted == 1 == unit.turns and lines_do else "json"


def _is_here(recipe: GenerateRecipe) -> bool:
    """Whether a model in this process writes: a small one, in all likelihood."""
    return not recipe.model.name.lower().startswith(("http://", "https://"))


def _stops(first: str, label: str) -> tuple[str, ...]:
    """Where one item ends. Small models do not stop there by themselves: they go on with the next, or with the fence."""
    return f"\n{first.capitalize()}:", f"<{label} ", f"</{label} "


def _common(code: str, nonce: str, material: Material, recipe: GenerateRecipe) -> dict[str, Any]:
    return {
        "language": LANGUAGES.get(code, ""), "chinese": code == "zh", "nonce": nonce,
        "masked": bool(material.replaced), "guidance": recipe.ask.guidance,
    }  # fmt: skip


def _check(nonce: str, data: str) -> None:
    if nonce in data.casefold():
        raise ValueError("the mark of the fence occurs in what it fences; nonce_for needs data_of(material)")


def kinds() -> tuple[Kind, ...]:
    """Every kind of unit; each has a prompt file of its name."""
    return tuple(WORKED_ON)
