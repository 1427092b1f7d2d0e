"""From files to examples: schemas, splits, what is left out and why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curation.errors import InputError
from training.examples import Message, read_examples


def write(path: Path, records: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return str(path)


def test_every_sample_dataset_is_read(samples: Path) -> None:
    for name, least in (("alpaca_mixed.json", 80), ("qa_zh.csv", 84), ("support_desk.jsonl", 110)):
        found = read_examples([str(samples / name)])
        assert len(found.train) + len(found.validation) >= least
        assert all(one.messages[-1].role == "assistant" for one in (*found.train, *found.validation))


def test_schemas_become_conversations(tmp_path: Path) -> None:
    records: list[tuple[dict[str, object], tuple[Message, ...]]] = [
        ({"question": "猫？", "answer": "喵"}, (Message("user", "猫？"), Message("assistant", "喵"))),
        (
            {"instruction": "Add", "input": "1 2", "output": "3", "system": "Be brief"},
            (Message("system", "Be brief"), Message("user", "Add\n1 2"), Message("assistant", "3")),
        ),
        (
            {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
            (Message("user", "a"), Message("assistant", "b")),
        ),
        ({"text": "only this"}, (Message("text", "only this"),)),
    ]
    for number, (record, wanted) in enumerate(records):
        found = read_examples([write(tmp_path / f"{number}.jsonl", [record])])
        assert found.train[0].messages == wanted


def test_what_cannot_be_learned_from_is_counted_by_reason(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    parts = [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "what is it?"}]
    path = write(
        tmp_path / "mixed.jsonl",
        [
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            {"messages": [{"role": "user", "content": "a"}, call]},
            {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "b"}]},
            {"prompt": "p", "chosen": "c", "rejected": "r"},
            {"number": 3},
        ],
    )
    found = read_examples([path])
    assert len(found.train) == 1
    assert found.skipped == {"tool_calls": 1, "not_text": 1, "pair": 1, "no_record": 1}


def test_pairs_are_for_dpo_only(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.jsonl", [{"prompt": "p", "chosen": "c", "rejected": "r"}] * 2)
    (example, *_) = read_examples([path], objective="dpo", validation=0).train
    assert example.messages == (Message("user", "p"), Message("assistant", "c"))
    assert example.rejected == (Message("assistant", "r"),)
    with pytest.raises(InputError, match="nothing to learn from"):
        read_examples([path])


@pytest.mark.parametrize("name", ["validation.jsonl", "clean.valid.jsonl", "dev.jsonl"])
def test_a_file_says_that_it_is_held_out(name: str, tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [{"question": f"q{n}", "answer": "a"} for n in range(5)])
    held = write(tmp_path / name, [{"question": "other", "answer": "a"}])
    write(tmp_path / "test.jsonl", [{"question": "never seen", "answer": "a"}])
    found = read_examples([str(tmp_path)])
    assert (len(found.train), len(found.validation), found.split_by) == (5, 1, "dataset")
    assert read_examples([train, held]).validation == found.validation


def test_a_share_is_drawn_by_prompt_and_by_seed(tmp_path: Path) -> None:
    records = [{"question": f"q{n // 2}", "answer": f"a{n}"} for n in range(100)]
    path = write(tmp_path / "all.jsonl", records)
    found = read_examples([path], validation=0.2, seed=1)
    assert len(found.validation) == 20
    assert not {one.messages[0] for one in found.train} & {one.messages[0] for one in found.validation}
    assert found == read_examples([path], validation=0.2, seed=1)
    assert found.validation != read_examples([path], validation=0.2, seed=2).validation
    assert read_examples([path], validation=0).validation == ()


def test_a_curation_stands_for_its_dataset(samples: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "studio", "curate", str(samples / "qa_zh.csv"), "--quiet", "--no-report"],
        cwd=tmp_path,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (run,) = (tmp_path / "runs").iterdir()
    found = read_examples([str(run)])
    assert found.split_by == "dataset"
    assert found == read_examples([str(run / "dataset")])
    assert not any(one.messages[0].role == "text" for one in found.train), "the card is no record"
    moved = tmp_path / "elsewhere"
    run.rename(moved)
    assert read_examples([str(moved)]).train == found.train


def test_nothing_is_said_to_be_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to learn from") as caught:
        read_examples([write(tmp_path / "x.jsonl", [{"number": 1}])])
    assert "1 records were left out" in caught.value.hint
