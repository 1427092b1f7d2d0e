"""Pictures of the screens for the documentation: SVG, and PNG where chromium or rsvg-convert is there.

python benchmarks/screens.py docs/screens
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "studio"))

SHOWN = ("empty", "data", "data-wide", "data-zh-wide", "data-light-wide", "help")


def main(folder: Path) -> None:
    from screens_drawn import PICTURES, draw

    folder.mkdir(parents=True, exist_ok=True)
    for drawn in PICTURES:
        if drawn.name in SHOWN:
            svg = folder / f"{drawn.name}.svg"
            svg.write_text(asyncio.run(draw(drawn, ROOT / "datasets")), encoding="utf-8")
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
