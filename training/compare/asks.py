"""What a comparison that is open is still asked to do: lines that whoever looks at it appends to asks.jsonl.

    {"ask": "prompt", "prompt_id": "typed:…", "text": "…", "system": "…"}   a new question for both sides
    {"ask": "follow", "prompt_id": "p +2", "text": "…"}    a further turn in the conversations of prompt p
    {"ask": "again", "prompt_id": "p"}                     answer it once more
    {"ask": "judge", "prompt_id": "p"}                     let the judge compare its answers
    {"ask": "cancel", "prompt_id": "p"}                    end its answers where they are

Nothing here needs a model: the writing end is used by front ends, the reading end by the worker.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from curation.json_lines import append_line
from training.compare.model import ASKS, Answer, Prompt, SideName
from training.examples import Message

AskKind = Literal["prompt", "follow", "again", "judge", "cancel"]
_TURN = re.compile(r"(?P<first>.*) \+(?P<turn>\d+)", re.DOTALL)
_LOOK_EVERY = 0.1  # seconds between looks while tokens are written
MAX_BYTES = 4 << 20  # of a line; more is no question that a person typed


@dataclass(frozen=True)
class Ask:
    """One wish. prompt_id: the prompt it is about, or the one it makes. text, system: of `prompt` and `follow`."""

    ask: AskKind
    prompt_id: str
    text: str = ""
    system: str = ""


class AskWriter:
    """The writing end, for a front end."""

    def __init__(self, folder: Path) -> None:
        """folder: of the comparison's run."""
        self._path = folder / ASKS

    def prompt(self, text: str, system: str = "") -> str:
        """Ask both sides something new. Returns the prompt's id, under which the answers will come."""
        prompt_id = f"typed:{time.strftime('%H%M%S')}-{secrets.token_hex(3)}"
        self._append(Ask("prompt", prompt_id, text, system))
        return prompt_id

    def follow(self, prompt_id: str, text: str) -> str:
        """Say something in both conversations of a prompt that was answered. Returns the id of that turn."""
        first, turn = turn_of(prompt_id)
        following = f"{first} +{turn + 1}"
        self._append(Ask("follow", following, text))
        return following

    def again(self, prompt_id: str) -> None:
        """Have it answered once more."""
        self._append(Ask("again", prompt_id))

    def judge(self, prompt_id: str) -> None:
        """Let the comparison's judge look at its answers."""
        self._append(Ask("judge", prompt_id))

    def cancel(self, prompt_id: str) -> None:
        """End its answers where they are; what was written is kept."""
        self._append(Ask("cancel", prompt_id))

    def _append(self, ask: Ask) -> None:
        found = {"ask": ask.ask, "prompt_id": ask.prompt_id}
        if ask.text or ask.ask in ("prompt", "follow"):
            found["text"] = ask.text
        if ask.system:
            found["system"] = ask.system
        append_line(self._path, found)


class AskReader:
    """The reading end: `read` returns what was appended since the last call; a line that is not whole yet waits."""

    def __init__(self, folder: Path, offset: int = 0) -> None:
        self._path = folder / ASKS
        self.offset = offset
        self.unreadable = 0
        """Whole lines that were no ask."""

    def read(self) -> list[Ask]:
        """The new asks; none where there is no file."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self.offset)
                block = stream.read()
        except FileNotFoundError:
            return []
        whole, newline, _ = block.rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        found = [_ask(line) for line in whole.split(b"\n") if line]
        self.unreadable += found.count(None)
        return [ask for ask in found if ask is not None]


class AskQueue:
    """Asks in their order, for the worker. A worker that begins anew does nothing twice: how many wishes were begun is
    kept beside them, and of those, prompts without an answer are asked again."""

    def __init__(self, folder: Path, done: Collection[str] = ()) -> None:
        """done: ids of prompts that have been answered."""
        self._reader = AskReader(folder)
        self._path = folder / f"{ASKS}.begun"
        self._waiting: deque[tuple[int, Ask]] = deque()
        self._cancelled: set[str] = set()
        self._count = 0
        self._looked = 0.0
        begun = self._begun()
        for ask in self._reader.read():
            unanswered = ask.ask in ("prompt", "follow") and ask.prompt_id not in done
            self._take(ask, wanted=unanswered or self._count >= begun)

    def next(self) -> Ask | None:
        """The next wish, None while there is none. What was cancelled before it began is passed over."""
        self._poll()
        while self._waiting:
            number, ask = self._waiting.popleft()
            if ask.prompt_id not in self._cancelled:
                self._keep(number + 1)
                return ask
        return None

    def is_cancelled(self, prompt_id: str) -> bool:
        """Whether this prompt's answers shall end. Cheap enough for every token."""
        if time.monotonic() - self._looked >= _LOOK_EVERY:
            self._poll()
        return prompt_id in self._cancelled

    def _poll(self) -> None:
        self._looked = time.monotonic()
        for ask in self._reader.read():
            self._take(ask)

    def _take(self, ask: Ask, *, wanted: bool = True) -> None:
        number, self._count = self._count, self._count + 1
        if ask.ask == "cancel":
            self._cancelled.add(ask.prompt_id)
        elif wanted:
            self._cancelled.discard(ask.prompt_id)
            self._waiting.append((number, ask))

    def _begun(self) -> int:
        try:
            return int(self._path.read_text("ascii"))
        except (OSError, ValueError):
            return 0

    def _keep(self, begun: int) -> None:
        from curation.writers.atomic import write_atomic

        write_atomic(self._path, str(begun).encode("ascii"), mode=0o600)


def turn_of(prompt_id: str) -> tuple[str, int]:
    """The id of a conversation's first prompt, and which turn of it this is, from 1."""
    match = _TURN.fullmatch(prompt_id)
    return (match["first"], int(match["turn"])) if match else (prompt_id, 1)


def prompt_of(ask: Ask, known: Mapping[str, Prompt]) -> Prompt | None:
    """The prompt that an ask makes: of `prompt` a conversation of its own; of `follow` the one before it with one more
    question, whose answers in between are each side's own (`conversation`). None where the one before is not known."""
    if ask.ask == "prompt":
        system = (Message("system", ask.system),) if ask.system else ()
        return Prompt(ask.prompt_id, (*system, Message("user", ask.text)))
    first, turn = turn_of(ask.prompt_id)
    before = known.get(first if turn == 2 else f"{first} +{turn - 1}")
    if before is None:
        return None
    messages = (*before.messages, Message("user", ask.text))
    return Prompt(ask.prompt_id, messages, source="typed", record_id=before.record_id)


def conversation(prompt: Prompt, side: SideName, answers: Mapping[tuple[str, SideName], Answer]) -> Prompt:
    """The prompt as a side sees it: with its own answers to the earlier turns. answers: as `last_answers` gives them."""
    first, turn = turn_of(prompt.prompt_id)
    if turn == 1:
        return prompt
    begin = len(prompt.messages) - (turn - 1)
    messages = list(prompt.messages[:begin])
    for number, message in enumerate(prompt.messages[begin:], start=1):
        said = answers.get((first if number == 1 else f"{first} +{number}", side))
        messages.append(Message("assistant", said.text if said else ""))
        messages.append(message)
    return Prompt(prompt.prompt_id, tuple(messages), prompt.reference, prompt.source, prompt.record_id)


def _ask(line: bytes) -> Ask | None:
    try:
        found: Any = json.loads(line) if len(line) <= MAX_BYTES else None
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("ask") not in get_args(AskKind):
        return None
    texts: Sequence[Any] = [found.get(key, "") for key in ("prompt_id", "text", "system")]
    if not all(isinstance(text, str) for text in texts) or not texts[0]:
        return None
    return Ask(found["ask"], *texts)
