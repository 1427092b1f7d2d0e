"""`events.jsonl`: whole lines only, from any offset, through kills."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation.errors import OutputError
from curation.events import Progress, RunFinished, ShardFinished, Warned
from studio.runs.events import EventLog, EventReader
from studio.runs.jsonl import one_line


def test_events_come_back_as_they_were_said(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    said = [
        Progress("read", 3, None, "records", 12.5, None),
        Warned("line\nbreak \x1b]0;x\x07 中文 \u202e", "h\x7fint"),
        ShardFinished("clean", 0, 10, False, {"clean/edit/html": 3}),
        RunFinished("r", {"counts": {"read": 10}}),
    ]
    for event in said:
        log(event)
    assert log.ended
    log.close()
    raw = path.read_bytes()
    assert raw.isascii()
    assert not any((byte < 0x20 and byte != 0x0A) or byte == 0x7F for byte in raw)
    assert raw.count(b"\n") == 4
    assert EventReader(path).read() == [json.loads(json.dumps(event.as_json())) for event in said]


def test_reading_goes_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert reader.read() == [], "no file yet"
    log = EventLog(path)
    log(Warned("one"))
    assert [event["message"] for event in reader.read()] == ["one"]
    assert reader.read() == []
    log(Warned("two"))
    offset = reader.offset
    assert [event["message"] for event in reader.read()] == ["two"]
    assert [event["message"] for event in EventReader(path, offset).read()] == ["two"]


def test_a_torn_last_line_waits_for_its_rest(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    whole = one_line(Warned("whole").as_json()).encode() + b"\n"
    reader = EventReader(path)
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        assert len(EventReader(path).read()) == 1
    path.write_bytes(whole + whole[:20])
    assert len(reader.read()) == 1
    path.write_bytes(whole + whole)
    assert len(reader.read()) == 1
    assert reader.unreadable == 0


def test_writing_after_a_kill_leaves_the_torn_line_behind(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event": "warned", "mess')
    reader = EventReader(path)
    assert reader.read() == []
    log = EventLog(path)
    log(Warned("after"))
    assert [event["message"] for event in reader.read()] == ["after"]
    assert reader.unreadable == 1


def test_lines_that_are_no_event_are_counted_not_raised(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'[1]\n{"event": 3}\nnull\n\xff\xfe\n{"event": "warned", "message": "ok"}\n')
    reader = EventReader(path)
    assert [event["message"] for event in reader.read()] == ["ok"]
    assert reader.unreadable == 4


def test_a_reader_beside_a_writer_sees_each_event_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    code = """
import sys
from pathlib import Path
from curation.events import Warned
from studio.runs.events import EventLog
log = EventLog(Path(sys.argv[1]))
for number in range(3000):
    log(Warned(str(number), "x" * (number % 300)))
"""
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    reader = EventReader(path)
    seen: list[str] = []
    reads = 0
    while writer.poll() is None:
        new = reader.read()
        reads += bool(new)
        seen += [event["message"] for event in new]
        time.sleep(0.001)
    seen += [event["message"] for event in reader.read()]
    assert seen == [str(number) for number in range(3000)]
    assert reads > 1, "it was read while it was written"


def test_numbers_that_json_lacks_become_null() -> None:
    assert one_line({"rate": float("inf"), "list": [float("nan"), 1.5]}) == '{"rate": null, "list": [null, 1.5]}'


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_a_typed_error_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.symlink_to("/dev/full")
    log = EventLog(path)
    with pytest.raises(OutputError) as caught:
        log(Warned("x"))
    assert "No space left" in caught.value.message
    assert caught.value.hint
