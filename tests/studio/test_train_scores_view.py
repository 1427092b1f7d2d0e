"""Scores of a training, as curves and as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from studio.cli.training_words import _TOLD
from studio.runs.curves import TrainSnapshot, fold
from studio.tui.screens.train_run_frames import Look, small_pictures


def event(step: int, who: str, name: str, score: float, failed: int = 0) -> dict[str, Any]:
    return {"event": "scored", "time": 0.0, "step": step, "who": who, "name": name, "score": score, "count": 8,
            "failed": failed}  # fmt: skip


def test_scores_stand_where_the_learning_rate_stood() -> None:
    events = [event(0, "base", "helpfulness", 0.25), event(0, "base", "json", 0.5)]
    before = small_pictures(fold(TrainSnapshot(), events), Look())
    assert len(before) == 3 and before[0].title.plain == "Scores o helpfulness 0.250  x json 0.500  "
    assert before[0].levels == (0.25, 0.5) and before[0].curves == ()
    events += [event(step, "tuned", "helpfulness", step / 100) for step in (10, 20, 10)]
    (scores, norm, _speed) = small_pictures(fold(TrainSnapshot(), events), Look())
    assert [(curve.mark, curve.x.tolist(), curve.y.tolist()) for curve in scores.curves] == [("o", [10.0], [0.1])]
    assert "Gradient" in norm.title.plain
    assert small_pictures(TrainSnapshot(), Look())[0].title.plain.startswith("Learning rate")


@pytest.mark.parametrize("name", ["\x1b[31mred", "a" * 500, "[bold]x[/bold]", "\u202edrib"])
def test_a_name_is_shown_as_text(name: str) -> None:
    title = small_pictures(fold(TrainSnapshot(), [event(1, "tuned", name, 0.5)]), Look())[0].title.plain
    assert len(title) < 60 and not set(title) & set("\x1b\u202e")
    (line,) = _TOLD["scored"](event(1, "tuned", name, 0.5))
    assert not set(line) & set("\x1b\u202e")


def test_scores_are_told_on_the_command_line() -> None:
    (line,) = _TOLD["scored"](event(1200, "tuned", "bias", 0.875, failed=2))
    assert line == "step 1,200: bias 0.88 of 8 answers, 2 without a score (tuned)"
