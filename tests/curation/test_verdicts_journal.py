"""The journal of verdicts: whole lines on the disk, one writer, a state that any sequence of lines folds to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import BusyError, InputError, OutputError
from curation.verdicts import KINDS, Journal, Verdict, Verdicts, fold, merge, read_journal, redoable, undoable
from curation.verdicts.model import parse_line
from curation.verdicts.resolve import resolve

ids = st.sampled_from(["a:1", "a:2", "b:1"])
stages = st.sampled_from(["clean", "near", "length"])
judgements = st.one_of(
    st.builds(lambda r, s: Verdict("accept", r, "h", stage=s), ids, st.one_of(st.just(""), stages)),
    st.builds(lambda r, s: Verdict("reject", r, "h", stage=s), ids, stages),
    st.builds(lambda r: Verdict("drop", r, "h"), ids),
    st.builds(lambda r, t, a: Verdict("edit", r, "h", turn=t, after=a), ids, st.integers(0, 2), st.text(max_size=5)),
    st.builds(lambda r, t: Verdict("tag", r, "h", tags=tuple(t)), ids, st.lists(st.text(max_size=4), max_size=2)),
    st.builds(lambda r, n: Verdict("note", r, "h", note=n), ids, st.text(max_size=5)),
    st.builds(lambda n: Verdict("add", obj={"question": n, "answer": "a"}), st.text(max_size=5)),
)
journals = st.lists(judgements, max_size=12)


@given(journals)
def test_a_line_says_everything_and_folding_is_a_function_of_the_lines(lines: list[Verdict]) -> None:
    again = [parse_line(line.line()[:-1]) for line in lines]
    assert again == lines
    assert fold(lines) == fold([line for line in again if line])
    assert fold(lines).digest() == fold(lines).digest()


@given(journals, judgements)
def test_undoing_what_was_done_changes_nothing(lines: list[Verdict], last: Verdict) -> None:
    done = [*lines, last]
    assert undoable(done) == (last.id,)
    undone = [*done, Verdict("undo", of=undoable(done))]
    assert fold(undone) == fold(lines)
    assert redoable(undone) == (last.id,)
    redone = [*undone, Verdict("redo", of=redoable(undone))]
    assert fold(redone) == fold(done)
    assert redoable(redone) == ()


@given(journals)
def test_everything_can_be_undone_and_redone_in_turn(lines: list[Verdict]) -> None:
    history: list[Verdict] = list(lines)
    for _ in lines:
        history.append(Verdict("undo", of=undoable(history)))
    assert fold(history) == Verdicts() and undoable(history) == ()
    for _ in lines:
        history.append(Verdict("redo", of=redoable(history)))
    assert fold(history) == fold(lines)


def state(lines: Sequence[Verdict], record_id: str = "a:1") -> str:
    found = fold(lines).records.get((record_id, "h"))
    return found.status if found else ""


def test_the_later_judgement_wins() -> None:
    drop, accept = Verdict("drop", "a:1", "h"), Verdict("accept", "a:1", "h")
    near, clean = Verdict("reject", "a:1", "h", stage="near"), Verdict("reject", "a:1", "h", stage="clean")
    assert state([drop, accept]) == "accepted" and state([accept, drop]) == "dropped"
    assert state([near, accept]) == "accepted" and state([accept, near]) == "rejected"
    assert state([drop, near]) == "rejected"
    only = fold([near, clean, Verdict("accept", "a:1", "h", stage="near")]).records[("a:1", "h")]
    assert [item.stage for item in only.rejects] == ["clean"]
    tags = [Verdict("tag", "a:1", "h", tags=("x",)), Verdict("tag", "a:1", "h")]
    assert fold(tags) == Verdicts(), "no tags are no verdict"


def test_an_act_of_several_lines_is_undone_at_once() -> None:
    lines = [
        Verdict("drop", "b:1", "h"),
        Verdict("reject", "a:1", "h", stage="near", group="g"),
        Verdict("drop", "a:2", "h", group="g"),
    ]
    assert undoable(lines) == (lines[1].id, lines[2].id)
    assert fold([*lines, Verdict("undo", of=undoable(lines))]) == fold(lines[:1])
    assert redoable([*lines, Verdict("undo", of=undoable(lines)), Verdict("accept", "a:1", "h")]) == ()


def test_the_digest_is_of_what_changes_a_dataset() -> None:
    drop = Verdict("drop", "a:1", "h", "lin")
    same = fold(
        [Verdict("drop", "a:1", "h", "mei"), Verdict("accept", "a:2", "h"), Verdict("note", "b:1", "h", note="x")]
    )
    assert fold([drop]).digest() == same.digest()
    others = [
        [],
        [Verdict("edit", "a:1", "h", after="x")],
        [Verdict("edit", "a:1", "h", after="y")],
        [Verdict("edit", "a:1", "h", turn=1, after="x")],
        [Verdict("reject", "a:1", "h", stage="near")],
        [Verdict("reject", "a:1", "h", stage="near", reason="x")],
        [Verdict("tag", "a:1", "h", tags=("x",))],
        [Verdict("add", obj={"a": 1})],
        [drop],
    ]
    assert len({fold(lines).digest() for lines in others}) == len(others)


def test_lines_are_on_the_disk_at_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    with Journal.open(path) as journal:
        journal.append(Verdict("edit", "a:1", "h", "lin", turn=1, after="绿茶\n\x1b[2J"))
        assert path.read_bytes().count(b"\n") == 1 and read_journal(path).verdicts == tuple(journal.verdicts)
        journal.append(Verdict("drop", "a:1", "h"), Verdict("drop", "a:2", "h"))
        journal.append()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.kind for item in read_journal(path).verdicts] == ["edit", "drop", "drop"]
    assert all(isinstance(json.loads(line), dict) for line in path.read_text().splitlines())


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    code = (
        "import sys; from pathlib import Path; from curation.errors import BusyError\n"
        "from curation.verdicts import Journal\n"
        "try: Journal.open(Path(sys.argv[1]))\n"
        "except BusyError: sys.exit(4)\n"
    )
    with Journal.open(path), pytest.raises(BusyError):
        Journal.open(path)
    with Journal.open(path):
        assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == 4
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == 0


def test_a_torn_line_is_counted_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    whole = Verdict("drop", "a:1", "h")
    path.write_bytes(whole.line() + Verdict("drop", "a:2", "h").line()[:-9])
    with Journal.open(path) as journal:
        assert journal.unreadable == 1
        journal.append(Verdict("drop", "b:1", "h"))
    found = read_journal(path)
    assert [item.record_id for item in found.verdicts] == ["a:1", "b:1"] and found.unreadable == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b'{"kind": "explode", "id": "1"}',
        b'{"kind": "drop", "id": "1", "record_id": "a:1"}',
        b'{"kind": "drop", "record_id": "a:1", "content_hash": "h"}',
        b'{"kind": "reject", "id": "1", "record_id": "a:1", "content_hash": "h"}',
        b'{"kind": "edit", "id": "1", "record_id": "a:1", "content_hash": "h", "turn": -1, "after": "x"}',
        b'{"kind": "edit", "id": "1", "record_id": "a:1", "content_hash": "h", "turn": true, "after": "x"}',
        b'{"kind": "tag", "id": "1", "record_id": "a:1", "content_hash": "h", "tags": [1]}',
        b'{"kind": "add", "id": "1"}',
        b'{"kind": "add", "id": "1", "obj": [1]}',
        b'{"kind": "note", "id": "1", "record_id": ["a:1"], "content_hash": "h"}',
        b'{"kind": ' + b"[" * 5000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_verdict_is_not_taken_for_one(line: bytes) -> None:
    assert parse_line(line) is None


def test_a_full_disk_leaves_no_half_of_an_act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "verdicts.jsonl"
    with Journal.open(path) as journal:
        journal.append(Verdict("drop", "a:1", "h"))
        before = path.read_bytes()

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="no room"):
            journal.append(Verdict("drop", "a:2", "h"))
        assert path.read_bytes() == before and len(journal.verdicts) == 1


def test_merging_twice_is_merging_once(tmp_path: Path) -> None:
    lines = [Verdict("drop", "a:1", "h"), Verdict("accept", "a:2", "h")]
    assert merge(lines, tmp_path / "v.jsonl") == 2
    assert merge([*lines, Verdict("drop", "b:1", "h")], tmp_path / "v.jsonl") == 1
    assert len(read_journal(tmp_path / "v.jsonl").verdicts) == 3
    with (tmp_path / "v.jsonl").open("ab") as stream:
        stream.write(lines[0].line())
    assert len(read_journal(tmp_path / "v.jsonl").verdicts) == 3
    with pytest.raises(InputError):
        read_journal(tmp_path)


def test_every_kind_has_a_sentence() -> None:
    assert all(KINDS[kind].strip() for kind in KINDS) and len(KINDS) == 9


places = st.lists(st.sampled_from("pqrs"), min_size=0, max_size=6)


@settings(deadline=None, max_examples=60)
@given(places, places)
def test_every_verdict_is_placed_once_or_stale(before: list[str], after: list[str]) -> None:
    """Whatever moved, changed or went: no record gets two people's verdicts, and none goes to other content."""
    verdicts = fold([Verdict("drop", f"a:{place}", content) for place, content in enumerate(before)])
    shard = pl.LazyFrame(
        {"record_id": [f"a:{place}" for place in range(len(after))], "content_hash": after},
        schema={"record_id": pl.String, "content_hash": pl.String},
    )
    found = resolve(verdicts, [shard.head(2), shard.slice(2)])
    placed = list(found.placed())
    assert len(placed) + len(found.stale) == len(before)
    assert len({item.record_id for item in placed}) == len(placed)
    for item in placed:
        assert item.of.drop is not None
        assert after[int(item.record_id[2:])] == item.of.drop.content_hash
        assert item.moved == (item.record_id != item.of.drop.record_id)
    for place, content in enumerate(before):
        if place < len(after) and after[place] == content:
            assert any(item.record_id == f"a:{place}" and not item.moved for item in placed)
