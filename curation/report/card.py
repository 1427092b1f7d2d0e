"""The dataset card: `dataset/README.md`, a Hugging Face card with a valid YAML header and the dataset's provenance.

Format: https://huggingface.co/docs/hub/datasets-cards. The card holds no text of a record, so it can be published where
the dataset can; sources are told by name and digest, never by the path they had on this machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from curation.ledger import reason_text
from curation.privacy.told import missing
from curation.report.facts import recipe_yaml
from curation.report.markdown import code, literal, plain, size_category, table
from curation.writers.atomic import write_atomic

_LANGUAGE = re.compile(r"[a-z]{2,3}")
MOST_ROWS = 200
LANGUAGE_SHARE = 0.01  # of the records: rarer ones are more often a mistake of recognition than a language


def build_card(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Write `dataset/README.md` into the run folder and return its path. `summary` is what `summary.json` holds.

    The licence is what `summary["license"]` says, else "unknown". Raises OutputError when it cannot be written.
    """
    path = folder / "dataset" / "README.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"---\n{header(summary)}\n---\n\n" + "\n".join(_body(folder, summary)) + "\n"
    write_atomic(path, text.encode())
    return path


def header(summary: Mapping[str, Any]) -> str:
    """The card's YAML header."""
    from huggingface_hub import DatasetCardData

    total = summary["counts"]["kept"]
    return str(
        DatasetCardData(
            pretty_name=title(summary),
            license=str(summary.get("license") or "unknown"),
            language=languages(summary) or None,
            size_categories=size_category(total),
            task_categories=["text-generation"],
            tags=tags(summary),
            configs=[{"config_name": "default", "data_files": _data_files(summary)}],
        ).to_yaml()
    )


def title(summary: Mapping[str, Any]) -> str:
    """A name for people: the sources, and the recipe they went through."""
    names = [PurePath(plain(source["source"])).name.split(".")[0] for source in summary["sources"]]
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{told or 'Nothing'}, curated with {plain(summary['recipe'])}"[:120]


def languages(summary: Mapping[str, Any]) -> list[str]:
    """Codes of the languages that at least one record in a hundred has, the most frequent first."""
    counted = summary.get("languages") or {}
    total = sum(counted.values())
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    frequent = [code for code, count in ordered if count >= total * LANGUAGE_SHARE]
    return [code for code in frequent if _LANGUAGE.fullmatch(code) and code != "und"]


def tags(summary: Mapping[str, Any]) -> list[str]:
    """Tags for search on the hub: the tool, the format of the records, and that there are synthetic ones."""
    out_format = summary.get("out_format")
    return ["curation-studio", *([str(out_format).replace("_", "-")] if out_format else [])]


def _data_files(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"split": output["split"], "path": PurePath(output["path"]).name} for output in summary["outputs"]]


def _body(folder: Path, summary: Mapping[str, Any]) -> Iterator[str]:
    counts = summary["counts"]
    yield f"# {literal(title(summary))}"
    yield ""
    yield (
        f"{counts['kept']:,} records, kept out of {counts['read']:,} read by "
        f"curation-studio with the recipe `{code(summary['recipe'])}`."
    )
    yield from _outputs(summary)
    yield from _provenance(summary)
    yield from _funnel(summary)
    yield from _privacy(summary)
    yield from _remake(folder, summary)


def _outputs(summary: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Files\n"
    yield from table(
        ("file", "split", "records", "bytes", "SHA-256"),
        [
            (literal(PurePath(o["path"]).name), o["split"], f"{o['records']:,}", f"{o['bytes']:,}", f"`{o['sha256']}`")
            for o in summary["outputs"]
        ],
        right=(2, 3),
    )
    yield f"\nFormat of the records: {literal(str(summary.get('out_format') or 'as in the sources'))}."
    counted = sorted((summary.get("languages") or {}).items(), key=lambda item: (-item[1], item[0]))
    if counted:
        told = ", ".join(f"{literal(name)} {count:,}" for name, count in counted[:20])
        yield f"Languages, as recognised in what was read: {told}."


def _provenance(summary: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## Sources\n"
    rows = [
        (
            literal(source["source"]),
            literal(str(source.get("format") or "none")),
            f"{source['read']:,}",
            f"{source['kept']:,}",
            f"{source['dropped']:,}",
            f"{source['quarantined']:,}",
            source_digest(source),
        )
        for source in summary["sources"][:MOST_ROWS]
    ]
    columns = ("source", "format", "read", "kept", "dropped", "quarantined", "SHA-256")
    yield from table(columns, rows, right=(2, 3, 4, 5))
    if len(summary["sources"]) > MOST_ROWS:
        yield f"\n{len(summary['sources']) - MOST_ROWS:,} more sources are not listed here."


def source_digest(source: Mapping[str, Any]) -> str:
    """The SHA-256 of a source's file as Markdown code; "" for what is no file any more (a pipe, a hub dataset)."""
    known = source.get("sha256")
    if known:
        return f"`{known}`"
    path = Path(source.get("path") or "-")
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            return f"`{hashlib.file_digest(stream, 'sha256').hexdigest()}`"
    except OSError:
        return ""


def _funnel(summary: Mapping[str, Any]) -> Iterator[str]:
    counts = summary["counts"]
    yield "\n## What was done\n"
    yield (
        f"read {counts['read']:,} = kept {counts['kept']:,} + dropped {counts['dropped']:,} "
        f"+ quarantined {counts['quarantined']:,} + blank {counts['blank']:,}; of the kept, "
        f"{counts['edited']:,} were edited and {counts['flagged']:,} flagged.\n"
    )
    rows: list[tuple[str, ...]] = []
    for stage in summary["stages"]:
        rows.append((f"**{literal(stage['stage'])}**", f"{stage['records_in']:,}", *_by_action(stage), ""))
        for item in stage["reasons"]:
            place = ("drop", "edit", "flag").index(item["action"]) if item["action"] != "annotate" else None
            cells = [f"{item['count']:,}" if column == place else "" for column in range(3)]
            sentence = reason_text(stage["use"], item["reason"])
            note = f"{item['count']:,} annotated. " if place is None else ""
            rows.append((f"{literal(item['reason'])}", "", *cells, note + literal(sentence)))
    yield from table(("stage and reason", "in", "dropped", "edited", "flagged", ""), rows, right=(1, 2, 3, 4))
    if summary["quarantine"]:
        told = ", ".join(f"{literal(reason)} {count:,}" for reason, count in summary["quarantine"].items())
        yield f"\nLines that were no record: {told}."


def _privacy(summary: Mapping[str, Any]) -> Iterator[str]:
    """What was masked, and what could not be looked for: a card never says that a dataset is clean."""
    for fact in summary.get("privacy", ()):
        yield f"\n## Personal data: {literal(fact['stage'])}\n"
        told = ", ".join(f"{entity} {count:,}" for entity, count in fact["masked"].items())
        yield f"Masked, by type: {told}." if told else "Nothing was found that had to be masked."
        if fact["left"]:
            yield f"\nPointed out only: {', '.join(f'{name} {count:,}' for name, count in fact['left'].items())}."
        for item in fact["not_searched"]:
            yield f"\nNot clean of all types: {item['records']:,} records are {literal(missing(item))}."
        if fact["off"]:
            yield f"\nNot looked for: {', '.join(fact['off'])}."
        if fact["part"] != "record":
            yield f"\nOnly this part of each record was searched: {fact['part']}."
        found = ", ".join(f"{literal(name)} {count:,}" for name, count in fact["in_columns"].items())
        yield "\nOther columns and tool calls are not masked" + (
            f"; records in which they hold such data, by column: {found}." if found else "."
        )
        yield "\nA search by rules and models misses some: this is no promise that nothing personal is left."


def _by_action(stage: Mapping[str, Any]) -> tuple[str, str, str]:
    return (f"{stage['dropped']:,}", f"{stage['edited']:,}", f"{stage['flagged']:,}")


def _remake(folder: Path, summary: Mapping[str, Any]) -> Iterator[str]:
    recipe = recipe_yaml(folder, summary)
    sources = " ".join(f"--in {_shell(source['source'])}" for source in summary["sources"][:20])
    more = " …" if len(summary["sources"]) > 20 else ""
    yield "\n## How to make it again\n"
    yield "The same sources, recipe and seed give the same bytes, on any number of cores.\n"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", recipe)), default=0))
    name = "recipe.yaml" if recipe else _shell(summary["recipe"])
    yield f"{fence}sh\nstudio curate {sources}{more} --recipe {name}\n{fence}"
    if recipe:
        yield f"\n`recipe.yaml`, seed {summary['seed']}:\n\n{fence}yaml\n{plain(recipe, lines=True).rstrip()}\n{fence}"
    versions = ", ".join(f"{literal(name)} {literal(str(version))}" for name, version in summary["versions"].items())
    took = f" It took {summary['seconds']:.1f} s." if "seconds" in summary else ""
    yield f"\nMade with {versions}.{took}"


def _shell(word: str) -> str:
    import shlex

    return shlex.quote(plain(word))
