"""What tests of the terminal interface share: the application under a pilot, and waiting until nothing goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
from textual.message import Message
from textual.notifications import Notify
from textual.pilot import Pilot
from textual.widgets import Input

from studio.tui.app import StudioApp
from studio.tui.settings import Settings
from studio.tui.widgets.charts import Charts

Found = TypeVar("Found", bound=Message)
PATIENCE = 30.0

Input._toggle_cursor = lambda _self: None  # type: ignore[method-assign] - a blinking cursor has two pictures


@dataclass
class Driven:
    """The application, its pilot, and every message there was."""

    app: StudioApp
    pilot: Pilot[None]
    messages: list[Message] = field(default_factory=list)

    @property
    def screen(self) -> Any:
        """The screen on top."""
        return self.app.screen

    async def press(self, *keys: str) -> None:
        """Keys, and what follows from them at once."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Text into the focused field."""
        for character in text:
            await self.pilot.press(character)

    async def until(self, true: Callable[[], object], what: str = "", patience: float = PATIENCE) -> None:
        """Wait until something is the case, so many seconds at most."""
        end = time.monotonic() + patience
        while not true():
            assert time.monotonic() < end, f"waited in vain: {what or true}"
            await self.pilot.pause(0.02)

    async def settled(self) -> None:
        """Everything counted, measured, read and drawn."""
        await self.until(lambda: self.screen.whole, "counting")
        if self.screen.counted:
            await self.until(lambda: self.screen.query_one(Charts).note, "measuring")
        await self.until(self._idle, "workers")
        await self.pilot.pause(0.1)
        await self.until(self._idle, "workers")
        await self.pilot.pause()

    def _idle(self) -> bool:
        return not [worker for worker in self.app.workers if worker.is_running and worker.name != "live"]

    def got(self, kind: type[Found]) -> list[Found]:
        """The messages of this kind, oldest first."""
        once = {id(message): message for message in self.messages if isinstance(message, kind)}
        return list(once.values())

    @property
    def said(self) -> str:
        """Every note that was in the corner, oldest first."""
        return " | ".join(note.notification.message for note in self.got(Notify))


@asynccontextmanager
async def driven(
    path: Path | str = "",
    *,
    size: tuple[int, int] = (80, 24),
    settings: Settings | None = None,
    runs_dir: Path | None = None,
    settle: bool = True,
) -> AsyncIterator[Driven]:
    """The application with `path` open, in English unless the settings say otherwise."""
    settings = settings or Settings(language="en", animation="none")
    app = StudioApp(
        str(path), settings=settings, runs_dir=runs_dir or Path("no-runs-here"), polling=runs_dir is not None
    )
    messages: list[Message] = []
    async with app.run_test(size=size, message_hook=messages.append) as pilot:
        found = Driven(app, pilot, messages)
        await pilot.pause()
        if path and settle:
            await found.settled()
        yield found


def run(test: Coroutine[Any, Any, None]) -> None:
    """A test that is a coroutine."""
    asyncio.run(test)


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    """Records, one a line."""
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def chats(number: int) -> list[dict[str, Any]]:
    """Records that are all different and whose lengths go up and down."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"question {n} " + "why " * (n * 7 % 13)},
                {"role": "assistant", "content": f"answer {n} " + "because " * (n * 5 % 11)},
            ],
            "score": n * 3 % 17,
        }
        for n in range(number)
    ]
