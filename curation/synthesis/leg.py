"""One leg of a generation: the plan, what an earlier leg left of it, and every unit's way onto the disk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from curation.events import Listener, Progress, Warned
from curation.synthesis.decisions import asked_anew, decided, standing
from curation.synthesis.events import GeneratePrepared, UnitFinished
from curation.synthesis.made import Made, begin_anew
from curation.synthesis.model import OUTCOMES, UNITS, Exchange, Item, Origin, Outcome, Unit, last_outcomes, read_rows
from curation.synthesis.order import HOPELESS_AFTER, Crew, Ended
from curation.synthesis.outcome_file import OutcomeFile
from curation.synthesis.publish import publish
from curation.synthesis.sources import Sources, write_rows
from curation.synthesis.work import Done, Worker, left_of

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe
    from curation.synthesis.run import Opened

PHASE: Final = "generate"
TOLD_EVERY: Final = 0.5  # seconds between two Progress events


class Leg:
    """What one process does for a run, from the plan to the dataset."""

    def __init__(
        self,
        recipe: GenerateRecipe,
        sources: Sources,
        folder: Path,
        opened: Opened,
        judge: Opened | None,
        secret: str,
        listener: Listener,
    ) -> None:
        from curation.synthesis.gates import Gates
        from curation.synthesis.material import Materials
        from curation.synthesis.plan import plan
        from curation.synthesis.prompts import Prompts

        self._recipe, self._sources, self._folder = recipe, sources, folder
        self._opened, self._listener = opened, listener
        self._leaves = opened.leaves or (judge is not None and judge.leaves)
        prompts = Prompts.load(recipe.prompts.folder)
        self._materials = Materials(recipe, sources.documents, sources.chunks, sources.origins, leaves=self._leaves)
        existing = existing_of(recipe) + (list(sources.origins) if recipe.source.kind == "seeds" else [])
        self._gates = Gates(recipe, prompts, existing, secret)
        judging = None if judge is None else judge.model
        self._worker = Worker(recipe, prompts, self._materials, self._gates, opened.model, judging, secret)
        self._made = Made.of(recipe, sources, existing, prompts.digests, opened.model, judging, self._leaves, secret)
        planned = plan(recipe, sources.chunks, sources.origins)
        self._keep_or_begin_anew(planned, Made.read(folder))
        self._units = _with_anew(folder, planned)
        write_rows(folder / UNITS, self._units)
        self._made.write(folder)
        self._stack = ExitStack()
        self._before: dict[str, tuple[Exchange, ...]] = {}
        self._done = self._here = 0
        self._began = self._told = 0.0

    def __enter__(self) -> Self:
        self._file = self._stack.enter_context(OutcomeFile(self._folder / OUTCOMES))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask_all(self, should_stop: Callable[[], bool]) -> Ended:
        """Finalise every unit that is left: those that never were, and then those whose failures may have passed, so that
        a run that was killed goes the way of one that was not. Raises Stopped."""
        outcomes = last_outcomes(self._folder)
        fresh, again = left_of(self._units, outcomes)
        units = [*fresh, *again]
        self._mask(units, should_stop)
        self._listener(self._prepared(units))
        self._remember(outcomes)
        self._began, self._done = time.monotonic(), len(self._units) - len(units)
        at_once = 1 if self._opened.paced() is None else self._recipe.model.concurrency
        crew = Crew(self._worker.work, self._finalise, threads=_threads(at_once), row=max(HOPELESS_AFTER, at_once))
        ended = crew.run(units, should_stop)
        if ended.given_up:
            self._warn(ended)
        return ended

    def publish(self, given_up: Mapping[str, int], began: float) -> dict[str, Any]:
        """Write the dataset of what is finalised; its summary."""
        return publish(
            self._folder,
            spent=self._opened.spent(),
            given_up=given_up,
            seconds=time.monotonic() - began,
        )

    def _keep_or_begin_anew(self, planned: Sequence[Unit], before: Made | None) -> None:
        """Keep what an earlier leg finalised, unless something that decides it is another now."""
        if before is None:
            return
        if before.digest == self._made.digest:
            self._made = replace(self._made, counts=before.counts)
            return
        self._listener(
            Warned(
                "Something that decides what is asked or accepted is another than in the earlier leg of this run.",
                "Everything is looked at anew; calls that stay the same are in the ledger, and cost nothing.",
            )
        )
        units = {unit.unit_id: unit for unit in _with_anew(self._folder, planned)}

        def holds(outcome: Outcome) -> bool:
            unit = units.get(outcome.unit_id)
            return unit is not None and self._worker.key(unit) == outcome.calls[0]

        begin_anew(self._folder, holds)

    def _mask(self, units: Sequence[Unit], should_stop: Callable[[], bool]) -> None:
        """Mask what will be asked about: the first time everything, so that it can be said what was masked in it."""
        first = self._made.counts is None
        self._materials.prepare(self._units if first else units, self._listener, should_stop)
        for language, types in self._materials.unsearched().items() if first else ():
            told = ", ".join(types)
            self._listener(
                Warned(f"Texts in the language '{language}' cannot be searched for {told}: they stay as they are.")
            )
        if first:
            self._made = replace(self._made, counts=dict(self._materials.masked))
            self._made.write(self._folder)

    def _remember(self, outcomes: Mapping[str, Outcome]) -> None:
        """Tell the gates what is accepted already, in the order in which it was."""
        found = decided(self._folder)
        for outcome in outcomes.values():
            for item in outcome.items:
                stands = standing(item, found.get(item.item_id))
                if stands.status == "accepted":
                    self._gates.remember(stands)
                    self._before[item.item_id] = item.exchanges

    def _prepared(self, units: Sequence[Unit]) -> GeneratePrepared:
        from curation.synthesis.estimate import estimate, looks_of

        found = estimate(
            (self._worker.request(unit) for unit in units),
            self._recipe.budget,
            looks=looks_of(self._recipe),
            items=sum(unit.wanted for unit in units),
        )
        return GeneratePrepared(
            model=self._opened.model.name,
            documents=len(self._sources.documents),
            chunks=len(self._sources.chunks),
            units=len(self._units),
            requested=sum(unit.wanted for unit in self._units),
            done=len(self._units) - len(units),
            calls=found.calls,
            prompt_tokens=found.prompt_tokens,
            completion_tokens=found.completion_tokens,
            money=found.money,
            leaves=self._leaves,
            masked=dict(self._made.counts or {}),
            prompts=self._made.prompts,
        )

    def _finalise(self, ready: Sequence[tuple[Unit, Done]]) -> None:
        """What depends on the order: repetitions. Then onto the disk, and only then told."""
        finished = [
            replace(
                done, outcome=replace(done.outcome, items=tuple(self._admit(unit, one) for one in done.outcome.items))
            )
            for unit, done in ready
        ]
        self._file.add([done.outcome for done in finished])
        for done in finished:
            self._tell(done)
        self._here += len(finished)
        now, done_now = time.monotonic(), self._done + self._here
        if now - self._told >= TOLD_EVERY or done_now == len(self._units):
            self._told = now
            rate = self._here / max(now - self._began, 1e-9)
            eta = (len(self._units) - done_now) / rate
            self._listener(Progress(PHASE, done_now, len(self._units), "units", round(rate, 3), round(eta, 1)))

    def _admit(self, unit: Unit, item: Item) -> Item:
        """The item, unless it repeats one. What an earlier leg accepted of a unit that is asked again repeats nothing."""
        if item.status != "accepted" or self._before.get(item.item_id) == item.exchanges:
            return item
        return self._gates.admit(unit, item)

    def _tell(self, done: Done) -> None:
        outcome, pace = done.outcome, self._opened.paced()
        counts = Counter(item.status for item in outcome.items)
        self._listener(
            UnitFinished(
                unit_id=outcome.unit_id,
                accepted=counts["accepted"],
                rejected=counts["rejected"],
                failed=counts["failed"],
                reasons=dict(sorted(Counter(item.reason for item in outcome.items if item.reason).items())),
                prompt_tokens=outcome.prompt_tokens,
                completion_tokens=outcome.completion_tokens,
                money=round(done.money, 9),
                from_ledger=done.from_ledger,
                under_way=1 if pace is None else pace.under_way,
                limit=1 if pace is None else pace.limit,
            )
        )

    def _warn(self, ended: Ended) -> None:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in ended.given_up.items())
        self._listener(
            Warned(
                f"{self._opened.model.name} was given up on ({kinds}), with {ended.left:,} units left that nobody asked about.",
                f"The last thing it said: {ended.said} Look after it, its key or the budget, and resume the run.",
            )
        )


def existing_of(recipe: GenerateRecipe) -> list[Origin]:
    """The records that must not be repeated. Raises InputError for what cannot be read."""
    from curation.synthesis.origins import read_origins
    from curation.synthesis.sections import SourceSettings

    if not recipe.gates.existing:
        return []
    return list(read_origins(recipe.gates.existing, SourceSettings(kind="records")))


def _with_anew(folder: Path, planned: Sequence[Unit]) -> list[Unit]:
    """The plan, and behind it the units that people's regenerations asked for, in the order in which they came."""
    known = {unit.unit_id: unit for unit in planned}
    units = list(planned)
    for unit in read_rows(folder / UNITS, Unit):
        base = known.get(unit.again.rpartition(".")[0])
        if base is not None and _about(unit) == _about(base):
            units.append(unit)
            known[unit.unit_id] = unit
    return [*units, *asked_anew(decided(folder), units)]


def _about(unit: Unit) -> Unit:
    """What a unit and those that ask for its items anew have in common."""
    return replace(unit, unit_id="", wanted=0, types=(), seed=0, again="", anchors=())


def _threads(at_once: int) -> int:
    """Threads for so many calls at once: while some read answers and look at them, others keep the endpoint busy."""
    return 1 if at_once == 1 else at_once + max(2, at_once // 4)
