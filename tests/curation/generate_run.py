"""A generation about the village, in this process: `Village(tmp_path, people=8).run(server)` is its summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from generate_village import write_village
from llm_server import FaultyServer

from curation.events import Event, Warned
from curation.llm.budget import Budget
from curation.llm.client import connect
from curation.llm.model import never
from curation.llm.pace import Pace
from curation.synthesis.model import CALLS, OUTCOMES, Item, Outcome, read_rows
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.run import Opened, generate

SETTINGS = ("source.lines=true", "chunks.minimum=0", "ask.per_chunk=2", "ask.per_call=2", "gates.semantic=0", "model.attempts=1",
            "model.timeout=10", "model.concurrency=4")  # fmt: skip


class Village:
    """A folder for one run. events: what it told, of all legs."""

    def __init__(self, base: Path, people: int = 8, name: str = "run", preset: str = "documents") -> None:
        self.inputs = [str(write_village(base / "village.txt", people))]
        self.preset = preset
        self.folder = base / name
        self.folder.mkdir()
        self.events: list[Event] = []

    def run(
        self,
        server: FaultyServer,
        *settings: str,
        should_stop: Callable[[], bool] = never,
        judge: bool = False,
        earlier: Sequence[Path] = (),
        leaves: bool = False,
    ) -> dict[str, Any]:
        """One leg."""
        recipe = GenerateRecipe.load(self.preset).with_settings([*SETTINGS, f"model.name={server.address}", *settings])
        bounds = Budget(**recipe.budget.model_dump())
        with connect(
            recipe.model.name,
            attempts=recipe.model.attempts,
            timeout=recipe.model.timeout,
            ledger=self.folder / CALLS,
            budget=bounds,
            pace=Pace(recipe.model.concurrency),
            earlier=earlier,
            scope=self.folder.name,
        ) as model:
            opened = Opened(model, leaves, model.ledger.summary)
            return generate(
                recipe,
                self.inputs,
                self.folder,
                opened=opened,
                judge=opened if judge else None,
                secret="of the tests",
                listener=self.events.append,
                should_stop=should_stop,
            )

    @property
    def outcomes(self) -> list[Outcome]:
        """Every line of the file."""
        return read_rows(self.folder / OUTCOMES, Outcome)

    @property
    def items(self) -> list[Item]:
        """The items of every line."""
        return [item for outcome in self.outcomes for item in outcome.items]

    @property
    def dataset(self) -> bytes:
        return (self.folder / "dataset" / "train.jsonl").read_bytes()

    def told(self, kind: type[Event]) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def warnings(self) -> str:
        return " ".join(f"{event.message} {event.hint}" for event in self.told(Warned))
