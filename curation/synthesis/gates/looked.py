"""What a gate is given, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from curation.machine.answer import is_chinese
from curation.synthesis.model import Exchange, Material, Unit
from curation.synthesis.sections import GateSettings

if TYPE_CHECKING:
    from curation.synthesis.gates.injection import OwnWords

HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Turned:
    """Why an item is turned away. reason: of `curation.synthesis.reasons.REJECTED`. detail: what was measured, never text
    of the source."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Looked:
    """An item, with all that decides about it. own: the words of the prompt that it was written for. scores: what gates
    measured, which they write here."""

    unit: Unit
    exchanges: tuple[Exchange, ...]
    material: Material
    settings: GateSettings
    own: OwnWords | None = None
    scores: dict[str, float] = field(default_factory=dict)

    @cached_property
    def source(self) -> str:
        """All that the model was told about the matter: the text, its title, the headings above it, a record's turns."""
        material = self.material
        turns = [content for _, content in material.turns]
        return mended("\n".join(part for part in (material.title, *material.headings, material.text, *turns) if part))

    @cached_property
    def seeds(self) -> str:
        """The seeds that the model was shown, one after another."""
        return mended("\n".join(content for seed in self.material.seeds for _, content in seed))


Gate = Callable[[Looked], Turned | None]


def mended(text: str) -> str:
    """The text with halves of characters replaced: JSON may hold them, and no encoder takes them."""
    return HALF.sub("\ufffd", text)


def parts(exchange: Exchange) -> tuple[str, ...]:
    """The texts of an exchange that a reader of the record sees, blank ones left out."""
    return tuple(text for text in (exchange.question, exchange.reasoning, exchange.answer) if text.strip())


def at(place: int, detail: str, of: int) -> str:
    """A detail with the exchange that it is about, where there are several."""
    return f"exchange {place + 1}: {detail}" if of > 1 else detail


def same_script(one: str, other: str) -> bool:
    """Whether both texts are Chinese, or neither is: only then can their words be compared."""
    return is_chinese(one) == is_chinese(other)
