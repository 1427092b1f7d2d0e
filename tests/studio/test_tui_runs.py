"""The Runs screen under a pilot: runs are listed, shown, compared and deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from tui_pilot import Driven, driven, run

from studio.cli.main import main
from studio.runs.folder import every

SAMPLE = Path(__file__).parents[2] / "datasets" / "qa_zh.csv"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs of different recipes."""
    folder = tmp_path_factory.mktemp("two") / "runs"
    for recipe in ("minimal", "sft-zh"):
        arguments = ["curate", str(SAMPLE), "--recipe", recipe, "--runs-dir", str(folder), "--quiet", "--no-report"]
        assert main([*arguments, "--workers", "1"]) == 0
    return folder


async def listed(studio: Driven, number: int) -> None:
    await studio.press("4")
    await studio.until(lambda: len(studio.screen.query_one("#runs").frames) == number, "the runs")
    await studio.until(lambda: number == 0 or studio.screen.stood is not None, "the run under the cursor")
    await studio.pilot.pause(0.1)


def shown(studio: Driven) -> str:
    return "\n".join(str(content) for content in studio.screen.query_one("#run").lines)


def test_runs_are_listed_newest_first_and_shown(runs: Path) -> None:
    async def test() -> None:
        async with driven(size=(120, 40), runs_dir=runs) as studio:
            await listed(studio, 2)
            frames = studio.screen.query_one("#runs").frames
            assert [frame.recipe for frame in frames] == ["sft-zh", "minimal"]
            assert {frame.status for frame in frames} == {"finished"}
            await studio.until(lambda: studio.screen.snapshot is not None, "its events")
            assert studio.screen.snapshot.summary["counts"]["read"] == 90
            await studio.press("down")
            await studio.until(lambda: studio.screen.frame.recipe == "minimal", "the other")
            await studio.press("enter")
            assert studio.screen.has_class("-whole")
            await studio.press("escape")
            assert not studio.screen.has_class("-whole")

    run(test())


def test_two_marked_runs_are_compared(runs: Path) -> None:
    async def test() -> None:
        async with driven(size=(120, 40), runs_dir=runs) as studio:
            await listed(studio, 2)
            await studio.press("equals_sign")
            assert "Mark two runs" in studio.said
            await studio.press("space", "down", "space", "equals_sign")
            await studio.until(lambda: studio.screen.has_class("-whole"), "the comparison")

    run(test())


def test_a_run_opens_on_the_review_screen(runs: Path) -> None:
    async def test() -> None:
        async with driven(size=(120, 40), runs_dir=runs) as studio:
            await listed(studio, 2)
            await studio.press("v")
            await studio.until(lambda: studio.app.current_mode == "review", "the screen")
            await studio.until(lambda: studio.screen.showing.is_open, "the changes")

    run(test())


def test_a_run_is_deleted_only_after_a_yes(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    assert main(["curate", str(SAMPLE), "--recipe", "minimal", "--runs-dir", str(folder), "--quiet"]) == 0

    async def test() -> None:
        async with driven(size=(80, 24), runs_dir=folder) as studio:
            await listed(studio, 1)
            await studio.press("x", "n")
            assert len(every(folder)) == 1
            await studio.press("x", "y")
            await studio.until(lambda: not every(folder), "the deletion")
            await studio.until(lambda: studio.screen.has_class("-none"), "the empty list")

    run(test())
