"""What preflight found, as the Train screen shows it: findings, lengths, memory, and the tokens of single records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _, ngettext
from studio.tui.text import cell, line
from studio.tui.widgets.charts import bar, columns

_LEVELS = {"block": ("✗", "$text-error"), "warn": ("!", "$text-warning"), "note": ("·", "dim")}
_TOKENS_SHOWN = 3000


def report_content(report: Mapping[str, Any], width: int) -> Content:
    """Whether it may start, what is wrong, how long the records are, and what it will take."""
    lines = [_verdict(report), *_figures(report)]
    for finding in report["findings"]:
        lines += ["", *_finding(finding)]  # type: ignore[list-item]
    lines += ["", *_lengths(report.get("lengths") or {}, width)]  # type: ignore[list-item]
    lines += ["", *_memory(report.get("memory", {}), width)]  # type: ignore[list-item]
    return Content("\n").join(Content(each) if isinstance(each, str) else each for each in lines)


def _verdict(report: Mapping[str, Any]) -> Content:
    blocking = sum(each["level"] == "block" for each in report["findings"])
    warnings = sum(each["level"] == "warn" for each in report["findings"])
    if blocking:
        said = ngettext("✗ {n} finding stops the run", "✗ {n} findings stop the run", blocking)
        return Content.styled(said.format(n=blocking), "bold $text-error")
    if warnings:
        said = ngettext("✓ it can be trained; {n} warning", "✓ it can be trained; {n} warnings", warnings)
        return Content.styled(said.format(n=warnings), "bold $text-warning")
    return Content.styled(_("✓ nothing is in the way"), "bold $text-success")


def _figures(report: Mapping[str, Any]) -> Iterator[Content]:
    tokens, trained = report["tokens"], report["trained_tokens"]
    share = trained / tokens if tokens else 0
    yield Content(
        _("{n} records, {held} held out, {steps} steps").format(
            n=f"{report['records']:,}", held=f"{report['validation']:,}", steps=f"{report['steps']:,}"
        )
    )
    said = _("{trained} of {all} tokens are trained").format(trained=f"{trained:,}", all=f"{tokens:,}")
    yield Content.assemble((bar(share, 20), "$text-primary"), f" {share:.0%}  ", said)


def _finding(finding: Mapping[str, Any]) -> Iterator[Content]:
    mark, style = _LEVELS.get(finding["level"], _LEVELS["note"])
    head = [(f"{mark} ", style), (display(finding["reason"], limit=60), f"bold {style}")]
    if finding["records"]:
        said = ngettext("{n} record", "{n} records", finding["records"]).format(n=f"{finding['records']:,}")
        head.append((f"  {said}", "dim"))
    yield Content.assemble(*head)
    yield Content.assemble("  ", line(finding["message"], limit=600))
    if finding.get("shown"):
        example = f"{finding['example']}: " if finding.get("example") else ""
        yield Content.assemble(
            "  ", line(example, style="dim", limit=120), line(finding["shown"], style="italic", limit=200)
        )
    if finding.get("fix"):
        yield Content.assemble(("  → ", "$text-accent"), line(finding["fix"], limit=600))


def _lengths(lengths: Mapping[str, Any], width: int) -> Iterator[Content]:
    if not lengths.get("sequences"):
        return
    covers = lengths.get("covers") or {}
    told = " · ".join(f"{float(share):.0%}: {n:,}" for share, n in covers.items())
    yield from columns(
        _("Tokens of a record"),
        [(f"≤{_short(int(bound))}", n) for bound, n in _merged(lengths.get("histogram") or {}, max(2, width // 6))],
        width,
        4,
    )
    yield Content.styled(_("a max_length that holds {told}").format(told=told), "dim") if told else Content("")


def _merged(histogram: Mapping[str, int], most: int) -> list[tuple[int, int]]:
    """Neighbours put together until at most `most` buckets are left, without the empty ones before the first."""
    bars = sorted((int(bound), count) for bound, count in histogram.items())
    first = next((number for number, (_bound, count) in enumerate(bars) if count), 0)
    bars = bars[max(0, first - 1) :]
    while len(bars) > most:
        pairs = [bars[n : n + 2] for n in range(0, len(bars), 2)]
        bars = [(pair[-1][0], sum(count for _bound, count in pair)) for pair in pairs]
    return bars


def _short(number: int) -> str:
    return f"{number / 1000:.0f}k" if number >= 10_000 else str(number)


def _memory(memory: Mapping[str, Any] | None, width: int) -> Iterator[Content]:
    """None: it is being estimated; empty: it cannot be."""
    if memory is None:
        yield Content.assemble((_("Memory"), "bold"), "  " + _("is being estimated …"))
    if not memory:
        return
    total = memory["total"]
    said = _("about {n} needed, {free} free").format(n=_bytes(total), free=_bytes(memory["free"]))
    if not memory["measured_here"]:
        said += ", " + _("a mere estimate")
    yield Content.assemble((_("Memory"), "bold"), f"  {said}")
    if not memory["fits"]:
        yield Content.styled("! " + _("it does not fit"), "bold $text-error")
    room = max(4, min(30, width - 30))
    for each in memory["components"]:
        drawn = bar(each["size"] / max(total, 1), room)
        yield Content.assemble(
            "  ", cell(each["name"], 14), (drawn, "$text-primary"), (f" {_bytes(each['size'])}", "dim")
        )
    for each in memory["suggestions"]:
        settings = " ".join(f"--set {setting}" for setting in each["settings"])
        said = f"{settings}: {_bytes(each['needs'])}; {each['price']}"
        yield Content.assemble(("  → ", "$text-accent"), line(said, limit=300))


def _bytes(number: float) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if number >= unit:
            return f"{number / unit:,.{2 if name == 'GB' else 0}f} {name}"
    return f"{number / 1e3:,.0f} kB"


# Tokens


def records_of(report: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The records whose tokens the report holds."""
    return report.get("shown") or ()


def tokens_content(records: Sequence[Mapping[str, Any]], place: int) -> Content:
    """The tokens of one record: trained ones between ‹ and ›, bold and coloured, masked ones dim. Control characters are
    shown as their codes, ↵ is a line break.
    """
    if not records:
        return Content.styled(_("There are no tokens to show."), "dim")
    record = records[place % len(records)]
    tokens = [(str(each[0]), bool(each[1])) for each in record["tokens"]]
    trained = sum(is_trained for _text, is_trained in tokens)
    head = _("{place} of {n} · {id} · {trained} of {all} tokens trained").format(
        place=place % len(records) + 1,
        n=len(records),
        id=display(f"{record['record_id']} {record.get('part', '')}".strip(), limit=80),
        trained=f"{trained:,}",
        all=f"{len(tokens):,}",
    )
    parts = [Content.styled(head, "bold"), Content("\n")]
    parts += [Content.styled(_("‹trained› masked"), "dim"), Content("\n\n")]
    for text, is_trained in _stretches(tokens[:_TOKENS_SHOWN]):
        shown = display(text, limit=20_000, lines=True).replace("\t", "    ")
        parts.append(Content.styled(f"‹{shown}›", "bold $text-success") if is_trained else Content.styled(shown, "dim"))
    if len(tokens) > _TOKENS_SHOWN:
        parts.append(Content(_("… {n} more tokens").format(n=len(tokens) - _TOKENS_SHOWN)))
    return Content("").join(parts)


def _stretches(tokens: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Neighbouring tokens of one kind as one text."""
    text, kind = "", False
    for piece, is_trained in tokens:
        if is_trained != kind and text:
            yield text, kind
            text = ""
        text, kind = text + piece, is_trained
    if text:
        yield text, kind
