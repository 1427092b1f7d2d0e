"""What a generation says to people before its first call and while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from studio.display import display

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe

_PARTS = ("accepted", "rejected", "failed")


def generate_sentences(event: Mapping[str, Any]) -> list[str] | None:
    """What an event of a generation says; None for events that are not about one."""
    told = _TOLD.get(event["event"])
    return told(event) if told is not None else None


def law(counts: Mapping[str, int]) -> str:
    """`requested 20 = accepted 12 + rejected 6 + failed 2`, or where the sum is not true, that."""
    holds = counts["requested"] == sum(counts[part] for part in _PARTS)
    total = " + ".join(f"{part} {counts[part]:,}" for part in _PARTS)
    return f"requested {counts['requested']:,} {'=' if holds else 'IS NOT'} {total}"


def cost(facts: Mapping[str, Any]) -> str:
    """What is about to be spent, at most as it looks."""
    money = f", {facts['money']:,.4g} in money" if facts["money"] else ""
    return (
        f"estimate: {facts['calls']:,} calls, {facts['prompt_tokens']:,} tokens asked and up to "
        f"{facts['completion_tokens']:,} answered{money}"
    )


def bounds(recipe: GenerateRecipe) -> list[str]:
    """The bounds that hold, a line for all of them; nothing where there is none."""
    budget = recipe.budget
    named = {"calls": budget.calls, "tokens": budget.tokens, "in money": budget.money}
    said = ", ".join(f"{value:,g} {name}" for name, value in named.items() if value)
    return [f"never more than: {said}"] if said else []


def _prepared(event: Mapping[str, Any]) -> list[str]:
    parts = [f"{event[name]:,} {name}" for name in ("documents", "chunks") if event[name]] + [
        f"{event['units']:,} units",
        f"{event['requested']:,} items",
    ]
    done = f", {event['done']:,} units done before" if event["done"] else ""
    lines = [f"{', '.join(parts)} for {display(event['model'])}{done}", cost(event)]
    where = "What is sent LEAVES THIS MACHINE" if event["leaves"] else "Nothing leaves this machine"
    masked = ", ".join(f"{display(name)} {count:,}" for name, count in event["masked"].items())
    lines.append(f"{where}. {f'Masked: {masked}.' if masked else _unmasked(leaves=event['leaves'])}")
    return lines


def _unmasked(*, leaves: bool) -> str:
    return "No personal data was found to mask." if leaves else "Personal data is not masked."


def _finished(_event: Mapping[str, Any]) -> list[str]:
    return []  # told by the progress


_TOLD: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "generate_prepared": _prepared,
    "unit_finished": _finished,
}
