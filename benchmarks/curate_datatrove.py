"""The datatrove side of `curate.py`, for an environment that has it. Arguments: source, folder, workers, model."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import ExactDedupFilter, ExactDedupSignature, ExactFindDedups
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.filters import LambdaFilter, LanguageFilter
from datatrove.pipeline.formatters import FTFYFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils import lid

SOURCE, FOLDER, WORKERS, MODEL = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
lid.cached_asset_path_or_download = lambda *_, **__: MODEL


def as_document(self, data, path, id_in_file):
    # Its writer leaves out an id of 0, so the number travels in the metadata too.
    return {"text": data["text"], "id": str(data["id"]), "metadata": {"number": data["id"]}}


def text_of(document):
    return document.text


def split_source() -> Path:
    """One file a worker: datatrove shares out files."""
    parts = FOLDER / "parts"
    parts.mkdir()
    lines = SOURCE.read_bytes().splitlines(keepends=True)
    size = -(-len(lines) // WORKERS)
    for part in range(WORKERS):
        (parts / f"{part}.jsonl").write_bytes(b"".join(lines[part * size : (part + 1) * size]))
    return parts


def run(name: str, *steps) -> None:
    LocalPipelineExecutor(
        list(steps), tasks=WORKERS, workers=WORKERS, logging_dir=str(FOLDER / "logs" / name), start_method="spawn"
    ).run()


if __name__ == "__main__":
    parts = split_source()
    config = ExactDedupConfig(content_getter=text_of)
    first, signatures, duplicates = (str(FOLDER / name) for name in ("first", "signatures", "duplicates"))
    run(
        "filter",
        JsonlReader(str(parts), adapter=as_document),
        FTFYFormatter(),
        LambdaFilter(lambda document: 10 <= len(document.text) <= 100_000),
        LanguageFilter(["en", "zh", "fr", "de"], language_threshold=0.3),
        JsonlWriter(first, compression=None),
        ExactDedupSignature(signatures, config, finder_workers=1),
    )
    LocalPipelineExecutor(
        [ExactFindDedups(signatures, duplicates, config)], tasks=1, logging_dir=str(FOLDER / "logs/find")
    ).run()
    final = JsonlWriter(str(FOLDER / "final"), compression=None)
    run("drop", JsonlReader(first), ExactDedupFilter(duplicates, config), final)
    shutil.rmtree(parts)
    print(json.dumps({"done": True}))
