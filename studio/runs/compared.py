"""A comparison as its files tell it: prompts, and what both sides say to them, folded from its events as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from studio.runs.snapshot import RunSnapshot
from studio.runs.snapshot import fold as fold_run
from training.compare.model import PROMPTS, Piece, Prompt, SideName, from_json

Key = tuple[str, SideName]


@dataclass(frozen=True)
class Reply:
    """What a side says to a prompt. stopped: how it ended, "" while it goes on. seconds: that it took, or has taken up
    to now. began: seconds since the epoch. before: the last whole answer, which counts where this one was called off.
    """

    pieces: tuple[Piece, ...] = ()
    tokens: int = 0
    seconds: float = 0.0
    stopped: str = ""
    began: float = 0.0
    before: Reply | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def speed(self) -> float | None:
        """Tokens a second; None before there is one."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None


@dataclass(frozen=True)
class CompareSnapshot:
    """A comparison after the events seen so far.

    run: what every run has. prepared: who is compared (`compare_prepared`), empty before that. prompts: in their order.
    replies: by prompt and side. judged: winner and reason by prompt. losses: by dataset. suites: by name and language.
    conclusion: as in compare.json. waiting: nothing is left to do but what somebody asks for. listening: it has come to
    do what is asked for.
    """

    run: RunSnapshot = field(default_factory=RunSnapshot)
    prepared: Mapping[str, Any] = field(default_factory=dict)
    prompts: tuple[Prompt, ...] = ()
    replies: Mapping[Key, Reply] = field(default_factory=dict)
    judged: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    losses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    suites: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    conclusion: Mapping[str, Any] = field(default_factory=dict)
    waiting: bool = False
    listening: bool = False

    def reply(self, prompt_id: str, side: SideName) -> Reply | None:
        """What a side says to a prompt; None before it begins."""
        return self.replies.get((prompt_id, side))

    @property
    def writing(self) -> tuple[str, ...]:
        """The prompts that are being answered now."""
        return tuple(dict.fromkeys(key[0] for key, reply in self.replies.items() if not reply.stopped))

    @property
    def answered(self) -> int:
        """How many prompts both sides have answered."""
        ended = {key for key, reply in self.replies.items() if reply.stopped}
        return sum((prompt.prompt_id, "a") in ended and (prompt.prompt_id, "b") in ended for prompt in self.prompts)

    def with_prompts(self, added: Sequence[Prompt]) -> CompareSnapshot:
        """These prompts too, each in the place of an earlier one of its name."""
        known = {prompt.prompt_id: prompt for prompt in (*self.prompts, *added)}
        return replace(self, prompts=tuple(known.values())) if added else self


class PromptReader:
    """Reads what was appended to a folder's prompts.jsonl since the last time. A torn last line waits for its rest."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROMPTS
        self._offset = 0

    def read(self) -> list[Prompt]:
        """The new ones; lines that are no prompt are passed over."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                *lines, _rest = stream.read().split(b"\n")
        except FileNotFoundError:
            return []
        self._offset += sum(len(line) + 1 for line in lines)
        return [prompt for line in lines if (prompt := _prompt(line)) is not None]


def _prompt(line: bytes) -> Prompt | None:
    try:
        return from_json(Prompt, json.loads(line))
    except (ValueError, TypeError, KeyError):
        return None


def read_compared(folder: Path) -> CompareSnapshot:
    """A comparison as its folder tells it now."""
    from studio.runs.events import EventReader
    from studio.runs.folder import RunFolder

    snapshot = CompareSnapshot()
    for block in EventReader(RunFolder(folder).events).blocks():
        snapshot = fold(snapshot, block)
    return snapshot.with_prompts(PromptReader(folder).read())


def fold(snapshot: CompareSnapshot, events: Iterable[Mapping[str, Any]]) -> CompareSnapshot:
    """The snapshot after `events` (JSON objects). Events that are not about comparing change `run` only."""
    common: list[Mapping[str, Any]] = []
    replies = _Replies(snapshot.replies)
    for event in events:
        kind = event["event"]
        if replies.take(kind, event):
            continue
        step = _STEPS.get(kind)
        if step is not None:
            snapshot = step(snapshot, event)
        if kind == "progress" and common and common[-1]["event"] == kind and common[-1]["phase"] == event["phase"]:
            common.pop()  # only the newest of a phase counts
        common.append(event)
    snapshot = replace(snapshot, replies=replies.frozen())
    return replace(snapshot, run=fold_run(snapshot.run, common)) if common else snapshot


class _Replies:
    """Replies while events are folded: copied once for all of them, and pieces joined once at the end."""

    def __init__(self, replies: Mapping[Key, Reply]) -> None:
        self._replies = dict(replies)
        self._grown: dict[Key, list[Piece]] = {}

    def take(self, kind: str, event: Mapping[str, Any]) -> bool:
        """Whether the event is about a reply, and only about that."""
        if kind == "run_started":  # who was killed in the middle of an answer begins it anew
            self._replies = {key: each for key, each in self._replies.items() if each.stopped} if _again(event) else {}
            self._grown.clear()
            return False
        if kind not in ("answer_began", "answer_grew", "answered"):
            return False
        key: Key = (event["prompt_id"], event["side"])
        if kind == "answer_began":
            old = self._replies.get(key)
            whole = old if old is not None and old.stopped not in ("", "stopped") else old.before if old else None
            self._grown.pop(key, None)
            if whole is not None:
                whole = replace(whole, before=None)
            self._replies[key] = Reply(began=event["time"], before=whole)
        elif kind == "answer_grew":
            found = self._replies.get(key) or Reply(began=event["time"])
            grown = self._grown.setdefault(key, [])
            grown += (Piece(str(text), float("nan") if odds is None else odds) for text, odds in event["pieces"])
            count = len(found.pieces) + len(grown)
            self._replies[key] = replace(found, tokens=count, seconds=max(0.0, event["time"] - found.began))
        else:
            self._ended(key, event)
        return True

    def _ended(self, key: Key, event: Mapping[str, Any]) -> None:
        found = self._replies.get(key) or Reply(began=event["time"])
        if event["stopped"] == "stopped" and found.before is not None:
            self._grown.pop(key, None)
            self._replies[key] = found.before
            return
        pieces = (*found.pieces, *self._grown.pop(key, ()))
        self._replies[key] = Reply(pieces, event["tokens"], event["seconds"], event["stopped"], found.began)

    def frozen(self) -> dict[Key, Reply]:
        """All of them."""
        for key, grown in self._grown.items():
            found = self._replies[key]
            self._replies[key] = replace(found, pieces=(*found.pieces, *grown))
        return self._replies


def _again(event: Mapping[str, Any]) -> bool:
    return bool(event["resumed"])


def _started(snapshot: CompareSnapshot, event: Mapping[str, Any]) -> CompareSnapshot:
    """A new picture; one that goes on keeps what there is. Prompts come from their file in any case."""
    return _closed(snapshot) if _again(event) else CompareSnapshot(prompts=snapshot.prompts)


def _closed(snapshot: CompareSnapshot) -> CompareSnapshot:
    return replace(snapshot, waiting=False, listening=False)


def _judged(snapshot: CompareSnapshot, event: Mapping[str, Any]) -> CompareSnapshot:
    return replace(snapshot, judged={**snapshot.judged, event["prompt_id"]: (event["winner"], event["why"])})


def _suite(snapshot: CompareSnapshot, event: Mapping[str, Any]) -> CompareSnapshot:
    return replace(snapshot, suites={**snapshot.suites, (event["suite"], event["language"]): event})


_STEPS: Mapping[str, Callable[[CompareSnapshot, Mapping[str, Any]], CompareSnapshot]] = {
    "run_started": _started,
    "compare_prepared": lambda snapshot, event: replace(snapshot, prepared=event),
    "judged": _judged,
    "losses_measured": lambda snapshot, event: replace(snapshot, losses={**snapshot.losses, event["dataset"]: event}),
    "suite_done": _suite,
    "concluded": lambda snapshot, event: replace(snapshot, conclusion=event["conclusion"]),
    "waiting": lambda snapshot, event: replace(snapshot, waiting=event["on"], listening=True),
    "run_stopped": lambda snapshot, _: _closed(snapshot),
    "run_failed": lambda snapshot, _: _closed(snapshot),
    "run_finished": lambda snapshot, _: _closed(snapshot),
}
