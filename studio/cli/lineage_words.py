"""A lineage, and a training record's story, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from studio.cli.generate_words import law as generate_law
from studio.cli.item_words import tell_item
from studio.cli.summary import law
from studio.cli.why import tell_story
from studio.display import display

if TYPE_CHECKING:
    from studio.runs.lineage import Branch, Lineage
    from studio.runs.lineage_things import Thing
    from training.compare.back.influence import Influence
    from training.compare.back.nearest import Near
    from training.compare.back.story import RecordStory

_DIGITS = 12  # of a digest that are shown
_TEXT = 240  # characters of a record's text in a list
_STATES = {"changed": "CHANGED", "missing": "MISSING"}


def tell_lineage(lineage: Lineage) -> str:
    """The tree, upwards and downwards, two blanks a level; what is not what it was any more stands last."""
    blocks = ["\n".join(_told(lineage.thing))]
    for title, branches in (("made from", lineage.made_from), ("made into", lineage.made_into)):
        lines = [line for branch in branches for line in _lines(branch, 1)]
        blocks.append("\n".join([title, *(lines or ["  nothing that is known here"])]))
    problems = lineage.problems()
    if problems:
        blocks.append("\n".join(["not what it was", *(f"  {display(problem)}" for problem in problems)]))
    return "\n\n".join(blocks)


def tell_record(story: RecordStory, full: bool) -> str:
    """A training record's way back: the file, the curation with its ledger, people's verdicts, and what came before."""
    lines = [f"{display(story.record_id)}: record {story.position:,} of {display(story.path)}, {display(story.said)}"]
    if story.found == "content":
        lines.append("The file has been written anew since: the record was found by its text.")
    if story.duplicates:
        lines.append(f"dropped in its favour: {', '.join(map(display, story.duplicates))}")
    if story.verdicts.status or story.verdicts.tags:
        lines.append(f"people: {_verdicts(story)}")
    if story.verdicts.note is not None:
        lines.append(f"note: {display(story.verdicts.note.note)}")
    blocks = ["\n".join(lines)]
    if story.ledger is not None:
        blocks.append(tell_story(story.ledger, None if full else 4000))
    if story.made is not None:
        blocks.append(tell_item(story.made, None if full else 4000))
    if story.earlier is not None:
        blocks.append("before that\n" + tell_record(story.earlier, full))
    return "\n\n".join(blocks)


def tell_near(near: Near, story: RecordStory | None) -> str:
    """One of the nearest records: how near, what is the same word for word, and in a line where it came from."""
    head = (
        f"{display(near.record_id)}: score {near.score:.2f}, cosine {near.cosine:.2f}, {near.share:.0%} word for word"
    )
    return "\n".join([head, *_texts(near.prompt, near.answer), *_shared(near), *_came_from(story)])


def tell_influence(one: Influence, story: RecordStory | None) -> str:
    """One of the most influential records."""
    head = f"{display(one.record_id)}: pulled with a cosine of {one.cosine:+.3f}"
    return "\n".join([head, *_texts(one.prompt, one.answer), *_came_from(story)])


def _lines(branch: Branch, depth: int) -> Iterator[str]:
    told = _told(branch.thing)
    if branch.again:
        told[0] += " (told above)"
    yield from ("  " * depth + ("" if at == 0 else "  ") + line for at, line in enumerate(told))
    for below in branch.branches:
        yield from _lines(below, depth + 1)


def _told(thing: Thing) -> list[str]:
    """The thing in a line, and more lines for what is known about it."""
    parts = [thing.kind, display(thing.name)]
    if thing.digest:
        kind, _, digits = thing.digest.partition(":")
        parts.append(f"({kind} {digits[:_DIGITS]})")
    if thing.state in _STATES:
        parts.append(_STATES[thing.state])
    lines = [" ".join(parts)]
    if thing.path is not None and thing.kind in ("file", "folder"):
        lines.append(display(thing.path))
    return [*lines, *_facts(thing.facts)]


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    recipe = f"recipe {facts['recipe']}" if facts.get("recipe") else ""
    first = ", ".join(filter(None, (facts.get("status"), recipe, facts.get("created"))))
    yield from ([display(first)] if first else [])
    for tell in (_about_data, _about_training, _about_answers, _about_export, _about_map):
        yield from tell(facts)
    if facts.get("calls"):
        yield display("calls of language models: " + ", ".join(f"{n} {v}" for n, v in facts["calls"].items()))


def _about_data(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts.get("writer"):
        yield f"written by {display(facts['writer'])}"
    if facts.get("counts"):
        counts = facts["counts"]
        yield generate_law(counts) if "requested" in counts else law(counts)
    if "decided" in facts:
        yield f"people decided about {facts['decided']:,} items"
    if "split" in facts:
        yield f"{facts['records']:,} records, split {display(facts['split'])}"
    if "verdicts" in facts:
        said = ", ".join(f"{count:,} {name}" for name, count in facts["verdicts"].items()) or "none that counts"
        yield f"verdicts of people: {said}" + ("" if facts["verdicts_applied"] else "; not applied yet: resume the run")


def _about_training(facts: Mapping[str, Any]) -> Iterator[str]:
    if "steps" in facts:
        yield f"{display(facts.get('method', ''))}, {facts['steps']:,} steps on {facts.get('records', 0):,} records"


def _about_answers(facts: Mapping[str, Any]) -> Iterator[str]:
    if "a" in facts and "b" in facts:
        counted = [f"{facts[name]:,} {name}" for name in ("prompts", "answers", "judgements", "votes") if name in facts]
        yield display(f"{facts['a']} beside {facts['b']}" + (f": {', '.join(counted)}" if counted else ""))
    sentence = facts.get("sentence") or _sentence(facts.get("conclusion"))
    if sentence:
        yield display(sentence)


def _about_map(facts: Mapping[str, Any]) -> Iterator[str]:
    if "topics" in facts:
        yield f"{facts['topics']:,} topics in {facts['mapped']:,} records"


def _about_export(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts.get("targets"):
        checked = {True: ", every check passed", False: ", A CHECK FAILED", None: ""}[facts.get("passed")]
        yield display(f"to {', '.join(facts['targets'])}{checked}")
    if facts.get("hub"):
        yield display(f"on the Hub: {facts['hub']}")


def _sentence(conclusion: Any) -> str:
    """What a comparison concluded, however much it says about it."""
    if isinstance(conclusion, Mapping):
        return str(conclusion.get("sentence") or conclusion.get("verdict") or "")
    return str(conclusion or "")


def _verdicts(story: RecordStory) -> str:
    of = story.verdicts
    tags = f"tagged {', '.join(of.tags.tags)}" if of.tags and of.tags.tags else ""
    by = {line.author for line in (of.accept, of.drop, *of.rejects, *of.edits, of.tags) if line and line.author}
    said = ", ".join(filter(None, (of.status, tags)))
    return display(said + (f" by {', '.join(sorted(by))}" if by else ""))


def _texts(prompt: str, answer: str) -> list[str]:
    return [f"   {name}: {display(text, limit=_TEXT)}" for name, text in (("asked", prompt), ("said", answer)) if text]


def _shared(near: Near) -> list[str]:
    found: Sequence[str] = [
        (near.answer if passage.part == "answer" else near.prompt)[passage.its_start : passage.its_end]
        for passage in near.passages
    ]
    longest = sorted(found, key=len, reverse=True)[:3]
    return [f"   the same: {display(text, limit=_TEXT)}" for text in longest]


def _came_from(story: RecordStory | None) -> list[str]:
    if story is None:
        return []
    if story.ledger is None:
        return [f"   from: {display(story.said)}"]
    decided = [
        f"{event.stage} {event.action} ({event.reason})" for event in story.ledger.events if event.action != "annotate"
    ]
    said = f"   from: {story.ledger.record_id}, {story.said.rstrip('.')}"
    lines = [display(said)]
    if decided:
        lines.append(display(f"   ledger: {'; '.join(decided)}"))
    if story.duplicates:
        lines.append(display(f"   dropped in its favour: {', '.join(story.duplicates)}"))
    if story.verdicts.status or story.verdicts.tags:
        lines.append(f"   people: {_verdicts(story)}")
    return lines
