"""The curves of a long training run: attaching, following at 2 Hz, drawing.

    python benchmarks/curves.py [POINTS]

Writes an events.jsonl of that many points (100,000 by default) with a spike, and measures CPU seconds, since the machine
may be busy: reading and folding all of it, one more point, all four charts at 120 x 40, and memory.
"""

import math
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "studio"), str(ROOT)]


def write(path: Path, points: int) -> None:
    from test_runs_curves import logged, prepared, started

    from studio.runs.jsonl import one_line

    with path.open("w", encoding="ascii") as stream:
        stream.write(one_line(started()) + "\n" + one_line(prepared(points)) + "\n")
        for step in range(1, points + 1):
            loss = 50.0 if step == points * 3 // 5 else 1 + 2 * math.exp(-4 * step / points) + 0.1 * math.sin(step)
            stream.write(one_line(logged(step, loss, grad_norm=1 + 0.5 * math.sin(step * 1.3))) + "\n")


def main(points: int) -> None:
    from test_runs_curves import logged

    from studio.runs.curves import fold, read_snapshot
    from studio.tui.screens.train_run_frames import Look, loss_picture, small_pictures
    from studio.tui.widgets.curve_chart import drawn

    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.jsonl"
        write(events, points)
        size = events.stat().st_size
        wall, cpu = time.perf_counter(), time.process_time()
        snapshot = read_snapshot(events)
        print(
            f"attach to {points:,} points ({size / 1e6:.0f} MB): {time.process_time() - cpu:.2f} CPU-s, "
            f"{time.perf_counter() - wall:.2f} s of wall time"
        )
        tracemalloc.start()
        snapshot = read_snapshot(events)
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"memory: {held / 1e6:.1f} MB held, {peak / 1e6:.1f} MB at most while reading")

    cpu = time.process_time()
    for number in range(200):
        snapshot = fold(snapshot, [logged(points + 1 + number)])
    print(f"one more point: {(time.process_time() - cpu) / 200 * 1e6:.0f} CPU-µs")
    cpu = time.process_time()
    for _ in range(10):
        loss = loss_picture(snapshot, Look(smooth=1))
        lines = drawn(loss, 72, 20)
        for small in small_pictures(snapshot, Look()):
            drawn(small, 24, 6)
    print(f"all charts at 120 x 40: {(time.process_time() - cpu) / 10 * 1e3:.1f} CPU-ms")
    assert lines[0].plain.strip().startswith(("50", "4", "3", "2"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
