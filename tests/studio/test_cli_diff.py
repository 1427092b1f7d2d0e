"""`studio diff`: numbers, marks, exit codes, and hostile text, on files and on runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.cli.main import main

Cli = Callable[..., tuple[int, str, str]]

SAME = {"id": 1, "question": "Is the shop open on Sunday?", "answer": "It is, from ten to four."}
OLD = {"id": 2, "question": "绿茶为什么不能用开水直接冲泡？", "answer": "水温太高会把叶片烫熟，茶汤发黄发涩。"}
NEW = {**OLD, "answer": "水温过高会把叶片烫熟，茶汤发黄发涩。"}
GONE = {"id": 3, "question": "Do you repair lamps?", "answer": "We do, but not in August."}
EVIL = {"id": 4, "question": "Who is \x1b]0;owned\x07 there?", "answer": "Nobody \u202eodd\u202c. [bold]x[/bold]"}


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def write(path: Path, *records: dict) -> str:
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records), encoding="utf-8")
    return str(path)


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    return write(tmp_path / "a.jsonl", SAME, OLD, GONE), write(tmp_path / "b.jsonl", EVIL, SAME, NEW)


def test_equal_datasets_end_with_0_and_different_ones_with_1(cli: Cli, two: tuple[str, str], tmp_path: Path) -> None:
    other = write(tmp_path / "c.jsonl", GONE, SAME, OLD)
    code, out, err = cli("diff", two[0], other)
    assert (code, out) == (0, "= equal  3\n") and "another order" in err
    assert cli("diff", two[0], two[0])[0] == 0
    code, out, err = cli("diff", *two)
    assert code == 1 and err == ""
    assert "水温[-太-]{+过+}高会把叶片烫熟" in out
    assert "- a.jsonl:3: removed\n  user: Do you repair lamps?\n  assistant: We do" in out
    assert "+ b.jsonl:1: added" in out and "~ a.jsonl:2 -> b.jsonl:3: changed in assistant" in out
    assert out.endswith("- removed  1\n~ changed  1\n+ added    1\n= equal    1\n  assistant  1\n")


def test_stat_gives_only_numbers_and_json_the_same_ones(cli: Cli, two: tuple[str, str]) -> None:
    out = cli("diff", *two, "--stat")[1]
    assert out == "- removed  1\n~ changed  1\n+ added    1\n= equal    1\n  assistant  1\n"
    code, out, _ = cli("diff", *two, "--json")
    *hunks, last = map(json.loads, out.splitlines())
    assert code == 1 and out.isascii()
    assert [hunk["status"] for hunk in hunks] == ["added", "changed", "removed"]
    assert hunks[1]["before"][1]["content"] == OLD["answer"] and hunks[1]["after"][1]["content"] == NEW["answer"]
    assert last["counts"]["by_status"] == {"removed": 1, "changed": 1, "added": 1} and last["counts"]["equal"] == 1
    assert json.loads(cli("diff", *two, "--json", "--stat")[1]) == last


def test_key_status_most_and_format(cli: Cli, two: tuple[str, str], tmp_path: Path) -> None:
    swapped = write(tmp_path / "c.jsonl", {**SAME, "id": 2}, {**OLD, "id": 1}, GONE)
    assert "changed  2" in cli("diff", two[0], swapped, "--stat")[1]
    out = cli("diff", two[0], swapped, "--key", "id")[1]
    assert "~ a.jsonl:1 -> c.jsonl:2: changed in user, assistant" in out
    out = cli("diff", *two, "--status", "removed")[1]
    assert "a.jsonl:3: removed" in out and "b.jsonl:1" not in out and "+ added    1" in out
    out = cli("diff", *two, "--most", "1")[1]
    assert out.count("\n\n") == 1
    plain = write(tmp_path / "d.jsonl", {"question": "a?", "answer": "b", "text": "a b"})
    out = cli(
        "diff", plain, write(tmp_path / "e.jsonl", {"question": "a?", "answer": "c", "text": "a b"}), "--format", "text"
    )
    assert "changed in answer" in out[1]


def test_nothing_from_data_steers_the_terminal_or_the_page(cli: Cli, two: tuple[str, str]) -> None:
    for words in ([], ["--json"], ["--html"]):
        out = cli("diff", *two, *words)[1]
        assert not any(character in out for character in "\x1b\x07\u202e\u202c"), words
    assert "\\x1b]0;owned\\x07" in cli("diff", *two)[1]
    page = cli("diff", *two, "--html")[1]
    assert page.startswith("<!doctype html>") and "<del>太</del><ins>过</ins>" in page


def test_a_run_is_compared_with_itself_and_two_runs_by_their_datasets(
    cli: Cli, two: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text("stages: [{use: length, min_chars: 5}]\n")
    assert cli("curate", two[0], "--recipe", "r.yaml", "--quiet", "--no-report")[0] == 0
    first = next(Path("runs").iterdir()).name
    code, out, _ = cli("diff", first)
    assert code == 0 and "= equal  3" in out
    assert cli("curate", two[1], "--recipe", "r.yaml", "--set", "length.min_chars=34", "--quiet", "--no-report")[0] == 0
    code, out, _ = cli("diff", "last")
    assert code == 1 and "removed by length, too_short" in out
    code, out, _ = cli("diff", first, "last", "--stat")
    assert code == 1 and "= equal" in out
    assert cli("diff", two[0], first, "--stat") == (0, "= equal  3\n", "")
    code, out, _ = cli("diff", "last", "--json", "--status", "removed")
    hunk = json.loads(out.splitlines()[0])
    assert hunk["causes"][0]["reason"] == "too_short" and hunk["after"] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["diff", "nothing"], 3, "There is no run"),
        (["diff", "a.jsonl", "no-such.jsonl"], 3, "no-such.jsonl"),
        (["diff", "a.jsonl", "b.jsonl", "--key", "nope"], 3, "column 'nope'"),
        (["diff", "a.jsonl", "b.jsonl", "--status", "nope"], 2, "There is no status 'nope'"),
        (["diff", "last", "--key", "id"], 2, "for two datasets"),
        (["diff", "a.jsonl", "b.jsonl", "--html", "--json"], 2, "exclude each other"),
    ],
)
def test_mistakes_are_said_in_a_line(cli: Cli, two: tuple[str, str], words: list[str], code: int, said: str) -> None:
    found, out, err = cli(*words)
    assert (found, out) == (code, "") and said in err and "Traceback" not in err


def test_bad_lines_are_told(cli: Cli, two: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(Path(two[0]).read_text() + "nonsense\n")
    code, _, err = cli("diff", two[0], str(tmp_path / "bad.jsonl"))
    assert code == 0 and "1 lines of the second are no record" in err
