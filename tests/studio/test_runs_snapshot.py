"""The picture of a run after its events, and the lines that narrate them."""

import pytest

from curation.events import (
    Event,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    ShardFinished,
    SourceFound,
    StageProgress,
    Warned,
)
from studio.cli.output import Output
from studio.cli.progress import Lines, duration, narrator_for
from studio.runs.snapshot import RunSnapshot, fold
from studio.tui.widgets.funnel import live_lines

STARTED = RunStarted("r", "curate", "sft", ["clean", "exact"], 2, time=10.0)


def after(*events: Event) -> RunSnapshot:
    return fold(RunSnapshot(), [event.as_json() for event in events])


def test_a_run_in_the_middle() -> None:
    found = after(
        STARTED,
        SourceFound("a.jsonl", "d/a.jsonl", "qa", "jsonl", "utf-8", "gz", 99),
        Progress("read", 10, None, "records", 5.0, None),
        ShardFinished("read", 0, 4, True, {"clean/edit/html": 3}),
        ShardFinished("read", 1, 4, False, {"clean/edit/html": 2, "clean/drop/empty": 1}),
        Progress("exact", 20, 40, "records", 9.0, 2.5),
        Warned("careful", "do this", time=12.0),
    )
    assert (found.run, found.recipe, found.stages, found.workers) == ("r", "sft", ("clean", "exact"), 2)
    assert found.sources[0]["source"] == "a.jsonl"
    assert (found.phases, found.phase, found.done, found.total, found.eta) == (("read", "exact"), "exact", 20, 40, 2.5)
    assert (found.shards, found.reused) == (0, 0), "those of the phase under way"
    assert found.decided == {"clean/edit/html": 5, "clean/drop/empty": 1}
    assert found.warnings == ("careful do this",)
    assert (found.started, found.updated, found.outcome) == (10.0, 12.0, "")


def test_endings_and_going_on() -> None:
    assert after(STARTED, RunStopped("r")).outcome == "stopped"
    failed = after(STARTED, RunFailed("r", "OutputError", "no room", "make some"))
    assert (failed.outcome, failed.error, failed.hint) == ("failed", "no room", "make some")
    assert after(STARTED, RunFinished("r", {"counts": {"read": 1}})).summary["counts"] == {"read": 1}
    again = after(STARTED, Progress("read", 9, None, "records", 1.0, None), RunStopped("r"), STARTED)
    assert (again.outcome, again.done, again.phases) == ("", 0, ()), "a new leg is a new picture"


def test_unknown_events_change_nothing() -> None:
    before = after(STARTED)
    assert fold(before, [{"event": "from_the_future", "time": 99.0}]) == before


def test_lines_say_each_phase_at_its_end_and_warnings_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Output(plain=True))
    for event in (
        STARTED,
        Progress("read", 0, None, "records", 0.0, None),
        *(Progress("read", n, None, "records", 50.0, None) for n in range(1, 100)),
        ShardFinished("read", 0, 4, True, {}),
        Warned("look \x1b[2J", "there"),
        Progress("write", 5, 10, "records", 1234.5, 75.0),
    ):
        lines.hear(event.as_json())
    lines.close()
    assert capsys.readouterr().err.splitlines() == [
        "r runs recipe sft: clean, exact (2 workers)",
        "Warning: look \\x1b[2J there",
        "read: 99 records, 50/s",
        "write: 5 of 10 records, 1,234/s, 1 min 15 s left",
    ]


def test_how_far_a_stage_is_inside_its_shards_stands_beside_the_phase(capsys: pytest.CaptureFixture[str]) -> None:
    begun = Progress("read + ifd", 0, None, "records", 0.0, None)
    events = [STARTED, begun, StageProgress("ifd", 36, 240, "texts", 5.0, 40.0)]
    assert after(*events).inside == events[2].as_json()
    assert after(*events, Progress("read + ifd", 120, 120, "records", 1.0, 0.0)).inside is None
    assert after(*events, RunStopped("r")).inside is None
    lines = Lines(Output(plain=True))
    for event in events:
        lines.hear(event.as_json())
    lines.close()
    assert capsys.readouterr().err.splitlines()[1:] == ["read + ifd: ifd 36 of 240 texts, 5/s, 40 s left"]
    shown = "\n".join(line.plain for line in live_lines(after(*events), 80, None, None, running=True))
    assert "ifd: 36 of 240 texts, 40 s left" in shown
    assert "ifd: 36" not in "\n".join(line.plain for line in live_lines(after(*events), 80, None, None, running=False))


def test_quiet_leaves_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = narrator_for(Output(quiet=True))
    for event in (STARTED, Progress("read", 5, None, "records", 1.0, None), Warned("careful")):
        narrator.hear(event.as_json())
    narrator.close()
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Warning: careful\n")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (0.44, "0.4 s"), (45.4, "45 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
