"""The terminal interface on a million records: first frame, key to paint, memory, traffic.

    python benchmarks/tui.py [RECORDS] [--load N] [--only PART]

Makes the file once (in the system's temporary folder), opens it in a pseudo-terminal of 120 x 40, and measures from
outside: the time from start to the first frame and to the first record, from a key to the bytes that follow it (with N
processes keeping cores busy; 2 by default), the resident memory of the process, and bytes a second at rest. `traffic` is
what the screens send that show a run which goes on, bytes a second. Prints CPU seconds too: on a busy machine wall times
say more about the neighbours.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "studio"), str(ROOT)]

WORDS = "the chain of a bicycle needs oil every two weeks in summer and less when it rains 图书馆 周一 闭馆 因为 需要 整理".split()


def make(path: Path, number: int) -> None:
    """A file of that many chats, about 500 bytes each."""
    draw = random.Random(1)
    answers = [" ".join(draw.choices(WORDS, k=70)) for _ in range(1000)]
    with path.open("w", encoding="utf-8") as out:
        for n in range(number):
            messages = [
                {"role": "user", "content": f"question {n}?"},
                {"role": "assistant", "content": answers[n % 1000]},
            ]
            out.write(json.dumps({"messages": messages, "n": n}, ensure_ascii=False) + "\n")


def busy() -> None:
    """One core's worth of work."""
    while True:
        sum(range(10_000))


def measure(path: Path, number: int, load: int) -> dict[str, object]:
    """All figures of one session."""
    from pty_screen import PtyScreen

    figures: dict[str, object] = {
        "records": number,
        "megabytes": round(path.stat().st_size / 1e6),
        "busy_processes": load,
    }
    with PtyScreen([str(path)], size=(120, 40)) as screen:
        begun = time.monotonic()
        assert screen.pump(60, until=b" studio "), "no first frame"
        process = psutil.Process(screen.pid)
        figures["first_frame_s"] = round(time.monotonic() - begun, 2)
        figures["first_frame_cpu_s"] = round(sum(process.cpu_times()[:2]), 2)
        assert screen.pump(60, until=b"question 1?"), "no first record"
        figures["first_record_s"] = round(time.monotonic() - begun, 2)
        assert screen.pump(120, until=f"/{number:,}".encode()), "not counted"
        figures["counted_s"] = round(time.monotonic() - begun, 2)
        screen.pump(8)
        figures["torch_loaded"] = any("torch" in each.path for each in process.memory_maps())
        workers = [multiprocessing.Process(target=busy, daemon=True) for _ in range(load)]
        for worker in workers:
            worker.start()
        before, cpu = len(screen.output), sum(process.cpu_times()[:2])
        times = sorted(map(key_to_paint(screen), "j" * 60 + "G" + "k" * 30 + "g" + "j" * 28))
        figures["key_to_paint_ms"] = {
            "p50": round(statistics.median(times) * 1000),
            "p95": round(times[int(len(times) * 0.95)] * 1000),
            "most": round(times[-1] * 1000),
        }
        figures["cpu_ms_per_key"] = round((sum(process.cpu_times()[:2]) - cpu) / len(times) * 1000)
        figures["bytes_per_key"] = round((len(screen.output) - before) / len(times))
        for worker in workers:
            worker.kill()
        screen.pump(3)
        before = len(screen.output)
        screen.pump(5)
        figures["bytes_per_second_at_rest"] = round((len(screen.output) - before) / 5)
        figures["rss_mb"] = round(process.memory_info().rss / 1e6)
        for name, keys, done in (
            ("filter_s", f"fn > {number - 1000}\r", b"filter: n"),
            ("sort_of_filtered_s", "s-size\r", b"sorted by"),
        ):
            begun, cpu = time.monotonic(), sum(process.cpu_times()[:2])
            screen.send(keys)
            assert screen.pump(600, until=done), name
            spent = sum(process.cpu_times()[:2]) - cpu
            figures[name] = {"wall": round(time.monotonic() - begun, 1), "cpu": round(spent, 1)}
        figures["rss_after_mb"] = round(process.memory_info().rss / 1e6)
        screen.send("\x11")
        figures["exit_status"] = screen.finish()
    return figures


def traffic(path: Path, seconds: float = 20.0) -> dict[str, object]:
    """Bytes a second at the terminal while a run goes on: in the list of runs, on the run there, and followed on Curate."""
    from pty_screen import PtyScreen

    from studio.runs.folder import every
    from studio.runs.lock import is_held
    from studio.runs.stop import force_stop

    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        command = ["curate", str(path), "--detach", "--no-report", "--workers", "1", "--runs-dir", str(runs)]
        subprocess.run([sys.executable, "-m", "studio", *command], check=True, capture_output=True, cwd=ROOT)
        (run,) = every(runs)
        try:
            with PtyScreen([], size=(120, 40), environment={"STUDIO_RUNS_DIR": str(runs)}) as screen:
                assert screen.pump(60, until=b"1 run going on"), "the run is not seen"
                for name, keys in (("runs", "4"), ("run_on_whole_screen", "\r"), ("curate", "a")):
                    screen.send(keys)
                    screen.pump(5)
                    before, cpu = len(screen.output), sum(psutil.Process(screen.pid).cpu_times()[:2])
                    screen.pump(seconds)
                    assert is_held(run), "the run ended too early: take more records"
                    spent = sum(psutil.Process(screen.pid).cpu_times()[:2]) - cpu
                    sent = (len(screen.output) - before) / seconds
                    figures[name] = {"bytes_per_second": round(sent), "cpu_share": round(spent / seconds, 3)}
                screen.send("\x11\r")
                screen.finish()
        finally:
            force_stop(run, 10.0)
    return figures


def search(path: Path) -> dict[str, float]:
    """CPU seconds of looking for a text in all of it, without a terminal: a rare one, and by regular expression."""
    from curation.browsing import open_records
    from curation.browsing.search import Search, find_rows

    records = open_records(str(path))
    begun = time.process_time()
    for _ in records.grow(lambda: False):
        pass
    spent = {"counting": round(time.process_time() - begun, 1)}
    for name, wanted in (
        ("text", Search("question 99999?")),
        ("regular_expression", Search("question 99999[0-9]\\?", True)),
    ):
        begun = time.process_time()
        find_rows(records, wanted, lambda: False, lambda *_: None)
        spent[name] = round(time.process_time() - begun, 1)
    return spent


def key_to_paint(screen):  # type: ignore[no-untyped-def]
    """How long after a key the first bytes of its frame come."""

    def press(key: str) -> float:
        before = len(screen.output)
        begun = time.monotonic()
        screen.send(key)
        while len(screen.output) == before and time.monotonic() - begun < 5:
            screen.pump(0.002)
        spent = time.monotonic() - begun
        screen.pump(0.15)
        return spent

    return press


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("records", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--load", type=int, default=2)
    parser.add_argument("--only", action="append", choices=("search", "session", "traffic"))
    given = parser.parse_args()
    file = Path(tempfile.gettempdir()) / f"studio-benchmark-{given.records}.jsonl"
    if not file.exists():
        make(file, given.records)
    parts = {
        "search": lambda: search(file),
        "session": lambda: measure(file, given.records, given.load),
        "traffic": lambda: traffic(file),
    }
    for part in given.only or parts:
        print(json.dumps({part: parts[part]()}, indent=1), flush=True)
