"""A corpus for benchmarks, made by seed from the manual pages on this machine, with every kind of mess known by number.

A record is 1 to 40 sentences of one language. About 12 % are exact copies, 12 % near copies (1 to 10 % of the words
changed), 4 % junk, and a fifth carries HTML, URLs, entities or zero-width characters. Only the text goes into the
corpus; what each record is goes into a file beside it (`.truth`), for precision and recall.

    python benchmarks/corpus.py 100000 out.jsonl
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LANGUAGES = {
    "en": ("man1", "man3", "man7", "man8"),
    "fr": ("fr",),
    "de": ("de",),
    "zh": ("zh_CN",),
    "es": ("es",),
    "ja": ("ja",),
    "ru": ("ru",),
}
SHARES = {"en": 0.45, "zh": 0.2, "fr": 0.1, "de": 0.1, "es": 0.05, "ja": 0.05, "ru": 0.05}
_ROFF = re.compile(r"\\f[BIRPC]|\\f\([A-Z]{2}|\\f\[[A-Z]*\]|\\[&|^/,c]|\\s[-+]?\d+|\\\*\([a-z]{2}|\\$")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_MANUAL = Path("/usr/share/man")
MOST = 60_000  # sentences of a language


def _text(path: Path) -> str:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in raw.decode("utf-8", "ignore").split("\n") if not line.startswith((".", "'"))]
    return _ROFF.sub("", " ".join(lines)).replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\e", "\\")


@cache
def sentences(language: str) -> list[str]:
    """Different sentences of a language, in a fixed order; English ones where too few pages of it are installed."""
    found: dict[str, None] = {}
    paths = sorted(p for name in LANGUAGES[language] for p in (_MANUAL / name).rglob("*") if p.is_file())
    random.Random(1).shuffle(paths)
    for path in paths:
        for sentence in _END.split(_text(path)):
            sentence = " ".join(sentence.split())
            if 20 <= len(sentence) <= 300:
                found.setdefault(sentence)
        if len(found) >= MOST:
            break
    if len(found) < 500 and language != "en":
        return sentences("en")
    return list(found)


def _changed(text: str, draw: random.Random) -> str:
    units = list(text) if language_of(text) == "cjk" else text.split(" ")
    for _ in range(max(1, round(len(units) * draw.uniform(0.01, 0.1)))):
        place = draw.randrange(len(units))
        kind = draw.random()
        if kind < 0.4:
            units[place] = draw.choice(units)
        elif kind < 0.7 and len(units) > 3:
            del units[place]
        else:
            units.insert(place, draw.choice(units))
    return ("" if language_of(text) == "cjk" else " ").join(units)


def language_of(text: str) -> str:
    """cjk or spaced, which is all that editing needs to know."""
    return "cjk" if sum("\u3040" <= c <= "\u9fff" for c in text) > len(text) / 4 else "spaced"


def _messy(text: str, draw: random.Random) -> str:
    kind = draw.randrange(5)
    if kind == 0:
        return f"<div class='a'><p>{text}</p><br/>&nbsp;</div>"
    if kind == 1:
        return f"{text} https://www.example.com/page?id={draw.randrange(10**6)}"
    if kind == 2:
        return text.replace(" ", "\u200b ", 3) + " &amp; more"
    if kind == 3:
        return text.replace(" ", "   ", 5) + "\r\n\r\n\r\n\r\n"
    return f"<b>{text[:40]}</b>{text[40:]}\t\u00a0"


def records(count: int, seed: int = 0) -> Iterator[tuple[str, dict]]:
    """`count` texts, each with its truth: `kind` (base, exact, near, junk) and `of`, the number of its original."""
    draw = random.Random(seed)
    made: list[str] = []
    bases: list[int] = []
    names, weights = list(SHARES), list(SHARES.values())
    for number in range(count):
        kind = draw.random()
        if bases and kind < 0.24:
            of = draw.choice(bases[-200_000:])
            text = made[of] if kind < 0.12 else _changed(made[of], draw)
            truth = {"kind": "exact" if text == made[of] else "near", "of": of}
        elif kind < 0.28:
            text = draw.choice(["ok", "??", "n/a", "", "-----", "asdf", "1", "..."]) + str(draw.randrange(10**6))
            truth = {"kind": "junk"}
        else:
            language = draw.choices(names, weights)[0]
            pool = sentences(language)
            joiner = "" if language in ("zh", "ja") else " "
            text = joiner.join(draw.choice(pool) for _ in range(min(40, 1 + int(draw.expovariate(0.22)))))
            truth = {"kind": "base", "language": language}
            bases.append(number)
            if draw.random() < 0.21:
                text = _messy(text, draw)
        made.append(text)
        yield text, truth


def write(path: Path, count: int, seed: int = 0) -> Path:
    """Write the corpus as JSON lines (`id`, `text`) and its truth beside it, unless both are there already."""
    truth_path = path.with_suffix(".truth")
    if path.exists() and truth_path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out, truth_path.open("w", encoding="utf-8") as truths:
        for number, (text, truth) in enumerate(records(count, seed)):
            out.write(json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n")
            truths.write(json.dumps(truth) + "\n")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(write(given.path, given.count, given.seed))
