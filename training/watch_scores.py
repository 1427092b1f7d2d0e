"""Scores at each evaluation of a training: what a judge says of the sampled answers, and how many small tasks are right.

Both only look. The weights, their losses and the random numbers of the run are what they would be without, and a judge that
fails costs a point of its curve and a warning, never the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError, Stopped, StudioError
from curation.events import Listener, Warned
from training.events import Scored

if TYPE_CHECKING:
    from curation.llm.client import Endpoint
    from training.compare.judge.rubrics import Rubric
    from training.session import Prompt, Session

SUITE_SEED = 0  # the same cases at every step, so that a curve shows the model and not the draw
_AT_ONCE = 4
_ATTEMPTS, _TIMEOUT = 2, 60.0  # of a call; a training does not wait longer for it


class Scores:
    """What `evaluation.judge` and `evaluation.suites` ask for. Made in every process; the first one asks and tells.

    Raises StudioError for a rubric, an address or a key that is not there: before the first step, not at the end.
    """

    def __init__(self, session: Session, folder: Path, listener: Listener, should_stop: Callable[[], bool]) -> None:
        self._session, self._listener, self._should_stop = session, listener, should_stop
        self._settings = session.recipe.evaluation
        self._rubrics: list[Rubric] = []
        self._judge: Endpoint | None = None
        if self._settings.judge and session.is_main:
            from curation.llm.client import connect
            from training.compare.judge.rubrics import load_rubric
            from training.compare.model import CALLS

            self._rubrics = [load_rubric(name) for name in self._settings.judge_rubrics]
            self._judge = connect(
                self._settings.judge,
                self._settings.judge_key_env,
                attempts=_ATTEMPTS,
                timeout=_TIMEOUT,
                ledger=folder / CALLS,
            )

    def of_samples(self, step: int, who: str, answered: Sequence[tuple[Prompt, str]]) -> None:
        """Have the answers at a step marked by the judge, and tell the mean of each rubric."""
        if self._judge is None or not answered:
            return
        for rubric in self._rubrics:
            try:
                self._mark(step, who, rubric, answered)
            except Stopped:
                return
            except StudioError as error:  # a ledger that cannot be written, say
                self._listener(Warned(f"The judge failed at step {step}: {error.message}", error.hint))

    def of_tasks(self, step: int, who: str, answer: Callable[[Sequence[int]], str]) -> None:
        """Answer the cases of each suite, and tell the share that is right. Every process takes part in answering."""
        from training.compare.suites import cases, score

        for suite in self._settings.suites:
            right: list[float] = []
            for language in ("en", "zh"):
                for case in cases(suite, language, self._settings.suite_size, SUITE_SEED):
                    ids = self._ids(case.question)
                    if ids:
                        right.append(score(case, answer(ids)))
            if right:
                self._listener(Scored(step, who, suite, sum(right) / len(right), len(right), 0))

    def _mark(self, step: int, who: str, rubric: Rubric, answered: Sequence[tuple[Prompt, str]]) -> None:
        from training.compare.judge.verdicts import score_answer
        from training.compare.model import Answer
        from training.compare.model import Prompt as Asked
        from training.compare.sections import JudgeSettings
        from training.examples import Message

        judge = self._judge
        if judge is None:
            return
        settings = JudgeSettings(model=self._settings.judge)

        def marked(one: tuple[Prompt, str]) -> Any:
            prompt, said = one
            asked = Asked(prompt.record_id, (Message("user", prompt.text),), prompt.reference)
            answer = Answer(prompt.record_id, "b", said, 0, 0.0, "end")
            return score_answer(judge, rubric, asked, answer, settings, self._should_stop)

        wanted = [one for one in answered if rubric.reference != "required" or one[0].reference]
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="judge") as pool:
            rows = list(pool.map(marked, wanted))
        scores = [row.score for row in rows if row.score is not None]
        if scores:
            mean = sum(scores) / len(scores)
            self._listener(Scored(step, who, rubric.name, mean, len(scores), len(rows) - len(scores)))
        if len(scores) < len(rows):
            kinds = Counter(failure.kind for row in rows for failure in row.failures)
            said = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))
            self._listener(
                Warned(
                    f"The judge gave {len(rows) - len(scores)} of {len(rows)} answers no score at step {step} ({said})."
                )
            )

    def _ids(self, question: str) -> list[int]:
        """The tokens of a question, none where it does not fit."""
        from training.examples import Message
        from training.tokenize import encode_prompt

        session = self._session
        try:
            ids = encode_prompt(
                [Message("user", question)], session.template, session.tokenizer, session.recipe.template.system
            )
        except InputError:
            return []
        return ids if len(ids) <= session.recipe.data.max_length else []
