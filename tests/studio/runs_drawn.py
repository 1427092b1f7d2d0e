"""The Curate and Runs screens as they are drawn: real runs over the sample data, with clocks and names that stay the same."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui_pilot import Driven, driven

from studio.tui.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parents[2] / "datasets"
SOURCES = {"en": "support_desk.jsonl", "zh_CN": "qa_zh.csv"}
STRICT = """\
# Curated for the help desk: short answers go, and so do questions that were asked before.
name: help-desk
stages:
  - use: clean
  - use: length
    min_chars: 40     # a question and an answer together
  - use: language
    allow: [en, zh]
    annotate: true
  - use: near
  - use: semantic     # the same in other words
  - use: exact
"""
_NAMES = (
    "20260302-0915-curate-0b7e",
    "20260302-1130-curate-4c1d",
    "20260303-0842-curate-91fa",
    "20260303-1406-curate-e3a8",
)
_SECONDS = (0.8, 74.0, 2.4)


def recipe_for(language: str) -> str:
    """The starter recipe in a language's pictures."""
    return "sft" if language == "en" else "sft-zh"


def make_runs(folder: Path, language: str) -> Path:
    """`folder/runs`: a finished run, a stricter one, one that crashed, and one that goes on as long as `going_on` holds."""
    from studio.cli.main import main

    source = folder / SOURCES[language]
    shutil.copy(SAMPLES / SOURCES[language], source)
    (folder / "help-desk.yaml").write_text(STRICT, encoding="utf-8")
    runs = folder / "runs"
    before = Path.cwd()
    os.chdir(folder)  # paths are noted as they are typed
    try:
        for name, recipe in zip(_NAMES, ("minimal", "help-desk.yaml", "minimal", recipe_for(language)), strict=True):
            words = ["curate", source.name, "--recipe", recipe, "--runs-dir", "runs", "--quiet", "--no-report"]
            assert main([*words, "--workers", "1"]) == 0
            (made,) = [each for each in runs.iterdir() if each.name not in _NAMES]
            _freeze(made.rename(runs / name), made.name)
    finally:
        os.chdir(before)
    _cut(runs / _NAMES[2], crashed=True)
    _cut(runs / _NAMES[3], crashed=False)
    return runs


def _freeze(run: Path, name: str) -> None:
    """Its own name and the times of the pictures, in every file that is shown."""
    number = _NAMES.index(run.name)
    day, hour = run.name[:8], run.name[9:13]
    created = f"{day[:4]}-{day[4:6]}-{day[6:]}T{hour[:2]}:{hour[2:]}:00+00:00"
    for path in (run / "run.json", run / "result.json", run / "summary.json", run / "events.jsonl"):
        lines = path.read_text(encoding="utf-8").replace(name, run.name)
        path.write_text(lines, encoding="utf-8")
    spec = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**spec, "created": created}), encoding="utf-8")
    result = json.loads((run / "result.json").read_bytes())
    result["seconds"] = _SECONDS[min(number, 2)]
    (run / "result.json").write_text(json.dumps(result), encoding="utf-8")
    stamp = 1772442900 + number * 60
    os.utime(run / "run.json", (stamp, stamp))


def _cut(run: Path, *, crashed: bool) -> None:
    """As if somebody had looked half-way: no result, and the events up to its first pieces of work."""
    (run / "result.json").unlink()
    (run / "summary.json").unlink()
    events = [json.loads(each) for each in (run / "events.jsonl").read_text().splitlines()]
    end = next(number for number, each in enumerate(events) if each["event"] == "shard_finished")
    kept = events[: end + 1]
    phase = next(each for each in kept if each["event"] == "progress")
    kept.append({**phase, "done": 72, "total": 120, "rate": 61.0, "eta": 1.5})
    if crashed:
        log = "Fatal Python error: Segmentation fault\nThread 0x00007f1c (most recent call first):\n"
        (run / "worker.log").write_text(log)
        shutil.rmtree(run / "shards")
        (run / "shards").mkdir()
        (run / "shards" / "piece").write_bytes(bytes(1_500_000))  # the size that a question about it names
    else:
        kept.append({"event": "warned", "time": 0.0, "message": "3 values are no numbers.", "hint": "They are kept."})
    (run / "events.jsonl").write_text("".join(json.dumps(each) + "\n" for each in kept))


@contextmanager
def going_on(runs: Path) -> Iterator[None]:
    """The newest of the runs is held by somebody, as long as this lasts."""
    from studio.runs.folder import RunFolder
    from studio.runs.lock import RunLock

    folder = RunFolder(runs / _NAMES[3])
    folder.lock.unlink(missing_ok=True)
    with RunLock.acquire(folder):
        yield


Act = Callable[[Driven], Awaitable[None]]


@dataclass(frozen=True)
class State:
    """A state of a screen: its name, and what is pressed to get there."""

    name: str
    act: Act


async def idle(studio: Driven) -> None:
    """Nothing is being made or read."""

    def still() -> bool:
        return not [each for each in studio.app.workers if each.is_running and each.name not in ("live", "watch")]

    for _ in range(2):
        await studio.until(still, "workers")
        await studio.pilot.pause(0.15)


# Curate


async def curate(studio: Driven) -> None:
    """The screen with its recipe, the cursor on a stage that drops."""
    await studio.press("2")
    await studio.until(lambda: studio.screen.preview is not None, "the preview")
    await idle(studio)


async def go_to(studio: Driven, name: str) -> None:
    """The cursor on a stage."""
    names = [entry.name for entry in studio.screen.draft.entries]
    await studio.press("home", *["down"] * names.index(name))
    await idle(studio)


async def open_strict(studio: Driven) -> None:
    """The recipe with stages that take long."""
    await curate(studio)
    studio.screen._open(str(studio.app.runs_dir.parent / "help-desk.yaml"))
    await studio.until(lambda: studio.screen.draft.origin.endswith("help-desk.yaml"), "the recipe")
    await studio.until(lambda: studio.screen.preview is not None, "the preview")
    await idle(studio)


async def _curate(studio: Driven) -> None:
    await open_strict(studio)
    await go_to(studio, "length")


async def _add(studio: Driven) -> None:
    await curate(studio)
    await studio.press("a", *["down"] * 3)


async def _yaml(studio: Driven) -> None:
    await curate(studio)
    await studio.press("v")
    await go_to(studio, "exact")


async def _dear(studio: Driven) -> None:
    await open_strict(studio)
    await go_to(studio, "semantic")
    await studio.press("p")
    await studio.until(lambda: not studio.screen.preview.of("semantic").waiting, "the dear preview", 180)
    await idle(studio)


async def _threshold(studio: Driven) -> None:
    await runs_listed(studio)
    await studio.press("down", "down", "t")
    await studio.until(lambda: studio.screen.query("#dials") and studio.screen.query_one("#dials").dials, "the dials")
    await idle(studio)
    await studio.press(*["right"] * 5)


CURATE = (
    State("curate", _curate),
    State("add", _add),
    State("yaml", _yaml),
    State("preview", _dear),
    State("threshold", _threshold),
)

# Runs


async def runs_listed(studio: Driven) -> None:
    """The screen, all runs on it, the newest in full."""
    await studio.press("4")
    await studio.until(lambda: len(studio.screen.query_one("#runs").frames) == len(_NAMES), "the runs")
    await _shown(studio)


async def _shown(studio: Driven) -> None:
    await studio.until(lambda: studio.screen.stood is not None and studio.screen.snapshot is not None, "the run")
    await studio.pilot.pause(0.3)


async def _finished(studio: Driven) -> None:
    await runs_listed(studio)
    await studio.press("down", "down")
    await _shown(studio)


async def _crashed(studio: Driven) -> None:
    await runs_listed(studio)
    await studio.press("down")
    await _shown(studio)


async def _compared(studio: Driven) -> None:
    await runs_listed(studio)
    await studio.press("down", "down", "space", "down", "space", "equals_sign")
    await studio.until(lambda: studio.screen._compared is not None, "the comparison")
    await studio.pilot.pause(0.3)


async def _delete(studio: Driven) -> None:
    await _crashed(studio)
    await studio.press("x")
    await studio.pilot.pause(0.2)


RUNS = (
    State("live", runs_listed),
    State("finished", _finished),
    State("compare", _compared),
    State("delete", _delete),
)


# The documentation


async def _review(studio: Driven) -> None:
    await _finished(studio)
    await studio.press("v")
    await studio.until(lambda: studio.app.current_mode == "review", "the screen")
    await studio.until(lambda: studio.screen.showing.is_open, "the changes")
    await studio.press(*["n"] * 5)
    await idle(studio)


DOCUMENTED = {"curate": State("curate", _curate), "review": State("review", _review), "runs": State("runs", _finished)}
"""Pictures of the documentation by their names there."""


@asynccontextmanager
async def shown(runs: Path, language: str, size: tuple[int, int], theme: str = "dark") -> AsyncIterator[Driven]:
    """The application over the sample of a language, with these runs, one of which goes on."""
    settings = Settings(language=language, theme=theme, animation="none")
    with going_on(runs):
        async with driven(runs.parent / SOURCES[language], size=size, settings=settings, runs_dir=runs) as studio:
            await studio.until(lambda: studio.app.live, "the run that goes on")
            yield studio


async def draw_state(state: State, runs: Path, language: str, size: tuple[int, int]) -> str:
    """The picture as SVG."""
    from studio.tui.picture import picture

    async with shown(runs, language, size) as studio:
        await state.act(studio)
        return picture(studio.app)
