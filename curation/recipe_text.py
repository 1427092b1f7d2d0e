"""Recipe text: YAML 1.2 read strictly, with the line of every key, and written back with its comments.

Reading builds plain values from the parser's events in one pass, so that what a recipe must not hold is refused before
it costs anything: anchors and aliases (a few lines of them expand to gigabytes), tags, merge keys, duplicate keys, deep
nesting, several documents. Scalars follow the YAML 1.2 core schema to the letter: `1e-4` is a number, `no` is text.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from curation.recipe_problems import KeyPath, Problem, RecipeProblems, quoted

MAX_BYTES = 1 << 20
MAX_LINES = 20_000
MAX_LINE = 20_000  # characters; the scanner's time grows with the square of a line made of one long tag
MAX_NODES = 20_000
MAX_DEPTH = 12
MAX_DIGITS = 400

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Document:
    """Plain values (dict, list, str, int, float, bool, None) and the 1-based line of each key path in `origin`."""

    origin: str
    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """`origin:line` of a key, or of the nearest thing around it that is there."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return f"{self.origin}:{self.lines[path[:end]]}"
        return self.origin


class _Refused(Exception):
    """Something that a recipe must not hold, at a 0-based line."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


def core_scalar(text: str) -> Any:
    """The value of a plain scalar by the YAML 1.2 core schema (section 10.3.2): null, boolean, number, or text.

    Raises ValueError for a number that is not finite or that has more than 400 digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _SPECIAL.fullmatch(text):
        raise ValueError("must be a finite number")
    if not (_FLOAT.fullmatch(text) or _OCTAL.fullmatch(text) or _HEX.fullmatch(text)):
        return text
    if len(text) > MAX_DIGITS:
        raise ValueError(f"has more than {MAX_DIGITS} digits")
    if _INT.fullmatch(text):
        return int(text)
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def parse(text: str, origin: str) -> Document:
    """Read one YAML document; RecipeError with the line for anything that is not one or must not be in a recipe."""
    document = Document(origin)
    try:
        _check_size(text)
        events = YAML(typ="safe", pure=True).parse(io.StringIO(text.removeprefix("\ufeff")))
        _Reader(iter(events), document).read()
    except _Refused as refused:
        problem = Problem(f"{origin}:{refused.line + 1}", "", refused.message, refused.hint)
        raise RecipeProblems(origin, [problem]) from None
    except MarkedYAMLError as error:
        raise RecipeProblems(origin, [_syntax_problem(origin, error)]) from None
    except (YAMLError, ValueError, LookupError, AttributeError, TypeError, AssertionError) as error:
        # A character YAML forbids (ReaderError), or text on which the scanner itself trips.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RecipeProblems(origin, [Problem(origin, "", f"not YAML: {reason}")]) from None
    return document


def _check_size(text: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _Refused(0, f"a recipe has at most {MAX_BYTES // 1024} KiB")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise _Refused(MAX_LINES, f"a recipe has at most {MAX_LINES} lines")
    for number, line in enumerate(lines):
        if len(line) > MAX_LINE:
            raise _Refused(number, f"a line of a recipe has at most {MAX_LINE} characters")


def _syntax_problem(origin: str, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = (error.problem or error.context or "syntax error").replace("\n", " ")
    hint = ""
    if "\\t" in said or "'\t'" in said:
        hint = "Indent with spaces, never with tabs."
    elif "mapping values are not allowed" in said:
        hint = "Put text that holds ': ' in quotes, and check the indentation."
    return Problem(f"{origin}:{mark.line + 1}" if mark else origin, "", f"not YAML: {said}", hint)


class _Reader:
    """Builds plain values from parser events, refusing what a recipe must not hold."""

    def __init__(self, events: Iterator[Any], document: Document) -> None:
        self.events, self.document, self.nodes = events, document, 0

    def read(self) -> None:
        """Fill in the document's values and lines."""
        documents = 0
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                self.check_document(event, documents)
            elif kind not in ("StreamStartEvent", "DocumentEndEvent", "StreamEndEvent", "CommentEvent"):
                self.document.data = self.value(event, ())

    def check_document(self, event: Any, documents: int) -> None:
        line = event.start_mark.line
        if documents > 1:
            raise _Refused(line, "a recipe is one YAML document, and here a second one begins")
        if event.version not in (None, (1, 2)) or event.tags:
            raise _Refused(0, "a recipe has no YAML directives", "Take the line that begins with % away.")

    def value(self, event: Any, path: KeyPath) -> Any:
        kind, line = type(event).__name__, event.start_mark.line
        self.nodes += 1
        self.document.lines.setdefault(path, line + 1)
        if kind == "AliasEvent" or event.anchor is not None:
            raise _Refused(line, "anchors and aliases are not allowed in a recipe", "Write the value out again.")
        if event.tag is not None:
            raise _Refused(line, f"tags are not allowed in a recipe: {quoted(str(event.tag))}")
        if len(path) > MAX_DEPTH:
            raise _Refused(line, f"nested more than {MAX_DEPTH} levels deep")
        if self.nodes > MAX_NODES:
            raise _Refused(line, f"a recipe has at most {MAX_NODES} values")
        if kind == "MappingStartEvent":
            return self.mapping(path)
        if kind == "SequenceStartEvent":
            return self.sequence(path)
        return self.scalar(event, line)

    def scalar(self, event: Any, line: int) -> Any:
        if event.style is not None:
            return event.value
        try:
            return core_scalar(event.value)
        except ValueError as error:
            raise _Refused(line, f"{quoted(event.value)} {error}") from None

    def sequence(self, path: KeyPath) -> list[Any]:
        values: list[Any] = []
        for event in self.events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            values.append(self.value(event, (*path, len(values))))
        return values

    def mapping(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self.events:
            kind, line = type(event).__name__, event.start_mark.line
            if kind == "MappingEndEvent":
                break
            if kind != "ScalarEvent" or event.tag is not None or event.anchor is not None:
                raise _Refused(line, "a key must be plain text")
            key = event.value
            if key == "<<" and event.style is None:
                raise _Refused(line, "merge keys (<<) are not allowed in a recipe", "Write the values out again.")
            if key in values:
                first = self.document.lines[(*path, key)]
                raise _Refused(line, f"the key {quoted(key)} stands here twice, first in line {first}")
            self.document.lines[(*path, key)] = line + 1
            values[key] = self.value(next(self.events), (*path, key))
        return values


def set_value(text: str) -> Any:
    """What `--set key=TEXT` means: a quoted text, a flow list or mapping, else one plain scalar (colons and all)."""
    stripped = text.strip()
    if stripped[:1] in ("[", "{", '"', "'"):
        return parse(stripped, "").data
    return core_scalar(stripped)


def _writer(text: str = "") -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1 << 20  # never fold a line that the author did not fold
    dash = re.search(r"^stages:[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)-( +)\S", text, re.MULTILINE)
    offset, gap = (len(dash[1]), len(dash[2])) if dash else (2, 1)
    yaml.indent(mapping=2, sequence=offset + 1 + gap, offset=offset)
    return yaml


def _dump(yaml: YAML, tree: Any) -> str:
    stream = io.StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def _tree(value: Any, flow: bool = False) -> Any:
    """Plain values as ruamel nodes; text that could be taken for anything else is put in double quotes."""
    if isinstance(value, Mapping):
        mapping = CommentedMap((_tree(key), _tree(item, flow=True)) for key, item in value.items())
        if flow:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, (list, tuple)):
        sequence = CommentedSeq(_tree(item, flow=True) for item in value)
        sequence.fa.set_flow_style()
        return sequence
    if isinstance(value, str) and not _plain(value):
        return DoubleQuotedScalarString(value)
    return value


def _plain(text: str) -> bool:
    if not re.fullmatch(r"[^\W_]([\w ()/%<>=+.;-]*[\w)%.])?", text):
        return False
    try:
        return core_scalar(text) is text
    except ValueError:
        return False


def render(header: Mapping[str, Any], stages: Iterable[Mapping[str, Any]]) -> str:
    """A recipe's YAML from plain values: block style for the stages, flow style for lists inside them."""
    tree = CommentedMap((key, _tree(value)) for key, value in header.items())
    tree["stages"] = CommentedSeq(_tree(stage) for stage in stages)
    if not tree["stages"]:
        tree["stages"].fa.set_flow_style()
    return _dump(_writer(), tree)


def edit(text: str, changes: Mapping[KeyPath, Any]) -> str:
    """`text` with the values at the key paths replaced or added; comments, order and quoting stay.

    The containers on each path must exist: only the last key may be new.
    """
    yaml = _writer(text)
    tree = yaml.load(text)
    for path, value in changes.items():
        at = tree
        for step in path[:-1]:
            at = at[step]
        _put(at, path[-1], _tree(value))
    return _dump(yaml, tree)


def _put(mapping: CommentedMap, key: str | int, value: Any) -> None:
    """Set a key; a new one of the top level goes before `stages`, which would otherwise hide it at the far end."""
    if key not in mapping and "stages" in mapping:
        mapping.insert(list(mapping).index("stages"), key, value)
    else:
        mapping[key] = value
