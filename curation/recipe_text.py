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
from ruamel.yaml.tokens import CommentToken

from curation.recipe_problems import KeyPath, Problem, RecipeProblems, quoted

MAX_BYTES = 1 << 20
MAX_LINES = 20_000
MAX_LINE = 20_000  # characters; the scanner's time grows with the square of a line made of one long tag
MAX_NODES = 10_000
MAX_DEPTH = 12
MAX_DIGITS = 400

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_QUOTED = re.compile(r"'(?:[^']|'')*'" + r'|"(?:[^"\\]|\\.)*"')
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Document:
    """Plain values (dict, list, str, int, float, bool, None), and where each of them was written.

    lines: 1-based, by key path, in the file `origin`. settings: the `--set` argument that put a value at a key path.
    """

    origin: str
    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    settings: dict[KeyPath, str] = field(default_factory=dict)

    def where(self, path: KeyPath) -> tuple[str, int | None]:
        """The `--set` that wrote a value or a part of it, else the origin and the line of the nearest key there."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.settings:
                return self.settings[path[:end]], None
        inside = [said for key, said in self.settings.items() if key[: len(path)] == path]
        if inside:
            return ", ".join(inside), None
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.origin, self.lines[path[:end]]
        return self.origin, None


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
        problem = Problem(origin, refused.line + 1, "", refused.message, refused.hint)
        raise RecipeProblems(origin, [problem]) from None
    except MarkedYAMLError as error:
        raise RecipeProblems(origin, [_syntax_problem(origin, error)]) from None
    except (YAMLError, ValueError, LookupError, AttributeError, TypeError, AssertionError) as error:
        # A character YAML forbids (ReaderError), or text on which the scanner itself trips.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RecipeProblems(origin, [Problem(origin, None, "", f"not YAML: {reason}")]) from None
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
    return Problem(origin, mark.line + 1 if mark else None, "", f"not YAML: {said}", hint)


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
        try:
            # JSON writes 😀 as two escapes, "\ud83d\ude00", which YAML reads as two halves: join them.
            text = event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise _Refused(line, "half a surrogate pair is no character") from None
        if event.style is not None:
            return text
        try:
            return core_scalar(text)
        except ValueError as error:
            raise _Refused(line, f"{quoted(text)} {error}") from None

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
    if stripped[:1] in ("[", "{") or _QUOTED.fullmatch(stripped):  # 'a' = b is no text in quotes but a condition
        return parse(stripped, "").data
    if not stripped.isprintable():
        raise ValueError("has characters that cannot be printed: put it in double quotes and escape them")
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


def render(header: Mapping[str, Any], stages: Iterable[Mapping[str, Any]] | None) -> str:
    """A recipe's YAML from plain values: block style for sections and stages, flow style for lists inside them.

    stages: None where the recipe has no such list, as those of training.
    """
    tree = CommentedMap((key, _tree(value)) for key, value in header.items())
    if stages is None:
        return _dump(_writer(), tree)
    tree["stages"] = CommentedSeq(_tree(stage) for stage in stages)
    if not tree["stages"]:
        tree["stages"].fa.set_flow_style()
    return _dump(_writer(), tree)


def put(data: Any, path: KeyPath, value: Any) -> None:
    """Set the value at a key path of plain values; only its last key may be new."""
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def edit(text: str, changes: Mapping[KeyPath, Any], data: Mapping[str, Any]) -> str:
    """`text` with the values at the key paths replaced or added; comments, order and quoting stay.

    `data` is what the result must say: the text is read back and compared, and where the round trip lost something,
    plain YAML made from `data` is returned instead. Only the last key of a path may be new.
    """
    try:
        yaml = _writer(text)
        tree = yaml.load(text)
        for path, value in changes.items():
            at = tree
            for step in path[:-1]:
                at = at[step]
            _insert(at, path, _tree(value))
        edited = _dump(yaml, tree)
        if parse(edited, "").data == data:
            return edited
    except (YAMLError, RecipeProblems, LookupError, AttributeError, TypeError, ValueError, AssertionError):
        pass  # rare text that the round-trip reader of ruamel does not take; the strict reader above took it
    return render({key: value for key, value in data.items() if key != "stages"}, data.get("stages"))


def _insert(mapping: CommentedMap, path: KeyPath, value: Any) -> None:
    """Set a key; a new one goes below the last key of its stage, or above `stages`, never after a later comment."""
    key = path[-1]
    if key in mapping:
        mapping[key] = value
        return
    keys = list(mapping)
    position = keys.index("stages") if len(path) == 1 and "stages" in keys else len(keys)
    mapping.insert(position, key, value)
    if position:
        _hand_over(mapping, keys[position - 1], key)


def _hand_over(mapping: CommentedMap, before: Any, new: Any) -> None:
    """Move the full-line comments that follow `before` behind `new`: ruamel hangs them on the key above them."""
    tokens = mapping.ca.items.get(before)
    token = tokens[2] if tokens and len(tokens) > 2 else None
    if not isinstance(token, CommentToken):
        return
    same_line, newline, below = token.value.partition("\n")
    if below:
        token.value = same_line + newline
        mapping.ca.items[new] = [None, None, CommentToken("\n" + below, token.start_mark, None), None]
        if not same_line:
            del mapping.ca.items[before]
