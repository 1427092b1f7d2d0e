"""The Compare screen under a pilot: answers grow side by side, votes are blind, numbers follow, and the data is one key away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from compare_drawn import (
    ASKED,
    DONE,
    LIVE,
    answer,
    held,
    make_compare,
    make_comparisons,
    near_found,
    pieces_of,
    shown,
    started,
    tell,
    voted,
)
from train_drawn import FINISHED as TRAINED
from tui_pilot import Driven, driven, run

from studio.runs.compared import CompareSnapshot, fold, read_compared
from studio.runs.folder import RunFolder
from studio.tui.screens.compare_frames import Look, Opinions, answers_content, perplexity, short_label
from studio.tui.screens.compare_numbers import span
from studio.tui.settings import Settings
from training.compare.asks import AskReader
from training.compare.model import PROMPTS, Piece, Prompt, append
from training.compare.notes import NoteBook
from training.compare.votes import VoteBook
from training.examples import Message


@pytest.fixture(autouse=True)
def voter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_AUTHOR", "walker")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return make_comparisons(tmp_path / "runs")


@asynccontextmanager
async def comparing(runs: Path, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driven]:
    """The screen with its list."""
    settings = Settings(language="en", animation="none")
    async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
        await studio.press("6")
        await studio.until(lambda: studio.app.current_mode == "compare", "the screen")
        await studio.until(lambda: studio.screen.book is not None, "the list")
        yield studio


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


def folder(runs: Path, name: str) -> RunFolder:
    return RunFolder(runs.absolute() / name)


# The list


def test_the_screen_never_loads_what_answers(runs: Path) -> None:
    """In a process of its own: a comparison with answers, votes and numbers, and no torch."""
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from tui_pilot import driven
async def test():
    runs = Path({str(runs)!r})
    async with driven(size=(120, 40), runs_dir=runs, settle=False) as studio:
        await studio.press("6")
        await studio.until(lambda: studio.app.current_mode == "compare")
        studio.screen.attach(runs / {DONE!r})
        await studio.until(lambda: studio.screen.snapshot.prompts)
        await studio.press("m")
        await studio.until(lambda: studio.screen.facts is not None)
        heavy = ("torch", "transformers", "trl", "peft", "datasets", "tokenizers")
        print([name for name in heavy if name in sys.modules])
asyncio.run(test())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_comparisons_come_first_and_training_runs_can_be_compared(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with comparing(runs) as studio:
                compares = studio.screen.query_one("#compares")
                await studio.until(lambda: len(compares.frames) == 3, "the list")
                assert [each.name for each in compares.frames] == [LIVE, DONE, TRAINED]
                assert [each.status for each in compares.frames] == ["running", "finished", "finished"]
                assert compares.frames[1].said == "better · base ↔ tuned · train-5a1c"
                await studio.press("end", "n")
                await studio.until(lambda: studio.screen.query("#choices"), "the recipes")
                values = [each.value for each in studio.screen.query_one("#choices").choices]
                assert values == ["compare", "full", "quick", "…"]
                await studio.press("end", "enter")
                await studio.until(lambda: studio.screen.query_one("PromptLine").is_open, "two models")
                assert studio.screen.query_one("#prompt-input").value == "base tuned"

    run(test())


def test_a_comparison_begins_with_what_was_chosen(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's start is put aside: what it was given is what counts here."""
    from studio.tui.screens import compare_work

    begun: list[tuple[str, tuple[str, ...], str]] = []
    monkeypatch.setattr(
        compare_work, "begin", lambda run, settings, preset, _runs, _to: begun.append((run, settings, preset))
    )

    async def test() -> None:
        async with comparing(runs) as studio:
            await studio.until(lambda: studio.screen.query_one("#compares").frames, "the list")
            await studio.press("end", "n")
            await studio.until(lambda: studio.screen.query("#choices"), "the recipes")
            await studio.press("end", "up", "enter")
            await studio.until(lambda: len(begun) == 1, "the quick one")
            await studio.press("home")
            await typed(studio, "n", "'my model' http://127.0.0.1:1/v1#m asked.jsonl")
            await studio.until(lambda: len(begun) == 2, "two models")
            await typed(studio, "n", "one two")
            assert "Name two models" in studio.said and len(begun) == 2

    run(test())
    assert begun[0] == (str(runs.absolute() / TRAINED), (), "quick")
    settings = (
        "sides.a=my model",
        "sides.b=http://127.0.0.1:1/v1#m",
        "prompts.source=asked.jsonl",
        "losses.heldout=false",
    )
    assert begun[1] == ("", settings, "")


def test_what_cannot_begin_is_said(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            await studio.until(lambda: studio.screen.query_one("#compares").frames, "the list")
            await typed(studio, "n", "base tuned /nowhere.jsonl")
            await studio.until(lambda: "training run" in studio.said, "the refusal")
            assert not studio.screen.has_class("-open")

    run(test())


# Answers


def test_answers_grow_while_one_looks(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with comparing(runs) as studio:
                await shown(studio, runs, LIVE)
                assert "I lost a book. What now?" in text(studio) and studio.screen.place == 2
                assert "Tell the desk. You pay the price" in text(studio) and "another copy of it" not in text(studio)
                assert "9 tokens" in text(studio) and "writing …" in text(studio) and "▌" in text(studio)
                rest = pieces_of(ASKED["en"][2][4], "b")[9:]
                facts = {"time": 1772629999.0, "prompt_id": "held:2", "side": "b"}
                tell(live, {"event": "answer_grew", "pieces": rest, **facts})
                await studio.until(lambda: "another copy of it" in " ".join(text(studio).split()), "the rest")
                tell(live, {"event": "answered", "tokens": 16, "seconds": 0.5, "stopped": "length", **facts})
                await studio.until(lambda: "cut at the limit" in text(studio), "its end")
                assert "32.0/s" in text(studio)

    run(test())


def test_the_prompt_being_answered_is_shown_until_somebody_looks_elsewhere(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with comparing(runs) as studio:
                await shown(studio, runs, LIVE)
                await studio.press("up")
                await studio.until(lambda: "Is the reading room open" in text(studio), "another prompt")
                answer(live, "held:3", "a", ASKED["en"][3][3], 1772629900.0)
                await studio.until(lambda: studio.screen.snapshot.reply("held:3", "a") is not None, "the next answer")
                await studio.pilot.pause(0.2)
                assert studio.screen.place == 1

    run(test())


@pytest.mark.parametrize(("width", "beside"), [(80, False), (99, False), (100, True), (120, True)])
def test_answers_are_stacked_below_a_hundred_columns(runs: Path, width: int, beside: bool) -> None:
    async def test() -> None:
        async with comparing(runs, size=(width, 40)) as studio:
            await shown(studio, runs, DONE)
            await studio.until(lambda: "18 tokens" in text(studio), "the answers")
            line = next(each for each in text(studio).split("\n") if "A smollm2" in each and "↔" not in each)
            assert ("B tuned" in line) == beside

    run(test())


def test_what_differs_and_what_was_unlikely_is_marked_without_colour() -> None:
    snapshot = fold(CompareSnapshot(), [
        {"event": "answer_grew", "time": 2.0, "prompt_id": "p", "side": "a", "pieces": [["red ", -0.1], ["box", -3.0]]},
        {"event": "answer_grew", "time": 2.0, "prompt_id": "p", "side": "b", "pieces": [["red ", -1.0], ["hat", None]]},
    ])  # fmt: skip
    prompt = Prompt("p", (Message("user", "?"),))

    def drawn(look: Look) -> str:
        content = answers_content(snapshot, prompt, look, Opinions(), 60, goes_on=False)
        marked = [content.plain[span.start : span.end] for span in content.spans if "underline" in str(span.style)]
        return content.plain + "|" + "|".join(marked)

    assert drawn(Look(diff=True)).endswith("|box|hat")
    assert "red ‹box›" in drawn(Look(odds=True)) and drawn(Look(odds=True)).endswith("|‹box›|red ")
    assert "underline" not in drawn(Look()) and drawn(Look()).endswith("|")
    blind = drawn(Look(odds=True, blind=True, left="b"))
    assert "‹" not in blind and "perplexity" not in blind and "/s ·" not in blind
    assert blind.index("hat") < blind.index("box")  # b stands on the left


def test_perplexity_is_of_the_tokens_that_are_known() -> None:
    assert perplexity([Piece("a", -1.0), Piece("b", float("nan")), Piece("c", -3.0)]) == pytest.approx(7.389056)
    assert perplexity([Piece("a", float("nan"))]) is None


def test_chinese_answers_stand_next_to_each_other_in_line(tmp_path: Path) -> None:
    from rich.cells import cell_len

    make_comparisons(tmp_path / "runs", "zh_CN")
    snapshot = read_compared(tmp_path / "runs" / DONE)
    content = answers_content(snapshot, snapshot.prompts[0], Look(beside=True), Opinions(), 61, goes_on=False)
    bars = {cell_len(line.split(" │ ")[0]) for line in content.plain.split("\n") if " │ " in line}
    assert bars == {29} and max(cell_len(line) for line in content.plain.split("\n")) <= 61


def test_a_conversation_shows_each_side_its_own_answers() -> None:
    events = []
    for name, side, said in (("t", "a", "cats"), ("t", "b", "dogs"), ("t +2", "a", "nine lives"), ("t +2", "b", "one")):
        facts = {"time": 1.0, "prompt_id": name, "side": side}
        events += [{"event": "answer_began", **facts}, {"event": "answer_grew", "pieces": [[said, 0.0]], **facts}]
    snapshot = fold(CompareSnapshot(), events)
    prompt = Prompt("t +2", (Message("user", "Who is best?"), Message("user", "Why?")))
    content = answers_content(snapshot, prompt, Look(beside=True), Opinions(), 80, goes_on=True)
    lines = content.plain.split("\n")
    row = next(number for number, line in enumerate(lines) if "Who is best?" in line)
    assert lines[row + 1].split() == ["cats", "│", "dogs"] and lines[row + 2] == "Why?"
    assert lines[-1].split() == ["nine", "lives▌", "│", "one▌"]


# The snapshot


def test_an_answer_that_was_called_off_leaves_the_whole_one_before() -> None:
    def said(text: str, stopped: str) -> list[dict[str, object]]:
        facts = {"time": 1.0, "prompt_id": "p", "side": "a"}
        grown = {"event": "answer_grew", "pieces": [[text, -1.0]], **facts}
        ended = {"event": "answered", "tokens": 1, "seconds": 1.0, "stopped": stopped, **facts}
        return [{"event": "answer_began", **facts}, grown, ended]

    for batched in (True, False):
        events = [*said("whole", "end"), *said("half", "stopped")]
        snapshot = CompareSnapshot()
        for batch in [events] if batched else [[event] for event in events]:
            snapshot = fold(snapshot, batch)
        reply = snapshot.reply("p", "a")
        assert reply is not None and (reply.text, reply.stopped, reply.before) == ("whole", "end", None)
        snapshot = fold(snapshot, said("anew", "end"))
        assert snapshot.replies["p", "a"].text == "anew"
    alone = fold(CompareSnapshot(), said("half", "stopped"))
    assert alone.replies["p", "a"].text == "half"


def test_a_killed_worker_leaves_no_half_answer_when_it_goes_on(runs: Path) -> None:
    live = folder(runs, LIVE)
    assert read_compared(live.path).writing == ("held:2",)
    tell(live, {**started(LIVE), "resumed": True})
    snapshot = read_compared(live.path)
    assert snapshot.writing == () and snapshot.answered == 2 and len(snapshot.prompts) == 5
    with (live.path / PROMPTS).open("a") as stream:
        stream.write('{"prompt_id": "torn", "mess')
    assert len(read_compared(live.path).prompts) == 5


# Asking


def test_questions_go_into_the_folder_and_their_answers_come_to_the_screen(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with comparing(runs) as studio:
                await shown(studio, runs, LIVE)
                await typed(studio, "i", "Where is the map room?")
                (ask,) = AskReader(live.path).read()
                assert (ask.ask, ask.text) == ("prompt", "Where is the map room?")
                append(live.path / PROMPTS, Prompt(ask.prompt_id, (Message("user", ask.text),)))
                tell(live, {"event": "waiting", "time": 1.0, "on": False})
                for side in ("a", "b"):
                    answer(live, ask.prompt_id, side, f"Upstairs, says {side}.", 1772629950.0)  # type: ignore[arg-type]
                await studio.until(lambda: "Upstairs, says b." in text(studio), "the answer")
                assert studio.screen.prompt.prompt_id == ask.prompt_id
                await typed(studio, "I", "And the lifts?")
                assert AskReader(live.path).read()[-1].prompt_id == f"{ask.prompt_id} +2"
                await studio.press("r")
                assert AskReader(live.path).read()[-1].ask == "again"

    run(test())


def test_what_is_being_written_is_called_off_by_x_and_by_esc_where_it_was_asked_for(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with comparing(runs) as studio:
                await shown(studio, runs, LIVE)
                await studio.press(
                    "x"
                )  # a prompt of the recipe: this one alone is called off, and the next is answered
                assert [(ask.ask, ask.prompt_id) for ask in AskReader(live.path).read()] == [("cancel", "held:2")]
                tell(
                    live, {"event": "waiting", "time": 1.0, "on": True}, {"event": "waiting", "time": 1.0, "on": False}
                )
                await studio.until(lambda: studio.screen.snapshot.listening, "what was asked")
                append(live.path / PROMPTS, Prompt("typed:1", (Message("user", "?"),)))
                answer(live, "typed:1", "a", "Well", 1772629950.0, upto=1)
                await studio.until(lambda: "typed:1" in studio.screen.snapshot.writing, "something typed")
                await studio.press("escape")
                assert AskReader(live.path).read()[-1].prompt_id == "typed:1"
                assert studio.screen.has_class("-open")
                facts = {"time": 1.0, "prompt_id": "typed:1", "side": "a"}
                tell(live, {"event": "answered", "tokens": 1, "seconds": 1.0, "stopped": "stopped", **facts})
                ended = {"event": "answered", "tokens": 1, "seconds": 1.0, "stopped": "end", "prompt_id": "held:2"}
                tell(live, *({**ended, "time": 1.0, "side": side} for side in ("a", "b")))
                await studio.until(lambda: not studio.screen.can_cancel, "the end")
                await studio.press("escape")
                assert not studio.screen.has_class("-open")

    run(test())


def test_a_question_to_a_comparison_that_has_ended_loads_its_models(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.tui.screens import compare_work

    opened: list[Path] = []
    monkeypatch.setattr(compare_work, "open_again", lambda path, _target: opened.append(path))

    async def test() -> None:
        async with comparing(runs) as studio:
            await shown(studio, runs, DONE)
            await typed(studio, "i", "Are you there?")
            await studio.until(lambda: opened, "the models")
            assert AskReader(folder(runs, DONE).path).read()[0].text == "Are you there?"

    run(test())
    assert opened == [folder(runs, DONE).path]


def test_notes_and_favourites_are_kept(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("f")
            await studio.until(lambda: studio.screen.opinions.favourites, "the favourite")
            await typed(studio, "e", "names the desk 服务台")
            await studio.until(lambda: studio.screen.opinions.notes, "the note")
            await studio.until(lambda: "✎ names the desk 服务台" in text(studio), "it is shown")
            await studio.press("f")
            await studio.until(lambda: not studio.screen.opinions.favourites, "no favourite")

    run(test())
    assert NoteBook(folder(runs, DONE).path).notes() == {"held:0": "names the desk 服务台"}


def test_copying_takes_the_prompt_and_both_answers(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("y")
            _at, asked, _said, a, b = ASKED["en"][0]
            assert studio.app._clipboard == f"{asked}\n\nA smollm2:\n{a}\n\nB tuned 5a1c:\n{b}"
            await studio.press("v")
            await studio.until(lambda: studio.screen.voted[1], "the pairs")
            await studio.press("y")
            assert "smollm2" not in studio.app._clipboard and "tuned" not in studio.app._clipboard

    run(test())


# Votes


async def voting(studio: Driven, runs: Path) -> VoteBook:
    await shown(studio, runs, DONE)
    await studio.press("v")
    await studio.until(lambda: studio.screen.voted[1] == 4, "the pairs")
    return VoteBook(folder(runs, DONE).path)


def test_votes_are_blind_and_saved_at_once(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            book = await voting(studio, runs)
            seen = []
            for key in ("left", "right", "t", "b"):
                shown_text, prompt = text(studio), studio.screen.prompt.prompt_id
                assert "smollm2" not in shown_text and "5a1c" not in shown_text and "/s ·" not in shown_text
                assert "judge" not in shown_text
                first = book.order_of(prompt)[0]
                place = int(prompt.partition(":")[2])
                left = ASKED["en"][place][3 if first == "a" else 4]
                row = next(line for line in shown_text.split("\n") if left[:20] in line)
                assert row.index(left[:20]) < 80 - 4
                seen.append((prompt, key))
                await voted(studio, key)
                assert book.progress()[0] == len(seen)
            choices = {vote.prompt_id: vote.choice for vote in book.fresh()}
            words = {"left": "left", "right": "right", "t": "tie", "b": "bad"}
            assert choices == {prompt: words[key] for prompt, key in seen} and len(choices) == 4
            assert "You have voted on every pair" in studio.said
            assert "tuned" not in text(studio)

    run(test())


def test_down_is_a_tie_while_voting_and_scrolls_else(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs, size=(80, 16)) as studio:
            book = await voting(studio, runs)
            await voted(studio, "down")
            assert [vote.choice for vote in book.fresh()] == ["tie"]
            await studio.press("v")
            studio.screen.query_one("#answers").focus()
            before = studio.screen.query_one("#answers").scroll_offset.y
            await studio.press("down", "t", "b", "left", "right")
            assert studio.screen.query_one("#answers").scroll_offset.y == before + 1
            assert book.progress()[0] == 1

    run(test())


def test_undo_goes_back_to_the_pair_and_voting_goes_on_later(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            book = await voting(studio, runs)
            first = studio.screen.prompt.prompt_id
            await voted(studio, "left")
            await studio.press("u")
            await studio.until(lambda: studio.screen.voted[0] == 0, "the undo")
            assert studio.screen.prompt.prompt_id == first and not book.fresh()
            await studio.press("u")
            await studio.until(lambda: "no vote to take back" in studio.said, "the refusal")
            await voted(studio, "right", "t")
            await studio.press("escape", "escape")
            assert not studio.screen.has_class("-open")
        async with comparing(runs) as studio:
            await voting(studio, runs)
            assert studio.screen.voted == (2, 4)
            assert studio.screen.prompt.prompt_id not in {vote.prompt_id for vote in book.fresh()}

    run(test())


def test_the_reveal_is_asked_about_and_is_for_good(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            book = await voting(studio, runs)
            await voted(studio, "left")
            await studio.press("R")
            await studio.until(lambda: studio.screen.query("#confirm"), "the question")
            assert "1 of 4 pairs" in text(studio)
            await studio.press("escape", "R")
            assert not book.is_open()
            await studio.until(lambda: studio.screen.query("#confirm"), "the question again")
            await studio.press("y")
            await studio.until(lambda: studio.screen.facts is not None, "the numbers")
            await studio.until(lambda: "Blind votes" in text(studio), "the numbers on the screen")
            assert book.is_open() and "A smollm2" in text(studio)
            await studio.press("escape", "v")
            await studio.until(lambda: studio.screen.is_voting, "voting")
            await studio.press("left")
            await studio.until(lambda: "no longer be blind" in studio.said, "the refusal")

    run(test())


def test_half_answers_are_no_pair(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with comparing(runs) as studio:
                await shown(studio, runs, LIVE)
                await studio.press("v")
                await studio.until(lambda: studio.screen.voted == (0, 2), "the pairs")
                studio.screen.go_to("held:2")
                await studio.press("left")
                assert "have to be whole" in studio.said

    run(test())


# Numbers


def test_numbers_say_what_the_facts_say(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs, size=(120, 60)) as studio:
            await shown(studio, runs, DONE)
            await studio.press("m")
            await studio.until(lambda: studio.screen.facts is not None, "the facts")
            await studio.until(lambda: "Judge" in text(studio), "the numbers")
            facts, said = studio.screen.facts.facts, text(studio)
            assert facts["conclusion"]["verdict"] == "better" and facts["conclusion"]["by"] == "loss"
            assert "✓ tuned 5a1c fits the held-out records better than smollm2" in said
            low, high = facts["judge"]["preference"]["interval"]
            assert f"80% ({low:.0%} to {high:.0%})" in said
            assert f"{facts['heldout']['difference']:+.3f}" in said and "24 records" in said
            assert "Blind votes" not in said
            await studio.press("m")
            assert not studio.screen.has_class("-numbers")

    run(test())


@pytest.mark.parametrize(
    ("interval", "drawn"),
    [
        ((0.5, 0.6, 0.7), "·····├●┤···"),
        ((0.2, 0.4, 0.6), "··├─●┼┤····"),
        ((0.0, 0.0, 0.0), "●····┊·····"),
        ((0.8, 1.0, 1.0), "·····┊··├─●"),
    ],
)
def test_an_interval_as_a_picture(interval: tuple[float, float, float], drawn: str) -> None:
    assert span(*interval, 11) == drawn


def test_the_report_is_written_and_its_place_said(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("w")
            await studio.until(lambda: "compare.html" in studio.said, "the report")

    run(test())
    assert (folder(runs, DONE).path / "compare.html").is_file()
    assert json.loads((folder(runs, DONE).path / "compare.json").read_text())["conclusion"]["verdict"] == "better"


# The run


def test_a_comparison_is_stopped_after_a_question(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with comparing(runs) as studio:
                await shown(studio, runs, LIVE)
                await studio.press("s")
                await studio.until(lambda: studio.screen.query("#confirm"), "the question")
                await studio.press("y")
                await studio.until(live.stop.exists, "the wish to stop")

    run(test())


def test_keys_apply_to_where_one_is(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with comparing(runs) as studio:
                screen = studio.screen
                assert screen.check_action("begin", ()) and not screen.check_action("ask", ())
                await shown(studio, runs, LIVE)
                assert screen.check_action("stop_run", ()) and not screen.check_action("resume_run", ())
                assert not screen.check_action("vote", ()) and not screen.check_action("decide", ())
                await shown(studio, runs, DONE)
                assert screen.check_action("resume_run", ()) and not screen.check_action("stop_run", ())

    run(test())


def test_the_runs_screen_opens_a_comparison_here(runs: Path) -> None:
    async def test() -> None:
        async with driven(size=(120, 40), runs_dir=runs) as studio:
            await studio.press("4")
            await studio.until(lambda: len(studio.screen.query_one("#runs").frames) == 3, "the runs")
            await studio.press("down")
            await studio.until(lambda: "a shows the answers on the screen Compare" in text(studio), "what it showed")
            await studio.press("a")
            await studio.until(lambda: studio.app.current_mode == "compare", "the screen")
            await studio.until(lambda: studio.screen.snapshot.prompts, "the comparison")
            assert studio.screen.followed == DONE

    run(test())


# Back to the data


def test_shared_passages_are_marked_in_both_texts(runs: Path) -> None:
    async def test() -> None:
        async with comparing(runs) as studio:
            await shown(studio, runs, DONE)
            studio.screen.add_class("-back")
            studio.screen.post_message(near_found("en"))
            await studio.until(lambda: studio.screen.query_one("#near").near is not None, "the records")
            content = studio.screen.query_one("#record").content
            shared = [content.plain[span.start : span.end] for span in content.spans if "underline" in str(span.style)]
            assert shared == ["Bring your old card and an ID to the desk on the first floor"] * 2

    run(test())


def test_without_a_training_run_there_is_nothing_to_go_back_to(runs: Path) -> None:
    lone = make_compare(runs, "20260304-1800-compare-1111")
    spec = json.loads(lone.spec.read_text())
    lone.spec.write_text(json.dumps({**spec, "options": {"run": "", "interactive": True, "idle": 9.0}}))
    tell(lone, started(lone.name))
    append(lone.path / PROMPTS, Prompt("p", (Message("user", "?"),)))
    answer(lone, "p", "b", "yes", 1.0)

    async def test() -> None:
        async with comparing(runs) as studio:
            await shown(studio, runs, lone.name)
            await studio.press("o")
            assert "about no training run" in studio.said and not studio.screen.has_class("-back")

    run(test())


@pytest.mark.parametrize(
    ("label", "name", "short"),
    [
        ("/data/models/tiny (base)", "base", "tiny (base)"),
        ("20261129-0718-train-512a", "tuned", "tuned train-512a"),
        ("20261129-0718-train-512a", "checkpoint:40", "checkpoint:40 train-512a"),
        ("http://127.0.0.1:80/v1#model", "http://127.0.0.1:80/v1#model", "http://127.0.0.1:80/v1#model"),
        ("smollm2", "base", "smollm2"),
        ("", "tuned", "tuned"),
    ],
)
def test_sides_are_called_by_short_names(label: str, name: str, short: str) -> None:
    assert short_label(label, name) == short
