"""Edits of a recipe's text that keep its comments: a stage added, taken out, moved or switched off, a value set or unset.

Every function takes the YAML text and returns other YAML text. Stages are moved as the lines they are made of, with the
comments above them, because a YAML writer hangs comments on whatever stands before them. What comes out is read back
and compared with what it must say; where lines cannot do it (a recipe in flow style), plain YAML without comments is
made from the values instead. The text need not be a valid recipe, only one that can be read: see `RecipeDraft`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation import recipe_text
from curation.recipe_problems import KeyPath, RecipeProblems
from curation.recipe_text import parse

_EMPTY = re.compile(r"^(stages:)\s*(\[\s*\]|null|~)?(\s*#.*)?$")
_DASH = re.compile(r"^( *)-(?: +|$)")


def set_value(text: str, stage: int, key: str, value: Any) -> str:
    """The parameter `key` of the stage at `stage` set to a plain value; a new key goes below the others."""
    data = parse(text, "").data
    path: KeyPath = ("stages", stage, key)
    recipe_text.put(data, path, value)
    return recipe_text.edit(text, {path: value}, data)


def unset_value(text: str, stage: int, key: str) -> str:
    """The parameter `key` left out, so that it has its default; unchanged where it is not there."""
    data = parse(text, "").data
    if key not in data["stages"][stage]:
        return text
    del data["stages"][stage][key]
    return _checked(data, lambda: _without_key(text, stage, key))


def set_enabled(text: str, stage: int, enabled: bool) -> str:
    """The stage switched on or off. Switched on, it loses the key `enabled`, unless a comment stands behind it."""
    if not enabled:
        return set_value(text, stage, "enabled", False)
    line = _line_of(text, ("stages", stage, "enabled"))
    return set_value(text, stage, "enabled", True) if "#" in line else unset_value(text, stage, "enabled")


def add_stage(text: str, stage: int, entry: Mapping[str, Any]) -> str:
    """A new stage, put before the one at `stage` (or at the end). `entry`: `use` and parameters as plain values."""
    data = parse(text, "").data
    data["stages"] = [*(data.get("stages") or [])]
    data["stages"].insert(stage, dict(entry))

    def lines() -> str:
        layout = _Layout.of(text)
        rendered = recipe_text.render({}, [entry]).splitlines()[1:]
        layout.insert(stage, [" " * layout.indent + line.removeprefix("  ") for line in rendered])
        return layout.text()

    return _checked(data, lines)


def remove_stage(text: str, stage: int) -> str:
    """The stage taken out, with the comments above and inside it."""
    data = parse(text, "").data
    del data["stages"][stage]

    def lines() -> str:
        layout = _Layout.of(text)
        layout.remove(stage)
        return layout.text()

    return _checked(data, lines)


def move_stage(text: str, stage: int, to: int) -> str:
    """The stage at `stage` moved so that it is at `to` afterwards, with the comments above and inside it."""
    data = parse(text, "").data
    data["stages"].insert(to, data["stages"].pop(stage))

    def lines() -> str:
        layout = _Layout.of(text)
        layout.blocks.insert(to, layout.blocks.pop(stage))
        return layout.text()

    return _checked(data, lines)


def typed_value(typed: str, type_words: str) -> Any:
    """What somebody means who types `typed` for a parameter of this type (`Parameter.type` in `curation.recipe_schema`).

    Text needs no quotes, lists and mappings need no brackets. Raises RecipeProblems or ValueError for what is no YAML.
    """
    stripped = typed.strip()
    types = type_words.split(" or ")
    if "null" in types and stripped in ("null", "~", ""):
        return None
    if stripped[:1] in ("[", "{", '"', "'"):
        return recipe_text.set_value(stripped)
    if any(each.startswith("list") for each in types):
        return recipe_text.set_value(f"[{stripped}]")
    if any(each.startswith("mapping") for each in types):
        return recipe_text.set_value("{" + stripped + "}")
    if not {"whole number", "number", "true", "any value"} & {*types, types[0].split(",")[0]}:
        return typed
    return recipe_text.set_value(stripped)


def written(value: Any) -> str:
    """A plain value as one would type it: lists and mappings in one line, text bare where that is unmistakable."""
    if value is None:
        return "null"
    rendered = recipe_text.render({"v": value}, []).partition("\n")[0]
    return rendered.removeprefix("v:").strip()


# Lines


@dataclass
class _Layout:
    """A recipe's text cut into the lines of its stages.

    head: up to and with the line `stages:`. blocks: the lines of each stage with the comments above it. gaps: the blank
    lines in front of each place, which stay where they are when stages move. tail: what follows. indent: of the dashes.
    """

    head: list[str]
    blocks: list[list[str]]
    gaps: list[list[str]]
    tail: list[str]
    indent: int

    @staticmethod
    def of(text: str) -> _Layout:
        """Raises ValueError for text that is not laid out in lines, such as flow style."""
        document = parse(text, "")
        lines = text.splitlines()
        start = document.lines[("stages",)] - 1
        count = len(document.data["stages"] or [])
        if not count:
            match = _EMPTY.match(lines[start])
            if match is None:
                raise ValueError("not in lines")
            return _Layout([*lines[:start], "stages:" + (match[3] or "")], [], [], lines[start + 1 :], 2)
        dashes = [document.lines[("stages", place)] - 1 for place in range(count)]
        matches = [_DASH.match(lines[dash]) for dash in dashes]
        indents = {len(match[1]) for match in matches if match}
        if None in matches or len(indents) != 1 or dashes[0] <= start:
            raise ValueError("not in lines")
        (indent,) = indents
        later = [line - 1 for path, line in document.lines.items() if len(path) == 1 and line - 1 > dashes[-1]]
        limits = [*dashes[1:], min(later, default=len(lines))]
        ends = [_end_of(lines, dash, limit, indent) for dash, limit in zip(dashes, limits, strict=True)]
        blocks, gaps = [], []
        for begin, end in zip([start + 1, *ends], ends, strict=False):
            first = begin
            while not lines[first].strip():
                first += 1
            gaps.append(lines[begin:first])
            blocks.append(lines[first:end])
        return _Layout(lines[: start + 1], blocks, gaps, lines[ends[-1] :], indent)

    def insert(self, place: int, lines: list[str]) -> None:
        """A block in front of the one at `place`, as far from its neighbours as others are from theirs."""
        usual = list(self.gaps[-1]) if len(self.gaps) > 1 else []
        self.blocks.insert(place, lines)
        self.gaps.insert(min(max(place, 1), len(self.gaps)), usual if self.gaps else [])

    def remove(self, place: int) -> None:
        """Without the block at `place`, and without the blank lines that it makes superfluous."""
        del self.blocks[place]
        del self.gaps[min(max(place, 1), len(self.gaps) - 1)]

    def text(self) -> str:
        """The whole text again."""
        head = list(self.head)
        if not self.blocks:
            head[-1] = head[-1].replace("stages:", "stages: []", 1)
        body = [line for gap, block in zip(self.gaps, self.blocks, strict=True) for line in (*gap, *block)]
        return "\n".join([*head, *body, *self.tail]) + "\n"


def _end_of(lines: Sequence[str], dash: int, limit: int, indent: int) -> int:
    """Where a stage ends: behind its last line that stands further right than its dash."""
    inside = [at for at in range(dash + 1, limit) if lines[at].strip() and _indent(lines[at]) > indent]
    return (inside[-1] if inside else dash) + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _line_of(text: str, path: KeyPath) -> str:
    line = parse(text, "").lines.get(path)
    return text.splitlines()[line - 1] if line else ""


def _without_key(text: str, stage: int, key: str) -> str:
    lines = text.splitlines()
    first = parse(text, "").lines[("stages", stage, key)] - 1
    if _DASH.match(lines[first]):
        raise ValueError("it shares the line of the dash")
    last = first + 1
    while last < len(lines) and lines[last].strip() and _indent(lines[last]) > _indent(lines[first]):
        last += 1
    return "\n".join([*lines[:first], *lines[last:]]) + "\n"


def _checked(data: Mapping[str, Any], by_lines: Callable[[], str]) -> str:
    """What the edit of lines gave if it says what it must, else YAML made from `data`."""
    try:
        edited = by_lines()
        if parse(edited, "").data == data:
            return edited
    except (RecipeProblems, ValueError, LookupError):
        pass
    plain = copy.deepcopy(dict(data))
    stages = plain.pop("stages", None) or []
    return recipe_text.render(plain, stages)
