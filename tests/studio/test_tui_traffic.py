"""What the screens that show a run send to the terminal: little enough for a slow connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pty_screen import PtyScreen
from tui_pilot import chats, write_jsonl

from studio.runs.folder import every
from studio.runs.lock import RunLock

MOST = 4096  # bytes a second
SECONDS = 5.0


def test_a_run_that_is_followed_sends_little(tmp_path: Path) -> None:
    """Looked at twice a second on Runs and on Curate, a run that goes on moves a clock, and no line of keys."""
    environment = {"STUDIO_RUNS_DIR": str(tmp_path / "runs"), "STUDIO_CONFIG": str(tmp_path / "none.toml")}
    source = write_jsonl(tmp_path / "a.jsonl", chats(50))
    command = ["curate", str(source), "--recipe", "minimal", "--no-report", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "studio", *command], env={**os.environ, **environment}, check=True, capture_output=True
    )
    (run,) = every(tmp_path / "runs")
    lock = RunLock.acquire(run)  # a run whose worker is this process, and that has no result yet
    try:
        run.result.unlink()
        with PtyScreen([], size=(120, 40), environment=environment) as screen:
            assert screen.pump(90, until="● 1".encode()), screen.output[-500:]
            for keys in ("4", "a"):
                screen.send(keys)
                assert screen.pump(90, until=b"running"), screen.output[-500:]
                screen.pump(4)
                before = len(screen.output)
                screen.pump(SECONDS)
                assert len(screen.output) - before < MOST * SECONDS, (keys, len(screen.output) - before)
    finally:
        lock.close()
