"""The review index of a run: every number against the ledger, every text against the dataset, verdicts on top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_inputs import run
from finished_run import BAD, USES, small
from verdict_runs import RECIPE, about, dataset, first, judge, ledger, read, write_input

from curation.diff import OPEN, Filter, ReviewIndex
from curation.diff.index import FOLDER
from curation.diff.judge import keep_copy, on_record, verdicts_on
from curation.engine import local
from curation.errors import InputError
from curation.verdicts import Verdict, fold, read_journal


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    write_input(tmp_path / "in.jsonl", 120)
    write_input(tmp_path / "more.jsonl", 50)
    run(tmp_path / "run", tmp_path / "in.jsonl", tmp_path / "more.jsonl", recipe=RECIPE, workers=1)
    return tmp_path / "run"


def test_the_numbers_are_those_of_the_ledger(done: Path) -> None:
    rows = ledger(done).filter(pl.col("action").is_in(["drop", "edit", "flag"]))
    counts = ReviewIndex.open(done).counts()
    dropped = rows.filter(pl.col("action") == "drop")
    edited_only = rows.filter(pl.col("action") == "edit").join(dropped, on="record_id", how="anti")
    assert counts.by_status == {"removed": dropped.height, "changed": edited_only["record_id"].n_unique()}
    wanted = rows.group_by("stage", "reason").len()
    assert counts.by_reason == {(stage, reason): number for stage, reason, number in wanted.iter_rows()}
    assert counts.total == rows["record_id"].n_unique()
    assert counts.total + counts.equal == 170
    by_source = rows.with_columns(s=pl.col("record_id").str.split(":").list.first()).group_by("s")
    assert counts.by_source == dict(by_source.agg(pl.col("record_id").n_unique()).iter_rows())
    assert counts.by_verdict == {OPEN: counts.total} and counts.judged == 0


def test_every_hunk_says_what_the_run_did(done: Path) -> None:
    index = ReviewIndex.open(done)
    hunks = index.page(n=1000)
    assert len(hunks) == len(index)
    order = read(done)["record_id"].to_list()
    assert [h.record_id for h in hunks] == [i for i in order if i in {h.record_id for h in hunks}]
    hashes = dict(read(done).iter_rows())
    kept = [item for file in sorted(done.glob("dataset/*.jsonl")) for item in map(json.loads, file.open())]
    answers = {(item["question"], item["answer"]) for item in kept}
    for hunk in hunks:
        assert hunk.content_hash == hashes[hunk.record_id]
        assert [turn.role for turn in hunk.before] == ["user", "assistant"]
        if hunk.status == "removed":
            assert not hunk.after and hunk.causes[-1].action == "drop"
            assert (hunk.stage, hunk.reason) == (hunk.causes[-1].stage, hunk.causes[-1].reason)
        else:
            assert hunk.status == "changed" and hunk.before != hunk.after
            assert tuple(turn.content for turn in hunk.after) in answers
    twins = [hunk for hunk in hunks if hunk.reason == "duplicate"]
    assert twins and all(index.record(hunk.related_id or "") for hunk in twins)
    assert all(hunk.score == 2 or hunk.score > 2 for hunk in twins if hunk.score)


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (Filter(status="removed"), lambda h: h.status == "removed"),
        (Filter(stage="clean"), lambda h: any(c.stage == "clean" for c in h.causes)),
        (Filter(stage="length", reason="too_short"), lambda h: any(c.reason == "too_short" for c in h.causes)),
        (Filter(reason="duplicate"), lambda h: any(c.reason == "duplicate" for c in h.causes)),
        (Filter(source="more.jsonl"), lambda h: h.source == "more.jsonl"),
        (Filter(text="INDEED"), lambda h: "Indeed" in h.before[1].content),
        (Filter(text="第5号"), lambda h: "第5号" in h.before[0].content),
        (
            Filter(status="changed", text="number 5,"),
            lambda h: h.status == "changed" and "number 5," in h.before[0].content,
        ),
        (Filter(record_id="in.jsonl:8"), lambda h: h.record_id == "in.jsonl:8"),
        (Filter(stage="nothing"), lambda h: False),
        (Filter(status="nothing"), lambda h: False),
        (Filter(source="nothing"), lambda h: False),
        (Filter(record_id="nothing"), lambda h: False),
    ],
)
def test_a_filter_leaves_what_it_says(done: Path, only: Filter, wanted: Any) -> None:
    index = ReviewIndex.open(done)
    expected = [hunk.record_id for hunk in index.page(n=1000) if wanted(hunk)]
    assert [hunk.record_id for hunk in index.page(only, n=1000)] == expected
    assert index.counts(only).total == len(expected)
    assert expected or "nothing" in (only.stage, only.status, only.source, only.record_id)


def test_pages_are_parts_of_the_whole(done: Path) -> None:
    index = ReviewIndex.open(done)
    whole = index.page(Filter(status="removed"), n=1000)
    parts = [hunk for start in range(0, len(whole), 7) for hunk in index.page(Filter(status="removed"), start, 7)]
    assert parts == whole
    assert index.page(start=10_000) == []


def test_an_index_is_built_once_and_again_when_the_run_is_another(done: Path, tmp_path: Path) -> None:
    ReviewIndex.open(done)
    facts = done / FOLDER / "facts.json"
    before = facts.stat().st_mtime_ns
    ReviewIndex.open(done)
    assert facts.stat().st_mtime_ns == before
    assert (done / FOLDER / "hunks.arrow").stat().st_mode & 0o777 == 0o600
    facts.write_bytes(b"{")
    assert len(ReviewIndex.open(done)) > 0
    chosen = first(done, "length", "drop")
    judge(done, about(done, chosen["record_id"], "reject", stage="length"))
    run(done, tmp_path / "in.jsonl", tmp_path / "more.jsonl", recipe=RECIPE, workers=1)
    index = ReviewIndex.open(done)
    (hunk,) = index.page(Filter(record_id=chosen["record_id"]))
    assert (hunk.status, hunk.stage, hunk.reason) == ("kept", "length", "too_short"), "it stays in its queue"
    assert hunk.causes[0].actor == "human" and "overruled" in hunk.causes[0].reason_text
    assert hunk.verdict is not None and hunk.verdict.status == "rejected"
    again = verdicts_on(index, [hunk.number], "reject", "lin")
    assert (again[0].stage, again[0].reason) == ("length", "too_short")


def test_verdicts_are_shown_beside_the_hunks(done: Path) -> None:
    index = ReviewIndex.open(done)
    short = index.rows(Filter(stage="length")).tolist()
    lines = verdicts_on(index, short[:3], "reject", "lin") + verdicts_on(index, short[3:4], "accept", "lin")
    lines += verdicts_on(index, short[4:5], "tag", "lin", tags=("x",))
    lines.append(Verdict("drop", index.page()[0].record_id, "0" * 32))  # its content was another
    index.judge(fold(lines))
    counts = index.counts()
    assert counts.by_verdict == {OPEN: counts.total - 4, "accepted": 1, "rejected": 3}
    assert counts.judged == 4 and counts.judged_by_reason == {("length", "too_short"): 4}
    assert index.counts(Filter(stage="length")).judged == 4 and index.counts(Filter(stage="clean")).judged == 0
    assert [hunk.number for hunk in index.page(Filter(verdict="rejected"))] == short[:3]
    assert index.counts(Filter(verdict=OPEN)).total == counts.total - 4
    assert index.hunks(short[4:5])[0].verdict.tags.tags == ("x",)  # type: ignore[union-attr]
    index.judge(fold([*lines, Verdict("undo", of=tuple(line.id for line in lines))]))
    assert index.counts().judged == 0


def test_a_bulk_decision_is_one_act(done: Path) -> None:
    index = ReviewIndex.open(done)
    rows = index.rows(Filter(stage="clean")).tolist()
    lines = verdicts_on(index, rows, "reject", "lin", stage="clean")
    assert len({line.group for line in lines}) == 1 and len(lines) == len(rows)
    assert {line.stage for line in lines} == {"clean"} and {line.reason for line in lines} == {""}
    hashes = dict(read(done).iter_rows())
    assert all(hashes[line.record_id] == line.content_hash for line in lines)


def test_keeping_another_copy_swaps_the_two(done: Path, tmp_path: Path) -> None:
    index = ReviewIndex.open(done)
    (hunk,) = index.page(Filter(stage="exact", status="removed"), n=1)
    file = judge(done, *keep_copy(index, hunk.number, "lin"))
    inputs = [tmp_path / name for name in ("in.jsonl", "more.jsonl")]
    run(tmp_path / "new", *inputs, recipe=RECIPE, workers=1, verdicts=file)
    new = ReviewIndex.open(tmp_path / "new")
    assert [h.status for h in new.page(Filter(record_id=hunk.record_id))] == ["kept"]
    (twin,) = new.page(Filter(record_id=hunk.related_id or ""))
    assert (twin.status, twin.stage, twin.reason) == ("removed", "review", "dropped")
    with pytest.raises(InputError, match="not dropped as the copy"):
        keep_copy(index, index.rows(Filter(stage="length"))[0], "lin")


def test_an_edit_is_of_a_turn_that_exists(done: Path, tmp_path: Path) -> None:
    index = ReviewIndex.open(done)
    (chosen,) = index.page(Filter(status="changed"), n=1)
    with pytest.raises(InputError, match="has no turn 5"):
        on_record(index, chosen.record_id, "edit", "lin", turn=5, after="x")
    with pytest.raises(InputError, match=r"no record in\.jsonl:999"):
        on_record(index, "in.jsonl:999", "drop", "lin")
    file = judge(done, on_record(index, chosen.record_id, "edit", "lin", turn=1, after="Better, and written by hand."))
    run(tmp_path / "new", tmp_path / "in.jsonl", recipe=RECIPE, workers=1, verdicts=file)
    new = ReviewIndex.open(tmp_path / "new")
    (hunk,) = new.page(Filter(text="written by hand"))
    assert hunk.after[1].content == "Better, and written by hand." and hunk.verdict.status == "edited"  # type: ignore[union-attr]
    assert [cause.stage for cause in hunk.causes] == ["clean", "review"]
    assert len(read_journal(file).verdicts) == 1 and dataset(tmp_path / "new")


def test_a_run_made_by_hand_with_strange_texts(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07 <b>bold</b> \u202e"
    made = small(tmp_path / "run", text=hostile)
    folder = made.write(USES, [BAD], shards=2)
    index = ReviewIndex.open(folder)
    hunks = {hunk.record_id: hunk for hunk in index.page()}
    assert {key: hunk.status for key, hunk in hunks.items()} == {
        "a.jsonl:1": "changed", "a.jsonl:2": "removed", "a.jsonl:4": "removed",
    }  # fmt: skip
    both = hunks["a.jsonl:1"]
    assert [cause.stage for cause in both.causes] == ["clean", "clean-2"] and (both.stage, both.reason) == (
        "clean",
        "html",
    )
    assert both.after[1].content == "We do, inside. " + hostile
    assert index.counts(Filter(stage="clean-2")).total == 1


def test_a_folder_without_a_finished_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        ReviewIndex.open(tmp_path)
