"""The prompt files: where they lie, whether they can be used, and how one is filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from curation.errors import RecipeError, nearest
from curation.writers.atomic import output_error, write_atomic

if TYPE_CHECKING:
    from jinja2 import Template

PACKAGE = "curation.synthesis.prompts"
SUFFIX = ".jinja"
SHARED = "parts"
BLOCKS = ("system", "user")
EXAMPLES = (("shown", "answered"), ("shown_then", "answered_then"))
"""Blocks that a file may have: examples, as they would be asked and answered."""
MOST_BYTES = 1 << 20


class PromptFolder:
    """The built-in files of `package`, with those that all prompts share; the files of `folder` in place of them.

    Raises RecipeError for a file that is no prompt.

    Files cannot reach outside their folder, and run in Jinja2's sandbox: a folder from somebody else is text, not code.
    """

    def __init__(self, folder: str = "", package: str = PACKAGE) -> None:
        from jinja2 import DictLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self.sources, self.where = _read_all(folder, package)
        self._environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(self.sources),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )
        for name in self.sources:
            missing = (
                [] if name == SHARED + SUFFIX else [each for each in BLOCKS if each not in self._template(name).blocks]
            )
            if missing:
                said = f"{self.where[name]}: the block '{missing[0]}' is not there."
                raise RecipeError(said, "A prompt has two: {% block system %} and {% block user %}.")

    @property
    def digests(self) -> dict[str, str]:
        """Name of each file -> SHA-256 (hex) of its bytes, by name."""
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(self.sources.items())}

    def render(self, name: str, block: str, values: Mapping[str, Any]) -> str:
        """One block of the file `<name>.jinja`, without blanks around it. Raises RecipeError naming file and line."""
        from jinja2 import TemplateError

        template = self._template(name + SUFFIX)
        if block not in template.blocks and block not in BLOCKS:
            return ""
        try:
            return "".join(template.blocks[block](template.new_context(dict(values)))).strip()
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            place = _place(error.__traceback__, self.where) or self.where[name + SUFFIX]
            raise RecipeError(f"{place}: {error}", "docs/prompts.md says what a prompt may use.") from None

    def _template(self, name: str) -> Template:
        from jinja2 import TemplateError, TemplateSyntaxError

        try:
            return self._environment.get_template(name)
        except TemplateSyntaxError as error:
            at = self.where.get(error.name or name, self.where[name])
            raise RecipeError(f"{at}, line {error.lineno}: {error.message}", "It is a Jinja2 template.") from None
        except TemplateError as error:
            raise RecipeError(f"{self.where[name]}: {error}", "It is a Jinja2 template.") from None


def copy_to(folder: Path) -> list[Path]:
    """Write the built-in files into a folder, to be changed; those that are there already are left as they are.

    Returns the paths that were written. Raises OutputError where the folder cannot be written.
    """
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in sorted(_built_in()):
            if not (folder / name).exists():
                write_atomic(folder / name, text.encode())
                made.append(folder / name)
    except OSError as error:
        raise output_error(folder, error) from error
    return made


def _built_in(package: str = PACKAGE) -> Iterator[tuple[str, str]]:
    for item in files(package).iterdir():
        if item.name.endswith(SUFFIX):
            yield item.name, item.read_text(encoding="utf-8")
    if package != PACKAGE:
        yield SHARED + SUFFIX, (files(PACKAGE) / (SHARED + SUFFIX)).read_text(encoding="utf-8")


def _read_all(folder: str, package: str) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by name, and how errors call each file."""
    sources = dict(_built_in(package))
    where = {name: f"the built-in prompt {name}" for name in sources}
    if not folder:
        return sources, where
    place = Path(folder).expanduser()
    found = sorted(place.glob("*" + SUFFIX)) if place.is_dir() else []
    if not found:
        hint = "studio generate --copy-prompts FOLDER writes them there." if package == PACKAGE else _names(sources)
        raise RecipeError(f"There are no prompts in {folder}.", hint)
    unknown = [path.name for path in found if path.name not in sources]
    if unknown:
        raise RecipeError(f"{place / unknown[0]} is the file of no prompt.", nearest(unknown[0], sources))
    for path in found:
        sources[path.name], where[path.name] = _read(path), str(path)
    return sources, where


def _names(sources: Mapping[str, str]) -> str:
    return f"What may lie there: {', '.join(sorted(sources))}."


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise RecipeError(f"{path} is larger than a prompt can be (1 MiB).", "")
        return data.decode("utf-8")
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}.", "") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None


def _place(trace: TracebackType | None, where: Mapping[str, str]) -> str:
    """File and line of the innermost template in a traceback."""
    found = ""
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None and template.name in where:
            found = f"{where[template.name]}, line {template.get_corresponding_lineno(trace.tb_lineno)}"
        trace = trace.tb_next
    return found
