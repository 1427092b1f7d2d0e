"""docs/benchmarks.md and the tables in both READMEs, made of benchmarks/results.json and nothing else."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_comparisons import COMPARISONS, Comparison
from bench_headline import HEADLINE, WORDS, outcome

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
BEGIN = "<!-- made by `make bench` from benchmarks/results.json -->"
END = "<!-- end of what `make bench` made -->"

Figures = dict[str, Any]

HEAD = """# Beside other programs

Made by `make bench` from `benchmarks/results.json`; do not edit. `python benchmarks/bench.py --only NAME` does one comparison
again, `--quick` all of them on small inputs. What stands in one table ran right after each other in one run; between tables
nothing may be compared. CPU is user and system time of a program and all its children; a *peak* is the most memory that they
held at once (sampled ten times a second), *shared once* the same with shared pages counted once. *Times studio's* divides by the
line in bold. One run each, no intervals: on a busy machine a difference of a third is none.
"""

HEADINGS = {
    "kept": "kept",
    "agree": "same decisions",
    "reasons": "same reasons",
    "removed": "removed",
    "changed": "changed",
    "added": "added",
    "recall": "recall",
    "precision": "precision",
    "lost": "distinct records lost",
    "touched": "look-alikes touched",
    "address_recall": "recall of addresses",
    "first": "first record after",
    "same_weights": "same weights",
}
SHOWN: dict[str, Callable[[Figures], str]] = {
    "agree": lambda line: f"{line['agree']:.2%}",
    "reasons": lambda line: f"{line['reasons']:.2%}",
    "recall": lambda line: f"{line['recall']:.3f}",
    "precision": lambda line: f"{line['precision']:.3f}",
    "address_recall": lambda line: f"{line['address_recall']:.3f}",
    "lost": lambda line: f"{sum(line['lost'].values()):,}",
    "touched": lambda line: f"{line['touched']:,} of {line['alike']:,}",
    "first": lambda line: f"{line['first']:.1f} s",
    "same_weights": lambda line: "yes, byte for byte" if line["same_weights"] else "no",
}
NAMES = {"near stage": "the stage `near`", "datasketch_batch": "datasketch, `update_batch`", "text_dedup": "text-dedup"}


def page(found: dict[str, Figures]) -> str:
    """The whole of docs/benchmarks.md."""
    parts = [HEAD]
    missing = [f"`{name}`" for name in COMPARISONS if name not in found]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}.\n")
    for name, comparison in COMPARISONS.items():
        if name in found:
            parts.append(section(comparison, found[name]))
    return "\n".join(parts)


def section(comparison: Comparison, figures: Figures) -> str:
    """One comparison: what it is, its tables, under which circumstances, and what was unfair."""
    parts = [f"## {comparison.title}\n\n{filled(comparison.about)}\n\n    {figures['command']}\n"]
    if "failed" in figures:
        parts.append(f"**No figures**: {figures['failed']}.\n")
    parts += [table(comparison, each["on"], each["rows"]) for each in figures["tables"]]
    unfair = "\n".join(filled(f"- {line}", "  ") for line in comparison.unfair)
    return "\n".join([*parts, circumstances(figures), f"What was unfair:\n\n{unfair}\n"])


def filled(text: str, indent: str = "") -> str:
    """In lines of the width that the other pages have."""
    return textwrap.fill(text, 124, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def circumstances(figures: Figures) -> str:
    """When, where, and how busy it was there."""
    machine, load = figures["machine"], figures["load"]
    small = "**A quick run on small inputs; where whole programs are measured, starting up is most of it.** "
    quick = small if figures["quick"] else ""
    nice = f", at nice {figures['nice']}" if figures["nice"] else ""
    return (
        filled(
            f"{quick}{figures['date']}, {figures['seconds']:,} s{nice}. {machine['cores']} cores of {machine['processor']}, "
            f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}. Load {load['before']} before and "
            f"{load['after']} after; other work took {load['others']:.0%} of all cores."
        )
        + "\n"
    )


def table(comparison: Comparison, on: Figures, lines: list[Figures]) -> str:
    """One table, with what it was measured on above it."""
    columns = [key for key in comparison.columns if any(key in line for line in lines)]
    heads = ["program", "processes", "CPU s", "times studio's", "per CPU-second", "wall s", "peak MiB", "shared once"]
    rows = [heads + [HEADINGS[key] for key in columns], [":--", *["--:"] * (len(heads) - 1 + len(columns))]]
    ours = reference(comparison, lines)
    for line in lines:
        name = NAMES.get(line["program"], line["program"]) + (f" {line['version']}" if line.get("version") else "")
        name = f"**{name}**" if line is ours else name
        if "failed" in line:
            rows.append([name, str(line["processes"]), line["failed"], *[""] * (len(heads) + len(columns) - 3)])
            continue
        times = "" if ours is None or line is ours else f"{line['cpu'] / ours['cpu']:.2f}"
        memory = [f"{line[key] / 2**20:,.0f}" if key in line else "" for key in ("peak", "unique")]
        wall = f"{line['wall']:,.1f}" if "wall" in line else ""
        rate = f"{line['rate']:,.0f}" if line.get("rate", 0) >= 10 else f"{line['rate']:.2f}" if "rate" in line else ""
        cells = [SHOWN[key](line) if key in SHOWN else f"{line[key]:,}" for key in columns]
        rows.append([name, str(line["processes"]), f"{line['cpu']:,.2f}", times, rate, wall, *memory, *cells])
    return f"{measured_on(on)}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def measured_on(on: Figures) -> str:
    """What a table was measured on, as a phrase."""
    words = [str(on[key]) for key in ("title", "language") if key in on]
    words += [f"{on['records']:,} records"] if "records" in on else []
    words += [f"{on['bytes'] / 1e6:.1f} MB"] if "bytes" in on else []
    words += [f"{on['rounds']} rounds of {on['steps']} steps"] if "steps" in on else []
    return ", ".join(words) + ":"


def reference(comparison: Comparison, lines: list[Figures]) -> Figures | None:
    """Studio's own line, with one process; None where it failed."""
    return next((line for line in lines if line["program"] == comparison.ours and "failed" not in line), None)


def headline(found: dict[str, Figures], language: str) -> str:
    """The table of a README, between its markers; comparisons and peers without figures are left out."""
    words = WORDS[language]
    rows, quick = [words["heads"], "|:--|:--|--:|--:|:--|"], False
    for each in HEADLINE:
        figures = found.get(each.comparison, {"tables": []})
        if len(figures["tables"]) <= each.table:
            continue
        lines = figures["tables"][each.table]["rows"]
        ours = reference(COMPARISONS[each.comparison], lines)
        theirs = next((x for x in lines if x["program"] == each.peer and "failed" not in x), None)
        if ours is None or theirs is None:
            continue
        quick = quick or figures["quick"]
        name = NAMES.get(each.peer, each.peer).replace("-analyzer", "") + f" {theirs['version']}"
        memory = f"{theirs['peak'] / ours['peak']:.1f}" if "peak" in theirs and "peak" in ours else ""
        what = words[each.comparison]
        rows.append(
            f"| {what} | {name} | {theirs['cpu'] / ours['cpu']:.1f} | {memory} | {outcome(each, theirs, ours, words)} |"
        )
    return "\n".join([BEGIN, *rows, "", words["caption"] + (words["quick"] if quick else "") + words["link"], END])


def with_headline(text: str, found: dict[str, Figures], language: str) -> str:
    """A README with its table made anew. Raises ValueError where it has no markers."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError("a README needs the markers of its table, once")
    made = headline(found, language)
    return pattern.sub(lambda _: made, text)


def results() -> dict[str, Figures]:
    """What was measured last, by comparison."""
    found: dict[str, Figures] = json.loads(RESULTS.read_text("utf-8"))
    return found
