"""How far a long stage is inside its shards is told, from this process and from others; and it can be broken off there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import curation.engine.inside as inside
import curation.engine.progress as progress
from curation import Recipe
from curation.engine import local
from curation.engine.inside import Teller, Told, forget, told
from curation.engine.passes import Work
from curation.engine.progress import Meter
from curation.errors import Stopped
from curation.events import Event, StageProgress
from curation.telling import advance, hearing, tell

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


def test_what_nobody_hears_costs_nothing_and_what_somebody_hears_arrives() -> None:
    heard: list[tuple[int, int, str]] = []
    tell(1, 9, "texts")
    with hearing(lambda *what: heard.append(what)):
        tell(2, 9, "texts")
        with hearing(lambda *_what: None):
            tell(3, 9, "texts")
        advance(4, 9, "records")
    tell(5, 9, "texts")
    assert heard == [(2, 9, "texts"), (4, 9, "records")]


def test_only_what_may_be_broken_off_is() -> None:
    with hearing(lambda *_what: None, lambda: True):
        tell(1, 2, "texts")
        with pytest.raises(Stopped):
            advance(1, 2, "texts")


def test_a_worker_tells_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Teller(tmp_path, "key", "ifd")
    quick(1, 9, "texts")
    assert not told(tmp_path), "what takes less than a moment is not told"
    monkeypatch.setattr(inside, "_WRITE_EVERY", 0.0)
    work = Work(tmp_path, (), 0)
    with work.telling("key", "ifd"):
        advance(3, 9, "texts")
        (tmp_path / inside.FOLDER / "torn.json").write_text('{"stage": "i')
        assert told(tmp_path) == {"key": Told("ifd", 3, 9, "texts")}
    assert not told(tmp_path)
    forget(tmp_path)
    assert not list(tmp_path.iterdir())


def test_where_it_cannot_be_written_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "_WRITE_EVERY", 0.0)
    (tmp_path / inside.FOLDER).write_text("in the way")
    teller = Teller(tmp_path, "key", "ifd")
    teller(1, 9, "texts")
    teller(2, 9, "texts")
    teller.close()


def test_the_stage_with_most_before_it_is_said_with_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    said: list[Event] = []
    meter = Meter(said.append, None)
    meter.begin("read + ifd", None)
    assert not meter.wants_inside
    now[0] += progress.INSIDE_EVERY
    assert meter.wants_inside
    meter.inside({"a": Told("ifd", 10, 100, "texts"), "b": Told("fit", 1, 5, "texts")})
    now[0] += 2
    meter.inside({"a": Told("ifd", 20, 100, "texts"), "c": Told("ifd", 4, 100, "texts")})
    now[0] += 2
    meter.inside({"a": Told("ifd", 30, 100, "texts"), "c": Told("ifd", 14, 100, "texts")})
    meter.inside({})
    found = [event for event in said if isinstance(event, StageProgress)]
    assert [(e.stage, e.done, e.total) for e in found] == [("ifd", 10, 100), ("ifd", 24, 200), ("ifd", 44, 200)]
    assert [e.rate for e in found] == [0.0, 5.0, 10.0]
    assert [e.eta for e in found] == [None, 176 / 5, 156 / 10]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_says_how_far_its_stages_are(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are embedded in this process, or in two others."""
    monkeypatch.setattr(progress, "INSIDE_EVERY", 0.05)
    monkeypatch.setattr(
        local, "SHARD_RECORDS", 1500
    )  # seconds of work, since what takes less than a moment is not told
    lines = json.loads((DATASETS / "alpaca_mixed.json").read_text("utf-8"))
    source = tmp_path / "a.jsonl"
    source.write_text(
        "".join(
            json.dumps({**line, "instruction": f"{n}. {line['instruction']}", "output": f"{n}: {line['output']}"})
            + "\n"
            for n in range(72)
            for line in lines
        ),
        "utf-8",
    )
    said: list[Event] = []
    run(source, tmp_path / "run", said.append, workers=workers)
    found = [event for event in said if isinstance(event, StageProgress)]
    assert {(event.stage, event.unit) for event in found} == {("fit", "texts")}
    assert all(0 < event.done <= event.total for event in found)
    assert not (tmp_path / "run" / "shards" / inside.FOLDER).exists()


def test_a_run_can_be_broken_off_inside_a_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INSIDE_EVERY", 0.0)
    said: list[Event] = []

    def listen(event: Event) -> None:
        said.append(event)

    with pytest.raises(Stopped):
        run(
            DATASETS / "alpaca_mixed.json",
            tmp_path / "run",
            listen,
            should_stop=lambda: any(isinstance(event, StageProgress) for event in said),
        )
    (told_once,) = [event for event in said if isinstance(event, StageProgress)]
    assert told_once.done < told_once.total


def run(
    source: Path,
    folder: Path,
    listener: Callable[[Event], None],
    *,
    workers: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    recipe = Recipe.from_text("stages:\n  - use: fit\n", "r")
    local.curate(
        [str(source)], recipe, folder, listener=listener, report=False, workers=workers, should_stop=should_stop
    )
