"""The judge of an experiment at work: every trained model answers, then all answers are judged, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError, StageError, Stopped
from curation.events import Event, Listener, Progress, Warned
from training.compare.events import Judged
from training.compare.model import ANSWERS, PROMPTS, Answer, Prompt, as_json, last_answers
from training.experiment.judged import Asking, judged_facts
from training.experiment.judging import JudgingRecipe, judge_cost, judged_pairs

if TYPE_CHECKING:
    from curation.llm.model import ChatModel
    from training.compare.judge.model import Judgement
    from training.compare.judge.run import JudgedAll
    from training.compare.sides import Sides
    from training.examples import Example
    from training.experiment.model import ExperimentRecipe

FOLDER, MARKS, PAIRS = "judge", "marks", "pairs"

Legs = Mapping[tuple[str, int], Path]
"""(arm, seed) -> the folder of its training."""


def drawn_prompts(recipe: JudgingRecipe, examples: Sequence[Example]) -> list[Prompt]:
    """The held-out questions that are asked, in the order of their records. Raises InputError where there are none."""
    from training.compare.prompts import asked_of, drawn

    found = asked_of(examples, "heldout", texts=False)
    if not found:
        raise InputError("The held-out records ask nothing that a judge could look at.", "Leave --judge out.")
    return drawn(found, recipe.prompts.limit, recipe.prompts.seed)


@dataclass(frozen=True)
class Judging:
    """One judge, its prompts and the folder of its experiment."""

    recipe: JudgingRecipe
    experiment: ExperimentRecipe
    prompts: Sequence[Prompt]
    folder: Path
    say: Listener
    should_stop: Callable[[], bool]

    def cost(self) -> dict[str, int]:
        """See `JudgeCost`."""
        experiment = self.experiment
        return asdict(judge_cost(self.recipe, experiment.all_arms(), experiment.seeds, self.prompts))

    def let_answer(self, sides: Sides, leg: Path, name: str) -> None:
        """The trained model of a leg answers what it has not answered yet. Raises Stopped."""
        there = last_answers(leg)
        for at, prompt in enumerate(self.prompts):
            self.say(Progress(f"answers of {name}", at, len(self.prompts), "prompts", 0.0, None))
            if (prompt.prompt_id, "b") in there and there[prompt.prompt_id, "b"].stopped != "stopped":
                continue
            try:
                answer = sides.answer(prompt, "b", self.recipe.sampling, lambda _: None, self.should_stop)
            except InputError as error:  # longer than the model can read: no answer, and so no verdict
                self.say(Warned(f"A held-out question is not asked: {error.message}"))
                continue
            if answer.stopped == "stopped":
                raise Stopped("The experiment was stopped; what was answered is kept.")
            append_answer(leg, answer)

    def judge(self, legs: Legs, bases: str) -> dict[str, Any]:
        """Everything that is to be judged, and what it comes to: the `judge` part of report.json.

        bases: a training run, for a judge that is named as one of its sides. Raises StageError where the judge cannot be
        asked any more, so that a resumed experiment asks on; Stopped.
        """
        from training.compare.judge.model import last_pairs, last_scores
        from training.compare.judge.model import read as read_judgements

        place = self.folder / FOLDER
        askings = {**self._lay_out_marks(place / MARKS, legs), **self._lay_out_pairs(place / PAIRS, legs)}
        with self._model(place, bases) as model:
            done = [
                self._ask(place / part, model, settings)
                for part, settings in (
                    (MARKS, {"pairwise": False}),
                    (PAIRS, {"rubrics": (), "deepeval": ()}),
                )
                if (place / part / PROMPTS).is_file()
            ]
            name = model.name
        marks, couples = (
            [row for row in read_judgements(place / part) if row.prompt_id in askings] for part in (MARKS, PAIRS)
        )
        last: list[Judgement] = [*last_scores(marks).values(), *last_pairs(couples).values()]
        failed = sum(bool(row.failures) for row in last)
        return {
            "model": name,
            "prompts": len(self.prompts),
            "cost": self.cost(),
            "judged": len(last) - failed,
            "failed": failed,
            "left": sum(one.left for one in done),
            **judged_facts(self.experiment, marks, couples, askings),
        }

    def _ask(self, folder: Path, model: ChatModel, changes: Mapping[str, Any]) -> JudgedAll:
        from training.compare.judge.model import FINAL
        from training.compare.judge.run import judge_all

        settings = self.recipe.judge.model_copy(update=dict(changes))
        done = judge_all(folder, model, settings, self._hear, self.should_stop)
        if set(done.failures) - {*FINAL, "budget"} and not done.left:  # passing trouble: once more
            done = judge_all(folder, model, settings, self._hear, self.should_stop)
        if done.left and "budget" not in done.failures:
            raise StageError(
                f"The judge cannot be asked any more: {done.left:,} judgements are left.",
                "All trainings, answers and verdicts are kept. Look after the endpoint, and resume the experiment.",
            )
        return done

    def _hear(self, event: Event) -> None:
        """A verdict names a prompt of the judge's folder, which nobody outside knows."""
        if not isinstance(event, Judged):
            self.say(event)

    @contextmanager
    def _model(self, place: Path, bases: str) -> Iterator[ChatModel]:
        """The judge, at its endpoint or in this process."""
        from training.compare.judge.run import judge_at
        from training.compare.opening import ENDPOINT, Opener
        from training.compare.sections import SideSettings

        name = self.recipe.judge.model
        place.mkdir(mode=0o700, exist_ok=True)
        if ENDPOINT.match(name):
            with judge_at(self.recipe.judge, place) as endpoint:
                yield endpoint
            return
        opener = Opener(SideSettings(run=bases), self.folder.parent, lambda _: None)
        try:
            yield opener.chat_model(opener.open_all([name])[0])
        finally:
            opener.close()

    def _lay_out_marks(self, place: Path, legs: Legs) -> dict[str, Asking]:
        if not (self.recipe.judge.rubrics or self.recipe.judge.deepeval):
            return {}
        answers = {key: last_answers(leg) for key, leg in legs.items()}
        prompts, rows, found = [], [], {}
        for prompt in self.prompts:  # prompt by prompt, so that a spent budget leaves whole prompts
            for (arm, seed), given in answers.items():
                answer = given.get((prompt.prompt_id, "b"))
                if answer is None:
                    continue
                name = f"{arm}/{seed}/{prompt.prompt_id}"
                found[name] = Asking(arm, "", seed, prompt.prompt_id)
                prompts.append(replace(prompt, prompt_id=name))
                rows.append(replace(answer, prompt_id=name, side="a"))
        _write(place, prompts, rows)
        return found

    def _lay_out_pairs(self, place: Path, legs: Legs) -> dict[str, Asking]:
        if not self.recipe.judge.pairwise:
            return {}
        answers = {key: last_answers(leg) for key, leg in legs.items()}
        prompts, rows, found = [], [], {}
        for prompt in self.prompts:
            for seed in self.experiment.all_seeds():
                for pair in judged_pairs(self.experiment.all_arms()):
                    both = [answers[arm, seed].get((prompt.prompt_id, "b")) for arm in (pair.other, pair.arm)]
                    if both[0] is None or both[1] is None:
                        continue
                    name = f"{pair.arm}/{pair.other}/{seed}/{prompt.prompt_id}"
                    found[name] = Asking(pair.arm, pair.other, seed, prompt.prompt_id)
                    prompts.append(replace(prompt, prompt_id=name))
                    rows += [replace(both[0], prompt_id=name, side="a"), replace(both[1], prompt_id=name, side="b")]
        _write(place, prompts, rows)
        return found


def append_answer(leg: Path, answer: Answer) -> None:
    """One more answer in the folder of its training, without its tokens one by one."""
    from training.compare.model import append

    append(leg / ANSWERS, replace(answer, pieces=()))


def _write(place: Path, prompts: Sequence[Prompt], answers: Sequence[Answer]) -> None:
    """The files of a comparison that holds nothing but these."""
    from curation.writers.atomic import write_atomic

    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, rows in ((PROMPTS, prompts), (ANSWERS, answers)):
        text = "".join(json.dumps(as_json(row), ensure_ascii=True) + "\n" for row in rows)
        write_atomic(place / name, text.encode(), mode=0o600)
