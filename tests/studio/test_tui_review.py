"""The Review screen by its state: what is shown, what is on the disk after each key, and what the next run makes of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from tui_pilot import Driven, run, write_jsonl

from curation import Recipe
from curation.engine.local import curate
from curation.verdicts import JOURNAL, Verdict, fold, read_journal
from studio.tui.app import StudioApp
from studio.tui.messages import ProblemMet
from studio.tui.screens.review_ask import AskScreen, EditScreen, as_json, editable, edited
from studio.tui.screens.review_clusters import ClusterScreen
from studio.tui.settings import Settings
from studio.tui.widgets.diff_view import DiffView
from studio.tui.widgets.hunk_list import HunkList
from studio.tui.widgets.reason_tree import ReasonTree

RECIPE = """
stages:
  - {use: clean}
  - {use: length, min_chars: 40}
  - {use: exact}
"""
LONG = "The chain of a bicycle needs oil every two weeks in summer."


def records() -> list[dict[str, Any]]:
    texts = [
        LONG,
        "too short",
        f"A page says: <b>{LONG}</b>",
        LONG,
        "图书馆周一闭馆。" * 6 + "<p>因为需要整理书架。</p>",
        "also short",
        "Another record that is long enough to stay, and is not changed.",
        "tiny",
    ]
    return [{"text": text, "n": number} for number, text in enumerate(texts)]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviewed")
    source = write_jsonl(folder / "a.jsonl", records())
    target = folder / "run"
    curate([str(source)], Recipe.from_text(RECIPE, "r"), target, listener=lambda _event: None, report=False, workers=1)
    (target / "run.json").write_text("{}")
    return target


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "runs" / "20260101-0000-curate-0000"))


@asynccontextmanager
async def reviewing(
    a: Path, b: str = "", *, size: tuple[int, int] = (120, 40), language: str = "en"
) -> AsyncIterator[Driven]:
    settings = Settings(language=language, animation="none")
    app = StudioApp(str(a), against=b, place="review", settings=settings, runs_dir=a.parent, polling=False)
    messages: list[Any] = []
    async with app.run_test(size=size, message_hook=messages.append) as pilot:
        found = Driven(app, pilot, messages)
        await found.until(lambda: found.screen.showing.is_open or found.screen.review.waiting == 0, "opening")
        await settled(found)
        yield found


async def settled(found: Driven) -> None:
    screen = found.app.screen_stack[0]
    for _ in range(3):
        await found.until(lambda: screen.review is None or not screen.review.waiting, "the review's thread")  # type: ignore[attr-defined]
        await found.pilot.pause(0.1)


async def press(found: Driven, *keys: str) -> None:
    for key in keys:
        await found.press(key)
        await settled(found)


def shown(found: Driven) -> str:
    return str(found.app.screen_stack[0].query_one("#hunk").content)  # type: ignore[attr-defined]


def hunk(found: Driven) -> Any:
    return found.app.screen_stack[0].showing.hunk  # type: ignore[attr-defined]


def journal(folder: Path) -> list[Verdict]:
    return list(read_journal(folder / JOURNAL).verdicts)


def queues(found: Driven) -> dict[tuple[str, str], tuple[int, int]]:
    return {(q.stage, q.reason): (q.judged, q.total) for q in found.screen.query_one(ReasonTree).queues}


def test_queues_and_the_first_hunk(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            assert queues(found) == {
                ("", ""): (0, 6),
                ("clean", "html"): (0, 2),
                ("length", "too_short"): (0, 3),
                ("exact", "duplicate"): (0, 1),
            }
            assert hunk(found).record_id == "a.jsonl:2"
            assert "length · too_short" in shown(found)
            assert "measured 9, threshold 40" in shown(found)
            assert "0 of 6 judged" in found.screen.progress

    run(test())


def test_next_previous_and_reasons(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "n")
            assert hunk(found).record_id == "a.jsonl:3"
            await press(found, "p", "p")
            assert hunk(found).record_id == "a.jsonl:2" and "first change" in found.said
            await press(found, "right_square_bracket")
            assert found.screen.showing.stage and len(found.screen.showing.rows) < 6
            assert hunk(found).stage == found.screen.showing.stage
            await press(found, "left_square_bracket")
            assert len(found.screen.showing.rows) == 6

    run(test())


def test_changes_are_marked_side_by_side_or_unified(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "n", "n", "n")
            assert hunk(found).record_id == "a.jsonl:5"
            view = found.screen.query_one(DiffView)
            assert view.is_side_by_side and "│" in shown(found)
            content = found.screen.query_one("#hunk").content
            marked = [content.plain[s.start : s.end] for s in content.spans if "strike" in str(s.style)]
            assert "<p>" in "".join(marked) and "图书馆" not in "".join(marked)
            await press(found, "v")
            assert not view.is_side_by_side
            lines = shown(found).splitlines()
            assert any(line.startswith("- ") for line in lines) and any(line.startswith("+ ") for line in lines)

    run(test())


def test_a_duplicate_stands_beside_its_twin(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "n", "n")
            assert hunk(found).record_id == "a.jsonl:4"
            assert "kept twin a.jsonl:1" in shown(found)
            assert shown(found).count("bicycle") == 2

    run(test())


def test_verdicts_are_on_the_disk_at_once_and_can_be_undone(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "x")
            (line,) = journal(made)
            assert (line.kind, line.record_id, line.stage, line.reason) == (
                "reject",
                "a.jsonl:2",
                "length",
                "too_short",
            )
            assert hunk(found).record_id == "a.jsonl:3"
            await press(found, "a")
            assert [v.kind for v in journal(made)] == ["reject", "accept"]
            await found.until(lambda: queues(found)[("", "")] == (2, 6), "counting")
            assert "2 of 6 judged" in found.screen.progress
            await press(found, "u")
            assert hunk(found).record_id == "a.jsonl:3"
            assert [r.status for r in fold(journal(made)).records.values()] == ["rejected"]
            await press(found, "ctrl+r")
            assert len(fold(journal(made)).records) == 2
            await press(found, "u", "u", "u")
            assert not fold(journal(made)).records and "nothing to undo" in found.said.lower()
        assert (made / JOURNAL).stat().st_mode & 0o777 == 0o600

    run(test())


def test_keys_pressed_quickly_judge_one_hunk_each(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            for _ in range(3):
                await found.press("a")
                await found.until(lambda: found.screen._hunk() is not None)
            await settled(found)
            ids = [v.record_id for v in journal(made)]
            assert len(ids) == len(set(ids)) == 3

    run(test())


def test_bulk_asks_first_and_is_one_act(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            while found.screen.showing.reason != "too_short":
                await press(found, "right_square_bracket")
            await press(found, "A")
            assert isinstance(found.screen, AskScreen)
            assert "3 changes" in found.screen.question and "too_short" in found.screen.question
            await press(found, "y")
            assert isinstance(found.screen, AskScreen)
            await press(found, "escape")
            assert not journal(made)
            await press(found, "A", "x")
            lines = journal(made)
            assert [v.kind for v in lines] == ["reject"] * 3 and len({v.group for v in lines}) == 1 and lines[0].group
            await press(found, "u")
            assert not fold(journal(made)).records

    run(test())


def test_edit_in_place_restores_a_dropped_record(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "e")
            assert isinstance(found.screen, EditScreen)
            await press(found, "escape")
            assert not journal(made)
            await press(found, "e")
            await press(found, "end")
            await found.type(", but now it is long")
            await press(found, "ctrl+o")
            kinds = {v.kind: v for v in journal(made)}
            assert set(kinds) == {"reject", "edit"}
            assert kinds["edit"].after == "too short, but now it is long"
            assert "now it is long" in shown(found)

    run(test())


def test_letters_typed_right_before_the_keeping_key_are_kept(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "e", "end")
            for key, letter in (*((each, each) for each in "abc"), ("ctrl+o", None)):  # all at once, as a paste of keys
                found.app.post_message(Key(key, letter))
            await found.until(lambda: not isinstance(found.screen, EditScreen), "the form closes")
            await settled(found)
            assert next(v for v in journal(made) if v.kind == "edit").after == "too shortabc"

    run(test())


def test_a_hunk_that_cannot_be_read_is_told_once(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            shutil.rmtree(made / "shards")
            before = len([m for m in found.messages if isinstance(m, ProblemMet)])
            await press(found, "end", "n", "home")
            await found.pilot.pause(0.5)
            met = [m for m in found.messages if isinstance(m, ProblemMet)][before:]
            assert 1 <= len(met) <= 6, len(met)
            assert "gone" in found.said

    run(test())


def test_drop_restore_tag_and_note(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "n")
            assert hunk(found).record_id == "a.jsonl:3"
            await press(found, "r")
            assert "was not dropped" in found.said and not journal(made)
            await press(found, "D", "p")
            assert journal(made)[-1].kind == "drop"
            await press(found, "p", "n")
            while hunk(found).record_id != "a.jsonl:3":
                await press(found, "p" if hunk(found).record_id > "a.jsonl:3" else "n")
            await press(found, "r")
            assert not [r for r in fold(journal(made)).records.values() if r.drop]
            await press(found, "t")
            await found.type("good, 好")
            await press(found, "enter")
            assert journal(made)[-1].tags == ("good", "好") and "tags: good, 好" in shown(found)
            await press(found, "m")
            await found.type("look again")
            await press(found, "enter")
            assert journal(made)[-1].note == "look again" and "look again" in shown(found)

    run(test())


def test_copying_and_writing_records(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "c")
            assert isinstance(found.screen, EditScreen)
            await press(found, "ctrl+home", "down", "end", "left", "left")
            await found.type(" extra")
            await press(found, "ctrl+o")
            line = journal(made)[-1]
            assert (
                line.kind == "add"
                and line.related_id == "a.jsonl:2"
                and line.obj == {"text": "too short extra", "n": 1}
            )
            await press(found, "plus")
            await found.type("not json")
            await press(found, "ctrl+o")
            assert "This is no record" in found.said and isinstance(found.screen, EditScreen)
            await press(found, "escape")
            assert len(journal(made)) == 1
            await found.until(lambda: "1 record added" in found.screen.progress)

    run(test())


def test_find_and_filter(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "slash")
            await found.type("图书馆")
            await press(found, "enter")
            assert len(found.screen.showing.rows) == 1 and hunk(found).record_id == "a.jsonl:5"
            assert "with '图书馆'" in found.screen.progress
            await press(found, "escape")
            assert len(found.screen.showing.rows) == 6
            await press(found, "f")
            assert found.screen.showing.status == "removed" and len(found.screen.showing.rows) == 4
            await press(found, "f")
            assert found.screen.showing.status == "changed" and len(found.screen.showing.rows) == 2
            await press(found, "slash")
            await found.type("nowhere to be found")
            await press(found, "enter")
            assert "No change is left" in found.said and len(found.screen.showing.rows) == 6

    run(test())


def test_the_copy_to_keep_is_picked_among_duplicates(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "d")
            assert "no duplicates" in found.said
            await press(found, "n", "n", "d")
            assert isinstance(found.screen, ClusterScreen)
            assert {(m.record_id, m.kept) for m in found.screen.cluster.members} == {
                ("a.jsonl:1", True),
                ("a.jsonl:4", False),
            }
            await press(found, "enter")
            assert {(v.kind, v.record_id) for v in journal(made)} == {("reject", "a.jsonl:4"), ("drop", "a.jsonl:1")}

    run(test())


def test_a_second_reviewer_is_told(made: Path) -> None:
    from curation.verdicts import Journal

    async def test() -> None:
        async with reviewing(made) as found:
            with Journal.open(made / JOURNAL):
                await press(found, "a")
                assert "Another process is writing verdicts" in found.said
            assert not journal(made)

    run(test())


def test_export(made: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "a", "E", "ctrl+u")
            await found.type(str(tmp_path / "p.jsonl"))
            await press(found, "enter")
            assert len(read_journal(tmp_path / "p.jsonl").verdicts) == 1

    run(test())


def test_two_datasets(tmp_path: Path) -> None:
    one = write_jsonl(tmp_path / "one.jsonl", [{"id": n, "text": f"record {n} {LONG}"} for n in range(5)])
    other = [{"id": n, "text": f"record {n} {LONG}".replace("oil", "grease" if n == 2 else "oil")} for n in range(4)]
    two = write_jsonl(tmp_path / "two.jsonl", other)

    async def test() -> None:
        async with reviewing(one, str(two)) as found:
            assert {found.screen.showing.number_at(n) is not None for n in range(2)} == {True}
            assert "grease" in shown(found) and hunk(found).status == "changed"
            await press(found, "a")
            assert hunk(found).status == "removed"
        async with reviewing(one, str(two)) as found:  # the index is there, and so is what was decided
            assert list(found.screen.showing.marks.values()) == ["accepted"]

    run(test())


def test_what_cannot_be_reviewed_is_said(tmp_path: Path) -> None:
    async def test() -> None:
        async with reviewing(tmp_path / "nothing", "also-nothing") as found:
            said = str(found.screen.query_one("#empty-text").content)
            assert "nothing" in said and "o opens something else" in said
            await press(found, "a", "x", "e", "u", "A", "R", "d", "f", "n", "slash", "E", "c", "plus")

    run(test())


def test_invisible_characters_survive_editing() -> None:
    for text in ("a\x1bb", "\u202eevil", "zero\u200bwidth", "plain", "two\nlines\tand a tab", "\r\n"):
        form = editable(text)
        assert form is not None and edited(form, text) == text
        assert edited(form + "!", text) == text + "!"
    assert editable("\x1b and a literal \\x1b") is None
    assert editable("a literal \\x1b alone") is not None
    assert edited("a literal \\x1b alone", "a literal \\x1b alone") == "a literal \\x1b alone"


def test_json_of_a_record_is_the_same_record() -> None:
    import json

    obj = {"text": "a\x1b\x9b\u202e\U000e0041\x7f字\n", "n": 1}
    text = as_json(obj)
    assert json.loads(text) == obj
    assert not {"\x1b", "\x9b", "\u202e", "\U000e0041", "\x7f"} & set(text) and "字" in text


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (100, 30), (200, 60)])
def test_sizes(made: Path, size: tuple[int, int]) -> None:
    async def test() -> None:
        async with reviewing(made, size=size) as found:
            await press(found, "n", "a", "d", "escape", "e", "escape", "A", "escape")
            assert found.screen.query_one(DiffView).is_side_by_side == (size[0] >= 100)
            assert found.screen.query_one(HunkList).display == (size[0] >= 100)

    run(test())


@pytest.mark.parametrize("size", [(1, 1), (3, 30), (200, 2), (7, 7)])
def test_editing_on_tiny_terminals(made: Path, size: tuple[int, int]) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            await press(found, "n", "n", "n", "e")
            await found.pilot.resize_terminal(*size)
            await press(found, "a", "escape", "e", "right", "escape", "A", "escape", "n", "n", "n", "n", "d", "escape")

    run(test())


def test_nothing_heavy_is_imported_with_the_screen() -> None:
    import subprocess
    import sys

    heavy = (
        "torch transformers polars numpy pydantic pyarrow orjson faiss spacy curation.diff curation.verdicts".split()
    )
    code = f"import sys, studio.tui.app, studio.tui.screens.review; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_run_that_is_deleted_while_it_is_reviewed(made: Path) -> None:
    async def test() -> None:
        async with reviewing(made) as found:
            shutil.rmtree(made / "ledger")
            shutil.rmtree(made / "shards")
            for _ in range(6):
                await found.press("n")
            await found.until(lambda: "Files of what is reviewed are gone" in found.said, "a word about it")
            assert found.app.is_running and found.app._exception is None

    run(test())
