"""What preflight found, as text for a terminal: findings, lengths, and the tokens of single records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from studio.cli.output import table
from studio.display import display

if TYPE_CHECKING:
    from training.preflight import Finding, Lengths, Report
    from training.preflight.show import Shown

_LEVELS = {"block": "✗ stops the run", "warn": "! warning", "note": "· note"}
_BAR = 30
_TRAINED, _MASKED, _RESET = "\x1b[1;32m", "\x1b[2m", "\x1b[0m"


def report_text(report: Report, template: str) -> str:
    """The whole report: figures, lengths, findings, and whether it may start."""
    share = report.trained_tokens / report.tokens if report.tokens else 0.0
    figures = [
        ["records", f"{report.records:,}, and {report.validation:,} held out"],
        ["template", template],
        ["tokens", f"{report.tokens:,} an epoch, {report.trained_tokens:,} of them trained ({share:.0%})"],
        ["steps", f"{report.steps:,}"],
    ]
    if report.isolation is not None:
        figures.append(["packing", f"logits differ by {report.isolation:.2g} from those of each record alone"])
    blocks = [table(figures), *_lengths(report.lengths), *map(_finding, report.findings), _verdict(report)]
    return "\n\n".join(blocks)


def _lengths(lengths: Lengths) -> Iterator[str]:
    if not lengths.sequences:
        return
    held = ", ".join(f"{float(share):.0%} of them: {tokens:,}" for share, tokens in lengths.covers.items())
    most = max(lengths.histogram.values())
    rows = [
        [f"≤ {bound:,}", f"{count:,}", "#" * -(-_BAR * count // most)] for bound, count in lengths.histogram.items()
    ]
    head = (
        f"Lengths: {lengths.least:,} to {lengths.most:,} tokens, median {lengths.median:,}, mean {lengths.mean:,.0f}.\n"
        f"A max_length that holds {held}."
    )
    yield f"{head}\n{table(rows, ('tokens', 'records', ''), right=(0, 1))}"


def _finding(finding: Finding) -> str:
    level = "✗ allowed" if finding.allowed else _LEVELS[finding.level]
    count = f" ({finding.records:,} record{'' if finding.records == 1 else 's'})" if finding.records else ""
    lines = [f"{level}: {finding.reason}{count}", f"  {display(finding.message)}"]
    if finding.shown:
        where = f"{display(finding.example)}: " if finding.example else ""
        lines.append(f"  {where}{display(finding.shown)}")
    return "\n".join([*lines, f"  → {display(finding.fix)}"])


def _verdict(report: Report) -> str:
    blocking = [one.reason for one in report.findings if one.blocks]
    if blocking:
        allow = " ".join(f"--allow {reason}" for reason in dict.fromkeys(blocking))
        return f"✗ This would not be trained. To train all the same: {allow}"
    warnings = sum(one.level == "warn" for one in report.findings)
    if warnings:
        return f"✓ It can be trained; {warnings} warning{'' if warnings == 1 else 's'}."
    return "✓ Nothing is in the way."


def tokens_text(shown: Shown, *, coloured: bool) -> str:
    """One sequence, its trained tokens between ‹ and ›; coloured ones bold and green too, masked ones dim. Whatever the
    record holds is made harmless; line breaks stand as they are.
    """
    part = f", {shown.part}" if shown.part else ""
    cut = f", {shown.cut:,} over max_length" if shown.cut else ""
    lines = [f"{display(shown.record_id)}{part}: {shown.trained:,} of {len(shown.tokens):,} tokens are trained{cut}"]
    pieces = []
    for run in shown.runs():
        text = display(run.text, lines=True)
        text = f"‹{text}›" if run.trained else text
        pieces.append(f"{_TRAINED if run.trained else _MASKED}{text}{_RESET}" if coloured else text)
    return "\n".join([*lines, "".join(pieces)])
