"""The end of a generation, told: the law, why items are not in the dataset, what is covered, what it cost, what is next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from studio.cli.generate_words import law
from studio.cli.output import table
from studio.cli.progress import duration
from studio.cli.summary import shell, shorter
from studio.display import display
from studio.runs.folder import RunFolder, reference


def tell_generate(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """The summary of a generation, for people."""
    blocks = [_law(summary), _reasons(summary), _covered(folder), _spent(summary), _next(folder, summary)]
    return "\n\n".join(block for block in blocks if block)


def _law(summary: Mapping[str, Any]) -> str:
    """The law, and what it does not count: items that nobody asked about yet."""
    left = summary["counts"]["left"]
    return law(summary["counts"]) + (f"\nleft {left:,}: nobody asked for them yet" if left else "")


def _reasons(summary: Mapping[str, Any]) -> str:
    from curation.synthesis.reasons import REASONS

    rows = [[f"  {reason}", f"{count:,}", REASONS.get(reason, "")] for reason, count in summary["reasons"].items()]
    return "Not in the dataset:\n" + table(rows, right=(1,)) if rows else ""


def _covered(folder: RunFolder) -> str:
    """What of the documents, or how many of the seeds and records, stands behind accepted items."""
    from curation.synthesis.coverage import coverage

    found = coverage(folder.path)
    lines = []
    if found.documents:
        lines.append(
            f"Accepted items are about {found.documents_with:,} of {len(found.documents):,} documents and "
            f"{found.chunks_with:,} of {found.chunks:,} chunks; quotes cover {found.share:.1%} of the text."
        )
        lines.append(f"Balance over topics {found.topic_balance:.2f}, over question types {found.type_balance:.2f}.")
    elif found.origins:
        lines.append(f"Accepted items were made from {found.origins_with:,} of {found.origins:,} records.")
    if found.languages:
        lines.append("Languages: " + ", ".join(f"{display(name)} {n:,}" for name, n in found.languages.items()) + ".")
    return "\n".join(lines)


def _spent(summary: Mapping[str, Any]) -> str:
    """What all legs came to, the judge included: answers that were in a ledger before cost nothing."""
    lines, spent = [], summary["spent"]
    if spent is not None:
        who = " and ".join(dict.fromkeys(name for name in (summary["model"], summary["judge"]) if name))
        tokens = f"{spent['prompt_tokens']:,} tokens asked, {spent['completion_tokens']:,} answered"
        money = f", {spent['money']:,.6g} in money" if spent["money"] else ""
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in spent["failures"].items())
        failures = f"; failed: {kinds}" if kinds else ""
        lines.append(display(f"{who}: {spent['attempts']:,} requests, {tokens}{money}{failures}"))
    if summary["given_up"]:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in summary["given_up"].items())
        lines.append(f"No more was asked after failures in a row: {kinds}.")
    if summary["seconds"] is not None:
        lines.append(f"Took {duration(summary['seconds'])}.")
    return "\n".join(lines)


def _next(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    run, counts = reference(folder), summary["counts"]
    rows: list[list[object]] = [
        ["dataset", shorter(output["path"]), f"{output['records']:,} records, {output['bytes']:,} bytes"]
        for output in summary["outputs"]
    ]
    if summary.get("out"):
        rows.append(["copy", shorter(summary["out"])])
    item = next(iter(first_items(folder, accepted=bool(counts["accepted"]))), "ITEM")
    lines = [f"studio why {run} {shell(item)}"]
    lines += [f"studio curate {shell(shorter(summary['outputs'][0]['path']))}"] if counts["accepted"] else []
    lines += [f"studio generate --resume {run}"] if counts["left"] or _may_pass(summary) else []
    return table(rows) + "\n\nNext:\n" + "\n".join(f"  {line}" for line in lines)


def first_items(folder: RunFolder, *, accepted: bool) -> Iterator[str]:
    """Ids of items, accepted ones or the others, in their order."""
    from curation.synthesis.publish import Finalised

    each = Finalised.read(folder.path).each()
    yield from (item.item_id for *_, item in each if (item.status == "accepted") == accepted)


def _may_pass(summary: Mapping[str, Any]) -> bool:
    from curation.synthesis.reasons import PASSING

    return any(reason in PASSING for reason in summary["reasons"])
