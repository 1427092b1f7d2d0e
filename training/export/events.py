"""What an export tells its listeners, besides the events that every run has (`curation/events.py`)."""

from __future__ import annotations

from dataclasses import dataclass

from curation.events import EVENT_NAMES, Event


@dataclass(frozen=True)
class Exported(Event):
    """Something is whole in its place. target: adapter, merged, gguf, ollama, lmstudio or hub; bytes: of all its files;
    reused: it was there already, and nothing has changed."""

    target: str
    path: str
    bytes: int
    reused: bool


@dataclass(frozen=True)
class ExportChecked(Event):
    """What was made was loaded back. check: merged, gguf q8_0, template, …; said: the figures, or why nothing was
    checked (then `passed` is None)."""

    check: str
    passed: bool | None
    said: str


EVENT_NAMES.update({Exported: "exported", ExportChecked: "export_checked"})
