"""How records come through a run: a line a stage, its reasons below it; while it goes on, how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _, ngettext
from studio.tui.text import cell
from studio.tui.widgets.charts import bar
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from studio.runs.snapshot import RunSnapshot


class Funnel(ScrolledText):
    """Shows what the functions below make of a snapshot or a summary."""

    HELP = N_(
        "The run, stage by stage: records that reach a stage, - dropped, ~ edited, ? flagged, and the reasons below. While "
        "it goes on, the counts are those of what is finished. s asks it to stop, c lets it go on, f goes back to the recipe."
    )


def duration(seconds: float) -> str:
    """`0.4 s`, `45 s`, `3 min 20 s`, `2 h 05 min`."""
    if 0 < seconds < 9.95:
        return _("{n} s").format(n=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return _("{n} s").format(n=whole)
    if whole < 3600:
        return _("{m} min {s} s").format(m=whole // 60, s=f"{whole % 60:02d}")
    return _("{h} h {m} min").format(h=whole // 3600, m=f"{whole % 3600 // 60:02d}")


def live_lines(snapshot: RunSnapshot, width: int, cores: float | None, memory: int | None) -> list[Content]:
    """A run that goes on, or has gone as far as this."""
    lines: list[Content] = []
    earlier = [Content.styled(f"  ✓ {display(phase, limit=80)}", "dim") for phase in snapshot.phases[:-1]]
    lines.extend(earlier[-6:])
    if snapshot.phase:
        lines.append(Content.styled(f"  ▸ {display(snapshot.phase, limit=100)}", "bold"))
        lines.append(Content("    ") + Content(_progress(snapshot, max(20, width - 6))))
    facts = [
        ngettext("{n} process", "{n} processes", snapshot.workers).format(n=snapshot.workers)
        if snapshot.workers
        else "",
        _("{n} cores busy").format(n=f"{cores:.1f}") if cores is not None else "",
        _("{n} MB of memory").format(n=f"{memory / 1e6:,.0f}") if memory is not None else "",
        _("{n} pieces reused").format(n=f"{snapshot.reused:,}") if snapshot.reused else "",
    ]
    lines.append(Content.styled("    " + " · ".join(fact for fact in facts if fact), "dim"))
    lines += [Content(""), *_decided(snapshot, width)]
    return lines


def _progress(snapshot: RunSnapshot, width: int) -> str:
    total = snapshot.total
    if total is None and snapshot.eta is not None:
        total = snapshot.done + max(1, round(snapshot.rate * snapshot.eta))
    parts = [_("{done} of {total} {unit}") if snapshot.total else _("{done} {unit}")]
    said = parts[0].format(done=f"{snapshot.done:,}", total=f"{snapshot.total or 0:,}", unit=display(snapshot.unit))
    if snapshot.rate:
        said += ", " + _("{n}/s").format(n=f"{snapshot.rate:,.0f}")
    if snapshot.eta and snapshot.eta >= 0.1:
        said += ", " + _("{time} left").format(time=duration(snapshot.eta))
    if not total:
        return said
    room = max(6, min(30, width - len(said) - 2))
    return f"{bar(min(1.0, snapshot.done / total), room)}  {said}"


def _decided(snapshot: RunSnapshot, width: int) -> list[Content]:
    """Decisions up to now, by stage and reason."""
    by_stage: dict[str, list[tuple[str, int]]] = {name: [] for name in snapshot.stages}
    for key, count in snapshot.decided.items():
        stage, _slash, reason = key.partition("/")
        by_stage.setdefault(stage, []).append((reason, count))
    lines = []
    for stage, reasons in by_stage.items():
        total = sum(count for _reason, count in reasons)
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons, key=lambda item: -item[1]))
        number = f"{total:,}" if total else ""
        lines.append(
            Content.assemble(
                "  ",
                (cell(stage, 18), "bold" if total else "dim"),
                f"{number:>9}  ",
                (cell(told, max(1, width - 34)), "dim"),
            )
        )
    return lines


def finished_lines(summary: Mapping[str, Any], width: int) -> list[Content]:
    """The funnel of a finished run."""
    counts = summary.get("counts") or {}
    lines = []
    if counts:
        names = {"kept": _("kept"), "dropped": _("dropped"), "quarantined": _("no record"), "blank": _("blank")}
        parts = " + ".join(f"{name} {counts.get(key, 0):,}" for key, name in names.items())
        lines.append(
            Content.assemble("  ", (_("read {n}").format(n=f"{counts.get('read', 0):,}"), "bold"), f" = {parts}")
        )
        lines.append(Content(""))
    heads = (_("records"), _("dropped"), _("edited"), _("flagged"))
    lines.append(Content.styled("  " + cell("", 22) + "".join(cell(head, 10, right=True) for head in heads), "dim"))
    for stage in summary.get("stages", ()):
        lines.extend(_stage(stage, width))
    return lines


def _stage(stage: Mapping[str, Any], width: int) -> list[Content]:
    marks = {"drop": "-", "edit": "~", "flag": "?", "annotate": "·"}
    numbers = "".join(f"{stage[key]:>10,}" if stage[key] else " " * 10 for key in ("dropped", "edited", "flagged"))
    wide = width >= 78
    lines = [Content.assemble("  ", (cell(stage["stage"], 22), "bold"), f"{stage['records_in']:>10,}", numbers)]
    for item in stage.get("reasons", ()):
        text = f"{marks.get(item['action'], ' ')} {item['reason']}"
        lines.append(Content.styled("    " + cell(text, 36 if wide else 28) + f"{item['count']:>8,}", "dim"))
    return lines


def side_by_side(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]], width: int) -> list[Content]:
    """The funnels of two runs: stages in the order of the first, then those only the second has."""
    mine = {stage["stage"]: stage for stage in left}
    other = {stage["stage"]: stage for stage in right}
    names = [*mine, *(name for name in other if name not in mine)]
    room = max(10, min(24, width - 48))
    head = cell("", room) + "".join(cell(text, 11, right=True) for text in (_("records"), _("dropped")))
    lines = [
        Content.styled(head + "  │" + "".join(cell(t, 11, right=True) for t in (_("records"), _("dropped"))), "dim")
    ]
    for name in names:
        a, b = mine.get(name), other.get(name)
        mark = "+" if a is None else "-" if b is None else "~" if _counts(a) != _counts(b) else " "
        style = "" if mark == " " else "bold"
        lines.append(Content.assemble((mark, style), (cell(name, room - 1), style), _two(a), "  │", _two(b)))
    return lines


def _counts(stage: Mapping[str, Any]) -> tuple[int, int, int]:
    return stage["records_in"], stage["dropped"], stage["edited"]


def _two(stage: Mapping[str, Any] | None) -> str:
    return " " * 22 if stage is None else f"{stage['records_in']:>11,}{stage['dropped']:>11,}"
