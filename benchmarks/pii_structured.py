"""How well the structured tier finds what it should, per entity and language, beside plain Presidio on the same texts.

    python benchmarks/pii_structured.py                    # the held-out split, look-alikes, presidio-research, the rate
    python benchmarks/pii_structured.py --split tuning --misses 5   # while changing rules: what was missed

A labelled entity is found if spans of its type cover all of it; a span is right if it shares at least 80 % with a label
of its type (intersection over union). Intervals are Wilson's at 95 %. The rate is records per CPU-second of one thread.
Plain Presidio is the AnalyzerEngine with its predefined recognisers, a blank spaCy pipeline (no names are measured
here), its default threshold, and the public suffix list it ships with, so that it does not look for the network.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measure import Row, save
from pii_corpus import Case, lookalikes, positives

from curation.privacy.entities import ENTITIES
from curation.privacy.spans import Span, resolve
from curation.privacy.structured import StructuredFinder

Search = Callable[[Sequence[str], Sequence[str]], list[list[Span]]]
TYPES = [name for name, entity in ENTITIES.items() if entity.tier in ("structured", "secret")]
DATA = Path(os.environ.get("STUDIO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RESEARCH = {"EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS"}


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a proportion."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.959964, hits / of
    middle, spread = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def covered(label: tuple[int, int, str], spans: Sequence[Span]) -> bool:
    """Whether spans of the label's type cover every code point of it."""
    seen = {place for s in spans if s.entity == label[2] for place in range(s.start, s.end)}
    return all(place in seen for place in range(label[0], label[1]))


def right(span: Span, labels: Sequence[tuple[int, int, str]]) -> bool:
    """Whether a span shares 80 % with a label of its type."""
    for start, end, entity in labels:
        both = min(end, span.end) - max(start, span.start)
        if entity == span.entity and both >= 0.8 * (max(end, span.end) - min(start, span.start)):
            return True
    return False


def count(cases: Sequence[Case], search: Search, misses: int = 0) -> dict[str, Counter[str]]:
    """For each entity: labels `n`, labels `found`, spans `said`, spans `right`. Prints some mistakes if asked."""
    found = [resolve(spans) for spans in search([c.text for c in cases], [c.language for c in cases])]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    shown: Counter[str] = Counter()
    for case, spans in zip(cases, found, strict=True):
        for label in case.spans:
            hit = covered(label, spans)
            counts[label[2]].update(n=1, found=int(hit))
            if not hit and shown[label[2]] < misses:
                shown[label[2]] += 1
                print("  missed", label[2], repr(case.text), [(s.entity, case.text[s.start : s.end]) for s in spans])
        for span in spans:
            good = right(span, case.spans)
            counts[span.entity].update(said=1, right=int(good))
            if not good and shown["x" + span.entity] < misses:
                shown["x" + span.entity] += 1
                print(
                    "  wrong ", span.entity, span.recogniser, repr(case.text[max(0, span.start - 40) : span.end + 20])
                )
    return counts


def table(title: str, ours: dict[str, Counter[str]], peer: dict[str, Counter[str]] | None) -> None:
    """One line an entity: precision, recall with its interval, F2, how many, and the peer's precision and recall."""
    print(f"\n### {title}\n\n| entity | n | precision | recall | recall, 95 % | F2 | Presidio: precision | recall |")
    print("|:--|--:|--:|--:|:--|--:|--:|--:|")
    whole = {"all": sum((c for k, c in ours.items() if k in TYPES), Counter())}
    theirs = {"all": sum((c for k, c in peer.items() if k in TYPES), Counter())} if peer else {}
    for entity in [*(e for e in TYPES if ours[e]["n"]), "all"]:
        c, other = {**ours, **whole}[entity], {**(peer or {}), **theirs}.get(entity, Counter())
        precision, recall = c["right"] / max(c["said"], 1), c["found"] / max(c["n"], 1)
        f2 = 5 * precision * recall / max(4 * precision + recall, 1e-9)
        low, high = wilson(c["found"], c["n"])
        more = f"{other['right'] / other['said']:.3f}" if other["said"] else "-"
        print(
            f"| {entity} | {c['n']} | {precision:.3f} | {recall:.3f} | {low:.3f} to {high:.3f} | {f2:.3f} | {more} | "
            f"{other['found'] / max(other['n'], 1):.3f} |"
        )


def touched(cases: Sequence[Case], search: Search, misses: int = 0) -> None:
    """The share of look-alikes in which anything is found, by kind."""
    answers = search([c.text for c in cases], [c.language for c in cases])
    found = [
        [span for span in spans if span.entity in TYPES] for spans in answers
    ]  # not Presidio's URL, DATE_TIME, UUID
    hit = Counter(c.kind for c, spans in zip(cases, found, strict=True) if spans)
    shown: Counter[str] = Counter()
    for case, spans in zip(cases, found, strict=True):
        if spans and shown[case.kind] < misses:
            shown[case.kind] += 1
            print("  touched", case.kind, repr(case.text), [(s.entity, s.recogniser) for s in spans])
    low, high = wilson(hit.total(), len(cases))
    print(
        f"touched {hit.total()} of {len(cases)}: {hit.total() / len(cases):.2%} ({low:.2%} to {high:.2%}) {dict(hit)}"
    )


def research() -> list[Case]:
    """The sentences of presidio-research with the labels of the structured types."""
    cases = []
    for name in ("generated_small.json", "synth_dataset_first900.json"):
        for row in json.loads((DATA / "presidio_research" / name).read_text()):
            spans = tuple(
                (s["start_position"], s["end_position"], s["entity_type"])
                for s in row["spans"]
                if s["entity_type"] in RESEARCH
            )
            cases.append(Case(row["full_text"], "en", spans, "research"))
    return cases


def presidio() -> Search:
    """Plain Presidio as a search."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    engine = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])

    def search(texts: Sequence[str], languages: Sequence[str]) -> list[list[Span]]:
        answers = (engine.analyze(text, language="en") for text in texts)
        return [[Span(r.start, r.end, r.entity_type, r.score, "presidio") for r in answer] for answer in answers]

    assert NlpArtifacts
    return search


def rate(title: str, texts: Sequence[str], search: Search) -> None:
    """Records per CPU-second over the texts, in batches of 2,048."""
    search(texts[:64], [""] * 64)
    spent = []
    for _ in range(3):
        began = time.process_time()
        for start in range(0, len(texts), 2048):
            search(texts[start : start + 2048], [""] * len(texts[start : start + 2048]))
        spent.append(time.process_time() - began)
    size = sum(map(len, texts)) / len(texts)
    print(
        f"{title}: {len(texts) / min(spent):,.0f} records per CPU-second ({len(texts)} records of {size:.0f} characters)"
    )


def alpaca(language: str) -> list[str]:
    """Real records of LLaMA-Factory's samples."""
    rows = json.loads((DATA / "llamafactory" / f"alpaca_{language}_demo.json").read_text())
    return ["\n".join(str(row[key]) for key in ("instruction", "input", "output")) for row in rows]


def beside(split: Any, per_entity: int, sides: dict[str, Search]) -> list[tuple[dict[str, Any], list[Row]]]:
    """For `bench.py`: every entity taken together, the look-alikes, and CPU seconds of the search alone."""
    from importlib.metadata import version

    tables = []
    for language in ("en", "zh"):
        cases, alike = positives(split, language, per_entity), lookalikes(split, language, per_entity)
        warm = positives("tuning" if split == "held_out" else "held_out", language, 2)
        lines: list[Row] = []
        for name, search in sides.items():
            search([case.text for case in warm], [language] * len(warm))  # tables and patterns are loaded late
            spent: list[float] = []

            def timed(texts: Sequence[str], languages: Sequence[str], search=search, spent=spent) -> list[list[Span]]:
                began = time.process_time()
                found = search(texts, languages)
                spent.append(time.process_time() - began)
                return found

            all_of = sum((c for entity, c in count(cases, timed).items() if entity in TYPES), Counter())
            answers = search([c.text for c in alike], [language] * len(alike))
            touched = sum(any(span.entity in TYPES for span in spans) for spans in answers)
            line: Row = {"program": name, "processes": 1, "version": "" if name == "studio" else version(name)}
            line |= {"cpu": round(spent[0], 2), "rate": round(len(cases) / spent[0], 1)}
            line |= {"recall": all_of["found"] / all_of["n"], "precision": all_of["right"] / max(all_of["said"], 1)}
            lines.append(line | {"touched": touched, "alike": len(alike)})
        size = sum(len(case.text.encode()) for case in cases)
        tables.append(({"language": language, "records": len(cases), "bytes": size}, lines))
    return tables


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--split", choices=["tuning", "held_out"], default="held_out")
    parser.add_argument("--per-entity", type=int, default=200)
    parser.add_argument("--misses", type=int, default=0, help="show so many mistakes of each kind")
    parser.add_argument("--no-presidio", action="store_true")
    parser.add_argument("--json", type=Path, help="only every entity taken together, figures written here")
    given = parser.parse_args()
    ours = StructuredFinder().find
    peer = None if given.no_presidio else presidio()
    if given.json:
        tables = beside(given.split, given.per_entity, {"studio": ours, "presidio-analyzer": peer or presidio()})
        print(*(line for _, lines in tables for line in lines), sep="\n")
        save(given.json, *tables)
        return
    for language in ("en", "zh"):
        cases, alike = (
            positives(given.split, language, given.per_entity),
            lookalikes(given.split, language, given.per_entity),
        )
        table(f"{given.split}, {language}", count(cases, ours, given.misses), count(cases, peer) if peer else None)
        print("\nLook-alikes, ours: ", end="")
        touched(alike, ours, given.misses)
        if peer:
            print("Look-alikes, Presidio: ", end="")
            touched(alike, peer)
    if DATA.is_dir():
        cases = research()
        wanted = {e: c for e, c in count(cases, ours, given.misses).items() if e in RESEARCH}
        theirs = {e: c for e, c in count(cases, peer).items() if e in RESEARCH} if peer else None
        table("presidio-research, structured types", defaultdict(Counter, wanted), theirs)
        print()
        for language in ("en", "zh"):
            rate(f"alpaca_{language}_demo", alpaca(language), ours)
            texts = alpaca(language)
            marked = [
                f"{text[:460]} {case.text}"
                for text, case in zip(texts, positives("held_out", language, 40), strict=False)
            ]
            rate(f"alpaca_{language}_demo, each with an entity", marked, ours)


if __name__ == "__main__":
    main()
