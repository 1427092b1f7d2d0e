"""The real `studio curate` on small data: what it prints, what it leaves, and how it is found again."""

import csv
import json
import os
import pty
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.cli.main import main
from studio.cli.output import Output, can_redraw
from studio.runs.folder import RunFolder, every
from studio.runs.spec import read_spec
from studio.runs.status import Status, status_of

RECIPE = "name: tiny\nstages:\n  - use: exact\n"
HOSTILE = "Title \x1b]0;owned\x07 and \u202ereversed and [bold]markup[/bold]"
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, with a recipe and a small file that has every kind of line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STUDIO_RUNS_DIR", raising=False)
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    draw = random.Random(7)
    lines = [json.dumps({"question": f"What is {n}?", "answer": str(draw.random())}) for n in range(40)]
    lines += [lines[3], lines[5], "", "not json", '{"question": NaN, "answer": "x"}']
    lines.append(json.dumps({"question": HOSTILE, "answer": "fine"}))
    (tmp_path / "small.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process: exit code, stdout, stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def curate(cli: Cli, *words: str) -> tuple[int, str, str]:
    return cli("curate", "small.jsonl", "--recipe", "tiny.yaml", "--workers", "1", *words)


def last(here: Path) -> RunFolder:
    return every(here / "runs")[-1]


def test_a_run_ends_with_the_funnel_the_law_and_where_everything_is(here: Path, cli: Cli) -> None:
    code, out, err = curate(cli)
    run = last(here)
    assert code == 0
    assert "\nread 46 = kept 41 + dropped 2 + quarantined 2 + blank 1\n" in out
    assert [line.split() for line in out.splitlines() if line.startswith(("exact", "  duplicate"))] == [
        ["exact", "43", "2", "0", "0"],
        ["duplicate", "2"],
    ]
    for reason in ("bad_json", "not_a_number"):
        assert f"  {reason}" in out
    for part in ("dataset/train.jsonl", "report.html", "ledger", "quarantine.jsonl"):
        path = next(word for line in out.splitlines() for word in line.split() if word.endswith(f"{run.name}/{part}"))
        assert (here / path).exists()
    assert f"studio why {run.name} small.jsonl:41" in out, "the first dropped record is the one worth asking about"
    assert "found small.jsonl: qa in jsonl, utf-8" in err
    assert len((run.path / "dataset" / "train.jsonl").read_text().splitlines()) == 41
    assert status_of(run) is Status.FINISHED


def test_json_is_events_line_by_line_and_ends_with_the_counts(here: Path, cli: Cli) -> None:
    code, out, err = curate(cli, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert err == ""
    assert out.isascii()
    assert events[0]["event"] == "run_started"
    assert {"source_found", "progress", "shard_finished"} <= {event["event"] for event in events}
    assert events[-1]["event"] == "run_finished"
    counts = events[-1]["summary"]["counts"]
    assert counts == {
        "read": 46, "kept": 41, "dropped": 2, "edited": 0, "flagged": 0, "quarantined": 2, "blank": 1,
    }  # fmt: skip
    written = [json.loads(line) for line in last(here).events.read_text().splitlines()]
    assert written == events, "what is printed is what is kept"


def test_json_ends_with_an_ending_even_when_no_run_began(here: Path, cli: Cli) -> None:
    code, out, err = cli("curate", "nowhere.jsonl", "--recipe", "tiny.yaml", "--json")
    assert code == 3
    ending = json.loads(out)
    assert (ending["event"], ending["error"]) == ("run_failed", "InputError")
    assert "nowhere.jsonl" in ending["message"]
    assert err.startswith("Error: ")
    assert not (here / "runs").exists()


def test_quiet_says_only_how_to_name_the_run(here: Path, cli: Cli) -> None:
    code, out, err = curate(cli, "--quiet")
    assert (code, out, err) == (0, f"{last(here).name}\n", "")
    code, out, err = curate(cli, "--quiet", "--runs-dir", "elsewhere")
    assert out == f"elsewhere/{every(here / 'elsewhere')[0].name}\n"
    assert cli("runs", "show", out.strip())[0] == 0, "it can be pasted into the next command"


def test_run_json_says_what_was_asked_for(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["studio", "curate", "--token", "sesame"])
    curate(cli, "--seed", "5", "--limit", "10", "--out-format", "messages", "--out", "out.jsonl")
    spec = read_spec(last(here))
    assert spec.seed == 5
    assert spec.inputs == ["small.jsonl"]
    assert spec.sources[0]["size"] == (here / "small.jsonl").stat().st_size
    assert spec.options | {"reuse": []} == {
        "out": "out.jsonl", "format": None, "out_format": "messages", "limit": 10, "workers": 1, "reuse": [],
        "report": True, "engine": "local", "address": None,
    }  # fmt: skip
    assert spec.recipe["stages"] == ["exact"]
    assert spec.recipe["resolved"]["seed"] == 5
    assert "sesame" not in last(here).spec.read_text()
    records = [json.loads(line) for line in (here / "out.jsonl").read_text().splitlines()]
    assert len(records) == 10
    assert all("messages" in record for record in records)


def test_the_check_of_the_disk_can_be_left_out(here: Path, cli: Cli) -> None:
    assert curate(cli)[0] == 0
    assert curate(cli, "--no-disk-check")[0] == 0
    assert [read_spec(folder).options.get("disk_check", True) for folder in every(here / "runs")].count(False) == 1


def test_a_dry_run_tells_the_plan_and_does_nothing(here: Path, cli: Cli) -> None:
    code, out, _ = curate(cli, "--dry-run", "--set", "exact.keep=longest", "--out", "out.parquet")
    assert code == 0
    for said in ("small.jsonl", "qa", "1. exact", "keep", "longest", "out.parquet", "Nothing was run"):
        assert said in out
    assert "\nDisk: about " in out
    code, out, _ = curate(cli, "--dry-run", "--json")
    assert json.loads(out)["disk"] > (here / "small.jsonl").stat().st_size
    plan = json.loads(out)
    assert plan["stages"][0]["parameters"]["keep"] == "first"
    assert plan["sources"][0]["format"] == "qa"
    assert sorted(path.name for path in here.iterdir()) == ["small.jsonl", "tiny.yaml"]


def test_settings_reach_the_stages(here: Path, cli: Cli) -> None:
    (here / "small.jsonl").write_text('{"question": "a", "answer": "X"}\n{"question": "A!", "answer": "x"}\n')
    assert "kept 2" in curate(cli)[1]
    assert "kept 1" in curate(cli, "--set", "exact.normalise=letters")[1]
    code, _, err = curate(cli, "--set", "exact.normalize=letters")
    assert code == 2
    assert "Did you mean 'normalise'" in err


def test_forced_formats_reach_the_reader(here: Path, cli: Cli) -> None:
    (here / "both.jsonl").write_text('{"question": "a", "answer": "b", "text": "c"}\n')
    for name in ("qa", "text"):
        cli("curate", "both.jsonl", "--recipe", "tiny.yaml", "--format", name)
        assert json.loads(last(here).summary.read_text())["formats"] == {name: 1}


def test_records_from_stdin(here: Path, cli: Cli) -> None:
    command = [sys.executable, "-m", "studio", "curate", "-", "--recipe", "tiny.yaml", "--json"]
    lines = "".join((here / "small.jsonl").read_text().splitlines(keepends=True)[:5])
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ending = json.loads(done.stdout.splitlines()[-1])
    assert ending["summary"]["counts"]["kept"] == 5
    detached = subprocess.run([*command[:-1], "--detach"], input=lines, capture_output=True, text=True, timeout=60)
    assert detached.returncode == 0, detached.stderr
    out = cli("runs", "attach", detached.stdout.strip(), "--json")[1]
    assert json.loads(out.splitlines()[-1])["summary"]["counts"]["kept"] == 5, "the worker has the pipe"
    out = cli("runs", "resume", "last", "--set", "exact.keep=longest", "--json")[1]
    assert json.loads(out.splitlines()[-1])["summary"]["counts"]["kept"] == 5, "stdin was kept for later"


def test_why_tells_a_dropped_a_quarantined_and_a_hostile_record(here: Path, cli: Cli) -> None:
    curate(cli)
    code, out, _ = cli("why", "last", "small.jsonl:41")
    assert code == 0
    assert out.startswith("small.jsonl:41: dropped (read as qa from small.jsonl)")
    assert "1. exact: drop, duplicate (" in out
    assert "because of small.jsonl:4" in out
    code, out, _ = cli("why", "last", "small.jsonl:44")
    assert "quarantined" in out
    assert "not json" in out
    code, out, err = cli("why", "last", "reversed and")
    assert "Title \\x1b]0;owned\\x07 and \\u202ereversed and [bold]markup[/bold]" in out
    assert not any(c in out + err for c in "\x1b\x07\u202e")
    code, out, _ = cli("why", "last", "small.jsonl:41", "--json")
    story = json.loads(out)
    assert (story["fate"], story["events"][0]["related_id"]) == ("dropped", "small.jsonl:4")
    code, _, err = cli("why", "last", "no such text anywhere")
    assert code == 3
    assert "no such text anywhere" in err


def test_why_shows_the_text_before_and_after_each_stage_that_changed_it(here: Path, cli: Cli) -> None:
    (here / "small.jsonl").write_text(json.dumps({"question": "a  b\n\n\n\nc", "answer": "fine\u200b"}) + "\n")
    code, out, _ = cli("curate", "small.jsonl", "--recipe", "minimal", "--json")
    counts = json.loads(out.splitlines()[-1])["summary"]["counts"]
    assert (code, counts["edited"]) == (0, 1)
    told = cli("why", "last", "small.jsonl:1")[1]
    assert told.startswith("small.jsonl:1: kept")
    assert "clean: edit" in told
    assert "   - fine\\u200b\n   + fine\n" in told
    story = json.loads(cli("why", "last", "small.jsonl:1", "--json")[1])
    assert story["turns"][1]["content"] == "fine\u200b"
    assert story["final"][1]["content"] == "fine"


def test_long_texts_are_cut_unless_asked_for(here: Path, cli: Cli) -> None:
    (here / "small.jsonl").write_text(json.dumps({"question": "q", "answer": "y" * 5000 + "END"}) + "\n")
    curate(cli)
    out = cli("why", "last", "small.jsonl:1")[1]
    assert "more characters" in out
    assert "END" not in out
    assert "END" in cli("why", "last", "small.jsonl:1", "--full")[1]


def test_a_finished_run_is_told_again_and_other_settings_run_it_again(here: Path, cli: Cli) -> None:
    (here / "small.jsonl").write_text('{"question": "a", "answer": "X"}\n{"question": "A!", "answer": "x"}\n')
    curate(cli)
    code, out, err = cli("curate", "--resume", "last")
    assert code == 0
    assert "finished already" in err
    assert "kept 2" in out
    assert json.loads(cli("runs", "resume", "last", "--json")[1])["event"] == "run_finished"
    code, out, _ = cli("curate", "--resume", "last", "--set", "exact.normalise=letters")
    assert code == 0
    assert "kept 1" in out
    assert len(every(here / "runs")) == 1, "it is the same run"
    spec = read_spec(last(here))
    assert [entry["recipe"]["resolved"]["stages"][0]["normalise"] for entry in spec.earlier] == ["whitespace"]
    assert "changed" in cli("runs", "show", "last")[1]


def test_an_input_that_changed_is_said_and_read_again(here: Path, cli: Cli) -> None:
    curate(cli)
    assert "Warning" not in cli("runs", "resume", "last", "--set", "seed=1", "--quiet")[2]
    with (here / "small.jsonl").open("a") as more:
        more.write('{"question": "new", "answer": "new"}\n')
    _, out, err = cli("runs", "resume", "last", "--set", "seed=2")
    assert "Warning: small.jsonl has changed since this run was made." in err
    assert "kept 42" in out


def test_a_similar_run_takes_over_finished_pieces(here: Path, cli: Cli) -> None:
    curate(cli)
    _, out, _ = curate(cli, "--json")
    shards = [event for line in out.splitlines() if (event := json.loads(line))["event"] == "shard_finished"]
    assert shards[0]["reused"] is True
    assert read_spec(last(here)).options["reuse"]
    facts = json.loads(cli("runs", "show", "last", "--json")[1])
    assert len(facts["sources"][0]["digest"]) == 32
    (here / "other.jsonl").write_text('{"question": "a", "answer": "b"}\n')
    cli("curate", "other.jsonl", "--recipe", "tiny.yaml")
    assert read_spec(last(here)).options["reuse"] == [], "another file is no similar run"


def test_a_run_that_cannot_write_fails_with_its_code_and_is_told_so(here: Path, cli: Cli) -> None:
    (here / "file").touch()
    code, _, err = curate(cli, "--out", "file/out.jsonl")
    assert code == 5
    assert "file" in err
    assert "runs resume" in err
    assert "Traceback" not in err
    assert status_of(last(here)) is Status.FAILED
    assert "OutputError" in cli("runs", "show", "last")[1]
    facts = json.loads(cli("runs", "show", "last", "--json")[1])
    assert (facts["status"], facts["error"], facts["exit_code"]) == ("failed", "OutputError", 5)
    (here / "file").unlink()
    assert cli("runs", "resume", "last")[0] == 0, "once the cause is gone it goes on"
    assert (here / "file" / "out.jsonl").exists()


def test_an_unexpected_error_fails_the_run_and_keeps_the_traceback(
    here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setattr("curation.engine.local.curate", fail)
    code, out, err = curate(cli)
    run = last(here)
    assert code == 6
    assert "ZeroDivisionError" in err
    assert str(run.log) in err
    assert "Traceback" not in err + out
    assert "Traceback" in run.log.read_text()
    assert run.log.stat().st_mode & 0o777 == 0o600
    assert status_of(run) is Status.FAILED


def test_list_show_and_rm(here: Path, cli: Cli) -> None:
    assert cli("runs", "list")[0] == 0
    curate(cli)
    curate(cli, "--out", "kept.jsonl")
    _, out, _ = cli("runs", "list")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["run", "status", "recipe", "started", "read", "kept", "dropped"]
    assert [row[1] for row in rows[1:]] == ["finished", "finished"]
    assert rows[1][-3:] == ["46", "41", "2"]
    listed = [json.loads(line) for line in cli("runs", "list", "--json")[1].splitlines()]
    assert [one["counts"]["kept"] for one in listed] == [41, 41]
    whole = json.loads(cli("runs", "show", "last", "--json")[1])
    assert whole["summary"]["counts"]["kept"] == 41
    assert whole["progress"]["phase"]
    first, second = every(here / "runs")
    assert cli("runs", "rm", first.name, "--yes")[0] == 0
    assert [run.name for run in every(here / "runs")] == [second.name]
    assert (here / "kept.jsonl").exists()
    assert cli("runs", "rm", first.name, "--yes")[0] == 3


def test_rm_asks_and_takes_no_for_an_answer(here: Path) -> None:
    run = here / "runs" / "20261122-1412-curate-1a2b"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    for answer, there in (("n\n", True), ("", True), ("y\n", False)):
        subprocess.run([sys.executable, "-m", "studio", "runs", "rm", "last"], input=answer.encode(), timeout=60)
        assert run.exists() is there


def test_bars_on_a_terminal_and_nothing_from_the_data_steers_it(here: Path) -> None:
    hostile = "evil\x1b]0;owned\x07.jsonl"
    (here / hostile).write_text('{"question": "a", "answer": "b"}\n')
    command = [sys.executable, "-m", "studio", "curate", hostile, "--recipe", "tiny.yaml"]
    shown = _in_terminal([*command], {"TERM": "xterm-256color", "COLUMNS": "80"})
    assert b"\x1b[" in shown, "a bar was drawn"
    assert b"read 1 = kept 1" in shown
    assert b"\x1b]0;" not in shown
    assert b"evil\\x1b]0;owned\\x07.jsonl" in shown
    shown = _in_terminal([*command], {"TERM": "xterm", "NO_COLOR": "1"})
    assert b"\x1b" not in shown
    assert b"read 1 = kept 1" in shown


def test_bars_only_where_they_can_be_drawn_and_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    main_end, its_end = pty.openpty()
    with os.fdopen(main_end), os.fdopen(its_end, "w") as terminal:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert can_redraw(terminal)
        monkeypatch.setattr("sys.stderr", terminal)
        assert Output().has_bars
        assert not any(Output(**{flag: True}).has_bars for flag in ("json", "plain", "quiet"))
        monkeypatch.setenv("TERM", "dumb")
        assert not can_redraw(terminal)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        assert not can_redraw(terminal)
    with Path(os.devnull).open("w") as no_terminal:
        assert not can_redraw(no_terminal)


def _in_terminal(command: list[str], variables: dict[str, str]) -> bytes:
    """Everything `command` writes to a terminal of its own."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    main_end, its_end = pty.openpty()
    process = subprocess.Popen(
        command, stdin=its_end, stdout=its_end, stderr=its_end, env=environment | variables, start_new_session=True
    )
    os.close(its_end)
    shown = b""
    while True:
        try:
            block = os.read(main_end, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not block:
            break
        shown += block
    os.close(main_end)
    assert process.wait(timeout=60) == 0, shown
    return shown


@pytest.mark.skipif(
    not (Path(os.environ.get("STUDIO_DATA", Path(__file__).parents[3] / "shared" / "data"))).exists(),
    reason="real data is absent: set STUDIO_DATA",
)
def test_inspect_says_what_is_in_real_files(cli: Cli) -> None:
    data = Path(os.environ.get("STUDIO_DATA", Path(__file__).parents[3] / "shared" / "data"))
    code, out, _ = cli("inspect", str(data / "sarcasm" / "sarcasm.csv"), "--json")
    facts = json.loads(out)
    with (data / "sarcasm" / "sarcasm.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert code == 0
    assert facts["records"] == len(rows) == 199
    assert facts["format"] == "qa"
    answers = [len(row["answer"]) for row in rows]
    assert facts["lengths"]["characters"]["answer"]["sum"] == sum(answers)
    assert facts["lengths"]["characters"]["answer"]["most"] == max(answers)
    assert facts["languages"]["en"] >= 190
    assert facts["roles"] == {"user": 199, "assistant": 199}
