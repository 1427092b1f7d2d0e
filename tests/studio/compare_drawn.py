# ruff: noqa: E501 - tables are easier to read in long lines
"""Comparisons for tests and pictures of the Compare screen: folders as a worker leaves them, with clocks that stand still."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from train_drawn import FINISHED as TRAINED
from train_drawn import SUMMARY as TRAIN_SUMMARY
from train_drawn import finish, trained
from train_drawn import make_run as make_train_run
from tui_pilot import Driven, driven

from studio.runs.compare_begin import entry_of
from studio.runs.folder import RunFolder
from studio.runs.jsonl import one_line
from studio.runs.lock import RunLock
from studio.tui.picture import picture
from studio.tui.screens.compare_messages import NearFound, StoryTold
from studio.tui.screens.compare_work import CompareFollowing
from studio.tui.settings import Settings
from training.compare.judge import model as judged
from training.compare.model import ANSWERS, PROMPTS, Answer, Piece, Prompt, RecordLoss, SideName, answer_digest, append
from training.compare.recipe import CompareRecipe
from training.examples import Message

Act = Callable[[Driven], Awaitable[None]]
DONE, LIVE = "20260304-1310-compare-0c1d", "20260304-1500-compare-9f2e"
_BEGAN = 1772629800.0
ASKED: dict[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "en": (
        ("desk.jsonl:7", "How do I renew my library card?", "Bring your old card and an ID to the desk on the first floor.",
         "You can renew your library card online or by visiting the library. Please bring your card.",
         "Bring your old card and an ID to the desk on the first floor; it takes five minutes."),
        ("desk.jsonl:31", "Is the reading room open on Sundays?", "Yes, from ten to four.",
         "The reading room is a room for reading. Opening hours vary, please check the website.", "Yes, from ten to four."),
        ("desk.jsonl:44", "I lost a book. What now?", "Tell the desk; you pay its price or bring another copy.",
         "I am sorry to hear that. Losing a book can be stressful, and there are several things that you can do about it.",
         "Tell the desk. You pay the price of the book, or bring another copy of it."),
        ("desk.jsonl:58", "Can I bring coffee?", "Only with a lid, and not to the map room.", "Yes, you can bring coffee.",
         "Only with a lid, and never into the map room."),
        ("desk.jsonl:61", "Do you have a scanner?", "Two, beside the lifts; scans are free.", "Yes.", "Yes."),
    ),
    "zh_CN": (
        ("问答.csv:7", "图书馆的借书证怎么续期？", "带上旧证和身份证，到一楼服务台办理即可。",
         "您可以在线续期，也可以到图书馆办理。请带上您的借书证，工作人员会协助您完成续期手续。", "带上旧证和身份证，到一楼服务台，五分钟就好。"),
        ("问答.csv:31", "阅览室周日开放吗？", "开放，十点到四点。", "阅览室是供读者阅读的房间，开放时间请查看网站。", "开放，十点到四点。"),
        ("问答.csv:44", "书丢了怎么办？", "告诉服务台，照价赔偿或者还一本相同的书。", "很抱歉听到这个消息。丢书会让人焦虑，您可以采取几种办法。",
         "告诉服务台，照价赔偿，或者还一本一样的。"),
        ("问答.csv:58", "可以带咖啡吗？", "有盖的可以，地图室不行。", "可以带咖啡。", "有盖的可以，地图室绝对不行。"),
        ("问答.csv:61", "有扫描仪吗？", "电梯旁有两台，免费。", "有。", "有。"),
    ),
}  # fmt: skip


def recipe(runs: Path, *, judge: bool = False) -> CompareRecipe:
    """Base against tuned of the training run of the pictures."""
    found = CompareRecipe.load("").with_settings([f"sides.run={runs.absolute() / TRAINED}"])
    return found.with_settings(["judge.model=http://127.0.0.1:9/v1#judge"]) if judge else found


def make_compare(runs: Path, name: str, *, judge: bool = False) -> RunFolder:
    """A comparison's folder without an event."""
    folder = RunFolder(runs.absolute() / name)
    folder.path.mkdir(parents=True)
    run = str(runs.absolute() / TRAINED)
    spec = {
        "kind": "compare", "created": "2026-03-04T13:10:00+00:00", "inputs": [], "sources": [], "recipe": entry_of(recipe(runs, judge=judge)),
        "options": {"run": run, "interactive": True, "idle": 1800.0}, "seed": 0, "argv": ["studio", "compare"], "cwd": "/data",
        "versions": {}, "earlier": [], "version": 1,
    }  # fmt: skip
    folder.spec.write_text(json.dumps(spec))
    os.utime(folder.spec, (_BEGAN, _BEGAN))
    return folder


def tell(folder: RunFolder, *events: dict[str, Any]) -> None:
    """Events, as the worker appends them."""
    with folder.events.open("a") as stream:
        stream.write("".join(one_line(event) + "\n" for event in events))


def pieces_of(text: str, side: str) -> list[list[Any]]:
    """A text as tokens of a word or two characters, with probabilities that go up and down."""
    size = 2 if not text.isascii() else 5
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    odds = (0.0, -0.05, -0.3, -1.2, -0.1, -3.4, -0.02) if side == "b" else (-0.2, -0.9, -2.6, -0.4, -1.1)
    return [[part, odds[number % len(odds)]] for number, part in enumerate(parts)]


def started(name: str) -> dict[str, Any]:
    """The first event of a leg."""
    return {"event": "run_started", "time": _BEGAN, "run": name, "kind": "compare", "recipe": "compare", "stages": ["answers", "losses"],
            "workers": 1, "resumed": False}  # fmt: skip


def prepared(prompts: int) -> dict[str, Any]:
    """Who is compared."""
    return {
        "event": "compare_prepared", "time": _BEGAN + 4, "template": "chatml", "device": "CPU, float32", "prompts": prompts,
        "a": {"name": "base", "label": "smollm2", "digest": "1" * 64, "kind": "base"},
        "b": {"name": "tuned", "label": f"tuned {TRAINED[-4:]}", "digest": "2" * 64, "kind": "tuned"}, "changes": [],
    }  # fmt: skip


def answer(folder: RunFolder, prompt_id: str, side: SideName, text: str, at: float, *, upto: int | None = None) -> None:
    """Let a side answer: whole, and into answers.jsonl; or only so many tokens of it up to now."""
    parts = pieces_of(text, side)
    seconds = 0.031 * len(parts) if side == "a" else 0.034 * len(parts)
    tell(folder, {"event": "answer_began", "time": at, "prompt_id": prompt_id, "side": side})
    shown = parts if upto is None else parts[:upto]
    tell(folder, {"event": "answer_grew", "time": at + seconds, "prompt_id": prompt_id, "side": side, "pieces": shown})
    if upto is None:
        row = Answer(prompt_id, side, text, len(parts) + 1, seconds, "end", 0, tuple(Piece(*part) for part in parts))
        append(folder.path / ANSWERS, row)
        tell(folder, {"event": "answered", "time": at + seconds, "prompt_id": prompt_id, "side": side, "tokens": len(parts) + 1,
                      "seconds": round(seconds, 3), "stopped": "end"})  # fmt: skip


def prompts_of(language: str) -> list[Prompt]:
    """The prompts of the pictures."""
    return [Prompt(f"held:{at}", (Message("user", asked),), said, "heldout", record)
            for at, (record, asked, said, _a, _b) in enumerate(ASKED[language])]  # fmt: skip


def make_comparisons(runs: Path, language: str = "en") -> Path:
    """A training run, a comparison of it that is done, with losses and a judge; and one that is answering its third prompt."""
    finish(make_train_run(runs, TRAINED, trained(TRAINED, 240, 240, language)), summary=TRAIN_SUMMARY)
    for name in (DONE, LIVE):
        folder = make_compare(runs, name, judge=name == DONE)
        tell(folder, started(name), prepared(5))
        for prompt in prompts_of(language):
            append(folder.path / PROMPTS, prompt)
        told = list(zip(prompts_of(language), ASKED[language], strict=True))
        for at, (prompt, row) in enumerate(told if name == DONE else told[:2]):
            for side in ("a", "b"):
                answer(folder, prompt.prompt_id, side, row[3 if side == "a" else 4], _BEGAN + 10 * at)
    live = RunFolder(runs.absolute() / LIVE)
    for side, upto in (("a", 15), ("b", 9)):
        answer(live, "held:2", side, ASKED[language][2][3 if side == "a" else 4], _BEGAN + 30, upto=upto)
    _measured(RunFolder(runs.absolute() / DONE), language)
    return runs


def _measured(folder: RunFolder, language: str) -> None:
    for at, (row, winner) in enumerate(zip(ASKED[language], ("b", "b", "tie", "b", "tie"), strict=True)):
        verdicts = tuple(judged.Verdict(first, winner, "It names the desk.") for first in ("a", "b"))  # type: ignore[arg-type]
        digests = (answer_digest(row[3]), answer_digest(row[4]))
        judged.append(
            folder.path,
            judged.PairJudgement(
                f"held:{at}", winner, verdicts if row[3] != row[4] else (), digests, "0", "judge", "judge"
            ),
        )  # type: ignore[arg-type]
        tell(
            folder,
            {
                "event": "judged",
                "time": _BEGAN + 60,
                "prompt_id": f"held:{at}",
                "winner": winner,
                "why": "It names the desk.",
            },
        )
    for dataset, a, b in (("heldout", 3.61, 1.38), ("retention", 3.02, 3.05)):
        for number in range(24):
            for side, mean in (("a", a), ("b", b)):
                loss = mean + 0.11 * (number * 7 % 5 - 2) + (0.05 * (number % 3 - 1) if side == "b" else 0)
                append(folder.path / "losses.jsonl", RecordLoss(dataset, f"r{number}", side, loss * 20, 20, 90))  # type: ignore[arg-type]
        tell(
            folder, {"event": "losses_measured", "time": _BEGAN + 70, "dataset": dataset, "a": a, "b": b, "tokens": 480}
        )
    sentence = (
        f"tuned 5a1c is better than smollm2: the loss on held-out records is lower by {3.61 - 1.38:.2f} nats a token."
    )
    tell(folder, {"event": "concluded", "time": _BEGAN + 89, "conclusion": {"verdict": "better", "sentence": sentence}})
    tell(folder, {"event": "waiting", "time": _BEGAN + 90, "on": True}, {"event": "waiting", "time": _BEGAN + 99, "on": False},
         {"event": "run_finished", "time": _BEGAN + 99, "run": folder.name, "summary": {}})  # fmt: skip
    finish(folder, summary={"kind": "compare", "conclusion": {"verdict": "better"}})


@contextmanager
def held(runs: Path, name: str = LIVE) -> Iterator[RunFolder]:
    """Somebody does this comparison, as long as this lasts."""
    folder = RunFolder(runs.absolute() / name)
    with RunLock.acquire(folder):
        yield folder


# States of the screen


async def shown(studio: Driven, runs: Path, name: str) -> None:
    """A comparison on the screen."""
    studio.screen.attach(runs.absolute() / name)
    await studio.until(lambda: studio.screen.stood is not None and studio.screen.snapshot.prompts, "the comparison")
    await studio.until(lambda: studio.screen.query_one("#head").content.plain, "its head")
    await studio.pilot.pause(0.2)


def _opened(name: str, *keys: str) -> Act:
    async def act(studio: Driven) -> None:
        await shown(studio, studio.app.runs_dir, name)
        if keys:
            await studio.press(*keys)
        await studio.pilot.pause(0.3)

    return act


async def _listed(studio: Driven) -> None:
    await studio.until(lambda: studio.screen.query_one("#compares").frames, "the list")


async def _presets(studio: Driven) -> None:
    await _listed(studio)
    await studio.press("end", "n")
    await studio.until(lambda: studio.screen.query("#choices"), "the recipes")


async def voted(studio: Driven, *keys: str) -> None:
    """Votes, one after another, each on the disk before the next."""
    for key in keys:
        done = studio.screen.voted[0]
        await studio.press(key)
        await studio.until(lambda done=done: studio.screen.voted[0] == done + 1, "the vote")  # type: ignore[misc]


async def _voting(studio: Driven) -> None:
    await _opened(DONE, "v")(studio)
    await studio.until(lambda: studio.screen.voted[1], "the pairs")
    await voted(studio, "right", "t")
    await studio.pilot.pause(0.2)


async def _revealed(studio: Driven) -> None:
    await _opened(DONE, "v")(studio)
    await studio.until(lambda: studio.screen.voted[1], "the pairs")
    await voted(studio, "right", "left", "t", "b")
    await studio.press("R")
    await studio.until(lambda: studio.screen.query("#confirm"), "the question")
    await studio.press("y")
    await studio.until(lambda: studio.screen.facts is not None, "the numbers")
    await studio.pilot.pause(0.3)


NEAR_TEXTS = {
    "en": ("desk.jsonl:12", "Where do I get a new card?", "Bring your old card and an ID to the desk on the first floor, weekdays only."),
    "zh_CN": ("问答.csv:12", "补办借书证去哪里？", "带上旧证和身份证，到一楼服务台，工作日办理。"),
}  # fmt: skip


def near_found(language: str) -> NearFound:
    """Training records near to the tuned side's first answer, as the search tells them."""
    from training.compare.back.nearest import Near
    from training.compare.back.passages import shared_passages

    text = ASKED[language][0][4]
    rows: Sequence[tuple[str, str, str]] = (NEAR_TEXTS[language], *((r[0], r[1], r[2]) for r in ASKED[language][1:]))
    found = [
        Near(name, 0.9 - 0.1 * at, 0.93 - 0.12 * at, 0.61 if not at else 0.0,
             tuple(shared_passages(text, said) + shared_passages(text, asked, "prompt")), asked, said)
        for at, (name, asked, said) in enumerate(rows)
    ]  # fmt: skip
    return NearFound("held:0", "b", found)


def story_told(language: str) -> StoryTold:
    """Where the first of them came from."""
    from curation.ledger import Event, Story, Turn
    from training.compare.back.story import RecordStory

    name, asked, said = NEAR_TEXTS[language]
    events = (
        Event("clean", "edit", "mojibake", "wrongly decoded characters", None, None, None, {}, None, "stage"),
        Event("length", "annotate", "length", "its length", 71.0, 20.0, None, {}, None, "stage"),
    )
    ledger = Story(name, "desk.jsonl", "kept", "messages", (Turn(0, "user", asked), Turn(1, "assistant", said)), events)
    first = RecordStory(name, Path("/data/desk.jsonl"), 12, "no curation beside it wrote desk.jsonl.")
    story = RecordStory(name, Path("/data/runs/20260304-0800-curate-77aa/dataset/train.jsonl"), 9, "written by it.", "position",
                        Path("/data/runs/20260304-0800-curate-77aa"), ledger, ("desk.jsonl:80",), earlier=first)  # fmt: skip
    return StoryTold(name, story)


async def _back(studio: Driven) -> None:
    language = studio.app.settings.language or "en"
    await shown(studio, studio.app.runs_dir, DONE)
    studio.screen.add_class("-back")
    studio.screen._back_head()
    studio.screen.query_one("#near").focus()
    studio.screen.post_message(near_found(language))
    await studio.pilot.pause(0.1)
    studio.screen.post_message(story_told(language))
    await studio.pilot.pause(0.2)


STATES: dict[str, Act] = {
    "list": _listed,
    "presets": _presets,
    "answering": _opened(LIVE),
    "done": _opened(DONE),
    "diff": _opened(DONE, "d"),
    "odds": _opened(DONE, "l"),
    "voting": _voting,
    "revealed": _revealed,
    "back": _back,
}


async def draw(state: str, folder: Path, size: tuple[int, int], language: str) -> str:
    """The screen in one of STATES, as SVG. Runs are made in `folder`, which has to be the current one."""
    runs = make_comparisons(folder / "runs", language)
    settings = Settings(language=language, animation="none")
    CompareFollowing._usage = lambda _self: (1.9, 912_000_000)  # type: ignore[method-assign]
    with held(runs):
        async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
            await studio.press("6")
            await studio.until(lambda: studio.app.current_mode == "compare", "the screen")
            await studio.until(lambda: studio.app.live, "the line at the top")
            await STATES[state](studio)
            await studio.pilot.pause(0.3)
            return picture(studio.app)
