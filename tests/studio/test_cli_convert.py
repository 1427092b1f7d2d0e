"""`studio convert` and `studio inspect` from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from studio.cli.main import main

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_from_a_schema_and_a_file_format_to_others(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"question": "a", "answer": "b", "karma": 3}\nbroken\n\n')
    code, out, err = cli("convert", "in.jsonl", "--out", "out.jsonl", "--out-format", "messages")
    assert code == 0
    assert out == f"out.jsonl: 1 records, {(tmp_path / 'out.jsonl').stat().st_size} bytes\n"
    assert "read 3 = kept 1 + dropped 0 + quarantined 1 + blank 1" in err
    assert "in.jsonl:2: bad_json" in err
    record = json.loads((tmp_path / "out.jsonl").read_text())
    assert [turn["content"] for turn in record["messages"]] == ["a", "b"]
    assert record["karma"] == 3
    code, out, err = cli("convert", "out.jsonl", "--out", "back.parquet", "--out-format", "qa", "--json")
    assert code == 0
    assert json.loads(out)["counts"] == {"read": 1, "kept": 1, "dropped": 0, "quarantined": 0, "blank": 0}
    assert err == ""
    assert pl.read_parquet(tmp_path / "back.parquet")["karma"].to_list() == [3]


def test_quiet_and_formulas(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"question": "=1+1", "answer": "b"}\n')
    code, _, err = cli("convert", "in.jsonl", "--out", "safe.csv", "--safe-csv", "--quiet")
    assert (code, err) == (0, "")
    assert "'=1+1" in (tmp_path / "safe.csv").read_text()
    cli("convert", "in.jsonl", "--out", "plain.csv")
    assert "'=1+1" not in (tmp_path / "plain.csv").read_text()


def test_many_bad_lines_are_named_a_few_times_and_counted(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n' + "bad \x1b]0;x\x07\n" * 30)
    code, _, err = cli("convert", "in.jsonl", "--out", "out.jsonl")
    assert code == 0
    assert err.count("Warning: in.jsonl:") == 20
    assert "10 more lines" in err
    assert "quarantined 30" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere.jsonl", "--out", "o.jsonl"], 3),
        (["in.jsonl", "--out", "o.jsonl", "--out-format", "aplaca"], 2),
        (["in.jsonl", "--out", "o.jsonl", "--format", "aplaca"], 2),
        (["in.jsonl"], 2),
        (["in.jsonl", "--out", "in.jsonl/o.jsonl"], 5),
    ],
)
def test_mistakes(cli: Cli, tmp_path: Path, words: list[str], code: int) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    found, _, err = cli("convert", *words)
    assert found == code
    assert err.startswith("Error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_inspect_prints_what_inspect_found(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"question": "a\x7f", "answer": "b"}\n' * 3 + "broken\n")
    code, out, _ = cli("inspect", "in.jsonl")
    assert code == 0
    wanted = ("in.jsonl", "qa 3", "bad_json", "in.jsonl:1 3 times", "characters of the answer", "control characters")
    for said in wanted:
        assert said in out
    assert "more: only the first" in cli("inspect", "in.jsonl", "--limit", "2")[1]
    assert "more: only the first" not in cli("inspect", "in.jsonl", "--limit", "2", "--all")[1]
    assert "not looked at" in cli("inspect", "in.jsonl", "--no-languages")[1]
    facts = json.loads(cli("inspect", "in.jsonl", "--format", "text", "--json")[1])
    assert facts["records"] == 0
    assert facts["quarantine"] == {"bad_json": 1, "wrong_format": 3}
