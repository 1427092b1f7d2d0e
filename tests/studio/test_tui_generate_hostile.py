"""Hostile text of documents and of models wherever a generation shows some: nothing of it but visible text comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from generate_drawn import DONE, finished_unit, looked_at, made_with, make_generate, prepared, put, started, tell
from payloads import escapes, markups
from pty_screen import PtyScreen
from test_tui_hostile import UNSAFE, controls_in
from train_drawn import finish

from curation.synthesis.coverage import Coverage, DocumentCoverage, TopicCoverage
from curation.synthesis.decisions import Decided, decide
from curation.synthesis.model import (
    CHUNKS,
    DOCUMENTS,
    ORIGINS,
    OUTCOMES,
    UNITS,
    Chunk,
    Document,
    Exchange,
    Item,
    Origin,
    Outcome,
    Span,
    Unit,
)
from studio.runs.folder import RunFolder
from studio.runs.generated import GenerateSnapshot, fold
from studio.runs.generated_items import GeneratedItems, Source
from studio.runs.status import Result, Status
from studio.tui.screens.curate_messages import RunStood
from studio.tui.screens.generate_documents import documents_content
from studio.tui.screens.generate_draft import GenerateDraft
from studio.tui.screens.generate_form import facts_line, look_content, prompt_content, prompts_of
from studio.tui.screens.generate_frames import head_content, item_content, item_line, list_line
from studio.tui.screens.generate_source import source_content
from studio.tui.text import cell

PAYLOADS = [*escapes(), *markups()]


def clean(content: Any) -> None:
    plain = content.plain
    assert not UNSAFE.search(plain), UNSAFE.findall(plain)
    assert not [span for span in content.spans if "@" in str(span.style) or "link" in str(span.style)]


def hostile_item(text: str, item_id: str = "u00001.0", status: str = "rejected") -> Item:
    exchanges = (Exchange(text, f"{text} {text}", text, text), Exchange(f"{text}\n{text}", text, text))
    spans = (Span(0, 3, 3 + len(text)), Span(1, 0, 5))
    return Item(item_id, status, text, text, exchanges, spans, text, text, {text: 0.5}, text)  # type: ignore[arg-type]


def hostile_source(text: str) -> tuple[Source, Unit]:
    whole = f"ab {text} {text}\n{text}"
    chunk = Chunk(text, text, 0, len(whole), whole, (text, text), 9)
    document = Document(text, f"/data/{text}", text, text, text, text, len(whole))
    origin = Origin(text, ((text, text), ("user", text)), text)
    return Source(document, chunk, (origin,)), Unit(text, "similar", 1, text, (text,), text, (text,), text, again=text)


def hostile_report(text: str) -> dict[str, Any]:
    found = looked_at("en")
    return {
        **found, "model": text, "leaves": True, "unread": [{"path": text, "reason": text}],
        "documents": [{**found["documents"][0], "path": text, "title": text, "converter": text}],
        "first_chunks": [{**found["first_chunks"][0], "chunk_id": text, "text": text * 3, "headings": [text, text]}],
        "prompts": [{"messages": [{"role": text, "content": text}]}],
    }  # fmt: skip


@pytest.mark.parametrize("begin", range(0, len(PAYLOADS), 40))
def test_frames_of_a_hostile_generation_are_plain_text(begin: int) -> None:
    for text in PAYLOADS[begin : begin + 40]:
        item = hostile_item(text)
        source, unit = hostile_source(text)
        found = Decided(text, "edit", text, 1.0, item.exchanges)
        clean(item_content(item, item, found, unit, 50, twin=item))
        clean(item_content(item, hostile_item(text, text, "accepted"), None, unit, 50))
        assert not UNSAFE.search(cell(item_line(item, found)[0], 30))
        assert not UNSAFE.search(cell(item_line(Item(text, "failed", text), None)[0], 30))
        clean(source_content(source, item.spans, unit, 40)[0])
        clean(source_content(Source(None, source.chunk), item.spans, None, 40)[0])
        clean(source_content(Source(origins=source.origins), (), unit, 40)[0])
        clean(look_content(hostile_report(text), 60))
        clean(prompt_content(prompts_of(hostile_report(text))[0], text, 60))
        assert not UNSAFE.search(cell(list_line([text], {"model": {"name": text}}, {}, {}), 60))
        covered = Coverage(
            (DocumentCoverage(text, text, text, 2, 1, 3, 2, 100, 40),),
            (TopicCoverage(text, (text, text), 1, 10, 2, 1),),
            {text: (3, 2)}, {text: (3, 2)}, {text: 2},
        )  # fmt: skip
        clean(documents_content(covered, [(text, text)], 70))


@pytest.mark.parametrize("begin", range(0, len(PAYLOADS), 60))
def test_heads_and_plans_of_a_hostile_generation_are_plain_text(begin: int) -> None:
    for text in PAYLOADS[begin : begin + 60]:
        said = {**prepared(9, units=3, masked={text: 3}), "model": f"http://{text}/v1#{text}"}
        warned = {"event": "warned", "time": 1.0, "message": text, "hint": text}
        failed = {"event": "run_failed", "time": 2.0, "message": text, "hint": text}
        progress = {
            "event": "progress",
            "time": 1.0,
            "phase": text,
            "done": 1,
            "total": 2,
            "unit": text,
            "rate": 1.0,
            "eta": 1.0,
        }
        for events in ([progress], [said, warned], [said, failed]):
            snapshot = fold(GenerateSnapshot(), [{**started(DONE), "recipe": text}, *events])
            for status in Status:
                stood = RunStood(text, status, Result(status, "", 1.0, 0, message=text, hint=text))
                clean(
                    head_content(
                        stood, snapshot, {"accepted": 1, "rejected": 1, "failed": 1}, 100, changed=1, kept=1, model=text
                    )
                )
                clean(head_content(stood, snapshot, {}, 60))
        clean(facts_line(GenerateDraft.load("documents"), (text, f"/data/{text}")))


COPIED = re.compile(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07")  # what `y` copies: base64, so that nothing in it means anything


def hostile_folder(runs: Path) -> RunFolder:
    """A run in which every text is a payload, as a hostile document and a hostile model would leave it."""
    folder = make_generate(runs, DONE, (PAYLOADS[0],))
    made_with(folder)
    tell(folder, started(DONE), {**prepared(len(PAYLOADS), units=len(PAYLOADS)), "masked": {PAYLOADS[0]: 1}})
    put(folder.path / DOCUMENTS, Document("d", PAYLOADS[0], PAYLOADS[1], "1", "2", PAYLOADS[2], 900))
    for number, text in enumerate(PAYLOADS):
        source, _unit = hostile_source(text)
        assert source.chunk is not None
        chunk = Chunk(f"c{number}", "d", 0, len(source.chunk.text), source.chunk.text, (text,), 9)
        put(folder.path / CHUNKS, chunk)
        put(folder.path / ORIGINS, source.origins[0])
        unit = Unit(f"u{number:05}", "qa", 1, f"c{number}", (text,), "", (text,), text)
        put(folder.path / UNITS, unit)
        status = ("accepted", "rejected", "failed")[number % 3]
        outcome = Outcome(unit.unit_id, (hostile_item(text, f"u{number:05}.0", status),))
        put(folder.path / OUTCOMES, outcome)
        tell(folder, finished_unit(outcome, 1772629804.0 + number))
    for number in range(0, len(PAYLOADS), 9):
        decide(folder.path, f"u{number:05}.0", "reject", PAYLOADS[number])
    put(folder.path / "unread.jsonl", {"path": PAYLOADS[3], "reason": PAYLOADS[4]})
    return folder


def test_a_hostile_generation_is_read_whole(tmp_path: Path) -> None:
    items = GeneratedItems(hostile_folder(tmp_path / "runs").path)
    assert items.read() and len(items) == len(PAYLOADS) == sum(items.counts.values())
    assert all(items.source(items.unit(number)).chunk is not None for number in range(len(items)))


@pytest.mark.slow
def test_a_hostile_generation_in_a_real_terminal(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    finish(hostile_folder(runs), summary={"kind": "generate", "counts": {"requested": 9, "accepted": 3}})
    environment = {"STUDIO_CONFIG": str(tmp_path / "none"), "STUDIO_RUNS_DIR": str(runs)}
    with PtyScreen([str(runs / DONE)], size=(130, 50), environment=environment) as screen:
        assert screen.pump(60, until=b"Generate"), screen.output[-2000:]
        screen.send("7")
        assert screen.pump(60, until=b"finished"), screen.output[-2000:]
        screen.pump(2)
        for _ in range(len(PAYLOADS) // 2):
            screen.send("jj")
            screen.pump(0.05)
        for keys in ("a", "x", "u", "]", "]", "e", "\x1b", "e", "\x1b]0;OWNED\a owned", "\x0f", "r", "v", "\x1b", "y", "\x1b",
                     "o", "iowned\x1b[31m [b]\r", "\x1b", "\x1b", "4", "\r"):  # fmt: skip
            screen.send(keys)
            screen.pump(0.4)
        screen.send("\x11")
        screen.pump(1)
        screen.send("\x11")
        assert screen.finish() == 0, screen.output[-3000:]
    output = COPIED.sub(b"", bytes(screen.output))
    assert controls_in(output) == []
    assert b"\\x1b" in screen.output
