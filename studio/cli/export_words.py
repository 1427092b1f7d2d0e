"""What an export says to people: while it goes on, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.cli.output import table
from studio.display import display

_MARKS = {True: "ok", False: "FAILED", None: "not checked"}
_SHOWN = 5  # tensors of another type that are named; all are in export.json


def export_sentences(event: Mapping[str, Any]) -> list[str]:
    """What an event of an export says; nothing for other events."""
    if event["event"] == "exported":
        again = " (nothing has changed)" if event["reused"] else ""
        return [f"{event['target']}: {display(event['path'])}, {event['bytes']:,} bytes{again}"]
    if event["event"] == "export_checked":
        return [f"{event['check']}: {_MARKS[event['passed']]}: {display(event['said'])}"]
    return []


def tell_export(summary: Mapping[str, Any]) -> str:
    """The summary of a finished export, for people."""
    from studio.cli.progress import duration
    from studio.cli.summary import shorter

    places: list[list[object]] = [
        [target, result["path"] if target == "hub" else shorter(result["path"]), f"{result['bytes']:,} bytes"]
        for target, result in summary["results"].items()
    ]
    checks: list[list[object]] = [[one["check"], _MARKS[one["passed"]], one["said"]] for one in summary["checks"]]
    blocks = [table(places), table(checks), *_fallen_back(summary), f"Took {duration(summary['seconds'])}."]
    if "ollama" in summary["results"]:
        blocks.append(f"Next:\n  {display(summary['results']['ollama']['command'])}")
    return "\n\n".join(block for block in blocks if block)


def _fallen_back(summary: Mapping[str, Any]) -> list[str]:
    """A paragraph for each file in which some matrices have another type than was asked for."""
    found = []
    for name, facts in summary["results"].get("gguf", {}).get("files", {}).items():
        fallbacks = facts["fallbacks"]
        if not fallbacks:
            continue
        lines = [
            f"{display(name)}: {len(fallbacks)} of {facts['tensors']} tensors have another type "
            f"({facts['bits']:.2f} bits a weight):"
        ]
        lines += [f"  {display(one['tensor'])} is {one['type']}: {one['why']}" for one in fallbacks[:_SHOWN]]
        if len(fallbacks) > _SHOWN:
            lines.append(f"  and {len(fallbacks) - _SHOWN} more, in export.json")
        found.append("\n".join(lines))
    return found
