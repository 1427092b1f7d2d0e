"""Two texts as lines of a diff: unified, or side by side, with the words that differ marked on both sides.

Marks are characters in the gutter (`-`, `+`) and underlining or striking out, never colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _

MOST = 4000  # characters of a text that are compared and shown: laying out more is felt
_CONTEXT = 400  # characters of what both texts begin or end with that stay where texts are cut
_AROUND = 2  # equal lines shown around a change
OLD, NEW = "$text-error strike", "$text-success underline bold"


@dataclass(frozen=True)
class Row:
    """A line of the one text and what stands for it in the other; None where there is nothing. changed: they differ."""

    old: Content | None
    new: Content | None
    changed: bool


def rows_of(old: str, new: str) -> list[Row]:
    """The lines of two texts, next to each other. Texts longer than MOST are cut around their first difference."""
    from curation.textdiff import pieces

    before, after = _cut(old, new)
    rows: list[Row] = []
    left: list[Content] = []
    right: list[Content] = []
    changed = False
    for kind, removed, added in pieces(before, after):
        if kind == "change":
            left.append(_marked(removed, OLD))
            right.append(_marked(added, NEW))
            changed = True
            continue
        parts, others = removed.split("\n"), added.split("\n")
        if len(parts) != len(others):  # blanks count as equal, and newlines may be among them
            left.append(_marked(removed, ""))
            right.append(_marked(added, ""))
            changed = True
            continue
        for number, (part, other) in enumerate(zip(parts, others, strict=True)):
            if number:
                rows.append(_row(left, right, changed))
                left, right, changed = [], [], False
            left.append(_marked(part, ""))
            right.append(_marked(other, ""))
            changed = changed or part != other
    rows.append(_row(left, right, changed))
    return rows


def plain_rows(text: str, *, old: bool) -> list[Row]:
    """A text that stands alone, as removed (`old`) or added lines."""
    lines = [_marked(part, "") for part in _limited(text).split("\n")]
    return [Row(part, None, True) if old else Row(None, part, True) for part in lines]


def _limited(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}… {_more(len(text) - MOST)}"


def _more(number: int) -> str:
    return _("({n} more characters)").format(n=f"{number:,}")


def _cut(old: str, new: str) -> tuple[str, str]:
    if max(len(old), len(new)) <= MOST:
        return old, new
    same = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        same += 1
    start = max(0, same - _CONTEXT)
    head = f"{_more(start)} …" if start else ""
    return head + _limited(old[start:]), head + _limited(new[start:])


def _marked(text: str, style: str) -> Content:
    """A piece; blanks that make the difference are made visible."""
    if style and not text.strip(" \u3000\n"):
        text = text.replace(" ", "·").replace("\u3000", "□").replace("\n", "⏎\n")
    return Content.styled(display(text, lines=True).replace("\t", "    "), style)


def _row(left: list[Content], right: list[Content], changed: bool) -> Row:
    old, new = Content("").join(left), Content("").join(right)
    if changed and not old.plain and new.plain:
        return Row(None, new, True)
    if changed and not new.plain and old.plain:
        return Row(old, None, True)
    return Row(old, new, changed)


def folded(rows: list[Row], whole: bool) -> Iterator[Row | int]:
    """The rows; long stretches of equal ones become their number, unless `whole`."""
    near = [
        any(row.changed for row in rows[max(0, place - _AROUND) : place + _AROUND + 1]) for place in range(len(rows))
    ]
    place = 0
    while place < len(rows):
        end = place
        while end < len(rows) and not near[end]:
            end += 1
        if whole or end - place <= 2:
            yield from rows[place : max(end, place + 1)]
        else:
            yield end - place
        place = max(end, place + 1)


def unified(rows: list[Row], width: int, *, whole: bool, marks: tuple[str, str] = ("-", "+")) -> Iterator[Content]:
    """Lines of `width` cells: old above new, marks in the gutter."""
    room = max(8, width - 2)
    for row in folded(rows, whole):
        if isinstance(row, int):
            yield _fold_line(row)
        elif not row.changed and row.new is not None:
            yield from _guttered(row.new, " ", room, "")
        else:
            if row.old is not None:
                yield from _guttered(row.old, marks[0], room, "$text-error")
            if row.new is not None:
                yield from _guttered(row.new, marks[1], room, "$text-success")


def side_by_side(rows: list[Row], width: int, *, whole: bool, marks: tuple[str, str] = ("-", "+")) -> Iterator[Content]:
    """Lines of `width` cells: old on the left, new on the right, marks in both gutters."""
    room = max(8, (width - 7) // 2)
    bar = Content.styled(" │ ", "dim")
    for row in folded(rows, whole):
        if isinstance(row, int):
            yield _fold_line(row)
            continue
        left = list(_guttered(row.old, marks[0] if row.changed else " ", room, "$text-error")) if row.old else []
        right = list(_guttered(row.new, marks[1] if row.changed else " ", room, "$text-success")) if row.new else []
        blank = Content(" " * (room + 2))
        for place in range(max(len(left), len(right), 1)):
            one = left[place] if place < len(left) else blank
            other = right[place] if place < len(right) else Content("")
            yield Content.assemble(one.pad_right(room + 2 - one.cell_length), bar, other)


def _guttered(text: Content, mark: str, room: int, style: str) -> Iterator[Content]:
    """The text wrapped, with the mark before each of its lines."""
    lines = [line for part in text.split("\n", allow_blank=True) for line in (part.wrap(room) or [Content("")])]
    for line in lines or [Content("")]:
        yield Content.assemble((f"{mark} ", f"bold {style}" if mark.strip() else ""), line)


def _fold_line(number: int) -> Content:
    return Content.styled("  " + _("⋯ {n} equal lines").format(n=number), "dim")
