"""The engine replays what people decided: over stages, over workers, over moved records, and over other parameters."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from engine_inputs import digests, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verdict_runs import RECIPE, about, dataset, first, judge, ledger, read, write_input

from curation.engine import local
from curation.errors import InputError, RecipeError
from curation.events import ShardFinished, Warned
from curation.ledger import why
from curation.verdicts import Verdict, fold, read_journal


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run over 120 records in three shards."""
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    write_input(tmp_path / "in.jsonl", 120)
    return again(tmp_path, "first")


def again(folder: Path, name: str, recipe: str = RECIPE, **options: Any) -> Path:
    options.setdefault("workers", 1)
    summary = run(folder / name, folder / "in.jsonl", recipe=recipe, **options)
    counts = summary["counts"]
    assert counts["read"] == counts["kept"] + counts["dropped"] + counts["quarantined"] + counts["blank"]
    assert not ledger(folder / name).select("record_id", "stage").is_duplicated().any()
    return folder / name


def number(row: dict[str, Any]) -> str:
    return str(int(row["record_id"].rpartition(":")[2]) - 1)


def test_a_rejected_drop_keeps_the_record_and_later_stages_see_it(done: Path, tmp_path: Path) -> None:
    dropped = first(done, "length", "drop")
    assert number(dropped) not in dataset(done)
    file = judge(done, about(done, dropped["record_id"], "reject", stage="length", reason="too_short"))
    new = again(tmp_path, "new", verdicts=file)
    assert number(dropped) in dataset(new)
    rows = ledger(new).filter(pl.col("record_id") == dropped["record_id"])
    row = rows.filter(pl.col("stage") == "length").row(0, named=True)
    assert (row["action"], row["reason"], row["actor"]) == ("annotate", "overruled", "human")
    assert row["score"] == dropped["score"] and "by lin" in row["detail"]
    assert json.loads(row["values"])["_overruled"] == "drop/too_short"
    came = [
        {row["stage"]: row["records_in"] for row in json.loads((folder / "summary.json").read_text())["stages"]}
        for folder in (done, new)
    ]
    assert came[1]["exact"] == came[0]["exact"] + 1, "later stages were given it"
    story = why(new, dropped["record_id"])
    assert story.fate == "kept" and any(e.actor == "human" and "overruled" in e.reason_text for e in story.events)


def test_a_rejection_of_one_reason_leaves_another_reason_alone(done: Path, tmp_path: Path) -> None:
    dropped = first(done, "length", "drop")
    file = judge(done, about(done, dropped["record_id"], "reject", stage="length", reason="too_long"))
    assert number(dropped) not in dataset(again(tmp_path, "new", verdicts=file))
    judge(done, about(done, dropped["record_id"], "reject", stage="length"))
    assert number(dropped) in dataset(again(tmp_path, "newer", verdicts=file))


def test_a_rejected_edit_leaves_the_text_as_it_was_read(done: Path, tmp_path: Path) -> None:
    edited = first(done, "clean", "edit")
    file = judge(done, about(done, edited["record_id"], "reject", stage="clean"))
    before, after = dataset(done), dataset(again(tmp_path, "new", verdicts=file))
    assert "<b>" not in before[number(edited)]["answer"]
    assert "<b>" in after[number(edited)]["answer"]
    del before[number(edited)], after[number(edited)]
    assert before == after


def test_a_rejected_annotation_has_no_effect(done: Path, tmp_path: Path) -> None:
    chosen = first(done, "split", "annotate")
    file = judge(done, about(done, chosen["record_id"], "reject", stage="split"))
    new = again(tmp_path, "new", verdicts=file)
    where = [f'"key":{number(chosen)}}}' in (f / "dataset" / "validation.jsonl").read_text() for f in (done, new)]
    assert where == [True, False]
    assert dataset(new) == dataset(done), "it is in the other file now"


def test_a_rejected_duplicate_stays_and_the_kept_twin_may_go(done: Path, tmp_path: Path) -> None:
    copy = first(done, "exact", "drop")
    file = judge(
        done,
        about(done, copy["record_id"], "reject", stage="exact", reason="duplicate", group="one"),
        about(done, copy["related_id"], "drop", group="one"),
    )
    new = again(tmp_path, "new", verdicts=file)
    kept = set(dataset(new))
    assert number(copy) in kept
    assert str(int(copy["related_id"].rpartition(":")[2]) - 1) not in kept
    gone = ledger(new).filter((pl.col("stage") == "review") & (pl.col("action") == "drop")).row(0, named=True)
    assert (gone["record_id"], gone["reason"], gone["actor"]) == (copy["related_id"], "dropped", "human")
    summary = json.loads((new / "summary.json").read_text())
    rows = {row["stage"]: row for row in summary["stages"]}
    assert rows["review"]["dropped"] == 1
    assert {"action": "annotate", "reason": "overruled", "count": 1} in rows["exact"]["reasons"]
    before = {row["stage"]: row for row in json.loads((done / "summary.json").read_text())["stages"]}
    assert rows["exact"]["dropped"] == before["exact"]["dropped"] - 1


def test_an_edit_comes_last_and_a_tag_becomes_a_column(done: Path, tmp_path: Path) -> None:
    edited = first(done, "clean", "edit")
    text = "It is what it is, 就是这样 \u202e."
    file = judge(
        done,
        about(done, edited["record_id"], "edit", turn=1, after=text),
        about(done, edited["record_id"], "tag", tags=("fine", "数学")),
        about(done, "in.jsonl:2", "tag", tags=("plain",)),
        about(done, "in.jsonl:3", "edit", turn=7, after="no such turn"),
    )
    new = again(tmp_path, "new", verdicts=file)
    found = dataset(new)
    assert found[number(edited)]["answer"] == text
    assert found[number(edited)]["tags"] == ["fine", "数学"]
    assert found["1"]["tags"] == ["plain"] and "tags" not in found["2"]
    summary = json.loads((new / "summary.json").read_text())
    assert summary["verdicts"]["unfit"] == 1
    parts = b"".join(path.read_bytes() for path in (new / "ledger").iterdir())
    assert text not in ledger(new).write_ndjson() and b"what it is" not in parts, "the ledger holds no text"
    assert why(new, edited["record_id"]).final()[1].content == text


def test_an_added_record_goes_through_the_stages_and_its_author_is_known(done: Path, tmp_path: Path) -> None:
    question, answer = "How do I fold a letter?", "Twice, and then once more."
    good = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    short = {"question": "?", "answer": "No."}
    file = judge(
        done,
        Verdict("add", author="mei", obj={**good, "key": "new"}, related_id="in.jsonl:2"),
        Verdict("add", author="mei", obj={**short, "key": "short"}),
        Verdict("add", author="mei", obj={"nothing": 1}),
    )
    new = again(tmp_path, "new", verdicts=file)
    assert dataset(new)["new"] == {"question": question, "answer": answer, "key": "new"}
    assert "short" not in dataset(new)
    row = ledger(new).filter(pl.col("reason") == "added").row(0, named=True)
    assert (row["actor"], row["detail"], row["related_id"]) == ("human", "by mei", "in.jsonl:2")
    assert json.loads((new / "summary.json").read_text())["counts"]["quarantined"] == 1
    added = why(new, row["record_id"])
    judge(done, about(new, added.record_id, "drop"))
    assert "new" not in dataset(again(tmp_path, "newer", verdicts=file))


@pytest.mark.parametrize("workers", [2, 4])
def test_the_bytes_do_not_depend_on_the_workers(done: Path, tmp_path: Path, workers: int) -> None:
    file = judge(done, *some(done))
    one = again(tmp_path, "one", verdicts=file)
    many = again(tmp_path, "many", verdicts=file, workers=workers)
    assert digests(one) == digests(many) != digests(done)


def some(done: Path) -> list[Verdict]:
    """A verdict of each kind."""
    return [
        about(done, first(done, "length", "drop")["record_id"], "reject", stage="length"),
        about(done, first(done, "exact", "drop")["record_id"], "reject", stage="exact"),
        about(done, first(done, "clean", "edit")["record_id"], "edit", turn=0, after="What is it?"),
        about(done, "in.jsonl:100", "drop"),
        about(done, "in.jsonl:101", "accept"),
        Verdict("add", obj={"question": "Is this a new record?", "answer": "It is, and a long one too.", "key": "n"}),
    ]


def test_verdicts_hold_under_other_parameters(done: Path, tmp_path: Path) -> None:
    file = judge(done, *some(done))
    short, copy = first(done, "length", "drop"), first(done, "exact", "drop")
    for place, change in enumerate([("min_chars: 40", "min_chars: 45"), ("letters", "none"), ("seed: 3", "seed: 4")]):
        new = dataset(again(tmp_path, f"other{place}", RECIPE.replace(*change), verdicts=file))
        assert number(short) in new and number(copy) in new and "n" in new
        assert "99" not in new
        assert new[number(first(done, "clean", "edit"))]["question"] == "What is it?"


def test_only_the_shards_concerned_are_done_again(done: Path, tmp_path: Path) -> None:
    edited = first(done, "clean", "edit")  # in the first of three shards
    file = judge(done, about(done, edited["record_id"], "reject", stage="clean"))
    seen: list[Any] = []
    again(tmp_path, "new", verdicts=file, reuse=[done], listener=seen.append)
    passes = [event for event in seen if isinstance(event, ShardFinished) and "clean" in event.phase]
    assert [event.reused for event in passes] == [False, True, True]
    ours, theirs = ({path.name for path in (folder / "shards").glob("*.json")} for folder in (done, tmp_path / "new"))
    finished = [shard["finish"] for shard in json.loads((tmp_path / "new" / "index.json").read_text())["shards"]]
    assert [f"{key}.json" in ours for key in finished] == [False, True, True]
    assert len(theirs - ours) == 6, "its pass, its end, and for exact and for split its fingerprints and one decision"


def test_overruling_a_corpus_stage_does_not_decide_again(done: Path, tmp_path: Path) -> None:
    recipe = RECIPE[: RECIPE.index("  - use: split")]
    old = again(tmp_path, "old", recipe)
    copy = first(old, "exact", "drop")
    file = judge(old, about(old, copy["record_id"], "reject", stage="exact"))
    new = again(tmp_path, "new", recipe, verdicts=file, reuse=[old])
    ours, theirs = ({path.name for path in (folder / "shards").glob("*.json")} for folder in (old, new))
    assert len(theirs - ours) == 2, "the shard's own decisions, and its end"


def test_a_record_that_moved_is_followed_and_a_changed_one_is_not(done: Path, tmp_path: Path) -> None:
    dropped = first(done, "length", "drop")
    file = judge(
        done,
        about(done, dropped["record_id"], "reject", stage="length"),
        about(done, "in.jsonl:31", "drop"),
        about(done, "in.jsonl:120", "drop"),
        about(done, "in.jsonl:9", "note", note="one of many alike"),
    )
    lines = (tmp_path / "in.jsonl").read_text().splitlines()
    lines[30] = lines[30].replace("a fine one", "a poor one")
    new_first = '{"question": "Is this one new?", "answer": "It is the first of all, and long."}'
    (tmp_path / "in.jsonl").write_text("\n".join([new_first, *lines[:-1]]))
    seen: list[Any] = []
    new = again(tmp_path, "new", verdicts=file, listener=seen.append)
    assert number(dropped) in dataset(new) and "30" in dataset(new)
    summary = json.loads((new / "summary.json").read_text())["verdicts"]
    assert summary["moved"] == 1
    assert summary["stale"] == {"ambiguous": 1, "changed": 2}
    stale = [json.loads(line) for line in (new / "stale.jsonl").read_text().splitlines()]
    assert {item["record_id"] for item in stale} == {"in.jsonl:31", "in.jsonl:120", "in.jsonl:9"}
    assert "one of many" not in (new / "stale.jsonl").read_text()
    assert any(isinstance(event, Warned) and "3 records are stale" in event.message for event in seen)
    cut = again(tmp_path, "cut", verdicts=file, limit=5)
    assert json.loads((cut / "summary.json").read_text())["verdicts"]["stale"]["gone"]


def test_the_folder_keeps_the_verdicts_and_a_second_leg_uses_them(done: Path, tmp_path: Path) -> None:
    file = judge(done, *some(done))
    new = again(tmp_path, "new", verdicts=file)
    assert (new / "verdicts.jsonl").stat().st_mode & 0o777 == 0o600
    assert fold(read_journal(new / "verdicts.jsonl").verdicts) == fold(read_journal(file).verdicts)
    before = digests(new)
    judge(new, about(new, "in.jsonl:48", "drop"))
    again(tmp_path, "new", verdicts=file)
    assert "47" in dataset(file.parent) and "47" not in dataset(new) and digests(new) != before
    ids = [verdict.id for verdict in read_journal(new / "verdicts.jsonl").verdicts]
    judge(new, Verdict("undo", of=(ids[-1],)))
    again(tmp_path, "new")
    assert digests(new) == before


def test_a_run_without_verdicts_is_untouched_by_an_empty_journal(done: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    new = again(tmp_path, "new", verdicts=tmp_path / "empty.jsonl", reuse=[done])
    assert digests(new) == digests(done)
    assert "verdicts" not in json.loads((new / "summary.json").read_text())


def test_missing_verdicts_and_a_stage_called_review_are_refused(tmp_path: Path, done: Path) -> None:
    with pytest.raises(InputError, match="no verdicts at"):
        again(tmp_path, "new", verdicts=tmp_path / "nothing.jsonl")
    file = judge(done, *some(done))
    with pytest.raises(RecipeError, match="review"):
        again(tmp_path, "new", "stages: [{use: length, name: review}]", verdicts=file)


def test_what_was_read_is_the_same_with_and_without_verdicts(done: Path, tmp_path: Path) -> None:
    new = again(tmp_path, "new", verdicts=judge(done, *some(done)))
    assert read(new).filter(pl.col("record_id").str.starts_with("in.jsonl")).equals(read(done))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is only read: many tries are made from it."""
    folder = tmp_path_factory.mktemp("shared")
    write_input(folder / "in.jsonl", 45)
    run(folder / "first", folder / "in.jsonl", recipe=RECIPE, workers=1)
    return folder


judged = st.lists(
    st.tuples(
        st.integers(1, 45), st.sampled_from(["drop", "reject length", "reject exact", "reject clean", "edit", "accept"])
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(judged, st.sampled_from(["min_chars: 40", "min_chars: 60", "min_chars: 1"]), st.integers(1, 3))
def test_whatever_people_decide_holds_in_the_output(
    shared: Path, choices: list[tuple[int, str]], length: str, shards: int
) -> None:
    """Under any parameters and any cut into shards; and records nobody judged fare as they do without verdicts, unless
    they are copies of one another.
    """
    hashes = dict(read(shared / "first").iter_rows())
    lines = []
    for place, word in choices:
        kind, _, stage = word.partition(" ")
        record_id = f"in.jsonl:{place}"
        lines.append(Verdict(kind, record_id, hashes[record_id], stage=stage, turn=1, after=f"by hand {place - 1}"))  # type: ignore[arg-type]
    state = {int(key[0].rpartition(":")[2]) - 1: of for key, of in fold(lines).records.items()}
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "SHARD_RECORDS", -(-45 // shards))
        folder = Path(name)
        (folder / "v.jsonl").write_bytes(b"".join(line.line() for line in lines))
        recipe = RECIPE.replace("min_chars: 40", length)
        summary = run(folder / "new", shared / "in.jsonl", recipe=recipe, workers=1, verdicts=folder / "v.jsonl")
        bare = run(folder / "bare", shared / "in.jsonl", recipe=recipe, workers=1)
        new, old, rows = dataset(folder / "new"), dataset(folder / "bare"), ledger(folder / "new")
    assert summary["counts"]["kept"] == len(new) and bare["counts"]["kept"] == len(old)
    by_stage = {(int(r["record_id"].rpartition(":")[2]) - 1, r["stage"]): r for r in rows.iter_rows(named=True)}
    for place, of in state.items():
        assert not (of.drop and str(place) in new)
        for reject in of.rejects:
            decided = by_stage.get((place, reject.stage))
            assert decided is None or (decided["action"], decided["actor"]) == ("annotate", "human")
            if not of.drop and {item.stage for item in of.rejects} >= {"length", "exact"}:
                assert str(place) in new
        if of.edits and str(place) in new:
            assert new[str(place)]["answer"] == f"by hand {place}"
    copies = {str(place) for place in range(45) if place % 9 == 8}
    for key in {*old, *new} - copies - {str(place) for place in state}:
        assert new.get(key) == old.get(key)


def test_the_report_tells_what_people_did(done: Path, tmp_path: Path) -> None:
    file = judge(done, *some(done))
    new = again(tmp_path, "new", verdicts=file, report=True)
    page = (new / "report.html").read_text()
    assert "a person dropped it" in page and "review" in page
