"""On the Curate screen: stages that look only when asked, thresholds of a finished run, and dialogues that answer once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_tui_curate import changed, go_to, opened
from tui_pilot import Driven, driven, run

from studio.cli.main import main
from studio.runs.begin import recipe_of
from studio.runs.folder import RunFolder, every
from studio.runs.status import Status, status_of
from studio.tui.screens.curate_add import ChooseScreen
from studio.tui.screens.curate_threshold import ThresholdScreen
from studio.tui.widgets.threshold import ThresholdList

SAMPLES = Path(__file__).parents[2] / "datasets"
RECIPE = """\
# the desk's own
name: desk
stages:
  - use: clean
  - use: length
    min_chars: 60     # a question and an answer
  - use: near
  - use: semantic
  - use: exact
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "desk.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


async def open_recipe(studio: Driven, path: Path) -> None:
    await opened(studio)
    await studio.press("o", "G", "enter")
    await studio.until(lambda: studio.screen.query_one("PromptLine").is_open, "the prompt")
    await studio.press(*["backspace"] * 2)
    for character in str(path):
        await studio.press({"/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}.get(character, character))
    await studio.press("enter")
    await studio.until(lambda: studio.screen.draft.origin.endswith(path.name), "the recipe")
    await changed(studio)


def effects(studio: Driven) -> dict[str, str]:
    return {frame.name: frame.effect for frame in studio.screen.query_one("#stages").frames}


def test_p_lets_a_stage_look_that_waits_and_what_it_decided_stays_known(tmp_path: Path, recipe: Path) -> None:
    summary = tmp_path / "summary"
    words = ["curate", str(SAMPLES / "qa_zh.csv"), "--recipe", str(recipe), "--quiet", "--no-report", "--workers", "1"]
    assert main([*words, "--runs-dir", str(summary)]) == 0
    (finished,) = every(summary)
    done = {each["stage"]: each["dropped"] for each in json.loads(finished.summary.read_bytes())["stages"]}

    async def test() -> None:
        async with driven(SAMPLES / "qa_zh.csv", size=(120, 40), runs_dir=tmp_path / "runs") as studio:
            await open_recipe(studio, recipe)
            assert effects(studio)["semantic"] == "…"
            await go_to(studio, "semantic")
            assert "p lets it look" in str(studio.screen.query_one("#preview").content)
            await studio.press("p")
            await studio.until(lambda: not studio.screen.preview.of("semantic").waiting, "the stage", 180)
            await studio.pilot.pause()
            assert {each.name: each.dropped for each in studio.screen.preview.stages} == done
            assert effects(studio)["semantic"] == f"-{done['semantic']}"
            shown = str(studio.screen.query_one("#preview").content)
            assert "semantic_duplicate" in shown
            assert "held against" in shown
            await go_to(studio, "exact")
            await studio.press("space")
            await changed(studio)
            assert not studio.screen.preview.of("semantic").waiting, "what follows it has changed, not what it saw"
            await go_to(studio, "length")
            await studio.press("space")
            await changed(studio)
            assert effects(studio)["semantic"] == "…", "it would see other records now"

    run(test())


def test_an_edit_calls_a_stage_off_that_is_still_looking(tmp_path: Path, recipe: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLES / "qa_zh.csv", size=(80, 24), runs_dir=tmp_path / "runs") as studio:
            await open_recipe(studio, recipe)
            await go_to(studio, "exact")
            await studio.press("p")
            await studio.pilot.pause(0.3)
            await studio.press("x")
            await changed(studio)
            assert "exact" not in effects(studio)
            assert effects(studio)["semantic"] == "…"

    run(test())


async def dialled(studio: Driven) -> ThresholdList:
    await studio.press("t")
    await studio.until(lambda: isinstance(studio.screen, ThresholdScreen), "the thresholds")
    await studio.until(lambda: studio.screen.query_one(ThresholdList).dials, "the dials")
    return studio.screen.query_one(ThresholdList)


def kept(folder: RunFolder) -> int:
    return int(json.loads(folder.summary.read_bytes())["counts"]["kept"])


def test_a_threshold_is_moved_on_a_finished_run_which_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "length.yaml"
    path.write_text("# kept\nname: short\nstages:\n  - use: length\n    min_chars: 60\n", encoding="utf-8")

    async def test() -> None:
        async with driven(SAMPLES / "support_desk.jsonl", size=(100, 30), runs_dir=tmp_path / "runs") as studio:
            await open_recipe(studio, path)
            await studio.press("t")
            assert "finished run" in studio.said
            await studio.press("r")
            await studio.until(lambda: studio.screen.stood and studio.screen.stood.status is Status.FINISHED, "the run")
            (folder,) = every(tmp_path / "runs")
            before = kept(folder)
            dials = await dialled(studio)
            (dial,) = dials.dials
            assert (dial.setting, dial.value) == ("length.min_chars", 60)
            await studio.press("enter")
            assert isinstance(studio.screen, ThresholdScreen), "it was not moved"
            await studio.press("shift+left", "left", "right", "shift+left")
            assert dials.values == [40]
            foretold = dial.moved(40)
            assert f"+{foretold.stay}/{len(dial.dropped)}" in dials.line(0, 70).plain
            await studio.press("enter")
            await studio.until(lambda: "min_chars: 40" in recipe_of(folder).to_yaml(), "the new recipe")
            await studio.until(lambda: status_of(folder) is Status.FINISHED, "the run")
            assert kept(folder) == before + foretold.stay
            assert "# kept" in studio.screen.draft.text
            assert "min_chars: 40" in studio.screen.draft.text
            assert "done again" in studio.said

    run(test())


def test_thresholds_on_the_runs_screen_and_back(tmp_path: Path, recipe: Path) -> None:
    words = ["curate", str(SAMPLES / "qa_zh.csv"), "--recipe", str(recipe), "--quiet", "--no-report", "--workers", "1"]
    assert main([*words, "--runs-dir", str(tmp_path / "runs")]) == 0
    (folder,) = every(tmp_path / "runs")
    result = folder.result.read_bytes()

    async def test() -> None:
        async with driven(size=(80, 24), runs_dir=tmp_path / "runs") as studio:
            await studio.press("4")
            await studio.until(lambda: studio.screen.frame and studio.screen.stood, "the run")
            dials = await dialled(studio)
            assert [each.setting for each in dials.dials] == [
                "length.min_chars",
                "near.threshold",
                "semantic.threshold",
            ]
            await studio.press("down", "right", "backspace")
            assert dials.values[1] == dials.dials[1].value
            await studio.press("right", *["shift+right"] * 9)
            assert dials.values[1] == 1.0
            assert "≤" in dials.line(1, 70).plain, "other copies may still drop them"
            await studio.press("escape")
            assert not isinstance(studio.screen, ThresholdScreen)

    run(test())
    assert folder.result.read_bytes() == result


def test_a_choice_that_is_made_twice_at_once_is_made_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLES / "qa_zh.csv", size=(80, 24), runs_dir=tmp_path / "runs") as studio:
            await opened(studio)
            number = len(studio.screen.draft.entries)
            await studio.press("a")
            await studio.until(lambda: isinstance(studio.screen, ChooseScreen), "the stages")
            chooser = studio.screen
            chooser.query_one("#choices").action_choose()
            chooser.query_one("#choices").action_choose()
            await studio.until(lambda: not isinstance(studio.screen, ChooseScreen), "the end of it")
            await studio.pilot.pause(0.2)
            assert studio.app.is_running
            assert len(studio.screen.draft.entries) == number + 1

    run(test())


def test_the_yaml_has_the_stage_under_the_cursor_in_sight(tmp_path: Path) -> None:
    async def test() -> None:
        async with driven(SAMPLES / "qa_zh.csv", size=(80, 24), runs_dir=tmp_path / "runs") as studio:
            await opened(studio)
            await studio.press("v")
            text = studio.screen.draft.text.splitlines()
            for entry in studio.screen.draft.entries:
                await go_to(studio, entry.name)
                await studio.pilot.pause(0.1)
                pane = studio.screen.query_one("#yaml")
                assert pane.virtual_size.height <= len(text) + 1, "a line of the recipe is a line of the pane"
                marked = [n for n, line in enumerate(str(pane.content).splitlines()) if line.startswith("▎")]
                assert f"use: {entry.use}" in text[marked[0]]
                top = pane.scroll_offset.y
                assert top <= marked[0] < top + pane.scrollable_content_region.height

    run(test())
