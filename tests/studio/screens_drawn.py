"""The states of screens that are drawn: for snapshots in tests, and for the pictures of the documentation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tui_pilot import Driven, driven

from studio.tui.picture import picture
from studio.tui.settings import Settings


@dataclass(frozen=True)
class Drawn:
    """A picture: its name, what is opened, what is done before it is drawn, size, language and theme."""

    name: str
    opened: str
    act: Callable[[Driven], Awaitable[None]]
    size: tuple[int, int] = (80, 24)
    language: str = "en"
    theme: str = "dark"


async def _nothing(found: Driven) -> None:
    pass


async def _find(found: Driven, text: str) -> None:
    await found.press("slash")
    await found.type(text)
    await found.press("enter")
    await found.settled()


async def _found(found: Driven) -> None:
    await _find(found, "chain")


async def _found_chinese(found: Driven) -> None:
    await _find(found, "图书馆")


async def _help(found: Driven) -> None:
    await found.press("f1")


async def _prompt(found: Driven) -> None:
    await found.press("f")


async def _charts(found: Driven) -> None:
    await found.press("d")


PICTURES = (
    Drawn("empty", "", _nothing),
    Drawn("empty-zh", "", _nothing, language="zh_CN"),
    Drawn("data", "support_desk.jsonl", _found),
    Drawn("data-wide", "support_desk.jsonl", _found, size=(120, 40)),
    Drawn("data-zh", "qa_zh.csv", _found_chinese, language="zh_CN"),
    Drawn("data-zh-wide", "qa_zh.csv", _found_chinese, size=(120, 40), language="zh_CN"),
    Drawn("data-charts", "support_desk.jsonl", _charts),
    Drawn("data-filter", "support_desk.jsonl", _prompt),
    Drawn("data-light-wide", "alpaca_mixed.json", _nothing, size=(120, 40), theme="light"),
    Drawn("data-monochrome", "support_desk.jsonl", _found, theme="monochrome"),
    Drawn("data-ansi", "support_desk.jsonl", _found, theme="ansi"),
    Drawn("help", "support_desk.jsonl", _help),
    Drawn("help-zh-wide", "qa_zh.csv", _help, size=(120, 40), language="zh_CN"),
    Drawn("small", "support_desk.jsonl", _nothing, size=(50, 12)),
)


async def draw(drawn: Drawn, samples: Path) -> str:
    """The picture as SVG."""
    settings = Settings(language=drawn.language, theme=drawn.theme, animation="none")
    path = samples / drawn.opened if drawn.opened else ""
    async with driven(path, size=drawn.size, settings=settings) as found:
        await drawn.act(found)
        if path:
            await found.until(lambda: True)
        await found.pilot.pause(0.1)
        return picture(found.app)


def lines_of(svg: str) -> list[str]:
    """The text of a picture, piece by piece, for messages about what differs."""
    import html
    import re

    return [html.unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg)]


def difference(name: str, before: str, after: str) -> str:
    """In words, what is different between two pictures."""
    import difflib

    changed = list(difflib.unified_diff(lines_of(before), lines_of(after), lineterm="", n=0))[:20]
    told = json.dumps(changed, ensure_ascii=False, indent=1) if changed else "in colour or place"
    return f"{name} looks different: {told}"
