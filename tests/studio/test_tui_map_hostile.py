"""Hostile names, ids and texts wherever a map shows some: nothing of them but visible text comes out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from map_drawn import DONE, TOPICS, make_map_folder, map_of, points_of, write_map
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in

from curation.ledger import Event, Turn
from curation.topics.model import SCORE, Map
from studio.runs.status import Result, Status
from studio.tui.points import Choice, Points
from studio.tui.screens.curate_messages import RunStood
from studio.tui.screens.map_frames import (
    choice_content,
    head_content,
    labels,
    list_line,
    point_content,
    point_line,
    summary_lines,
    topic_content,
)
from studio.tui.screens.map_work import Told
from studio.tui.text import cell

PAYLOADS = [*escapes(), *markups()]
COPIED = re.compile(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07")


def clean(content: Any) -> None:
    assert not UNSAFE.search(content.plain), UNSAFE.findall(content.plain)
    assert not [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]


def hostile(text: str) -> Points:
    """A map all of whose words are `text`."""
    rows = TOPICS["en"][-2:]
    frame = points_of(rows, "en").head(12)
    found = map_of(rows, points_of(rows, "en"), [text], decided=True)
    topics = tuple(
        replace(each, name=f"{text} · {text}", words=(text, text), languages={text: 3}, scores={text: 0.5})
        for each in found.topics
    )
    regions = tuple(replace(each, topic=1, example=text) for each in found.regions)
    frame = frame.rename({SCORE + "rarity.score": SCORE + text}).with_columns(
        **{name: pl.lit(text) for name in ("opening", "reason", "language", "copy_of")}, record_id=pl.lit(f"{text}:3")
    )
    return Points(frame, replace(found, topics=topics, regions=regions, scores=(text,)))


@pytest.mark.parametrize("begin", range(0, len(PAYLOADS), 60))
def test_frames_of_a_hostile_map_are_plain_text(begin: int) -> None:
    for text in PAYLOADS[begin : begin + 60]:
        points = hostile(text)
        found: Map = points.map
        event = Event(text, text, text, text, 0.5, 0.4, text, {text: text}, text, text, ())  # type: ignore[arg-type]
        told = Told([(text, f"{text}\n{text}")], [event], [(text, {text: text})])
        for shown in (None, told):
            clean(point_content(points, 0, shown))
        for width in (40, 70, 110):
            left, right, _dim = point_line(points, 0, text, width)
            assert not UNSAFE.search(cell(left, width)) and not UNSAFE.search(right)
        for topic in (None, found.topics[0]):
            clean(topic_content(topic, found, 70, 6))
        for label in labels(found, 1, wide=True):
            assert not [each for each in label.texts if UNSAFE.search(each)]
        choice = Choice(1, (0, 0, 1, 1), "dropped", text)
        clean(choice_content(points, choice, 3, text, magnified=2, growing=True, width=200))
        assert not UNSAFE.search(cell(list_line([text, f"/data/{text}"], {}), 80))
        topics = [{"number": 1, "name": text, "size": 3, "marks": ["thin", text]}]
        for line in summary_lines({"topics": topics}, 80):
            clean(line)
        for status in Status:
            clean(head_content(RunStood(text, status, Result(status, "", 1.0, 0, message=text, hint=text)), found, 300))


def hostile_folder(runs: Path) -> None:
    """A finished map in which every text is a payload, in another order in each column."""
    rows = TOPICS["en"]
    points = points_of(rows, "en")
    found = map_of(rows, points, ["/data/" + PAYLOADS[0]], decided=True)
    texts = [PAYLOADS[at % len(PAYLOADS)] for at in range(points.height)]
    points = points.with_columns(
        opening=pl.Series(texts),
        language=pl.Series(texts[7:] + texts[:7]),
        reason=pl.Series(texts[11:] + texts[:11]),
        copy_of=pl.Series(texts[13:] + texts[:13]),
        record_id=pl.Series([f"{text}:{at}" for at, text in enumerate(texts)]),
    )
    topics = tuple(
        replace(each, name=f"{PAYLOADS[at]} · {PAYLOADS[-at]}", words=(PAYLOADS[3 * at], PAYLOADS[5 * at]),
                languages={PAYLOADS[7 * at]: 4})
        for at, each in enumerate(found.topics, 1)
    )  # fmt: skip
    write_map(make_map_folder(runs, DONE, ["/data/" + PAYLOADS[0]]), replace(found, topics=topics), points)


def test_the_turns_of_an_event_are_not_shown() -> None:
    """What a stage wrote stands in the texts, once, and there it is made harmless."""
    told = Told(
        [("user", "a")], [Event("s", "edit", "r", "", None, None, "", {}, "", "stage", (Turn(0, "user", "\x1b[31m"),))]
    )  # type: ignore[arg-type]
    assert "31m" not in point_content(hostile("x"), 0, told).plain


@pytest.mark.slow
def test_a_hostile_map_in_a_real_terminal(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    hostile_folder(runs)
    environment = {"STUDIO_CONFIG": str(tmp_path / "none"), "STUDIO_RUNS_DIR": str(runs)}
    with PtyScreen([str(runs / DONE)], size=(130, 50), environment=environment) as screen:
        assert screen.pump(60, until=b"Generate"), screen.output[-2000:]
        screen.send("8")
        assert screen.pump(60, until=b"coloured by topic"), screen.output[-2000:]
        screen.pump(1)
        for _ in range(len(TOPICS["en"])):
            screen.send("j")
            screen.pump(0.2)
        screen.send("\t\t")
        for _ in range(40):
            screen.send("jj")
            screen.pump(0.05)
        for keys in ("w", "\x1b", "y", "o", "c", "c", "c", "C", "\x1b", "/owned\x1b[31m [b]\r", "\x1b", "s", "S", "f", "v",
                     "\r", "8", "\t", "+", "+", " ", "L", "J", "-", "0", "\x1b", "niowned\x1b[31m [b]\r", "4", "\r"):  # fmt: skip
            screen.send(keys)
            screen.pump(0.4)
        screen.send("\x11")
        screen.pump(1)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    output = COPIED.sub(b"", bytes(screen.output))
    assert controls_in(output) == []
    assert b"\\x1b" in screen.output
