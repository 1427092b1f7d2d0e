"""The talking of `studio chat`: questions in, answers out as they grow, and the commands in between."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from curation.errors import StudioError, nearest
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from types import FrameType

    from training.compare.chat import Chat, Who
    from training.compare.model import Piece
    from training.compare.opening import SideFacts
    from training.compare.sections import SamplingSettings
    from training.compare.sides import Written

COMMANDS = {
    "/side": "/side NAME   another side goes on: base, tuned, checkpoint:STEP, or any model; alone: who there is",
    "/compare": "/compare     both answer from now on, or again one; /compare QUESTION: only this time",
    "/reset": "/reset       forget what was said",
    "/help": "/help        this list",
    "/quit": "/quit        end; so does Ctrl-D",
}


class Talk:
    """A conversation in the terminal: who answers next, and how an answer is shown."""

    def __init__(self, chat: Chat, who: Who, sampling: SamplingSettings, out: Output, *, both: bool) -> None:
        self._chat, self._who, self._sampling, self._out = chat, who, sampling, out
        self._side, self._both = who.side, both
        self._pair = who.pair
        self._facts: dict[str, SideFacts] = {}
        self.was_stopped = False
        """Whether the last answer was ended by Ctrl-C."""

    def begin(self, side: str | None) -> None:
        """Load who answers first, and the other one where both shall. Raises StudioError."""
        self._out.say("Loading…")
        self.change_side(side or self._side)
        if self._both:
            self._load(*self._two())

    def change_side(self, name: str) -> None:
        """Let another side go on. Raises StudioError where there is none of that name."""
        self._load(name)
        if name != self._side and (self._pair is None or name not in self._pair):
            self._pair = (self._side, name)
        self._side = name
        self._out.say(f"{self._label(name)} answers.")

    def ask(self, text: str, *, both: bool | None = None) -> None:
        """Answer a question, on stdout; Ctrl-C ends the answer. Raises StudioError."""
        names = self._two() if (self._both if both is None else both) else (self._side,)
        self._load(*names)
        shown = _Shown(names, self._out, self._label)
        with _interrupted() as should_stop:
            found = self._chat.ask(text, names, self._sampling, shown, should_stop)
        self.was_stopped = any(one.stopped == "stopped" for one in found.values())
        if self._out.json:
            self._out.json_line({"prompt": text, "answers": [self._as_json(name, found[name]) for name in names]})
        else:
            shown.finish(found)

    def command(self, line: str) -> bool:
        """Do what a line that begins with a slash says; whether the conversation goes on. Raises StudioError."""
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if word == "/quit":
            return False
        if word == "/side":
            self.change_side(rest) if rest else self._list_sides()
        elif word == "/compare":
            self._compare(rest)
        elif word == "/reset":
            self.forget()
            self._out.say("Forgotten.")
        elif word == "/help":
            self._out.say("\n".join(COMMANDS.values()))
        else:
            self._out.warn(f"There is no command {word}.", nearest(word, COMMANDS))
        return True

    def forget(self) -> None:
        """Begin the conversation anew."""
        self._chat.reset()

    def greet(self) -> None:
        """Say what can be done."""
        self._out.say("Ctrl-C ends an answer, Ctrl-D the conversation; /help lists the commands.")

    def _compare(self, question: str) -> None:
        names = self._two()
        if question:
            self.ask(question, both=True)
            return
        self._load(*names)
        self._both = not self._both
        who = " and ".join(self._label(name) for name in names)
        self._out.say(f"{who} answer." if self._both else f"{self._label(self._side)} answers.")

    def _two(self) -> tuple[str, str]:
        if self._pair is None:
            raise StudioError("There is nobody to compare with yet.", "Bring in another model: /side NAME")
        return self._pair

    def _load(self, *names: str) -> None:
        for facts, name in zip(self._chat.open(*names), names, strict=True):
            self._facts[name] = facts

    def _label(self, name: str) -> str:
        """`tuned (20261122-1412-train-1a2b)`."""
        label = self._facts[name].label
        return name if label == name else f"{name} ({label})" if len(name) < len(label) else label

    def _list_sides(self) -> None:
        for name in dict.fromkeys((*(self._pair or ()), *self._facts)):
            known = self._label(name) if name in self._facts else name
            self._out.say(f"{'*' if name == self._side else ' '} {known}")

    def _as_json(self, name: str, found: Written) -> dict[str, object]:
        return {
            "side": name,
            "label": self._facts[name].label,
            "text": found.text,
            "tokens": found.tokens,
            "seconds": found.seconds,
            "stopped": found.stopped,
            "seed": found.seed,
            "logprob": _mean([piece.logprob for piece in found.pieces]),
        }


class _Shown:
    """Answers as they grow. Of two, the second one waits until the first is whole, and then catches up."""

    def __init__(self, names: Sequence[str], out: Output, label: Callable[[str], str]) -> None:
        self._names, self._out, self._label = names, out, label
        self._waiting = dict.fromkeys(names, "")
        self._ended: set[str] = set()
        self._at = 0
        self._headed = False

    def __call__(self, name: str, pieces: Sequence[Piece]) -> None:
        """More of an answer; nothing when it has ended."""
        self._waiting[name] += "".join(piece.text for piece in pieces)
        if not pieces:
            self._ended.add(name)
        while not self._out.json and self._at < len(self._names):
            self._give(self._names[self._at])
            if self._names[self._at] not in self._ended:
                break
            self._out.data()
            self._at, self._headed = self._at + 1, False

    def finish(self, found: dict[str, Written]) -> None:
        """All are whole: how long each took."""
        for name in self._names:
            said = _measured(found[name])
            self._out.say(f"({self._label(name)}: {said})" if len(self._names) > 1 else f"({said})")

    def _give(self, name: str) -> None:
        if len(self._names) > 1 and not self._headed:
            self._out.data(f"[{self._label(name)}]")
        self._headed = True
        if self._waiting[name]:
            self._out.part(self._waiting[name])
        self._waiting[name] = ""


def talk_once(talk: Talk, prompt: str) -> int:
    """One question."""
    talk.ask(prompt)
    return int(ExitCode.STOPPED if talk.was_stopped else ExitCode.OK)


def talk_lines(talk: Talk, lines: Iterable[str]) -> int:
    """A question a line, each a conversation of its own; lines with a slash are commands. Ctrl-C ends everything."""
    for line in lines:
        text = line.strip()
        if not text:
            continue
        if text.startswith("/"):
            if not talk.command(text):
                break
            continue
        talk.ask(text)
        talk.forget()
        if talk.was_stopped:
            return int(ExitCode.STOPPED)
    return int(ExitCode.OK)


def talk_on(talk: Talk) -> int:
    """A conversation, until its end is wished. An error ends an answer, not the conversation."""
    with suppress(ImportError):
        import readline  # noqa: F401 - arrows and history on the line that is typed; nothing is kept

    talk.greet()
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            sys.stderr.write("\n")
            return int(ExitCode.OK)
        except KeyboardInterrupt:
            sys.stderr.write("\n(Ctrl-D ends the conversation)\n")
            continue
        try:
            if text.startswith("/"):
                if not talk.command(text):
                    return int(ExitCode.OK)
            elif text:
                talk.ask(text)
        except StudioError as error:
            Output().problem(error.message, error.hint)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Ctrl-C as a wish that is asked for, in place of an exception in the middle of a token."""
    asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _mean(logprobs: Sequence[float]) -> float | None:
    """Over those that are known; None where none is."""
    known = [value for value in logprobs if not math.isnan(value)]
    return round(sum(known) / len(known), 6) if known else None


def _measured(found: Written) -> str:
    rate = f", {found.tokens / found.seconds:.1f} a second" if found.tokens and found.seconds else ""
    how = {"length": "; cut at --max-tokens", "stopped": "; stopped"}.get(found.stopped, "")
    return f"{found.tokens} tokens{rate}{how}"
