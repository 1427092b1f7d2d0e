"""`studio curate --dry-run`: what would be read, how it was recognised, what would be done, and where it would go."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.memory_words import size
from studio.cli.output import Output, table
from studio.cli.progress import duration
from studio.cli.summary import shorter
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.recipe import Recipe


def show_plan(inputs: Sequence[str], recipe: Recipe, options: dict[str, Any], runs_dir: Path, out: Output) -> int:
    """Print the plan. Reads a sample of each source and writes nothing."""
    plan = _plan(inputs, recipe, options, runs_dir)
    if out.json:
        out.json_line(plan)
        return int(ExitCode.OK)
    out.data("Sources")
    rows = [
        [f"  {s['source']}", s["format"], s["kind"], s["encoding"], s["compression"], _size(s["bytes"])]
        for s in plan["sources"]
    ]
    out.data(table(rows, right=(5,)))
    out.data(f"\nRecipe {plan['recipe']}, seed {plan['seed']}")
    for number, stage in enumerate(plan["stages"], 1):
        named = stage["stage"] if stage["stage"] == stage["use"] else f"{stage['stage']} ({stage['use']})"
        out.data(f"  {number}. {named}")
        out.data(table([[f"       {key}", _value(value)] for key, value in stage["parameters"].items()]))
    _show_costs(plan["costs"], out)
    out.data(f"\nDisk: about {size(plan['disk'])}, if every record stays")
    out.data("\nWhere it would go")
    out.data(table([[f"  {what}", where] for what, where in plan["outputs"].items()]))
    out.data("\nNothing was run: leave --dry-run out to do it.")
    return int(ExitCode.OK)


def _show_costs(costs: Sequence[dict[str, Any]], out: Output) -> None:
    """What the dear stages take, if there are any: about, and at most, since stages before them may drop records."""
    if not costs:
        return
    out.data("\nWhat it costs, about, and no more than")
    for cost in costs:
        told = [f"{duration(cost['seconds'])} on {cost['cores']} cores"] if cost["seconds"] or not cost["calls"] else []
        if cost["calls"]:
            tokens = f"{cost['prompt_tokens']:,} tokens of prompts and {cost['answer_tokens']:,} of answers"
            told.append(f"{cost['calls']:,} calls with {tokens}")
        if cost["money"] is not None:
            told.append(f"{cost['money']:.2f} to pay")
        out.data(f"  {cost['stage']}: {', '.join(told)}, for {cost['records']:,} records")
        if cost["note"]:
            out.data(f"       {cost['note']}")


def _plan(inputs: Sequence[str], recipe: Recipe, options: dict[str, Any], runs_dir: Path) -> dict[str, Any]:
    from curation.cost import recipe_costs
    from curation.engine.plan import make_plan
    from curation.engine.room import room_of
    from curation.events import SourceFound

    found: list[dict[str, Any]] = []

    def listen(event: object) -> None:
        if isinstance(event, SourceFound):
            found.append({key: value for key, value in event.as_json().items() if key not in ("event", "time")})

    with tempfile.TemporaryDirectory() as scratch:
        plan = make_plan(
            inputs,
            recipe,
            listen,
            forced=options["format"],
            out_format=options["out_format"],
            spool=Path(scratch) / "stdin.bin",
        )
        costs = recipe_costs(plan.sources, recipe, options["format"], options["limit"])
        room = room_of(plan, recipe, options["format"], options["limit"])
    cores = min(os.cpu_count() or 1, options.get("workers") or os.cpu_count() or 1)
    run = f"{shorter(runs_dir)}/DATE-TIME-curate-XXXX"
    return {
        "plan": "curate",
        "sources": found,
        "recipe": recipe.name,
        "seed": recipe.seed,
        "stages": [
            {"stage": step.name, "use": step.use, "parameters": step.stage.model_dump(mode="json")}
            for step in recipe.steps()
        ],
        "costs": [
            {
                **asdict(each.cost),
                "stage": each.stage,
                "records": each.records,
                "seconds": round(each.cost.seconds / cores, 1),
                "cores": cores,
            }
            for each in costs
        ],
        "disk": room.total,
        "outputs": {
            "dataset": options["out"] or f"{run}/dataset",
            "schema": plan.out_format or "as read",
            "report": f"{run}/report.html",
            "ledger": f"{run}/ledger",
            "limit": "none" if options["limit"] is None else f"first {options['limit']:,} records",
        },
    }


def _size(count: int) -> str:
    return f"{count:,} bytes" if count >= 0 else "size unknown"


def _value(value: Any) -> str:
    from studio.runs.jsonl import one_line

    return value if isinstance(value, str) else one_line(value)
