"""The screens look as they did. STUDIO_SNAPSHOTS=write makes the pictures of `snapshots/` again: look at them before use."""

import os
from pathlib import Path

import pytest
from screens_drawn import PICTURES, Drawn, difference, draw
from tui_pilot import run

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("drawn", PICTURES, ids=lambda drawn: drawn.name)
def test_screens_look_as_they_did(drawn: Drawn, samples: Path, tmp_path: Path) -> None:
    async def test() -> None:
        svg = await draw(drawn, samples)
        kept = SNAPSHOTS / f"{drawn.name}.svg"
        if os.environ.get("STUDIO_SNAPSHOTS") == "write":
            kept.write_text(svg, encoding="utf-8")
        before = kept.read_text(encoding="utf-8")
        if svg != before:
            (tmp_path / kept.name).write_text(svg, encoding="utf-8")
            pytest.fail(f"{difference(drawn.name, before, svg)}\nThe new picture: {tmp_path / kept.name}")

    run(test())


def test_every_snapshot_has_its_picture() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.svg")} == {drawn.name for drawn in PICTURES}
