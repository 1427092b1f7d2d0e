"""The Compare screen looks as it did. STUDIO_SNAPSHOTS=write makes the pictures again: look at them before use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from compare_drawn import STATES, draw
from screens_drawn import difference
from tui_pilot import run

from studio.tui.screens.compare_work import CompareFollowing

SNAPSHOTS = Path(__file__).parent / "snapshots" / "compare"
SIZES = {"": (80, 24), "-wide": (120, 40)}


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("state", list(STATES))
def test_comparing_looks_as_it_did(
    state: str, size: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("STUDIO_AUTHOR", "walker")
    monkeypatch.setattr(CompareFollowing, "_usage", CompareFollowing._usage)  # put back afterwards
    time.tzset()
    name = f"{state}{size}{'-zh' if language != 'en' else ''}"

    async def test() -> None:
        svg = await draw(state, tmp_path, SIZES[size], language)
        kept = SNAPSHOTS / f"{name}.svg"
        if os.environ.get("STUDIO_SNAPSHOTS") == "write":
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(svg, encoding="utf-8")
        before = kept.read_text(encoding="utf-8")
        if svg != before:
            (tmp_path / kept.name).write_text(svg, encoding="utf-8")
            pytest.fail(f"{difference(name, before, svg)}\nThe new picture: {tmp_path / kept.name}")

    try:
        run(test())
    finally:
        monkeypatch.undo()
        time.tzset()
