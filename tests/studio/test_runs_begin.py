"""Runs begun and gone on with in the background, without a command line."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from curation.errors import BusyError, InputError, StudioError
from curation.recipe import Recipe
from studio.runs.begin import begin, go_on, make, recipe_of, reopen
from studio.runs.folder import RunFolder, every
from studio.runs.lock import RunLock
from studio.runs.spec import read_spec
from studio.runs.status import Status, status_of

SAMPLES = Path(__file__).parents[2] / "datasets"
RECIPE = "# why it is here\nname: small\nstages:\n  - use: length\n    min_chars: 20\n  - use: exact\n"


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.from_text(RECIPE, "small")


def finished(folder: RunFolder) -> RunFolder:
    end = time.monotonic() + 60
    while status_of(folder) is Status.RUNNING:
        assert time.monotonic() < end, "the run does not end"
        time.sleep(0.1)
    assert status_of(folder) is Status.FINISHED, folder.log.read_text()
    return folder


def events(folder: RunFolder) -> int:
    return len(folder.events.read_bytes().splitlines())


def test_a_finished_run_is_left_alone_until_something_is_different(tmp_path: Path, recipe: Recipe) -> None:
    folder = finished(begin([str(SAMPLES / "support_desk.jsonl")], recipe, tmp_path / "runs"))
    before, number = folder.result.read_bytes(), events(folder)
    assert not go_on(folder)
    assert not go_on(folder, recipe_of(folder)), "the same recipe is nothing new"
    assert (folder.result.read_bytes(), events(folder)) == (before, number)
    kept = json.loads(folder.summary.read_bytes())["counts"]["kept"]

    assert go_on(folder, recipe_of(folder).with_settings(["length.min_chars=300"]))
    finished(folder)
    assert events(folder) > number
    assert json.loads(folder.summary.read_bytes())["counts"]["kept"] < kept
    spec = read_spec(folder)
    assert "min_chars: 300" in spec.recipe["yaml"]
    assert "# why it is here" in spec.recipe["yaml"]
    assert [each["recipe"]["yaml"] for each in spec.earlier] == [RECIPE]


def test_what_cannot_be_read_leaves_no_folder_behind(tmp_path: Path, recipe: Recipe) -> None:
    runs = tmp_path / "runs"
    source = str(SAMPLES / "qa_zh.csv")
    attempts = (
        lambda: begin([], recipe, runs),
        lambda: begin(["-"], recipe, runs),
        lambda: begin([str(tmp_path / "nowhere.jsonl")], recipe, runs),
        lambda: make([source], recipe, runs, options={"format": "no such format"}),
        lambda: make([source], recipe, runs, options={"out_format": "no such format"}),
        lambda: make([source], recipe, runs, verdicts=tmp_path / "none.jsonl"),
    )
    for attempt in attempts:
        with pytest.raises(StudioError):
            attempt()
        assert every(runs) == []


def test_a_run_that_is_made_waits_with_its_lock_held(tmp_path: Path, recipe: Recipe) -> None:
    folder, lock = make([str(SAMPLES / "qa_zh.csv")], recipe, tmp_path / "runs", options={"limit": 5}, argv=["a", "b"])
    with lock:
        assert status_of(folder) is Status.RUNNING
        with pytest.raises(BusyError):
            reopen(folder)
    spec = read_spec(folder)
    assert (spec.options["limit"], spec.options["report"], spec.argv) == (5, True, ["a", "b"])
    assert status_of(folder) is Status.CRASHED
    again = reopen(folder, settings=["length.min_chars=30"], how={"workers": 1})
    assert again is not None
    again.close()
    assert read_spec(folder).options["workers"] == 1


def test_a_lock_is_let_go_where_going_on_fails(tmp_path: Path, recipe: Recipe) -> None:
    folder, lock = make([str(SAMPLES / "qa_zh.csv")], recipe, tmp_path / "runs")
    lock.close()
    with pytest.raises(StudioError):
        reopen(folder, settings=["length.no_such=1"])
    folder.spec.write_text("{}")
    with pytest.raises(InputError):
        reopen(folder)
    RunLock.acquire(folder).close()
