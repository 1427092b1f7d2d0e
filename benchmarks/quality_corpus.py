"""English documents for `quality_agreement.py`, made from text that is already on the machine.

Sources: documentation folders (copyright files, changelogs, READMEs, HTML pages), English manual pages, and,
where they are given, the Wikipedia articles and Alpaca answers of a data folder. Every source is cut into
documents of 1 to 60 paragraphs; half of them are reflowed (one line a paragraph, as on the web), about a
third are damaged in one of the ways the published rules look for. The same seed and the same machine give the
same corpus.
"""

from __future__ import annotations

import gzip
import html
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_ROFF_ESCAPE = re.compile(r"\\f[BIRPC]|\\f\([A-Z]{2}|\\[&|^/,c]|\\s[-+]?\d+")
_ROFF_NAMED = {
    r"\-": "-",
    r"\(bu": "•",
    r"\(co": "©",
    r"\(em": "—",
    r"\(en": "–",
    r"\(aq": "'",
    r"\(cq": "’",
    r"\e": "\\",
}
_TAG = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.S | re.I)
_BLOCK_TAG = re.compile(r"</?(?:p|div|li|h\d|tr|br|pre|ul|ol|table|dt|dd)\b[^>]*>", re.I)
_LIMIT = 400_000  # characters read of one file: a few changelogs are tens of megabytes


def documents(count: int, seed: int, data: Path | None) -> Iterator[str]:
    """`count` different documents, clean and damaged, in a fixed order for a seed."""
    rng = random.Random(seed)
    paths = _paths()
    rng.shuffle(paths)
    seen: set[int] = set()
    made = 0
    while made < count:
        before = made
        for text in _texts(paths, data):
            for document in _cut(text, rng):
                if len(document) < 300 and rng.random() < 0.8:
                    continue  # enough of the short ones, which every filter drops for being short
                document = _damage(document, rng) if rng.random() < 0.35 else document
                if hash(document) in seen:
                    continue
                seen.add(hash(document))
                yield document
                made += 1
                if made == count:
                    return
        if made == before:
            raise SystemExit(f"only {made} different documents could be made from the text on this machine")


def _paths() -> list[Path]:
    roots = [Path("/usr/share/doc"), *(Path(f"/usr/share/man/man{n}") for n in range(1, 9))]
    wanted = re.compile(r"copyright$|\.(?:html?|txt|md|rst|Debian|gz|[1-8])$")
    skipped = re.compile(r"\.(?:svg|png|pdf|ps|tar|json|js|c|h|cpp|patch|diff|info)\.gz$")
    found = {p.resolve() for root in roots if root.is_dir() for p in sorted(root.rglob("*")) if p.is_file()}
    return sorted(p for p in found if wanted.search(p.name) and not skipped.search(p.name))


def _texts(paths: list[Path], data: Path | None) -> Iterator[str]:
    if data is not None:
        wiki = data / "llamafactory" / "wiki_demo.txt"
        if wiki.is_file():
            # The articles lost their paragraph breaks: a new one every few sentences stands in for them.
            for article in wiki.read_text("utf-8").splitlines():
                sentences = re.split(r"(?<=[a-z\d][.?!]) ?(?=[A-Z])", article)
                yield "\n\n".join(" ".join(sentences[i : i + 5]) for i in range(0, len(sentences), 5))
        alpaca = data / "llamafactory" / "alpaca_en_demo.json"
        if alpaca.is_file():
            answers = [record["output"] for record in json.loads(alpaca.read_text("utf-8"))]
            yield "\n\n".join(answers)
    for path in paths:
        try:
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            text = raw[:_LIMIT].decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError):
            continue
        if "/man/" in str(path):
            yield _plain_roff(text)
        elif path.suffix in (".html", ".htm"):
            yield _plain_html(text)
        elif "\0" not in text:
            yield text


def _plain_roff(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if line.startswith((".SH", ".SS", ".PP", ".TP", ".P", ".LP", ".sp", ".IP", ".Pp", ".It")):
            lines.append("")
            line = line.partition(" ")[2].strip('"') if line.startswith((".SH", ".SS")) else ""
        elif line.startswith((".B ", ".I ", ".BR ", ".IR ", ".BI ", ".RB ", ".Nm ", ".Fl ")):
            line = line.partition(" ")[2]
        elif line.startswith((".", "'")):
            continue
        for escape, plain in _ROFF_NAMED.items():
            line = line.replace(escape, plain)
        lines.append(_ROFF_ESCAPE.sub("", line))
    return "\n".join(lines)


def _plain_html(text: str) -> str:
    text = _TAG.sub("", _BLOCK_TAG.sub("\n", re.sub(r"(?is)<(script|style|head)\b.*?</\1>", "", text)))
    return re.sub(r"\n{3,}", "\n\n", html.unescape(text))


def _cut(text: str, rng: random.Random) -> Iterator[str]:
    paragraphs = [p.strip("\n") for p in re.split(r"\n\s*\n", text) if p.strip()]
    start, taken = 0, 0
    while start < len(paragraphs) and taken < 40:  # no single file may fill the corpus
        size = min(60, 1 + int(rng.expovariate(1 / 9)))
        part = paragraphs[start : start + size]
        start, taken = start + size, taken + 1
        if rng.random() < 0.5:
            part = [" ".join(p.split()) for p in part]
            yield rng.choice(("\n", "\n\n")).join(part)
        else:
            yield "\n\n".join(part)


def _sentence(rng: random.Random) -> str:
    return rng.choice(
        (
            "This page requires JavaScript to be enabled.",
            "We use cookies to make this site better.",
            "Read our privacy policy and terms of use.",
            "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
            "if (x > 0) { return x; }",
            "Loading...",
            "Click here",
        )
    )


def _lines_damaged(change: Callable[[str, random.Random], str], share: float) -> Callable[[str, random.Random], str]:
    def apply(text: str, rng: random.Random) -> str:
        return "\n".join(change(x, rng) if rng.random() < share else x for x in text.split("\n"))

    return apply


def _repeat_lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(rng.randint(1, max(2, len(lines) // 2))):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    return "\n".join(lines)


def _repeat_paragraphs(text: str, rng: random.Random) -> str:
    parts = re.split(r"\n{2,}", text)
    return "\n\n".join(parts + rng.choices(parts, k=rng.randint(1, max(1, len(parts) // 2))))


def _repeat_phrase(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    start, size = rng.randrange(len(words)), rng.randint(1, 12)
    at = rng.randrange(len(words))
    return " ".join(words[:at] + words[start : start + size] * rng.randint(2, 40) + words[at:])


def _shorten(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    return " ".join(words[: rng.randint(1, 70)])


def _numbers(text: str, rng: random.Random) -> str:
    return " ".join(str(rng.randrange(10**4)) if rng.random() < 0.2 else w for w in text.split(" "))


def _no_stop_words(text: str, rng: random.Random) -> str:
    return re.sub(r"\b(?:the|be|to|of|and|that|have|with)\b", lambda _: rng.choice(("any", "some", "a")), text)


def _insert_sentence(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(rng.randrange(len(lines) + 1), _sentence(rng))
    return "\n".join(lines)


_DAMAGES: tuple[Callable[[str, random.Random], str], ...] = (
    _repeat_lines,
    _repeat_paragraphs,
    _repeat_phrase,
    _shorten,
    _numbers,
    _no_stop_words,
    _insert_sentence,
    _insert_sentence,
    _lines_damaged(lambda line, rng: rng.choice(("- ", "• ", "  - ")) + line, 0.93),
    _lines_damaged(lambda line, rng: line + rng.choice(("...", "…", " ...")), 0.33),
    _lines_damaged(lambda line, rng: "#" * rng.randint(1, 4) + line, 0.5),
    _lines_damaged(lambda line, rng: line[: rng.randint(5, 40)], 0.7),
    _lines_damaged(lambda line, _: line.rstrip(".!?"), 0.85),
    lambda text, rng: text.replace(". ", ".\n") if rng.random() < 0.5 else text.replace(" ", "\n"),
    lambda text, rng: text.replace(" ", "" if rng.random() < 0.5 else "_", rng.randint(10, 2000)),
    lambda text, rng: re.sub(r"\w{4,}", lambda m: m[0][: rng.randint(1, 3)], text),
)


def _damage(text: str, rng: random.Random) -> str:
    return rng.choice(_DAMAGES)(text, rng)
