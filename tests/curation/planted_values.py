"""Values that nobody has, planted in records, and a search for them in any file, spacing and width."""

from __future__ import annotations

import html
import json
import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import polars as pl

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_FILL_ZH = [
    "今天的天气很好，我们一起去公园散步。",
    "这本书讲了一条河的故事。",
    "请把窗户关上，外面在下雨。",
    "茶要用八十度的水来泡。",
]
_FILL_EN = [
    "The river runs past the old mill.",
    "Bread needs time to rise.",
    "We walked home in the rain.",
    "The lamp is on.",
]


def values(count: int, seed: int = 5) -> list[tuple[str, str]]:
    """`(entity, value)` of structured types and secrets, each different."""
    draw = random.Random(seed)
    makers = [_phone, _id_card, _card, _mail, _key]
    found: dict[str, str] = {}
    while len(found) < count:
        entity, value = makers[len(found) % len(makers)](draw)
        found[value] = entity
    return [(entity, value) for value, entity in found.items()]


def _phone(draw: random.Random) -> tuple[str, str]:
    return "PHONE_NUMBER", f"1{draw.choice(['38', '39', '50', '87'])}{draw.randrange(10**8):08}"


def _id_card(draw: random.Random) -> tuple[str, str]:
    body = f"110105{draw.randrange(1950, 2005)}{draw.randrange(1, 13):02}{draw.randrange(1, 29):02}{draw.randrange(1, 1000):03}"
    return "CN_ID_CARD", body + "10X98765432"[sum(int(a) * b for a, b in zip(body, _WEIGHTS, strict=True)) % 11]


def _card(draw: random.Random) -> tuple[str, str]:
    body = f"4{draw.randrange(10**13, 10**14)}"
    total = sum(d if place % 2 else sum(divmod(d * 2, 10)) for place, d in enumerate(map(int, reversed(body))))
    return "CREDIT_CARD", f"{body}{-total % 10}"


def _mail(draw: random.Random) -> tuple[str, str]:
    word = ["".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(7)) for _ in range(3)]
    return "EMAIL_ADDRESS", f"{word[0]}.{word[1]}@{word[2]}.com"


def _key(draw: random.Random) -> tuple[str, str]:
    symbols = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "API_KEY", "ghp_" + "".join(draw.choice(symbols) for _ in range(36))


def write_records(path: Path, planted: list[tuple[str, str]], seed: int = 6) -> Path:
    """A file of question and answer records, one for each value and as many without; some are copies of others, too
    short for the recipe, full of debris (also within a value), or no record at all.
    """
    draw = random.Random(seed)
    lines: list[str] = []
    for number, (entity, value) in enumerate(planted):
        chinese = number % 2 == 0
        said = _spelled(draw, entity, value)
        fill = _FILL_ZH if chinese else _FILL_EN
        context = "请把这个记下来：{}。" if chinese else "Please write this down: {} for me."
        record = {
            "question": f"{draw.choice(fill)}{context.replace('{}', said)}",
            "answer": f"{draw.choice(fill)} {number} {value if number % 3 == 0 else ''}",
        }
        if number % 7 == 0:
            record["question"] = f"<p>{record['question']}</p>\u200b   {draw.choice(fill)}"
        line = json.dumps(record, ensure_ascii=number % 5 == 0)
        lines.append(line)
        if number % 6 == 0:
            lines.append(line)  # a copy, dropped for it
        if number % 8 == 0:
            lines.append(json.dumps({"question": said, "answer": ""}))  # too short an answer, dropped before the search
        if number % 25 == 0:
            lines.append(f'{{"question": "{value}", "answer": ')  # no record
        lines.append(
            json.dumps({"question": f"{draw.choice(fill)} {number}?", "answer": f"{draw.choice(fill)} {number}"})
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _spelled(draw: random.Random, entity: str, value: str) -> str:
    """The value in one of the spellings that people use."""
    if entity == "PHONE_NUMBER":
        a, b, c = value[:3], value[3:7], value[7:]
        return draw.choice([value, f"{a} {b} {c}", f"{a}-{b}-{c}", f"+86 {value}", _wide(value), f"{a}\u200b{b}{c}"])
    if entity == "CREDIT_CARD":
        return draw.choice([value, " ".join(re.findall("....", value)), "-".join(re.findall("....", value))])
    return draw.choice([value, _wide(value)]) if entity == "CN_ID_CARD" else value


def _wide(text: str) -> str:
    return "".join([chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text])


def squash(text: str) -> str:
    """Letters and digits in one width and case: the same for every spelling of a value."""
    return "".join([c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum()])


def texts_of(folder: Path, without: tuple[str, ...] = ("shards", "quarantine.jsonl")) -> Iterator[tuple[str, str]]:
    """Every file of a run's folder as text, squashed: as it is, and as what it says once escapes are read."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or name.split("/")[0] in without:
            continue
        raw = path.read_bytes().decode("utf-8", "replace")
        yield name, squash(raw)
        if path.suffix == ".parquet":
            yield name, squash(pl.read_parquet(path, glob=False).write_json())
        elif path.suffix == ".html":
            yield name, squash(html.unescape(re.sub("<[^>]*>", "", raw)))
        elif path.suffix in (".json", ".jsonl"):
            lines = raw.splitlines() if path.suffix == ".jsonl" else [raw]
            yield name, squash("\n".join(json.dumps(json.loads(line), ensure_ascii=False) for line in lines if line))


def leaks(folder: Path, planted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Files of a run's folder, and what of the planted values stands in them."""
    forms = [squash(value) for _, value in planted]
    return [(name, form) for name, text in texts_of(folder) for form in forms if form in text]
