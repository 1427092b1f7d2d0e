"""The Curate and Runs screens look as they did. STUDIO_SNAPSHOTS=write makes the pictures again: look at them before use."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from runs_drawn import CURATE, RUNS, State, draw_state, make_runs
from screens_drawn import difference
from tui_pilot import run

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = {"": (80, 24), "-wide": (120, 40)}
LANGUAGES = ("en", "zh_CN")
# Vectors are multiplied in bfloat16 where the processor has it, which moves the last digits of a score.
_OF_VECTORS = re.compile(r"(other_answer(?:&#160;)+0\.\d\d)\d\d")
PLACES = [*(("curate", state) for state in CURATE), *(("runs", state) for state in RUNS)]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sample data and runs over it, for each language."""
    found = {language: tmp_path_factory.mktemp("drawn") for language in LANGUAGES}
    for language, folder in found.items():
        make_runs(folder, language)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize(("place", "state"), PLACES, ids=[f"{place}-{state.name}" for place, state in PLACES])
def test_curation_and_runs_look_as_they_did(
    places: dict[str, Path], tmp_path: Path, place: str, state: State, size: str, language: str
) -> None:
    name = f"{state.name}{size}{'-zh' if language != 'en' else ''}"
    copy = Path(shutil.copytree(places[language], tmp_path / "here"))
    drawn: list[str] = []

    async def draw() -> None:
        drawn.append(await draw_state(state, copy / "runs", language, SIZES[size]))

    run(draw())
    (svg,) = drawn
    kept = SNAPSHOTS / place / f"{name}.svg"
    if os.environ.get("STUDIO_SNAPSHOTS") == "write":
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(svg, encoding="utf-8")
    before = kept.read_text(encoding="utf-8")
    if _OF_VECTORS.sub(r"\1", svg) != _OF_VECTORS.sub(r"\1", before):
        (tmp_path / kept.name).write_text(svg, encoding="utf-8")
        pytest.fail(f"{difference(f'{place}/{name}', before, svg)}\nThe new picture: {tmp_path / kept.name}")


def test_every_snapshot_has_its_state() -> None:
    for place, states in (("curate", CURATE), ("runs", RUNS)):
        wanted = {f"{state.name}{size}{zh}" for state in states for size in SIZES for zh in ("", "-zh")}
        assert {path.stem for path in (SNAPSHOTS / place).glob("*.svg")} == wanted
