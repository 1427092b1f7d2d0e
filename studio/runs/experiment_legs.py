"""The legs of an experiment: data, then trainings, then losses; each a run of its own, done once, or gone on with."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation import errors
from curation.errors import InputError, StageError, Stopped, StudioError
from curation.events import Event, Listener, Progress, Warned
from studio.runs.experiment import LEGS
from studio.runs.folder import RunFolder, every
from studio.runs.lock import RunLock
from studio.runs.spec import RunSpec
from studio.runs.status import Result, Status, read_result
from training.events import StepLogged
from training.experiment.arms import reference
from training.experiment.events import ExperimentConcluded, ExperimentPlanned, LegDone
from training.experiment.model import WITHOUT_LEARNING, ArmData, ExperimentRecipe, LegFacts

if TYPE_CHECKING:
    from curation.recipe import Recipe
    from studio.runs.experiment_judge import Judging
    from training.examples import Example
    from training.recipe import TrainRecipe

PLAN, DONE = "plan.json", "done.jsonl"
_TELL_EVERY = 0.5  # seconds

Make = Callable[[Path], tuple[RunFolder, RunLock]]


class Experiment:
    """One experiment on its way. What is in its folder already is not done again."""

    def __init__(
        self,
        spec: RunSpec,
        folder: RunFolder,
        recipe: ExperimentRecipe,
        say: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        from training.recipe import TrainRecipe

        self.spec, self.folder, self.recipe = spec, folder, recipe
        self.say, self.should_stop = say, should_stop
        self.arms = recipe.all_arms()
        self.training: TrainRecipe = TrainRecipe.from_text(recipe.training, "training").with_settings(WITHOUT_LEARNING)
        self.heldout = folder.path / spec.options["heldout_copy"]
        self.judging: Judging | None = None
        self._warned: set[str] = set()

    def do(self) -> dict[str, Any]:
        """All of it, to the report. Raises Stopped, and what a leg raises."""
        from training.experiment.held_out import held_out_examples
        from training.experiment.report import facts_of, write_report

        began = time.monotonic()
        examples = held_out_examples(self.heldout)
        self.judging = self._judging(examples)
        data, curation = self._data(examples)
        arms, steps = self._plan(data)
        self._train_all(data, steps, examples)
        legs = self._legs()
        judged = self._judge(legs)
        facts = facts_of(self.recipe, arms, curation, legs, self._base(), judged)
        write_report(self.folder.path, facts)
        self.say(ExperimentConcluded(facts["verdict"], facts["sentence"]))
        return {"kind": "experiment", "seconds": round(time.monotonic() - began, 1), **facts}

    def _judging(self, examples: Sequence[Example]) -> Judging | None:
        from studio.runs.experiment_judge import Judging, drawn_prompts
        from training.experiment.judging import JudgingRecipe

        if not self.recipe.judging:
            return None
        recipe = JudgingRecipe.from_text(self.recipe.judging, "judging")
        prompts = drawn_prompts(recipe, examples)
        return Judging(recipe, self.recipe, prompts, self.folder.path, self.say, self.should_stop)

    def _judge(self, legs: Sequence[LegFacts]) -> dict[str, Any] | None:
        if self.judging is None:
            return None
        folders = {(leg.arm, leg.seed): self.folder.path / leg.run for leg in legs}
        return self.judging.judge(folders, str(self.folder.path / legs[0].run))

    def _data(self, examples: Sequence[Example]) -> tuple[dict[str, RunFolder], dict[str, Any]]:
        """The curations whose datasets the arms are trained on, by name; and what they read and left out."""
        from curation.recipe import Recipe
        from training.experiment.held_out import drawing, keeping_out, tokens_in, without_splits

        chosen = {arm.name: Recipe.from_text(arm.curation, arm.name) for arm in self.arms if arm.kind == "curated"}
        drawn = [arm for arm in self.arms if arm.kind == "random"]
        total = 1 + len(chosen) + len(drawn) * self.recipe.seeds
        done = 0

        def curate(name: str, inputs: Sequence[str], recipe: Recipe, *, report: bool = False) -> RunFolder:
            nonlocal done
            self.say(Progress("data", done, total, "datasets", 0.0, None))
            leg = self._curate(name, inputs, recipe, report=report)
            done += 1
            self.say(Progress("data", done, total, "datasets", 0.0, None))
            return leg

        raw = curate(
            "raw", self.spec.inputs, keeping_out(self.heldout, examples, chosen[reference(self.arms).name].seed)
        )
        of_raw = _datasets(raw)
        found = {arm.name: raw for arm in self.arms if arm.kind == "all"}
        for name, recipe in chosen.items():
            found[name] = curate(name, of_raw, without_splits(recipe), report=True)
            if not _counts(found[name])["kept"]:
                raise InputError(
                    f"{name}: the curation leaves no record.", f"See why: studio runs show {found[name].path}"
                )
        for arm in drawn:
            size = tokens_in(_datasets(found[arm.of])) if arm.size == "tokens" else _counts(found[arm.of])["kept"]
            for seed in self.recipe.all_seeds():
                found[arm.dataset(seed)] = curate(arm.dataset(seed), of_raw, drawing(size, seed, arm.size))
        return found, curation_facts(_counts(raw), {name: _counts(found[name]) for name in chosen}, self.recipe)

    def _curate(self, name: str, inputs: Sequence[str], recipe: Recipe, *, report: bool) -> RunFolder:
        from studio.runs.begin import make

        options = {"workers": self.spec.options.get("workers"), "report": report}
        return self._leg(f"data-{name}", lambda place: make(inputs, recipe, place, options=options), self._hear)

    def _plan(self, data: Mapping[str, RunFolder]) -> tuple[dict[str, ArmData], dict[str, int]]:
        """Records and tokens of every dataset, and the steps of a training on it. Looked at once."""
        from curation.writers.atomic import write_atomic
        from training.experiment.budget import look_at, steps_of

        path = self.folder.path / PLAN
        if path.is_file():
            found = json.loads(path.read_bytes())
            arms = {name: ArmData(**facts) for name, facts in found["arms"].items()}
            return arms, found["steps"]
        arms = {}
        for at, (name, leg) in enumerate(data.items()):
            self._stop_here()
            self.say(Progress("tokens", at, len(data), "datasets", 0.0, None))
            arms[name] = look_at(_datasets(leg), self.training)
        first = arms[reference(self.arms).name]
        steps = {name: steps_of(arm, first, self.training, self.recipe.budget) for name, arm in arms.items()}
        plan = {"arms": {name: asdict(arm) for name, arm in arms.items()}, "steps": steps}
        write_atomic(path, json.dumps(plan, indent=2).encode(), mode=0o600)
        told = {
            name: {"records": arm.records, "tokens": arm.tokens, "steps": steps[name]} for name, arm in arms.items()
        }
        judging = self.judging
        judge = None if judging is None else {"model": judging.recipe.judge.model, **judging.cost()}
        self.say(ExperimentPlanned(told, self.recipe.seeds * len(self.arms), judge))
        return arms, steps

    def _train_all(self, data: Mapping[str, RunFolder], steps: Mapping[str, int], examples: Sequence[Example]) -> None:
        """Every training of every arm, seed by seed, each measured when it is over."""
        from curation.json_lines import append_line, lines_of

        path = self.folder.path / DONE
        done = {(row["arm"], row["seed"]) for row in lines_of(path)}
        wanted = [(seed, arm) for seed in self.recipe.all_seeds() for arm in self.arms]
        meter = _Meter(sum(steps[arm.dataset(seed)] for seed, arm in wanted), self.say)
        for seed, arm in wanted:
            dataset = arm.dataset(seed)
            if (arm.name, seed) not in done:
                leg = self._train(arm.name, seed, data[dataset], steps[dataset], meter)
                gc.collect()  # the trainer and its model hold each other
                self._measure(leg, f"{arm.name}, seed {seed}", examples)
                append_line(path, {"arm": arm.name, "seed": seed, "run": str(leg.path.relative_to(self.folder.path))})
                facts = self._leg_facts(arm.name, seed, leg)
                self.say(LegDone(arm.name, seed, leg.name, facts.loss, facts.steps, facts.tokens))
            meter.passed(steps[dataset], new=(arm.name, seed) not in done)

    def _train(self, arm: str, seed: int, data: RunFolder, steps: int, meter: _Meter) -> RunFolder:
        from studio.runs.spec import read_spec
        from studio.runs.train_begin import make_train

        recipe = self.training.with_settings([f"seed={seed}", f"schedule.max_steps={steps}"])

        def make(place: Path) -> tuple[RunFolder, RunLock]:
            folder, lock = make_train([str(data.path)], recipe, place, allow=self.spec.options["allow"])
            read_spec(folder).with_options({"apart": False}).write(folder)
            return folder, lock

        def hear(event: Event) -> None:
            if isinstance(event, StepLogged):
                meter.tell(f"{arm}, seed {seed}", event.step)
            else:
                self._hear(event)

        return self._leg(f"{arm}-{seed}", make, hear)

    def _measure(self, leg: RunFolder, name: str, examples: Sequence[Example]) -> None:
        """The losses of a trained model on the held-out and the general records; once also those of its base. Its
        answers besides, where there is a judge."""
        from training.compare.losses import HELDOUT, RETENTION, measure_losses, retention_examples
        from training.compare.sections import LossSettings, SideSettings
        from training.compare.sides import open_sides

        recipe = self.training
        settings = LossSettings(
            records=1_000_000, batch_size=recipe.evaluation.batch_size, max_length=recipe.data.max_length
        )
        sets = ((HELDOUT, examples, recipe.template.system), (RETENTION, retention_examples(), ""))
        wanted = SideSettings(run=str(leg.path), a="base", b="tuned", threads=recipe.device.threads or 0)
        with open_sides(wanted, leg.path.parent, on_change=lambda _: None) as sides:
            if self.judging is not None:
                self.judging.let_answer(sides, leg.path, name)
            for dataset, records, system in sets:
                given = (sides, records, dataset, settings)
                measure_losses(*given, leg.path, self._hear, self.should_stop, system=system, only=("b",))
                if dataset not in self._base():
                    folder = self.folder.path
                    measure_losses(*given, folder, self._hear, self.should_stop, system=system, only=("a",))

    def _leg(self, name: str, make: Make, hear: Listener) -> RunFolder:
        """The finished run of a leg: as it is there, gone on with, or made now. Raises what ended it otherwise."""
        from studio.runs.begin import reopen
        from studio.runs.execute import execute_within, prepare

        self._stop_here()
        place = self.folder.path / LEGS / name
        there = every(place)
        if there:
            leg, lock = there[-1], reopen(there[-1])
            if lock is None:
                return leg
        else:
            leg, lock = make(place)
        with lock:
            prepare(leg)
            result = execute_within(leg, lock, self.should_stop, hear)
        if result.status is Status.FINISHED:
            return leg
        raise _as_error(name, result)

    def _legs(self) -> list[LegFacts]:
        from curation.json_lines import lines_of

        rows = {(row["arm"], row["seed"]): row["run"] for row in lines_of(self.folder.path / DONE)}
        return [self._leg_facts(arm, seed, RunFolder(self.folder.path / run)) for (arm, seed), run in rows.items()]

    def _leg_facts(self, arm: str, seed: int, leg: RunFolder) -> LegFacts:
        from training.compare.losses import HELDOUT, RETENTION

        result = read_result(leg)
        if result is None:
            raise StageError(f"The result of {leg.name} is gone.", f"Remove {leg.path} and resume the experiment.")
        summary = result.summary
        return LegFacts(
            arm, seed, str(leg.path.relative_to(self.folder.path)), summary["steps"], summary["epochs"],
            summary["tokens"], _losses(leg.path, HELDOUT), _losses(leg.path, RETENTION),
        )  # fmt: skip

    def _base(self) -> dict[str, dict[str, tuple[float, int]]]:
        from training.compare.losses import HELDOUT, RETENTION

        found = {name: _losses(self.folder.path, name) for name in (HELDOUT, RETENTION)}
        return {name: losses for name, losses in found.items() if losses}

    def _hear(self, event: Event) -> None:
        """What a leg says that the experiment passes on: each warning once."""
        if isinstance(event, Warned) and event.message not in self._warned:
            self._warned.add(event.message)
            self.say(event)

    def _stop_here(self) -> None:
        if self.should_stop():
            raise Stopped("The experiment was stopped; what is finished is kept.")


class _Meter:
    """Progress over the steps of all trainings. The rate is of what was done here, loading and measuring included."""

    def __init__(self, total: int, say: Listener) -> None:
        self._total, self._say = total, say
        self._before = self._new = 0
        self._began, self._told = time.monotonic(), 0.0
        self._phase, self._from = "", 0

    def tell(self, phase: str, step: int) -> None:
        """A training is at `step`."""
        now = time.monotonic()
        if phase != self._phase:  # one that goes on does not begin at its first step
            self._phase, self._from = phase, step - 1
        if now - self._told < _TELL_EVERY:
            return
        self._told = now
        done = self._before + step
        rate = (self._new + step - self._from) / max(now - self._began, 1e-9)
        self._say(Progress(phase, done, self._total, "steps", rate, (self._total - done) / rate))

    def passed(self, steps: int, *, new: bool) -> None:
        """A training of so many steps is over; new: now, and not in an earlier leg of this run."""
        self._before += steps
        self._new += steps if new else 0
        rate = self._new / max(time.monotonic() - self._began, 1e-9)
        left = (self._total - self._before) / rate if rate else None
        self._say(Progress("trainings", self._before, self._total, "steps", rate, left))


def curation_facts(
    raw: Mapping[str, int], chosen: Mapping[str, Mapping[str, int]], recipe: ExperimentRecipe
) -> dict[str, Any]:
    """What was read and left out on the way; of the arms that choose, by name where they were given as arms."""
    facts: dict[str, Any] = {"read": raw["read"], "kept_out": raw["dropped"]}
    if not recipe.arms:
        return facts | {key: chosen["curated"][key] for key in ("dropped", "edited")}
    return facts | {
        "arms": {name: {key: counts[key] for key in ("kept", "dropped", "edited")} for name, counts in chosen.items()}
    }


def _datasets(leg: RunFolder) -> list[str]:
    from curation.datasets import datasets_of

    return datasets_of(str(leg.path))


def _counts(leg: RunFolder) -> dict[str, int]:
    counts: dict[str, int] = json.loads(leg.summary.read_bytes())["counts"]
    return counts


def _losses(folder: Path, dataset: str) -> dict[str, tuple[float, int]]:
    from training.compare.model import LOSSES, RecordLoss, read

    rows = read(folder / LOSSES, RecordLoss)
    return {row.record_id: (row.loss_sum, row.tokens) for row in rows if row.dataset == dataset}


def _as_error(name: str, result: Result) -> StudioError:
    """How a leg ended, as an error of the experiment of the same kind, and so with the same exit code."""
    if result.status is Status.STOPPED:
        return Stopped("The experiment was stopped; what is finished is kept.")
    kind = getattr(errors, result.error, StageError)
    kind = kind if isinstance(kind, type) and kind.__mro__[1] is StudioError else StageError
    found: StudioError = kind(f"{name}: {result.message}", result.hint)
    return found
