"""The stage `language`: each parameter, each reason, and the law of one decision a record."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import polars as pl
import pytest
from pydantic import ValidationError

from curation.language.codes import UNKNOWN
from curation.language.weights import weights_path
from curation.schema import DECISION_SCHEMA, RECORD_SCHEMA, TURN_SCHEMA, Batch, conform
from curation.stage import StageContext
from curation.stages.language import Language

ENGLISH = ("What is the capital of France?", "The capital of France is Paris.")
CHINESE = ("法国的首都是哪里？", "法国的首都是巴黎。")
JAPANESE = ("フランスの首都はどこですか", "フランスの首都はパリです。")
GERMAN = ("Was ist die Hauptstadt von Frankreich?", "Die Hauptstadt von Frankreich ist Paris.")
CODE = ("```\nx = 1\n```", "42")
WORDS = ("Info", "Menu")  # of many languages: a low score
RECORDS = {"en": ENGLISH, "zh": CHINESE, "ja": JAPANESE, "de": GERMAN, "code": CODE, "words": WORDS}


def batch(records: dict[str, tuple[str, str]] = RECORDS) -> Batch:
    turns = [
        (record, turn, role, text)
        for record, pair in records.items()
        for turn, (role, text) in enumerate(zip(("user", "assistant"), pair, strict=True))
    ]
    return Batch(
        conform(pl.DataFrame({"record_id": list(records)}), RECORD_SCHEMA),
        conform(pl.DataFrame(turns, schema=["record_id", "turn", "role", "content"], orient="row"), TURN_SCHEMA),
    )


def decided(records: dict[str, tuple[str, str]] = RECORDS, **parameters: object) -> dict[str, dict[str, object]]:
    """What the stage says of each record, with its values read."""
    decisions = Language(**parameters).decide(batch(records), StageContext())  # type: ignore[arg-type]
    assert decisions.rows.schema == DECISION_SCHEMA
    assert decisions.edits.is_empty()
    assert decisions.rows["record_id"].is_unique().all()
    assert set(decisions.rows["reason"]) <= set(Language.reasons)
    rows = decisions.rows.rows(named=True)
    return {row["record_id"]: {**row, **json.loads(row["values"])} for row in rows}


def actions(**parameters: object) -> dict[str, tuple[object, object]]:
    return {record: (row["action"], row["reason"]) for record, row in decided(**parameters).items()}


def test_by_default_nothing_is_decided() -> None:
    assert actions() == {}


def test_allow() -> None:
    outside = ("drop", "not_allowed")
    assert actions(allow=["en", "zh"]) == {"ja": outside, "de": outside}
    assert actions(allow=["en", "zh", "ja"]) == {"de": outside}


def test_deny() -> None:
    assert actions(deny=["de"]) == {"de": ("drop", "denied")}
    assert actions(allow=["en", "zh"], deny=["ja"]) == {"ja": ("drop", "denied"), "de": ("drop", "not_allowed")}


@pytest.mark.parametrize(("unknown", "action"), [("drop", "drop"), ("flag", "flag"), ("keep", None)])
def test_unknown(unknown: str, action: str | None) -> None:
    said = (action, "unknown_language")
    assert actions(unknown=unknown) == ({"code": said, "words": said} if action else {})


def test_unknown_is_not_what_allow_drops() -> None:
    assert actions(allow=["en", "zh", "ja", "de"]) == {}


def test_annotate_gives_every_record_its_language() -> None:
    rows = decided(annotate=True)
    assert {record: row["language"] for record, row in rows.items()} == {
        "en": "en", "zh": "zh", "ja": "ja", "de": "de", "code": UNKNOWN, "words": UNKNOWN,
    }  # fmt: skip
    assert {(row["action"], row["reason"]) for row in rows.values()} == {("annotate", "detected")}
    assert all(row["language_score"] == row["score"] for row in rows.values())


def test_dropped_and_flagged_records_carry_the_values_in_their_one_row() -> None:
    rows = decided(annotate=True, allow=["en"], unknown="flag")
    assert len(rows) == len(RECORDS)
    assert (rows["zh"]["action"], rows["zh"]["language"], rows["zh"]["language_score"]) == ("drop", "zh", 1.0)
    assert (rows["code"]["action"], rows["code"]["language"], rows["code"]["score"]) == ("flag", UNKNOWN, 0.0)
    assert decided(allow=["en"])["zh"]["language"] == "zh"


def test_threshold_is_in_the_row_and_moves_the_line() -> None:
    assert "words" in actions(unknown="drop", threshold=0.5)
    assert "words" not in actions(unknown="drop", threshold=0.0)
    assert {"en", "de"} <= set(actions(unknown="drop", threshold=0.9999))
    assert decided(unknown="drop", threshold=0.6)["words"]["threshold"] == 0.6


def test_detail_says_why_it_is_unknown_and_holds_no_text() -> None:
    rows = decided(unknown="drop", annotate=True)
    assert rows["code"]["detail"] == "too few letters"
    assert str(rows["words"]["detail"]).startswith("most like ")
    assert rows["en"]["detail"] is None


def test_part() -> None:
    translation = {"t": ("What is the capital of France? Please answer me in Chinese.", "巴黎。")}
    assert decided(translation, annotate=True)["t"]["language"] == "en"
    assert decided(translation, annotate=True, part="answer")["t"]["language"] == "zh"
    assert decided(translation, annotate=True, part="system")["t"]["language"] == UNKNOWN


def test_chars() -> None:
    late = {"t": ("What is the capital of France?", "今天天气很好我们去公园吧" * 20)}
    assert decided(late, annotate=True, chars=30)["t"]["language"] == "en"
    assert decided(late, annotate=True)["t"]["language"] == "zh"


def test_among() -> None:
    word = {"t": ("Tillbehör", "")}
    assert decided(word, annotate=True, among=["sv", "en"], threshold=0)["t"]["language"] == "sv"
    assert decided(word, annotate=True, among=["de", "en"], threshold=0)["t"]["language"] == "de"


def test_codes_are_made_the_usual_ones_and_checked() -> None:
    assert Language(allow=["zh-CN", "nb", "zh"]).allow == ("zh", "no")
    with pytest.raises(ValidationError, match="unknown language 'klingon'"):
        Language(allow=["klingon"])
    with pytest.raises(ValidationError, match="unknown language"):
        Language(among=["??"])
    with pytest.raises(ValidationError, match="'de' is both in allow and in deny"):
        Language(allow=["de", "en"], deny=["de"])


@pytest.mark.parametrize(
    "bad", [{"threshold": 1.5}, {"chars": 5}, {"unknown": "maybe"}, {"part": "title"}, {"alow": []}]
)
def test_bad_parameters_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Language(**bad)  # type: ignore[arg-type]


def test_no_records() -> None:
    assert actions(records={}, annotate=True, unknown="drop", allow=["en"]) == {}


def test_assets_name_the_weights() -> None:
    assert Language().assets() == {"lid.176.ftz": hashlib.sha256(weights_path().read_bytes()).hexdigest()}


def test_importing_the_stage_loads_no_model_and_no_numpy() -> None:
    code = (
        "import sys; from curation.stages.language import Language; Language(allow=['zh']);"
        "print([m for m in ('numpy', 'torch', 'curation.language.detect') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
