"""Hostile text wherever a comparison shows some, in a real terminal: nothing of it but visible text comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compare_drawn import DONE, make_compare, prepared, started, story_told, tell
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in
from train_drawn import finish

from curation.ledger import Event
from studio.runs.compared import CompareSnapshot, fold
from studio.runs.folder import RunFolder
from studio.runs.status import Result, Status
from studio.tui.screens.compare_back_frames import event_lines, near_line, record_content
from studio.tui.screens.compare_frames import Look, Opinions, answers_content, head_content, prompt_line
from studio.tui.screens.compare_numbers import numbers_content
from studio.tui.screens.curate_messages import RunStood
from studio.tui.text import cell
from training.compare.back.nearest import Near
from training.compare.back.passages import shared_passages
from training.compare.model import ANSWERS, PROMPTS, Answer, Piece, Prompt, append
from training.compare.notes import NoteBook
from training.compare.report import compare_facts
from training.examples import Message

PAYLOADS = [*escapes(), *markups()]


def hostile_events(name: str, payloads: list[str]) -> list[dict[str, Any]]:
    """A comparison in which every text is a payload."""
    first, *_ = payloads
    said = prepared(len(payloads))
    for side in ("a", "b"):
        said[side] = {"name": first, "label": first, "digest": first, "kind": first}
    events = [{**started(name), "recipe": first}, {**said, "template": first, "device": first, "changes": payloads}]
    for number, text in enumerate(payloads):
        for side in ("a", "b"):
            facts = {"time": 2.0 + number, "prompt_id": f"{number}{text}", "side": side}
            pieces = [[text[:3], -0.01], [text[3:], -4.0], [text, -1.0], [text, None]]
            events += [{"event": "answer_began", **facts}, {"event": "answer_grew", "pieces": pieces, **facts}]
            events.append({"event": "answered", "tokens": 4, "seconds": 0.5, "stopped": "end", **facts})
        events.append({"event": "judged", "time": 1.0, "prompt_id": f"{number}{text}", "winner": "tie", "why": text})
        events.append({"event": "warned", "time": 1.0, "message": text, "hint": text})
    events.append({"event": "concluded", "time": 1.0, "conclusion": {"verdict": first, "sentence": first}})
    return events


def prompts_of(payloads: list[str]) -> list[Prompt]:
    found = []
    for number, text in enumerate(payloads):
        asked = (Message(text, text), Message("user", f"{text} {text}"))
        found.append(Prompt(f"{number}{text}", asked, text, "heldout" if number % 2 else text, text))
    return found


def clean(content: Any) -> None:
    plain = content.plain
    assert not UNSAFE.search(plain), UNSAFE.findall(plain)
    assert not [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]


@pytest.mark.parametrize("begin", range(0, len(PAYLOADS), 40))
def test_frames_of_a_hostile_comparison_are_plain_text(begin: int) -> None:
    some = PAYLOADS[begin : begin + 40]
    prompts = prompts_of(some)
    snapshot = fold(CompareSnapshot(), hostile_events(DONE, some)).with_prompts(prompts)
    names = {prompt.prompt_id: prompt.record_id for prompt in prompts}
    opinions = Opinions(frozenset(names), dict.fromkeys(names, "b"), frozenset(names), names)
    for status in Status:
        result = Result(status, "", 1.0, 0, message=some[0], hint=some[0])
        stood = RunStood(some[0], status, result, memory=1)
        for blind in (True, False):
            clean(head_content(stood, snapshot, 100, blind=blind))
            clean(head_content(stood, CompareSnapshot(), 60, blind=blind))
    for prompt in prompts:
        assert not UNSAFE.search(cell(prompt_line(snapshot, prompt, opinions)[0], 60))
        for look in (Look(), Look(diff=True, beside=True), Look(odds=True), Look(blind=True, left="b")):
            clean(answers_content(snapshot, prompt, look, opinions, 80, goes_on=True))
    talked = Prompt(f"{prompts[0].prompt_id} +2", (*prompts[0].messages, Message("user", some[-1])))
    clean(answers_content(snapshot, talked, Look(beside=True), opinions, 90, goes_on=True))


def test_records_near_to_hostile_answers_are_plain_text() -> None:
    story = story_told("en").story
    for text in PAYLOADS:
        passages = tuple(shared_passages(f"{text} {text}", text))
        near = Near(text, 0.5, 0.5, 0.5, passages, text, text)
        clean(near_line(near, 60))
        clean(record_content(near, f"{text} {text}", story, text))


def hostile_folder(runs: Path) -> RunFolder:
    folder = make_compare(runs, DONE)
    tell(folder, *hostile_events(DONE, PAYLOADS))
    book = NoteBook(folder.path)
    for prompt in prompts_of(PAYLOADS):
        append(folder.path / PROMPTS, prompt)
        for side in ("a", "b"):
            text = f"{prompt.record_id} {side}"
            append(folder.path / ANSWERS, Answer(prompt.prompt_id, side, text, 4, 0.5, "end", 0, (Piece(text, -1.0),)))  # type: ignore[arg-type]
    for prompt in prompts_of(PAYLOADS)[::20]:
        book.note(prompt.prompt_id, prompt.record_id)
    return folder


def test_numbers_of_a_hostile_comparison_are_plain_text(tmp_path: Path) -> None:
    folder = hostile_folder(tmp_path / "runs")
    facts = compare_facts(folder.path)
    clean(numbers_content(facts, CompareSnapshot(), 90))
    for text in PAYLOADS:
        told = {**facts, "sides": {"a": {"label": text}, "b": {"label": text}}}
        told["conclusion"] = {"verdict": text, "by": text, "caveats": [text], "sentence": text}
        told["scores"] = [{"score": text, "a": 0.1, "b": 0.2, "difference": 0.1, "interval": None}]
        told["rubrics"] = [{"rubric": text, "a": 0.1, "b": 0.2, "difference": 0.1, "interval": [0.0, 0.2]}]
        clean(numbers_content(told, CompareSnapshot(), 90))


@pytest.mark.slow
def test_a_hostile_comparison_in_a_real_terminal(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    finish(hostile_folder(runs), summary={"kind": "compare", "conclusion": {"verdict": PAYLOADS[0]}})
    environment = {"STUDIO_CONFIG": str(tmp_path / "none"), "STUDIO_RUNS_DIR": str(runs)}
    with PtyScreen([str(runs / DONE)], size=(130, 50), environment=environment) as screen:
        assert screen.pump(60, until=b"Compare"), screen.output[-2000:]
        screen.send("6")
        assert screen.pump(60, until=b"finished"), screen.output[-2000:]
        screen.pump(2)
        for _ in range(len(PAYLOADS) // 2):
            screen.send("jj")
            screen.pump(0.05)
        for keys in ("d", "l", *["kk"] * 20, "l", "v", "\x1b[D", "t", "b", "u", "\x1b", "m", *["\x1b[6~"] * 10, "m", "f",
                     "e\x1b]0;OWNED\a owned\r", "iowned [b]", "\x1b", "w", "\x1b", "\x1b", "4", "\r"):  # fmt: skip
            screen.send(keys)
            screen.pump(0.3)
        screen.send("\x11")
        screen.pump(1)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    assert controls_in(bytes(screen.output)) == []
    assert b"\\x1b" in screen.output


def test_a_judges_words_stand_below_its_marks_and_control_nothing() -> None:
    said = {"quality": "Right, \x1b[2Jand clear.\nTwo lines.", "complexity": "两步推理。"}
    event = Event("rate", "annotate", "rated", "marked", 4.0, None, None, {}, None, "stage", said=said)
    text = "\n".join(each.plain for each in event_lines(event))
    assert "rate/rated 4" in text and "complexity: 两步推理。" in text
    assert "quality: Right, \\x1b[2Jand clear." in text and "\x1b" not in text
