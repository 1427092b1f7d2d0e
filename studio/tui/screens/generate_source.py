"""What an item was made from: the chunk of its document with the quoted sentence marked, or its seeds and records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _
from studio.tui.text import block, line

if TYPE_CHECKING:
    from curation.synthesis.model import Chunk, Origin, Span, Unit
    from studio.runs.generated_items import Source

MOST = 8000
"""Characters of a chunk that are laid out, around the first span; chunks of 400 tokens have some 1,600."""
_LEFT, _RIGHT = "‹", "›"
_MARKED = "bold underline $text-success"
_ORIGINS = 12


def source_content(source: Source, spans: Sequence[Span], unit: Unit | None, width: int) -> tuple[Content, int]:
    """The source in lines of at most `width` cells, and the line on which the first marked span begins (0 for none)."""
    lines: list[Content] = []
    if source.chunk is not None:
        lines = list(_head(source, source.chunk))
        at = len(_wrapped(lines, width))
        body, before = marked(source.chunk, spans)
        first = at + len(_wrapped([body[:before]], width)) - 1 if before else 0
        return Content("\n").join(_wrapped([*lines, body], width)), first
    for number, origin in enumerate(source.origins[:_ORIGINS]):
        lines += _origin(origin, number, unit)
    if len(source.origins) > _ORIGINS:
        lines.append(Content.styled(_("… {n} more").format(n=len(source.origins) - _ORIGINS), "dim"))
    if not lines:
        lines.append(Content.styled(_("The source is not in the folder of this run."), "dim"))
    return Content("\n").join(_wrapped(lines, width)), 0


def _wrapped(lines: Sequence[Content], width: int) -> list[Content]:
    return [part for each in lines for part in (each.wrap(width) if each.plain else [each])]


def _head(source: Source, chunk: Chunk) -> Iterator[Content]:
    document = source.document
    name = (
        (document.path.rstrip("/").rpartition("/")[2] or document.path) if document is not None else chunk.document_id
    )
    title = document.title if document is not None else ""
    headings = chunk.headings or ((title,) if title else ())
    yield Content.assemble(
        line(name, style="bold", limit=200), "  ", line(" › ".join(headings), style="$text-accent", limit=300)
    )
    said = _("{chunk} · characters {first} to {last}")
    place = said.format(first=f"{chunk.start:,}", last=f"{chunk.end:,}", chunk=display(chunk.chunk_id, limit=80))
    yield Content.styled(place, "dim")
    yield Content("")


def marked(chunk: Chunk, spans: Sequence[Span]) -> tuple[Content, int]:
    """The chunk's text with the spans between ‹ and ›, and how many characters of it stand before the first.

    Offsets are those of the raw text: it is cut at them first, and made harmless piece by piece.
    """
    text = chunk.text
    places = _joined(
        (max(0, span.start - chunk.start), min(len(text), span.end - chunk.start))
        for span in spans
        if span.end > chunk.start and span.start < chunk.end
    )
    low, high = _window(len(text), places[0] if places else None)
    parts: list[Content] = []
    if low:
        parts.append(Content.styled(_("({n} characters before) …").format(n=f"{low:,}") + "\n", "dim"))
    at, before = low, 0
    for start, end in places:
        start, end = max(at, min(start, high)), max(at, min(end, high))
        if start >= end:
            continue
        parts.append(block(text[at:start], limit=MOST))
        before = before or sum(len(part.plain) for part in parts) + 1
        parts.append(Content.styled(_LEFT, _MARKED) + block(text[start:end], style=_MARKED, limit=MOST))
        parts.append(Content.styled(_RIGHT, _MARKED))
        at = end
    parts.append(block(text[at:high], limit=MOST))
    if high < len(text):
        parts.append(Content.styled(" … " + _("({n} more characters)").format(n=f"{len(text) - high:,}"), "dim"))
    return Content("").join(parts), before


def _joined(places: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _window(length: int, first: tuple[int, int] | None) -> tuple[int, int]:
    if length <= MOST:
        return 0, length
    begin = max(0, min((first[0] if first else 0) - MOST // 2, length - MOST))
    return begin, begin + MOST


def _origin(origin: Origin, number: int, unit: Unit | None) -> Iterator[Content]:
    similar = unit is not None and unit.kind == "similar"
    title = _("Example {n}").format(n=number + 1) if similar else _("Made from")
    yield Content.assemble((title, "$text-accent"), "  ", line(origin.record_id, style="dim", limit=160))
    for role, text in origin.turns[:20]:
        if role:
            yield line(role, style="bold", limit=60)
        yield block(text)
    yield Content("")
