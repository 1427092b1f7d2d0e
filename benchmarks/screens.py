"""Pictures of the screens for the documentation: SVG, and PNG where chromium or rsvg-convert is there.

python benchmarks/screens.py docs/screens
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "studio"))

SHOWN = ("empty", "data", "data-wide", "data-zh-wide", "data-light-wide", "help")


def main(folder: Path) -> None:
    from screens_drawn import PICTURES, draw

    folder.mkdir(parents=True, exist_ok=True)
    for drawn in PICTURES:
        if drawn.name in SHOWN:
            keep(folder / f"{drawn.name}.svg", asyncio.run(draw(drawn, ROOT / "datasets")))
    for language, ending in (("en", "-wide"), ("zh_CN", "-zh-wide")):
        for name, svg in (
            *of_runs(language),
            *of_training(language),
            *of_comparing(language),
            *of_generating(language),
            *of_mapping(language),
        ):
            keep(folder / f"{name}{ending}.svg", svg)


def of_runs(language: str) -> Iterator[tuple[str, str]]:
    """Name and picture of the screens that show runs, 120 by 40, over runs that are made for it."""
    from runs_drawn import DOCUMENTED, draw_state, make_runs

    with tempfile.TemporaryDirectory() as name:
        runs = make_runs(Path(name), language)
        for place, state in DOCUMENTED.items():
            yield place, asyncio.run(draw_state(state, runs, language, (120, 40)))


def of_training(language: str) -> Iterator[tuple[str, str]]:
    """Name and picture of the screen Train: a run that goes on, and what preflight found."""
    from train_drawn import draw

    before = Path.cwd()
    for place, state in (("train", "running"), ("preflight", "preflight")):
        with tempfile.TemporaryDirectory() as name:
            os.chdir(name)
            try:
                drawn = asyncio.run(draw(state, Path(name), (120, 40), language))
            finally:
                os.chdir(before)
        yield place, drawn


def of_comparing(language: str) -> Iterator[tuple[str, str]]:
    """Name and picture of the screen Compare: answers, a blind vote, numbers, and back to the data."""
    from compare_drawn import draw

    os.environ["STUDIO_AUTHOR"] = "somebody"
    before = Path.cwd()
    states = {"compare": "answering", "compare-vote": "voting", "compare-numbers": "revealed", "compare-back": "back"}
    for place, state in states.items():
        with tempfile.TemporaryDirectory() as name:
            os.chdir(name)
            try:
                drawn = asyncio.run(draw(state, Path(name), (120, 40), language))
            finally:
                os.chdir(before)
        yield place, drawn


def of_generating(language: str) -> Iterator[tuple[str, str]]:
    """Name and picture of the screen Generate: items beside their source, a plan looked at, an item to mend."""
    from generate_drawn import draw

    os.environ["STUDIO_AUTHOR"] = "somebody"
    yield from somewhere_else(
        draw, {"generate": "asking", "generate-look": "look", "generate-edit": "editing"}, language
    )


def somewhere_else(draw: Any, states: dict[str, str], language: str) -> Iterator[tuple[str, str]]:
    """Each state drawn in a folder of its own that is the current one meanwhile."""
    before = Path.cwd()
    for place, state in states.items():
        with tempfile.TemporaryDirectory() as name:
            os.chdir(name)
            try:
                drawn = asyncio.run(draw(state, Path(name), (120, 40), language))
            finally:
                os.chdir(before)
        yield place, drawn


def of_mapping(language: str) -> Iterator[tuple[str, str]]:
    """Name and picture of the screen Map: a topic and its records, a rectangle, a measure."""
    from map_drawn import draw

    yield from somewhere_else(draw, {"map": "record", "map-box": "box", "map-measure": "measure"}, language)


def keep(svg: Path, drawn: str) -> None:
    """Write the picture, and as PNG beside it."""
    svg.write_text(drawn, encoding="utf-8")
    print(svg, as_png(svg) or "(no program for PNG)")


def as_png(svg: Path) -> Path | None:
    """The picture as PNG. Chromium keeps the spaces that rsvg-convert drops."""
    png = svg.with_suffix(".png")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return None
    width, height = size(svg)
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page.html"
        page.write_text(
            f'<body style="margin:0;background:#fff"><img src="file://{svg.resolve()}" style="width:{width}px"></body>'
        )
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={scratch}/profile",
             f"--window-size={width},{height}", f"--screenshot={png.resolve()}", page.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    return png


def size(svg: Path, width: int = 1200) -> tuple[int, int]:
    """Pixels of the picture, `width` wide."""
    box = svg.read_text(encoding="utf-8").split('viewBox="0 0 ')[1].split('"')[0].split()
    return width, round(float(box[1]) * width / float(box[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens"))
