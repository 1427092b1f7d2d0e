"""From a comparison's snapshot to what is shown of it: head, prompts, and two answers side by side or stacked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.screens.runs_frames import MARKS, STYLES, status_words
from studio.tui.text import block, cell, line

if TYPE_CHECKING:
    from studio.runs.compared import CompareSnapshot, Reply
    from studio.tui.screens.curate_messages import RunStood
    from training.compare.model import Piece, Prompt, SideName

_DATED = re.compile(r"^\d{8}-\d{4}-")
_MANY_BREAKS = re.compile(r"\n{4,}")
_OF_A_RUN = re.compile(r"base$|tuned$|checkpoint:")
MOST = 8000
"""Characters of an answer that are laid out: the beginning of one that has ended, the end of one that grows."""
UNSURE, UNLIKELY = 0.5, 0.1
"""Tokens that the model gave a smaller probability are underlined, and put between ‹ and ›."""
_DIFFERENT, _SAME = "$text-warning underline bold", "dim"
_ENDINGS = {"end": N_("ended by itself"), "length": N_("cut at the limit"), "stopped": N_("called off")}
_PROMPT_LINES, _REFERENCE_LINES, _NOTE_LINES = 8, 4, 4


@dataclass(frozen=True)
class Look:
    """How answers are drawn. diff: with the words that differ. odds: with the tokens that were unlikely. beside: next to
    each other. left: the side on the left. blind: nothing says which side is which, nor how fast it is.
    """

    diff: bool = False
    odds: bool = False
    beside: bool = False
    left: SideName = "a"
    blind: bool = False


@dataclass(frozen=True)
class Opinions:
    """What people and judges think of the prompts. voted: by me, on the answers as they are. winners: whom those votes
    prefer, empty as long as they are sealed: a, b, tie or bad.
    """

    voted: frozenset[str] = frozenset()
    winners: Mapping[str, str] = field(default_factory=dict)
    favourites: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)


# The head


def head_content(stood: RunStood | None, snapshot: CompareSnapshot, width: int, *, blind: bool) -> Content:
    """Two lines: how the comparison stands and how far it is; who is compared."""
    if stood is None:
        return Content("")
    mark, word, style = _state(stood, snapshot)
    first = [Content.styled(f"{mark} {word}", f"bold {style}".strip()), line(stood.run, limit=80)]
    if snapshot.prompts:
        said = _("{n} of {all} answered").format(n=f"{snapshot.answered:,}", all=f"{len(snapshot.prompts):,}")
        first.append(Content(said))
    if stood.status == "running" and stood.memory:
        first.append(Content.styled(_("{n} MB").format(n=f"{stood.memory / 1e6:,.0f}"), "dim"))
    head = Content("  ").join(first).truncate(width, ellipsis=True)
    return Content("\n").join([head, _who(snapshot, blind).truncate(width, ellipsis=True)])


def _state(stood: RunStood, snapshot: CompareSnapshot) -> tuple[str, str, str]:
    status = stood.status.value
    if status != "running":
        return MARKS[status], status_words()[status], STYLES.get(status, "")
    if snapshot.waiting:
        return "○", _("waiting for you"), "$text-success"
    if not snapshot.prepared:
        return "●", _("loading the models …"), "$text-accent"
    if snapshot.writing:
        return "●", _("answering"), "$text-accent"
    run = snapshot.run
    words = {
        "load": _("loading the models …"),
        "answer": _("answering"),
        "losses": _("measuring losses"),
        "suite": _("doing small tasks"),
        "judge": _("being judged"),
    }
    named = [words[word] for word in run.phase.split() if word in words]
    phase = named[0] if named else display(run.phase, limit=40) or _("at work")
    done = f" {run.done:,}/{run.total:,}" if run.total else ""
    return "●", phase + done, "$text-accent"


def _who(snapshot: CompareSnapshot, blind: bool) -> Content:
    if blind:
        return Content(_("Which answer is better? Which model wrote which is hidden."))
    said = snapshot.prepared
    if not said:
        return Content("")
    sides = [Content.assemble((f"{side.upper()} ", "bold"), line(label_of(snapshot, side), limit=60)) for side in "ab"]
    rest = [display(said[key], limit=40) for key in ("template", "device") if said.get(key)]
    return Content("  ").join([sides[0], Content("↔"), sides[1], Content.styled("· " + " · ".join(rest), "dim")])


def label_of(snapshot: CompareSnapshot, side: str) -> str:
    """What a side is called, raw and short: `tiny (base)`, `tuned train-5a1c`, `http://host/v1#model`."""
    facts = snapshot.prepared.get(side) or {}
    return short_label(str(facts.get("label") or ""), str(facts.get("name") or "")) or side


def short_label(label: str, name: str = "") -> str:
    """Without the folders it lies in, and without the date of a run; `tuned` and the like are said."""
    short = label if "://" in label else label.rstrip("/").rpartition("/")[2] or label
    short = _DATED.sub("", short)
    return (
        f"{name} {short}" if name and short != label and name not in short and _OF_A_RUN.match(name) else short or name
    )


# The list of prompts


def prompt_line(snapshot: CompareSnapshot, prompt: Prompt, opinions: Opinions) -> tuple[str, bool]:
    """Marks and the question, and whether it waits for an answer. Raw, for a list that makes it harmless.

    Marks: whether it is answered, what I said, what the judge said, whether it is a favourite or has a note.
    """
    name = prompt.prompt_id
    replies = [snapshot.reply(name, side) for side in ("a", "b")]
    begun = [each for each in replies if each is not None]
    if len(begun) == 2 and all(each.stopped for each in begun):
        state = "■" if any(each.stopped == "stopped" for each in begun) else "✓"
    else:
        state = "…" if begun else " "
    mine = {"a": "A", "b": "B", "tie": "=", "bad": "∅"}.get(opinions.winners.get(name, ""), "")
    mine = mine or ("v" if name in opinions.voted else " ")
    judge = {"a": "a", "b": "b", "tie": "=", "failed": "?"}.get(snapshot.judged.get(name, ("", ""))[0], " ")
    more = "★" if name in opinions.favourites else "✎" if opinions.notes.get(name) else " "
    return f"{state}{mine}{judge}{more} {question_of(prompt)}", not begun


def question_of(prompt: Prompt) -> str:
    """The last thing that was asked, as it came."""
    asked = [message.content for message in prompt.messages if message.role == "user"]
    return (asked or [message.content for message in prompt.messages] or [""])[-1][:300].strip()


# Two answers


def answers_content(
    snapshot: CompareSnapshot, prompt: Prompt, look: Look, opinions: Opinions, width: int, *, goes_on: bool
) -> Content:
    """A prompt, what the data answers, and what both sides say, in lines of at most `width` cells."""
    order: tuple[SideName, SideName] = ("a", "b") if look.left == "a" else ("b", "a")
    room = (width - 3) // 2 if look.beside else width
    lines = list(_asked(snapshot, prompt, look, opinions, width, order))
    replies = [snapshot.reply(prompt.prompt_id, side) for side in order]
    titles = [_title(snapshot, side, place, look) for place, side in enumerate(order)]
    bodies = _bodies(replies, look, goes_on=goes_on)
    columns = [
        [*_head(title, reply, look, room, goes_on), *_wrapped(body, room)]
        for title, reply, body in zip(titles, replies, bodies, strict=True)
    ]
    if look.beside:
        lines += beside(columns[0], columns[1], room)
    else:
        lines += [*columns[0], Content(""), *columns[1]]
    return Content("\n").join(lines)


def beside(left: Sequence[Content], right: Sequence[Content], room: int) -> Iterator[Content]:
    """Two columns of `room` cells each, with a line between."""
    for number in range(max(len(left), len(right))):
        first = left[number] if number < len(left) else Content("")
        second = right[number] if number < len(right) else Content("")
        yield Content.assemble(first, " " * max(0, room - first.cell_length), (" │ ", "dim"), second)


def _asked(
    snapshot: CompareSnapshot,
    prompt: Prompt,
    look: Look,
    opinions: Opinions,
    width: int,
    order: tuple[SideName, SideName],
) -> Iterator[Content]:
    """Where the prompt is from, what is thought of it, what was said before, the question, the answer of the data."""
    where = [word for word in (_source(prompt.source), display(prompt.record_id, limit=80)) if word]
    said = [] if look.blind else _thought(snapshot, prompt.prompt_id, opinions)
    star = "★ " if prompt.prompt_id in opinions.favourites else ""
    yield Content.styled(cell(star + " · ".join([*where, *said]), width).rstrip(), "dim")
    note = opinions.notes.get(prompt.prompt_id)
    if note:
        yield from _few(line("✎ ", style="bold") + block(note, limit=2000), width, _NOTE_LINES)
    yield from _talked(snapshot, prompt, look, width, order)
    for message in prompt.messages[-1:]:
        yield from _few(block(message.content, style="bold"), width, _PROMPT_LINES)
    if prompt.reference:
        yield from _few(
            Content.styled(_("data: "), "dim") + block(prompt.reference, style="dim"), width, _REFERENCE_LINES
        )
    yield Content("")


def _talked(
    snapshot: CompareSnapshot, prompt: Prompt, look: Look, width: int, order: tuple[SideName, SideName]
) -> Iterator[Content]:
    """What was said before the question: by everybody, and in a conversation that went on, by each side for itself."""
    from training.compare.asks import turn_of

    first, turn = turn_of(prompt.prompt_id)
    room = (width - 3) // 2 if look.beside else width
    begin = len(prompt.messages) - turn
    for place, message in enumerate(prompt.messages[:-1]):
        role = Content.styled(display(message.role, limit=30) + ": ", "$text-accent")
        yield from _few(role + block(message.content, limit=2000, style="dim"), width, 3)
        if place < begin:
            continue
        number = place - begin + 1
        name = first if number == 1 else f"{first} +{number}"
        columns = []
        for side in order:
            reply = snapshot.reply(name, side)
            columns.append(_few(block(reply.text if reply is not None else "…", style="dim", limit=2000), room, 4))
        if look.beside:
            yield from beside(columns[0], columns[1], room)
        else:
            for mark, column in zip("←→" if look.blind else [side.upper() for side in order], columns, strict=True):
                yield from (Content.styled(f"{mark} ", "$text-accent") + each for each in column[:2])


def _source(source: str) -> str:
    words = {"heldout": _("held out"), "train": _("trained on"), "file": _("from a file"), "typed": _("typed")}
    return words.get(source, display(source, limit=40))


def _thought(snapshot: CompareSnapshot, prompt_id: str, opinions: Opinions) -> list[str]:
    """`you: tuned`, `judge: neither`."""
    found = []
    winner = opinions.winners.get(prompt_id, "")
    if winner:
        found.append(_("you: {winner}").format(winner=winner_words(snapshot, winner)))
    elif prompt_id in opinions.voted:
        found.append(_("you have voted"))
    judged = snapshot.judged.get(prompt_id)
    if judged is not None:
        said = _("judge: {winner}").format(winner=winner_words(snapshot, judged[0]))
        found.append(said + (f" ({display(judged[1], limit=200)})" if judged[1] else ""))
    return found


def winner_words(snapshot: CompareSnapshot, winner: str) -> str:
    """Who is better, in words."""
    words = {"tie": _("as good"), "bad": _("both bad"), "failed": _("no verdict")}
    return words.get(winner) or display(label_of(snapshot, winner), limit=40)


def _title(snapshot: CompareSnapshot, side: SideName, place: int, look: Look) -> str:
    if look.blind:
        return (_("← left"), _("right →"))[place] if look.beside else (_("← above"), _("→ below"))[place]
    return f"{side.upper()} {display(label_of(snapshot, side), limit=60)}"


def _head(title: str, reply: Reply | None, look: Look, room: int, goes_on: bool) -> Iterator[Content]:
    yield Content.styled(cell(title, room).rstrip(), "bold $text-accent")
    if reply is None:
        said = _("waits for its turn") if goes_on else _("not asked")
    else:
        speed = reply.speed
        parts = [_("{n} tokens").format(n=f"{reply.tokens:,}")]
        if look.odds and not look.blind and (surprise := perplexity(reply.pieces)) is not None:
            parts.append(_("perplexity {n}").format(n=f"{surprise:.2f}"))
        if not look.blind and speed is not None:
            parts.append(_("{n}/s").format(n=f"{speed:.1f}"))
        parts.append(_(_ENDINGS[reply.stopped]) if reply.stopped else _("writing …") if goes_on else _("broken off"))
        said = " · ".join(parts)
    yield Content.styled(cell(said, room).rstrip(), "dim")


def perplexity(pieces: Sequence[Piece]) -> float | None:
    """The exponential of the mean negative log-probability of the tokens where it is known; None where it never is."""
    known = [piece.logprob for piece in pieces if math.isfinite(piece.logprob)]
    return math.exp(min(50.0, -sum(known) / len(known))) if known else None


def _bodies(replies: Sequence[Reply | None], look: Look, *, goes_on: bool) -> list[Content]:
    """The texts: plain, with what differs, or with what was unlikely."""
    if look.diff and all(reply is not None and reply.pieces for reply in replies):
        return list(_differing(*(reply.text for reply in replies if reply is not None)))
    found = []
    for reply in replies:
        if reply is None:
            found.append(Content(""))
        elif not reply.pieces:
            found.append(Content.styled("∅" if reply.stopped else "", "dim"))
        elif look.odds and not look.blind:
            found.append(_shaded(reply))
        else:
            found.append(_plain(reply))
        if reply is not None and not reply.stopped and goes_on:
            found[-1] = found[-1] + Content.styled("▌", "$text-accent")
    return found


def _plain(reply: Reply) -> Content:
    """Many line breaks, of which an untrained model is fond, become their number."""
    text = _MANY_BREAKS.sub(lambda match: f"\n↵×{len(match[0])}\n", reply.text)
    if reply.stopped or len(text) <= MOST:
        return block(text, limit=MOST)
    before = _("({n} characters before) …").format(n=f"{len(text) - MOST:,}")
    return Content.styled(before, "dim") + block(text[-MOST:], limit=MOST)


def _shaded(reply: Reply) -> Content:
    """Each token by the probability that the model gave it: underlined below UNSURE, between ‹ and › below UNLIKELY."""
    parts: list[Content] = []
    room = MOST
    for number, piece in enumerate(reply.pieces):
        room -= len(piece.text)
        if room < 0:
            parts.append(Content.styled(" … " + _("({n} more tokens)").format(n=len(reply.pieces) - number), "dim"))
            break
        odds = math.exp(piece.logprob) if math.isfinite(piece.logprob) else 1.0
        if odds < UNLIKELY:
            text = display(piece.text, lines=True).replace("\t", "    ")
            parts.append(Content.styled(f"‹{text}›", "$text-error underline"))
        else:
            parts.append(block(piece.text, style="$text-warning underline" if odds < UNSURE else ""))
    return Content("").join(parts)


def _differing(left: str, right: str) -> tuple[Content, Content]:
    """Both texts, the words that only one of them has underlined, those of both dim."""
    from curation.textdiff import pieces

    first: list[Content] = []
    second: list[Content] = []
    for kind, old, new in pieces(left[:MOST], right[:MOST]):
        style = _SAME if kind == "equal" else _DIFFERENT
        first.append(block(old, style=style, limit=MOST))
        second.append(block(new, style=style, limit=MOST))
    for parts, text in ((first, left), (second, right)):
        if len(text) > MOST:
            parts.append(Content.styled(" … " + _("({n} more characters)").format(n=f"{len(text) - MOST:,}"), "dim"))
    return Content("").join(first), Content("").join(second)


def _wrapped(content: Content, width: int) -> list[Content]:
    return [each for part in content.split("\n", allow_blank=True) for each in (part.wrap(width) or [Content("")])]


def _few(content: Content, width: int, most: int) -> list[Content]:
    """At most `most` lines, the last of them with a mark where there were more."""
    lines = _wrapped(content, width)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    return [*lines[: most - 1], last.truncate(max(1, width - 1)).rstrip() + Content("…")]
