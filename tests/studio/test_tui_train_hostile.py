"""Hostile text wherever a training run shows some, in a real terminal: nothing of it but visible text comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in
from train_drawn import FINISHED, REPORT, SUMMARY, begun, finish, make_run, measured, recipe, saved, step

from studio.runs.curves import TrainSnapshot, fold
from studio.runs.status import Result, Status
from studio.tui.screens.curate_messages import RunStood
from studio.tui.screens.train_draft import Draft
from studio.tui.screens.train_frames import field_frames, field_help, fields_of, section_frames
from studio.tui.screens.train_report import report_content, tokens_content
from studio.tui.screens.train_run_frames import (
    Look,
    ended_lines,
    head_content,
    loss_picture,
    notes_content,
    samples_content,
    small_pictures,
)

PAYLOADS = [*escapes(), *markups()]


def hostile_events(payloads: list[str]) -> list[dict[str, Any]]:
    """A run in which every text is a payload."""
    first, *_ = payloads
    events = begun(FINISHED, 10)
    events[0]["recipe"] = first
    for key in ("model", "method", "template", "device"):
        events[2][key] = first
    events[2]["changes"] = list(payloads)
    events.append(
        {
            "event": "progress",
            "time": 1.0,
            "phase": first,
            "done": 1,
            "total": None,
            "unit": first,
            "rate": 0,
            "eta": None,
        }
    )
    for number, text in enumerate(payloads):
        for who in ("base", "tuned"):
            events.append({
                "event": "sampled", "time": 1.0, "step": 1, "who": who, "record_id": f"{number}{text}", "prompt": text,
                "answer": text, "reference": text, "stopped": False,
            })  # fmt: skip
        events.append({"event": "warned", "time": 1.0, "message": text, "hint": text})
    events += [step(1, 10), *measured(1, "base", "en"), saved(1)]
    events.append({"event": "resumed", "time": 1.0, "step": 1, "path": first, "refused": list(payloads)})
    return events


def clean(content: object) -> None:
    plain = content.plain  # type: ignore[attr-defined]
    assert not UNSAFE.search(plain), UNSAFE.findall(plain)
    spans = [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]  # type: ignore[attr-defined]
    assert not spans


@pytest.mark.parametrize("begin", range(0, len(PAYLOADS), 40))
def test_frames_of_a_hostile_run_are_plain_text(begin: int) -> None:
    some = PAYLOADS[begin : begin + 40]
    snapshot = fold(TrainSnapshot(), hostile_events(some))
    for status in Status:
        result = Result(status, "", 1.0, 0, message=some[0], hint=some[0])
        stood = RunStood(
            some[0], status, result if status not in (Status.RUNNING, Status.CRASHED) else None, log=tuple(some)
        )
        clean(head_content(stood, snapshot, 100))
        clean(head_content(stood, fold(TrainSnapshot(), hostile_events(some)[:2]), 60))
        clean(notes_content(stood, snapshot))
    for width in (30, 100):
        clean(samples_content(snapshot, width))
    clean(loss_picture(snapshot, Look(), snapshot).title)
    for picture in small_pictures(snapshot, Look()):
        clean(picture.title)
    for line in ended_lines({**SUMMARY, "weights": some[0]}):
        clean(line)


@pytest.mark.parametrize("begin", range(0, len(PAYLOADS), 40))
def test_a_hostile_report_is_plain_text(begin: int) -> None:
    some = PAYLOADS[begin : begin + 40]
    found = [
        {"reason": text, "level": "block", "records": 1, "example": text, "shown": text, "message": text, "fix": text}
        for text in some
    ]
    shown = [{"record_id": text, "part": text, "cut": 0, "tokens": [[text, True], [text, False]]} for text in some]
    report = {**REPORT, "findings": found, "shown": shown}
    clean(report_content(report, 80))
    for place in range(len(shown)):
        clean(tokens_content(shown, place))


def test_hostile_names_in_the_form_are_plain_text() -> None:
    draft = Draft("", recipe(), recipe())
    for text in PAYLOADS:
        for problem in ("", text):
            for field in fields_of(0):
                clean(field_help(draft, field, problem))
        assert field_frames(draft, (text,), 0) and section_frames(draft, (text,))


@pytest.mark.slow
def test_a_hostile_run_in_a_real_terminal(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    finish(make_run(runs, FINISHED, hostile_events(PAYLOADS)), summary={**SUMMARY, "weights": PAYLOADS[0]})
    environment = {"STUDIO_CONFIG": str(tmp_path / "none"), "STUDIO_RUNS_DIR": str(runs)}
    with PtyScreen([str(runs / FINISHED)], size=(130, 50), environment=environment) as screen:
        assert screen.pump(60, until=b"Train"), screen.output[-2000:]
        screen.send("5")
        assert screen.pump(60, until=b"finished"), screen.output[-2000:]
        screen.pump(2)
        for keys in (
            "v",
            "\t",
            *["\x1b[6~"] * 30,
            "v",
            "\t",
            *["\x1b[6~"] * 15,
            "v",
            "f",
            "f",
            "=",
            "\x1b",
            "4",
            "\r",
            "a",
        ):
            screen.send(keys)
            screen.pump(0.3)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    assert controls_in(bytes(screen.output)) == []
    assert b"\\x1b" in screen.output
    assert b"]0;OWNED" not in screen.output.replace(b"\\x1b]0;OWNED", b"").replace(b"\\x9d0;OWNED", b"")
