"""What memory a run will take, for people and programs: by component, against what is free, and what would fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from studio.cli.output import table

if TYPE_CHECKING:
    from training.session import Session


def memory_facts(session: Session, *, probe: bool = False) -> dict[str, Any]:
    """The estimate as plain JSON, bytes throughout; suggestions only where it does not fit. Takes some seconds.

    probe: also measure, with two real steps in a process of their own.
    """
    from training.memory.of_session import estimate_session, probe_session, suggest_session

    found = estimate_session(session)
    suggestions = () if found.fits else suggest_session(session)
    measured = asdict(probe_session(session)) if probe else None
    return {
        "total": found.total,
        "measured": measured,
        "phase": found.phase,
        "free": found.room.free,
        "fits": found.fits,
        "measured_here": found.measured_here,
        "components": [{"name": each.name, "size": each.size, "text": each.text} for each in found.components],
        "suggestions": [
            {"settings": list(each.settings), "needs": each.needs, "price": each.price} for each in suggestions
        ],
    }


def memory_text(facts: Mapping[str, Any]) -> str:
    """The same as lines."""
    rows = [[each["name"], size(each["size"]), each["text"]] for each in facts["components"]]
    verdict = "" if facts["fits"] else ": it does not fit"
    kind = "" if facts["measured_here"] else " (an estimate that no measurement was held against)"
    head = f"Memory: about {size(facts['total'])} at {facts['phase']}, {size(facts['free'])} free{verdict}{kind}."
    lines = [head, table(rows, right=(1,))]
    if (measured := facts["measured"]) is not None:
        took = measured["gpu"] or measured["peak"]
        ran = "fits" if measured["fits"] else "memory ran out"
        lines.append(f"Measured: {size(took)} in two real steps with the longest records: {ran}.")
    for each in facts["suggestions"]:
        settings = " ".join(f"--set {setting}" for setting in each["settings"])
        lines.append(f"→ {settings}: {size(each['needs'])}; {each['price']}")
    return "\n".join(lines)


def size(number: float) -> str:
    """`1.64 GB`, `166 MB`."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if number >= unit:
            return f"{number / unit:,.{2 if name == 'GB' else 0}f} {name}"
    return f"{number / 1e3:,.0f} kB"
