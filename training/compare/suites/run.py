"""The suites of a comparison: ask, score, write down; what is there is not asked again."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import Stopped
from curation.events import Listener, Progress
from training.compare.events import SuiteDone
from training.compare.model import SIDES, SUITES, CaseResult, Prompt, SideName, append, read
from training.compare.suites.suite import Case, cases, score
from training.examples import Message

if TYPE_CHECKING:
    from training.compare.sections import SuiteSettings
    from training.compare.sides import Sides

_KEPT = 2000  # characters of an answer that are kept


def run_suites(
    sides: Sides,
    settings: SuiteSettings,
    folder: Path,
    say: Listener,
    should_stop: Callable[[], bool],
    *,
    only: Sequence[SideName] = SIDES,
) -> None:
    """Append a CaseResult to `suites.jsonl` for each case and side that has none there yet. Answers are greedy.

    only: the sides that are asked. Raises Stopped between two answers; what is answered is kept.
    """
    from training.compare.sections import SamplingSettings

    sampling = SamplingSettings(temperature=0, max_tokens=settings.max_tokens)
    wanted = [
        (name, language, cases(name, language, settings.size, settings.seed))
        for name in settings.names
        for language in settings.languages
    ]
    done = {(row.case_id, row.side) for row in read(folder / SUITES, CaseResult)}
    total = sum(len(some) for _, _, some in wanted) * len(only)
    finished, new, began = 0, 0, time.monotonic()
    for name, language, some in wanted:
        for side in only:
            for case in some:
                finished += 1
                if (case.case_id, side) in done:
                    continue
                if should_stop():
                    raise Stopped("The suites are not all answered; what is, is kept.")
                prompt = Prompt(case.case_id, (Message("user", case.question),), source=name)
                answer = sides.answer(prompt, side, sampling, _unheard, should_stop)
                if answer.stopped == "stopped":
                    raise Stopped("The suites are not all answered; what is, is kept.")
                append(folder / SUITES, _scored(case, side, answer.text))
                new += 1
                rate = new / max(time.monotonic() - began, 1e-9)
                say(Progress(f"suite {name}", finished, total, "answers", rate, (total - finished) / rate))
        means = suite_means(folder).get((name, language), {})
        if all(side in means for side in SIDES):
            say(SuiteDone(name, language, means["a"], means["b"]))


def suite_means(folder: Path) -> dict[tuple[str, str], dict[SideName, float]]:
    """The mean score of each side that has one, by suite and language."""
    rows = {(row.case_id, row.side): row for row in read(folder / SUITES, CaseResult)}
    scores: dict[tuple[str, str], dict[SideName, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.values():
        scores[row.suite, row.language][row.side].append(row.score)
    return {key: {side: sum(some) / len(some) for side, some in by.items()} for key, by in scores.items()}


def _scored(case: Case, side: SideName, answer: str) -> CaseResult:
    points = score(case, answer)
    return CaseResult(
        case.suite, case.language, case.case_id, side, points, case.question, answer[:_KEPT], case.expected
    )


def _unheard(_: object) -> None:
    """Nobody watches the answers of suites grow."""
