"""One worker a run, by real processes that hold, lose and fight for the lock."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation.errors import BusyError, InputError
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock, holder, is_held

HOLD = """
import sys, time
from pathlib import Path
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock
lock = RunLock.acquire(RunFolder(Path(sys.argv[1])))
lock.sign()
print("held", flush=True)
time.sleep(60)
"""

TRY = """
import sys
from pathlib import Path
from curation.errors import BusyError
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock
try:
    lock = RunLock.acquire(RunFolder(Path(sys.argv[1])))
except BusyError:
    sys.exit(4)
lock.sign()
print("mine", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def hold(run: RunFolder) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_free_run_is_not_held(run: RunFolder) -> None:
    assert not is_held(run)
    with RunLock.acquire(run):
        assert is_held(run)
    assert not is_held(run)


def test_a_held_run_is_busy_and_says_by_whom_and_how_to_watch(run: RunFolder) -> None:
    process = hold(run)
    try:
        assert is_held(run)
        with pytest.raises(BusyError) as caught:
            RunLock.acquire(run)
        assert f"process {process.pid}" in caught.value.message
        assert f"studio runs attach {run.path}" in caught.value.hint
    finally:
        process.kill()
        process.wait()


def test_the_kernel_frees_the_lock_of_a_killed_process(run: RunFolder) -> None:
    process = hold(run)
    process.kill()
    process.wait()
    assert not is_held(run)
    by = holder(run)
    assert by is not None
    assert by.pid == process.pid, "the signature stays; only the lock tells whether it means anything"
    RunLock.acquire(run).close()


def test_of_many_starts_exactly_one_wins(run: RunFolder) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", TRY, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    losers = []
    winners = []
    with ThreadPoolExecutor(len(starts)) as pool:
        first_lines = list(pool.map(lambda p: p.stdout.readline() if p.stdout else "", starts))
    for process, line in zip(starts, first_lines, strict=True):
        (winners if line == "mine\n" else losers).append(process)
    assert len(winners) == 1
    assert [process.wait() for process in losers] == [4] * 7
    winners[0].communicate("")
    assert winners[0].returncode == 0
    assert not is_held(run)


def test_looking_at_the_lock_never_takes_it_from_a_start(run: RunFolder) -> None:
    """Eight threads look every millisecond (a view looks every 200) while the lock is taken and let go 200 times."""
    busy = True

    def look() -> None:
        while busy:
            is_held(run)
            time.sleep(0.001)

    with ThreadPoolExecutor(8) as pool:
        looking = [pool.submit(look) for _ in range(8)]
        try:
            for _ in range(200):
                RunLock.acquire(run).close()
        finally:
            busy = False
        for one in looking:
            one.result()


def test_a_lock_is_handed_over_without_a_gap(run: RunFolder) -> None:
    code = """
import sys, time
from pathlib import Path
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock
lock = RunLock.adopt(RunFolder(Path(sys.argv[1])), int(sys.argv[2]))
lock.sign()
print("adopted", flush=True)
sys.stdin.read()
"""
    lock = RunLock.acquire(run)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path), str(lock.descriptor)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(lock.descriptor,),
    )
    lock.close()
    assert is_held(run), "the child has the same open file"
    assert process.stdout is not None
    assert process.stdout.readline() == "adopted\n"
    by = holder(run)
    assert by is not None
    assert by.pid == process.pid
    process.communicate("")
    assert not is_held(run)


def test_a_descriptor_that_is_not_the_lock_is_refused(run: RunFolder, tmp_path: Path) -> None:
    RunLock.acquire(run).close()
    with (tmp_path / "other").open("w") as other, pytest.raises(InputError):
        RunLock.adopt(run, other.fileno())
    with pytest.raises(InputError):
        RunLock.adopt(run, 999)
