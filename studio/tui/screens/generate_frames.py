"""From a generation to what is shown of it: its head, the lines of its items, and one item as the model wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _, ngettext
from studio.tui.screens.generate_reasons import sentence
from studio.tui.screens.runs_frames import MARKS, STYLES, status_words
from studio.tui.text import block, line
from studio.tui.widgets.charts import bar
from studio.tui.widgets.funnel import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curation.synthesis.decisions import Decided
    from curation.synthesis.model import Exchange, Item, Unit
    from studio.runs.generated import GenerateSnapshot
    from studio.tui.screens.curate_messages import RunStood

ITEM_MARKS = {"accepted": "✓", "rejected": "✗", "failed": "!"}
ITEM_STYLES = {"accepted": "$text-success", "rejected": "$text-warning", "failed": "$text-error"}
DECIDED_MARKS = {"accept": "+", "reject": "-", "edit": "~", "regenerate": "↻"}
_WORDS = {"accepted": N_("accepted"), "rejected": N_("rejected"), "failed": N_("failed")}
_ACTIONS = {
    "accept": N_("accepted by {author}"),
    "reject": N_("rejected by {author}"),
    "edit": N_("edited by {author}"),
    "regenerate": N_("{author} wants it asked for anew"),
}
_PHASES = {
    "documents": N_("reading documents"),
    "mask": N_("looking for personal data"),
    "generate": N_("asking"),
}


# The head


def head_content(
    stood: RunStood | None,
    snapshot: GenerateSnapshot,
    counts: Mapping[str, int],
    width: int,
    *,
    changed: int = 0,
    kept: int = 0,
    model: str = "",
) -> Content:
    """Three lines: who asks whom and how it stands; how far it is and what came of it; what it cost and how fast it goes.

    counts: items by status. changed: items that people decided about; kept: that are in the dataset with that.
    model: as the recipe names it.
    """
    if stood is None:
        return Content("")
    spent = _spent(stood, snapshot, counts)
    if changed:
        said = _("{n} decided by people → {kept} in the dataset").format(n=f"{changed:,}", kept=f"{kept:,}")
        spent = Content.assemble((said, "bold"), (" · ", "dim"), spent)
    lines = [_who(stood, snapshot, model), _progress(snapshot, counts, width), spent]
    return Content("\n").join(each.truncate(width, ellipsis=True) for each in lines)


def _who(stood: RunStood, snapshot: GenerateSnapshot, model: str) -> Content:
    status = stood.status.value
    running = status == "running"
    word = phase_word(snapshot) if running else status_words()[status]
    parts = [Content.styled(f"{MARKS[status]} {word}", f"bold {STYLES.get(status, '')}".strip())]
    said = snapshot.prepared
    if said:
        where = _("leaves this machine") if said.get("leaves") else _("stays on this machine")
        parts += [
            line(short_model(model or str(said.get("model", ""))), limit=60),
            Content.styled(where, "" if said.get("leaves") else "dim"),
        ]
        masked = sum(said.get("masked", {}).values())
        if masked:
            told = ", ".join(f"{display(name, limit=30)} {count:,}" for name, count in said["masked"].items())
            parts.append(Content.styled(_("masked: {what}").format(what=told), "dim"))
    trouble = snapshot.run.error or (stood.result.message if stood.result is not None and not running else "")
    if trouble:
        parts.insert(1, line(trouble, style="$text-error", limit=300))
    return Content("  ").join([*parts, line(stood.run, style="dim", limit=80)])


def phase_word(snapshot: GenerateSnapshot) -> str:
    """What the run is doing, in the language in use."""
    phase = "generate" if snapshot.prepared else snapshot.run.phase
    words = _(_PHASES[phase]) if phase in _PHASES else display(phase, limit=40) or _("starting")
    if phase != "generate" and snapshot.run.total:
        words += f" {snapshot.run.done:,}/{snapshot.run.total:,}"
    return words


def _progress(snapshot: GenerateSnapshot, counts: Mapping[str, int], width: int) -> Content:
    done = sum(counts.values())
    wanted = max(snapshot.requested, done)
    if not wanted:
        return Content.styled(_("Nothing was asked yet."), "dim")
    share_bar = bar(done / wanted, 12 if width < 100 else 24).replace(" ", "░")
    said = _("{n} of {all} items").format(n=f"{done:,}", all=f"{wanted:,}")
    told = [Content.styled(f"{share_bar} {said}", "bold")]
    for status, word in _WORDS.items():
        number = counts.get(status, 0)
        share = f" ({number / done:.0%})" if done and status == "accepted" else ""
        said = f"{ITEM_MARKS[status]} {_(word)} {number:,}{share}"
        told.append(Content.styled(said, ITEM_STYLES[status] if number else "dim"))
    return Content("  ").join(told)


def _spent(stood: RunStood, snapshot: GenerateSnapshot, counts: Mapping[str, int]) -> Content:
    parts = [
        _("{asked} + {said} tokens").format(asked=f"{snapshot.prompt_tokens:,}", said=f"{snapshot.completion_tokens:,}")
    ]
    if snapshot.money or snapshot.prepared.get("money"):
        parts.append(_("cost {n}").format(n=f"{snapshot.money:.4g}"))
    if snapshot.reused:
        parts.append(_("{n} from the ledger").format(n=f"{snapshot.reused:,}"))
    if stood.status.value == "running":
        if snapshot.rate:
            parts.append(_("{n} items/s").format(n=f"{snapshot.rate:.2g}"))
            left = snapshot.left(sum(counts.values()))
            if left:
                parts.append(_("{time} left").format(time=duration(left)))
        if snapshot.limit:
            said = _("{n} of {all} calls at once").format(n=snapshot.under_way, all=snapshot.limit)
            parts.append(said)
    elif stood.result is not None and stood.result.seconds:
        parts.append(_("took {time}").format(time=duration(stood.result.seconds)))
    warned = len(snapshot.run.warnings)
    if warned:
        parts.append(ngettext("{n} warning", "{n} warnings", warned).format(n=warned))
    return Content.styled(" · ".join(parts), "dim")


def short_model(name: str) -> str:
    """`qwen (host:8000)` of an endpoint, the last part of a path, else the name; raw."""
    if "://" in name:
        address, _hash, model = name.partition("#")
        host = address.partition("://")[2].partition("/")[0]
        return f"{model} ({host})" if model else host
    return name.rstrip("/").rpartition("/")[2] or name


# Lines of items


def item_line(item: Item, found: Decided | None) -> tuple[str, bool]:
    """Two marks and the question, or why there is none; and whether it is no part of the dataset. Raw."""
    mark = DECIDED_MARKS.get(found.action, " ") if found is not None else " "
    status = ITEM_MARKS.get(item.status, "?")
    text = item.exchanges[0].question.strip() if item.exchanges else ""
    said = text[:300] or item.reason or "∅"
    return f"{mark}{status} {said}", item.status != "accepted"


# One item


def item_content(
    made: Item, item: Item, found: Decided | None, unit: Unit | None, width: int, *, twin: Item | None = None
) -> Content:
    """All that is told about an item. made: as the run had it. item: as it stands. twin: the item that it repeats."""
    lines: list[Content] = list(_verdict(made, _asked_as(made, unit), twin))
    if found is not None:
        lines.append(_decision(found))
    lines.append(Content(""))
    if not item.exchanges:
        lines.append(Content.styled(_("The model wrote nothing here that can be read."), "dim"))
    for place, exchange in enumerate(item.exchanges):
        lines += _exchange(exchange, place if len(item.exchanges) > 1 else -1)
    lines += _measured(made)
    if found is not None and found.exchanges and made.exchanges and found.exchanges != made.exchanges:
        lines += [Content(""), _title(_("As the model wrote it"))]
        for place, exchange in enumerate(made.exchanges):
            lines += _exchange(exchange, place if len(made.exchanges) > 1 else -1, style="dim")
    return Content("\n").join(part for each in lines for part in (each.wrap(width) if each.plain else [each]))


def _verdict(made: Item, asked_as: str, twin: Item | None) -> Iterator[Content]:
    """`✓ accepted · factual · medium · u00003.1`, and why it was turned away."""
    mark, word = ITEM_MARKS.get(made.status, "?"), _(_WORDS[made.status]) if made.status in _WORDS else made.status
    head = Content.styled(f"{mark} {word}", f"bold {ITEM_STYLES.get(made.status, '')}".strip())
    rest = " · ".join(part for part in (asked_as, display(made.item_id, limit=80)) if part)
    yield Content.assemble(head, (f" · {rest}", "dim"))
    if not made.reason:
        return
    parts = [line(sentence(made.reason), limit=300)]
    if made.detail:
        parts.append(line(made.detail, style="dim", limit=300))
    yield Content(" · ").join(parts)
    if made.related_id:
        question = f": {twin.exchanges[0].question.strip()}" if twin is not None and twin.exchanges else ""
        yield line(_("like {item}").format(item=made.related_id) + question, limit=400)


def _decision(found: Decided) -> Content:
    said = (
        _(_ACTIONS[found.action]).format(author=display(found.author, limit=60) or "?")
        if found.action in _ACTIONS
        else ""
    )
    when = datetime.fromtimestamp(found.at).strftime("%m-%d %H:%M") if 0 < found.at < 1e11 else ""
    mark = DECIDED_MARKS.get(found.action, " ")
    return Content.assemble((f"{mark} {said}", "bold $text-accent"), (f"  {when}", "dim"))


def _asked_as(made: Item, unit: Unit | None) -> str:
    """`factual · medium · zh`: what was asked for."""
    parts = [made.type]
    if unit is not None:
        parts += [unit.difficulty, unit.language, "" if unit.kind == "qa" else unit.kind]
        if unit.again:
            parts.append(_("in place of {item}").format(item=unit.again))
    return " · ".join(display(part, limit=60) for part in parts if part)


def _exchange(exchange: Exchange, place: int, style: str = "") -> Iterator[Content]:
    number = f" {place + 1}" if place >= 0 else ""
    yield _title(_("Question") + number)
    yield block(exchange.question.strip(), style=style or "bold")
    if exchange.reasoning:
        yield _title(_("Steps"))
        yield block(exchange.reasoning.strip(), style=style)
    yield _title(_("Answer") + number)
    yield block(exchange.answer.strip(), style=style)
    if exchange.quote:
        yield _title(_("Rests on"))
        yield block(f"“{exchange.quote.strip()}”", style="italic dim")
    yield Content("")


def _title(text: str) -> Content:
    return Content.styled(text, "$text-accent")


def _measured(made: Item) -> Iterator[Content]:
    if made.scores:
        told = " · ".join(f"{display(name, limit=40)} {_number(value)}" for name, value in made.scores.items())
        yield Content.styled(_("measured: {what}").format(what=told), "dim")
    if made.judged:
        yield Content.styled(_("judge: "), "dim") + block(made.judged, limit=1000)


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else display(value, limit=20)


def list_line(
    spec_inputs: Sequence[str], recipe: Mapping[str, Any], counts: Mapping[str, Any], progress: Mapping[str, Any]
) -> str:
    """`34 of 60 accepted · faq.pdf, guide.docx · smollm2`: a generation in the list. Raw. progress: of one that has no
    counts yet."""
    names = [each.rstrip("/").rpartition("/")[2] or each for each in spec_inputs[:2]]
    what = ", ".join(names) + (" …" if len(spec_inputs) > 2 else "")
    model = short_model(str((recipe.get("model") or {}).get("name") or ""))
    said = ""
    if counts.get("requested"):
        said = _("{n} of {all} accepted").format(n=f"{counts.get('accepted', 0):,}", all=f"{counts['requested']:,}")
    elif progress.get("total"):
        said = _("{n} of {all} calls").format(n=f"{progress['done']:,}", all=f"{progress['total']:,}")
    return " · ".join(part for part in (said, what, model) if part)
