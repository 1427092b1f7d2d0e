"""The Curate screen under a pilot: a recipe is shaped, tried on a sample, run, and its run followed."""

from __future__ import annotations

import json
from pathlib import Path

from tui_pilot import Driven, driven, run

from studio.runs.folder import every
from studio.runs.status import Status, status_of
from studio.tui.screens.curate_messages import PreviewMade

SAMPLE = Path(__file__).parents[2] / "datasets" / "support_desk.jsonl"


async def opened(studio: Driven) -> None:
    """The screen with its recipe and a preview of it."""
    await studio.press("2")
    await studio.until(lambda: studio.screen.preview is not None, "the preview")
    await studio.pilot.pause(0.1)


async def changed(studio: Driven) -> None:
    """A preview of the recipe as it is now."""
    await studio.until(
        lambda: studio.got(PreviewMade) and studio.got(PreviewMade)[-1].text == studio.screen.draft.text, "the preview"
    )
    await studio.pilot.pause()


def stage(studio: Driven, name: str) -> int:
    return [entry.name for entry in studio.screen.draft.entries].index(name)


async def go_to(studio: Driven, name: str) -> None:
    await studio.press("home", *["down"] * stage(studio, name))


def dropped(studio: Driven, name: str) -> int:
    (found,) = [each for each in studio.screen.preview.stages if each.name == name]
    return sum(item.count for item in found.reasons if item.action == "drop")


def test_a_parameter_changes_the_preview_and_the_text_whose_comments_stay(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLE, size=(120, 40), runs_dir=tmp_path / "runs") as studio:
            await opened(studio)
            before = dropped(studio, "length")
            comments = studio.screen.draft.text.count("#")
            await go_to(studio, "length")
            await studio.press("enter")  # into the form
            names = [frame.name for frame in studio.screen.query_one("#form").frames]
            await studio.press("home", *["down"] * names.index("min_chars"), "enter")
            await studio.press(*["backspace"] * 8, *"300", "enter")
            await changed(studio)
            assert "min_chars: 300" in studio.screen.draft.text
            assert studio.screen.draft.text.count("#") == comments
            assert dropped(studio, "length") > before
            await studio.press("escape", "u")
            await changed(studio)
            assert "min_chars: 300" not in studio.screen.draft.text
            assert dropped(studio, "length") == before

    run(test())


def test_a_wrong_value_is_told_at_its_field_and_changes_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLE, size=(120, 40), runs_dir=tmp_path / "runs") as studio:
            await opened(studio)
            text = studio.screen.draft.text
            await go_to(studio, "clean")
            await studio.press("enter", "home", "down", "enter")  # the second parameter: unicode
            await studio.press(*["backspace"] * 8, *"nfcc", "enter")
            await studio.until(lambda: studio.screen._field_problem, "the message")
            assert "nfcc" in studio.screen._field_problem
            assert studio.screen.draft.text == text

    run(test())


def test_stages_are_switched_moved_removed_and_brought_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLE, runs_dir=tmp_path / "runs") as studio:
            await opened(studio)
            names = [entry.name for entry in studio.screen.draft.entries]
            await go_to(studio, "quality")
            await studio.press("space")
            assert not studio.screen.draft.entries[names.index("quality")].enabled
            await studio.press("J")
            moved = [entry.name for entry in studio.screen.draft.entries]
            assert moved.index("quality") == names.index("quality") + 1
            await studio.press("x")
            assert "quality" not in [entry.name for entry in studio.screen.draft.entries]
            await studio.press("u", "u", "u")
            assert [entry.name for entry in studio.screen.draft.entries] == names
            assert studio.screen.draft.entries[names.index("quality")].enabled

    run(test())


def test_a_run_is_started_in_the_background_and_followed_to_its_end(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLE, size=(120, 40), runs_dir=tmp_path / "runs") as studio:
            await opened(studio)
            await studio.press("r")
            await studio.until(
                lambda: studio.screen.stood is not None and studio.screen.stood.status is Status.FINISHED, "the run"
            )
            (folder,) = every(tmp_path / "runs")
            assert status_of(folder) is Status.FINISHED
            counts = json.loads((folder.path / "summary.json").read_text())["counts"]
            assert studio.screen.snapshot.summary["counts"] == counts
            assert counts["read"] == 120
            await studio.press("f")
            assert not studio.screen.has_class("-following")

    run(test())


def test_it_says_what_to_press_where_nothing_is_open_and_survives_any_size(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(size=(80, 24), runs_dir=tmp_path / "runs") as studio:
            await studio.press("2")
            await studio.until(lambda: studio.screen.draft is not None, "the recipe")
            await studio.press("r")
            assert "Say with i" in studio.said
            for size in ((20, 5), (60, 16), (200, 60)):
                await studio.pilot.resize_terminal(*size)
                await studio.pilot.pause()
            assert studio.app.is_running

    run(test())
