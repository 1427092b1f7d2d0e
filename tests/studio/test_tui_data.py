"""The Data screen by its state: what was posted, where the cursor is, which rows are shown, what is said."""

import base64
import time
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from tui_pilot import Driven, chats, driven, run, write_jsonl

from studio.tui.messages import (
    MatchesFound,
    RecordRead,
    RecordsCounted,
    RowsOrdered,
    SearchAdvanced,
)
from studio.tui.settings import Settings
from studio.tui.widgets.charts import Charts
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.record_pane import RecordPane
from studio.tui.widgets.record_table import RecordTable


def table(found: Driven) -> RecordTable:
    return found.screen.query_one(RecordTable)


def pane(found: Driven) -> str:
    return str(found.screen.query_one("#pane").content)


def empty(found: Driven) -> str:
    return str(found.screen.query_one("#empty-text").content)


def shown(found: Driven, lines: int) -> list[str]:
    return [table(found).render_line(y).text for y in range(1, lines + 1)]


async def ask(found: Driven, key: str, text: str) -> None:
    """Answer a prompt, what was in it before taken out, and wait for what follows."""
    await found.press(key)
    await found.press("ctrl+u")
    await found.type(text)
    await found.press("enter")
    await found.settled()


def test_opening_a_file_shows_its_records(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(300))) as found:
            last = found.got(RecordsCounted)[-1]
            assert (last.count, last.whole, table(found).count) == (300, True, 300)
            assert found.got(RecordRead)[0].row == 0
            assert found.app.focused is table(found)
            assert found.screen.status == "1/300 · messages"
            assert "question 0" in shown(found, 1)[0]
            assert "a.jsonl:1" in pane(found)
            assert "user" in pane(found)
            assert found.screen.query_one(Charts).note == "all 300 records"

    run(test())


def test_moving_reads_what_is_under_the_cursor(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(300))) as found:
            places = []
            for keys in (["j", "j", "j"], ["k"], ["G"], ["up"], ["pageup"], ["g"], ["pagedown"], ["end"], ["home"]):
                await found.press(*keys)
                places.append(table(found).cursor)
            page = table(found).scrollable_content_region.height - 1
            assert places == [3, 2, 299, 298, 298 - page, 0, page, 299, 0]
            await found.press("G")
            await found.settled()
            assert "a.jsonl:300" in pane(found)
            assert found.screen.status.startswith("300/300")
            assert "question 299" in shown(found, page)[-1]

    run(test())


def test_a_click_puts_the_cursor_and_a_double_click_opens(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(30))) as found:
            await found.pilot.click(RecordTable, offset=(10, 4))
            assert table(found).cursor == 3
            await found.pilot.click(RecordTable, offset=(10, 2), times=2)
            assert table(found).cursor == 1
            assert isinstance(found.app.focused, RecordPane)

    run(test())


def test_enter_goes_into_the_record_and_tab_comes_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(30))) as found:
            await found.press("enter")
            assert isinstance(found.app.focused, RecordPane)
            await found.press("shift+tab")
            assert found.app.focused is table(found)

    run(test())


def test_finding_marks_and_goes_around(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(100))) as found:
            await ask(found, "slash", "question 5")
            matches = found.got(MatchesFound)[-1].rows
            assert list(matches) == [5, *range(50, 60)]
            places = [table(found).cursor]
            for key in ("n", "n", "N", "N", "N"):
                await found.press(key)
                places.append(table(found).cursor)
            assert places == [5, 50, 51, 50, 5, 59]
            assert "11 found" in found.screen.status
            found_lines = [line for line in shown(found, 9) if line[0] == "»"]
            assert found_lines and all("question 5" in line for line in found_lines)
            await found.press("escape")
            assert found.screen.matches is None
            assert "found" not in found.screen.status

    run(test())


def test_finding_by_regular_expression_and_finding_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(100))) as found:
            await ask(found, "slash", "/answer 9[0-3] /")
            assert list(found.got(MatchesFound)[-1].rows) == [90, 91, 92, 93]
            await ask(found, "slash", "no such thing")
            assert not len(found.got(MatchesFound)[-1].rows)
            assert "Not found" in found.said
            await ask(found, "slash", "/(/")
            assert "not a regular expression" in found.said

    run(test())


def test_filtering_and_sorting_together_and_back(tmp_path: Path) -> None:
    objects = chats(200)

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", objects)) as found:
            await ask(found, "f", "score >= 15")
            kept = [row for row in range(200) if objects[row]["score"] >= 15]
            assert list(found.got(RowsOrdered)[-1].order.rows) == kept
            assert table(found).count == len(kept)
            await ask(found, "s", "-score")
            ordered = list(found.got(RowsOrdered)[-1].order.rows)
            assert ordered == sorted(kept, key=lambda row: (-objects[row]["score"], row))
            assert "filter: score >= 15 · sorted by -score" in found.screen.status
            await found.press("j")
            await found.settled()
            assert f"a.jsonl:{ordered[1] + 1}\n" in pane(found)
            await ask(found, "f", "")
            await ask(found, "s", "")
            assert table(found).count == 200
            assert found.screen.order.rows is None

    run(test())


def test_a_wrong_condition_and_an_empty_result_change_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(50))) as found:
            await ask(found, "f", "scoer > 3")
            assert "scoer" in found.said and "score" in found.said
            await ask(found, "f", "score > 1000")
            assert "No record is left" in found.said
            assert (table(found).count, found.screen.arrangement.condition) == (50, "")

    run(test())


def test_a_search_is_stopped_by_escape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.browsing import search

    candidates = search._candidates

    def slowly(*arguments: object) -> object:
        time.sleep(0.05)  # 600 portions: half a minute, so that nobody is too late to stop it
        return candidates(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "PORTION", 50)
    monkeypatch.setattr(search, "_candidates", slowly)
    monkeypatch.setattr("studio.tui.looking._PAUSE", 0.0)

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(30_000))) as found:
            await found.press("slash")
            await found.type("/w(hy|er)/")
            await found.press("enter")
            await found.until(lambda: found.got(SearchAdvanced), "progress")
            assert "esc stops" in found.screen.status or found.got(SearchAdvanced)
            await found.press("escape")
            await found.settled()
            assert not found.got(MatchesFound)
            assert "esc stops" not in found.screen.status

    run(test())


def test_the_prompt_is_left_by_escape_and_remembers(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(50))) as found:
            prompt = found.screen.query_one(PromptLine)
            await found.press("slash")
            assert prompt.is_open
            await found.press("escape")
            assert not prompt.is_open
            assert found.app.focused is table(found)
            await ask(found, "slash", "question 7")
            await found.press("slash", "up", "enter")
            await found.until(lambda: len(found.got(MatchesFound)) == 2, "the second search")
            assert [message.what for message in found.got(MatchesFound)] == ["question 7", "question 7"]

    run(test())


def test_digits_are_text_while_something_is_typed(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(50))) as found:
            await ask(found, "slash", "1 q?")
            assert found.got(MatchesFound)[-1].what == "1 q?"

    run(test())


def test_keys_typed_faster_than_the_prompt_opens_are_its_own(tmp_path: Path) -> None:
    """A key such as e or o in what is typed must not be taken for the key that opens an editor or a file."""

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(50))) as found:
            for character in "fscore > 5 and not source = 'y'":
                found.app._driver.send_message(Key("space" if character == " " else character, character))
            found.app._driver.send_message(Key("enter", "\r"))
            await found.until(lambda: found.got(RowsOrdered))
            await found.settled()
            assert found.screen.arrangement.condition == "score > 5 and not source = 'y'"

    run(test())


def test_copying_sends_the_record_to_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", chats(5))

    async def test() -> None:
        async with driven(path) as found:
            written: list[str] = []
            monkeypatch.setattr(found.app._driver, "write", written.append)
            await found.press("y")
            sequence = next(each for each in written if "]52;c;" in each)
            encoded = sequence.removeprefix("\x1b]52;c;").removesuffix("\a")
            assert base64.b64decode(encoded) == path.read_bytes().splitlines()[0]

    run(test())


def test_distributions_take_the_place_of_the_record(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(50))) as found:
            charts, record = found.screen.query_one(Charts), found.screen.query_one(RecordPane)
            assert (charts.display, record.display) == (False, True)
            await found.press("d")
            await found.pilot.pause()
            assert (charts.display, record.display) == (True, False)
            drawn = str(charts.render())
            assert "Length in characters" in drawn and "█" in drawn
            assert [drawing.title for drawing in charts.drawings if drawing.bars] == [
                "Length in characters",
                "Language",
                "Role",
            ]

    run(test())


@pytest.mark.parametrize(
    ("size", "beside", "both"), [((80, 24), False, False), ((100, 30), True, False), ((120, 40), True, True)]
)
def test_panes_stack_on_narrow_terminals(tmp_path: Path, size: tuple[int, int], beside: bool, both: bool) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(50)), size=size) as found:
            left, right = table(found).region, found.screen.query_one("#side").region
            assert (right.x >= left.right) is beside
            assert (right.y >= left.bottom) is not beside
            assert found.screen.query_one(Charts).display is both

    run(test())


def test_opening_something_else(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", chats(5))
    write_jsonl(tmp_path / "b.jsonl", chats(9))

    async def test() -> None:
        async with driven(tmp_path / "a.jsonl") as found:
            await found.press("o")
            await found.type(str(tmp_path / "b.jsonl"))
            await found.press("enter")
            await found.until(lambda: table(found).count == 9)
            await found.settled()
            assert found.app.opened == str(tmp_path / "b.jsonl")
            await found.press("o")
            await found.type(str(tmp_path / "absent.jsonl"))
            await found.press("enter")
            await found.until(lambda: "no file" in empty(found).lower() or "there is no" in empty(found).lower())
            assert "o opens something else" in empty(found)

    run(test())


def test_an_empty_screen_says_what_to_press() -> None:
    async def test() -> None:
        async with driven() as found:
            assert "Nothing is open." in empty(found)
            assert "Press o" in empty(found)
            await found.press("slash")
            assert "Press o" in found.said
            await found.press("n", "y", "d", "t", "escape", "G", "enter")

    run(test())


def test_a_file_without_a_record_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n\n\n")

    async def test() -> None:
        async with driven(tmp_path / "a.csv") as found:
            assert "There is no record" in empty(found)

    run(test())


def test_chinese(samples: Path) -> None:
    async def test() -> None:
        settings = Settings(language="zh_CN", animation="none")
        async with driven(samples / "qa_zh.csv", settings=settings) as found:
            assert "问题或文本" in table(found).render_line(0).text
            assert "个字符" in pane(found)
            widths = {table(found).render_line(y).cell_length for y in range(10)}
            assert widths == {table(found).scrollable_content_region.width}
            await ask(found, "slash", "图书馆")
            assert len(found.got(MatchesFound)[-1].rows) > 5

    run(test())


def test_a_run_is_shown_with_what_became_of_its_records(tmp_path: Path, finished: Path) -> None:
    async def test() -> None:
        async with driven(finished, size=(140, 30)) as found:
            marks = "".join(line[1] for line in shown(found, 6))
            assert marks == "   - -"
            counts: list[Any] = []
            for _ in range(4):
                await found.press("t")
                await found.settled()
                counts.append((found.screen.arrangement.fate, table(found).count))
            # None is edited: what was shown before stays.
            assert counts == [("kept", 4), ("kept", 4), ("kept", 4), ("kept", 4)]

    run(test())


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A finished run that kept four of six records."""
    from studio.cli.main import main

    long = "and so on " * 9
    texts = [f"record number {n} " + long * (n % 2 == 0 or n == 1) for n in range(6)]
    write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: short\nstages:\n  - use: length\n    min_chars: 60\n")
    code = main(
        [
            "curate",
            "--in",
            str(tmp_path / "in.jsonl"),
            "--recipe",
            str(recipe),
            "--runs-dir",
            str(tmp_path / "runs"),
            "--quiet",
        ]
    )
    assert code == 0
    return next((tmp_path / "runs").iterdir())
