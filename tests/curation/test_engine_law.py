"""The law of the engine: nothing is lost, nothing is decided twice, and the same input gives the same bytes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from engine_inputs import RECIPE, digests, run, write_messy
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.engine import local
from curation.engine.apply import apply, check_law, complete
from curation.errors import OutputError, StageError
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, Decisions
from curation.stages.exact import Exact


def records_of(folder: Path) -> list[dict]:
    return [json.loads(line) for f in sorted(folder.glob("dataset/*.jsonl")) for line in f.read_text().splitlines()]


def test_what_was_read_is_kept_dropped_quarantined_or_blank(tmp_path: Path) -> None:
    summary = run(tmp_path / "run", write_messy(tmp_path / "in.jsonl", 300), workers=1)
    counts = summary["counts"]
    lines = (tmp_path / "in.jsonl").read_text().splitlines()
    assert counts["read"] == len(lines)
    assert counts["read"] == counts["kept"] + counts["dropped"] + counts["quarantined"] + counts["blank"]
    assert min(counts.values()) > 0 or counts["flagged"] == 0
    assert counts["kept"] == len(records_of(tmp_path / "run"))
    assert counts["dropped"] == sum(stage["dropped"] for stage in summary["stages"])
    assert counts["read"] == sum(source["read"] for source in summary["sources"])


def test_the_ledger_has_one_decision_for_each_record_a_stage_dropped_or_edited(tmp_path: Path) -> None:
    summary = run(tmp_path / "run", write_messy(tmp_path / "in.jsonl", 300), workers=1)
    ledger = pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet")
    assert not ledger.select("record_id", "stage").is_duplicated().any()
    dropped = ledger.filter(pl.col("action") == "drop")
    assert dropped["record_id"].n_unique() == dropped.height == summary["counts"]["dropped"]


@pytest.mark.parametrize("workers", [2, 4])
def test_the_bytes_do_not_depend_on_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    source = write_messy(tmp_path / "in.jsonl", 300)
    run(tmp_path / "one", source, workers=1)
    run(tmp_path / "many", source, workers=workers)
    assert digests(tmp_path / "one") == digests(tmp_path / "many")
    assert len(digests(tmp_path / "one")) > 8


def test_the_bytes_do_not_depend_on_the_order_of_the_files(tmp_path: Path) -> None:
    one, two = write_messy(tmp_path / "a.jsonl", 80, 1), write_messy(tmp_path / "b.jsonl", 80, 2)
    run(tmp_path / "ab", one, two, workers=1)
    run(tmp_path / "ba", two, one, workers=1)
    assert digests(tmp_path / "ab") == digests(tmp_path / "ba")


def test_another_seed_draws_another_split(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 200)
    run(tmp_path / "a", source, workers=1)
    run(tmp_path / "b", source, workers=1, recipe=RECIPE.replace("seed: 7", "seed: 8"))
    key = "dataset/validation.jsonl"
    assert digests(tmp_path / "a")[key] != digests(tmp_path / "b")[key]


def test_a_changed_late_stage_takes_over_the_earlier_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SHARD_RECORDS", 40)
    source = write_messy(tmp_path / "in.jsonl", 300)
    run(tmp_path / "a", source, workers=1)
    seen: list[object] = []
    changed = RECIPE.replace("validation: 0.2", "validation: 0.4")
    run(tmp_path / "b", source, workers=1, recipe=changed, reuse=[tmp_path / "a"], listener=seen.append)
    run(tmp_path / "c", source, workers=1, recipe=changed)
    assert digests(tmp_path / "b") == digests(tmp_path / "c")
    reads = [event for event in seen if getattr(event, "phase", "").startswith("read") and hasattr(event, "reused")]
    assert reads and all(event.reused for event in reads)


def test_a_torn_piece_is_made_again(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 100)
    run(tmp_path / "run", source, workers=1)
    before = digests(tmp_path / "run")
    for piece in (tmp_path / "run" / "shards").glob("*.turns"):
        piece.write_bytes(piece.read_bytes()[:-7])
    run(tmp_path / "run", source, workers=1)
    assert digests(tmp_path / "run") == before


def test_an_undecided_record_comes_out_as_it_went_in(tmp_path: Path) -> None:
    recipe = "stages: [{use: split, validation: 0}]"
    path = tmp_path / "in.jsonl"
    first = {"output": "b\u3000 c", "zeta": [1, {"x": None}], "instruction": "a", "big": 2**70, "f": 1.0}
    path.write_text(json.dumps(first) + "\n")
    run(tmp_path / "run", path, workers=1, recipe=recipe)
    (out,) = records_of(tmp_path / "run")
    assert out == first and list(out) == list(first)


def test_limit_reads_no_more(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 100)
    summary = run(tmp_path / "run", source, workers=1, limit=10)
    counts = summary["counts"]
    assert counts["kept"] + counts["dropped"] <= 10 < 100


texts = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(texts, st.builds(lambda a, b: json.dumps({"question": a, "answer": b}), texts, texts)),
        min_size=1,
        max_size=30,
    )
)
def test_the_law_holds_for_any_lines(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.jsonl").write_text("\n".join(['{"question": "why not?", "answer": "because"}', *lines]) + "\n")
        summary = run(folder / "run", folder / "in.jsonl", workers=1)
        counts = summary["counts"]
        assert counts["read"] == counts["kept"] + counts["dropped"] + counts["quarantined"] + counts["blank"]
        assert counts["read"] == len(lines) + 1


def small_batch() -> Batch:
    records = pl.DataFrame(
        [("a:1", "h", "a", "text", [], "{}"), ("a:2", "h", "a", "text", [], "{}")], schema=RECORD_SCHEMA, orient="row"
    )
    turns = pl.DataFrame([("a:1", 0, "text", "x"), ("a:2", 0, "text", "x")], schema=TURN_SCHEMA, orient="row")
    return Batch(records, turns)


@pytest.mark.parametrize(
    ("rows", "edits", "said"),
    [
        ([("a:1", "drop"), ("a:1", "drop")], [], "twice"),
        ([("b:1", "drop")], [], "not given"),
        ([], [("a:1", 0, "y")], "without an edit decision"),
        ([("a:1", "edit")], [("a:1", 3, "y")], "does not exist"),
        ([("a:1", "edit")], [("a:1", 0, "y"), ("a:1", 0, "z")], "twice"),
    ],
)
def test_a_stage_that_breaks_the_law_is_stopped(rows: list, edits: list, said: str) -> None:
    decided = Decisions.of(
        pl.DataFrame(rows, schema={"record_id": pl.String, "action": pl.String}, orient="row").with_columns(
            reason=pl.lit("duplicate")
        ),
        pl.DataFrame(edits, schema={"record_id": pl.String, "turn": pl.Int32, "after": pl.String}, orient="row"),
    )
    decided = complete(decided, "exact", Exact())
    with pytest.raises(StageError, match=said):
        check_law(small_batch(), decided, apply(small_batch(), decided), "exact")


def test_a_reason_outside_the_closed_set_is_refused() -> None:
    rows = pl.DataFrame({"record_id": ["a:1"], "reason": ["just because"]})
    with pytest.raises(StageError, match="closed set"):
        complete(Decisions.drop(rows), "exact", Exact())


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 30)
    before = source.read_bytes()
    with pytest.raises(OutputError, match="is an input"):
        run(tmp_path / "run", source, workers=1, out=source)
    assert source.read_bytes() == before


def test_sources_of_different_schemas_become_messages_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "Why is it wet?", "answer": "It rained."}\n')
    (tmp_path / "b.jsonl").write_text('{"instruction": "Say hello", "input": "", "output": "Hello!"}\n')
    (tmp_path / "c.jsonl").write_text('{"text": "Only a text."}\n')
    said: list[object] = []
    recipe = "stages: [{use: split, validation: 0}]"
    one = run(
        tmp_path / "one", tmp_path / "a.jsonl", tmp_path / "b.jsonl", recipe=recipe, workers=1, listener=said.append
    )
    assert one["out_format"] == "messages" and all("messages" in record for record in records_of(tmp_path / "one"))
    assert any("different schemas" in getattr(event, "message", "") for event in said)
    two = run(tmp_path / "two", tmp_path / "a.jsonl", tmp_path / "c.jsonl", recipe=recipe, workers=1)
    assert two["counts"]["kept"] == 2
    assert {tuple(record) for record in records_of(tmp_path / "two")} == {("question", "answer"), ("text",)}


def test_the_dataset_goes_where_out_says(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 60)
    run(tmp_path / "run", source, workers=1, out=tmp_path / "folder")
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"train.jsonl", "validation.jsonl"}
    run(tmp_path / "run2", source, workers=1, out=tmp_path / "clean.csv")
    assert (tmp_path / "clean.train.csv").exists() and (tmp_path / "clean.validation.csv").exists()


def test_a_condition_on_a_column_that_is_nowhere_stops_before_anything_runs(tmp_path: Path) -> None:
    source = write_messy(tmp_path / "in.jsonl", 30)
    with pytest.raises(StageError, match="karma"):
        run(tmp_path / "run", source, workers=1, recipe="stages: [{use: where, condition: 'karma >= 3'}]")
    assert not list((tmp_path / "run" / "shards").iterdir())
