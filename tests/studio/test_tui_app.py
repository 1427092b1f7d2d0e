"""The shell: screens, help, palette, quitting, themes, keys, size, and what happens when something fails."""

import ast
import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.notifications import Notify
from textual.widgets import Footer
from tui_pilot import chats, driven, run, write_jsonl

import studio.tui
from studio.tui import clipboard, crash, editor
from studio.tui.bindings import every_binding
from studio.tui.messages import LiveRunsFound, ProblemMet
from studio.tui.picture import picture
from studio.tui.screens import PLACES
from studio.tui.screens.base import TooSmall
from studio.tui.screens.help import HelpScreen
from studio.tui.screens.leave import LeaveScreen
from studio.tui.settings import Settings
from studio.tui.widgets.top_bar import TopBar

SOURCES = sorted(Path(studio.tui.__file__).parent.rglob("*.py"))


def test_every_place_has_its_digit_and_opens() -> None:
    assert [place.key for place in PLACES] == [str(n) for n in range(1, len(PLACES) + 1)]

    async def test() -> None:
        async with driven() as found:
            for place in PLACES:
                await found.press(place.key)
                await found.pilot.pause()
                assert found.app.current_mode == place.name
                assert found.screen.query_one(TopBar).place == place.name

    run(test())


def test_help_is_about_the_focused_widget(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(20))) as found:
            texts = []
            for keys in ([], ["enter"]):
                await found.press(*keys)
                await found.press("f1")
                assert isinstance(found.screen, HelpScreen)
                texts.append(str(found.screen.query_one("Plain").content))
                await found.press("question_mark")
                assert not isinstance(found.screen, HelpScreen)
            assert "The records, one a line" in texts[0] and "The next record." in texts[0]
            assert "The record under the cursor" in texts[1] and "A line down." in texts[1]
            assert all("ctrl+p" in text and "Quit; runs go on." in text for text in texts)

    run(test())


def test_the_palette_lists_what_can_be_done(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(20))) as found:
            names = [command.title for command in found.app.get_system_commands(found.screen)]
            assert {"Find", "Filter", "Sort", "Quit", "Theme: light"} <= set(names)
            assert len(names) == len(set(names))
            await found.press("ctrl+p")
            assert isinstance(found.screen, CommandPalette)
            await found.type("Theme: light")
            await found.pilot.pause(0.5)
            await found.press("enter")
            await found.until(lambda: found.app.theme == "textual-light", "the theme")

    run(test())


def test_the_footer_names_six_keys_at_most(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(20))) as found:
            await found.pilot.pause()
            keys = [key.description for key in found.screen.query_one(Footer).query("FooterKey")]
            assert keys == ["Find", "Filter", "Sort", "Open", "Help", "Quit"] or set(keys) == {
                "Find", "Filter", "Sort", "Open", "Help", "Quit",
            }  # fmt: skip

    run(test())


def test_quitting_without_runs_is_at_once() -> None:
    async def test() -> None:
        async with driven() as found:
            await found.press("ctrl+q")
            await found.pilot.pause()
            assert not found.app.is_running or found.app._exit
            assert found.app.last_words == ""

    run(test())


@pytest.fixture
def going_on(tmp_path: Path) -> Any:
    """A run whose lock another process holds."""
    from studio.runs.folder import create

    folder = create(tmp_path / "runs", "curate")
    folder.spec.write_text("{}")
    folder.events.write_text("")
    code = f"""
import sys
from studio.runs.folder import RunFolder
from studio.runs.lock import RunLock
from pathlib import Path
lock = RunLock.acquire(RunFolder(Path({str(folder.path)!r})))
print("held", flush=True)
sys.stdin.read()
"""
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None and worker.stdout.readline() == "held\n"
    yield folder
    worker.communicate("")


def test_quitting_while_a_run_goes_on_says_how_to_come_back(going_on: Any) -> None:
    async def test() -> None:
        async with driven(runs_dir=going_on.path.parent) as found:
            await found.until(lambda: found.got(LiveRunsFound), "the run")
            assert found.got(LiveRunsFound)[-1].names == (going_on.name,)
            await found.pilot.pause()
            assert "● 1" in str(found.screen.query_one(TopBar).render())  # at 80 columns; the words from 90 on
            await found.press("ctrl+q")
            assert isinstance(found.screen, LeaveScreen)
            assert f"studio runs attach {going_on.name}" in str(found.screen.query("Plain").first().content)
            await found.press("escape")
            assert not isinstance(found.screen, LeaveScreen)
            await found.press("ctrl+q", "enter")
            await found.pilot.pause()
            assert found.app._exit
            assert going_on.name in found.app.last_words

    run(test())


# Keys


def test_every_binding_has_an_id_a_description_and_a_tooltip() -> None:
    bindings = every_binding()
    assert len(bindings) > 25
    for binding in bindings:
        assert binding.id and binding.description and binding.tooltip, binding
        assert not {key.strip() for key in binding.key.split(",")} & {
            "ctrl+h",
            "ctrl+i",
            "ctrl+j",
            "ctrl+m",
            "ctrl+s",
            "ctrl+z",
        }


def test_ids_are_unique() -> None:
    ids: dict[str, Binding] = {}
    for binding in every_binding():
        assert binding.id is not None
        assert ids.setdefault(binding.id, binding).action == binding.action


def test_keys_can_be_changed_and_wrong_ids_are_named(tmp_path: Path) -> None:
    settings = Settings(language="en", animation="none", keys={"table.down": "x", "data.fnid": "y"})

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(20)), settings=settings) as found:
            await found.press("x", "x", "j")
            assert found.screen.query_one("RecordTable").cursor == 2
            await found.until(lambda: "data.fnid" in found.said, "a warning")
            assert "data.find" in found.said

    run(test())


# Size


@pytest.mark.parametrize("size", [(20, 5), (59, 24), (80, 15), (1, 1)])
def test_small_terminals_get_a_polite_word(tmp_path: Path, size: tuple[int, int]) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(20)), size=size, settle=False) as found:
            await found.until(lambda: found.screen.whole)
            await found.pilot.pause()
            assert found.screen.query_one(TooSmall).display
            assert not found.screen.query_one("#split").display
            await found.press("j", "slash", "a", "enter", "f1", "escape", "d", "G")
            await found.pilot.resize_terminal(80, 24)
            await found.pilot.pause(0.1)
            assert not found.screen.query_one(TooSmall).display

    run(test())


# Themes, colour, movement


@pytest.mark.parametrize("theme", ["dark", "light", "ansi", "monochrome", "nord"])
def test_themes(theme: str, tmp_path: Path) -> None:
    async def test() -> None:
        settings = Settings(language="en", theme=theme)
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(5)), settings=settings) as found:
            assert theme in found.app.theme
            assert not found.said

    run(test())


def test_an_unknown_theme_is_said() -> None:
    async def test() -> None:
        async with driven(settings=Settings(language="en", theme="drak")) as found:
            assert "drak" in found.said

    run(test())


def test_no_color_takes_every_colour_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(5))) as found:
            drawn = picture(found.app)
            screen = drawn[drawn.index('clip-path="url(#terminal-studio-clip-terminal)"') :]
            colours = set(re.findall(r"#([0-9a-f]{6})", screen))
            colours |= set(re.findall(r"-r\d+ \{ fill: #([0-9a-f]{6})", drawn))
            assert len(colours) > 2
            for colour in colours - {"c5c8c6"}:  # what Rich gives to text without a colour
                assert colour[0:2] == colour[2:4] == colour[4:6], colour

    run(test())


@pytest.mark.parametrize(
    ("setting", "environment", "level"),
    [
        (None, {}, "basic"),
        (None, {"SSH_CONNECTION": "a b"}, "none"),
        ("full", {"SSH_CONNECTION": "a b"}, "full"),
        ("none", {}, "none"),
    ],
)
def test_animation_is_off_over_ssh(
    setting: str | None, environment: dict[str, str], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def test() -> None:
        async with driven(settings=Settings(language="en", animation=setting)) as found:
            assert found.app.animation_level == level

    run(test())


# Failures


def test_an_error_of_ours_is_said_and_nothing_ends() -> None:
    from curation.errors import InputError

    async def test() -> None:
        async with driven() as found:
            found.app._handle_exception(InputError("it is not [b]there[/b]", "Look \x1b]0;again\a."))
            await found.until(lambda: found.got(ProblemMet))
            await found.until(lambda: found.said)
            notes = [message.notification for message in found.got(Notify)]
            assert "it is not [b]there[/b]" in notes[0].message
            assert "\x1b" not in notes[0].message
            assert notes[0].markup is False

    run(test())


def test_a_crash_leaves_one_line_and_a_log_without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def test() -> None:
        async with driven() as found:

            def fail() -> None:
                secret = "the text of a " + "record"
                raise RuntimeError(f"{len(secret)}")

            found.app.call_later(fail)
            await found.until(lambda: found.app.last_words, "the crash")
            (log,) = (tmp_path / "curation-studio").iterdir()
            assert found.app.return_code == 1
            assert str(log) in found.app.last_words and "RuntimeError" in found.app.last_words
            assert "\n" not in found.app.last_words
            text = log.read_text()
            assert "RuntimeError: 20" in text and "the text of a record" not in text
            assert log.stat().st_mode & 0o777 == 0o600
            found.app._exception = None  # or the pilot would raise it again

    run(test())


def test_the_log_holds_no_control_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    log = crash.write_log(RuntimeError("\x1b]0;owned\a"))
    assert log is not None
    assert "\x1b" not in log.read_text()


# Clipboard and editor


def test_copying_in_tmux_passes_through() -> None:
    plain, wrapped = clipboard.osc52("hé", {}), clipboard.osc52("hé", {"TMUX": "/tmp/x"})
    assert plain == "\x1b]52;c;aMOp\a"
    assert wrapped == plain + "\x1bPtmux;\x1b\x1b]52;c;aMOp\a\x1b\\"
    text, whole = clipboard.fitting("字" * 100_000)
    assert not whole and len(text.encode()) <= clipboard.MOST and set(text) == {"字"}
    assert clipboard.fitting("a") == ("a", True)


def test_the_editor_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    from curation.errors import StudioError

    class Fake:
        def suspend(self) -> Any:
            return nullcontext()

    script = tmp_path / "ed.sh"
    script.write_text('#!/bin/sh\nstat -c %a "$1" > "$0.mode"\nsed -i s/one/two/ "$1"\n')
    script.chmod(0o700)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(script))
    assert editor.edit(Fake(), "one\n") == "two\n"  # type: ignore[arg-type]
    assert editor.edit(Fake(), "three\n") is None  # type: ignore[arg-type]
    assert (tmp_path / "ed.sh.mode").read_text().strip() == "600"
    monkeypatch.setenv("EDITOR", "false")
    with pytest.raises(StudioError):
        editor.edit(Fake(), "one\n")  # type: ignore[arg-type]
    monkeypatch.setenv("EDITOR", "no-such-editor-anywhere")
    with pytest.raises(StudioError, match="no-such-editor"):
        editor.edit(Fake(), "one\n")  # type: ignore[arg-type]


# The house


def test_nothing_heavy_is_imported_before_the_first_frame() -> None:
    heavy = (
        "torch transformers polars numpy pydantic pyarrow orjson faiss spacy curation.readers curation.browsing".split()
    )
    code = f"import sys, studio.tui.app, studio.tui.screens.data; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_data_reaches_widgets_only_through_one_door() -> None:
    """No widget of Textual that parses strings, and no markup, outside the two files that make them safe."""
    forbidden = {
        "Static",
        "Label",
        "DataTable",
        "RichLog",
        "Log",
        "Markdown",
        "Pretty",
        "OptionList",
        "Tree",
        "from_markup",
        "Text",
    }
    for source in SOURCES:
        if source.name in ("plain.py", "text.py"):
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = (
                {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
            )
            assert not names & forbidden, f"{source.name}:{getattr(node, 'lineno', 0)} uses {names & forbidden}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify":
                assert any(key.arg == "markup" for key in node.keywords), f"{source.name}:{node.lineno} parses markup"


def test_files_are_small() -> None:
    for source in SOURCES:
        assert len(source.read_text(encoding="utf-8").splitlines()) <= (250 if source.name == "app.py" else 400), source


def test_the_page_names_every_key_and_every_setting() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tui.md").read_text(encoding="utf-8")
    for binding in every_binding():
        row = next((row for row in page.splitlines() if row.endswith(f"| `{binding.id}` |")), "")
        assert binding.tooltip in row, f"{binding.id} is not told in docs/tui.md"
        keys = len([key for key in binding.key.split(",") if key])
        assert row.count("`") >= 2 * keys
    for name in ("language", "theme", "animation", "[keys]"):
        assert name in page


def test_an_error_one_can_act_on_is_said_and_everything_goes_on() -> None:
    """Textual stops the message pump of whatever raised; screens and application catch these before."""

    async def test() -> None:
        from curation.errors import StudioError

        def fails() -> None:
            raise StudioError("It cannot be done.", "Do this instead.")

        async with driven(size=(80, 24)) as studio:
            for place in (studio.app, studio.screen):
                place.call_later(fails)
                place.call_next(fails)
                await studio.pilot.pause(0.2)
            await studio.until(lambda: "It cannot be done. Do this instead." in studio.said, "the note")
            assert studio.app.is_running
            assert studio.screen.is_running
            await studio.press("question_mark")
            assert type(studio.screen).__name__ == "HelpScreen"

    run(test())


def test_a_page_key_in_the_palette_before_its_commands_are_laid_out_is_harmless(tmp_path: Path) -> None:
    from textual.command import CommandList

    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(5))) as found:
            await found.press("ctrl+p")
            await found.until(lambda: found.app.screen.query_one(CommandList).option_count, "the commands")
            commands = found.app.screen.query_one(CommandList)
            commands._index_to_line.clear()  # as it is until the next layout
            await found.press("pagedown")
            await found.press("escape")
            assert found.app._exception is None

    run(test())


@pytest.mark.parametrize("width", [1, 4, 6, 20])
def test_the_palette_opens_in_a_terminal_of_any_width(tmp_path: Path, width: int) -> None:
    async def test() -> None:
        async with driven(write_jsonl(tmp_path / "a.jsonl", chats(5))) as found:
            await found.pilot.resize_terminal(width, 10)
            await found.press("ctrl+p", "b")
            await asyncio.sleep(0.3)  # its commands are found in their own time
            await found.press("escape")
            assert found.app._exception is None

    run(test())


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (160, " studio  1 Data  2 Curate "),
        (110, "  1 Data  2 Curate "),
        (84, " 1 Data 2 Curate 3 Review "),
        (80, " 1 Data 2 Curate 3 Review "),
        (61, " 1 Data 2 3 4 5 6 7 8 "),
    ],
)
def test_the_line_at_the_top_fits(width: int, shown: str) -> None:
    """What is open is cut, the number of runs never, and a click goes where it says."""

    async def test() -> None:
        async with driven(size=(width, 24)) as found:
            bar = found.screen.query_one(TopBar)
            bar.opened, bar.live = "a/very/long/path/to/something/that/is/open.jsonl", 1
            await found.pilot.pause()
            said = str(bar.render())
            assert said.startswith(shown) and "● 1" in said and len(said) <= width
            last = said.index(PLACES[-1].key)
            await found.pilot.click(TopBar, offset=(last, 0))
            await found.until(lambda: found.app.current_mode == PLACES[-1].name, "the last screen")

    run(test())
