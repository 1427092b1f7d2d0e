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

_MARKS = {"drop": "-", "edit": "~", "flag": "?", "annotate": "·"}
_COLUMNS = {"drop": "dropped", "edit": "edited", "flag": "flagged"}  # actions that have a column of the funnel
_NUMBER = 10  # cells of such a column


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


def live_lines(
    snapshot: RunSnapshot, width: int, cores: float | None, memory: int | None, *, running: bool
) -> list[Content]:
    """A run that goes on, or has gone as far as this: one that is not running has no speed and no time left."""
    lines: list[Content] = []
    earlier = [Content.styled(cell(f"  ✓ {phase}", width), "dim") for phase in snapshot.phases[:-1]]
    lines.extend(earlier[-6:])
    if snapshot.phase:
        lines.append(Content.styled(cell(f"  ▸ {snapshot.phase}", width), "bold"))
        lines.append(Content("    ") + _progress(snapshot, max(20, width - 6), running=running))
        if snapshot.inside is not None and running:
            lines.append(Content.styled(cell(f"    {_inside(snapshot.inside)}", width), "dim"))
    facts = [
        ngettext("{n} process", "{n} processes", snapshot.workers).format(n=snapshot.workers)
        if snapshot.workers and running
        else "",
        _("{n} cores busy").format(n=f"{cores:.1f}") if cores is not None else "",
        _("{n} MB of memory").format(n=f"{memory / 1e6:,.0f}") if memory is not None else "",
        ngettext("{n} piece reused", "{n} pieces reused", snapshot.reused).format(n=f"{snapshot.reused:,}")
        if snapshot.reused
        else "",
    ]
    if any(facts):
        lines.append(Content.styled("    " + " · ".join(fact for fact in facts if fact), "dim"))
    lines += [Content(""), *_decided(snapshot, width)]
    return lines


def _progress(snapshot: RunSnapshot, width: int, *, running: bool) -> Content:
    total = snapshot.total
    if total is None and snapshot.eta is not None:
        total = snapshot.done + max(1, round(snapshot.rate * snapshot.eta))
    parts = [_("{done} of {total} {unit}") if snapshot.total else _("{done} {unit}")]
    said = parts[0].format(done=f"{snapshot.done:,}", total=f"{snapshot.total or 0:,}", unit=display(snapshot.unit))
    if snapshot.rate and running:
        said += ", " + _("{n}/s").format(n=f"{snapshot.rate:,.0f}")
    if snapshot.eta and snapshot.eta >= 0.1 and running:
        said += ", " + _("{time} left").format(time=duration(snapshot.eta))
    if not total:
        return Content(said)
    room = max(6, min(30, width - len(said) - 2))
    done = bar(min(1.0, snapshot.done / total), room).rstrip()
    return Content.assemble((done, "$text-primary"), ("░" * (room - len(done)), "dim"), f"  {said}")


def _inside(told: Mapping[str, Any]) -> str:
    """A stage that takes long, in the shards under way."""
    said = _("{done} of {total} {unit}").format(
        done=f"{told['done']:,}", total=f"{told['total']:,}", unit=display(told["unit"])
    )
    left = ", " + _("{time} left").format(time=duration(told["eta"])) if told["eta"] else ""
    return f"{display(told['stage'])}: {said}{left}"


def _decided(snapshot: RunSnapshot, width: int) -> list[Content]:
    """Decisions up to now, by stage and reason."""
    by_stage: dict[str, list[tuple[str, int]]] = {name: [] for name in snapshot.stages}
    for key, count in snapshot.decided.items():
        stage, _slash, reason = key.partition("/")
        by_stage.setdefault(stage, []).append((reason, count))
    lines = []
    for stage, reasons in by_stage.items():
        total = sum(count for _reason, count in reasons)
        told = ", ".join(f"{_marked(reason)} {count:,}" for reason, count in sorted(reasons, key=lambda item: -item[1]))
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


def _marked(reason: str) -> str:
    """`drop/too_short` as `- too_short`."""
    action, slash, name = reason.partition("/")
    return f"{_MARKS[action]} {name}" if slash and action in _MARKS else reason


def finished_lines(summary: Mapping[str, Any], width: int) -> list[Content]:
    """The funnel of a finished run."""
    counts = summary.get("counts") or {}
    lines = []
    if counts:
        names = {"kept": _("kept"), "dropped": _("dropped"), "quarantined": _("quarantined"), "blank": _("blank")}
        parts = " + ".join(f"{name} {counts.get(key, 0):,}" for key, name in names.items())
        lines.append(
            Content.assemble("  ", (_("read {n}").format(n=f"{counts.get('read', 0):,}"), "bold"), f" = {parts}")
        )
        lines.append(Content(""))
    room = max(10, min(32, width - 2 - 5 * _NUMBER))
    heads = (_("records"), _("dropped"), _("edited"), _("flagged"), _("noted"))
    drawn = "".join(cell(head, _NUMBER, right=True) for head in heads)
    lines.append(Content.styled("  " + cell("", room) + drawn, "dim"))
    for stage in summary.get("stages", ()):
        lines.extend(_stage(stage, room))
    return lines


def _stage(stage: Mapping[str, Any], room: int) -> list[Content]:
    """The stage, and each reason below it with its count in the column of what was done."""
    numbers = "".join(f"{stage[key]:>{_NUMBER},}" if stage[key] else " " * _NUMBER for key in _COLUMNS.values())
    lines = [
        Content.assemble("  ", (cell(stage["stage"], room), "bold"), f"{stage['records_in']:>{_NUMBER},}", numbers)
    ]
    for item in stage.get("reasons", ()):
        text = cell(f"{_MARKS.get(item['action'], ' ')} {item['reason']}", room + _NUMBER - 2)
        place = list(_COLUMNS).index(item["action"]) if item["action"] in _COLUMNS else len(_COLUMNS)
        lines.append(Content.styled(f"    {text}{' ' * _NUMBER * place}{item['count']:>{_NUMBER},}", "dim"))
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
        lines.append(Content.assemble((f"{mark} ", style), (cell(name, room - 2), style), _two(a), "  │", _two(b)))
    return lines


def _counts(stage: Mapping[str, Any]) -> tuple[int, int, int]:
    return stage["records_in"], stage["dropped"], stage["edited"]


def _two(stage: Mapping[str, Any] | None) -> str:
    return " " * 22 if stage is None else f"{stage['records_in']:>11,}{stage['dropped']:>11,}"
