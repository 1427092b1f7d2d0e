"""From batches and files to dataset files: rendering, annotations, and `convert` through the real readers."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from curation.errors import InputError, OutputError, RecipeError
from curation.formats import BadRecord, Inexpressible, read_record
from curation.readers import Bad, Limits
from curation.readers.payload import dumps_exact
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch
from curation.writers import convert, convert_objects, encode_part, render_batch, render_lines, write_dataset

DATA = Path(os.environ.get("STUDIO_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

QA = {"id": 1, "question": "q", "answer": "a"}
LONG = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}] * 2}
BIG = {"text": "t", "n": 2**70}


def batch_of(*objects: dict) -> Batch:
    records, turns = [], []
    for number, obj in enumerate(objects, 1):
        name, said, meta = read_record(obj, None, None)
        record_id = f"d.jsonl:{number}"
        records.append((record_id, "", "d.jsonl", name, [], meta))
        turns += [(record_id, turn, role, content) for turn, (role, content) in enumerate(said)]
    return Batch(
        pl.DataFrame(records, schema=RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row")
    )


def test_a_batch_is_rendered_in_its_own_formats() -> None:
    lines, refused = render_lines(batch_of(QA, LONG, BIG), None)
    assert refused == []
    assert b"".join(lines) == encode_part([QA, LONG, BIG])


def test_what_the_output_format_cannot_hold_is_told_and_left_out() -> None:
    found = render_batch(batch_of(QA, LONG, BIG), "qa")
    assert found.objects == [QA]
    assert found.record_ids == ["d.jsonl:1"]
    assert found.refused == [("d.jsonl:2", "several_turns"), ("d.jsonl:3", "plain_text")]


def test_annotations_are_appended_and_collisions_are_counted() -> None:
    annotations = {"d.jsonl:1": {"language": "en", "id": "x"}, "d.jsonl:3": {"language": "zh"}}
    taken: Counter[str] = Counter()
    lines, _ = render_lines(batch_of(QA, LONG, BIG), None, annotations, taken)
    assert [json.loads(line) for line in lines] == [QA | {"language": "en", "id_": "x"}, LONG, BIG | {"language": "zh"}]
    assert taken == {"id": 1}


def test_turns_out_of_order_are_an_error() -> None:
    batch = batch_of(QA)
    with pytest.raises(ValueError, match="out of order"):
        render_lines(Batch(batch.records, batch.turns.reverse()), None)


def test_objects_are_converted_one_by_one() -> None:
    found = list(convert_objects([QA, LONG, {"x": 1}], "qa"))
    assert found[0] == ("qa", QA)
    assert isinstance(found[1], Inexpressible) and isinstance(found[2], BadRecord)
    assert [name for name, _ in convert_objects([{"text": "t", **QA}], None, forced="text")] == ["text"]
    assert [name for name, _ in convert_objects([{"text": "t", **QA}], None, primary="text")] == ["text"]
    with pytest.raises(RecipeError):
        list(convert_objects([], "nonsense"))


def test_a_file_with_everything_wrong_is_accounted_for(tmp_path: Path) -> None:
    lines = [dumps_exact(QA), "", "{broken", dumps_exact(LONG), '{"x": 1}', dumps_exact(QA)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    told: list[Bad] = []
    done = convert([str(tmp_path / "in.jsonl")], tmp_path / "out.csv", out_format="qa", on_bad=told.append)
    assert done.counts == {"read": 6, "kept": 2, "dropped": 1, "quarantined": 2, "blank": 1}
    assert [(bad.line, bad.reason) for bad in told] == [(3, "bad_json"), (4, "several_turns"), (5, "unknown_format")]
    assert (done.formats, done.refused) == ({"qa": 2}, {"several_turns": 1})
    assert (done.output.records, done.output.bytes) == (2, (tmp_path / "out.csv").stat().st_size)
    assert (tmp_path / "out.csv").read_text() == "id,question,answer\n1,q,a\n1,q,a\n"


def test_what_is_left_out_is_told_in_order(tmp_path: Path) -> None:
    long = dumps_exact({"text": "x" * 2000})
    (tmp_path / "in.jsonl").write_text("\n".join(['{"x": 1}', long, '{"y": 1}', dumps_exact(QA)]) + "\n")
    told: list[Bad] = []
    limits = Limits(max_bytes=1000)
    done = convert([str(tmp_path / "in.jsonl")], tmp_path / "out.jsonl", limits=limits, on_bad=told.append)
    assert [(bad.line, bad.reason) for bad in told] == [(1, "unknown_format"), (2, "too_long"), (3, "unknown_format")]
    assert done.counts["kept"] == 1 and done.quarantine == {"unknown_format": 2, "too_long": 1}


def test_a_forced_format_quarantines_the_others(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(dumps_exact(QA) + "\n" + dumps_exact(BIG) + "\n")
    done = convert([str(tmp_path / "in.jsonl")], tmp_path / "out.jsonl", format="qa")
    assert (done.counts["kept"], done.quarantine) == (1, {"wrong_format": 1})


def test_what_cannot_be_done_is_said_and_changes_nothing(tmp_path: Path) -> None:
    given = tmp_path / "in.jsonl"
    given.write_text(dumps_exact(QA) + "\n")
    with pytest.raises(InputError, match="both input and output"):
        convert([str(given)], given)
    with pytest.raises(InputError):
        convert([str(tmp_path / "none.jsonl")], tmp_path / "out.jsonl")
    with pytest.raises(RecipeError):
        convert([str(given)], tmp_path / "out.jsonl", out_format="nonsense")
    with pytest.raises(OutputError):
        convert([str(given)], tmp_path / "out.docx")
    assert given.read_text() == dumps_exact(QA) + "\n"
    assert list(tmp_path.iterdir()) == [given]


@pytest.mark.parametrize("middle", ["m.json", "m.csv", "m.tsv.gz", "m.parquet", "m.jsonl.zst"])
def test_through_any_container_and_back(tmp_path: Path, middle: str) -> None:
    system = {"role": "system", "content": ' say "x",\r\n\ttabs\n'}
    objects = [{"messages": [system, *LONG["messages"]], "id": str(number)} for number in range(300)]
    write_dataset(tmp_path / "in.jsonl", [encode_part(objects)])
    convert([str(tmp_path / "in.jsonl")], tmp_path / middle)
    done = convert([str(tmp_path / middle)], tmp_path / "out.jsonl", out_format="messages")
    assert done.counts["kept"] == 300 and done.formats == {"messages": 300}
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "in.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("file", "out_format", "count"),
    [
        ("sarcasm/sarcasm.csv", "messages", 199),
        ("llamafactory/alpaca_zh_demo.json", "sharegpt", 1000),
        ("llamafactory/dpo_en_demo.json", None, 300),
        ("self_instruct/seed_tasks.jsonl", "alpaca", 175),
    ],
)
def test_real_files_become_parquet_and_come_back(tmp_path: Path, file: str, out_format: str | None, count: int) -> None:
    if not (DATA / file).exists():
        pytest.skip(f"needs {file} of the shared data; set STUDIO_DATA to its folder")
    done = convert([str(DATA / file)], tmp_path / "d.parquet", out_format=out_format)
    assert done.counts["kept"] == done.counts["read"] - done.counts["blank"] == count
    assert pq.read_metadata(tmp_path / "d.parquet").num_rows == count
    direct = convert([str(DATA / file)], tmp_path / "direct.jsonl", out_format=out_format)
    back = convert([str(tmp_path / "d.parquet")], tmp_path / "back.jsonl", out_format=out_format)
    assert back.output.sha256 == direct.output.sha256
