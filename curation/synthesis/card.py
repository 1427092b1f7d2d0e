"""The card of a generated dataset: `dataset/README.md`, a Hugging Face card that says it is synthetic, of what and by whom.

It holds no text of a record, a source or an answer, and no path but those that the recipe names, so it can be published
where the dataset can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from curation.report.markdown import code, literal, plain, size_category, table
from curation.synthesis.model import DATASET, DOCUMENTS, ORIGINS, Document, Origin, read_rows
from curation.synthesis.reasons import REASONS
from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe

MOST_ROWS: Final = 200
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def write_card(folder: Path, summary: Mapping[str, Any], recipe: GenerateRecipe) -> Path:
    """Write `dataset/README.md` into the run folder and return its path. Raises OutputError."""
    path = folder / DATASET / "README.md"
    body = "\n".join(_body(folder, summary, recipe))
    write_atomic(path, f"---\n{_header(summary, recipe)}\n---\n\n{body}\n".encode())
    return path


def _header(summary: Mapping[str, Any], recipe: GenerateRecipe) -> str:
    from huggingface_hub import DatasetCardData

    return str(
        DatasetCardData(
            pretty_name=_title(summary),
            license="unknown",
            language=[code for code in summary["coverage"]["languages"] if _LANGUAGE.fullmatch(code)] or None,
            size_categories=size_category(summary["counts"]["accepted"]),
            task_categories=["text-generation"],
            tags=["curation-studio", "synthetic", recipe.output.format.replace("_", "-")],
            configs=[{"config_name": "default", "data_files": [{"split": "train", "path": "train.jsonl"}]}],
        ).to_yaml()
    )


def _title(summary: Mapping[str, Any]) -> str:
    return f"Generated with {plain(summary['recipe'])}"[:120]


def _body(folder: Path, summary: Mapping[str, Any], recipe: GenerateRecipe) -> Iterator[str]:
    counts = summary["counts"]
    yield f"# {literal(_title(summary))}\n"
    yield (
        f"{counts['accepted']:,} synthetic records, written by {literal(summary['model'])} and accepted out of "
        f"{counts['requested']:,} that were asked for with the recipe `{code(summary['recipe'])}`."
    )
    if counts["left"]:
        yield f"\n**Not whole:** {counts['left']:,} more were planned, and nobody asked for them yet."
    yield "\n## Files\n"
    yield from table(
        ("file", "split", "records", "bytes", "SHA-256"),
        [
            (PurePath(one["path"]).name, one["split"], f"{one['records']:,}", f"{one['bytes']:,}", f"`{one['sha256']}`")
            for one in summary["outputs"]
        ],
        right=(2, 3),
    )
    yield (
        f"\nFormat: {literal(recipe.output.format)}. Each record names what it was made from (`parents`), the call that "
        "wrote it (`call`) and, where it is about a document, the words that its answer rests on and where they stand "
        "there (`spans`, in characters)."
    )
    yield from _sources(folder)
    yield from _law(summary)
    yield from _covered(summary)
    yield from _privacy(summary)
    yield from _remake(summary, recipe)


def _sources(folder: Path) -> Iterator[str]:
    yield "\n## Made from\n"
    documents: list[Document] = read_rows(folder / DOCUMENTS, Document)
    if not documents:
        origins: list[Origin] = read_rows(folder / ORIGINS, Origin)
        names = sorted({origin.record_id.rpartition(":")[0] for origin in origins})
        told = ", ".join(literal(PurePath(name).name) for name in names[:MOST_ROWS])
        yield f"{len(origins):,} records of {told or 'nothing'}."
        return
    files: dict[tuple[str, str, str], list[int]] = {}
    for one in documents:  # a file may hold many
        files.setdefault((one.path, one.converter, one.digest), []).append(one.characters)
    rows = [
        (literal(PurePath(path).name), f"{len(sizes):,}", literal(converter), f"{sum(sizes):,}", f"`{digest}`")
        for (path, converter, digest), sizes in list(files.items())[:MOST_ROWS]
    ]
    yield from table(("file", "documents", "converted by", "characters", "SHA-256"), rows, right=(1, 3))
    if len(files) > MOST_ROWS:
        yield f"\n{len(files) - MOST_ROWS:,} more files are not listed here."


def _law(summary: Mapping[str, Any]) -> Iterator[str]:
    counts = summary["counts"]
    yield "\n## What was asked for, and what became of it\n"
    yield (
        f"requested {counts['requested']:,} = accepted {counts['accepted']:,} + rejected {counts['rejected']:,} "
        f"+ failed {counts['failed']:,}.\n"
    )
    if summary["reasons"]:
        rows = [(literal(name), f"{count:,}", REASONS.get(name, "")) for name, count in summary["reasons"].items()]
        yield from table(("reason", "items", ""), rows, right=(1,))
    if summary["decided"]:
        told = ", ".join(f"{name} {count:,}" for name, count in summary["decided"].items())
        yield f"\nPeople decided about some of them: {told}."


def _covered(summary: Mapping[str, Any]) -> Iterator[str]:
    """How much of the sources is in it, and how evenly."""
    found = summary["coverage"]
    yield "\n## What is covered\n"
    if found["documents"]:
        yield (
            f"{found['documents_with']:,} of {found['documents']:,} documents and {found['chunks_with']:,} of "
            f"{found['chunks']:,} chunks have a record; {found['share']:.1%} of all characters are quoted. Balance (1 is even): "
            f"topics {found['topic_balance']:.2f}, question types {found['type_balance']:.2f}."
        )
    else:
        yield f"{found['origins_with']:,} of {found['origins']:,} records that it was made from are in it."
    rows = [
        (literal(name), f"{asked:,}", f"{accepted:,}") for name, (asked, accepted) in found["types"].items() if name
    ]
    if rows:
        yield ""
        yield from table(("question type", "asked for", "accepted"), rows, right=(1, 2))
    told = ", ".join(f"{literal(name)} {count:,}" for name, count in found["languages"].items())
    if told:
        yield f"\nLanguages, as recognised: {told}."


def _privacy(summary: Mapping[str, Any]) -> Iterator[str]:
    """What was masked; a card never says that a dataset is clean."""
    yield "\n## Personal data\n"
    away = "The texts were sent to another machine." if summary["leaves"] else "No text left the machine."
    masked = ", ".join(f"{literal(name)} {count:,}" for name, count in summary["masked"].items())
    yield f"{away} {f'Masked before, by type: {masked}.' if masked else 'Nothing was masked in them.'}"
    yield "A search by rules and models misses some: this is no promise that nothing personal is left."


def _remake(summary: Mapping[str, Any], recipe: GenerateRecipe) -> Iterator[str]:
    text = plain(recipe.to_yaml(), lines=True).rstrip()
    fence = "```"
    while fence in text:
        fence += "`"
    yield "\n## How it was made\n"
    yield "The same replies give the same bytes; a model that is asked again may reply otherwise.\n"
    yield f"{fence}yaml\n{text}\n{fence}"
    rows = [(literal(name), f"`{digest}`") for name, digest in summary["prompts"].items()]
    yield ""
    yield from table(("prompt", "SHA-256"), rows)
    if summary["judge"]:
        yield f"\nMarked by {literal(summary['judge'])}."
