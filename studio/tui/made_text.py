"""Where a generated record came from, as it stands beside its other decisions: the run, the document, the sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _
from studio.tui.text import line

if TYPE_CHECKING:
    from curation.synthesis.story import ItemStory, Sentence

_LEFT, _RIGHT = "‹", "›"
_MARKED = "bold underline $text-success"
_MOST = 600  # characters of a sentence, on either side of the span
_SENTENCES = 6
_ORIGINS = 6


def made_content(story: ItemStory) -> Iterator[Content]:
    """A few lines: who made it, of what, and the sentence with the span between ‹ and ›."""
    yield Content.assemble(
        (_("Generation "), "bold $text-accent"),
        line(story.run.name, style="bold", limit=80),
        line(f"  {story.item.item_id} · {story.prompt} · {story.model}", style="dim", limit=200),
    )
    if story.document is not None:
        headings = story.chunk.headings if story.chunk is not None else ()
        yield line("  " + " › ".join([story.document.path, *headings]), limit=300)
    if not story.intact:
        yield Content.styled("  " + _("The document's text is gone, or has changed since."), "$text-warning")
    for sentence in story.sentences[:_SENTENCES]:
        yield _marked(sentence)
    if story.origins:
        names = ", ".join(display(each.record_id, limit=60) for each in story.origins[:_ORIGINS])
        yield line("  " + _("made from {records}").format(records=names), limit=400)


def _marked(sentence: Sentence) -> Content:
    place = f"  {sentence.start:,}–{sentence.end:,}  "
    return Content.assemble(
        (place, "dim"),
        line(sentence.before[-_MOST:]),
        (_LEFT, _MARKED),
        line(sentence.text, style=_MARKED, limit=2 * _MOST),
        (_RIGHT, _MARKED),
        line(sentence.after[:_MOST]),
    )
