"""The end of a run, told: the funnel by stage and reason, the law with its numbers, where things are, what is next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.cli.output import table
from studio.cli.progress import duration
from studio.display import display
from studio.runs.folder import RunFolder, reference

_VERBS = {"drop": "dropped", "edit": "edited", "flag": "flagged", "annotate": "annotated"}


def funnel(summary: Mapping[str, Any]) -> str:
    """A table with a line a stage, and under it one a reason."""
    rows: list[list[object]] = []
    for stage in summary["stages"]:
        rows.append(
            [
                stage["stage"],
                f"{stage['records_in']:,}",
                *(f"{stage[column]:,}" for column in ("dropped", "edited", "flagged")),
            ]
        )
        for item in stage["reasons"]:
            counts = [f"{item['count']:,}" if item["action"] == a else "" for a in ("drop", "edit", "flag")]
            note = f" ({item['count']:,} annotated)" if item["action"] == "annotate" else ""
            rows.append([f"  {item['reason']}{note}", "", *counts])
    return table(rows, ("stage", "records", "dropped", "edited", "flagged"), right=(1, 2, 3, 4))


def law(counts: Mapping[str, int]) -> str:
    """`read 199 = kept 180 + dropped 19 + quarantined 0 + blank 0`, or where the sum is not true, that."""
    parts = ("kept", "dropped", "quarantined", "blank")
    holds = counts["read"] == sum(counts[part] for part in parts)
    total = " + ".join(f"{part} {counts[part]:,}" for part in parts)
    return f"read {counts['read']:,} {'=' if holds else 'IS NOT'} {total}"


def quarantine(summary: Mapping[str, Any]) -> str:
    """Why lines were no record, with a sentence for each reason; "" when every line was one."""
    if not summary["quarantine"]:
        return ""
    from curation.formats import FORMAT_REASONS
    from curation.readers import QUARANTINE_REASONS

    sentences = {**QUARANTINE_REASONS, **FORMAT_REASONS}
    rows = [[f"  {reason}", f"{count:,}", sentences.get(reason, "")] for reason, count in summary["quarantine"].items()]
    return "Quarantined lines (no record, kept apart):\n" + table(rows, right=(1,))


def places(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """Where the dataset, the report, the ledger and the quarantined lines are."""
    rows: list[list[object]] = []
    for output in summary["outputs"]:
        size = f"{output['records']:,} records, {output['bytes']:,} bytes"
        rows.append(["dataset", shorter(output["path"]), f"{output['split']}: {size}"])
    for name, file in (("report", "report.html"), ("ledger", "ledger"), ("quarantine", "quarantine.jsonl")):
        path = folder.path / file
        if path.exists() and not (name == "quarantine" and not summary["counts"]["quarantined"]):
            rows.append([name, shorter(path)])
    return table(rows)


def next_commands(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """Two or three commands that make sense now."""
    run = reference(folder)
    lines = [f"studio why {run} {shell(_telling_record(folder, summary))}"]
    if summary["counts"]["dropped"]:
        lines.append(f"studio curate --resume {run} --set STAGE.PARAMETER=VALUE")
    lines.append(f"studio runs show {run}")
    return "Next:\n" + "\n".join(f"  {line}" for line in lines)


def _telling_record(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """A record whose story is worth reading: the first one dropped, else the first one there is."""
    first = next((f"{source['source']}:1" for source in summary["sources"] if source["records"]), "RECORD")
    if not summary["counts"]["dropped"]:
        return first
    import polars as pl

    for part in sorted((folder.path / "ledger").glob("part-*.parquet"))[:8]:
        dropped = pl.scan_parquet(part, glob=False).filter(pl.col("action") == "drop").head(1).collect()
        if dropped.height:
            return str(dropped["record_id"][0])
    return first


def tell(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """All of it, in the order in which one wants to know."""
    if summary.get("kind") == "train":
        from studio.cli.train_summary import tell_train

        return tell_train(folder, summary)
    if summary.get("kind") == "compare":
        from studio.cli.compare_summary import tell_compare

        return tell_compare(folder, summary)
    if summary.get("kind") == "generate":
        from studio.cli.generate_summary import tell_generate

        return tell_generate(folder, summary)
    if summary.get("kind") == "experiment":
        from studio.cli.experiment import tell_experiment

        return tell_experiment(dict(summary), shorter(folder.path / "report.md"))
    if summary.get("kind") == "map":
        from studio.cli.map import tell_map

        return tell_map(folder, summary)
    if summary.get("kind") == "export":
        from studio.cli.export_words import tell_export

        return tell_export(summary)
    blocks = [
        funnel(summary),
        law(summary["counts"]),
        quarantine(summary),
        "\n".join(f"Warning: {display(text)}" for text in summary["warnings"]),
        places(folder, summary),
        f"Took {duration(summary['seconds'])}.",
        next_commands(folder, summary),
    ]
    return "\n\n".join(block for block in blocks if block)


def shell(word: str) -> str:
    """`word` as one word of a shell."""
    import shlex

    return shlex.quote(word)


def shorter(path: str | Path) -> str:
    """The path from here where that is shorter, else as it is."""
    whole = Path(path).absolute()
    try:
        return str(whole.relative_to(Path.cwd()))
    except ValueError:
        return str(whole)
