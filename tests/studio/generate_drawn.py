# ruff: noqa: E501 - tables are easier to read in long lines
"""Generations for tests and pictures of the Generate screen: folders as a worker leaves them, with clocks that stand still."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from train_drawn import finish
from tui_pilot import Driven, driven

from curation.synthesis.decisions import decide
from curation.synthesis.made import Made
from curation.synthesis.model import (
    CHUNKS,
    DOCUMENTS,
    ORIGINS,
    OUTCOMES,
    TEXTS,
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
from curation.synthesis.recipe import GenerateRecipe
from studio.runs.folder import RunFolder
from studio.runs.generate_begin import entry_of
from studio.runs.jsonl import one_line
from studio.runs.lock import RunLock
from studio.tui.picture import picture
from studio.tui.screens.generate_messages import DryRunMade
from studio.tui.screens.generate_work import GenerateFollowing
from studio.tui.settings import Settings

Act = Callable[[Driven], Awaitable[None]]
DONE, LIVE, SEEDS = "20260304-1310-generate-0c1d", "20260304-1500-generate-9f2e", "20260303-0900-generate-5b77"
_BEGAN = 1772629800.0

PAGES: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "en": ("library_guide.md", "Library guide", (
        ("Cards", "# Library guide\n\n## Cards\n\nBring your old card and an ID to the desk on the first floor to renew it. Renewal takes five minutes and is free. "
                  "A lost card costs 4 euros; the new one is printed while you wait. Children under twelve get a card with the signature of a parent.\n\n"),
        ("Reading room", "## Reading room\n\nThe reading room is open on Sundays from ten to four. Coffee is allowed with a lid, but not in the map room. "
                         "Two scanners stand beside the lifts, and scans are free of charge. Please leave maps on the table when you go.\n\n"),
        ("Lost books", "## Lost books\n\nTell the desk when a book is lost. You pay its price, or bring another copy of the same edition. "
                       "Until then no other book can be borrowed with your card.\n"),
    )),
    "zh_CN": ("图书馆指南.md", "图书馆指南", (
        ("借书证", "# 图书馆指南\n\n## 借书证\n\n续期请带上旧证和身份证，到一楼服务台办理。续期只需五分钟，并且免费。借书证遗失须付工本费四欧元，新证当场打印。"
                  "十二岁以下的儿童办证需要家长签名。\n\n"),
        ("阅览室", "## 阅览室\n\n阅览室周日十点到四点开放。可以带有盖的咖啡，地图室除外。电梯旁有两台扫描仪，扫描免费。离开时请把地图留在桌上。\n\n"),
        ("遗失图书", "## 遗失图书\n\n图书遗失请告诉服务台。可以照价赔偿，或者还一本相同版本的书。在此之前不能再借其他图书。\n"),
    )),
}  # fmt: skip
_Row = tuple[int, str, str, str, str, str, str]  # chunk, question, answer, quote, status, reason, detail
ITEMS: dict[str, tuple[_Row, ...]] = {
    "en": (
        (0, "How do I renew my library card?", "Bring your old card and an ID to the desk on the first floor. It takes five minutes and costs nothing.",
         "Bring your old card and an ID to the desk on the first floor to renew it.", "accepted", "", ""),
        (0, "What does a lost card cost?", "A lost card costs 4 euros, and the new one is printed while you wait.",
         "A lost card costs 4 euros; the new one is printed while you wait.", "accepted", "", ""),
        (0, "Who signs for a child's card?", "The head librarian signs for children under ten.",
         "Children under ten get a card with the signature of the librarian.", "rejected", "quote_not_found", ""),
        (1, "When is the reading room open on Sundays?", "On Sundays it is open from ten to four.",
         "The reading room is open on Sundays from ten to four.", "accepted", "", ""),
        (1, "According to the passage above, where are the scanners?", "Two scanners stand beside the lifts.",
         "Two scanners stand beside the lifts, and scans are free of charge.", "rejected", "leakage", "question: According to the passage"),
        (1, "On Sundays, when is the reading room open?", "From ten to four.",
         "The reading room is open on Sundays from ten to four.", "rejected", "near_duplicate", "0.83 of 0.7"),
        (2, "What happens if I lose a book?", "You tell the desk, and pay its price or bring another copy of the same edition.",
         "You pay its price, or bring another copy of the same edition.", "accepted", "", ""),
        (2, "Can I borrow other books meanwhile?", "No: until then no other book can be borrowed with your card.",
         "Until then no other book can be borrowed with your card.", "accepted", "", ""),
        (2, "", "", "", "failed", "truncated", "1,024 tokens"),
    ),
    "zh_CN": (
        (0, "借书证怎么续期？", "带上旧证和身份证，到一楼服务台办理，五分钟就好，免费。", "续期请带上旧证和身份证，到一楼服务台办理。", "accepted", "", ""),
        (0, "借书证丢了要付多少钱？", "要付工本费四欧元，新证当场打印。", "借书证遗失须付工本费四欧元，新证当场打印。", "accepted", "", ""),
        (0, "儿童办证由谁签名？", "十岁以下的儿童由馆长签名。", "十岁以下的儿童办证需要馆长签名。", "rejected", "quote_not_found", ""),
        (1, "阅览室周日几点开放？", "周日十点到四点开放。", "阅览室周日十点到四点开放。", "accepted", "", ""),
        (1, "根据上文，扫描仪在哪里？", "电梯旁有两台扫描仪。", "电梯旁有两台扫描仪，扫描免费。", "rejected", "leakage", "问题：根据上文"),
        (1, "周日阅览室什么时候开门？", "十点到四点。", "阅览室周日十点到四点开放。", "rejected", "near_duplicate", "0.83 of 0.7"),
        (2, "书丢了怎么办？", "告诉服务台，照价赔偿或者还一本相同版本的书。", "可以照价赔偿，或者还一本相同版本的书。", "accepted", "", ""),
        (2, "赔偿之前还能借书吗？", "不能，在此之前不能再借其他图书。", "在此之前不能再借其他图书。", "accepted", "", ""),
        (2, "", "", "", "failed", "truncated", "1,024 tokens"),
    ),
}  # fmt: skip
TYPES = ("factual", "explanation", "how_to", "inference")


def recipe(kind: str = "documents") -> GenerateRecipe:
    """The one of the pictures."""
    preset = {"documents": "documents", "seeds": "seeds"}[kind]
    prices = ["budget.price_prompt=0.4", "budget.price_completion=1.2"] if kind == "documents" else []
    return GenerateRecipe.load(preset).with_settings(["model.name=http://127.0.0.1:8000/v1#qwen3-8b", *prices])


def make_generate(
    runs: Path, name: str, inputs: Sequence[str] = ("library_guide.md",), kind: str = "documents"
) -> RunFolder:
    """A generation's folder without an event. LIVE asks an endpoint elsewhere."""
    made = recipe(kind).with_settings(["model.name=https://api.example.com/v1#qwen3-235b"] if name == LIVE else [])
    folder = RunFolder(runs.absolute() / name)
    folder.path.mkdir(parents=True)
    spec = {
        "kind": "generate", "created": "2026-03-04T13:10:00+00:00", "inputs": list(inputs), "sources": [], "recipe": entry_of(made),
        "options": {"out": "", "secret": "00" * 16}, "seed": 0, "argv": ["studio", "generate"], "cwd": "/data", "versions": {},
        "earlier": [], "version": 1,
    }  # fmt: skip
    folder.spec.write_text(json.dumps(spec))
    (folder.path / "recipe.yaml").write_text(made.to_yaml())
    os.utime(folder.spec, (_BEGAN, _BEGAN))
    return folder


def made_with(folder: RunFolder, kind: str = "documents") -> None:
    """made.json, without which nothing is published."""
    made = recipe(kind)
    Made("0" * 64, {"qa.jinja": "1" * 64}, made.model.name, "", False, False, made.to_yaml(), made.name, {}).write(
        folder.path
    )


def put(path: Path, row: Any) -> None:
    """A row as a line of a file, not flushed to the disk as a run would: tests make many."""
    value = row.as_json() if hasattr(row, "as_json") else row
    with path.open("a", encoding="ascii") as stream:
        stream.write(json.dumps(value) + "\n")


def tell(folder: RunFolder, *events: dict[str, Any]) -> None:
    """Events, as the worker appends them."""
    with folder.events.open("a") as stream:
        stream.write("".join(one_line(event) + "\n" for event in events))


def started(name: str, *, resumed: bool = False) -> dict[str, Any]:
    """The first event of a leg."""
    return {"event": "run_started", "time": _BEGAN, "run": name, "kind": "generate", "recipe": "documents",
            "stages": ["convert", "cut", "ask", "gates"], "workers": 1, "resumed": resumed}  # fmt: skip


def prepared(
    requested: int, *, units: int, chunks: int = 3, leaves: bool = False, masked: dict[str, int] | None = None
) -> dict[str, Any]:
    """What will be asked."""
    return {
        "event": "generate_prepared", "time": _BEGAN + 4, "model": "http://127.0.0.1:8000/v1#qwen3-8b", "documents": 1, "chunks": chunks,
        "units": units, "requested": requested, "done": 0, "calls": units, "prompt_tokens": 2_100, "completion_tokens": 1_500,
        "money": 0.0026, "leaves": leaves, "masked": masked or {}, "prompts": {"qa.jinja": "1" * 64},
    }  # fmt: skip


def page(language: str) -> tuple[Document, list[Chunk], str]:
    """The document of the pictures, its chunks, its text."""
    path, title, parts = PAGES[language]
    text = "".join(part for _heading, part in parts)
    chunks, at = [], 0
    for number, (heading, part) in enumerate(parts):
        tokens = len(part) // 4 if language == "en" else len(part)
        chunks.append(Chunk(f"guide-{number + 1}", "guide", at, at + len(part), part, (title, heading), tokens))
        at += len(part)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document("guide", f"/data/{path}", title, "1" * 64, digest, "text 1", len(text)), chunks, text


def sources(folder: RunFolder, language: str) -> list[Chunk]:
    """Document, chunks and units, as they are before anything is asked."""
    document, chunks, text = page(language)
    put(folder.path / DOCUMENTS, document)
    (folder.path / TEXTS).mkdir()
    (folder.path / TEXTS / "guide.md").write_text(text, encoding="utf-8")
    for number, chunk in enumerate(chunks):
        put(folder.path / CHUNKS, chunk)
        types = tuple(TYPES[(3 * number + at) % 4] for at in range(3))
        unit = Unit(f"u{number + 1:05}", "qa", 3, chunk.chunk_id, (), "", types, "medium", seed=number)
        put(folder.path / UNITS, unit)
    return chunks


def item_of(row: _Row, item_id: str, number: int, chunks: Sequence[Chunk]) -> Item:
    """An item as the gates leave it."""
    chunk_at, question, answer, quote, status, reason, detail = row
    chunk = chunks[chunk_at]
    at = chunk.text.find(quote) if quote else -1
    spans = (Span(0, chunk.start + at, chunk.start + at + len(quote)),) if at >= 0 else ()
    exchanges = (Exchange(question, answer, quote),) if question else ()
    scores = {"support": round(0.62 + 0.04 * number, 2)} if question else {}
    related = "u00002.0" if reason == "near_duplicate" else ""
    return Item(item_id, status, reason, detail, exchanges, spans, TYPES[number % 4], related, scores)  # type: ignore[arg-type]


def answer(folder: RunFolder, number: int, language: str, chunks: Sequence[Chunk]) -> None:
    """What came of a unit: three items, on the disk and then told."""
    rows = ITEMS[language][3 * number : 3 * number + 3]
    name = f"u{number + 1:05}"
    items = tuple(item_of(row, f"{name}.{at}", 3 * number + at, chunks) for at, row in enumerate(rows))
    outcome = Outcome(name, items, (hashlib.sha256(name.encode()).hexdigest(),), 702, 318, 2.4)
    put(folder.path / OUTCOMES, outcome)
    tell(folder, finished_unit(outcome, _BEGAN + 10 + 4 * number))


def finished_unit(outcome: Outcome, at: float) -> dict[str, Any]:
    """The event that tells of it."""
    of = {status: sum(item.status == status for item in outcome.items) for status in ("accepted", "rejected", "failed")}
    reasons = {item.reason: 1 for item in outcome.items if item.reason}
    return {"event": "unit_finished", "time": at, "unit_id": outcome.unit_id, **of, "reasons": reasons, "prompt_tokens": outcome.prompt_tokens,
            "completion_tokens": outcome.completion_tokens, "money": 0.00066, "from_ledger": False, "under_way": 2, "limit": 8}  # fmt: skip


def make_generations(runs: Path, language: str = "en") -> Path:
    """A generation from a document that is done, one that is asking about its third chunk, and one from seeds."""
    for name in (DONE, LIVE):
        path = PAGES[language][0]
        folder = make_generate(runs, name, (f"/data/{path}",))
        tell(folder, started(name))
        chunks = sources(folder, language)
        masked = {"EMAIL_ADDRESS": 2, "PERSON": 1} if name == LIVE else {}
        tell(folder, prepared(9, units=3, leaves=name == LIVE, masked=masked))
        made_with(folder)
        for number in range(3 if name == DONE else 2):
            answer(folder, number, language, chunks)
    done = RunFolder(runs.absolute() / DONE)
    summary = {
        "kind": "generate",
        "counts": {"planned": 9, "left": 0, "requested": 9, "accepted": 5, "rejected": 3, "failed": 1},
    }
    tell(done, {"event": "run_finished", "time": _BEGAN + 24, "run": DONE, "summary": summary})
    finish(done, summary=summary)
    make_seeds(runs, language)
    return runs


def make_seeds(runs: Path, language: str) -> RunFolder:
    """A generation from seeds that stopped."""
    folder = make_generate(runs, SEEDS, ("/data/sarcasm.csv",), "seeds")
    seeds = {"en": (("The bus is late again.", "Splendid, I was afraid I might arrive on time."), ("It rains.", "My plants had asked for it in writing.")),
             "zh_CN": (("公交车又晚点了。", "太好了，我正怕准时到呢。"), ("下雨了。", "我的花可是书面申请过的。"))}[language]  # fmt: skip
    new = {
        "en": ("The printer is out of paper.", "What a surprise, it has only been a day."),
        "zh_CN": ("打印机没纸了。", "真意外，才过了一天呢。"),
    }[language]
    made_with(folder, "seeds")
    for number, (question, said) in enumerate(seeds):
        origin = Origin(f"sarcasm.csv:{number + 1}", (("user", question), ("assistant", said)), f"{number}" * 64)
        put(folder.path / ORIGINS, origin)
    put(folder.path / UNITS, Unit("u00001", "similar", 1, "", ("sarcasm.csv:1", "sarcasm.csv:2")))
    item = Item("u00001.0", "accepted", exchanges=(Exchange(*new),), scores={"copied": 0.12})
    outcome = Outcome("u00001", (item,), ("2" * 64,), 240, 60, 1.1)
    put(folder.path / OUTCOMES, outcome)
    tell(folder, started(SEEDS), {**prepared(1, units=1, chunks=0), "documents": 0}, finished_unit(outcome, _BEGAN + 6))
    tell(folder, {"event": "run_stopped", "time": _BEGAN + 7, "run": SEEDS})
    finish(folder, "stopped")
    return folder


@contextmanager
def held(runs: Path, name: str = LIVE) -> Iterator[RunFolder]:
    """Somebody does this generation, as long as this lasts."""
    folder = RunFolder(runs.absolute() / name)
    with RunLock.acquire(folder):
        yield folder


# States of the screen


async def shown(studio: Driven, runs: Path, name: str) -> None:
    """A generation on the screen."""
    studio.screen.attach(runs.absolute() / name)
    await studio.until(lambda: studio.screen.stood is not None and len(studio.screen.items), "the generation")
    screen = studio.screen
    await studio.until(lambda: screen.query_one("#item").content.plain, "an item")
    newest = lambda: screen.query_one("#items").cursor == len(screen.items) - 1  # noqa: E731
    await studio.until(lambda: newest() or not screen.goes_on, "the newest")
    await studio.pilot.pause(0.3)


def _opened(name: str, *keys: str) -> Act:
    async def act(studio: Driven) -> None:
        await shown(studio, studio.app.runs_dir, name)
        if keys:
            await studio.press(*keys)
        await studio.pilot.pause(0.3)

    return act


async def _listed(studio: Driven) -> None:
    await studio.until(lambda: studio.screen.query_one("#generates").frames, "the list")


async def _first(studio: Driven) -> None:
    await studio.until(lambda: studio.screen.query_one("#none-text").content.plain, "what to press")


async def _kinds(studio: Driven) -> None:
    await _listed(studio)
    await studio.press("n")
    await studio.until(lambda: studio.screen.query("#choices"), "what there is to choose")


async def planned(studio: Driven, *settings: str) -> None:
    """A plan over a document."""
    language = studio.app.settings.language or "en"
    studio.screen.inputs = (f"/data/{PAGES[language][0]}",)
    studio.screen.open_plan("documents")
    await studio.until(lambda: studio.screen.has_class("-plan"), "the plan")
    await studio.pilot.pause(0.2)
    await studio.press("down", "down")


def looked_at(language: str) -> dict[str, Any]:
    """What another process finds, when it looks at that plan."""
    document, chunks, _text = page(language)
    asked = {"en": "Write 3 questions that the document below answers.", "zh_CN": "根据下面的文档写出3个问题。"}[
        language
    ]
    said = [{"messages": [{"role": "system", "content": asked}, {"role": "user", "content": f"<document 5d0c>\n{chunk.text}</document 5d0c>"}]}
            for chunk in chunks]  # fmt: skip
    return {
        "model": "http://127.0.0.1:8000/v1#qwen3-8b", "leaves": False, "mask": False, "calls": 3, "prompt_tokens": 2_106, "completion_tokens": 3_072,
        "money": 0.0045, "documents": [{**document.as_json(), "chunks": 3}], "unread": [{"path": "/data/scan.pdf", "reason": "no text in it"}],
        "chunks": 3, "first_chunks": [chunk.as_json() for chunk in chunks], "origins": 0, "prompts": said,
    }  # fmt: skip


async def _looked(studio: Driven) -> None:
    await planned(studio)
    studio.screen.post_message(DryRunMade("", looked_at(studio.app.settings.language or "en")))
    await studio.until(lambda: studio.screen.has_class("-dry"), "what would be read")
    await studio.pilot.pause(0.2)


async def _decided(studio: Driven) -> None:
    path = studio.app.runs_dir.absolute() / DONE
    made = [("u00001.2", "reject"), ("u00002.1", "accept"), ("u00002.2", "regenerate")]
    for at, (item, action) in enumerate(made):
        decide(path, item, action, "walker")  # type: ignore[arg-type]
        lines = [json.loads(line) for line in (path / "decisions.jsonl").read_text().splitlines()]
        lines[at]["at"] = _BEGAN + 60 * (at + 1)
        (path / "decisions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    await _opened(DONE, *["down"] * 4)(studio)


async def _editing(studio: Driven) -> None:
    await _opened(DONE, "down", "down", "e")(studio)
    await studio.until(lambda: studio.screen.query("#item-fields"), "the fields")
    await studio.pilot.pause(0.2)


async def _documents(studio: Driven) -> None:
    await _opened(DONE, "v")(studio)
    await studio.until(lambda: studio.screen.has_class("-documents"), "the documents")
    await studio.pilot.pause(0.2)


STATES: dict[str, Act] = {
    "first": _first,
    "list": _listed,
    "kinds": _kinds,
    "plan": planned,
    "look": _looked,
    "asking": _opened(LIVE),
    "done": _opened(DONE),
    "decided": _decided,
    "editing": _editing,
    "documents": _documents,
    "seeds": _opened(SEEDS),
}


async def draw(state: str, folder: Path, size: tuple[int, int], language: str, theme: str = "dark") -> str:
    """The screen in one of STATES, as SVG. Runs are made in `folder`, which has to be the current one."""
    runs = folder / "runs" if state == "first" else make_generations(folder / "runs", language)
    settings = Settings(language=language, animation="none", theme=theme)
    GenerateFollowing._usage = lambda _self: (1.9, 912_000_000)  # type: ignore[method-assign]
    with held(runs) if state != "first" else nullcontext():
        async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
            await studio.press("7")
            await studio.until(lambda: studio.app.current_mode == "generate", "the screen")
            await studio.until(lambda: studio.app.live or state == "first", "the line at the top")
            await STATES[state](studio)
            await studio.pilot.pause(0.3)
            return picture(studio.app)
