"""The `where` stage: SQL on original columns, their types, nulls, and conditions that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from curation.errors import StageError
from curation.formats import read_record
from curation.readers import column_types
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, Decisions, content_hash
from curation.stage import StageContext
from curation.stages.where import Where

POSTS: list[dict[str, Any]] = [
    {"question": "q1", "answer": "a1", "karma": 5, "sub": "x", "ok": True, "tags": ["a", "b"]},
    {"question": "q2", "answer": "a2", "karma": 2, "sub": "y", "ok": False, "tags": []},
    {"question": "问题", "answer": "回答", "karma": None, "sub": "中文", "ok": None, "tags": None},
    {"question": "q4", "answer": "a longer answer", "karma": 3.5, "sub": None},
]


def read(sources: Mapping[str, list[dict[str, Any]]]) -> tuple[Batch, StageContext]:
    """Objects as the engine hands them to a stage: parsed by their formats, column types taken from all of them."""
    records, turns = [], []
    for source, objects in sources.items():
        for place, obj in enumerate(objects):
            name = f"{source}:{place + 1}"
            form, chat, meta = read_record(obj, None, None)
            records.append((name, content_hash(chat), source, form, [], meta))
            turns += [(name, turn, role, content) for turn, (role, content) in enumerate(chat)]
    batch = Batch(
        pl.DataFrame(records, schema=RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row")
    )
    return batch, StageContext(column_types={source: column_types(objects) for source, objects in sources.items()})


def decide(condition: str, sources: Mapping[str, list[dict[str, Any]]] | None = None, **parameters: Any) -> Decisions:
    batch, context = read(sources or {"p": POSTS})
    stage = Where(condition=condition, **parameters)
    stage.check(context.column_types)
    return stage.decide(batch, context)


def outcome(condition: str, sources: Mapping[str, list[dict[str, Any]]] | None = None, **parameters: Any) -> str:
    """One letter a record: k(ept), f(alse), n(ull)."""
    decisions = decide(condition, sources, **parameters)
    letters = {"condition_false": "f", "condition_null": "n"}
    reason = {name: letters[why] for name, why in decisions.rows.select("record_id", "reason").iter_rows()}
    batch, _ = read(sources or {"p": POSTS})
    return "".join(reason.get(name, "k") for name in batch.records["record_id"])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("karma >= 3", "kfnk"),
        ("karma >= 3 AND sub = 'x'", "kffn"),
        ("karma IN (2, 5)", "kknf"),
        ("karma BETWEEN 2 AND 4", "fknk"),
        ("karma % 2 = 1", "kfnf"),
        ("karma IS NULL", "ffkf"),
        ("sub IS NOT NULL", "kkkf"),
        ("sub = '中文' OR karma > 4", "kfkn"),
        ("sub LIKE 'x%'", "kffn"),
        ("ok", "kfnn"),
        ("NOT ok", "fknn"),
        ("ok IS TRUE", "kfnn"),
        ("tags LIKE '%\"a\"%'", "kfnn"),
        ("length(answer) > 3", "fffk"),
        ("answer ILIKE 'A LONG%'", "fffk"),
        ("\"question\" = '问题'", "ffkf"),
        ("turns = 2", "kkkk"),
        ("chars > 4", "fffk"),
        ("source = 'p'", "kkkk"),
        ("format <> 'qa' OR record_id = 'p:2'", "fkff"),
        ("1 = 1", "kkkk"),
        ("NULL", "nnnn"),
        ("CASE WHEN karma > 4 THEN false ELSE true END", "fkkk"),
        ("COALESCE(karma, 0) < 3", "fkkf"),
        ("LEFT(sub, 1) = 'x' AND sub || '!' = 'x!'", "kffn"),
        ("karma > 3 AS good", "kfnk"),
        ("sub <> 'now()'", "kkkn"),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    if "format" in condition:
        condition = condition.replace("'qa'", "format")
    assert outcome(condition) == expected


def test_nulls_may_be_kept() -> None:
    assert outcome("karma >= 3", nulls="keep") == "kfkk"
    assert outcome("karma >= 3", nulls="drop") == "kfnk"


def test_decisions() -> None:
    decisions = decide("karma >= 3")
    assert decisions.rows.select("record_id", "action", "reason").rows() == [
        ("p:2", "drop", "condition_false"),
        ("p:3", "drop", "condition_null"),
    ]
    assert set(decisions.rows["reason"]) == set(Where.reasons)
    assert decisions.edits.is_empty()


def qa(**columns: Any) -> dict[str, Any]:
    return {"question": "q", "answer": "a", **columns}


def test_numbers_of_csv_compare_as_numbers() -> None:
    cells = [qa(karma="10"), qa(karma=" 9 "), qa(karma=""), qa(karma="1e1")]
    assert outcome("karma >= 10", {"c": cells}) == "kfnk"


def test_what_does_not_fit_its_type_is_null() -> None:
    context = StageContext(column_types={"s": {"n": "number", "b": "bool", "t": "string", "o": "other"}})
    values: list[Any] = [3, "3", "x", True, None, [1], 10**400, "nan"]
    batch, _ = read({"s": [qa(n=value, b=value, t=value, o=value) for value in values]})

    def kept(condition: str) -> list[Any]:
        gone = set(Where(condition=condition).decide(batch, context).rows["record_id"])
        return [value for value, name in zip(values, batch.records["record_id"], strict=True) if name not in gone]

    assert kept("n IS NOT NULL") == [3, "3"]
    assert kept("b IS NOT NULL") == [True]
    assert kept("t IS NOT NULL") == ["3", "x", "nan"]
    assert kept("o IS NOT NULL") == [3, "3", "x", True, [1], 10**400, "nan"]
    assert kept("o = '3'") == [3, "3"]
    assert kept("o = '[1]'") == [[1]]
    assert kept("o = 'true'") == [True]


def test_sources_may_have_other_columns_and_other_types() -> None:
    sources = {"a": [qa(karma=5), qa(karma=1)], "b": [qa(), qa(stars=9)], "c": [qa(karma="7"), qa(karma="0")]}
    assert outcome("karma > 3", sources) == "kfnnkf"
    assert outcome("karma > 3 OR stars > 3", sources) == "knnkkn"


def test_the_order_of_decisions_is_that_of_records_though_sources_alternate() -> None:
    batch, context = read({"a": [qa(n=1), qa(n=2)], "b": [qa(n=1), qa(n=2)]})
    order = [0, 2, 1, 3]
    mixed = Batch(batch.records[order], pl.concat([batch.turns[2 * at : 2 * at + 2] for at in order]))
    assert Where(condition="n > 5").decide(mixed, context).rows["record_id"].to_list() == ["a:1", "b:1", "a:2", "b:2"]


def test_original_columns_come_before_extra_ones() -> None:
    posts = [qa(source="web", turns=9), qa(source="book", turns=1)]
    assert outcome("source = 'web' AND turns > 5", {"p": posts}) == "kf"


def test_text_columns_are_as_the_stages_before_left_them() -> None:
    batch, context = read({"p": POSTS[:2]})
    edited = Batch(batch.records, batch.turns.with_columns(content=pl.col("content").str.to_uppercase()))
    assert Where(condition="answer = 'A1'").decide(edited, context).rows["record_id"].to_list() == ["p:2"]


def test_conversations() -> None:
    chat = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}], "lang": "en"}
    assert outcome("lang = 'en' AND turns = 2 AND chars = 4", {"p": [chat]}) == "k"
    assert outcome('messages LIKE \'%"content":"yo"%\'', {"p": [chat]}) == "k"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("karma >=", "unable to parse"),
        ("select 1", "found 'select'"),
        ("karma > 1; drop table x", "unexpected token"),
        ("sudoku(karma) > 1", "unsupported function"),
        ("*", "unable to parse"),
        ("", "at least 1 character"),
        ("created < current_date", "ask for the time"),
        ("created < NOW()", "ask for the time"),
        ("greatest() > 1", "not an SQL condition"),
    ],
)
def test_what_is_no_sql_is_a_validation_error_with_the_parsers_words(condition: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Where(condition=condition)


@pytest.mark.parametrize(
    "condition",
    [
        "count(*) > 3",
        "sum(karma) > 1",
        "karma > avg(karma)",
        "karma > avg(karma) OVER (PARTITION BY sub)",
        "rank() OVER (ORDER BY karma) > 1",
        "row_number() OVER (ORDER BY karma) > 1",
        "lag(karma) OVER (ORDER BY karma) > 1",
        "first(karma) > 1",
        "stddev(karma) > 1",
        "median(karma) > 1",
        "quantile_cont(karma, 0.5) > 1",
        "corr(karma, karma) > 0",
        "count(DISTINCT sub) > 1",
        "unnest(karma) > 1",
        "EXISTS (SELECT 1)",
        "karma IN (SELECT 1)",
        "karma > ALL (SELECT 1)",
        "COLUMNS('k.*') > 1",
    ],
)
def test_a_condition_must_be_about_one_record(condition: str) -> None:
    with pytest.raises(ValidationError, match=r"one record|not an SQL condition"):
        Where(condition=condition)


def test_the_same_record_gets_the_same_decision_in_whatever_company() -> None:
    """What no condition may do: look at other records. Each is decided alone, and among all."""
    batch, context = read({"p": POSTS})
    for condition in (
        "karma >= 3",
        "abs(karma) + length(sub) > 5",
        "upper(sub) = 'X'",
        "reverse(sub) = 'x'",
        "ok OR karma > 1",
    ):
        stage = Where(condition=condition)
        alone = [
            stage.decide(Batch(batch.records[at], batch.turns[2 * at : 2 * at + 2]), context).rows for at in range(4)
        ]
        assert pl.concat(alone).equals(stage.decide(batch, context).rows), condition


def test_an_unknown_column_names_the_nearest() -> None:
    batch, context = read({"p": POSTS})
    stage = Where(condition="karna > 3")
    for act in (lambda: stage.check(context.column_types), lambda: stage.decide(batch, context)):
        with pytest.raises(StageError, match="no source has a column 'karna'") as caught:
            act()
        assert "'karma'" in caught.value.hint
    Where(condition="turns > 3").check({})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("sub > 3", "sub is string"),
        ("karma = 'x'", "karma is number"),
        ("tags >= 3", "tags is other"),
        ("karma", "not true or false"),
        ("sub", "not true or false"),
        ("sub.name = 'x'", "sub is string"),
    ],
)
def test_types_that_do_not_go_together_are_a_typed_error_before_the_run(condition: str, message: str) -> None:
    _, context = read({"p": POSTS})
    with pytest.raises(StageError, match=message) as caught:
        Where(condition=condition).check(context.column_types)
    assert caught.value.hint


def test_a_cast_that_fails_on_some_value_is_a_typed_error() -> None:
    with pytest.raises(StageError, match="conversion") as caught:
        decide("CAST(sub AS INT) > 1")
    assert "中文" not in caught.value.message  # no data in messages
    assert outcome("TRY_CAST(sub AS INT) > 1") == "nnnn"
