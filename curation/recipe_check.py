"""From the plain values of a recipe to checked stages. Every problem is found before anything is raised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
)

from curation.errors import RecipeError, StudioError, nearest
from curation.recipe_problems import KeyPath, Problem, RecipeProblems, explain, quoted
from curation.recipe_text import Document
from curation.registry import ENTRY_KEYS, stage_class, stage_names, stage_origin
from curation.stage import CorpusStage, Stage

STEP_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_Model = TypeVar("_Model", bound=BaseModel)
_STEP_NAME_RULE = "must be made of letters a-z, digits, - and _, and begin with a letter"


def _one_line(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("must be one line of printable characters, without spaces around it")
    return text


class RecipeHeader(BaseModel):
    """What a recipe says before its stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_one_line)] = Field(
        default="recipe", min_length=1, max_length=80, description="Short name, shown in lists and reports."
    )
    description: str = Field(default="", max_length=4000, description="What the recipe is for.")
    seed: int = Field(default=0, ge=0, lt=1 << 63, description="Seed of every stage that draws at random.")


class Step(BaseModel):
    """One stage in its place: its name (unique in the recipe), what it uses, the checked stage, and if it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=STEP_NAME.pattern)
    use: str
    stage: SerializeAsAny[Stage]
    enabled: bool = True


def step_names(wanted: Sequence[tuple[str, str | None]]) -> list[str]:
    """A name for each `(use, name or None)`: the given one, else the use; a second `clean` becomes `clean-2`."""
    taken = {name for _, name in wanted if name is not None}
    names: list[str] = []
    for use, name in wanted:
        chosen, number = name or use, 1
        while name is None and chosen in taken:
            number += 1
            chosen = f"{use}-{number}"
        taken.add(chosen)
        names.append(chosen)
    return names


def check(document: Document) -> tuple[RecipeHeader, tuple[Step, ...]]:
    """The header and the stages of a recipe, or RecipeProblems with everything that is wrong."""
    return _Checker(document).run()


class _Checker:
    """Walks one document, collecting problems on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.names: list[str] = []

    def run(self) -> tuple[RecipeHeader, tuple[Step, ...]]:
        data = self.document.data
        if not isinstance(data, Mapping):
            said = "is empty" if data is None else f"must be a mapping of keys to values, got {quoted(data)}"
            self.report((), f"the recipe {said}", "`studio recipes show minimal` prints a whole one.")
            raise RecipeProblems(self.document.origin, self.problems)
        header = self.header(data)
        steps = tuple(self.steps(data))
        self.read(steps)
        if self.problems or header is None:
            raise RecipeProblems(self.document.origin, self.problems)
        return header, steps

    def report(self, path: KeyPath, message: str, hint: str = "") -> None:
        self.problems.append(Problem(*self.document.where(path), self.key(path), message, hint))

    def key(self, path: KeyPath) -> str:
        """`length.min_chars`, `length.tags[0]`, `stages[2]`: a stage by its name once that is known."""
        parts = list(path)
        if parts[:1] == ["stages"] and len(parts) > 1 and isinstance(parts[1], int) and parts[1] < len(self.names):
            parts[:2] = [self.names[parts[1]] or f"stages[{parts[1]}]"]
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
        return text if text.isprintable() else ascii(text)

    def header(self, data: Mapping[str, Any]) -> RecipeHeader | None:
        fields = {key: value for key, value in data.items() if key != "stages"}
        known = {**RecipeHeader.model_fields, "stages": None}
        return self.validated(RecipeHeader, fields, (), known)

    def validated(
        self, model: type[_Model], data: dict[str, Any], path: KeyPath, known: Mapping[str, Any]
    ) -> _Model | None:
        """The model made from plain values, strictly (text is no number, a number no text); None once reported."""
        try:
            return model.model_validate_json(json.dumps(data, allow_nan=False), strict=True)
        except ValidationError as error:
            for inner, message, hint in explain(error.errors(include_url=False), data, known):
                self.report((*path, *inner), message, hint)
        except StudioError as error:
            self.report(path, error.message, error.hint)
        return None

    def steps(self, data: Mapping[str, Any]) -> Iterator[Step]:
        entries = data.get("stages")
        if not isinstance(entries, list):
            said = f"must be a list, got {quoted(entries)}" if "stages" in data else "is missing"
            self.report(("stages",), said, "Each stage is an entry such as `- use: clean`.")
            return
        self.names = self.named(entries)
        for index, entry in enumerate(entries):
            step = self.step(index, entry)
            if step is not None:
                yield step

    def read(self, steps: Sequence[Step]) -> None:
        """Report what a stage would read of a stage that does not run before it."""
        earlier: dict[str, bool] = {}
        for step in steps:
            wanted = step.stage.reads() if step.enabled and isinstance(step.stage, CorpusStage) else ()
            for parameter, name in wanted:
                path: KeyPath = ("stages", self.names.index(step.name), parameter)
                if name not in earlier:
                    hint = nearest(name, earlier) or "Put the stage that measures it before this one."
                    self.report(path, f"no stage before it is named {quoted(name)}", hint)
                elif not earlier[name]:
                    self.report(
                        path, f"{quoted(name)}, which it reads, is switched off", "Switch it on, or this one off."
                    )
            earlier[step.name] = step.enabled

    def named(self, entries: Sequence[Any]) -> list[str]:
        """The name of each entry, "" where it has no `use`; names that cannot be used are reported."""
        wanted: list[tuple[str, str | None]] = []
        first: dict[str, int] = {}
        for index, entry in enumerate(entries):
            use, name = (entry.get("use"), entry.get("name")) if isinstance(entry, Mapping) else (None, None)
            path: KeyPath = ("stages", index, "name")
            if name is not None and not (isinstance(name, str) and STEP_NAME.fullmatch(name)):
                self.report(path, f"{_STEP_NAME_RULE}, got {quoted(name)}")
                name = None
            elif name in first:
                self.report(path, f"{quoted(name)} already is the name of stages[{first[name]}]")
                name = None
            elif name is not None:
                first[name] = index
            wanted.append((use if isinstance(use, str) and use in stage_names() else "", name))
        names = step_names([(use or " ", name) for use, name in wanted])
        return [name if use else "" for (use, _), name in zip(wanted, names, strict=True)]

    def step(self, index: int, entry: Any) -> Step | None:
        path: KeyPath = ("stages", index)
        if not isinstance(entry, Mapping):
            hint = f"Write `- use: {entry}`." if isinstance(entry, str) and entry in stage_names() else ""
            self.report(path, f"must be a mapping that begins with use:, got {quoted(entry)}", hint)
            return None
        enabled = entry.get("enabled", True)
        if not isinstance(enabled, bool):
            self.report((*path, "enabled"), f"must be true or false, got {quoted(enabled)}")
        cls = self.stage_class(path, entry)
        if cls is None:
            return None
        settings = {key: value for key, value in entry.items() if key not in ENTRY_KEYS}
        known = {**cls.model_fields, **dict.fromkeys(ENTRY_KEYS)}
        stage = self.stage(cls, settings, path, known)
        if stage is None or not isinstance(enabled, bool):
            return None
        return Step(name=self.names[index], use=entry["use"], stage=stage, enabled=enabled)

    def stage_class(self, path: KeyPath, entry: Mapping[str, Any]) -> type[Stage] | None:
        if "use" not in entry:
            meant = next((key for key in entry if key in stage_names()), None)
            hint = f"Write `- use: {meant}`, its parameters below it." if meant else ""
            self.report((*path, "use"), "is missing", hint or nearest("", stage_names()))
            return None
        use = entry["use"]
        if not isinstance(use, str):
            self.report((*path, "use"), f"must be the name of a stage, got {quoted(use)}", nearest("", stage_names()))
            return None
        try:
            return stage_class(use)
        except RecipeError as error:
            self.report((*path, "use"), error.message, error.hint)
            return None

    def stage(
        self, cls: type[Stage], settings: dict[str, Any], path: KeyPath, known: Mapping[str, Any]
    ) -> Stage | None:
        try:
            return self.validated(cls, settings, path, known)
        except Exception as error:  # a validator of somebody's stage that fails in its own way
            origin = stage_origin(cls.name)
            if origin == "built in":
                raise
            self.report(path, f"the stage of {origin} cannot check its parameters: {type(error).__name__}: {error}")
            return None
