# ruff: noqa: E501 - tables are easier to read in long lines
"""Training runs for tests and pictures of the Train screen: folders as the trainer leaves them, with clocks that stand still."""

from __future__ import annotations

import importlib.util
import json
import math
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tui_pilot import Driven, driven, write_jsonl

from studio.runs.folder import RunFolder
from studio.runs.jsonl import one_line
from studio.runs.lock import RunLock
from studio.runs.train_begin import entry_of
from studio.tui.picture import picture
from studio.tui.screens.train_messages import PreflightMade
from studio.tui.screens.train_work import TrainFollowing
from studio.tui.settings import Settings
from training.recipe import TrainRecipe

Act = Callable[[Driven], Awaitable[None]]
FINISHED, STOPPED, RUNNING = "20260304-0910-train-5a1c", "20260304-1015-train-77e0", "20260304-1130-train-c3f2"
_BEGAN = 1772616600.0
SAYINGS = {
    "en": (
        ("desk.jsonl:7", "How do I renew my library card?", "Bring your old card and an ID to the desk on the first floor.",
         "Yes, yes, the card is a card of the card of the", "Bring your ID to the desk; it takes five minutes."),
        ("desk.jsonl:31", "Is the reading room open on Sundays?", "Yes, from ten to four.", "The reading room is a room.",
         "Yes, from ten to four."),
    ),
    "zh_CN": (
        ("问答.csv:7", "图书馆的借书证怎么续期？", "带上旧证和身份证，到一楼服务台办理即可。", "借书证借书证的借书证是一种借书证的",
         "带身份证到一楼服务台，五分钟就好。"),
        ("问答.csv:31", "阅览室周日开放吗？", "开放，十点到四点。", "阅览室是一个房间。", "开放，十点到四点。"),
    ),
}  # fmt: skip


def make_tiny_model(folder: Path) -> Path:
    """The tiny model of the tests of training."""
    place = Path(__file__).parents[1] / "training" / "conftest.py"
    spec = importlib.util.spec_from_file_location("training_conftest", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Path(module.make_tiny(folder))


def recipe(**settings: str) -> TrainRecipe:
    """The one of the pictures, with changes such as lora_r="32"."""
    changed = {"model.name": "smollm2", **{key.replace("__", "."): value for key, value in settings.items()}}
    return TrainRecipe.load("cpu").with_settings([f"{key}={value}" for key, value in changed.items()])


def make_run(runs: Path, name: str, events: list[dict[str, Any]], made_with: TrainRecipe | None = None) -> RunFolder:
    """A run's folder with these events; without a result, so nobody finished it."""
    folder = RunFolder(runs.absolute() / name)
    folder.path.mkdir(parents=True)
    made_with = made_with or recipe()
    spec = {
        "kind": "train", "created": "2026-03-04T09:10:00+00:00", "inputs": ["desk.jsonl"], "sources": [],
        "recipe": entry_of(made_with), "options": {"allow": []}, "seed": 0, "argv": ["studio", "train"], "cwd": "/data",
        "versions": {}, "earlier": [], "version": 1,
    }  # fmt: skip
    folder.spec.write_text(json.dumps(spec))
    (folder.path / "recipe.yaml").write_text(made_with.to_yaml())
    folder.events.write_text("".join(one_line(event) + "\n" for event in events))
    os.utime(folder.spec, (_BEGAN, _BEGAN))
    return folder


def finish(folder: RunFolder, status: str = "finished", **more: Any) -> None:
    """Write the run's result."""
    result = {"status": status, "ended": "2026-03-04T09:40:00+00:00", "seconds": 1834.0, "exit_code": 0, **more}
    folder.result.write_text(json.dumps(result))


def begun(name: str, steps: int, *, resumed: bool = False) -> list[dict[str, Any]]:
    """The first events."""
    return [
        {"event": "run_started", "time": _BEGAN, "run": name, "kind": "train", "recipe": "cpu", "stages": ["lora"],
         "workers": 1, "resumed": resumed},
        {"event": "preflight_done", "time": _BEGAN + 2, "findings": [], "blocked": False},
        {"event": "training_prepared", "time": _BEGAN + 9, "model": "smollm2", "method": "lora", "template": "chatml",
         "device": "CPU, float32", "changes": ["bfloat16 is slow on this CPU: float32 is used."], "records": 190, "validation": 10,
         "tokens": 20_900, "trained_tokens": 9_200, "parameters": 134_515_008, "trainable": 2_442_240, "steps": steps},
    ]  # fmt: skip


def step(number: int, steps: int, *, speed: float = 1.0) -> dict[str, Any]:
    """A point of a curve that falls, and jumps once."""
    wave = 0.12 * math.sin(number * 1.7) + 0.08 * math.sin(number * 0.37)
    loss = 1.2 + 2.4 * math.exp(-speed * number / 60) + wave + (1.1 if number == 97 else 0)
    return {
        "event": "step_logged", "time": _BEGAN + 12 + 6 * number, "step": number, "epoch": number / 48, "loss": round(loss, 4),
        "learning_rate": 3e-4 * (1 + math.cos(math.pi * number / steps)) / 2,
        "grad_norm": round(0.9 + 0.5 * math.sin(number * 2.3) + (3 if number == 97 else 0), 4), "tokens": 440 * number,
        "tokens_per_second": 73.0 + 5 * math.sin(number / 3), "seconds": 6.0 * number, "eta": 6.0 * (steps - number),
        "rss": 1_640_000_000, "gpu": {},
    }  # fmt: skip


def measured(number: int, who: str, language: str, shift: float = 0.0) -> list[dict[str, Any]]:
    """An evaluation and its answers."""
    loss = 3.61 if who == "base" else 1.35 + 2.2 * math.exp(-number / 55) + shift
    facts = {"time": _BEGAN + 12 + 6 * number, "step": number, "who": who}
    losses = [
        {"event": "evaluated", "split": split, "loss": round(value, 4), "tokens": 900, **facts}
        for split, value in (("validation", loss), ("retention", 3.02 + number / 2000))
    ]
    answers = [
        {"event": "sampled", "record_id": record, "prompt": prompt, "reference": reference,
         "answer": base if who == "base" else tuned, "stopped": who == "tuned", **facts}
        for record, prompt, reference, base, tuned in SAYINGS[language]
    ]  # fmt: skip
    return losses + answers


def saved(number: int, *, best: bool = True) -> dict[str, Any]:
    """A checkpoint."""
    return {
        "event": "checkpoint_saved", "time": _BEGAN + 14 + 6 * number, "step": number, "bytes": 29_480_112, "seconds": 0.42,
        "path": f"checkpoints/checkpoint-{number:08d}", "best": best,
    }  # fmt: skip


def trained(name: str, upto: int, steps: int, language: str = "en", *, speed: float = 1.0) -> list[dict[str, Any]]:
    """A run up to a step, measured every 40."""
    events = [*begun(name, steps), *measured(0, "base", language)]
    for number in range(1, upto + 1):
        events.append(step(number, steps, speed=speed))
        if number % 40 == 0:
            events += [*measured(number, "tuned", language, 0.2 * (1 - speed)), saved(number)]
    return events


SUMMARY = {
    "kind": "train", "model": "smollm2", "method": "lora", "steps": 240, "epochs": 5.0, "tokens": 105_600, "records": 190,
    "validation_records": 10, "best_step": 240, "seconds": 1834.0, "weights": "/data/runs/" + FINISHED + "/adapter",
    "losses": {"base": {"validation": 3.61, "retention": 3.02}, "tuned": {"validation": 1.378, "retention": 3.14}},
    "weights_sha256": "0" * 64,
}  # fmt: skip


def make_runs(runs: Path, language: str = "en") -> Path:
    """Three runs: finished, stopped, and one that goes on as long as `held` holds it."""
    slower = recipe(optimizer__learning_rate="0.0001")
    ended = [{"event": "run_finished", "time": _BEGAN + 1834, "run": FINISHED, "summary": SUMMARY}]
    finish(make_run(runs, FINISHED, trained(FINISHED, 240, 240, language, speed=0.6) + ended, slower), summary=SUMMARY)
    halted = [
        {"event": "warned", "time": _BEGAN + 800, "message": "The loss rises: 2.41 at step 97, after 1.32.",
         "hint": "Stop, and try optimizer.learning_rate=1e-04."},
        {"event": "run_stopped", "time": _BEGAN + 900, "run": STOPPED},
    ]  # fmt: skip
    finish(make_run(runs, STOPPED, trained(STOPPED, 130, 240, language) + halted), "stopped", exit_code=75)
    make_run(runs, RUNNING, trained(RUNNING, 173, 240, language))
    return runs


@contextmanager
def held(runs: Path, name: str = RUNNING) -> Iterator[RunFolder]:
    """Somebody does this run, as long as this lasts."""
    folder = RunFolder(runs.absolute() / name)
    with RunLock.acquire(folder):
        yield folder


REPORT: dict[str, Any] = {
    "findings": [
        {"reason": "too_long", "level": "block", "records": 3, "example": "desk.jsonl:12", "shown": "How do I move the date …",
         "message": "3 records are longer than 512 tokens, by up to 211.", "fix": "--set data.max_length=768, or data.too_long=drop",
         "allowed": False},
        {"reason": "leakage", "level": "warn", "records": 1, "example": "desk.jsonl:31", "shown": "Is the reading room open?",
         "message": "1 held-out prompt is trained on too.", "fix": "Curate with the stage near.", "allowed": False},
    ],
    "records": 190, "validation": 10, "tokens": 20_900, "trained_tokens": 9_200, "steps": 240,
    "lengths": {"sequences": 200, "least": 31, "median": 88, "most": 723, "mean": 104.5,
                "covers": {"0.95": 301, "0.99": 502, "1": 723},
                "histogram": {str(64 * n): count for n, count in enumerate((0, 41, 96, 30, 14, 9, 4, 2, 1, 1, 1, 1), 0) if n}},
    "memory": {"total": 1_715_000_000, "phase": "training", "free": 6_400_000_000, "fits": True, "measured_here": True,
               "components": [{"name": "framework", "size": 420_000_000, "text": ""}, {"name": "weights", "size": 538_000_000, "text": ""},
                              {"name": "activations", "size": 610_000_000, "text": ""}, {"name": "working", "size": 147_000_000, "text": ""}],
               "suggestions": []},
    "isolation": None, "seconds": 1.2, "blocked": True, "model": "smollm2", "template": "chatml", "device": "CPU", "changes": [],
    "shown": [
        {"record_id": "desk.jsonl:1", "part": "", "cut": 0, "tokens": [
            ["<|im_start|>", False], ["user\n", False], ["图书馆几点开门？", False], ["<|im_end|>", False], ["\n", False],
            ["<|im_start|>", False], ["assistant\n", False], ["八点", True], ["开门。", True], ["<|im_end|>", True], ["\n", False]]},
        {"record_id": "desk.jsonl:2", "part": "", "cut": 0, "tokens": [["Hi", False], [" there", True]]},
    ],
}  # fmt: skip
"""What preflight says, as its JSON."""


# States of the screen


async def _planned(studio: Driven) -> None:
    screen = studio.screen
    screen.take_inputs(("desk.jsonl",))
    screen.change(lambda: screen.draft.set("model", "name", "smollm2"))
    screen.change(lambda: screen.draft.set("lora", "r", 32))
    await studio.press("tab", *["down"] * 9)


async def _wrong(studio: Driven) -> None:
    await _planned(studio)
    screen = studio.screen
    screen.change(lambda: screen.draft.set("method", "kind", "full"))
    await studio.press("up", "up", "up", "up", "right")


async def _presets(studio: Driven) -> None:
    await _planned(studio)
    await studio.press("o")
    await studio.until(lambda: studio.screen.query("#choices"), "the presets")
    await studio.press("down", "down")


async def _yaml(studio: Driven) -> None:
    await _planned(studio)
    await studio.press("v")


async def _reported(studio: Driven) -> None:
    await _planned(studio)
    screen = studio.screen
    screen.post_message(PreflightMade(screen.draft.command(screen.inputs), REPORT))
    await studio.until(lambda: screen.has_class("-report"), "the report")


async def _tokens(studio: Driven) -> None:
    await _reported(studio)
    await studio.press("v")


def _watched(name: str, *keys: str) -> Act:
    async def act(studio: Driven) -> None:
        studio.screen.attach(studio.app.runs_dir / name)
        await studio.until(lambda: studio.screen.snapshot is not None and studio.screen.stood is not None, "the run")
        await studio.until(lambda: studio.screen.draft.origin.endswith("recipe.yaml"), "its recipe")
        if name == RUNNING:
            await studio.until(lambda: studio.app.live, "the line at the top")
        await studio.press(*keys)

    return act


async def _overlaid(studio: Driven) -> None:
    await _watched(STOPPED)(studio)
    await studio.press("equals_sign")
    await studio.until(lambda: studio.screen.query("#choices"), "the runs")
    await studio.press("end", "enter")
    await studio.until(lambda: getattr(studio.screen, "other", None) is not None, "the curves")


STATES: dict[str, Act] = {
    "plan": _planned,
    "wrong": _wrong,
    "presets": _presets,
    "yaml": _yaml,
    "preflight": _reported,
    "tokens": _tokens,
    "running": _watched(RUNNING),
    "samples": _watched(RUNNING, "v"),
    "finished": _watched(FINISHED, "v", "v"),
    "overlay": _overlaid,
}


async def draw(state: str, folder: Path, size: tuple[int, int], language: str) -> str:
    """The screen in one of STATES, as SVG. Runs are made in `folder`, which has to be the current one."""
    write_jsonl(folder / "desk.jsonl", [{"question": "q?", "answer": "a"}])
    runs = make_runs(folder / "runs", language)
    settings = Settings(language=language, animation="none")
    TrainFollowing._usage = lambda _self: (1.9, 1_640_000_000)  # type: ignore[method-assign]
    with held(runs):
        async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
            await studio.press("5")
            await studio.until(lambda: getattr(studio.screen, "draft", None) is not None, "the recipe")
            await studio.until(lambda: studio.app.live, "the line at the top")
            await STATES[state](studio)
            await studio.pilot.pause(0.3)
            return picture(studio.app)
