"""What a person, or a program, sees while a run goes on: bars on a terminal, plain lines elsewhere, JSON on request."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from curation.events import Event
from studio.cli import memory_words
from studio.cli.export_words import export_sentences
from studio.cli.generate_words import generate_sentences
from studio.cli.output import Output, ReaderLeft
from studio.cli.training_words import StepCounter, training_sentences
from studio.display import display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY = 5.0  # seconds between plain lines of one phase
_PHASE_WIDTH = 30  # columns; bar, counts, rate and time left fill the rest of 80


class Narrator(Protocol):
    """Hears a run's events as JSON objects."""

    def hear(self, event: Mapping[str, Any]) -> None:
        """Say one event, or keep it for later."""

    def close(self) -> None:
        """Say what was kept, and leave the terminal as it was found."""


def narrator_for(out: Output) -> Narrator:
    """The narrator that fits where the output goes."""
    if out.json:
        return JsonLines(out)
    return Bars(out) if out.has_bars else Lines(out)


def as_listener(narrator: Narrator) -> Callable[[Event], None]:
    """The narrator as a listener of this process's own events."""

    def listen(event: Event) -> None:
        narrator.hear(event.as_json())

    return listen


class JsonLines:
    """Every event as one JSON line on stdout. A reader that went away does not end the run."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._broken = False

    def hear(self, event: Mapping[str, Any]) -> None:
        """Print the event."""
        if self._broken:
            return
        try:
            self._out.json_line(event)
        except (ReaderLeft, OSError):
            self._broken = True

    def close(self) -> None:
        """Nothing is left open."""


class _Inside:
    """Turns how far a stage is inside its shards into a note beside the progress of the phase."""

    def __init__(self) -> None:
        self._phase: Mapping[str, Any] | None = None

    def progress(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """`stage_progress` as `progress`; every other event as it is."""
        if event["event"] == "progress":
            self._phase = event
        if event["event"] != "stage_progress" or self._phase is None:
            return event
        return {**self._phase, "eta": None, "rate": 0.0, "note": f"{event['stage']} {_count(event)}"}


class Lines:
    """Plain lines on stderr: what was found, how far each phase is now and then, and every warning."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._last: Mapping[str, Any] | None = None
        self._said = 0.0
        self._counter, self._inside = StepCounter(), _Inside()

    def hear(self, event: Mapping[str, Any]) -> None:
        """Say the event, if it is worth a line."""
        event = self._inside.progress(self._counter.progress(event))
        kind = event["event"]
        if kind == "progress":
            self._progress(event)
        elif kind == "warned":
            self._out.warn(event["message"], event["hint"])
        elif said := sentences(event):
            self.close()
            for line in said:
                self._out.say(line)

    def close(self) -> None:
        """Say how the phase under way stands, if that was not said yet."""
        if self._last is not None and (self._last["done"] or self._last.get("note")):
            self._out.say(progress_line(self._last))
        self._last = None

    def _progress(self, event: Mapping[str, Any]) -> None:
        if self._last is not None and self._last["phase"] != event["phase"]:
            self.close()
        self._last = event
        if time.monotonic() - self._said >= _LINE_EVERY:
            self._said = time.monotonic()
            self.close()


class Bars:
    """A line a phase on stderr that redraws itself: bar, count, rate, time left."""

    def __init__(self, out: Output) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._out = out
        self._console = Console(file=sys.stderr, highlight=False)
        self._bars: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[count]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task: TaskID | None = None
        self._phase = ""
        self._counter, self._inside = StepCounter(), _Inside()
        self._bars.start()

    def hear(self, event: Mapping[str, Any]) -> None:
        """Redraw the bar, or print a line above it."""
        event = self._inside.progress(self._counter.progress(event))
        kind = event["event"]
        if kind == "progress":
            self._progress(event)
        elif kind == "warned":
            self._print(f"Warning: {event['message']} {event['hint']}".rstrip())
        else:
            for line in sentences(event):
                self._print(line)

    def close(self) -> None:
        """Leave the bars as they are and give the terminal back."""
        self._bars.stop()

    def _progress(self, event: Mapping[str, Any]) -> None:
        total = event["total"]
        if total is None and event["eta"] is not None:
            total = event["done"] + max(1, round(event["rate"] * event["eta"]))
        if self._task is None or event["phase"] != self._phase:
            self._settle()
            self._phase = event["phase"]
            self._task = self._bars.add_task(_short(self._phase), total=None, count="")
        self._bars.update(self._task, completed=event["done"], total=total, count=_count(event))

    def _settle(self) -> None:
        if self._task is not None:
            done = next(task.completed for task in self._bars.tasks if task.id == self._task)
            self._bars.update(self._task, total=max(done, 1), completed=max(done, 1))

    def _print(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(display(text)), soft_wrap=True)


def sentences(event: Mapping[str, Any]) -> list[str]:
    """What an event other than progress says to a person; nothing for those that a summary will tell."""
    kind = event["event"]
    if kind == "run_started":
        what = "goes on with" if event["resumed"] else "runs"
        stages = ", ".join(event["stages"]) or "no stage"
        if event["kind"] != "curate":
            return [f"{event['run']} {what} recipe {event['recipe']}: {stages}"]
        return [f"{event['run']} {what} recipe {event['recipe']}: {stages} ({event['workers']} workers)"]
    if kind == "source_found":
        packed = "" if event["compression"] == "none" else f", {event['compression']}"
        size = f", {event['bytes']:,} bytes" if event["bytes"] >= 0 else ""
        return [
            f"found {display(event['source'])}: {event['format']} in {event['kind']}, {event['encoding']}{packed}{size}"
        ]
    if kind == "disk_needed":
        return [
            f"about {memory_words.size(event['needed'])} of disk are needed, {memory_words.size(event['free'])} are free"
        ]
    return training_sentences(event) or generate_sentences(event) or export_sentences(event)


def progress_line(event: Mapping[str, Any]) -> str:
    """`read + clean: 12,288 records, 41,000/s, 3 s left`."""
    return f"{display(event['phase'])}: {_count(event)}".removesuffix(": ")


def _count(event: Mapping[str, Any]) -> str:
    if not event["done"] and event["total"] is None:
        return str(event.get("note", ""))  # a phase that counts nothing, such as a decision about the whole corpus
    of = f" of {event['total']:,}" if event["total"] is not None else ""
    text = f"{event['done']:,}{of} {event['unit']}"
    if event["rate"]:
        text += f", {event['rate']:,.0f}/s"
    if event.get("note"):
        text += f", {event['note']}"
    if event["eta"] and event["eta"] >= 0.1:
        text += f", {duration(event['eta'])} left"
    return text


def duration(seconds: float) -> str:
    """`0.4 s`, `45 s`, `3 min 20 s`, `2 h 05 min`."""
    if 0 < seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _short(phase: str) -> str:
    shown = display(phase)
    return shown if len(shown) <= _PHASE_WIDTH else shown[: _PHASE_WIDTH - 1] + "…"
