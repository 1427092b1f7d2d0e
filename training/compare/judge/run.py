"""All answers of a comparison, judged: several at once at an endpoint, each finished one on the disk at once.

What is there already is not judged again, and a call that was paid for is found in the ledger; so a comparison that was
killed goes on where it was, and one whose endpoint was down asks again for what failed then.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import Stopped
from curation.events import Listener, Progress, Warned
from curation.llm.model import ChatModel
from training.compare.events import Judged
from training.compare.judge.ask import Chooser
from training.compare.judge.deepeval_metrics import PREFIX, how_metric, metric_score, require
from training.compare.judge.model import FINAL, PAIR, SCORE, Judgement, PairJudgement, append, position_facts, read
from training.compare.judge.rubrics import Rubric, load_rubric
from training.compare.judge.verdicts import how_pair, how_score, judge_pair, score_answer
from training.compare.model import CALLS, PROMPTS, SIDES, Answer, Prompt, SideName, answer_digest, last_answers
from training.compare.model import read as read_rows
from training.compare.sections import JudgeSettings

if TYPE_CHECKING:
    from curation.llm.client import Endpoint

PHASE = "judge"
POLL_SECONDS = 0.1
AT_ONCE_HOPELESS = ("budget", "no_key")
HOPELESS_AFTER = 8
"""So many failures of the endpoint in a row, and the rest is left for a resumed comparison."""

ENOUGH_PAIRS = 10


@dataclass(frozen=True)
class JudgedAll:
    """What came of it. judged: newly; reused: that were there; left: that nobody asked about, because the endpoint was
    down or the budget spent; failures: by kind, of the new ones."""

    judged: int
    reused: int
    left: int
    failures: Mapping[str, int]


@dataclass(frozen=True)
class _Unit:
    """One judgement to make."""

    key: tuple[str, ...]
    make: Callable[[], Judgement]


def judge_at(settings: JudgeSettings, folder: Path) -> Endpoint:
    """The judge at the endpoint `settings.model`, with its ledger in the folder of the comparison. Close it when done.

    Raises as `curation.llm.client.connect`.
    """
    from curation.llm.budget import Budget
    from curation.llm.client import connect
    from curation.llm.pace import Pace

    return connect(
        settings.model,
        settings.key_env,
        attempts=settings.attempts,
        timeout=settings.timeout,
        ledger=folder / CALLS,
        budget=Budget(calls=settings.max_calls),
        pace=Pace(settings.concurrency),
    )


def judge_all(
    folder: Path,
    model: ChatModel,
    settings: JudgeSettings,
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    sides: Sequence[tuple[str, str]] = (),
) -> JudgedAll:
    """Judge every prompt of `folder` that both sides have answered, and mark every answer by the rubrics.

    sides: name and digest of either side, to warn of a judge that is one of them. Answers that were stopped by hand are
    passed over. Raises Stopped within a call, with everything finished on the disk; RecipeError for a rubric or a
    metric that is not there.
    """
    rubrics = [load_rubric(name) for name in settings.rubrics]
    require(settings.deepeval)
    _warn_of_itself(model, sides, listener)
    done = {row.key for row in read(folder) if all(failure.kind in FINAL for failure in row.failures)}
    answers = {key: answer for key, answer in last_answers(folder).items() if answer.stopped != "stopped"}
    prompts = list({prompt.prompt_id: prompt for prompt in read_rows(folder / PROMPTS, Prompt)}.values())
    _warn_of_references(rubrics, prompts, listener)
    stopping = threading.Event()
    units = [unit for prompt in prompts for unit in _units(prompt, answers, model, rubrics, settings, stopping.is_set)]
    wanted = [unit for unit in units if unit.key not in done]
    at_once = 1 if isinstance(model, Chooser) else settings.concurrency
    rows = _work(folder, wanted, at_once, listener, should_stop, stopping)
    failures = _failures(rows)
    if len(rows) < len(wanted):
        _warn_of_the_rest(listener, len(wanted) - len(rows), failures)
    _warn_of_places(listener, rows)
    return JudgedAll(len(rows), len(units) - len(wanted), len(wanted) - len(rows), failures)


def _units(
    prompt: Prompt,
    answers: Mapping[tuple[str, SideName], Answer],
    model: ChatModel,
    rubrics: Sequence[Rubric],
    settings: JudgeSettings,
    stop: Callable[[], bool],
) -> Iterator[_Unit]:
    a, b = (answers.get((prompt.prompt_id, side)) for side in SIDES)
    if settings.pairwise and a and b:
        how = how_pair(model, prompt, a, b, settings)
        key: tuple[str, ...] = (PAIR, prompt.prompt_id, answer_digest(a), answer_digest(b), how, model.identity)
        yield _Unit(key, _bound(judge_pair, model, prompt, a, b, settings, stop))
    for answer in (one for one in (a, b) if one):
        said = answer_digest(answer)
        for rubric in rubrics:
            if rubric.reference == "required" and not prompt.reference:
                continue
            how = how_score(model, rubric, prompt, answer, settings)
            key = (SCORE, prompt.prompt_id, answer.side, rubric.name, said, how, model.identity)
            yield _Unit(key, _bound(score_answer, model, rubric, prompt, answer, settings, stop))
        for metric in settings.deepeval:
            how = how_metric(metric, prompt, answer, settings)
            key = (SCORE, prompt.prompt_id, answer.side, PREFIX + metric, said, how, model.identity)
            yield _Unit(key, _bound(metric_score, model, metric, prompt, answer, settings, stop))


def _bound(make: Callable[..., Judgement], *arguments: object) -> Callable[[], Judgement]:
    return lambda: make(*arguments)


def _work(
    folder: Path,
    units: Sequence[_Unit],
    at_once: int,
    listener: Listener,
    should_stop: Callable[[], bool],
    stopping: threading.Event,
) -> list[Judgement]:
    """What was judged. Ends early at a hopeless endpoint.

    stopping: what the threads look at; should_stop is asked, and the file written, in this thread alone.
    """
    made: list[Judgement] = []
    in_vain, stopped = 0, False
    began, waiting = time.monotonic(), iter(units)
    running: set[Future[Judgement]] = set()
    pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="judge")
    try:
        while True:
            if stopped := stopped or should_stop():
                stopping.set()
            if not stopped and in_vain < HOPELESS_AFTER:
                running |= {pool.submit(unit.make) for unit in islice(waiting, at_once - len(running))}
            if not running:
                break
            finished, running = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in finished:
                if isinstance(future.exception(), Stopped):
                    continue
                row = future.result()
                append(folder, row)
                made.append(row)
                in_vain = _in_vain(in_vain, {failure.kind for failure in row.failures})
                _tell(listener, row, len(made), len(units), began)
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)
    if stopped and len(made) < len(units):
        raise Stopped("The judge was stopped; what it said so far is kept.")
    return made


def _failures(rows: Sequence[Judgement]) -> dict[str, int]:
    """How many failed in which way."""
    kinds = Counter(kind for row in rows for kind in {failure.kind for failure in row.failures})
    return dict(sorted(kinds.items()))


def _in_vain(before: int, kinds: set[str]) -> int:
    """Failures of the endpoint in a row, after one more judgement."""
    if kinds & set(AT_ONCE_HOPELESS):
        return HOPELESS_AFTER
    return before + 1 if kinds - set(FINAL) else 0


def _tell(listener: Listener, row: Judgement, judged: int, total: int, began: float) -> None:
    if isinstance(row, PairJudgement):
        listener(Judged(row.prompt_id, row.winner, row.why))
    seconds = max(time.monotonic() - began, 1e-9)
    rate = judged / seconds
    listener(Progress(PHASE, judged, total, "judgements", round(rate, 3), round((total - judged) / rate, 1)))


def _warn_of_itself(model: ChatModel, sides: Sequence[tuple[str, str]], listener: Listener) -> None:
    judge = (model.identity, hashlib.sha256(model.identity.encode()).hexdigest())  # endpoints: of their address
    for name, digest in sides:
        if digest in judge or name == model.name:
            listener(
                Warned(
                    f"The judge is {name}, one of the two that it judges: models prefer what they wrote themselves.",
                    "Take another model as judge.model, and compare its verdicts with votes of people.",
                )
            )


def _warn_of_references(rubrics: Sequence[Rubric], prompts: Sequence[Prompt], listener: Listener) -> None:
    without = sum(not prompt.reference for prompt in prompts)
    for rubric in rubrics:
        if rubric.reference == "required" and without:
            listener(Warned(f"{rubric.name} is marked against a reference answer, and {without} prompts have none."))


def _warn_of_the_rest(listener: Listener, left: int, failures: Mapping[str, int]) -> None:
    kinds = ", ".join(f"{kind}: {count}" for kind, count in failures.items())
    listener(
        Warned(
            f"The judge was given up on with {left} judgements left ({kinds}).",
            "Look after the endpoint, its key or judge.max_calls, and resume the comparison.",
        )
    )


def _warn_of_places(listener: Listener, rows: Sequence[Judgement]) -> None:
    """Say when the judge looks at where an answer stands rather than at the answer."""
    facts = position_facts(rows)
    disagreed = facts["asked"] - facts["agreed"]
    if facts["asked"] >= ENOUGH_PAIRS and disagreed > facts["asked"] / 2:
        listener(
            Warned(
                f"The judge contradicted itself in {disagreed} of {facts['asked']} pairs when the answers changed places "
                f"({facts['first']} times for the first, {facts['second']} for the second): these are ties.",
                "A larger model may judge; the pairs may also be too close.",
            )
        )
