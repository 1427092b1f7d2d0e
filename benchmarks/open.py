"""Opening a large file to look at: studio and dtflow's viewer in a pseudo-terminal of 120 by 40.

    python benchmarks/open.py --records 1000000

The file is that of `diff.py`. Measured from outside: seconds until the first record is on the screen, then, ten seconds
later, the CPU seconds and the memory that the program and its children have used by then. The first start of each warms
the disk cache and is not counted.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import psutil
from diff import make
from measure import CACHE, Measured, Row, failed, row, save
from peers import PEERS, NotInstalledError, python_of

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "studio"))

FIRST = b"Question 0"  # how the first record begins
SETTLED = 10.0  # seconds; by then a million records are counted by both on a machine that is not busy


def studio() -> list[str]:
    return [sys.executable, "-m", "studio"]


def dtflow() -> list[str]:
    return [str(python_of("dtflow").with_name("dt")), "view"]


PROGRAMS = {"studio": studio, "dtflow": dtflow}


def look(program: list[str], source: Path, patience: float = 120.0) -> tuple[Measured, float] | None:
    """What it used, and the seconds until the first record was there; None where it never was."""
    from pty_screen import PtyScreen

    with PtyScreen([str(source)], size=(120, 40), program=program) as screen:
        if not screen.pump(patience, until=FIRST):
            return None
        first = time.monotonic() - screen.started
        screen.pump(SETTLED)
        cpu = held = unique = 0.0
        root = psutil.Process(screen.pid)
        for process in [root, *root.children(recursive=True)]:
            times, memory = process.cpu_times(), process.memory_full_info()
            cpu, held = cpu + times.user + times.system, held + memory.rss
            unique += getattr(memory, "pss", memory.rss)
        return Measured(time.monotonic() - screen.started, cpu, int(held), "", 0, int(unique)), first


def line(name: str, source: Path) -> Row:
    """One program, looked at twice; the second time counts."""
    try:
        program = PROGRAMS[name]()
    except NotInstalledError as error:
        return failed(name, str(error))
    looks = [look(program, source), look(program, source)]
    if looks[1] is None:
        return failed(name, "its first record was not recognised on the screen")
    used, first = looks[1]
    return row(name, used, version=PEERS[name].version if name in PEERS else "", first=round(first, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args()
    folder = CACHE / "diff" / str(given.records)
    make(folder, given.records, False)
    source = folder / "a.jsonl"
    lines = [line(name, source) for name in PROGRAMS]
    print(*lines, sep="\n")
    save(given.json, ({"records": given.records, "bytes": source.stat().st_size}, lines))


if __name__ == "__main__":
    main()
