"""What a generation would read and ask, as one line of JSON: `python -m studio.runs.generate_look RECIPE.yaml PATH…`; what
it asked about one unit: `python -m studio.runs.generate_look --unit UNIT RUN_FOLDER`.

A process of its own for whoever must stay small, as the terminal's screen: documents are converted and personal data is
looked for in it. Nobody is asked, and nothing is kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError

if TYPE_CHECKING:
    from curation.llm.model import ChatRequest
    from curation.synthesis.recipe import GenerateRecipe

PROMPTS = 20
CHUNKS = 60
DOCUMENTS = 500
TEXT = 1200
"""How many prompts, chunks and documents are told, and how many characters of a chunk."""


def look(recipe: GenerateRecipe, inputs: Sequence[str]) -> dict[str, Any]:
    """Documents, chunks (or seeds and records), the first prompts, and the estimate for all of them. Raises StudioError."""
    from curation.json_lines import lines_of
    from curation.synthesis.estimate import estimate
    from curation.synthesis.model import CHUNKS as CHUNK_FILE
    from curation.synthesis.model import DOCUMENTS as DOCUMENT_FILE
    from curation.synthesis.model import ORIGINS
    from curation.synthesis.run import dry_run
    from studio.runs.generate_begin import check, leaves

    check(recipe)
    away = leaves(recipe)
    prompts: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="studio-") as place:
        folder = Path(place)
        found = estimate(_told(dry_run(recipe, list(inputs), folder, away), prompts), recipe.budget)
        documents, chunks = lines_of(folder / DOCUMENT_FILE), lines_of(folder / CHUNK_FILE)
        origins, unread = lines_of(folder / ORIGINS), lines_of(folder / "unread.jsonl")
    of = {each["document_id"]: 0 for each in documents}
    for chunk in chunks:
        of[chunk["document_id"]] = of.get(chunk["document_id"], 0) + 1
    return {
        "model": recipe.model.name,
        "leaves": away,
        "mask": recipe.privacy.mask != "never" and (away or recipe.privacy.mask == "always"),
        "calls": found.calls,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "money": found.money,
        "documents": [{**each, "chunks": of[each["document_id"]]} for each in documents[:DOCUMENTS]],
        "unread": unread[:DOCUMENTS],
        "chunks": len(chunks),
        "first_chunks": [{**each, "text": each["text"][:TEXT]} for each in chunks[:CHUNKS]],
        "origins": len(origins),
        "prompts": prompts,
    }


def _told(requests: Iterator[ChatRequest], prompts: list[dict[str, Any]]) -> Iterator[ChatRequest]:
    """The requests, the first of them into `prompts` on the way."""
    for request in requests:
        if len(prompts) < PROMPTS:
            prompts.append(request.as_json())
        yield request


def prompt_of(folder: Path, unit_id: str) -> dict[str, Any]:
    """What a run asks about one of its units, from the files in its folder. Raises StudioError."""
    from curation.errors import InputError
    from curation.synthesis import model as rows
    from curation.synthesis.material import Materials
    from curation.synthesis.prompts import Prompts, data_of, nonce_for
    from studio.runs.folder import RunFolder
    from studio.runs.generate_begin import leaves, recipe_of
    from studio.runs.spec import read_spec

    recipe = recipe_of(RunFolder(folder))
    unit = next((each for each in rows.read_rows(folder / rows.UNITS, rows.Unit) if each.unit_id == unit_id), None)
    if unit is None:
        raise InputError(f"There is no unit {unit_id} in {folder.name}.")
    wanted = set(unit.record_ids)
    chunks = [each for each in rows.read_rows(folder / rows.CHUNKS, rows.Chunk) if each.chunk_id == unit.chunk_id]
    origins = [each for each in rows.read_rows(folder / rows.ORIGINS, rows.Origin) if each.record_id in wanted]
    documents = rows.read_rows(folder / rows.DOCUMENTS, rows.Document)
    material = Materials(recipe, documents, chunks, origins, leaves=leaves(recipe)).of(unit)
    nonce = nonce_for(read_spec(RunFolder(folder)).options["secret"], unit_id, data_of(material))
    return Prompts.load(recipe.prompts.folder).request(unit, material, recipe, nonce).as_json()


def main(words: Sequence[str]) -> int:
    """Print what is found, or what is wrong."""
    from curation.synthesis.recipe import GenerateRecipe

    try:
        of_run = words[0] == "--unit"
        found = prompt_of(Path(words[2]), words[1]) if of_run else look(GenerateRecipe.load(words[0]), words[1:])
    except StudioError as error:
        found = {"error": error.message, "hint": error.hint}
    sys.stdout.write(json.dumps(found) + "\n")  # escaped: it gets through whatever the encoding of standard output
    return int("error" in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
