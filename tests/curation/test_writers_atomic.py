"""Files appear whole or not at all, on a disk that is full, a folder that is closed, and under SIGKILL."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from curation.errors import OutputError
from curation.writers import OutputFile, replace_atomic, write_atomic, write_dataset
from curation.writers.atomic import discard_stale, open_temp

LINE = b'{"text":"' + b"x" * 90 + b'"}\n'


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files may not grow beyond `size` bytes (the kernel says EFBIG; Python ignores the signal)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Nothing may be written in `folder`; the superuser, who may everything, becomes nobody for a while."""
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_bytes_and_mode_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        write_atomic(tmp_path / "open", b"a")
        os.umask(0)
        write_atomic(tmp_path / "private", b"b", mode=0o600)
    finally:
        os.umask(old)
    assert (tmp_path / "open").read_bytes() == b"a"
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["open", "private"]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"old"
    assert not (tmp_path / "link").is_symlink()


def test_a_long_name_in_chinese_fits(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("数" * 80), b"a")  # 240 bytes; a name may have 255
    assert len(list(tmp_path.iterdir())) == 1


def test_no_room_names_path_and_bytes_and_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with room_for(1000), pytest.raises(OutputError) as caught:
        write_atomic(tmp_path / "f", b"x" * 5000)
    assert str(tmp_path / "f") in caught.value.message
    assert "5,000 bytes are needed" in caught.value.message
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_really_full_disk_names_what_is_free(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("may not mount a small file system here")
    try:
        with pytest.raises(OutputError, match="no room") as caught:
            write_dataset(tmp_path / "d.jsonl", [LINE * 100] * 100)
        assert "bytes are free" in caught.value.message
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_no_permission_and_other_obstacles(tmp_path: Path) -> None:
    with closed(tmp_path), pytest.raises(OutputError, match="may not be written") as caught:
        write_atomic(tmp_path / "f", b"x")
    assert str(tmp_path / "f") in caught.value.message
    with closed(tmp_path), pytest.raises(OutputError, match="may not be written"):
        write_dataset(tmp_path / "f.jsonl", [LINE])
    with pytest.raises(OutputError, match="does not exist"):
        write_atomic(tmp_path / "none" / "f", b"x")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OutputError, match="in the way"):
        write_atomic(tmp_path / "folder", b"x")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="in the way"):
        write_dataset(tmp_path / "file" / "d.jsonl", [LINE])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_replace_leaves_the_temporary_file_when_it_cannot(tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    temp.write_bytes(b"x")
    with pytest.raises(OutputError):
        replace_atomic(temp, tmp_path / "none" / "final")
    assert temp.read_bytes() == b"x"


@pytest.mark.parametrize("name", ["d.jsonl", "d.json", "d.csv", "d.parquet", "d.jsonl.gz", "d.csv.zst"])
def test_a_dataset_without_room_leaves_the_old_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    noise = b"".join(b'{"text":"%s"}\n' % os.urandom(500).hex().encode() for _ in range(3000))
    with room_for(200_000), pytest.raises(OutputError) as caught:
        write_dataset(tmp_path / name, [noise] * 2)
    assert str(tmp_path / name) in caught.value.message and "bytes are needed" in caught.value.message
    assert (tmp_path / name).read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_stale_temporary_files_go_and_live_ones_stay(tmp_path: Path) -> None:
    final = tmp_path / "d[1].jsonl"
    live, stream = open_temp(final)
    dead, closing = open_temp(final)
    closing.close()
    other, unrelated = open_temp(tmp_path / "d1.jsonl")
    unrelated.close()
    assert discard_stale(final) == [dead]
    assert live.exists() and other.exists()
    stream.close()
    assert discard_stale(final) == [live]


WRITER = """
import sys
from curation.writers import OutputFile
line = b'{"text":"' + b"y" * 90 + b'"}\\n'
while True:
    with OutputFile(sys.argv[1]) as output:
        print("begun", flush=True)
        for _ in range(200):
            output.add(line * 100)
        output.close()
"""


@pytest.mark.parametrize("name", ["d.jsonl", "d.csv"])
def test_sigkill_never_leaves_a_part_under_the_final_name(tmp_path: Path, name: str) -> None:
    whole = write_dataset(tmp_path / name, [LINE.replace(b"x", b"y") * 20_000])
    for attempt in range(4):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / name)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.02 * attempt)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert (tmp_path / name).stat().st_size == whole["bytes"]
    with OutputFile(tmp_path / name) as output:  # the next writer clears away what the killed ones left
        output.add(LINE)
        output.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
