"""`report.html`: one file that explains a run, with nothing loaded from elsewhere and no script in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.ledger import reason_text
from curation.privacy.entities import ENTITIES
from curation.privacy.told import missing
from curation.report import charts
from curation.report.facts import quarantine_head, read_ledger, read_spec, recipe_yaml
from curation.report.marks import visible
from curation.report.stories import reason_examples
from curation.writers.atomic import write_atomic

EXAMPLES = 3  # records shown for each reason
MOST_SOURCES = 200
MOST_QUARANTINED = 50
_VERBS = {"drop": "dropped", "edit": "edited", "flag": "flagged", "annotate": "annotated"}


def build_report(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Write `report.html` into the run folder and return its path. `summary` is what `summary.json` holds.

    The page has strict limits of its own (`Content-Security-Policy`): no script, no font, no image, no connection.
    It holds texts of records, so only the owner of the run can read it. Raises OutputError when it cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("curation.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["size"] = size
    page = environment.get_template("report.html").render(_content(folder, summary))
    path = folder / "report.html"
    write_atomic(path, page.encode(), mode=0o600)
    return path


def _content(folder: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
    facts = read_ledger(folder, summary, EXAMPLES)
    spec = read_spec(folder)
    return {
        "summary": summary,
        "started": str(spec.get("created", ""))[:16].replace("T", " "),
        "law": _law(summary["counts"]),
        "stages": _stages(summary),
        "charts": {
            "funnel": charts.funnel(summary),
            "lengths": charts.lengths(summary),
            "languages": charts.languages(summary),
            "sources": charts.sources(summary),
            "dropped": charts.over_input(facts, summary, ["drop"]),
            "touched": charts.over_input(facts, summary, ["edit", "flag"]),
        },
        "sources": summary["sources"][:MOST_SOURCES],
        "examples": list(reason_examples(folder, summary, facts)),
        "quarantine": quarantine_head(folder, MOST_QUARANTINED),
        "privacy": _privacy(summary),
        "quarantine_reasons": _quarantine_reasons(summary),
        "recipe": recipe_yaml(folder, summary),
        "versions": {**spec.get("versions", {}), **summary["versions"]},
        "verbs": _VERBS,
    }


def _law(counts: Mapping[str, int]) -> dict[str, Any]:
    parts = ("kept", "dropped", "quarantined", "blank")
    return {"parts": parts, "holds": counts["read"] == sum(counts[part] for part in parts)}


def _stages(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages with the sentence of each reason, and each count as a share of what came in."""
    return [
        {
            **stage,
            "reasons": [
                {
                    **item,
                    "sentence": reason_text(stage["use"], item["reason"]),
                    "share": item["count"] / stage["records_in"] if stage["records_in"] else 0.0,
                }
                for item in stage["reasons"]
            ],
        }
        for stage in summary["stages"]
    ]


def _privacy(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each stage `pii` found, with a row for each entity type."""
    told = []
    for fact in summary.get("privacy", ()):
        found = {name for kind in ("masked", "left", "columns") for name in fact[kind]}
        rows = [
            {"entity": name, "description": entity.description}
            | {kind: fact[kind].get(name, 0) for kind in ("masked", "left", "columns")}
            for name, entity in ENTITIES.items()
            if name in found
        ]
        told.append(
            {**fact, "rows": rows, "missing": [(item["records"], missing(item)) for item in fact["not_searched"]]}
        )
    return told


def _quarantine_reasons(summary: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    from curation.formats import FORMAT_REASONS
    from curation.readers import QUARANTINE_REASONS

    sentences = {**QUARANTINE_REASONS, **FORMAT_REASONS}
    return [(reason, count, sentences.get(reason, "")) for reason, count in summary["quarantine"].items()]


def size(count: int) -> str:
    """Bytes for people: `812 B`, `3.4 kB`, `1.2 GB`; "" where the size is not known."""
    if count < 0:
        return ""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
