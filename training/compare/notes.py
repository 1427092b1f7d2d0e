"""Notes and favourites of people on the prompts of a comparison: `notes.jsonl`, appended; the last of each counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curation.errors import InputError
from curation.json_lines import append_line, lines_of
from training.compare.model import NOTES

MOST_CHARACTERS = 20_000


class NoteBook:
    """The notes in a comparison's folder, read anew at every question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def note(self, prompt_id: str, text: str) -> None:
        """Write a note about a prompt, in the place of the one before; an empty text takes it away.

        Raises InputError for more than 20,000 characters, OutputError where the disk refuses.
        """
        if len(text) > MOST_CHARACTERS:
            raise InputError(f"A note may have {MOST_CHARACTERS:,} characters; this one has {len(text):,}.")
        self._append({"kind": "note", "prompt_id": prompt_id, "text": text})

    def favour(self, prompt_id: str, on: bool = True) -> None:
        """Make a prompt a favourite, or no longer."""
        self._append({"kind": "favour", "prompt_id": prompt_id, "on": on})

    def notes(self) -> dict[str, str]:
        """prompt_id -> its note, of prompts that have one."""
        last = {line["prompt_id"]: line["text"] for line in self._lines("note") if isinstance(line.get("text"), str)}
        return {prompt_id: text for prompt_id, text in last.items() if text}

    def favourites(self) -> set[str]:
        """The prompts that are favourites."""
        last = {line["prompt_id"]: line.get("on") is True for line in self._lines("favour")}
        return {prompt_id for prompt_id, on in last.items() if on}

    def _append(self, line: dict[str, Any]) -> None:
        append_line(self.folder / NOTES, {**line, "at": datetime.now(UTC).isoformat(timespec="seconds")})

    def _lines(self, kind: str) -> list[dict[str, Any]]:
        found = lines_of(self.folder / NOTES)
        return [line for line in found if line.get("kind") == kind and isinstance(line.get("prompt_id"), str)]
