"""How the screen Map bears a large map: reading, choosing, painting, and from a key to the paint, over made-up points.

python benchmarks/map_screen.py [RECORDS]
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "studio"))

TOPICS = 40
KEYS = 60


def make(folder: Path, records: int) -> Path:
    """A finished map of `records` records."""
    from map_drawn import MEASURES, make_map_folder, write_map

    from curation.topics.model import POINTS, SCORE, Map, Topic

    rng = np.random.default_rng(0)
    topic = np.sort(rng.integers(1, TOPICS + 1, records)).astype(np.int32)
    middles = rng.uniform(0.1, 0.9, (TOPICS + 1, 2))
    places = np.clip(middles[topic] + rng.normal(0, 0.05, (records, 2)), 0, 1).astype(np.float32)
    gone = rng.random(records) < 0.1
    numbers = pl.Series(np.arange(1, records + 1)).cast(pl.String)
    frame = pl.DataFrame(
        {
            "record_id": "made-up.jsonl:" + numbers, "input": np.zeros(records, np.uint16), "content_hash": numbers,
            "topic": topic, "x": places[:, 0], "y": places[:, 1], "fate": np.where(gone, "dropped", "kept"),
            "reason": np.where(gone, "near/near_duplicate", ""), "language": ["en"] * records,
            "central": rng.random(records, dtype=np.float32), "near": rng.random(records, dtype=np.float32),
            "copy_of": [""] * records, "opening": "How does record " + numbers + " differ from all the others, and why does it?",
            **{SCORE + name: rng.random(records) for name in MEASURES},
        }
    ).cast(dict(POINTS))  # fmt: skip
    sizes = np.bincount(topic, minlength=TOPICS + 1)
    topics = tuple(
        Topic(each, f"word{each}", (f"word{each}",), int(sizes[each]), float(sizes[each] / records), 0, 0, 0, {"en": 1}, {}, 0.5,
              float(middles[each][0]), float(middles[each][1]), (), ())
        for each in range(1, TOPICS + 1)
    )  # fmt: skip
    dropped = int(gone.sum())
    found = Map(records, records - dropped, dropped, 0, 0, ("made-up.jsonl",), MEASURES, topics, (), {})
    made = make_map_folder(folder, "20260304-1320-map-2c7d", ["made-up.jsonl"])
    write_map(made, found, frame)
    return made.path


def told(what: str, began: float) -> None:
    print(f"{what:<44}{(time.process_time() - began) * 1000:>9.1f} CPU-ms")


def arrays(folder: Path) -> None:
    """What the threads do."""
    from curation.topics.model import read_map, read_points
    from studio.tui.points import Choice, Points
    from studio.tui.scatter import Painter, View

    began = time.process_time()
    points = Points(read_points(folder), read_map(folder))
    told("read", began)
    painter, view = Painter(points), View(66, 19)
    for what, choice in (
        ("everything", None),
        ("a topic", Choice(topic=3)),
        ("a rectangle", Choice(box=(0.2, 0.2, 0.6, 0.7))),
    ):
        began = time.process_time()
        rows = points.rows(choice or Choice())
        told(f"choose: {what}", began)
        began = time.process_time()
        painter.paint(view, None if choice is None else rows)
        told(f"paint: {what}", began)
    began = time.process_time()
    points.rows(Choice(words="record 77"))
    told("choose: words", began)
    began = time.process_time()
    painter.paint(View(66, 19, colour="rarity.score"), None)
    told("paint: a measure", began)


async def keys(folder: Path) -> None:
    """From a key to the plane that it leads to."""
    from map_drawn import settled, shown
    from tui_pilot import driven

    from studio.tui.settings import Settings

    settings = Settings(language="en", animation="none")
    async with driven(size=(120, 40), runs_dir=folder.parent, settings=settings, settle=False) as studio:
        await studio.press("8")
        await studio.until(lambda: studio.app.current_mode == "map")
        began = time.process_time()
        await shown(studio, folder.parent, folder.name)
        told("from opening to the first picture", began)
        plane, screen, waits = studio.screen.query_one("#plane"), studio.screen, []
        for _key in range(KEYS):
            before, began = plane.scatter, time.perf_counter()
            screen.action_step(1 if _key < KEYS // 2 else -1)
            while plane.scatter is before:
                await asyncio.sleep(0.001)
            waits.append((time.perf_counter() - began) * 1000)
        await settled(studio)
        print(f"{'another topic: key to paint, median':<44}{np.median(waits):>9.1f} ms")
        print(f"{'another topic: key to paint, 95 %':<44}{np.percentile(waits, 95):>9.1f} ms")


def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = make(Path(name) / "runs", records)
        size = (folder / "points.parquet").stat().st_size / 1e6
        print(f"{records:,} records, {TOPICS} topics, {size:,.0f} MB")
        arrays(folder)
        asyncio.run(keys(folder))
    print(f"{'memory at most':<44}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:>9.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
