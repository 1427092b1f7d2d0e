"""The `generate` kind of run: from run.json to the generation's entry, with the models opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.events import Listener, RunStarted, Warned
from studio.runs.folder import RunFolder
from studio.runs.inputs import changed_inputs
from studio.runs.spec import RunSpec

if TYPE_CHECKING:
    from curation.synthesis.recipe import GenerateRecipe
    from curation.synthesis.run import Opened


def run_generate(
    spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Generate what the spec says into `folder`; returns the summary. torch is imported for a model in this process only."""
    from curation.synthesis.model import UNITS
    from curation.synthesis.recipe import GenerateRecipe
    from curation.synthesis.run import generate

    recipe = GenerateRecipe.from_text(spec.recipe["yaml"], spec.recipe["name"])
    resumed = (folder.path / UNITS).is_file()
    listener(RunStarted(folder.name, spec.kind, recipe.name, spec.recipe["stages"], 1, resumed))
    for name in changed_inputs(spec) if resumed else ():
        listener(Warned(f"{name} has changed since this run was made.", "It goes on with what it read then."))
    with _opened(recipe, folder, listener) as (writer, judge):
        summary = generate(
            recipe,
            spec.inputs,
            folder.path,
            opened=writer,
            judge=judge,
            secret=spec.options["secret"],
            listener=listener,
            should_stop=should_stop,
        )
    copy = _copied(folder, spec.options.get("out") or "")
    return {"kind": "generate", **summary, **({"out": copy} if copy else {})}


@contextmanager
def _opened(recipe: GenerateRecipe, folder: RunFolder, listener: Listener) -> Iterator[tuple[Opened, Opened | None]]:
    """Who writes, and who judges; closed in the end."""
    with ExitStack() as stack:
        models = _Models(recipe, folder, listener, stack)
        writer = models.open(recipe.model.name, recipe.model.key_env)
        judge = recipe.gates.judge
        if judge in ("", "same"):
            yield writer, writer if judge else None
        else:
            yield writer, models.open(judge, recipe.gates.judge_key_env)


class _Models:
    """Opens models of this process and endpoints, all of them with the run's ledger and its budget."""

    def __init__(self, recipe: GenerateRecipe, folder: RunFolder, listener: Listener, stack: ExitStack) -> None:
        from curation.llm.budget import Budget
        from curation.synthesis.model import CALLS
        from studio.runs.generate_begin import earlier_ledgers

        self._recipe, self._folder, self._listener, self._stack = recipe, folder, listener, stack
        self._ledger = folder.path / CALLS
        self._earlier = earlier_ledgers(folder)
        bounds = recipe.budget
        self._budget = Budget(
            calls=bounds.calls,
            tokens=bounds.tokens,
            money=bounds.money,
            price_prompt=bounds.price_prompt,
            price_completion=bounds.price_completion,
        )
        self._opener: Any = None

    def open(self, name: str, key_env: str) -> Opened:
        """The model called `name`, as in a recipe. Raises StudioError for one that is not there."""
        from studio.runs.generate_begin import is_endpoint

        return self._endpoint(name, key_env) if is_endpoint(name) else self._local(name)

    def _endpoint(self, name: str, key_env: str) -> Opened:
        from curation.llm.address import leaves_machine
        from curation.llm.client import connect
        from curation.llm.pace import Pace
        from curation.synthesis.run import Opened

        settings = self._recipe.model
        endpoint = connect(
            name,
            key_env,
            attempts=settings.attempts,
            timeout=settings.timeout,
            ledger=self._ledger,
            budget=self._budget,
            pace=Pace(settings.concurrency),
            earlier=self._earlier,
            scope=self._folder.name,
        )
        self._stack.callback(endpoint.close)
        return Opened(endpoint, leaves_machine(name), endpoint.ledger.summary)

    def _local(self, name: str) -> Opened:
        from curation.llm.kept import Kept
        from curation.synthesis.run import Opened
        from studio.runs.train import log_libraries
        from training.compare.opening import Opener
        from training.compare.sections import SideSettings

        if self._opener is None:
            log_libraries(self._folder)
            settings = SideSettings(threads=self._recipe.model.threads)
            self._opener = Opener(settings, self._folder.path.parent, lambda said: self._listener(Warned(said)))
            self._stack.callback(self._opener.close)
        (side,) = self._opener.open_all([name])
        kept = Kept(self._opener.chat_model(side), self._ledger, earlier=self._earlier, budget=self._budget,
                    scope=self._folder.name)  # fmt: skip
        self._stack.callback(kept.close)
        return Opened(kept, False, kept.ledger.summary)


def _copied(folder: RunFolder, out: str) -> str:
    """Copy the dataset to where the user wants it; where that is, "" for nowhere."""
    if not out:
        return ""
    from curation.synthesis.model import DATASET
    from curation.writers.atomic import write_atomic

    path = Path(out)
    write_atomic(path, (folder.path / DATASET / "train.jsonl").read_bytes())
    return str(path)
