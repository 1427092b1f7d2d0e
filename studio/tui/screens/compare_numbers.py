"""What a comparison comes to, from its facts: the conclusion, then votes, judge, losses, small tasks, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _, ngettext
from studio.tui.screens.compare_frames import label_of, short_label
from studio.tui.text import cell, hanging, line

if TYPE_CHECKING:
    from studio.runs.compared import CompareSnapshot

Facts = Mapping[str, Any]
_NAMES = 24
_STYLES = {"better": ("✓", "$text-success"), "worse": ("✗", "$text-error")}


def numbers_content(facts: Facts, snapshot: CompareSnapshot, width: int) -> Content:
    """All of it, in lines of `width` cells. What is not there yet is not spoken of."""
    names = _sides(facts, snapshot)
    lines = [*_conclusion(facts, names, width)]
    for part in (
        _votes(facts, names, width),
        _judge(facts, names, width),
        _heldout(facts, names, width),
        _forgetting(facts, names, width),
        _rubrics(facts, width),
        _scores(facts, width),
        _answers(facts, names),
        _caveats(facts, width),
    ):
        found = list(part)
        lines += [Content(""), *found] if found else []
    return Content("\n").join(lines)


def _sides(facts: Facts, snapshot: CompareSnapshot) -> tuple[str, str]:
    told = facts.get("sides") or {}
    a, b = (
        short_label(str(told[side].get("label") or ""), str(told[side].get("name") or ""))
        if told.get(side)
        else label_of(snapshot, side)
        for side in ("a", "b")
    )
    return display(a, limit=30), display(b if a != b else f"{b} (B)", limit=34)


# The conclusion


def _conclusion(facts: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    found = facts["conclusion"]
    mark, style = _STYLES.get(found["verdict"], ("≈", "$text-warning"))
    fits = {  # a loss says no more than that
        "better": _("{b} fits the held-out records better than {a}"),
        "worse": _("{b} fits the held-out records worse than {a}"),
    }
    is_ = {"better": _("{b} is better than {a}"), "worse": _("{b} is worse than {a}")}
    said = (fits if found["by"] == "loss" else is_).get(
        found["verdict"], _("Not shown: neither that {b} is better than {a}, nor that it is worse")
    )
    yield from hanging(Content.styled(f"{mark} {said.format(a=names[0], b=names[1])}", f"bold {style}"), width, 2)
    by = {
        "votes": _("decided by blind votes"),
        "judge": _("decided by the judge"),
        "loss": _("decided by the held-out loss"),
    }.get(found["by"], _("nothing was measured that could show it"))
    counts = facts["counts"]
    count = ngettext("{n} prompt answered", "{n} prompts answered", counts["answered"])
    same = counts["identical"]
    identical = ngettext("{n} pair is equal", "{n} pairs are equal", same).format(n=f"{same:,}") if same else ""
    told = [by, count.format(n=f"{counts['answered']:,}"), identical]
    yield from hanging(Content.styled("  " + " · ".join(word for word in told if word), "dim"), width, 2)


# Votes and judge


def _votes(facts: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    found = facts.get("votes")
    if not found:
        return
    tally = found["tally"]
    yield _heading(_("Blind votes"), ngettext("{n} vote", "{n} votes", tally["votes"]).format(n=f"{tally['votes']:,}"))
    if tally["sealed"]:
        said = ngettext("{n} vote is sealed", "{n} votes are sealed", tally["sealed"]).format(n=f"{tally['sealed']:,}")
        told = _("{said} until its voter is done; R opens yours").format(said=said)
        yield from hanging(Content.styled(f"  {told}", "$text-warning"), width, 2)
    if tally["votes"]:
        parts = [
            (names[0], tally["a"]),
            (names[1], tally["b"]),
            (_("as good"), tally["tie"]),
            (_("both bad"), tally["bad"]),
        ]
        yield _counts(parts)
        yield from _preference(found["preference"], facts, names, width)


def _judge(facts: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    found = facts.get("judge")
    if not found:
        return
    preference = found["preference"]
    yield _heading(_("Judge"), display(", ".join(found["names"]), limit=80))
    yield _counts([(names[0], preference["a"]), (names[1], preference["b"]), (_("as good"), preference["ties"])])
    yield from _preference(preference, facts, names, width)
    if found["failed"]:
        said = ngettext("{n} prompt without a verdict", "{n} prompts without a verdict", found["failed"])
        kinds = ", ".join(f"{kind} {count}" for kind, count in found["failures"].items())
        yield line(f"  ! {said.format(n=found['failed'])}: {kinds}", style="$text-warning", limit=300)
    agreed = facts.get("agreement")
    if agreed and agreed.get("kappa") is not None:
        between = _between(agreed.get("kappa_interval"), lambda value: f"{value:+.2f}")
        said = _("with the votes it agrees by kappa {k}").format(k=f"{agreed['kappa']:+.2f}")
        yield from hanging(Content(f"  {said} {between}".rstrip()), width, 2)


def _preference(found: Facts, facts: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    if not found["prompts"]:
        return
    yield _interval(_("win rate of {b}").format(b=names[1]), found["rate"], found["interval"], width)
    if found["a"] + found["b"]:
        yield _interval(_("without ties"), found["decisive_rate"], found["decisive_interval"], width)
    length = found["length"]
    if length["rate"] is not None:
        yield _interval(_("at the same length"), length["rate"], length["interval"], width)
    said = [_("sign test p = {p}").format(p=_p(found["p"]))]
    if found["p"] >= 1 - facts["confidence"] and found["needed"]:
        said.append(_("about {n} more votes would show a difference as large").format(n=f"{found['needed']:,}"))
    yield from hanging(Content.styled("  " + " · ".join(said), "dim"), width, 2)


def _interval(name: str, value: float, interval: Sequence[float] | None, width: int) -> Content:
    """`win rate of tuned  67 %  47 to 83 %  ··├──●──┤··`, with a line at a half."""
    between = _between(interval, lambda part: f"{part:.0%}")
    head = f"  {cell(name, _NAMES)} {value:>5.0%} {cell(between, 15)} "
    room = width - len(head) - 2
    if interval is None or room < 12:
        return Content(head)
    style = "$text-success" if interval[0] > 0.5 else "$text-error" if interval[1] < 0.5 else "$text-warning"
    return Content.assemble(head, (span(interval[0], value, interval[1], min(40, room)), style))


def span(low: float, value: float, high: float, width: int, middle: float = 0.5) -> str:
    """An interval of 0 to 1 in `width` cells: its ends, the value, and the middle as a dotted line."""
    places = [max(0, min(width - 1, round(each * (width - 1)))) for each in (low, value, high, middle)]
    drawn = ["·"] * width
    drawn[places[3]] = "┊"
    for place in range(places[0], places[2] + 1):
        drawn[place] = "┼" if place == places[3] else "─"
    if places[0] != places[2]:
        drawn[places[0]], drawn[places[2]] = "├", "┤"
    drawn[places[1]] = "●"
    return "".join(drawn)


# Losses and small tasks


def _heldout(facts: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    found = facts.get("heldout")
    if found:
        count = ngettext("{n} record", "{n} records", found["records"]).format(n=f"{found['records']:,}")
        yield _heading(_("Loss on held-out records"), count)
        yield from _loss(found, names, width)


def _loss(found: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    better = found["difference"] < 0
    style = "$text-success" if better else "$text-warning"
    unit = _("nats a token") if found["unit"] == "nats a token" else _("bits a byte")
    between = _between(found["interval"], lambda value: f"{value:+.3f}")
    both = Content(f"  {names[0]} {found['a']:.3f} → {names[1]} {found['b']:.3f} {unit}")
    change = Content.styled(f"  {'↓' if better else '↑'} {found['difference']:+.3f} {between}".rstrip(), style)
    if both.cell_length + change.cell_length <= width:
        yield both + change
    else:
        yield from (both.truncate(width, ellipsis=True), change)
    if found["perplexity"]:
        a, b = found["perplexity"]
        said = _("perplexity {a} → {b}").format(a=f"{a:,.2f}", b=f"{b:,.2f}")
        lower = _("lower on {n} of {all} records").format(n=f"{found['lower']:,}", all=f"{found['records']:,}")
        yield Content.styled(f"  {said} · {lower}", "dim")


def _forgetting(facts: Facts, names: tuple[str, str], width: int) -> Iterator[Content]:
    found = facts.get("forgetting")
    if not found or found["verdict"] == "not measured":
        return
    words = {"forgot": _("it forgot"), "kept": _("nothing forgotten"), "not shown": _("not shown")}
    styles = {"forgot": "$text-error", "kept": "$text-success"}
    verdict = found["verdict"]
    said = (words.get(verdict, display(verdict)), styles.get(verdict, "$text-warning"))
    yield Content.assemble((_("What it could do before"), "bold $text-accent"), "  ", said)
    if found["loss"]:
        yield Content.styled("  " + _("loss on general questions"), "dim")
        yield from _loss(found["loss"], names, width)
    for suite in found["suites"]:
        name = cell(f"{suite['suite']} {suite['language']}", _NAMES)
        between = _between(suite["interval"], lambda value: f"{value:+.0%}")
        yield line(
            f"  {name} {suite['a']:>4.0%} → {suite['b']:>4.0%}  {suite['difference']:+.0%} {between}", limit=width * 2
        )


def _rubrics(facts: Facts, width: int) -> Iterator[Content]:
    found = facts.get("rubrics") or ()
    if found:
        yield _heading(_("Scores by the judge"), "")
    for one in found:
        yield _paired(display(one["rubric"], limit=60), one, width)


def _scores(facts: Facts, width: int) -> Iterator[Content]:
    found = facts.get("scores") or ()
    if found:
        yield _heading(_("Against the answers of the data"), "")
    for one in found:
        yield _paired(display(one["score"], limit=60), one, width)


def _paired(name: str, one: Facts, width: int) -> Content:
    if one["a"] is None:
        return Content(f"  {cell(name, _NAMES)} —")
    between = _between(one["interval"], lambda value: f"{value:+.3f}")
    numbers = f"{one['a']:.3f} → {one['b']:.3f}  {one['difference']:+.3f} {between}"
    return Content(cell(f"  {cell(name, _NAMES)} {numbers}", width).rstrip())


def _answers(facts: Facts, names: tuple[str, str]) -> Iterator[Content]:
    yield _heading(_("Answers"), "")
    for side, name in zip(("a", "b"), names, strict=True):
        one = facts["answers"][side]
        if not one["answers"]:
            continue
        parts = [_("{n} tokens").format(n=f"{one['tokens'] / one['answers']:,.0f}")]
        if one["tokens_per_second"]:
            parts.append(_("{n}/s").format(n=f"{one['tokens_per_second']:,.1f}"))
        if one["cut"]:
            parts.append(_("{n} cut at the limit").format(n=f"{one['cut']:,}"))
        if one["empty"]:
            parts.append(_("{n} empty").format(n=f"{one['empty']:,}"))
        yield Content(f"  {cell(name, _NAMES)} " + " · ".join(parts))


def _caveats(facts: Facts, width: int) -> Iterator[Content]:
    found = facts["conclusion"]["caveats"]
    if found:
        yield _heading(_("What has to be known besides"), "")
    for each in found:
        yield from hanging(Content.assemble(("  ! ", "$text-warning"), line(each, limit=600)), width, 4)


# Words


def _heading(name: str, more: str) -> Content:
    return Content.assemble((name, "bold $text-accent"), (f"  {more}" if more else "", "dim"))


def _counts(parts: Sequence[tuple[str, int]]) -> Content:
    return Content("  " + "   ".join(f"{name} {count:,}" for name, count in parts))


def _between(interval: Sequence[float] | None, form: Any) -> str:
    if not interval:
        return ""
    return "(" + _("{low} to {high}").format(low=form(interval[0]), high=form(interval[1])) + ")"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
