"""The sample data: every record shows what its README says, all of it is fake, and the stages find it."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation.engine.local import curate
from curation.ledger import batch_of, read_index
from curation.recipe import Recipe

DATASETS = Path(__file__).parents[2] / "datasets"
NO_RECORD = {"sd-cut": "malformed_line", "sd-nan": "lone_nan", "zh-ragged": "ragged_row"}


def support_desk() -> list[dict[str, Any]]:
    lines = (DATASETS / "support_desk.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines if line and '"sd-cut"' not in line and '"sd-nan"' not in line]


def qa_zh() -> list[dict[str, Any]]:
    with (DATASETS / "qa_zh.csv").open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["id"] != "zh-ragged"]


def alpaca_mixed() -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((DATASETS / "alpaca_mixed.json").read_text(encoding="utf-8"))
    return records


def everything() -> list[dict[str, Any]]:
    return support_desk() + qa_zh() + alpaca_mixed()


def text_of(record: dict[str, Any]) -> str:
    """The text a stage would see."""
    if "messages" in record:
        return "\n".join(turn["content"] for turn in record["messages"] if isinstance(turn["content"], str))
    return "\n".join(record[name] for name in ("问题", "答案", "instruction", "input", "output") if name in record)


def told_in_readme() -> dict[str, str]:
    """Record id to the `shows` that the README puts it under; `sd-001 … sd-030` is a span."""
    told: dict[str, str] = {}
    for line in (DATASETS / "README.md").read_text(encoding="utf-8").splitlines():
        cells = re.fullmatch(r"\| `(\w+)` \| .* \| (.*) \|", line)
        if cells is None or cells[1] == "shows":
            continue
        for part in cells[2].split(", "):
            first, _, last = part.partition(" … ")
            ids = [first]
            if last:
                ids = [f"{first[:3]}{number:03d}" for number in range(int(first[3:]), int(last[3:]) + 1)]
            for record_id in ids:
                assert record_id not in told, record_id
                told[record_id] = cells[1]
    return told


def test_the_readme_tells_every_record_and_no_other() -> None:
    shown = {record["id"]: record["shows"] for record in everything()} | NO_RECORD
    told = told_in_readme()
    assert told.pop("line 76") == "blank_line"
    assert told == shown
    assert len(shown) == 117 + 88 + 84 + len(NO_RECORD)


def test_ids_are_unique_and_twins_exist() -> None:
    records = {record["id"]: record for record in everything()}
    assert len(records) == len(everything())
    twins = [record for record in records.values() if record.get("twin")]
    assert len(twins) >= 30
    for record in twins:
        assert record["twin"] in records
        assert record["twin"] != record["id"]


def test_copies_are_copies() -> None:
    records = {record["id"]: record for record in everything()}
    for record in records.values():
        if record["shows"] == "exact_duplicate":
            assert text_of(record) == text_of(records[record["twin"]])
        elif record["shows"] == "exact_after_normalisation":
            pair = [re.sub(r"\s+", " ", text_of(one).casefold()).strip() for one in (record, records[record["twin"]])]
            assert text_of(record) != text_of(records[record["twin"]])
            assert len({re.sub(r"[\s?？]", "", text) for text in pair}) == 1


def test_only_data_lies_here() -> None:
    endings = {path.suffix for path in DATASETS.rglob("*") if path.is_file()}
    assert endings <= {".jsonl", ".csv", ".json", ".md", ".html", ".txt", ".pdf", ".docx", ".pptx", ".epub"}


def luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def identity_card(number: str) -> bool:
    """GB 11643: the last of 18 characters is a weighted sum modulo 11."""
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    total = sum(weight * int(digit) for weight, digit in zip(weights, number[:17], strict=True))
    return "10X98765432"[total % 11] == number[17]


def test_numbers_that_should_look_real_have_a_right_checksum() -> None:
    by_kind = defaultdict(list)
    for record in everything():
        by_kind[record["shows"]].append(re.sub(r"[\s-]", "", text_of(record)))
    for text in by_kind["pii_card"]:
        numbers = re.findall(r"(?<!\d)\d{16,19}(?!\d)", text)
        assert numbers
        assert all(map(luhn, numbers))
    assert any(identity_card(found) for text in by_kind["pii_id_card"] for found in re.findall(r"\d{17}[\dX]", text))
    iban = re.search(r"GB\d{2}[A-Z]{4}\d{14}", by_kind["pii_iban"][0])
    assert iban is not None
    moved = iban[0][4:] + iban[0][:4]
    assert int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def test_addresses_are_reserved_ones() -> None:
    for record in everything():
        for address in re.findall(r"(?:[\w.+-]+@|https?://(?:\w+:\w+@)?)([a-z0-9.-]+\.[a-z]+)", text_of(record)):
            assert re.fullmatch(r"(.+\.)?example\.(com|org|net)", address), (record["id"], address)
        for ip in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text_of(record)):
            assert ip.startswith(("203.0.113.", "192.0.2.", "198.51.100.")), (record["id"], ip)


def test_secrets_are_in_the_records_and_not_in_the_files() -> None:
    """Scanners of repositories read the bytes; a stage reads the parsed text."""
    shape = re.compile(r"sk-test-\w{20,}|eyJ\w{10,}\.eyJ\w{10,}|postgres://\w+:\w+@")
    found = [record["id"] for record in everything() if shape.search(text_of(record))]
    assert sorted(found) == sorted(record["id"] for record in everything() if record["shows"] == "secret")
    for path in DATASETS.rglob("*.*"):
        assert not shape.search(path.read_text(encoding="utf-8", errors="replace")), path


@pytest.mark.parametrize(
    ("shows", "pattern"),
    [
        ("zero_width", "[\u200b-\u200d\ufeff]"),
        ("control_characters", "[\x00-\x08\x0b-\x1f]"),
        ("bidi_override", "\u202e"),
        ("html", "</p>|</span>"),
        ("html_entities", "&[a-z#0-9]+;"),
        ("mojibake", "Ã|â€|[\x80-\x9f]"),
        ("url", "https?://"),
        ("fullwidth", "[０-９ａ-ｚ]"),
        ("unicode_forms", "\u0301"),
        ("code_block", "```"),
        ("markdown_table", r"\|:?-+"),
        ("math_less_than", "[a-z0-9] ?< ?[a-z0-9]"),
        ("refusal", "language model|语言模型|can't assist"),
        ("placeholder", r"[\[{【]"),
    ],
)
def test_the_mess_is_really_there(shows: str, pattern: str) -> None:
    texts = [text_of(record) for record in everything() if record["shows"] == shows]
    assert texts
    for text in texts:
        assert re.search(pattern, text), text


# What the recipe `sft`, told to keep English and Chinese, does with each kind: the stage that drops it, or its fate.
FATES = {
    "as is": """clean multi_turn assistant_first tool_call multimodal code_block markdown_table markdown_survives
        list_survives math_less_than math_survives poem_refrain quoted_mail emoji_survives traditional short_but_good
        pii_lookalike machine_text_about quoted_survives template boilerplate hard_non_paraphrase number_differs
        same_question_other_answer""",
    "edited": "html html_entities zero_width control_characters bidi_override whitespace",
    "length": "too_short",
    "answered": "empty_answer",
    "repetition": "repeated_lines loop too_long",
    "quality": "symbols ellipsis lorem_ipsum javascript_notice",
    "exact": "exact_duplicate",
}


# What the stages for privacy, machine text and values decide about each kind: the stage and the reason.
CAREFUL = """
name: careful
stages:
  - use: pii
    names: false
  - use: machine_text
    actions: {refusal: flag, prompt_leak: flag, looping: flag, boilerplate: flag}
  - use: values
    actions: {toxicity: flag}
"""
CARE = {
    **dict.fromkeys(
        "pii_email pii_phone pii_card pii_iban pii_id_card pii_ip pii_plate pii_wechat".split(), ("pii", "masked")
    ),
    **{kind: ("machine_text", kind) for kind in ("refusal", "disclaimer", "placeholder", "prompt_leak")},
    "chat_filler": ("machine_text", "boilerplate"),
    "insult": ("values", "toxicity"),
}
LEFT_ALONE = """clean multi_turn code_block markdown_table math_survives poem_refrain short_but_good template
    boilerplate pii_lookalike machine_text_about quoted_survives""".split()


@pytest.fixture(scope="module")
def cared_for(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """The (stage, reason) of every decision of the recipe above, by the `id` of the record."""
    folder = tmp_path_factory.mktemp("careful")
    (folder / "careful.yaml").write_text(CAREFUL)
    return decisions_of(folder / "run", Recipe.load(str(folder / "careful.yaml")), "reason")


@pytest.mark.parametrize("shows", [*CARE, *LEFT_ALONE])
def test_personal_data_machine_text_and_insults_are_found(
    cared_for: dict[str, set[tuple[str, str]]], shows: str
) -> None:
    mine = {record["id"]: cared_for[record["id"]] for record in everything() if record["shows"] == shows}
    assert mine
    assert set().union(*mine.values()) == ({CARE[shows]} if shows in CARE else set()), mine
    assert all(mine.values()) is (shows in CARE)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """The (stage, action) of every decision but annotations, by the `id` of the record, from a real run."""
    recipe = Recipe.load("sft").with_settings(["language.enabled=true", "language.allow=[en, zh]"])
    return decisions_of(tmp_path_factory.mktemp("runs") / "sample", recipe, "action")


def decisions_of(folder: Path, recipe: Recipe, what: str) -> dict[str, set[tuple[str, str]]]:
    """The stage and `what` of every decision but annotations, by the `id` of the record, from a run over the sample."""
    inputs = [str(DATASETS / name) for name in ("support_desk.jsonl", "qa_zh.csv", "alpaca_mixed.json")]
    summary = curate(inputs, recipe, folder, listener=lambda event: None, workers=1)
    assert summary["counts"]["quarantined"] == len(NO_RECORD)
    assert summary["counts"]["blank"] == 2
    ids: dict[str, str] = {}
    for place in range(len(read_index(folder))):
        for record_id, meta in batch_of(folder, place).records.select("record_id", "meta").iter_rows():
            ids[record_id] = re.findall(r'"((?:sd|zh|am)-\d{3})"', meta)[0]
    assert sorted(ids.values()) == sorted(record["id"] for record in everything())
    found: dict[str, set[tuple[str, str]]] = {own: set() for own in ids.values()}
    for path in sorted((folder / "ledger").glob("*.parquet")):
        made = pl.read_parquet(path).filter(pl.col("action") != "annotate")
        for record_id, stage, told in made.select("record_id", "stage", what).iter_rows():
            found[ids[record_id]].add((stage, told))
    return found


@pytest.mark.parametrize(("fate", "shows"), [(fate, shows) for fate, kinds in FATES.items() for shows in kinds.split()])
def test_the_starter_recipe_does_what_the_record_is_for(
    decided: dict[str, set[tuple[str, str]]], fate: str, shows: str
) -> None:
    mine = {record["id"]: decided[record["id"]] for record in everything() if record["shows"] == shows}
    assert mine
    if fate == "as is":
        assert all(not decisions for decisions in mine.values()), mine
    elif fate == "edited":
        assert all({action for _, action in decisions} == {"edit"} for decisions in mine.values()), mine
    else:
        assert all((fate, "drop") in decisions for decisions in mine.values()), mine


def test_other_languages_go(decided: dict[str, set[tuple[str, str]]]) -> None:
    gone = [
        record["id"]
        for record in everything()
        if record["shows"] == "wrong_language" and ("language", "drop") in decided[record["id"]]
    ]
    assert gone == ["sd-086", "sd-087", "zh-066", "am-068", "am-069"]  # the others are Chinese and English themselves
