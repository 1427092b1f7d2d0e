"""Seeds, texts and records out of every kind of file; what cannot be worked from is counted and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.datasets import datasets_of
from curation.engine.intake import parse_chunk
from curation.errors import InputError
from curation.events import Event, Warned
from curation.readers import find_sources, read_chunks
from curation.synthesis.origins import read_origins
from curation.synthesis.sections import SourceSettings

SEEDS = SourceSettings(kind="seeds")
TEXTS = SourceSettings(kind="texts")
RECORDS = SourceSettings(kind="records")


def written(path: Path, *objects: object) -> str:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects), encoding="utf-8")
    return str(path)


def read(given: str, settings: SourceSettings) -> tuple[list[tuple[tuple[str, str], ...]], list[str]]:
    told: list[Event] = []
    found = read_origins([given], settings, told.append)
    return [origin.turns for origin in found], [event.message for event in told if isinstance(event, Warned)]


@pytest.mark.parametrize(
    ("record", "turns"),
    [
        ({"question": "Q?", "answer": "A."}, (("user", "Q?"), ("assistant", "A."))),
        ({"instruction": "Do", "input": "this", "output": "Done"}, (("user", "Do\nthis"), ("assistant", "Done"))),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}], "system": "Be."},
            (("system", "Be."), ("user", "Hi"), ("assistant", "Ho")),
        ),
        (
            {"messages": [{"role": "user", "content": "图书馆几点开门？"}, {"role": "assistant", "content": "九点。"}]},
            (("user", "图书馆几点开门？"), ("assistant", "九点。")),
        ),
        ({"prompt": "P", "completion": "C"}, (("user", "P"), ("assistant", "C"))),
        ({"prompt": "P", "chosen": "good", "rejected": "bad"}, (("user", "P"), ("assistant", "good"))),
    ],
)
def test_records_of_every_format_are_conversations(tmp_path: Path, record: dict, turns: tuple) -> None:
    given = written(tmp_path / "in.jsonl", record)
    for settings in (SEEDS, RECORDS):
        assert read(given, settings) == ([turns], [])
    assert read(given, TEXTS) == ([(("text", turns[-1][1]),)], []), "the answer is what an instruction is looked for"


def test_a_table_and_a_text_file(tmp_path: Path) -> None:
    table = tmp_path / "seeds.csv"
    table.write_text('question,answer\n"Is it 1, or 2?",Two\nWhy?,Because\n', encoding="utf-8")
    origins = read_origins([str(table)], SEEDS)
    assert [origin.record_id for origin in origins] == ["seeds.csv:1", "seeds.csv:2"]
    lines = tmp_path / "lines.txt"
    lines.write_text("First text.\n\nSecond text.\n", encoding="utf-8")
    assert read(str(lines), TEXTS)[0] == [(("text", "First text."),), (("text", "Second text."),)]


def test_ids_and_digests_are_those_of_a_curation(tmp_path: Path) -> None:
    given = written(
        tmp_path / "in.jsonl",
        {"instruction": "Do", "input": "this", "output": "Done"},
        "no record",
        {"instruction": "Say", "input": "", "output": "Said"},
    )
    (source,) = find_sources([given])
    (chunk,) = read_chunks(source, chunk_records=10, chunk_bytes=1 << 20)
    batch, *_ = parse_chunk(chunk, "alpaca", None)
    origins = read_origins([given], RECORDS)
    assert (
        [origin.record_id for origin in origins] == batch.records["record_id"].to_list() == ["in.jsonl:1", "in.jsonl:3"]
    )
    assert [origin.content_hash for origin in origins] == batch.records["content_hash"].to_list()


def test_what_cannot_be_worked_from_is_counted_by_reason(tmp_path: Path) -> None:
    good = {"question": "Q?", "answer": "A."}
    calls = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "", "tool_calls": [{}]}]}
    given = written(
        tmp_path / "in.jsonl",
        good,
        [1, 2],
        {"other": 1},
        {"text": "A plain text."},
        calls,
        {"question": " ", "answer": ""},
    )
    turns, told = read(given, RECORDS)
    assert len(turns) == 1
    (said,) = told
    assert said.startswith("5 records were left out: ")
    for reason in (
        "no format fits (2)", "calls a tool (1)", "a plain text, and seeds and records are questions and answers (1)",
        "no text in it (1)",
    ):  # fmt: skip
        assert reason in said


def test_bare_questions_can_be_completed_and_nothing_else(tmp_path: Path) -> None:
    given = written(tmp_path / "in.jsonl", {"prompt": "Why is the sky blue?"}, {"question": "Q?", "answer": ""})
    turns, told = read(given, SourceSettings(kind="records", how="complete"))
    assert turns == [(("user", "Why is the sky blue?"),), (("user", "Q?"), ("assistant", ""))]
    assert told == []
    turns, told = read(given, RECORDS)
    assert len(turns) == 1
    assert told


def test_the_limit_is_of_all_inputs_together(tmp_path: Path) -> None:
    record = {"question": "Q?", "answer": "A."}
    files = [written(tmp_path / name, record, record) for name in ("a.jsonl", "b.jsonl")]
    for limit, wanted in ((0, 4), (1, 1), (3, 3), (9, 4)):
        assert len(read_origins(files, SourceSettings(kind="seeds", limit=limit))) == wanted


def test_nothing_to_work_from_says_why(tmp_path: Path) -> None:
    given = written(tmp_path / "in.jsonl", {"text": "Only a text."})
    with pytest.raises(InputError) as caught:
        read_origins([given], SEEDS)
    assert "a plain text" in caught.value.hint


def run_folder(path: Path, outputs: object) -> Path:
    (path / "dataset").mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"cwd": str(path.parent)}), encoding="utf-8")
    if outputs is not None:
        (path / "summary.json").write_text(json.dumps({"outputs": outputs}), encoding="utf-8")
    return path


def test_a_finished_run_stands_for_its_dataset(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "one", [{"path": "one/dataset/train.jsonl", "split": "train"}])
    written(run / "dataset" / "train.jsonl", {"question": "Q?", "answer": "A."})
    for given in (run, run / "dataset"):
        assert [origin.record_id for origin in read_origins([str(given)], RECORDS)] == ["train.jsonl:1"]
    moved = run.rename(tmp_path / "moved")
    assert datasets_of(str(moved)) == [str(moved / "dataset" / "train.jsonl")]
    with pytest.raises(InputError, match="has no dataset"):
        read_origins([str(run_folder(tmp_path / "other", None))], RECORDS)


def test_the_seeds_of_a_style(real_data: Path) -> None:
    origins = read_origins([str(real_data / "sarcasm" / "sarcasm.csv")], SEEDS)
    assert len(origins) == 199
    assert all([role for role, _ in origin.turns] == ["user", "assistant"] for origin in origins)
