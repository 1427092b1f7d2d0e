"""`studio review`, `studio apply` and `--verdicts`: decide, replay, take back, hand on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.verdicts import JOURNAL, Verdict, read_journal
from studio.cli.main import main

Cli = Callable[..., tuple[int, str, str]]

GOOD = [
    {"key": n, "question": f"What is the number {n} good for?", "answer": f"It counts {n} of them."} for n in range(8)
]
SHORT = [{"key": 90, "question": "Hm?", "answer": "Ja."}, {"key": 91, "question": "Ok?", "answer": "好。"}]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("STUDIO_AUTHOR", "lin")
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records), encoding="utf-8")
    return path


@pytest.fixture
def run(cli: Cli, tmp_path: Path) -> Path:
    """A finished run that dropped two of ten records for their length."""
    write(tmp_path / "in.jsonl", [*GOOD, *SHORT])
    (tmp_path / "recipe.yaml").write_text("stages: [{use: length, min_chars: 20}]\n")
    assert cli("curate", "in.jsonl", "--recipe", "recipe.yaml", "--quiet", "--no-report")[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    return folder


def keys(file: Path) -> list[Any]:
    return [json.loads(line)["key"] for line in file.read_text().splitlines()]


def test_decisions_are_saved_at_once_and_replayed_by_resume(cli: Cli, run: Path) -> None:
    code, out, err = cli("review", "last")
    assert code == 0 and "- in.jsonl:9: removed by length, too_short 6" in out and "2 open" in out
    assert cli("curate", "--resume", "last")[2].startswith(run.name), "nothing has changed: it is only told again"
    assert cli("review", "last", "--stage", "length", "--accept", "--yes")[0] == 0
    assert "finished already" in cli("curate", "--resume", "last")[2], "accepting changes no dataset"
    code, _, err = cli("review", "last", "--record", "in.jsonl:10", "--reject")
    assert code == 0 and "1 verdict saved (reject)" in err
    assert [line.author for line in read_journal(run / JOURNAL).verdicts] == ["lin"] * 3
    assert 91 not in keys(run / "dataset" / "train.jsonl")
    assert cli("runs", "resume", "last", "--quiet")[0] == 0
    assert keys(run / "dataset" / "train.jsonl") == [*range(8), 91]
    code, out, _ = cli("why", "last", "in.jsonl:10")
    assert "a person overruled what the stage decided" in out and "decided by: human" in out
    assert "finished already" in cli("curate", "--resume", "last")[2]
    assert cli("review", "last", "--undo")[0] == 0
    assert cli("curate", "--resume", "last", "--quiet")[0] == 0
    assert keys(run / "dataset" / "train.jsonl") == list(range(8))
    assert cli("review", "last", "--redo")[0] == 0
    assert cli("review", "last", "--redo")[0] == 3
    assert "1 accepted" in cli("review", "last", "--verdict", "accepted")[1]


def test_a_new_run_takes_verdicts_along(cli: Cli, run: Path, tmp_path: Path) -> None:
    cli("review", "last", "--reject", "--yes")
    cli("review", "last", "--tag", "short", "--tag", "短", "--yes")
    cli("review", "last", "--note", "look again", "--record", "in.jsonl:9")
    code, out, err = cli("review", "last", "--record", "in.jsonl:9", "--edit", "1", stdin="Yes, 是的。\n")
    assert code == 0, err
    words = ["curate", "in.jsonl", "--recipe", "recipe.yaml", "--set", "length.min_chars=10", "--no-report"]
    assert cli(*words, "--verdicts", str(run / JOURNAL), "--quiet", "--out", "new.jsonl")[0] == 0
    found = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()]
    assert [item["key"] for item in found] == [*range(8), 90, 91]
    assert found[8]["answer"] == "Yes, 是的。" and found[8]["tags"] == ["short", "短"]
    code, out, _ = cli("review", "last", "--json", "--verdict", "edited")
    assert json.loads(out.splitlines()[0])["verdict"] == {
        "status": "edited",
        "tags": ["short", "短"],
        "note": "look again",
    }


def test_one_question_before_many_decisions(cli: Cli, run: Path) -> None:
    code, _, err = cli("review", "last", "--drop", stdin="n\n")
    assert code == 0 and "drop 2 hunks?" in err and "Nothing was decided" in err
    assert read_journal(run / JOURNAL).verdicts == ()
    assert cli("review", "last", "--drop", stdin="y\n")[0] == 0
    assert len(read_journal(run / JOURNAL).verdicts) == 2
    code, out, _ = cli("review", "last", "--undo", "--json")
    assert json.loads(out) == {"verdicts": 1, "kinds": ["undo"]}
    assert "2 open" in cli("review", "last")[1], "the two were one act"


def test_any_record_can_be_judged_and_not_only_a_hunk(cli: Cli, run: Path) -> None:
    assert cli("review", "last", "--record", "in.jsonl:1", "--drop")[0] == 0
    assert cli("review", "last", "--record", "in.jsonl:2", "--edit", "1", stdin="By hand, and whole.")[0] == 0
    assert cli("curate", "--resume", "last", "--quiet")[0] == 0
    lines = [json.loads(line) for line in (run / "dataset" / "train.jsonl").read_text().splitlines()]
    assert [item["key"] for item in lines] == list(range(1, 8)) and lines[0]["answer"] == "By hand, and whole."


def test_records_can_be_added(cli: Cli, run: Path, tmp_path: Path) -> None:
    write(
        tmp_path / "mine.jsonl", [{"key": "m", "question": "Who wrote this one?", "answer": "A person did, by hand."}]
    )
    assert cli("review", "last", "--add", "mine.jsonl", "--record", "in.jsonl:3")[0] == 0
    assert cli("curate", "--resume", "last", "--quiet")[0] == 0
    assert keys(run / "dataset" / "train.jsonl") == [*range(8), "m"]
    out = cli("review", "last", "--status", "added")[1]
    assert "+ review-added.jsonl:1: added by review, added, because of in.jsonl:3" in out
    (tmp_path / "bad.jsonl").write_text("nonsense\n")
    assert cli("review", "last", "--add", "bad.jsonl")[0] == 3


def test_stale_verdicts_are_listed(cli: Cli, run: Path, tmp_path: Path) -> None:
    assert cli("review", "last", "--stale")[0] == 0
    cli("review", "last", "--record", "in.jsonl:10", "--reject")
    write(tmp_path / "in.jsonl", [*GOOD, SHORT[0], {**SHORT[1], "answer": "坏。"}])
    code, out, err = cli(
        "curate", "in.jsonl", "--recipe", "recipe.yaml", "--verdicts", str(run / JOURNAL), "--no-report"
    )
    assert code == 0 and "1 records are stale" in err and "1 records are stale" in out
    code, out, _ = cli("review", "last", "--stale")
    assert code == 1
    assert out == "in.jsonl:10: reject length too_short. changed: the record at that place reads otherwise now.\n"
    assert json.loads(cli("review", "last", "--stale", "--json")[1])["why"] == "changed"


def test_a_patch_is_applied_to_a_dataset_wherever_its_records_stand(cli: Cli, run: Path, tmp_path: Path) -> None:
    cli("review", "last", "--record", "in.jsonl:9", "--edit", "0", stdin="Hm, and why?")
    cli("review", "last", "--record", "in.jsonl:9", "--drop")
    cli("review", "last", "--undo")
    cli("review", "last", "--record", "in.jsonl:10", "--drop")
    code, _, err = cli("review", "last", "--export", "patch.jsonl")
    assert code == 0 and "2 verdicts are in patch.jsonl" in err
    assert (tmp_path / "patch.jsonl").stat().st_mode & 0o777 == 0o600
    write(tmp_path / "other.jsonl", [*SHORT, *GOOD])
    code, out, err = cli("apply", "patch.jsonl", "--to", "other.jsonl", "--out", "done.jsonl")
    assert code == 0 and "9 records; 1 dropped, 1 edited" in out
    found = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text().splitlines()]
    assert found[0] == {**SHORT[0], "question": "Hm, and why?"} and found[1:] == GOOD
    write(tmp_path / "third.jsonl", GOOD)
    code, out, _ = cli("apply", "patch.jsonl", "--to", "third.jsonl", "--out", "same.jsonl")
    assert code == 1 and "not applied: in.jsonl:9: edit (gone)" in out
    assert [json.loads(line) for line in (tmp_path / "same.jsonl").read_text().splitlines()] == GOOD
    code, out, _ = cli("apply", "patch.jsonl", "--to", "third.jsonl", "--out", "same.jsonl", "--json")
    assert len(json.loads(out)["stale"]) == 2


def test_a_patch_into_a_run_names_its_conflicts(cli: Cli, run: Path, tmp_path: Path) -> None:
    cli("review", "last", "--record", "in.jsonl:9", "--accept")
    cli("review", "last", "--record", "in.jsonl:9", "--export", "unused.jsonl")
    hashes = {line.record_id: line.content_hash for line in read_journal(run / JOURNAL).verdicts}
    theirs = [
        Verdict("reject", "in.jsonl:9", hashes["in.jsonl:9"], "mei", stage="length"),
        Verdict("drop", "in.jsonl:10", "0" * 32, "mei"),
    ]
    (tmp_path / "patch.jsonl").write_bytes(b"".join(line.line() for line in theirs) + b"nonsense\n")
    code, out, err = cli("apply", "patch.jsonl", "--to", "last")
    assert code == 1 and "conflict: in.jsonl:9: accepted here, rejected in the patch; yours stays" in out
    assert "1 verdicts taken over" in err and "1 lines of patch.jsonl are no verdicts" in err
    assert [line.kind for line in read_journal(run / JOURNAL).verdicts] == ["accept", "drop"]
    code, out, _ = cli("apply", "patch.jsonl", "--to", "last", "--force")
    assert code == 0 and "theirs was taken" in out
    assert [line.kind for line in read_journal(run / JOURNAL).verdicts] == ["accept", "drop", "reject"]
    assert cli("apply", "patch.jsonl", "--to", "last")[0] == 0, "they agree now"
    assert json.loads(cli("apply", "patch.jsonl", "--to", "last", "--json")[1]) == {"verdicts": 0, "conflicts": []}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["review", "last", "--status", "nope"], 2, "There is no status 'nope'"),
        (["review", "last", "--verdict", "nope"], 2, "There is no verdict 'nope'"),
        (["review", "last", "--accept", "--undo"], 2, "one thing at a time"),
        (["review", "last", "--edit", "0"], 2, "name one record with --record"),
        (["review", "last", "--keep-copy", "--record", "in.jsonl:9"], 3, "not dropped as the copy"),
        (["review", "last", "--record", "in.jsonl:1", "--reject"], 3, "no hunk is meant"),
        (["review", "last", "--record", "in.jsonl:99", "--drop"], 3, "no record in.jsonl:99"),
        (["review", "last", "--record", "in.jsonl:1", "--edit", "7"], 3, "has no turn 7"),
        (["review", "last", "--undo"], 3, "nothing to undo"),
        (["apply", "in.jsonl", "--to", "in.jsonl", "--out", "x.jsonl"], 3, "holds no verdicts"),
        (["curate", "in.jsonl", "--verdicts", "in.jsonl"], 3, "holds no verdicts"),
        (["curate", "--resume", "last", "--verdicts", "in.jsonl"], 3, "holds no verdicts"),
    ],
)
def test_mistakes_are_said_in_a_line(cli: Cli, run: Path, words: list[str], code: int, said: str) -> None:
    found, out, err = cli(*words)
    assert (found, out) == (code, "") and said in err and "Traceback" not in err
    assert len(list(run.parent.iterdir())) == 1, "a mistake leaves no run behind"


def test_apply_needs_a_place_for_the_result(cli: Cli, run: Path, tmp_path: Path) -> None:
    cli("review", "last", "--accept", "--yes")
    journal = str(run / JOURNAL)
    assert cli("apply", journal, "--to", "in.jsonl")[0] == 2
    assert cli("apply", journal, "--to", "last", "--out", "x.jsonl")[0] == 2
    assert cli("apply", journal, "--to", "in.jsonl", "--out", "x.jsonl", "--force")[0] == 2
