"""The Review screen looks as it did. STUDIO_SNAPSHOTS=write makes the pictures again: look at them before use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from screens_drawn import difference
from test_tui_review import RECIPE, press, records, reviewing
from tui_pilot import run, write_jsonl

from curation import Recipe
from curation.engine.local import curate
from studio.tui.picture import picture

SNAPSHOTS = Path(__file__).parent / "snapshots" / "review"
SIZES = {"": (80, 24), "-wide": (120, 40)}
STATES = {
    "changed": ["n", "n", "n"],
    "duplicate": ["n", "n"],
    "cluster": ["n", "n", "d"],
    "bulk": ["A"],
    "edit": ["n", "n", "n", "e"],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    source = write_jsonl(folder / "a.jsonl", records())
    target = folder / "runs" / "20260101-0000-curate-0000"
    curate([str(source)], Recipe.from_text(RECIPE, "r"), target, listener=lambda _e: None, report=False, workers=1)
    (target / "run.json").write_text("{}")
    return target


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("state", list(STATES))
def test_the_review_looks_as_it_did(finished: Path, tmp_path: Path, state: str, size: str, language: str) -> None:
    name = f"{state}{size}{'-zh' if language != 'en' else ''}"
    copy = Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))

    async def test() -> None:
        async with reviewing(copy, size=SIZES[size], language=language) as found:
            await press(found, *STATES[state])
            svg = picture(found.app)
        kept = SNAPSHOTS / f"{name}.svg"
        if os.environ.get("STUDIO_SNAPSHOTS") == "write":
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(svg, encoding="utf-8")
        before = kept.read_text(encoding="utf-8")
        if svg != before:
            (tmp_path / kept.name).write_text(svg, encoding="utf-8")
            pytest.fail(f"{difference(name, before, svg)}\nThe new picture: {tmp_path / kept.name}")

    run(test())
