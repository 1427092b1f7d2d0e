"""A recipe while somebody works on it: text, what is wrong with it, and the way back.

A draft may be wrong for a while: a new stage `length` has no bound yet. What the user types is only refused where the
one value is wrong by itself; what is wrong between values is kept as a problem of the stage until it is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation import recipe_edit
from curation.errors import RecipeError
from curation.recipe import Recipe
from curation.recipe_check import step_names
from curation.recipe_problems import Problem, RecipeProblems
from curation.recipe_text import parse


@dataclass(frozen=True)
class Entry:
    """A stage as the text has it. `values`: what is written out, without use, name and enabled."""

    name: str
    use: str
    enabled: bool
    values: Mapping[str, Any]


class RecipeDraft:
    """The text of a recipe with undo and redo. Its `recipe` is None as long as there are `problems`.

    Raises RecipeProblems where the text cannot be read at all, or has no list of stages.
    """

    def __init__(self, text: str, origin: str, *, saved: bool = True) -> None:
        self.origin = origin
        self._undo: list[str] = []
        self._redo: list[str] = []
        self._read(text)
        self.saved_text = text if saved else ""

    @classmethod
    def load(cls, name_or_path: str) -> RecipeDraft:
        """A starter recipe or a file, as it is written; a file may hold mistakes."""
        path = Path(name_or_path)
        try:
            recipe = Recipe.load(name_or_path)
        except RecipeProblems:
            if not path.is_file():
                raise
            return cls(path.read_text(encoding="utf-8-sig", errors="replace"), name_or_path)
        return cls(recipe.to_yaml(), name_or_path)

    # What it says

    @property
    def changed(self) -> bool:
        """Whether it is not what was saved."""
        return self.text != self.saved_text

    def problems_of(self, entry: int, key: str | None = None) -> list[Problem]:
        """What is wrong with a stage as a whole, or with one of its parameters."""
        name = self.entries[entry].name
        place = f"stages[{entry}]"
        if key is None:
            return [each for each in self.problems if each.key in (name, place)]
        wanted = tuple(f"{start}.{key}" for start in (name, place))
        return [each for each in self.problems if each.key.startswith(wanted) and not _longer(each.key, wanted)]

    def _read(self, text: str) -> None:
        document = parse(text, self.origin)
        data = document.data
        listed = data.get("stages") if isinstance(data, dict) else None
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            Recipe.from_text(text, self.origin)  # says what is wrong
            raise RecipeError(f"{self.origin} has no list of stages")
        named = [(str(each.get("use") or "?"), each.get("name")) for each in listed]
        names = step_names([(use, name if isinstance(name, str) else None) for use, name in named])
        fixed = ("use", "name", "enabled")
        self.entries: tuple[Entry, ...] = tuple(
            Entry(name, use, each.get("enabled", True) is not False, {k: v for k, v in each.items() if k not in fixed})
            for name, (use, _), each in zip(names, named, listed, strict=True)
        )
        self.text = text
        self.problems: tuple[Problem, ...] = ()
        self.recipe: Recipe | None = None
        try:
            self.recipe = Recipe.from_text(text, self.origin)
        except RecipeProblems as error:
            self.problems = error.problems

    # Changing it

    def replace(self, text: str) -> None:
        """Other text, such as from an editor. Raises RecipeProblems, and changes nothing, if it cannot be read."""
        before = self.text
        if text != before:
            self._read(text)
            self._undo.append(before)
            self._redo.clear()

    def set(self, entry: int, key: str, value: Any) -> None:
        """Set a parameter. Raises RecipeProblems with what is wrong with that value, and then changes nothing."""
        self._edit(entry, key, lambda text: recipe_edit.set_value(text, entry, key, value))

    def unset(self, entry: int, key: str) -> None:
        """Give a parameter its default again."""
        self._edit(entry, key, lambda text: recipe_edit.unset_value(text, entry, key))

    def _edit(self, entry: int, key: str, change: Callable[[str], str]) -> None:
        tried = RecipeDraft(change(self.text), self.origin)
        wrong = tried.problems_of(entry, key)
        known = {each.message for each in self.problems_of(entry, key)}
        if [each for each in wrong if each.message not in known and not each.message.startswith("is missing")]:
            raise RecipeProblems(self.origin, wrong)
        self.replace(tried.text)

    def add(self, place: int, use: str) -> None:
        """A new stage with its defaults, so that it is at `place`."""
        self.replace(recipe_edit.add_stage(self.text, place, {"use": use}))

    def remove(self, entry: int) -> None:
        """Take a stage out."""
        self.replace(recipe_edit.remove_stage(self.text, entry))

    def move(self, entry: int, to: int) -> None:
        """Move a stage, so that it is at `to`."""
        if 0 <= to < len(self.entries):
            self.replace(recipe_edit.move_stage(self.text, entry, to))

    def switch(self, entry: int) -> None:
        """Switch a stage on or off."""
        self.replace(recipe_edit.set_enabled(self.text, entry, not self.entries[entry].enabled))

    def undo(self) -> bool:
        """Back by one change; False where there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> bool:
        """Forward again by one change."""
        return self._step(self._redo, self._undo)

    def _step(self, source: list[str], other: list[str]) -> bool:
        if not source:
            return False
        other.append(self.text)
        self._read(source.pop())
        return True

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all. Raises OutputError."""
        from curation.writers.atomic import write_atomic

        write_atomic(path, self.text.encode())
        self.saved_text = self.text
        self.origin = str(path)


def _longer(key: str, wanted: tuple[str, ...]) -> bool:
    """Whether the key is of another parameter that only begins alike: `length.min` and `length.min_chars`."""
    rest = next((key[len(start) :] for start in wanted if key.startswith(start)), "")
    return bool(rest) and rest[0] not in ".["
