"""The end of a comparison, told: the one line that it shows, the numbers behind it, where the report is, what is next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.cli.output import table
from studio.runs.folder import RunFolder, reference


def tell_compare(folder: RunFolder, facts: Mapping[str, Any]) -> str:
    """The facts of a comparison (`training.compare.report.compare_facts`), for people."""
    conclusion = facts["conclusion"]
    blocks = [
        f"{conclusion['verdict'].upper()}. {conclusion['sentence']}",
        numbers(facts),
        "\n".join(f"- {sentence}" for sentence in conclusion["evidence"][1:]),
        "\n".join(f"But: {sentence}" for sentence in conclusion["caveats"]),
        _next(folder, facts),
    ]
    return "\n\n".join(block for block in blocks if block)


def numbers(facts: Mapping[str, Any]) -> str:
    """A table with a line a measure: either side, the difference and its interval; "" where nothing was measured."""
    rows: list[list[object]] = [*_preferences(facts), *_losses(facts), *_suites(facts)]
    for one in [*facts["scores"], *facts["rubrics"]]:
        if one["prompts"]:
            rows.append(
                [
                    one.get("score") or one["rubric"],
                    one["prompts"],
                    f"{one['a']:.3f}",
                    f"{one['b']:.3f}",
                    f"{one['difference']:+.3f}",
                    _between(one["interval"], "+.3f"),
                ]
            )
    if not rows:
        return ""
    header = ("measure", "of", "a", "b", "b - a", f"{facts['confidence']:.0%} interval")
    return table(rows, header, right=(1, 2, 3, 4, 5))


def tell_votes(folder: Path) -> dict[str, Any]:
    """How the votes that count stand, by the labels of the sides."""
    from training.compare.report import compare_facts

    facts = compare_facts(folder)
    tally = (facts["votes"] or {}).get("tally") or {"a": 0, "b": 0, "tie": 0, "bad": 0}
    a, b = (facts["sides"][side].get("label") or side for side in ("a", "b"))
    return {
        f"better: {a} (a)": tally["a"],
        f"better: {b} (b)": tally["b"],
        "equal": tally["tie"],
        "both bad": tally["bad"],
    }


def _preferences(facts: Mapping[str, Any]) -> list[list[object]]:
    rows: list[list[object]] = []
    for key, name in (("votes", "preferred, blind votes"), ("judge", "preferred, judge")):
        found = facts[key]
        if found and found["preference"]["prompts"]:
            one = found["preference"]
            rate = f"{one['rate']:.1%} win rate"
            rows.append([name, one["prompts"], one["a"], one["b"], rate, _between(one["interval"], ".1%")])
    return rows


def _losses(facts: Mapping[str, Any]) -> list[list[object]]:
    measured = (("held-out loss", facts["heldout"]), ("loss, general", facts["forgetting"]["loss"]))
    return [
        [
            f"{name} ({one['unit']})",
            one["records"],
            f"{one['a']:.4f}",
            f"{one['b']:.4f}",
            f"{one['difference']:+.4f}",
            _between(one["interval"], "+.4f"),
        ]
        for name, one in measured
        if one
    ]


def _suites(facts: Mapping[str, Any]) -> list[list[object]]:
    return [
        [
            f"{one['suite']} ({one['language']})",
            one["cases"],
            f"{one['a']:.1%}",
            f"{one['b']:.1%}",
            f"{one['difference']:+.1%}",
            _between(one["interval"], "+.1%"),
        ]
        for one in facts["forgetting"]["suites"]
    ]


def _between(interval: Any, form: str) -> str:
    return "" if interval is None else f"{interval[0]:{form}} to {interval[1]:{form}}"


def _next(folder: RunFolder, facts: Mapping[str, Any]) -> str:
    from studio.cli.summary import shorter

    run = reference(folder)
    sides = [facts["sides"][side].get("label") or side for side in ("a", "b")]
    rows: list[list[object]] = [
        ["a", sides[0]],
        ["b", sides[1]],
        ["report", shorter(folder.path / "compare.html")],
        ["vote", f"studio compare --vote {run}"],
        ["in a gate", f"studio evaluate {run} --gate policy.yaml"],
    ]
    return table(rows)
