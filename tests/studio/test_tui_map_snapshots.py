"""The Map screen looks as it did. STUDIO_SNAPSHOTS=write makes the pictures again: look at them before use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from map_drawn import draw
from screens_drawn import difference
from tui_pilot import run

from studio.tui.screens.curate_work import Following

SNAPSHOTS = Path(__file__).parent / "snapshots" / "map"
SIZES = {"": (80, 24), "-wide": (120, 40)}
LANGUAGES = {"": "en", "-zh": "zh_CN"}
MANY = ("whole", "topic", "box", "record")
PICTURES = [
    *((state, size, language, "dark") for state in MANY for size in SIZES for language in LANGUAGES),
    ("first", "", "", "dark"),
    ("first", "", "-zh", "dark"),
    ("list", "", "", "dark"),
    ("list", "-wide", "-zh", "dark"),
    ("making", "", "", "dark"),
    ("making", "-wide", "-zh", "dark"),
    ("fate", "", "", "dark"),
    ("fate", "-wide", "", "monochrome"),
    ("measure", "-wide", "", "dark"),
    ("measure", "", "-zh", "light"),
    ("closer", "-wide", "-zh", "light"),
    ("topic", "", "", "ansi"),
    ("topic", "", "", "monochrome"),
    ("whole", "-wide", "", "light"),
    ("files", "-wide", "", "dark"),
    ("seeds", "", "", "dark"),
]


def name_of(picture: tuple[str, str, str, str]) -> str:
    state, size, language, theme = picture
    return f"{state}{size}{language}{'' if theme == 'dark' else '-' + theme}"


@pytest.mark.parametrize("picture", PICTURES, ids=name_of)
def test_maps_look_as_it_did(
    picture: tuple[str, str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("STUDIO_AUTHOR", "walker")
    monkeypatch.setattr(Following, "_usage", Following._usage)  # put back afterwards
    time.tzset()
    state, size, language, theme = picture

    async def test() -> None:
        svg = await draw(state, tmp_path, SIZES[size], LANGUAGES[language], theme)
        kept = SNAPSHOTS / f"{name_of(picture)}.svg"
        if os.environ.get("STUDIO_SNAPSHOTS") == "write":
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(svg, encoding="utf-8")
        before = kept.read_text(encoding="utf-8")
        if svg != before:
            (tmp_path / kept.name).write_text(svg, encoding="utf-8")
            pytest.fail(f"{difference(name_of(picture), before, svg)}\nThe new picture: {tmp_path / kept.name}")

    try:
        run(test())
    finally:
        monkeypatch.undo()
        time.tzset()


def test_every_snapshot_has_its_picture() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.svg")} == set(map(name_of, PICTURES))
