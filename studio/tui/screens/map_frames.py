"""From a map to what is shown of it: lines of lists, heads, a topic in words, a record with all that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.content import Content

from studio.display import display
from studio.tui.i18n import _, ngettext
from studio.tui.points import COPIES, NEAR
from studio.tui.scatter import BARS, FATE, GONE, GONE_FROM, TOPIC
from studio.tui.screens.runs_frames import MARKS as STATUS_MARKS
from studio.tui.screens.runs_frames import STYLES, status_words
from studio.tui.text import block, cell, line
from studio.tui.widgets.plane import PlaneLabel
from studio.tui.widgets.topic_list import MARKS

if TYPE_CHECKING:
    from curation.topics.model import Map, Topic
    from studio.tui.points import Choice, Points
    from studio.tui.screens.curate_messages import RunStood
    from studio.tui.screens.map_work import Told

_LANGUAGES = 4  # that are named
_SCORES = 6  # measures that are named of a topic
_TURNS = 20
_TOPICS = 12  # that the screen Runs names


def mark_words() -> Mapping[str, str]:
    """What the marks of topics and regions mean."""
    return {"thin": _("thin"), "crowded": _("crowded"), "emptied": _("emptied")}


def list_line(inputs: Sequence[str], summary: Mapping[str, Any]) -> str:
    """A map in the list: topics, records, what is to be looked at, what it was made of."""
    topics, counts = summary.get("topics") or (), summary.get("counts") or {}
    parts = []
    if topics:
        parts.append(ngettext("{n} topic", "{n} topics", len(topics)).format(n=f"{len(topics):,}"))
        parts.append(_("{n} records").format(n=f"{counts.get('read', 0):,}"))
        for mark, word in mark_words().items():
            number = sum(mark in topic.get("marks", ()) for topic in topics)
            parts += [f"{word} {number}"] if number else []
    names = [name if name.startswith("hf:") else Path(name).name or name for name in inputs]
    parts.append(", ".join(names[:3]) + (" …" if len(names) > 3 else ""))
    return " · ".join(parts)


def summary_lines(summary: Mapping[str, Any], width: int) -> list[Content]:
    """The topics of a map, as the summary of its run tells them: number, name, records, what is to be looked at."""
    words = mark_words()
    lines = []
    for topic in (summary.get("topics") or ())[:_TOPICS]:
        marks = ", ".join(words.get(mark, "") for mark in topic.get("marks", ()))
        name = cell(topic["name"], max(10, min(48, width - 34)))
        lines.append(
            Content.assemble(
                f"  {topic['number']:>3} ", (name, "bold"), f"{topic['size']:>9,}  ", (marks, "$text-warning")
            )
        )
    rest = len(summary.get("topics") or ()) - len(lines)
    return [*lines, Content.styled("      " + _("… {n} more").format(n=rest), "dim")] if rest > 0 else lines


# The head


def head_content(stood: RunStood | None, found: Map | None, width: int) -> Content:
    """One line: how the run stands, and what is on the map."""
    if stood is None:
        return Content("")
    status = stood.status.value
    head = Content.styled(f"{STATUS_MARKS[status]} {status_words()[status]}", f"bold {STYLES.get(status, '')}".strip())
    facts: list[str] = []
    if found is not None:
        facts.append(_("{n} records").format(n=f"{found.records:,}"))
        if found.kept or found.dropped:
            facts += [_("{n} kept").format(n=f"{found.kept:,}"), _("{n} dropped").format(n=f"{found.dropped:,}")]
        facts.append(ngettext("{n} topic", "{n} topics", len(found.topics)).format(n=f"{len(found.topics):,}"))
        for mark, word in mark_words().items():
            number = sum(mark in topic.marks for topic in found.topics)
            facts += [f"{MARKS[mark]} {word} {number}"] if number else []
        if found.textless:
            facts.append(_("{n} without text").format(n=f"{found.textless:,}"))
        if found.left_out:
            facts.append(_("{n} beyond the limit").format(n=f"{found.left_out:,}"))
    told = Content.assemble(head, "  ", " · ".join(facts) + ("  " if facts else ""), line(stood.run, style="dim"))
    return told.truncate(width, ellipsis=True)


def choice_content(
    points: Points, choice: Choice, shown: int, colour: str, *, magnified: float, growing: bool, width: int
) -> Content:
    """One line: how many records are chosen and by what; by what the plane is coloured, and what its characters mean."""
    number = _("{n} of {all} records").format(n=f"{shown:,}", all=f"{len(points):,}")
    parts = [(number, "bold")]
    fates = {"kept": _("only kept"), "dropped": _("only dropped"), COPIES: _("only copies")}
    for said in (
        _("topic {n}").format(n=choice.topic) if choice.topic else "",
        fates.get(choice.fate, ""),
        _("with '{text}'").format(text=display(choice.words, limit=40)) if choice.words else "",
        _("in the rectangle") if choice.box is not None else "",
    ):
        parts += [(" · " + said, "")] if said else []
    if growing:
        parts.append((" · " + _("arrows grow it, space fixes it"), "$text-accent"))
    if magnified > 1.01:
        parts.append((f" · ×{magnified:.3g}", ""))
    parts.append((" · " + colour_words(points, colour), "dim"))
    return Content.assemble(*parts).truncate(width, ellipsis=True)


def colour_words(points: Points, colour: str) -> str:
    """By what the plane is coloured, and what its characters mean."""
    if colour == TOPIC:
        return _("coloured by topic")
    if colour == FATE:
        return _("coloured by what became of records; {mark} more than {share} dropped").format(
            mark=GONE, share=f"{GONE_FROM:.0%}"
        )
    low, high = points.spread(colour)
    said = _("{name}: {low} {first}…{last} {high}")
    return said.format(name=display(colour), low=f"{low:.3g}", first=BARS[0], last=BARS[-1], high=f"{high:.3g}")


# A topic


def topic_content(topic: Topic | None, found: Map, width: int, lines: int) -> Content:
    """At most `lines` lines about a topic: its words, what is to be looked at, languages, copies, means of measures; about
    the whole map, its regions and what it was made of."""
    told = _whole(found) if topic is None else _topic(topic, found)
    drawn = Content("").join(told).wrap(max(20, width))
    if len(drawn) > lines:
        drawn = [*drawn[: lines - 1], (drawn[lines - 1] + " …").truncate(width, ellipsis=True)]
    return Content("\n").join(drawn)


def _topic(topic: Topic, found: Map) -> Iterator[Content]:
    words = mark_words()
    yield Content.styled(f"{topic.number} ", "bold")
    yield line(", ".join(topic.words), style="bold", limit=300)
    for mark in topic.marks:
        yield Content.styled(f"  {MARKS[mark]} {words[mark]}", "bold $text-warning")
    spoken = sorted(topic.languages.items(), key=lambda each: -each[1])[:_LANGUAGES]
    parts = [" ".join(f"{display(name)} {number:,}" for name, number in spoken)]
    if topic.dropped:
        parts.append(_("{n} dropped").format(n=f"{topic.dropped:,}"))
    parts.append(ngettext("{n} copy", "{n} copies", topic.duplicates).format(n=f"{topic.duplicates:,}"))
    parts.append(_("{share} of all").format(share=f"{topic.share:.1%}"))
    parts.append(_("near {n}").format(n=f"{topic.near:.2f}"))
    regions = [words[region.mark] for region in found.regions if region.topic == topic.number]
    if regions:
        parts.append(_("regions: {what}").format(what=", ".join(sorted(regions))))
    yield Content("  " + " · ".join(parts))
    scores = [f"{display(name)} {value:.3g}" for name, value in list(topic.scores.items())[:_SCORES]]
    if scores:
        more = len(topic.scores) - len(scores)
        yield Content.styled("  " + " · ".join(scores) + (f" · +{more}" if more > 0 else ""), "dim")


def _whole(found: Map) -> Iterator[Content]:
    words = mark_words()
    named = [name if name.startswith("hf:") else Path(name).name or name for name in found.inputs]
    yield Content.assemble((_("Made of") + " ", "bold"), line(", ".join(named), limit=300))
    for mark in MARKS:
        numbers = [topic.number for topic in found.topics if mark in topic.marks]
        if numbers:
            said = ", ".join(map(str, numbers[:12])) + (" …" if len(numbers) > 12 else "")
            yield Content.assemble("  ", (f"{MARKS[mark]} {words[mark]}", "bold $text-warning"), f" {said}")
    for region in found.regions[:8]:
        said = _("a {mark} region in topic {n}, {k} records")
        told = said.format(mark=words[region.mark], n=region.topic, k=f"{region.records:,}")
        yield Content.styled(f"  {MARKS[region.mark]} {told}", "dim")
    if not any(topic.marks for topic in found.topics) and not found.regions:
        yield Content.styled("  " + _("No topic is thin or crowded."), "dim")


def labels(found: Map, topic: int, wide: bool) -> list[PlaneLabel]:
    """What stands on the plane: the topic under the cursor, regions, then the other topics from the largest."""
    placed = []
    for each in sorted(found.topics, key=lambda each: (each.number != topic, -each.size)):
        number = str(each.number)
        texts: tuple[str, ...] = (number,)
        if wide or each.number == topic:
            word = cell(each.words[0], 14).rstrip() if each.words else ""
            texts = (f" {each.number} {word} ", number) if word else texts
        placed.append(PlaneLabel(each.x, each.y, texts, "plane--this" if each.number == topic else "plane--label"))
    regions = [PlaneLabel(each.x, each.y, (MARKS[each.mark],), "plane--mark") for each in found.regions]
    return [*placed[:1], *regions, *placed[1:]]


# A record


def point_line(points: Points, row: int, by: str, width: int) -> tuple[str, str, bool]:
    """A record in the list: marks, id, first words; its measure, or its topic; whether it is dim."""
    record = points.record(row)
    dropped = record["fate"] == "dropped"
    mark = "-" if dropped else "=" if record["copy_of"] else " "
    if by:
        value = float(points.measure(by)[row])
        right = "–" if value != value else f"{value:.3g}"
    else:
        right = str(record["topic"]) if record["topic"] else "–"
    ids = 26 if width >= 90 else 20 if width >= 60 else 0
    name = record["record_id"]
    place = f"{_short(name, ids)} " if ids else ""
    return f"{mark} {place}{record['opening']}", f"{right} ", dropped


def _short(record_id: str, width: int) -> str:
    """An id in exactly `width` cells; of a long one the beginning of the name and the whole position."""
    source, _colon, position = record_id.rpartition(":")
    tail = f":{position}"
    if cell_len(display(record_id)) > width and cell_len(tail) < width:
        return cell(source, width - cell_len(tail)) + tail
    return cell(record_id, width)


def point_content(points: Points, row: int, told: Told | None) -> Content:
    """All that is known about a record; with `told`, its texts whole and what every stage decided."""
    record = points.record(row)
    fates = {"kept": _("kept"), "dropped": _("dropped")}
    lines = [line(record["record_id"], style="bold", limit=200)]
    topic = next((each for each in points.map.topics if each.number == record["topic"]), None)
    facts = [
        _("topic {n}").format(n=topic.number) + f" {display(topic.name, limit=60)}" if topic is not None else "",
        f"{fates.get(record['fate'], '')} {display(record['reason'], limit=80)}".strip(),
        display(record["language"]),
    ]
    lines.append(Content.styled(" · ".join(fact for fact in facts if fact), "dim"))
    if record["copy_of"]:
        said = _("says nearly the same as {id}").format(id=display(record["copy_of"], limit=120))
        lines.append(Content.styled(f"= {said}", "$text-warning"))
    measured = [(_("central"), record["central"]), (_("near"), record[NEAR])]
    measured += [(display(name), float(points.measure(name)[row])) for name in points.map.scores]
    known = [f"{name} {value:.3g}" for name, value in measured if value is not None and value == value]
    lines.append(Content.styled(" · ".join(known), "dim"))
    lines.append(Content(""))
    if told is None:
        lines += [block(record["opening"], limit=400), Content(""), line(_("w tells all of it."), style="italic dim")]
        return Content("\n").join(lines)
    return Content("\n").join([*lines, *_all(told)])


def _all(told: Told) -> Iterator[Content]:
    from studio.tui.frames import columns_content
    from studio.tui.screens.compare_back_frames import event_lines

    for event in told.events:
        yield from event_lines(event)
    if told.events:
        yield Content("")
    for role, text in told.turns[:_TURNS]:
        yield line(role, style="bold $text-accent", limit=40)
        yield block(text)
        yield Content("")
    if len(told.turns) > _TURNS:
        yield Content.styled(_("… {n} more turns").format(n=len(told.turns) - _TURNS), "dim")
    if told.columns:
        yield columns_content(dict(told.columns))
