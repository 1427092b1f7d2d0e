"""A generated item's story, as lines for people: what was asked about which sentence, what came back, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from studio.display import display

if TYPE_CHECKING:
    from curation.synthesis.model import Exchange
    from curation.synthesis.story import ItemStory, Sentence

OPEN, CLOSE = "‹", "›"
_DIGITS = 12  # of a digest that are shown


def tell_item(story: ItemStory, limit: int | None) -> str:
    """The story as text. limit: characters of one text, None for all."""
    blocks = ["\n".join(_head(story)), "\n".join(_source(story, limit))]
    for number, exchange in enumerate(story.item.exchanges):
        blocks.append("\n".join(_exchange(story, number, exchange, limit)))
    blocks += ["\n".join(lines) for lines in (_asked(story), _gates(story), _people(story)) if lines]
    return "\n\n".join(block for block in blocks if block)


def marked(sentence: Sentence) -> str:
    """The sentence, with the span in marks."""
    return f"{sentence.before}{OPEN}{sentence.text}{CLOSE}{sentence.after}"


def _head(story: ItemStory) -> Iterator[str]:
    item = story.item
    why = f", {item.reason}{_sentence_of(item.reason)}" if item.reason else ""
    yield display(f"{item.item_id}: {item.status}{why}, made by {story.run.name}")
    if item.detail:
        yield f"  {display(item.detail)}"
    if item.related_id:
        yield f"  because of {display(item.related_id)}"


def _sentence_of(reason: str) -> str:
    from curation.synthesis.reasons import REASONS

    return f" ({REASONS[reason].rstrip('.')})" if reason in REASONS else ""


def _source(story: ItemStory, limit: int | None) -> Iterator[str]:
    if story.document is not None:
        document, chunk = story.document, story.chunk
        yield display(f"from {document.path}" + (f", document {document.place:,}" if document.place else ""))
        if chunk is not None:
            headings = " > ".join(chunk.headings) or document.title
            yield f"  {display(f'{chunk.chunk_id}, characters {chunk.start:,} to {chunk.end:,}: {headings}')}"
        if not story.intact:
            yield "  The document's text is gone, or is no longer the one that was asked about."
    for sentence in story.sentences:
        of = f"  exchange {sentence.exchange + 1}" if len(story.item.exchanges) > 1 else "  it says"
        yield f"{of} (characters {sentence.start:,} to {sentence.end:,}):"
        yield _indented(marked(sentence), limit)
    for origin in story.origins:
        yield f"from {display(origin.record_id)}"
        yield from (f"{_label(role)}\n{_indented(text, limit)}" for role, text in origin.turns)


def _exchange(story: ItemStory, number: int, exchange: Exchange, limit: int | None) -> Iterator[str]:
    made = story.made.exchanges[number] if number < len(story.made.exchanges) else None
    for name, text in (("question", exchange.question), ("reasoning", exchange.reasoning), ("answer", exchange.answer),
                       ("quote", exchange.quote)):  # fmt: skip
        before = getattr(made, name) if made is not None else text
        if before != text:
            yield f"{_label(f'{name}, as the model wrote it')}\n{_indented(before, limit)}"
        if text:
            yield f"{_label(name)}\n{_indented(text, limit)}"


def _asked(story: ItemStory) -> Iterator[str]:
    unit, outcome = story.unit, story.outcome
    wanted = [unit.kind, story.item.type, unit.difficulty, unit.language, f"{unit.turns} turns" if unit.turns > 1 else "",
              "with reasoning" if unit.reasoning else ""]  # fmt: skip
    yield display(f"asked for: {', '.join(word for word in wanted if word)} (unit {unit.unit_id}, {unit.wanted} items)")
    digest = f" (sha256 {story.prompt_digest[:_DIGITS]})" if story.prompt_digest else ""
    yield display(f"prompt: {story.prompt}{digest}, seed {unit.seed}")
    calls = ", ".join(key[:_DIGITS] for key in outcome.calls)
    spent = f"{outcome.prompt_tokens:,} + {outcome.completion_tokens:,} tokens"
    yield display(f"answered by: {story.model or 'nobody'}; calls {calls or 'none'}; {spent}, {outcome.seconds:.1f} s")
    if outcome.repaired:
        yield "its JSON had to be repaired"
    if unit.again:
        yield display(f"asked for in place of {unit.again}")
    if story.replaced_by:
        yield display(f"asked anew: {', '.join(story.replaced_by)}")


def _gates(story: ItemStory) -> list[str]:
    item = story.made
    passed = {
        "accepted": "every gate passed",
        "rejected": f"turned away: {item.reason}",
        "failed": f"failed: {item.reason}",
    }
    lines = [f"gates: {passed[item.status]}"]
    lines += [f"  {display(name)} = {value:.3g}" for name, value in item.scores.items()]
    return lines + ([f"  the judge: {display(item.judged)}"] if item.judged else [])


def _people(story: ItemStory) -> list[str]:
    lines = []
    for one in story.decisions:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.at))
        lines.append(display(f"{one.author}: {'taken back, ' if one.undoes else ''}{one.action}, {when}"))
    return lines


def _label(name: str) -> str:
    return f"   {display(name)}:"


def _indented(text: str, limit: int | None) -> str:
    return "\n".join(f"     {line}" for line in display(text, limit=limit, lines=True).split("\n"))
