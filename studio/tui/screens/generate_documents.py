"""The documents of a generation as text: how much of each is covered, how evenly, and which could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from studio.tui.i18n import _, ngettext
from studio.tui.text import cell, line
from studio.tui.widgets.charts import bar

if TYPE_CHECKING:
    from curation.synthesis.coverage import Coverage

_MOST = 200  # documents, and topics, that are laid out
_NUMBER = 11


def documents_content(found: Coverage, unread: Sequence[tuple[str, str]], width: int) -> Content:
    """A line for each document and topic, in lines of at most `width` cells."""
    lines: list[Content] = [_sum(found), Content("")]
    for path, reason in unread[:_MOST]:
        lines.append(line(f"✗ {path}: {reason}", style="$text-error", limit=400))
    lines += _documents(found, width)
    lines += _spread(_("Question types: accepted of those asked for"), found.types, width)
    lines += _spread(_("Difficulties: accepted of those asked for"), found.difficulties, width)
    if found.languages:
        told = " · ".join(f"{name} {number:,}" for name, number in found.languages.items())
        lines += [Content(""), _title(_("Languages of what was accepted")), line(told, limit=300)]
    lines += _topics(found, width)
    return Content("\n").join(part for each in lines for part in (each.wrap(width) if each.plain else [each]))


def _sum(found: Coverage) -> Content:
    if not found.documents:
        said = _("{n} of {all} records have an accepted item.")
        return Content.styled(said.format(n=f"{found.origins_with:,}", all=f"{found.origins:,}"), "bold")
    said = _("{n} of {all} chunks have an accepted item; quotes cover {share} of the text.")
    told = said.format(n=f"{found.chunks_with:,}", all=f"{found.chunks:,}", share=f"{found.share:.1%}")
    return Content.styled(told, "bold")


def _documents(found: Coverage, width: int) -> Iterator[Content]:
    if not found.documents:
        return
    names = max(12, width - 3 * _NUMBER - 13)
    heads = (_("chunks"), _("accepted"), _("covered"))
    yield Content.styled(cell(_("document"), names) + "".join(cell(head, _NUMBER, right=True) for head in heads), "dim")
    for each in found.documents[:_MOST]:
        numbers = (f"{each.chunks_with}/{each.chunks}", f"{each.accepted}/{each.requested}", f"{each.share:.1%}")
        name = each.path.rstrip("/").rpartition("/")[2] or each.title or each.document_id
        row = cell(name, names) + "".join(cell(number, _NUMBER, right=True) for number in numbers)
        yield Content.assemble(row, "  ", (bar(each.share, 10), "$text-success"))
    yield from _more(len(found.documents))


def _spread(title: str, found: Mapping[str, tuple[int, int]], width: int) -> Iterator[Content]:
    if not found:
        return
    yield Content("")
    yield _title(title)
    names = min(20, width // 3)
    for name, (asked, accepted) in found.items():
        share = accepted / asked if asked else 0.0
        counts = cell(f"{accepted}/{asked}", _NUMBER, right=True)
        yield Content.assemble(cell(name, names), counts, "  ", (bar(share, 20), "$text-success"))


def _topics(found: Coverage, width: int) -> Iterator[Content]:
    if not found.topics or not any(each.headings for each in found.topics):
        return
    yield Content("")
    yield _title(_("Topics: accepted of those asked for; balance {n}").format(n=f"{found.topic_balance:.2f}"))
    for each in found.topics[:_MOST]:
        counts = cell(f"{each.accepted}/{each.requested}", _NUMBER, right=True)
        headings = " › ".join(each.headings) or "—"
        yield Content.assemble(cell(headings, max(12, width - _NUMBER - 2)), counts)
    yield from _more(len(found.topics))


def _more(number: int) -> Iterator[Content]:
    if number > _MOST:
        said = ngettext("… {n} more", "… {n} more", number - _MOST)
        yield Content.styled(said.format(n=f"{number - _MOST:,}"), "dim")


def _title(text: str) -> Content:
    return Content.styled(text, "$text-accent")
