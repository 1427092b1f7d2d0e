"""Checkpoints are whole or not there, whatever happens to the process, the disk or the bytes."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import OutputError
from training.checkpoint import Checkpoint, check_room, clean_staged, newest_valid, rotate, save_staged, verify
from training.manifest import MANIFEST

FACTS = {"model": "a" * 64, "recipe": "b" * 64, "versions": {"torch": "2.13"}}


def writer(content: bytes, pause: float = 0.0) -> Callable[[Path], None]:
    """Writes what a trainer writes: some files, one of them in a folder of its own."""

    def write(path: Path) -> None:
        for name in ("adapter.safetensors", "optimizer.pt", "state/trainer_state.json"):
            (path / name).parent.mkdir(exist_ok=True)
            with (path / name).open("wb") as stream:
                for start in range(0, len(content), 4096):
                    stream.write(content[start : start + 4096])
                    time.sleep(pause)

    return write


def saved(folder: Path, *steps: int) -> list[Checkpoint]:
    return [save_staged(folder, step, writer(b"%d" % step * 500), FACTS) for step in steps]


def in_child(act: Callable[[], object]) -> int:
    """The wait status of a forked process that does `act` and nothing else."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1]


def test_what_was_saved_is_found_with_its_facts(tmp_path: Path) -> None:
    one, two = saved(tmp_path / "new" / "checkpoints", 9, 12)
    assert [one.path.name, two.path.name] == ["checkpoint-00000009", "checkpoint-00000012"]
    newest, refused = newest_valid(two.path.parent)
    assert newest is not None and (newest.path, newest.step, newest.bytes) == (two.path, 12, 3 * 1000)
    assert newest.facts == {**FACTS, "step": 12} and not refused
    assert newest_valid(tmp_path / "nothing here") == (None, [])
    listed = json.loads((two.path / MANIFEST).read_bytes())["files"]
    assert sorted(listed) == ["adapter.safetensors", "optimizer.pt", "state/trainer_state.json"]
    assert sorted(path.name for path in two.path.parent.iterdir()) == [one.path.name, two.path.name]


def test_a_later_step_is_newer_whatever_the_clock_says(tmp_path: Path) -> None:
    for checkpoint in saved(tmp_path, 8, 9, 10, 123_456_789):
        os.utime(checkpoint.path, (0, 1_000_000_000 - checkpoint.step))
    newest, _ = newest_valid(tmp_path)
    assert newest is not None and newest.step == 123_456_789


def test_the_same_step_is_replaced(tmp_path: Path) -> None:
    saved(tmp_path, 5)
    again = save_staged(tmp_path, 5, writer(b"other"), {"model": "c"})
    newest, _ = newest_valid(tmp_path)
    assert newest is not None and newest.facts == {"model": "c", "step": 5}
    assert [path.name for path in tmp_path.iterdir()] == [again.path.name]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    saved(tmp_path, 5)

    def fail(path: Path) -> None:
        writer(b"half")(path)
        raise ZeroDivisionError("a bug is no full disk")

    for step in (5, 6):
        with pytest.raises(ZeroDivisionError):
            save_staged(tmp_path, step, fail, FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000005"]
    assert verify(tmp_path / "checkpoint-00000005") is None


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "pipe"])
def test_only_files_are_checkpointed(tmp_path: Path, kind: str) -> None:
    def write(path: Path) -> None:
        if kind == "pipe":
            os.mkfifo(path / "odd")
        else:
            (path / "odd").symlink_to("/etc/passwd" if kind == "link to a file" else "/etc")

    with pytest.raises(ValueError, match="odd"):
        save_staged(tmp_path, 1, write, FACTS)
    (checkpoint,) = saved(tmp_path, 1)
    write(checkpoint.path)
    assert str(verify(checkpoint.path)) == "odd is no regular file"


def test_everything_is_flushed_before_the_name_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    seen: dict[str, list[str]] = {}
    rename, fsync = Path.rename, os.fsync

    def record(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def look(self: Path, target: Path) -> Path:
        inside = [self, *sorted(self.rglob("*"))]
        seen[target.name] = [path.name for path in inside if path.stat().st_ino not in flushed]
        last = [path.name for path in inside if path.is_file() and path.stat().st_ino in flushed]
        assert MANIFEST in last
        flushed.clear()
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(Path, "rename", look)
    saved(tmp_path, 3)
    assert seen == {"checkpoint-00000003": []}
    assert flushed == [tmp_path.stat().st_ino]


# --- damage --------------------------------------------------------------------------------------------------------


def every_file(path: Path) -> list[Path]:
    return sorted(found for found in path.rglob("*") if found.is_file())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_to_any_file_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    shutil.rmtree(tmp_path / "c", ignore_errors=True)
    old, new = saved(tmp_path / "c", 1, 2)
    victim = data.draw(st.sampled_from(every_file(new.path)))
    content = bytearray(victim.read_bytes())
    act = data.draw(st.sampled_from(["flip", "cut", "grow", "remove", "add", "empty", "swap"]))
    where = data.draw(st.integers(0, len(content) - 1))
    if act == "flip":
        content[where] ^= 1 << data.draw(st.integers(0, 7))
        victim.write_bytes(content)
    elif act == "cut":
        victim.write_bytes(content[:where])
    elif act == "grow":
        victim.write_bytes(content + data.draw(st.binary(min_size=1, max_size=9)))
    elif act == "remove":
        victim.unlink()
    elif act == "empty":
        victim.write_bytes(b"")
    elif act == "swap":
        shutil.copyfile(old.path / victim.relative_to(new.path), victim)
    else:
        victim = victim.with_name("extra.bin")
        victim.write_bytes(b"x")
    problem = verify(new.path)
    assert problem is not None
    assert problem.file == victim.relative_to(new.path).as_posix()
    newest, refused = newest_valid(tmp_path / "c")
    assert newest is not None and newest.step == 1
    assert refused == [(new.path, str(problem))]


def test_a_checkpoint_under_another_name_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    (tmp_path / "checkpoint-00000001").rename(tmp_path / "checkpoint-00000007")
    (tmp_path / "checkpoint-00000009").write_text("no folder")
    newest, refused = newest_valid(tmp_path)
    assert newest is None
    assert [why for _, why in refused] == ["checkpoint-00000009 is no folder", "manifest.json is that of step 1"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"version": 1, "files": 3}', "[" * 100_000, '{"version": 2}']
)
def test_a_manifest_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (checkpoint,) = saved(tmp_path, 1)
    (checkpoint.path / MANIFEST).write_text(text)
    assert str(verify(checkpoint.path)).startswith(MANIFEST)


# --- rotation ------------------------------------------------------------------------------------------------------


def test_rotation_keeps_the_newest_and_the_protected(tmp_path: Path) -> None:
    paths = [checkpoint.path for checkpoint in saved(tmp_path, 1, 2, 3, 4, 5)]
    assert rotate(tmp_path, 2, protect=[paths[1]]) == [paths[0], paths[2]]
    assert sorted(tmp_path.iterdir()) == [paths[1], paths[3], paths[4]]
    assert rotate(tmp_path, 9) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.sampled_from(["", "flip", "cut", "bare"]), min_size=1, max_size=5), keep=st.integers(1, 4))
def test_rotation_never_deletes_the_last_valid_one(tmp_path: Path, damage: list[str], keep: int) -> None:
    shutil.rmtree(tmp_path / "c", ignore_errors=True)
    for checkpoint, act in zip(saved(tmp_path / "c", *range(1, len(damage) + 1)), damage, strict=True):
        victim = checkpoint.path / "optimizer.pt"
        if act == "flip":
            victim.write_bytes(b"\0" * victim.stat().st_size)
        elif act == "cut":
            victim.write_bytes(b"")
        elif act == "bare":
            (checkpoint.path / MANIFEST).unlink()
    before, _ = newest_valid(tmp_path / "c")
    gone = rotate(tmp_path / "c", keep)
    after, refused = newest_valid(tmp_path / "c")
    assert after == before
    if before is None:
        assert not gone, "without a valid one, nothing is deleted"
    else:
        assert not refused, "damaged newer ones only take room"
        assert len(list((tmp_path / "c").iterdir())) <= keep


# --- kills ---------------------------------------------------------------------------------------------------------


def die_at(moment: int) -> None:
    """From here on, SIGKILL this process right before its `moment`-th look at or change of the disk."""
    left = [moment]
    fsync = os.fsync

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            signal.raise_signal(signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" or event.startswith(("os.", "shutil.")):
            count()

    def flush(descriptor: int) -> None:
        count()
        fsync(descriptor)

    os.fsync = flush  # the only one of the system's calls here that Python does not announce
    sys.addaudithook(hook)


@pytest.mark.parametrize("same_step", [False, True])
def test_killed_at_any_moment_of_a_save_nothing_is_torn(tmp_path: Path, same_step: bool) -> None:
    """Every single moment, not a random few: old or new, and the next save and rotation work as ever."""
    pristine = tmp_path / "pristine"
    saved(pristine, 1, 2)
    step, found = (2 if same_step else 3), set()
    for moment in range(1000):
        folder = tmp_path / f"at-{moment}"
        shutil.copytree(pristine, folder)

        def act(folder: Path = folder, moment: int = moment) -> None:
            die_at(moment)
            save_staged(folder, step, writer(b"new" * 3000), {"new": True})
            rotate(folder, 1)

        status = in_child(act)
        clean_staged(folder)
        newest, refused = newest_valid(folder)
        assert newest is not None and not refused, f"torn at moment {moment}"
        is_new = "new" in newest.facts
        assert newest.step == step if is_new else newest.step == 2
        found.add(is_new)
        there = list(folder.iterdir())
        assert {path.name for path in there} <= {f"checkpoint-{number:08d}" for number in (1, 2, 3)}
        assert not any(verify(path) for path in there), "nor is any older one half deleted"
        shutil.rmtree(folder)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert status == 0 and moment > 30
    assert found == {True, False}


def test_killed_by_the_clock_inside_a_save(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    draw = random.Random(5)
    torn = 0
    for step in range(2, 22):
        child = os.fork()
        if child == 0:
            save_staged(tmp_path, step, writer(b"x" * 40_000, pause=0.001), FACTS)
            os._exit(0)
        time.sleep(draw.uniform(0.0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        torn += bool(list(tmp_path.glob(".staged-*")))
        clean_staged(tmp_path)
        newest, refused = newest_valid(tmp_path)
        assert newest is not None and not refused
    assert torn >= 10, "the kills must hit the save"


def test_cleaning_puts_back_what_was_stepping_aside(tmp_path: Path) -> None:
    (checkpoint,) = saved(tmp_path, 4)
    checkpoint.path.rename(tmp_path / ".replaced-00000004-abc")
    (tmp_path / ".staged-00000004-abc").mkdir()
    (tmp_path / ".dropped-00000003-abc").mkdir()
    clean_staged(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000004"]
    assert verify(checkpoint.path) is None
    assert clean_staged(tmp_path / "nothing here") == []


# --- no room -------------------------------------------------------------------------------------------------------


def check_full(folder: Path) -> None:
    """A save that cannot be written says so, and leaves the last one as it is."""
    with pytest.raises(OutputError) as caught:
        save_staged(folder, 2, writer(b"x" * 2_000_000), FACTS)
    assert "no room" in caught.value.message and "What was saved before is whole." in caught.value.hint
    assert [path.name for path in folder.iterdir()] == ["checkpoint-00000001"]
    assert verify(folder / "checkpoint-00000001") is None


def test_a_limit_on_files_keeps_the_last_good_one(tmp_path: Path) -> None:
    saved(tmp_path, 1)

    def act() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        check_full(tmp_path)

    assert in_child(act) == 0


@pytest.fixture
def small_disk(tmp_path: Path):
    """A filesystem of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_the_last_good_one(small_disk: Path) -> None:
    saved(small_disk, 1)
    check_full(small_disk)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    with pytest.raises(OutputError, match="no room"):
        save_staged(small_disk, 2, writer(b"tiny"), FACTS)
    filler.unlink()
    assert [path.name for path in small_disk.iterdir()] == ["checkpoint-00000001"]
    assert save_staged(small_disk, 2, writer(b"tiny"), FACTS).step == 2


def test_the_forecast_refuses_what_cannot_be_saved_twice(small_disk: Path) -> None:
    assert check_room(small_disk / "not" / "yet", 100_000, keep=2) == ""
    assert "need up to 3.2 MB" in check_room(small_disk, 800_000, keep=2)
    with pytest.raises(OutputError, match=r"Two checkpoints of 1.2 MB do not fit into the 2.1 MB"):
        check_room(small_disk, 1_200_000, keep=1)
    saved(small_disk, 1, 2)
    assert "need up to" not in check_room(small_disk, 800_000, keep=2)


TORCH = """
import resource, sys
from pathlib import Path
import torch, safetensors.torch
from curation.errors import OutputError
from training.checkpoint import save_staged, verify
folder, weights = Path(sys.argv[1]), torch.zeros(1 << 19)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
writers = {
    "torch": lambda path: torch.save(weights, path / "optimizer.pt"),
    "safetensors": lambda path: safetensors.torch.save_file({"w": weights}, path / "adapter.safetensors"),
}
for name, write in writers.items():
    try:
        save_staged(folder, 2, write, {})
    except OutputError as error:
        print(name, error.message, error.hint)
print([path.name for path in folder.iterdir()], verify(folder / "checkpoint-00000001"))
"""


@pytest.mark.slow
def test_what_torch_says_of_a_full_disk_is_understood(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    done = subprocess.run(
        [sys.executable, "-c", TORCH, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    first, second, last = done.stdout.splitlines()
    assert first.startswith("torch There is no room to write") and "Free some space" in first
    assert second.startswith("safetensors There is no room to write") and "Free some space" in second
    assert last == "['checkpoint-00000001'] None"
