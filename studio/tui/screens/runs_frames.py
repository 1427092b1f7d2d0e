"""From runs to what is shown of them: lines of the table, and one run in full. Nothing here reads a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _
from studio.tui.text import cell, line
from studio.tui.widgets.funnel import duration, finished_lines, live_lines, side_by_side

if TYPE_CHECKING:
    from studio.runs.snapshot import RunSnapshot
    from studio.tui.screens.curate_messages import RunStood

MARKS = {"finished": "✓", "running": "●", "stopped": "■", "failed": "✗", "crashed": "!"}
STYLES = {"finished": "$text-success", "running": "$text-accent", "failed": "$text-error", "crashed": "$text-error"}


def status_words() -> Mapping[str, str]:
    """How runs stand, in the language in use."""
    return {
        "finished": _("finished"),
        "running": _("running"),
        "stopped": _("stopped"),
        "failed": _("failed"),
        "crashed": _("crashed"),
    }


@dataclass(frozen=True)
class RunFrame:
    """A run in the table. read, kept: records, -1 unknown. seconds: how long it took, or has taken up to now. note: what
    stands in place of the records of a run that trains, such as its losses.
    """

    name: str
    path: str
    kind: str
    recipe: str
    status: str
    read: int
    kept: int
    started: str
    seconds: float
    problem: str = ""
    note: str = ""


def run_content(stood: RunStood, snapshot: RunSnapshot | None, width: int) -> Content:
    """One run: how it stands, its funnel, what went wrong, warnings, where things are."""
    status = stood.status.value
    result = stood.result
    took = _("took {time}").format(time=duration(result.seconds)) if result is not None else ""
    head = Content.assemble(
        (f"{MARKS[status]} {status_words()[status]}", f"bold {STYLES.get(status, '')}".strip()),
        "  ",
        line(stood.run),
        (f"  {took}", "dim"),
    )
    lines = [head]
    if status in ("failed", "crashed"):
        lines += _trouble(stood, snapshot)
    lines.append(Content(""))
    if status == "finished" and result is not None and result.summary.get("kind") == "train":
        from studio.tui.screens.train_run_frames import ended_lines

        lines += [
            *ended_lines(result.summary),
            Content(""),
            line(_("a shows its curves on the screen Train."), style="dim"),
        ]
    elif status == "finished" and result is not None and result.summary.get("kind") == "compare":
        conclusion = result.summary.get("conclusion") or {}
        lines += [line(conclusion.get("sentence", ""), style="bold", limit=600), Content("")]
        lines.append(line(_("a shows the answers on the screen Compare."), style="dim"))
    elif status == "finished" and result is not None and result.summary.get("kind") == "experiment":
        lines.append(line(result.summary.get("sentence", ""), style="bold", limit=600))
    elif status == "finished" and result is not None and result.summary.get("kind") == "map":
        from studio.tui.screens.map_frames import summary_lines

        lines += [*summary_lines(result.summary, width), Content("")]
        lines.append(line(_("a shows it on the screen Map."), style="dim"))
    elif status == "finished" and result is not None and result.summary:
        lines += finished_lines(result.summary, width)
        lines += _places(result.summary)
    elif snapshot is not None:
        lines += live_lines(snapshot, width, stood.cores, stood.memory, running=status == "running")
    warnings = snapshot.warnings if snapshot is not None else ()
    lines += [Content("")] if warnings else []
    for each in warnings[:6]:
        lines.append(Content.styled("  ! " + display(each, limit=400), "$text-warning"))
    return Content("\n").join(lines)


def _trouble(stood: RunStood, snapshot: RunSnapshot | None) -> list[Content]:
    result = stood.result
    if result is not None and result.message:
        said = [result.message, result.hint]
    elif snapshot is not None and snapshot.error:
        said = [snapshot.error, snapshot.hint]
    else:
        said = [_("Its process was killed before it could end."), _("c goes on from what is finished.")]
    lines = [Content.styled("  ! " + display(said[0], limit=600), "$text-error")]
    lines += [Content("    " + display(each, limit=600)) for each in said[1:] if each]
    if stood.log:
        lines += [Content(""), Content.styled("  " + _("The last lines of its log:"), "bold")]
        lines += [Content.assemble("  │ ", line(each, limit=300)) for each in stood.log]
    return lines


def _places(summary: Mapping[str, Any]) -> list[Content]:
    lines = [Content("")]
    for output in summary.get("outputs", ()):
        size = _("{n} records").format(n=f"{output['records']:,}")
        lines.append(
            Content.assemble(
                f"  {display(output['split'])}: ", (display(output["path"], limit=300), "bold"), f"  {size}"
            )
        )
    return lines


def compared_content(
    left: tuple[str, str, Mapping[str, Any]], right: tuple[str, str, Mapping[str, Any]], width: int
) -> Content:
    """Two runs (name, recipe's text, summary): their funnels side by side, and their recipes as a diff."""
    (a, text_a, summary_a), (b, text_b, summary_b) = left, right
    lines = [
        Content.assemble(("- ", "$text-error"), line(a)),
        Content.assemble(("+ ", "$text-success"), line(b)),
        Content(""),
    ]
    if "train" in (summary_a.get("kind"), summary_b.get("kind")):
        return Content("\n").join([*lines, *_trained(summary_a, summary_b), *_recipes(text_a, text_b)])
    lines += side_by_side(summary_a.get("stages", ()), summary_b.get("stages", ()), width)
    kept = [summary.get("counts", {}).get("kept") for summary in (summary_a, summary_b)]
    told = ["?" if number is None else f"{number:,}" for number in kept]
    lines += [Content(""), Content.styled(_("kept: {a} and {b}").format(a=told[0], b=told[1]), "bold"), Content("")]
    return Content("\n").join([*lines, *_recipes(text_a, text_b)])


def _trained(summary_a: Mapping[str, Any], summary_b: Mapping[str, Any]) -> list[Content]:
    """Losses of two training runs: of the base, and after training."""
    lines = []
    for split, name in (("validation", _("held out")), ("retention", _("retention"))):
        told = []
        for summary in (summary_a, summary_b):
            losses = summary.get("losses") or {}
            found = [(losses.get(who) or {}).get(split) for who in ("base", "tuned")]
            told.append(" → ".join("?" if loss is None else f"{loss:.4f}" for loss in found))
        lines.append(Content.assemble((cell(name, 14), "bold"), cell(told[0], 20), " │ ", told[1]))
    return [*lines, Content("")]


def _recipes(text_a: str, text_b: str) -> list[Content]:
    changed = list(difflib.unified_diff(text_a.splitlines(), text_b.splitlines(), lineterm="", n=2))[2:]
    if not changed:
        return [Content(_("The recipes are the same."))]
    styles = {"+": "$text-success", "-": "$text-error", "@": "dim"}
    heading = Content.styled(_("The recipes:"), "bold")
    return [heading, *(line(each, style=styles.get(each[:1], ""), limit=300) for each in changed)]
