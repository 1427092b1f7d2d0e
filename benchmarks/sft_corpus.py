"""Records for fine-tuning, half English and half Chinese, made by seed from real sentences: questions and answers, with people.

    python benchmarks/sft_corpus.py 10000 out.jsonl

A question is two or three sentences, an answer one to forty, all of one language: of manual pages
(`corpus.sentences`) and of the Alpaca demos of STUDIO_DATA, which have most of the Chinese. Every twelfth has a
sentence with a person, an address or a number that belongs to somebody, from those written for the search for them; a
sixth carries HTML, addresses or strange white space; 5 % are exact copies, 5 % copies with 1 to 10 % of the words changed,
3 % have no answer, one without letters, or one that goes round in circles. Nothing stands in two languages.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from corpus import _END, _changed, _messy, language_of, sentences
from pii_corpus import positives
from pii_names_corpus import written

DATA = Path(os.environ.get("STUDIO_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
LANGUAGES = ("en", "zh")
MANUAL = 6_000  # sentences of manual pages, so that they are about as many as the others
EXACT, NEAR, BROKEN = 0.05, 0.05, 0.03
PERSONAL, MESSY = 1 / 12, 1 / 6


@cache
def pool(language: str) -> list[str]:
    """Different sentences of a language, in a fixed order."""
    path = DATA / "llamafactory" / f"alpaca_{language}_demo.json"
    if not path.exists():
        sys.exit(f"{path} is not there; set STUDIO_DATA")
    asked = (f"{r['instruction']}\n{r.get('input', '')}\n{r['output']}" for r in json.loads(path.read_text("utf-8")))
    told = (" ".join(sentence.split()) for text in asked for line in text.split("\n") for sentence in _END.split(line))
    script = "cjk" if language == "zh" else "spaced"
    every = [*sentences(language)[:MANUAL], *(sentence for sentence in told if 8 <= len(sentence) <= 300)]
    return list(dict.fromkeys(sentence for sentence in every if language_of(sentence) == script))


@cache
def personal(language: str) -> list[str]:
    """Sentences with somebody in them: written by hand, and made by templates for what has a form."""
    by_hand = [row.text for half in ("tune", "held") for row in written(language, half) if row.gold]
    return by_hand + [case.text for case in positives("tuning", language, 6)]


def records(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """`count` records `id, instruction, output, kind, language`; kind: base, exact, near or broken."""
    draw = random.Random(seed)
    bases: list[dict[str, Any]] = []
    for number in range(count):
        kind = draw.random()
        if bases and kind < EXACT + NEAR:
            of = draw.choice(bases)
            made = {**of, "kind": "exact"}
            if kind >= EXACT:
                made |= {"kind": "near", "output": _changed(of["output"], draw)}
        else:
            made = _base(draw)
            if kind < EXACT + NEAR + BROKEN:
                made |= {"kind": "broken", "output": _broken(made["output"], draw)}
            else:
                bases.append(made)
        yield {"id": number, **made}


def _base(draw: random.Random) -> dict[str, Any]:
    language = draw.choice(LANGUAGES)
    drawn, joiner = pool(language), "" if language == "zh" else " "
    question = joiner.join(draw.choice(drawn) for _ in range(draw.randint(2, 3)))
    answer = [draw.choice(drawn) for _ in range(min(40, 1 + int(draw.expovariate(0.22))))]
    if draw.random() < PERSONAL:
        answer.insert(draw.randint(0, len(answer)), draw.choice(personal(language)))
    text = joiner.join(answer)
    if draw.random() < MESSY:
        text = _messy(text, draw)
    return {"instruction": question, "output": text, "kind": "base", "language": language}


def _broken(text: str, draw: random.Random) -> str:
    which = draw.randrange(3)
    return ("", "?! ... -- " * draw.randint(12, 20), f"{text[:200]} " + text[:40] * 12)[which]


def write(path: Path, count: int, seed: int = 0) -> Path:
    """Write the records as JSON lines, unless they are there already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(record, ensure_ascii=False) for record in records(count, seed))
        path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(write(given.path, given.count, given.seed))
