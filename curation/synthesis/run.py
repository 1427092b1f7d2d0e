"""A generation from what it reads to its dataset. Whatever is in its files already is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from curation.errors import Stopped
from curation.events import Listener
from curation.llm.model import ChatModel, ChatRequest, never

if TYPE_CHECKING:
    from curation.llm.ledger import LedgerSummary
    from curation.llm.pace import Pace
    from curation.synthesis.recipe import GenerateRecipe


@dataclass(frozen=True)
class Opened:
    """A model that may be asked. leaves: whether what it is asked leaves this machine. spent: what the run's ledger says was
    spent, by the judge too. pace: of an endpoint, which takes many calls at once; None: the model's own. A model without
    one is asked one thing at a time."""

    model: ChatModel
    leaves: bool
    spent: Callable[[], LedgerSummary]
    pace: Pace | None = None

    def paced(self) -> Pace | None:
        """The pace given, or the model's own."""
        return self.pace or getattr(self.model, "pace", None)


def generate(
    recipe: GenerateRecipe,
    inputs: Sequence[str],
    folder: Path,
    *,
    opened: Opened,
    judge: Opened | None,
    secret: str,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """Generate what the recipe says into the run's `folder`, or go on where an earlier leg stopped.

    inputs: documents, or files of seeds, texts or records. judge: who marks items, if anybody does; may be `opened`.
    secret: of the marks around texts in prompts; the same secret gives the same prompts, and so the same calls. The
    listener is called, and should_stop asked, in this thread alone. Returns the summary, as `summary.json` has it. Raises
    Stopped when should_stop said so, with a dataset of what was finished; StudioError for everything a user can act on.
    """
    from curation.synthesis.leg import Leg
    from curation.synthesis.sources import gather

    began = time.monotonic()
    sources = gather(recipe, inputs, folder, listener, should_stop)
    with Leg(recipe, sources, folder, opened, judge, secret, listener) as leg:
        try:
            ended = leg.ask_all(should_stop)
        except Stopped:
            leg.publish({}, began)
            raise
        return leg.publish(ended.given_up, began)


def dry_run(recipe: GenerateRecipe, inputs: Sequence[str], folder: Path | None, leaves: bool) -> Iterator[ChatRequest]:
    """What would be asked, in order; nobody is. folder: where converted documents are kept; None keeps nothing."""
    from curation.synthesis.material import Materials
    from curation.synthesis.plan import plan
    from curation.synthesis.prompts import Prompts, data_of, nonce_for
    from curation.synthesis.sources import gather

    prompts = Prompts.load(recipe.prompts.folder)
    with TemporaryDirectory(prefix="studio-") if folder is None else nullcontext(str(folder)) as place:
        sources = gather(recipe, inputs, Path(place), lambda _: None, never)
        materials = Materials(recipe, sources.documents, sources.chunks, sources.origins, leaves=leaves)
        for unit in plan(recipe, sources.chunks, sources.origins):
            material = materials.of(unit)
            yield prompts.request(unit, material, recipe, nonce_for("", unit.unit_id, data_of(material)))
