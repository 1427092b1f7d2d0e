"""The Train screen under a pilot: recipes are shaped, commands say the same, runs are watched and steered."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train_drawn import FINISHED, REPORT, RUNNING, STOPPED, held, make_runs, recipe, step
from tui_pilot import Driven, driven, run, write_jsonl

from curation.recipe_problems import RecipeProblems
from studio.cli.main import main
from studio.runs.curves import TrainSnapshot
from studio.runs.jsonl import one_line
from studio.tui.screens.train_draft import Draft, described
from studio.tui.screens.train_frames import fields_of, section_names, stepped
from studio.tui.screens.train_messages import MemoryEstimated, PreflightMade, TrainChanged
from studio.tui.screens.train_work import TrainFollowing
from studio.tui.settings import Settings
from studio.tui.widgets.curve_chart import Curve, Picture, drawn, short


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return make_runs(tmp_path / "runs")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "a b.jsonl", [{"question": f"q{n}?", "answer": f"a{n}"} for n in range(5)])


@asynccontextmanager
async def training(
    path: Path | str = "", *, runs: Path | None = None, size: tuple[int, int] = (120, 40), language: str = "en"
) -> AsyncIterator[Driven]:
    """The screen with its default recipe."""
    settings = Settings(language=language, animation="none")
    async with driven(path, size=size, runs_dir=runs, settings=settings, settle=False) as studio:
        await studio.press("5")
        await studio.until(lambda: getattr(studio.screen, "draft", None) is not None, "the recipe")
        yield studio


async def watching(studio: Driven, runs: Path, name: str) -> None:
    """A run on the screen."""
    studio.screen.attach(runs / name)
    await studio.until(lambda: studio.screen.snapshot is not None and studio.screen.stood is not None, "the run")
    await studio.until(lambda: studio.screen.draft.origin.endswith("recipe.yaml"), "its recipe")
    await studio.pilot.pause(0.2)


def text(studio: Driven) -> str:
    """What is on the screen."""
    size = studio.app.size
    lines = [studio.app.screen._compositor.render_strips(size)[row].text for row in range(size.height)]
    return "\n".join(lines)


async def typed(studio: Driven, key: str, words: str) -> None:
    """A key that asks, and the answer."""
    await studio.press(key)
    await studio.until(lambda: studio.screen.query_one("PromptLine").is_open, "the prompt")
    studio.screen.query_one("#prompt-input").value = ""
    await studio.type(words)
    await studio.press("enter")


# The first frame


def test_the_screen_never_loads_what_trains(tmp_path: Path) -> None:
    """In a process of its own: the screen with a recipe, a run and its curves, and no torch."""
    make_runs(tmp_path / "runs")
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from tui_pilot import driven
async def test():
    runs = Path({str(tmp_path / "runs")!r})
    async with driven(size=(80, 24), runs_dir=runs, settle=False) as studio:
        await studio.press("5")
        await studio.until(lambda: getattr(studio.screen, "draft", None) is not None)
        first = [name for name in ("torch", "transformers", "polars") if name in sys.modules]
        studio.screen.attach(runs / {FINISHED!r})
        await studio.until(lambda: studio.screen.snapshot is not None)
        print(first, [n for n in ("torch", "transformers", "trl", "peft", "datasets", "tokenizers") if n in sys.modules])
asyncio.run(test())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[] []"


# The recipe


def test_the_command_line_says_what_the_form_says(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def test() -> str:
        async with training(data) as studio:
            await typed(studio, "m", "./my model")
            await studio.press("end", "up", "up", "up", "right", "right")  # epochs: the form has the focus now
            await studio.press("up", "right")  # learning rate
            studio.screen.change(lambda: studio.screen.draft.set("template", "system", 'Say [x]: 你好, "ok" #1'))
            studio.screen.change(lambda: studio.screen.draft.set("lora", "targets", ["q_proj", "v_proj"]))
            assert studio.screen.draft.changed("lora") == ["targets"]
            assert "← 0.0002" in text(studio)
            wanted = studio.screen.draft.recipe.resolved()
            return json.dumps([studio.screen.draft.command(studio.screen.inputs), wanted])

    import asyncio

    command, wanted = json.loads(asyncio.run(test()))
    words = shlex.split(command)
    assert words[:4] == ["studio", "train", "--data", str(data)]
    assert main([*words[1:], "--print", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == wanted


def test_a_wrong_value_is_told_at_its_field_and_changes_nothing(data: Path) -> None:
    async def test() -> None:
        async with training(data) as studio:
            before = studio.screen.draft
            await studio.press("tab", *["down"] * 8)
            assert studio.screen.field.label == "lora.r"
            await typed(studio, "enter", "0")
            assert studio.screen.draft is before
            assert "must be at least 1" in str(studio.screen.query_one("#help").content)
            assert studio.screen.query_one("#form").frames[8].problem
            await studio.press("down", "up")
            assert not studio.screen.query_one("#form").frames[8].problem

    run(test())


def test_combinations_that_break_are_refused_with_the_way_out(data: Path) -> None:
    async def test() -> None:
        async with training(data) as studio:
            screen = studio.screen
            screen.change(lambda: screen.draft.set("method", "kind", "full"))
            kept = screen.draft
            screen.change(lambda: screen.draft.set("model", "quantization", "nf4"))
            assert screen.draft is kept
            assert "method.kind=lora" in str(screen.query_one("#help").content)
            await studio.press("u")
            assert screen.draft.recipe.method.kind == "lora"

    run(test())


def test_every_number_steps_within_its_bounds() -> None:
    """A key never makes a value that its field refuses: only combinations can be wrong."""
    for place, section in enumerate(section_names()):
        for field in fields_of(place):
            if field.parameter is None:
                continue
            for by in (1, -1):
                draft, stuck = Draft.load("lora"), 0
                for _ in range(12):
                    value = stepped(field.parameter, draft.value(field.section, field.key), by)
                    try:
                        draft = draft.set(field.section, field.key, value) if value is not None else draft
                    except RecipeProblems as error:
                        stuck += 1
                        assert "must be" not in str(error), (section, field.key, value, str(error))
    rate = next(each for each in described()["optimizer"] if each.name == "learning_rate")
    assert [stepped(rate, 2e-4, 1), stepped(rate, 2e-4, -1), stepped(rate, 3e-4, 1)] == [5e-4, 1e-4, 5e-4]
    rank = next(each for each in described()["lora"] if each.name == "r")
    assert [stepped(rank, 16, 1), stepped(rank, 16, -1), stepped(rank, 10, 1), stepped(rank, 1024, 1)] == [
        32,
        8,
        11,
        1024,
    ]


def test_another_preset_keeps_the_model_and_the_data(data: Path) -> None:
    async def test() -> None:
        async with training(data) as studio:
            await typed(studio, "m", "smollm2")
            await studio.press("o")
            await studio.until(lambda: studio.screen.query("#choices"), "the presets")
            await studio.press("home", "enter")
            await studio.until(lambda: studio.screen.draft.origin == "cpu", "the preset")
            assert studio.screen.draft.recipe.model.name == "smollm2"
            assert studio.screen.inputs == (str(data),)

    run(test())


def test_a_recipe_is_saved_and_is_the_base_from_then_on(data: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with training(data) as studio:
            studio.screen.change(lambda: studio.screen.draft.set("lora", "r", 64))
            await typed(studio, "w", str(tmp_path / "mine.yaml"))
            await studio.until(lambda: studio.screen.draft.origin.endswith("mine.yaml"), "saved")
            assert studio.screen.draft.changes == {}
            assert Draft.load(str(tmp_path / "mine.yaml")).recipe.lora.r == 64

    run(test())


def test_nothing_starts_without_data_and_model(tmp_path: Path) -> None:
    async def test() -> None:
        async with training(runs=tmp_path / "runs") as studio:
            await studio.press("r")
            assert "Say with i what to train on" in studio.said
            studio.screen.take_inputs(("a.jsonl",))
            await studio.press("r", "p")
            assert "Say with m which model" in studio.said and "Preflight needs data" in studio.said
            assert not (tmp_path / "runs").exists()

    run(test())


# Preflight


async def reported(studio: Driven, report: dict[str, Any]) -> None:
    screen = studio.screen
    screen.change(lambda: screen.draft.set("model", "name", "smollm2"))
    screen.take_inputs(("desk.jsonl",))
    screen.post_message(PreflightMade(screen.draft.command(screen.inputs), report))
    await studio.until(lambda: screen.has_class("-report"), "the report")
    await studio.pilot.pause(0.1)


def test_the_report_marks_trained_tokens_without_colour(tmp_path: Path) -> None:
    async def test() -> None:
        async with training(runs=tmp_path) as studio:
            await reported(studio, REPORT)
            shown = text(studio)
            assert "1 finding stops the run" in shown and "→ --set data.max_length=768" in shown
            assert "图书馆几点开门？<|im_end|>" in shown and "‹八点开门。<|im_end|>›" in shown
            await studio.press("right_square_bracket")
            assert "2 of 2 · desk.jsonl:2" in text(studio) and "Hi‹ there›" in text(studio)
            await studio.press("left_square_bracket", "left_square_bracket", "escape")
            assert not studio.screen.has_class("-report")

    run(test())


def test_memory_joins_the_report_when_it_is_known(tmp_path: Path) -> None:
    async def test() -> None:
        async with training(runs=tmp_path) as studio:
            memory = {**REPORT["memory"], "fits": False, "suggestions": [
                {"settings": ["schedule.batch_size=1"], "needs": 900_000_000, "price": "a little slower"}]}  # fmt: skip
            await reported(studio, {**REPORT, "memory": {}})
            assert "about 1.72 GB needed" not in text(studio)
            studio.screen.post_message(MemoryEstimated("another command", memory))
            studio.screen.post_message(MemoryEstimated(studio.screen.report.command, memory))
            await studio.until(lambda: studio.screen.report.report["memory"], "the memory")
            await studio.pilot.pause(0.1)
            shown = text(studio)
            assert "about 1.72 GB needed, 6.40 GB free" in shown and "it does not fit" in shown
            assert "→ --set schedule.batch_size=1: 900 MB; a little slower" in shown

    run(test())


def test_what_preflight_found_is_asked_about_before_the_start(tmp_path: Path) -> None:
    async def test() -> None:
        async with training(runs=tmp_path) as studio:
            await reported(studio, REPORT)
            assert studio.screen.blocking() == ("too_long",)
            await studio.press("r")
            await studio.until(lambda: studio.screen.query("#confirm"), "the question")
            await studio.press("escape")
            studio.screen.change(lambda: studio.screen.draft.set("data", "too_long", "drop"))
            assert studio.screen.blocking() == ()  # another recipe, which nobody looked at

    run(test())


# A run


def test_a_run_is_shown_with_its_curves(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with training(runs=runs) as studio:
                await watching(studio, runs, RUNNING)
                shown = text(studio)
                assert "step 173 of 240 · 72%" in shown and "left" in shown
                assert "o held out" in shown and "-- base 3.610" in shown
                assert "How do I renew my library card?" in shown and "tuned, step 160" in shown
                assert "checkpoint at step 160 saved" in shown
                assert studio.screen.draft.recipe == recipe()

    run(test())


def test_pausing_and_going_on_are_files_in_the_folder(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as folder:
            async with training(runs=runs) as studio:
                await watching(studio, runs, RUNNING)
                await studio.press("space")
                assert (folder.path / "pause").exists()
                with folder.events.open("a") as stream:
                    stream.write(one_line({"event": "paused", "time": 1.0, "step": 173, "on": True}) + "\n")
                await studio.until(lambda: studio.screen.snapshot.paused, "the pause")
                await studio.until(lambda: "‖ paused" in text(studio), "the mark")
                await studio.press("space")
                assert not (folder.path / "pause").exists()
                await studio.press("s")
                await studio.until(lambda: studio.screen.query("#confirm"), "the question")
                await studio.press("y")
                await studio.until(folder.stop.exists, "the wish to stop")

    run(test())


def test_keys_apply_to_how_the_run_stands(runs: Path) -> None:
    async def test() -> None:
        async with training(runs=runs) as studio:
            await watching(studio, runs, STOPPED)
            screen = studio.screen
            assert screen.check_action("resume_run", ()) and not screen.check_action("pause", ())
            assert "The loss rises" in text(studio)
            await studio.press("space")
            assert not (runs / STOPPED / "pause").exists()
            await watching(studio, runs, FINISHED)
            assert not screen.check_action("resume_run", ()) and not screen.check_action("stop_run", ())
            shown = text(studio)
            assert "held out: loss 3.610 → 1.378" in shown and "↓ 62%" in shown
            assert "retention: loss 3.020 → 3.140" in shown and "↑ 4%" in shown

    run(test())


def test_views_of_a_narrow_terminal_follow_one_another(runs: Path) -> None:
    async def test() -> None:
        async with training(runs=runs, size=(80, 24)) as studio:
            await watching(studio, runs, FINISHED)
            assert "Gradient norm" in text(studio) and "Bring your ID" not in text(studio)
            await studio.press("v")
            await studio.pilot.pause(0.1)
            assert "Bring your ID" in text(studio) and "base, step 0 (did not end)" in text(studio)
            await studio.press("v")
            assert "checkpoint at step 80 saved" in text(studio)
            await studio.press("v")
            assert "Gradient norm" in text(studio)

    run(test())


def test_a_second_run_lies_behind_and_goes_again(runs: Path) -> None:
    async def test() -> None:
        async with training(runs=runs) as studio:
            await watching(studio, runs, STOPPED)
            await studio.press("equals_sign")
            await studio.until(lambda: studio.screen.query("#choices"), "the runs")
            await studio.press("end", "enter")
            await studio.until(lambda: studio.app.screen.PLACE == "train" and studio.screen.other is not None, "it")
            assert studio.screen.other.run.run == FINISHED and "⠂ 5a1c" in text(studio)
            await studio.press("equals_sign")
            assert studio.screen.other is None

    run(test())


def test_a_clone_has_recipe_and_data_of_its_run(runs: Path) -> None:
    async def test() -> None:
        async with training(runs=runs) as studio:
            await watching(studio, runs, FINISHED)
            await studio.press("n")
            await studio.until(lambda: not studio.screen.has_class("-following"), "the form")
            assert studio.screen.cloned == FINISHED
            assert studio.screen.inputs == ("/data/desk.jsonl",)
            assert studio.screen.draft.recipe.optimizer.learning_rate == 1e-4
            assert f"{FINISHED}/recipe.yaml" in studio.screen.draft.command(studio.screen.inputs)

    run(test())


def test_scale_and_smoothing_change_the_picture(runs: Path) -> None:
    async def test() -> None:
        async with training(runs=runs) as studio:
            await watching(studio, runs, FINISHED)
            plain = text(studio)
            await studio.press("l")
            assert "Loss (log)" in text(studio) and text(studio) != plain
            await studio.press("l", "t")
            await studio.pilot.pause(0.1)
            assert "2%" in studio.said
            await studio.press("t", "t")
            await studio.pilot.pause(0.1)
            assert studio.screen.look.smooth == 0

    run(test())


def test_looks_that_meet_read_no_event_twice(runs: Path) -> None:
    """A look that is late while the next one begins: threads that cannot be called off."""
    import threading

    class Sink:
        def __init__(self) -> None:
            self.got: list[object] = []

        def post_message(self, message: object) -> None:
            self.got.append(message)

    sink = Sink()
    following = TrainFollowing(runs / FINISHED, sink)  # type: ignore[arg-type]
    threads = [threading.Thread(target=following.look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (changed,) = [each for each in sink.got if isinstance(each, TrainChanged)]
    assert len(changed.snapshot.points) == 240


def test_a_run_that_goes_on_again_does_not_wait_any_more(runs: Path) -> None:
    from studio.runs.execute import prepare

    with held(runs) as folder:
        folder.pause.touch()
        prepare(folder)
        assert not folder.pause.exists()


# Charts


def picture(values: np.ndarray, **more: Any) -> Picture:
    from textual.content import Content

    x = np.arange(1.0, len(values) + 1)
    return Picture(Content("t"), (Curve(x, values),), **more)


def test_one_spike_among_a_hundred_thousand_is_seen_and_drawing_is_quick() -> None:
    values = np.full(100_000, 2.0)
    values[70_000] = 9.0
    begun = time.process_time()
    lines = [line.plain for line in drawn(picture(values), 100, 12)]
    assert time.process_time() - begun < 0.2
    (column,) = [place for place, character in enumerate(lines[0]) if place >= 8 and character != " "]
    assert abs(column - 8 - 92 * 0.7) <= 1
    assert lines[0].startswith("  9.000 ")


def test_charts_fit_and_say_their_scale() -> None:
    values = 3 - np.linspace(0, 2, 20)
    for width, height in ((80, 10), (24, 3), (12, 2), (9, 1), (200, 40)):
        lines = drawn(picture(values), width, height)
        assert len(lines) == height
        assert all(line.cell_length <= width for line in lines)
    lines = [line.plain for line in drawn(picture(values, levels=(2.5,), last=40), 60, 10)]
    assert lines[0].startswith("  3.000") and lines[-2].startswith("  1.000") and lines[-1].split() == ["1", "40"]
    assert sum(character == "-" for character in "".join(lines)) > 15
    assert max(place for line in lines[:-1] for place, each in enumerate(line) if each > "⠀") < 40  # half the steps


def test_a_chart_of_nothing_finite_is_empty() -> None:
    assert {line.plain for line in drawn(picture(np.full(5, np.nan)), 60, 8)} == {""}
    assert drawn(picture(np.array([-1.0, 0.0, 2.0]), log=True), 60, 8)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (2.5, "2.500"), (12.345, "12.35"), (1234.5, "1,234"), (3e-4, "3.0e-4"), (2e7, "2.0e7")],
)
def test_numbers_of_a_scale_are_short(value: float, said: str) -> None:
    assert short(value) == said


# Elsewhere


def test_the_runs_screen_lists_losses_and_opens_the_curves(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with driven(size=(120, 40), runs_dir=runs) as studio:
                await studio.press("4")
                await studio.until(lambda: len(studio.screen.query_one("#runs").frames) == 3, "the runs")
                notes = {each.name: each.note for each in studio.screen.query_one("#runs").frames}
                assert notes[FINISHED] == "3.610 → 1.378" and notes[RUNNING] == f"173: {step(173, 240)['loss']:.3f}"
                await studio.press("space", "end", "space", "equals_sign")
                await studio.until(lambda: studio.screen.has_class("-whole"), "the comparison")
                assert "learning_rate: 0.0001" in text(studio)
                await studio.press("escape", "a")
                await studio.until(lambda: studio.app.current_mode == "train", "the screen")
                await studio.until(lambda: studio.screen.snapshot is not None, "the run")
                assert studio.screen.followed == FINISHED

    run(test())


def test_attaching_tells_the_run_in_plain_lines(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "attach", FINISHED, "--runs-dir", str(runs), "--plain"]) == 0
    said = capsys.readouterr()
    for expected in (
        "trains smollm2 (lora) on CPU, float32, template chatml",
        "190 records, 10 held out; 9,200 of 20,900 tokens an epoch are trained",
        "step 0: validation loss 3.6100 (base)",
        "step 40, tuned: How do I renew my library card? → Bring your ID to the desk",
        "checkpoint at step 80: 29.5 MB in 0.4 s, the best so far",
        "train: 240 of 240 steps, loss ",
        "preflight: nothing is in the way",
    ):
        assert expected in said.err, expected
    assert main(["runs", "show", STOPPED, "--runs-dir", str(runs)]) == 0
    assert "It got as far as: train: 130 of 240 steps, loss" in capsys.readouterr().out


def test_an_empty_snapshot_can_be_drawn() -> None:
    from studio.tui.screens.train_run_frames import Look, loss_picture, samples_content, small_pictures

    assert drawn(loss_picture(TrainSnapshot(), Look()), 80, 10)
    assert len(small_pictures(TrainSnapshot(), Look())) == 3
    assert "first evaluation" in samples_content(TrainSnapshot(), 40).plain
