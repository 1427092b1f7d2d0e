"""From training records near an answer to what is shown of them: what they share with it, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _, ngettext
from studio.tui.made_text import made_content
from studio.tui.text import block, cell, line

if TYPE_CHECKING:
    from curation.ledger import Event, Story
    from training.compare.back.nearest import Near
    from training.compare.back.story import RecordStory

SHARED = "underline bold $text-success"
_MOST = 4000  # characters of a text that are laid out
_EVENTS = 30


def near_line(near: Near, width: int) -> Content:
    """How alike it is, how much of the answer stands in it word for word, its id, its answer."""
    share = f"{near.share:>4.0%}" if near.passages else "    "
    numbers = f"{near.cosine:>5.2f} {share} "
    ids = max(10, min(26, (width - len(numbers)) // 2))
    said = cell(" ".join(near.answer.split())[:400], width - len(numbers) - ids - 1)
    return Content.assemble((numbers, "bold"), cell(near.record_id, ids), " ", (said, "dim"))


def record_content(near: Near, answer: str, story: RecordStory | None, who: str) -> Content:
    """A record beside the answer that it is near to: what both say word for word is underlined in both."""
    lines = [line(near.record_id, style="bold", limit=200)]
    alike = _("alike {n}").format(n=f"{near.cosine:.2f}")
    shared = _("{n} of the answer's rare words stand in it").format(n=f"{near.share:.0%}")
    lines.append(Content.styled(f"{alike} · {shared}", "dim"))
    lines += [Content(""), *(_told(story) if story is not None else [_hint()]), Content("")]
    lines.append(Content.styled(_("The record"), "bold $text-accent"))
    ranges = {part: [(each.its_start, each.its_end) for each in near.passages if each.part == part] for part in
              ("prompt", "answer")}  # fmt: skip
    lines.append(marked(near.prompt, ranges["prompt"], "dim"))
    lines.append(marked(near.answer, ranges["answer"]))
    lines += [Content(""), Content.styled(_("What {who} said").format(who=display(who, limit=60)), "bold $text-accent")]
    lines.append(marked(answer, [(each.start, each.end) for each in near.passages]))
    return Content("\n").join(lines)


def _hint() -> Content:
    said = _("⏎ shows where it came from and what was decided about it; D drops it, F flags it, E mends it.")
    return Content.styled(said, "italic dim")


def marked(text: str, ranges: Sequence[tuple[int, int]], style: str = "") -> Content:
    """A text with ranges of it underlined, cut where it is long."""
    parts: list[Content] = []
    at = 0
    for begin, end in sorted(ranges):
        begin, end = max(at, begin), min(end, _MOST)
        if begin >= end:
            continue
        parts.append(block(text[at:begin], style=style))
        parts.append(block(text[begin:end], style=SHARED))
        at = end
    parts.append(block(text[at:], style=style, limit=max(1, _MOST - at)))
    return Content("").join(parts)


def _told(story: RecordStory) -> Iterator[Content]:
    """Curation by curation, back to the file that nobody wrote."""
    deep = 0
    now: RecordStory | None = story
    while now is not None and deep < 8:
        yield from _chapter(now)
        now, deep = now.earlier, deep + 1
    first = story.original
    said = _("It begins in {path}, record {n}.").format(path=display(first.path, limit=200), n=f"{first.position:,}")
    yield Content.styled(said, "dim")


def _chapter(story: RecordStory) -> Iterator[Content]:
    if story.made is not None:
        yield from made_content(story.made)
        return
    if story.curation is None or story.ledger is None:
        yield Content.assemble(("· ", "bold"), line(story.said, limit=300))
        return
    ledger = story.ledger
    yield Content.assemble((_("Curation "), "bold $text-accent"), line(story.curation.name, style="bold", limit=80))
    fates = {"kept": _("kept"), "dropped": _("dropped"), "quarantined": _("quarantined")}
    said = _("record {id}: {fate}").format(id=display(ledger.record_id, limit=120), fate=fates[ledger.fate])
    found = _("found by its text; the run was done again since") if story.found == "content" else ""
    yield line("  " + " · ".join(word for word in (said, found) if word), limit=300)
    for event in ledger.events[:_EVENTS]:
        yield from event_lines(event)
    if len(ledger.events) > _EVENTS:
        yield Content.styled("  " + _("… {n} more decisions").format(n=len(ledger.events) - _EVENTS), "dim")
    if not ledger.events:
        yield Content.styled("  " + _("No stage had anything to say about it."), "dim")
    if story.duplicates:
        count = len(story.duplicates)
        words = ngettext("{n} copy was dropped in its favour", "{n} copies were dropped in its favour", count)
        names = ", ".join(display(each, limit=60) for each in story.duplicates[:5])
        yield line(f"  = {words.format(n=count)}: {names}", limit=400)
    yield from _verdicts(story)


def event_lines(event: Event) -> Iterator[Content]:
    """What a stage decided about a record, and what it measured."""
    marks = {"drop": ("-", "$text-error"), "edit": ("~", "$text-warning"), "flag": ("!", "$text-warning")}
    mark, style = marks.get(event.action, ("·", "dim"))
    score = ""
    if event.score is not None:
        score = f" {event.score:.3g}" + (f" / {event.threshold:.3g}" if event.threshold is not None else "")
    yield Content.assemble(
        (f"  {mark} ", style),
        line(f"{event.stage}/{event.reason}{score}", style="bold", limit=100),
        "  ",
        line(event.reason_text or event.detail or "", style="dim", limit=200),
    )
    for mark, words in event.said.items():  # of a judge
        yield Content.assemble("      ", line(f"{mark}: {words}", style="dim", limit=400))


def _verdicts(story: RecordStory) -> Iterator[Content]:
    """What people decided, with what the next run makes of it."""
    verdicts = story.verdicts
    words = {"dropped": _("dropped"), "edited": _("edited"), "accepted": _("accepted"), "rejected": _("rejected")}
    status = words.get(verdicts.status, "")
    tags = ", ".join(verdicts.tags.tags) if verdicts.tags is not None else ""
    parts = [word for word in (status, display(tags, limit=100)) if word]
    if verdicts.note is not None and verdicts.note.note:
        parts.append(display(verdicts.note.note, limit=200))
    if parts:
        said = _("decided by people: {what}").format(what=" · ".join(parts))
        yield Content.styled(f"  ✓ {said}", "bold $text-success")


def last_answer(story: Story) -> str:
    """What the record's last answer reads after every stage."""
    said = [turn.content for turn in story.final() if turn.role in ("assistant", "chosen", "text")]
    return said[-1] if said else ""
