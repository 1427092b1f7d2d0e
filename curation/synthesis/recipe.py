"""A generation's recipe: from what, what is asked for, who writes, and what must be passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from curation.errors import nearest
from curation.sectioned import Broken, SectionedRecipe
from curation.synthesis.sections import (
    AskSettings,
    BudgetSettings,
    ChunkSettings,
    GateSettings,
    ModelSettings,
    OutputSettings,
    PrivacySettings,
    PromptFiles,
    SourceSettings,
)

__all__ = ["GenerateRecipe"]

PER_CALL = 3  # items in one call of an endpoint, whose models are large enough for several, where nothing else is said


class GenerateRecipe(SectionedRecipe):
    """All that decides what a generation does. Two recipes are equal when their values are."""

    noun: ClassVar[str] = "generation's recipe"
    presets: ClassVar[tuple[str, str]] = ("curation.synthesis", "recipes")
    default_preset: ClassVar[str] = "documents"
    example: ClassVar[str] = "ask.per_chunk=2"

    source: SourceSettings = SourceSettings()
    chunks: ChunkSettings = ChunkSettings()
    ask: AskSettings = AskSettings()
    prompts: PromptFiles = PromptFiles()
    model: ModelSettings = ModelSettings()
    budget: BudgetSettings = BudgetSettings()
    privacy: PrivacySettings = PrivacySettings()
    gates: GateSettings = GateSettings()
    output: OutputSettings = OutputSettings()

    @property
    def per_call(self) -> int:
        """Items in one call: `ask.per_call`, or what suits who is asked."""
        return self.ask.per_call or (PER_CALL if self._is_endpoint else 1)

    @property
    def anchor(self) -> Literal["quote", "sentence"]:
        """What decides what an item about a document asks: `ask.anchor`, or what suits who is asked."""
        if self.ask.anchor != "auto":
            return self.ask.anchor
        return "quote" if self._is_endpoint or self.ask.turns > 1 else "sentence"

    @property
    def _is_endpoint(self) -> bool:
        return self.model.name.lower().startswith(("http://", "https://"))

    def broken(self) -> Iterator[Broken]:
        """Combinations that cannot work, or that would do something else than they say."""
        chunks, ask, budget = self.chunks, self.ask, self.budget
        if chunks.overlap * 2 > chunks.tokens:
            said = f"an overlap of {chunks.overlap} is more than half of a chunk of {chunks.tokens} tokens"
            yield ("chunks", "overlap"), said, "Set chunks.overlap lower."
        if chunks.minimum > chunks.tokens:
            yield ("chunks", "minimum"), "no chunk can have so many tokens", "Set chunks.minimum below chunks.tokens."
        if budget.money and not (budget.price_prompt or budget.price_completion):
            said = "money is bounded, and no price is known"
            yield ("budget", "money"), said, "Set budget.price_prompt and budget.price_completion, or budget.tokens."
        if self.source.kind == "records" and self.source.how == "translate" and not ask.languages:
            yield ("ask", "languages"), "there is no language to translate into", "Name one: ask.languages=[zh]."
        if ask.turns > 1 and self.output.format in ("alpaca", "question_answer"):
            said = f"{self.output.format} holds one exchange, and {ask.turns} are asked for"
            yield ("output", "format"), said, "Set output.format=messages."
        if ask.turns > 1 and self.source.kind in ("texts", "records"):
            yield ("ask", "turns"), f"an item made from {self.source.kind} is one exchange", "Set ask.turns=1."
        if ask.turns > 1 and ask.anchor == "sentence":
            yield ("ask", "anchor"), "a conversation is about more than one sentence", "Set ask.anchor=quote."
        yield from self._unknown()
        gates = self.gates
        for low, high, what in (
            (gates.question_min, gates.question_max, "question"),
            (gates.answer_min, gates.answer_max, "answer"),
        ):
            if low > high:
                yield ("gates", f"{what}_min"), f"no {what} can be that long", f"Set it below gates.{what}_max."

    def _unknown(self) -> Iterator[Broken]:
        """Names of languages and of types of personal data that there are not."""
        from curation.language.codes import language_code
        from curation.privacy.entities import ENTITIES

        for place, name in enumerate(self.ask.languages):
            try:
                language_code(name)
            except ValueError as error:
                yield ("ask", "languages", place), str(error), ""
        for place, name in enumerate(self.privacy.entities):
            if name not in ENTITIES:
                said = f"there is no type of personal data named '{name}'"
                yield ("privacy", "entities", place), said, nearest(name, ENTITIES)
