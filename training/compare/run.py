"""A comparison from its two models to its report, from top to bottom. Whatever is in its files already is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import Stopped
from curation.events import Listener, Progress, Warned
from training.compare.asks import AskQueue
from training.compare.events import AnswerBegan, Answered, AnswerGrew, ComparePrepared, Concluded, plain
from training.compare.model import (
    ANSWERS,
    PROMPTS,
    SIDES,
    Answer,
    Piece,
    Prompt,
    SideName,
    append,
    last_answers,
    read,
)

if TYPE_CHECKING:
    from training.compare.recipe import CompareRecipe
    from training.compare.sides import Sides

GROWS_EVERY = 0.12
"""Seconds between two events about the same growing answer."""

ShouldStop = Callable[[], bool]


def compare(
    recipe: CompareRecipe,
    folder: Path,
    runs_dir: Path,
    *,
    idle: float | None,
    listener: Listener,
    should_stop: ShouldStop,
) -> dict[str, Any]:
    """Compare what the recipe says into the run's `folder`, or go on where an earlier leg stopped.

    idle: None ends when all is done; else questions in asks.jsonl are answered until none came for so many seconds.
    Returns the summary: the facts of the report. Raises Stopped when `should_stop` said so; StudioError for everything
    a user can act on.
    """
    from training.compare.sides import open_sides

    began = time.monotonic()
    listener(Progress("load", 0, None, "models", 0.0, None))
    changes: list[str] = []
    with open_sides(recipe.sides, runs_dir, on_change=changes.append) as sides:
        prompts = _prompts(recipe, folder, runs_dir)
        listener(_prepared(sides, prompts, changes))
        talk = Talk(sides, recipe, folder, listener, should_stop)
        talk.answer_all(prompts)
        _measure(sides, recipe, folder, listener, should_stop)
        talk.judge()
        facts = conclude(folder, listener)
        if idle is not None:
            from training.compare.waiting import wait_for_asks

            wait_for_asks(talk, idle)
            facts = conclude(folder, listener)
    return {"kind": "compare", "seconds": round(time.monotonic() - began, 1), **facts}


class Talk:
    """The two sides, and what is asked of them: each answer is streamed to the listener and appended to its file."""

    def __init__(
        self, sides: Sides, recipe: CompareRecipe, folder: Path, listener: Listener, should_stop: ShouldStop
    ) -> None:
        self.sides, self.recipe, self.folder, self.listener, self.should_stop = (
            sides, recipe, folder, listener, should_stop,
        )  # fmt: skip
        self.queue = AskQueue(folder)
        self._told: dict[SideName, tuple[float, list[Piece]]] = {}

    def answer_all(self, prompts: Sequence[Prompt]) -> None:
        """Both answers to every prompt that has none yet. Raises Stopped."""
        there = last_answers(self.folder)
        began, done = time.monotonic(), 0
        open_prompts = [prompt for prompt in prompts if not _is_answered(prompt, there)]
        for at, prompt in enumerate(open_prompts):
            self._progress(len(prompts) - len(open_prompts) + at, len(prompts), began, done)
            self.answer(prompt)
            if self.should_stop():
                raise Stopped("The comparison was stopped; what was answered is kept.")
            done += 1
        self._progress(len(prompts), len(prompts), began, done)

    def answer(self, prompt: Prompt, seen: tuple[Prompt, Prompt] | None = None) -> tuple[Answer, Answer]:
        """Both answers to a prompt, side by side, told while they grow, until the run is stopped or somebody cancels
        them. seen: the prompt as a and as b see it, where their conversations differ."""

        def should_stop() -> bool:
            return self.should_stop() or self.queue.is_cancelled(prompt.prompt_id)

        for side in SIDES:
            self.listener(AnswerBegan(prompt.prompt_id, side))
        self._told = {side: (0.0, []) for side in SIDES}

        def grew(side: SideName, pieces: Sequence[Piece]) -> None:
            self._grew(prompt.prompt_id, side, pieces)

        a, b = seen or (prompt, prompt)
        answers = self.sides.answer_both(a, self.recipe.sampling, grew, should_stop, b)
        for answer in answers:
            self._flush(prompt.prompt_id, answer.side)
            append(self.folder / ANSWERS, answer)
            self.listener(
                Answered(prompt.prompt_id, answer.side, answer.tokens, round(answer.seconds, 3), answer.stopped)
            )
        return answers

    def judge(self) -> None:
        """Scores against references, and what a judge says, where one is named, of every answer that has none."""
        from training.compare.judge.run import judge_all, judge_at
        from training.compare.opening import ENDPOINT
        from training.compare.scored import score_all

        score_all(self.folder, self.recipe.scores)
        settings = self.recipe.judge
        if not settings.model:
            return
        known = [(facts.name, facts.digest) for facts in (self.sides.a, self.sides.b)]
        if ENDPOINT.match(settings.model):
            with judge_at(settings, self.folder) as judge:
                judge_all(self.folder, judge, settings, self.listener, self.should_stop, sides=known)
        else:
            judge_all(
                self.folder,
                self.sides.chat_model_of(settings.model),
                settings,
                self.listener,
                self.should_stop,
                sides=known,
            )

    def _grew(self, prompt_id: str, side: SideName, pieces: Sequence[Piece]) -> None:
        told, waiting = self._told[side]
        waiting.extend(pieces)
        if time.monotonic() - told >= GROWS_EVERY:
            self._flush(prompt_id, side)

    def _flush(self, prompt_id: str, side: SideName) -> None:
        _, waiting = self._told[side]
        if waiting:
            self.listener(AnswerGrew(prompt_id, side, plain(waiting)))
        self._told[side] = (time.monotonic(), [])

    def _progress(self, done: int, total: int, began: float, here: int) -> None:
        seconds = time.monotonic() - began
        rate = here / seconds if here else 0.0
        left = (total - done) / rate if rate else None
        self.listener(Progress("answer", done, total, "prompts", rate, left))


def conclude(folder: Path, listener: Listener) -> dict[str, Any]:
    """Write the report from the files, and tell what it shows."""
    from training.compare.report import compare_facts, write_report

    facts = compare_facts(folder)
    write_report(folder)
    listener(Concluded(facts["conclusion"]))
    return facts


def _prompts(recipe: CompareRecipe, folder: Path, runs_dir: Path) -> list[Prompt]:
    """The prompts of the recipe: read once, then those in the folder, whatever became of the data."""
    from training.compare.prompts import read_prompts

    path = folder / PROMPTS
    there = [prompt for prompt in read(path, Prompt) if prompt.source != "typed"]
    if there or not recipe.prompts.limit:
        return there
    found = read_prompts(recipe.prompts, _run_of(recipe), runs_dir)
    for prompt in found:
        append(path, prompt)
    return found


def _run_of(recipe: CompareRecipe) -> Path | None:
    return Path(recipe.sides.run) if recipe.sides.run else None


def _prepared(sides: Sides, prompts: Sequence[Prompt], changes: list[str]) -> ComparePrepared:
    return ComparePrepared(
        a=asdict(sides.a),
        b=asdict(sides.b),
        template=_template(sides),
        device=sides.device,
        prompts=len(prompts),
        changes=changes,
    )


def _template(sides: Sides) -> str:
    """The names of the sides' templates, one where they are the same; an endpoint has its own."""
    names = []
    for side, facts in (("a", sides.a), ("b", sides.b)):
        template = None if facts.kind == "endpoint" else sides.template(side)  # type: ignore[arg-type]
        names.append("the endpoint's" if template is None else template.name)
    return " | ".join(dict.fromkeys(names))


def _is_answered(prompt: Prompt, there: dict[tuple[str, SideName], Answer]) -> bool:
    answers = [there.get((prompt.prompt_id, side)) for side in SIDES]
    return all(answer is not None and answer.stopped != "stopped" for answer in answers)


def _measure(sides: Sides, recipe: CompareRecipe, folder: Path, listener: Listener, should_stop: ShouldStop) -> None:
    """Losses on what was held out and on general questions, and the suites."""
    from training.compare.losses import measure_losses, retention_examples
    from training.compare.prompts import heldout_examples
    from training.compare.suites import run_suites

    run, system = _run_of(recipe), sides.system("b") or sides.system("a")
    if recipe.losses.heldout and run is not None:
        examples = heldout_examples(run)
        if examples:
            measure_losses(sides, examples, "heldout", recipe.losses, folder, listener, should_stop, system=system)
        else:
            listener(Warned("The training run held nothing out, so there is no held-out loss.", "Set data.validation."))
    if recipe.losses.retention:
        measure_losses(sides, retention_examples(), "retention", recipe.losses, folder, listener, should_stop)
    if recipe.suites.names:
        run_suites(sides, recipe.suites, folder, listener, should_stop)
