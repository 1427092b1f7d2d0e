"""Events of a training run fold into curves that lose no spike, and into the same picture however they come."""

from __future__ import annotations

import json
import math
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.runs.curves import MOST_POINTS, Points, TrainSnapshot, extremes, fold, read_snapshot, smoothed
from studio.runs.jsonl import one_line


def started(*, resumed: bool = False) -> dict[str, Any]:
    return {
        "event": "run_started", "time": 1.0, "run": "r", "kind": "train", "recipe": "quick", "stages": [], "workers": 1,
        "resumed": resumed,
    }  # fmt: skip


def prepared(steps: int = 10) -> dict[str, Any]:
    return {
        "event": "training_prepared", "time": 1.0, "model": "m", "method": "lora", "template": "chatml", "device": "cpu",
        "changes": [], "records": 8, "validation": 2, "tokens": 900, "trained_tokens": 300, "parameters": 1000,
        "trainable": 10, "steps": steps,
    }  # fmt: skip


def logged(step: int, loss: float | None = 2.0, **more: Any) -> dict[str, Any]:
    return {
        "event": "step_logged", "time": float(step), "step": step, "epoch": step / 10, "loss": loss, "learning_rate": 1e-4,
        "grad_norm": 1.0, "tokens": 100 * step, "tokens_per_second": 50.0, "seconds": 2.0 * step, "eta": 9.0, "rss": 1 << 30,
        "gpu": {}, **more,
    }  # fmt: skip


def evaluated(step: int, loss: float, who: str = "tuned", split: str = "validation") -> dict[str, Any]:
    return {"event": "evaluated", "time": 1.0, "step": step, "split": split, "who": who, "loss": loss, "tokens": 50}


def sampled(step: int, who: str, answer: str = "yes", record: str = "a:1") -> dict[str, Any]:
    return {
        "event": "sampled", "time": 1.0, "step": step, "who": who, "record_id": record, "prompt": "well?", "answer": answer,
        "reference": "yes.", "stopped": True,
    }  # fmt: skip


def saved(step: int, *, best: bool = False) -> dict[str, Any]:
    path = f"checkpoints/checkpoint-{step:08d}"
    return {
        "event": "checkpoint_saved",
        "time": 1.0,
        "step": step,
        "path": path,
        "bytes": 9,
        "seconds": 0.1,
        "best": best,
    }


def resumed(step: int) -> dict[str, Any]:
    return {"event": "resumed", "time": 1.0, "step": step, "path": "checkpoints/c", "refused": []}


def story() -> list[dict[str, Any]]:
    """A run that is killed after step 7, goes on from 4, is paused, and ends."""
    return [
        started(), prepared(), evaluated(0, 3.0, "base"), evaluated(0, 1.0, "base", "retention"), sampled(0, "base", "no"),
        *(logged(n, 3 - n / 10) for n in range(1, 5)), evaluated(4, 2.5), sampled(4, "tuned"), saved(4, best=True),
        *(logged(n, 99.0) for n in range(5, 8)), evaluated(6, 9.0), sampled(6, "tuned", "worse"), saved(6, best=True),
        started(resumed=True), resumed(4), *(logged(n, 3 - n / 10) for n in range(5, 9)),
        {"event": "paused", "time": 1.0, "step": 8, "on": True},
    ]  # fmt: skip


def test_what_is_done_again_after_a_kill_counts_once() -> None:
    snapshot = fold(TrainSnapshot(), story())
    rows = snapshot.points.rows()
    assert rows[:, 0].tolist() == list(range(1, 9))
    assert rows[:, 1].max() < 3  # the steps after the checkpoint are those of the second leg
    assert snapshot.losses["validation", "tuned"].rows(2).tolist() == [[4.0, 2.5]]
    assert snapshot.loss("validation", "base") == 3.0 and snapshot.loss("retention", "base") == 1.0
    assert [each.text for each in snapshot.stories["a:1"].tuned] == ["yes"]
    assert snapshot.stories["a:1"].base is not None and snapshot.stories["a:1"].base.text == "no"
    assert [each["step"] for each in snapshot.checkpoints] == [4] and snapshot.best is None
    assert snapshot.paused and snapshot.step == 8 and snapshot.steps == 10 and snapshot.run.resumed
    assert [note["event"] for note in snapshot.notes] == ["checkpoint_saved", "checkpoint_saved", "resumed", "paused"]
    over = fold(snapshot, [{"event": "run_stopped", "time": 2.0, "run": "r"}])
    assert not over.paused and over.run.outcome == "stopped"


def test_a_run_begun_again_without_a_checkpoint_starts_at_its_first_step() -> None:
    events = [
        started(),
        prepared(),
        *(logged(n, 5.0) for n in range(1, 6)),
        started(resumed=True),
        logged(1),
        logged(2),
    ]
    assert fold(TrainSnapshot(), events).points.rows()[:, :2].tolist() == [[1.0, 2.0], [2.0, 2.0]]


@pytest.mark.parametrize("seed", range(5))
def test_events_fold_to_the_same_picture_in_any_pieces(seed: int) -> None:
    events = story()
    whole = fold(TrainSnapshot(), events)
    dice, piecewise, left = random.Random(seed), TrainSnapshot(), events
    while left:
        cut = dice.randint(1, 4)
        piecewise, left = fold(piecewise, left[:cut]), left[cut:]
    assert np.array_equal(whole.points.rows(), piecewise.points.rows(), equal_nan=True)
    assert whole.losses.keys() == piecewise.losses.keys()
    assert (whole.stories, whole.notes, whole.last, whole.run) == (
        piecewise.stories, piecewise.notes, piecewise.last, piecewise.run,
    )  # fmt: skip


def test_an_older_snapshot_stays_what_it_was() -> None:
    first = fold(TrainSnapshot(), [started(), logged(1), logged(2)])
    fold(first, [logged(3), resumed(1), logged(2, 7.0)])
    assert first.points.rows()[:, 0].tolist() == [1.0, 2.0]


def test_numbers_that_are_none_are_gaps() -> None:
    snapshot = fold(TrainSnapshot(), [started(), logged(1, None, grad_norm=None), logged(2)])
    rows = snapshot.points.rows()
    assert math.isnan(rows[0, 1]) and math.isnan(rows[0, 3]) and rows[1, 1] == 2.0


def write(path: Path, number: int, spike: int) -> None:
    with path.open("w", encoding="ascii") as stream:
        stream.write(one_line(started()) + "\n" + one_line(prepared(number)) + "\n")
        for step in range(1, number + 1):
            stream.write(one_line(logged(step, 50.0 if step == spike else 2 + math.sin(step))) + "\n")


def test_a_hundred_thousand_points_attach_in_a_second(tmp_path: Path) -> None:
    """CPU time, because the machine may be busy; `benchmarks/curves.py` measures more."""
    events = tmp_path / "events.jsonl"
    write(events, 100_000, spike=61_803)
    begun = time.process_time()
    snapshot = read_snapshot(events)
    rows = snapshot.points.rows()
    low, high = extremes(rows[:, 0], rows[:, 1], 1, 100_000, 140)
    assert time.process_time() - begun < 1.0
    assert len(snapshot.points) == 100_000 and snapshot.step == 100_000
    assert np.nanargmax(high) == 140 * 61_803 // 100_000 and high.max() == 50.0 and low.max() < 3.1


def test_memory_has_a_limit_and_spikes_survive_it() -> None:
    points, spike = Points(), 12_345
    for begin in range(0, 2 * MOST_POINTS, 4096):
        points = points.with_rows(
            [(n, 77.0 if n == spike else float(n % 7), 0, 0, 0, 0, 0) for n in range(begin, begin + 4096)]
        )
        assert len(points) <= MOST_POINTS
    rows = points.rows()
    assert (np.diff(rows[:, 0]) > 0).all()
    assert rows[rows[:, 1] == 77.0][:, 0].tolist() == [spike]
    assert len(points.chunks) < 20


def test_a_torn_line_waits_for_its_rest_and_half_a_character_is_no_reason_to_lose_an_event(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    torn = json.dumps(sampled(1, "tuned", "half \ud83d"))
    events.write_text(one_line(started()) + "\n" + torn[:50])
    assert not read_snapshot(events).stories
    with events.open("a") as stream:
        stream.write(torn[50:] + "\n")
    assert read_snapshot(events).stories["a:1"].tuned[0].text == "half \ud83d"


def test_smoothing_is_the_mean_of_what_came_before() -> None:
    values = np.array([1.0, 3.0, np.nan, 5.0])
    assert np.allclose(smoothed(values, 2), [1.0, 2.0, np.nan, 5.0], equal_nan=True)
    assert smoothed(values, 1) is values


def test_extremes_of_nothing_are_gaps() -> None:
    low, high = extremes(np.empty(0), np.empty(0), 0, 1, 5)
    assert np.isnan(low).all() and np.isnan(high).all()
