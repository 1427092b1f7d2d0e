"""The end of a training run, told: losses before and after, what it took, where the result is, what is next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from studio.cli.output import table
from studio.cli.progress import duration
from studio.display import display
from studio.runs.folder import RunFolder, reference

_SPLITS = {"validation": "held out", "retention": "general (forgetting)"}


def tell_train(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    """The summary of a finished training run, for people."""
    return "\n\n".join([losses(summary), _effort(summary), _next(folder, summary)])


def losses(summary: Mapping[str, Any]) -> str:
    """A table of losses with perplexities: base, fine-tuned, difference."""
    base, tuned = summary["losses"]["base"], summary["losses"]["tuned"]
    rows: list[list[object]] = []
    for split, after in tuned.items():
        before = base.get(split)
        known = before is not None
        rows.append(
            [
                _SPLITS.get(split, split),
                f"{before:.4f}" if known else "",
                f"{after:.4f}",
                f"{after - before:+.4f}" if known else "",
                f"{_perplexity(before)} to {_perplexity(after)}" if known else _perplexity(after),
            ]
        )
    return table(rows, ("loss", "base", "tuned", "change", "perplexity"), right=(1, 2, 3))


def _perplexity(loss: float) -> str:
    return f"{math.exp(loss):,.1f}" if loss < 20 else "more than 10^8"


def _effort(summary: Mapping[str, Any]) -> str:
    rate = summary["tokens"] / summary["seconds"] if summary["seconds"] else 0.0
    return (
        f"{display(summary['model'])}, {summary['method']}: {summary['steps']:,} steps, {summary['epochs']:g} epochs of "
        f"{summary['records']:,} records, {summary['tokens']:,} tokens in {duration(summary['seconds'])} "
        f"({rate:,.0f} tokens/s, with loading and measuring)"
    )


def _next(folder: RunFolder, summary: Mapping[str, Any]) -> str:
    run = reference(folder)
    rows: list[list[object]] = [
        ["result", display(summary["weights"])],
        ["SHA-256", summary["weights_sha256"]],
        ["longer", f"studio train --resume {run} --max-steps {summary['steps'] * 2}"],
        ["otherwise", f"studio train --clone {run} --set optimizer.learning_rate=…"],
    ]
    return table(rows)
