"""A process that generates: `generate_runner.py SETTINGS.json`. Appends its events to a file and prints its summary."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from curation.llm.client import connect
from curation.llm.pace import Pace
from curation.synthesis.model import CALLS
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.run import Opened, generate

settings = json.loads(Path(sys.argv[1]).read_text())
folder = Path(settings["folder"])
recipe = GenerateRecipe.load("documents").with_settings(settings["set"])
with (
    Path(settings["events"]).open("a", encoding="utf-8") as events,
    connect(
        recipe.model.name,
        attempts=recipe.model.attempts,
        timeout=recipe.model.timeout,
        ledger=folder / CALLS,
        pace=Pace(recipe.model.concurrency),
        scope=folder.name,
    ) as model,
):
    summary = generate(
        recipe,
        settings["inputs"],
        folder,
        opened=Opened(model, leaves=False, spent=model.ledger.summary),
        judge=None,
        secret="of the tests",
        listener=lambda event: print(json.dumps(event.as_json()), file=events, flush=True),
        should_stop=lambda: False,
    )
print(json.dumps(summary))
