"""From records to what widgets show: a line of a table, a block of text. Everything out of data is made harmless here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _
from studio.tui.text import LIMIT, block, line
from studio.tui.widgets.charts import Drawing, length_bars

if TYPE_CHECKING:
    from curation.browsing import Order, Record, RecordList
    from curation.browsing.measure import Distributions

_PREVIEW = 300  # characters of a text that a line of the table may need
_TURNS_SHOWN = 40
_COLUMNS_SHOWN = 30
_ASKING = ("user", "prompt", "system", "tool")


@dataclass(frozen=True)
class RowFrame:
    """One line of the table. Texts are raw: the table makes them harmless while it fits them in.

    mark: one character: blank, `!` for what is no record, `-` dropped, `~` edited. number: as shown. size: characters,
    -1 unknown. left, right: question and answer; a plain text is all in `left`. more: other columns, or what is wrong.
    """

    mark: str
    number: str
    size: int
    left: str
    right: str
    more: str


class Rows(Protocol):
    """What a table shows: lines that can be had at once, or not yet."""

    def __len__(self) -> int: ...

    def frame(self, place: int) -> RowFrame | None:
        """The line at `place`, None where it has to be read first."""

    def row(self, place: int) -> int:
        """The number of the record at `place`, in the order of what was opened."""


class RecordRows:
    """Rows of a record list, in an order."""

    def __init__(self, records: RecordList, order: Order) -> None:
        self._records, self._order = records, order

    def __len__(self) -> int:
        return len(self._records) if self._order.rows is None else len(self._order.rows)

    def row(self, place: int) -> int:
        """Through the order."""
        return place if self._order.rows is None else int(self._order.rows[place])

    def frame(self, place: int) -> RowFrame | None:
        """At once if the record is at hand."""
        row = self.row(place)
        try:
            if not self._records.at_hand(row):
                return None
            return row_frame(row, self._records.record(row))
        except IndexError:
            return None


def row_frame(row: int, record: Record) -> RowFrame:
    """The line of a record."""
    number = f"{row + 1:,}"
    if record.problem:
        raw = record.raw.payload[: 4 * _PREVIEW].decode("utf-8", "replace")
        return RowFrame("!", number, -1, raw, "", f"{record.problem}: {record.raw.detail}")
    asked = [text for role, text in record.turns if role in _ASKING and role != "system"]
    told = [text for role, text in record.turns if role not in _ASKING]
    left, right = (asked[0], " ⏎ ".join(told)) if asked and told else (" ⏎ ".join(asked or told), "")
    fate = record.raw.fate
    mark = "-" if fate.startswith("dropped") else "~" if fate == "edited" else " "
    more = " ".join(f"{key}={_brief(value)}" for key, value in list(record.columns.items())[:6])
    told_fate = f"{fate.removeprefix('dropped ')} " if mark == "-" else ""
    return RowFrame(mark, number, record.characters, left[:_PREVIEW], right[:_PREVIEW], told_fate + more[:_PREVIEW])


def record_content(record: Record, language: str = "") -> Content:
    """A whole record for the pane: head, turns with their roles, other columns."""
    raw = record.raw
    parts = [Content.styled(display(raw.record_id, limit=200), "bold")]
    facts = [_fate(raw.fate)] if raw.fate else []
    if record.problem:
        said = _("no record: {reason}").format(reason=record.problem)
        parts.append(Content.styled(f"! {said}  {display(raw.detail, limit=300)}", "$text-error"))
        parts.append(block(raw.payload.decode("utf-8", "replace"), limit=LIMIT))
        return Content("\n").join(parts)
    tokens = approximate_tokens(text for _role, text in record.turns)
    facts += [
        display(record.format),
        _("{n} characters").format(n=f"{record.characters:,}"),
        _("about {n} tokens").format(n=f"{tokens:,}"),
        *([display(language)] if language else []),
    ]
    parts.append(Content.styled(" · ".join(facts), "dim"))
    left = 2 * LIMIT
    for role, text in record.turns[:_TURNS_SHOWN]:
        parts.append(Content(""))
        parts.append(Content.styled(f"{display(role, limit=40)}", "bold $text-accent"))
        parts.append(block(text, limit=min(LIMIT, max(200, left))))
        left -= min(len(text), LIMIT)
    if len(record.turns) > _TURNS_SHOWN:
        parts.append(Content.styled(_("… {n} more turns").format(n=len(record.turns) - _TURNS_SHOWN), "dim"))
    if record.columns:
        parts.extend((Content(""), columns_content(record.columns)))
    return Content("\n").join(parts)


def columns_content(columns: Mapping[str, Any]) -> Content:
    """Other columns, one a line."""
    shown = list(columns.items())[:_COLUMNS_SHOWN]
    lines = [
        Content.assemble((display(name, limit=60), "bold $text-secondary"), "  ", line(_brief(value), limit=500))
        for name, value in shown
    ]
    if len(columns) > len(shown):
        lines.append(Content.styled(_("… {n} more columns").format(n=len(columns) - len(shown)), "dim"))
    return Content("\n").join(lines)


def approximate_tokens(texts: Any) -> int:
    """About as many tokens as a tokenizer would make: one for each Chinese or Japanese character, else for four."""
    wide = narrow = 0
    for text in texts:
        ascii_only = text.isascii()
        wider = 0 if ascii_only else sum("\u2e80" <= each <= "\uffef" or each > "\U00020000" for each in text)
        wide += wider
        narrow += len(text) - wider
    return wide + (narrow + 3) // 4


def _fate(fate: str) -> str:
    names = {"kept": _("kept"), "edited": _("edited"), "dropped": _("dropped")}
    word, _space, rest = fate.partition(" ")
    return f"{names.get(word, word)} {display(rest)}".strip()


def _brief(value: Any) -> str:
    if isinstance(value, str):
        return value[:600]
    if isinstance(value, Sequence | Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)[:600]
    return json.dumps(value, default=str)[:600]


def drawings(found: Distributions) -> tuple[Drawing, ...]:
    """The charts of a sample: lengths, languages, sources (roles where there is one source), what is no record."""
    from curation.browsing.measure import EDGES

    several = len(found.sources) > 1
    counted = found.sources if several else found.roles
    return (
        Drawing(_("Length in characters"), length_bars(EDGES, found.lengths), upright=True),
        Drawing(_("Language"), list(found.languages.items())),
        Drawing(_("Source") if several else _("Role"), sorted(counted.items(), key=lambda item: -item[1])),
        Drawing(_("No record"), list(found.problems.items())),
    )


def readable(record: Record) -> str:
    """The record as indented JSON, or as it stands where it is none."""
    from curation.readers.payload import loads_exact

    text = record.raw.payload.decode("utf-8", "replace")
    try:
        return json.dumps(loads_exact(text), ensure_ascii=False, indent=2) + "\n"
    except ValueError:
        return text


def status_parts(
    records: RecordList, order: Order, cursor: int, count: int, found: int | None, *, whole: bool
) -> list[str]:
    """What the line under the table says: where the cursor is, formats, filter and order, how much was found."""
    place = f"{cursor + 1:,}/{count:,}" if count else "0"
    formats = sorted({form for form in records.formats.values() if form})
    return [
        place if whole else _("{place}, still counting").format(place=place),
        ", ".join(formats[:3]) + (" …" if len(formats) > 3 else ""),
        order.said,
        _("{n} found").format(n=f"{found:,}") if found is not None else "",
    ]


def sortable(records: RecordList | None) -> list[str]:
    """What the records can be sorted by, upwards and downwards; names that could fool a terminal are left out."""
    types = records.column_types.values() if records is not None else ()
    names = [*("length", "size", "source"), *(column for each in types for column in each)]
    safe = [name for name in dict.fromkeys(names) if display(name) == name]
    return [*safe, *(f"-{name}" for name in safe)]


def nothing_open() -> tuple[str, str]:
    """What an empty screen says."""
    return _("Nothing is open."), "\n".join(
        (
            _("Press o to open a file, a folder or a run."),
            _("jsonl, json, csv, tsv, parquet, txt and md are read, compressed or not; so is hf:NAME."),
            "",
            _("? is help, ctrl+p lists every command, ctrl+q quits."),
        )
    )
