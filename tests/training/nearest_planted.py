"""Labelled questions for the search for nearest records: answers whose source in a pool of records is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from training.compare.back.index import RecordIndex

GROUPS = Path(__file__).parents[1] / "curation" / "data" / "pairs_groups.jsonl"
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*")
_LEAST = 40  # characters of an answer that is long enough to be altered and still be its own


class Asked(NamedTuple):
    """An answer, the prompt it was given to ("" for none), and the texts of the answers that are its source."""

    kind: str
    language: str
    prompt: str
    answer: str
    source: str


def write_pool(path: Path, samples: Path) -> Path:
    """Questions and answers: the sample data in Chinese, and of every group a record and its hard neighbour."""
    rows = [(row["question"], row["answer"]) for row in _csv(samples / "qa_zh.csv")]
    for group in groups():
        rows += [tuple(group[name]) for name in ("en_a", "en_other", "zh_a", "zh_other")]
    rows = [(question, answer) for question, answer in rows if question and answer]
    lines = [json.dumps({"question": q, "answer": a}, ensure_ascii=False) for q, a in dict.fromkeys(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def groups() -> list[dict[str, list[str]]]:
    """Of each: a record (en_a), its paraphrase (en_b), one that only looks like it (en_other), and the same in Chinese."""
    return [json.loads(line) for line in GROUPS.read_text("utf-8").splitlines()]


def planted(index: RecordIndex) -> Iterator[Asked]:
    """For every record of the pool with an answer of some length: that answer, and seven ways to alter it."""
    for at in range(len(index)):
        record = index.record(at)
        if len(record.answer) < _LEAST:
            continue
        language = "zh" if re.search("[\u4e00-\u9fff]", record.answer) else "en"
        yield Asked("verbatim", language, record.prompt, record.answer, record.answer)
        for kind, altered in _altered(record.answer, language):
            yield Asked(kind, language, "", altered, record.answer)


def paraphrased() -> Iterator[Asked]:
    """The paraphrase of every group, whose hard neighbour is in the pool as well."""
    for group in groups():
        for language in ("en", "zh"):
            prompt, answer = group[f"{language}_b"]
            yield Asked("paraphrase", language, prompt, answer, group[f"{language}_a"][1])


def _altered(text: str, language: str) -> Iterator[tuple[str, str]]:
    lead, tail = ("Sure, I can help. ", " Anything else?") if language == "en" else ("好的，", "还有别的问题吗？")
    yield "framed", f"{lead}{text}{tail}"
    yield "first half", text[: len(text) // 2]
    yield "second half", text[len(text) // 2 :]
    yield "capitals", text.upper().replace("，", ",")
    units = text.split(" ") if language == "en" else list(text)
    filler = "maybe" if language == "en" else "呢"
    blank = " " if language == "en" else ""
    yield "every ninth replaced", blank.join(filler if at % 9 == 4 else unit for at, unit in enumerate(units))
    yield "every sixth left out", blank.join(unit for at, unit in enumerate(units) if at % 6 != 3)
    sentences = [part for part in _SENTENCE.split(text) if part]
    if len(sentences) > 1:
        yield "sentences turned round", blank.join(reversed(sentences))


def _csv(path: Path) -> list[dict[str, str]]:
    import csv

    with path.open(encoding="utf-8", newline="") as stream:
        return [
            {
                "question": row.get("question") or row.get("问题") or "",
                "answer": row.get("answer") or row.get("回答") or "",
            }
            for row in csv.DictReader(stream)
        ]
