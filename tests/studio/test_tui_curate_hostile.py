"""Hostile data on the Curate and Runs screens: records, recipes, names of runs, logs and warnings, as text and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in
from textual.content import Content
from tui_pilot import driven, run, write_jsonl

from curation.preview import Example, Preview, Previewer, ReasonCount, StagePreview, TurnChange, take_sample
from curation.recipe_draft import RecipeDraft
from studio.cli.main import main
from studio.runs.snapshot import RunSnapshot
from studio.runs.status import Result, Status
from studio.tui.screens.curate_frames import field_frames, field_help, preview_content, stage_frames
from studio.tui.screens.curate_messages import RunStood
from studio.tui.screens.curate_values import facts_line
from studio.tui.screens.runs_frames import RunFrame, compared_content, run_content
from studio.tui.widgets.run_list import RunList
from studio.tui.widgets.stage_form import StageForm
from studio.tui.widgets.stage_list import StageList
from studio.tui.widgets.threshold import ThresholdList
from studio.tui.widgets.yaml_view import _drawn

ALL = [*escapes(), *markups()]
RECIPE = """
name: r
stages:
  - {use: clean}
  - {use: length, min_chars: 12}
  - {use: near, allow_wipeout: true}
  - {use: exact}
"""


def harmless(content: Content) -> None:
    assert not UNSAFE.search(content.plain)
    assert not [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]


def quoted(text: str) -> str:
    """The text as a YAML value."""
    return json.dumps(text)


@pytest.mark.parametrize("text", ALL, ids=range(len(ALL)))
def test_a_preview_lets_nothing_through(text: str) -> None:
    draft = RecipeDraft(f"name: {quoted(text)}\nstages:\n  - use: length\n    min_chars: 3\n", text)
    examples = []
    for action, after in (("drop", None), ("edit", text[::-1]), ("annotate", None), ("flag", None)):
        turns = (TurnChange(text, text, after), TurnChange("assistant", f"{text}\n{text}"))
        examples.append(Example(text, action, text, 0.5, 0.4, text, turns, text, (TurnChange(text, f"x {text}"),)))
    reasons = (ReasonCount("drop", text, 3, text),)
    shown = StagePreview("length", "length", True, 9, 3, 2, 1, 1, reasons, tuple(examples))
    for width in (20, 51, 90):
        harmless(preview_content(draft, 0, Preview(9, 5, (shown,)), width))
    harmless(
        preview_content(
            draft, 0, Preview(9, 5, (StagePreview("length", "length", False, problem=text, hint=text),)), 50
        )
    )
    harmless(facts_line(draft, [text, f"/a/{text}"], None, text))
    harmless(facts_line(draft, [text], Preview(9, 5, (shown,), unread=3), ""))


@pytest.mark.parametrize("text", ALL, ids=range(len(ALL)))
def test_a_recipe_lets_nothing_through(text: str) -> None:
    stage = f"  - use: length\n    name: {quoted(text)}\n    tokenizer: {quoted(text)}\n    min_chars: {quoted(text)}\n"
    draft = RecipeDraft(
        f"# {text[:1]}\nstages:\n{stage}".replace("\x00", "") if text.isprintable() else f"stages:\n{stage}", "r"
    )
    from studio.tui.screens.curate_frames import about

    described = about("length")
    assert described is not None
    form, stages = StageForm(), StageList()
    form.frames, stages.frames = tuple(field_frames(draft, 0)), tuple(stage_frames(draft, None))
    for lines in (form, stages):
        for place in range(lines.count):
            harmless(lines.line(place, 40))
    for parameter in described.parameters:
        harmless(field_help(draft, 0, parameter, text))
    harmless(preview_content(draft, 0, None, 50))
    harmless(facts_line(draft, [], None, ""))
    for marked in (True, False):
        for each in (f"# {text}", f"a: {text} # {text}", f'"{text}" # "{text}'):
            harmless(_drawn(each, marked=marked))


def stage_entry(text: str) -> dict[str, Any]:
    reasons = [{"action": action, "reason": text, "count": 3} for action in ("drop", "edit", "flag", "annotate", text)]
    return {"stage": text, "records_in": 9, "dropped": 3, "edited": 1, "flagged": 0, "reasons": reasons}


@pytest.mark.parametrize("text", ALL, ids=range(len(ALL)))
def test_a_run_lets_nothing_through(text: str) -> None:
    summary = {
        "counts": {"read": 9, "kept": 5},
        "stages": [stage_entry(text)],
        "outputs": [{"split": text, "path": text, "records": 5}],
    }
    snapshot = RunSnapshot(
        run=text, kind=text, recipe=text, stages=(text,), workers=2, phases=(text, f"{text}!"), done=3, total=9, unit=text,
        rate=2.0, eta=3.0, decided={f"{text}/drop/{text}": 3, text: 1}, warnings=(text, text), error=text, hint=text,
    )  # fmt: skip
    for status in Status:
        for result in (None, Result(status, text, 3.0, 1, text, text, text, summary)):
            stood = RunStood(text, status, result, 1.0, 10_000_000, (text, f"{text}{text}"))
            for width in (40, 76, 140):
                harmless(run_content(stood, snapshot, width))
                harmless(run_content(stood, None, width))
    harmless(compared_content((text, f"a: 1\n{text}\nb", summary), (f"{text}+", f"a: 2\n# {text}", {}), 80))
    harmless(compared_content((text, text, summary), (text, text, {"stages": [stage_entry(text + "x")]}), 60))
    runs = RunList()
    runs.frames = (RunFrame(text, text, text, text, "finished", 9, 5, f"2026-{text}", 3.0, text),)
    for width in (40, 76, 140):
        harmless(runs.line(0, width))


@pytest.mark.parametrize("text", ALL, ids=range(len(ALL)))
def test_a_threshold_lets_nothing_through(text: str) -> None:
    from curation.thresholds import Dial

    dials = ThresholdList()
    dials.dials = (Dial(text, text, text, text, "below", 3.0, (1.0,), None, 0.0, 9.0, True, False),)
    dials.values = [4.0]
    for width in (30, 76):
        harmless(dials.line(0, width))


# In a terminal


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of every payload, a recipe that holds some, and runs with payloads in names, logs, warnings and recipes."""
    folder = tmp_path_factory.mktemp("hostile")
    rows: list[dict[str, Any]] = [
        {
            "messages": [{"role": "user", "content": f"{text} <b>{text}</b>"}, {"role": "assistant", "content": text}],
            text[:30]: text,
        }
        for text in ALL
    ]
    rows += [
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": t[:9]}]} for t in ALL[::7]
    ]
    write_jsonl(folder / "o\x9b2J\u202e[@click=quit].jsonl", [*rows, *rows[::5]])
    plain = [text for text in ALL if text.isprintable()]
    hidden = [text for text in escapes() if not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in text)]
    comments = "".join(
        f"# {text}\n" for text in (*plain[:40], *hidden) if "\u2028" not in text and "\u2029" not in text
    )
    described = f"description: {quoted(' '.join(escapes()[:30]))}\n"
    (folder / "r.yaml").write_text(comments + described + RECIPE.strip() + "\n", encoding="utf-8")
    (folder / "broken.yaml").write_bytes(b"stages:\n  - use: length\n    name: \x1b]0;OWNED\a\n")
    arguments = [
        "curate",
        str(next(folder.glob("*.jsonl"))),
        "--recipe",
        str(folder / "r.yaml"),
        "--no-report",
        "--quiet",
    ]
    assert main([*arguments, "--runs-dir", str(folder / "runs"), "--workers", "1"]) == 0
    (made,) = (folder / "runs").iterdir()
    for number, text in enumerate(("\x1b]0;OWNED\a", "\u202e\u2066[b]", "\x9b2J[@click=app.exit()]", "[/]literal")):
        copy = Path(shutil.copytree(made, folder / "runs" / f"20260101-000{number}-{text}"))
        spec = json.loads((copy / "run.json").read_bytes())
        spec["recipe"]["name"] = text
        (copy / "run.json").write_text(json.dumps(spec), encoding="utf-8")
        warned = [{"event": "warned", "time": 1.0, "message": each, "hint": each} for each in ALL[number::40]]
        with (copy / "events.jsonl").open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(each) + "\n" for each in warned)
        if number % 2:
            (copy / "result.json").unlink()
            (copy / "worker.log").write_text("\n".join(ALL[number :: len(ALL) // 12]), encoding="utf-8")
    failed = Path(shutil.copytree(made, folder / "runs" / "20260101-0009-failed"))
    result = json.loads((failed / "result.json").read_bytes())
    told = {"status": "failed", "message": " ".join(escapes()[:20]), "hint": markups()[3], "summary": {}}
    (failed / "result.json").write_text(json.dumps({**result, **told}), encoding="utf-8")
    damaged = folder / "runs" / "20260101-0010-\x1b[31m"
    damaged.mkdir()
    (damaged / "run.json").write_text('{"version": 1, "\\u001b]0;OWNED": 3}')
    return folder


def test_curate_and_runs_in_a_real_terminal(hostile: Path, tmp_path: Path) -> None:
    here = Path(shutil.copytree(hostile, tmp_path / "here"))
    source = next(here.glob("*.jsonl"))
    environment = {"STUDIO_RUNS_DIR": str(here / "runs"), "STUDIO_CONFIG": str(here / "none.toml")}
    number = len(list((here / "runs").iterdir()))
    with PtyScreen([str(source)], size=(150, 60), environment=environment) as screen:
        assert screen.pump(60, until=b"1/"), screen.output[-2000:]
        screen.send("2")
        assert screen.pump(60, until=b"kept"), screen.output[-2000:]
        screen.send("oG\r")
        screen.pump(0.5)
        screen.send(f"{here / 'r.yaml'}\r")
        assert screen.pump(60, until=b"r.yaml"), screen.output[-2000:]
        screen.pump(4)
        for keys in (
            "j",
            "\t" * 2,
            " " * 30,
            "\t",
            "j" * 40,
            "\x1b",
            "v",
            "G",
            "v",
            "g",
            "jj",
            "j",
            "j",
            "a",
            "jjj",
            "\x1b",
            "?",
            "\x1b",
        ):
            screen.send(keys)
            screen.pump(0.4)
        screen.send("oG\r")
        screen.pump(0.5)
        screen.send(f"{here / 'broken.yaml'}\r")  # what is wrong with it is told with the text that is wrong
        screen.pump(1.5)
        screen.send("4")
        assert screen.pump(30, until=b"crashed"), screen.output[-2000:]
        for _ in range(number):
            screen.pump(0.9)
            screen.send("j")
        for keys in (
            "g",
            "\r",
            "G",
            "\x1b",
            " ",
            "j",
            " ",
            "=",
            "G",
            "\x1b",
            "x",
            "n",
            "t",
            "\x1b",
            "s",
            "c",
            "G",
            "x",
            "y",
        ):
            screen.send(keys)
            screen.pump(0.8)
        screen.send("ga")
        screen.pump(3)
        screen.send("\x11")
        screen.pump(1)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    assert controls_in(bytes(screen.output)) == []
    assert b"\x1b]0;OWNED" not in screen.output
    assert "\x9d0;OWNED".encode() not in screen.output
    assert b"\\x1b" in screen.output


def test_every_payload_is_in_a_preview_and_on_the_screen_without_a_crash(hostile: Path) -> None:
    """Each stage over records of every payload; the screen draws what each says of them."""
    source = next(hostile.glob("*.jsonl"))
    draft = RecipeDraft((hostile / "r.yaml").read_text(encoding="utf-8"), "r.yaml")
    assert draft.recipe is not None
    preview = Previewer(take_sample([str(source)], 1000)).preview(draft.recipe)
    assert preview.sampled >= len(ALL)
    for place in range(len(draft.entries)):
        harmless(preview_content(draft, place, preview, 60))

    async def test() -> None:
        async with driven(source, size=(120, 40), runs_dir=hostile / "no-runs") as studio:
            await studio.press("2")
            await studio.until(lambda: studio.screen.preview is not None, "the preview")
            studio.screen._open(str(hostile / "r.yaml"))
            await studio.until(lambda: studio.screen.draft.origin.endswith("r.yaml"), "the recipe")
            await studio.until(lambda: studio.screen.preview is not None, "the preview")
            for place in range(len(draft.entries)):
                await studio.press("home", *["down"] * place)
                await studio.pilot.pause(0.1)
                for pane in ("#preview", "#yaml"):
                    harmless(studio.screen.query_one(pane).content)
            assert studio.screen.preview.of("clean").edited > 50

    run(test())


def test_random_keys_on_curate_and_runs(hostile: Path, tmp_path: Path) -> None:
    import asyncio
    import random
    from contextlib import suppress

    from textual.pilot import WaitForScreenTimeout

    number = int(os.environ.get("STUDIO_MONKEY", "250"))
    draw = random.Random(int(os.environ.get("STUDIO_MONKEY_SEED", "11")))
    moves = "j k g G down up pageup pagedown left right home end tab shift+tab J K".split()
    acts = "a c d e f i o p r s t u v w x y U space enter escape backspace equals_sign 2 4 2 4 1 f1 question_mark ctrl+p".split()
    here = Path(shutil.copytree(hostile, tmp_path / "here"))
    pressed: list[str] = []

    async def test() -> None:
        async with driven(next(here.glob("*.jsonl")), size=(120, 40), runs_dir=here / "runs") as studio:
            studio.app.action_leave = lambda: None  # the list of commands holds Quit, too
            await studio.press("2")
            for count in range(number):
                pressed.append(draw.choice([*moves, *acts]))
                try:
                    # Not the pilot's own press: it waits for ever for keys of a footer that was drawn anew meanwhile.
                    await studio.app._press_keys([pressed[-1]])
                    await asyncio.sleep(0.02)
                except Exception as error:
                    raise AssertionError(f"after {count} keys, the last of them {pressed[-12:]}") from error
                if count % 50 == 0:
                    with suppress(WaitForScreenTimeout):
                        await studio.pilot.resize_terminal(draw.randint(1, 200), draw.randint(1, 60))
            await asyncio.sleep(0.5)
            assert studio.app._exception is None
            assert studio.app.is_running

    previous = Path.cwd()
    os.chdir(tmp_path)  # where a recipe saved at random goes
    try:
        run(test())
    finally:
        os.chdir(previous)
        _end_runs(here / "runs")


def _end_runs(runs: Path) -> None:
    """Runs that were started at random end before their folder goes."""
    from contextlib import suppress

    from curation.errors import StudioError
    from studio.runs.folder import every
    from studio.runs.lock import is_held
    from studio.runs.stop import force_stop

    for folder in every(runs):
        if is_held(folder):
            with suppress(StudioError):
                force_stop(folder, 3.0)
