"""From a draft to what the widgets of the plan show: sections, the lines of a form, and what would be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _, ngettext
from studio.tui.screens.generate_draft import INPUTS, Field, GenerateDraft, described, fields_of, short_of
from studio.tui.screens.generate_frames import short_model
from studio.tui.screens.train_frames import shown
from studio.tui.text import block, line
from studio.tui.widgets.section_list import SectionFrame
from studio.tui.widgets.stage_form import FieldFrame

if TYPE_CHECKING:
    from studio.tui.screens.curate_add import Choice

_FIRST = N_("overview")


def section_frames(draft: GenerateDraft, inputs: Sequence[str]) -> list[SectionFrame]:
    """A line for each section."""
    frames = [SectionFrame("!" if not inputs else "*" if draft.changes else " ", _(_FIRST), "")]
    for name in described():
        said = " ".join(shown(draft.value(name, key)) for key in short_of(name))
        frames.append(SectionFrame("*" if draft.changed(name) else " ", name, said))
    return frames


def field_frames(
    draft: GenerateDraft, inputs: Sequence[str], place: int, problem: str = "", at: int = -1
) -> list[FieldFrame]:
    """A line for each parameter. A changed one has the preset's value behind it; `problem` is that of the line `at`."""
    frames = []
    for number, field in enumerate(fields_of(place, draft.kind)):
        wrong = problem if number == at else ""
        if field.parameter is None:
            value, changed = inputs_words(inputs), False
            if not value:
                value, wrong = _("enter chooses"), wrong or _("missing")
        else:
            now, before = draft.value(field.section, field.key), draft.before(field.section, field.key)
            value, changed = shown(now), now != before
            if changed and before not in ("", None, []):
                value = f"{value} ← {shown(before)}"
        frames.append(FieldFrame(field.label, value, changed, wrong))
    return frames


def field_help(draft: GenerateDraft, field: Field, problem: str = "") -> Content:
    """What the parameter means, what it takes, and what is wrong."""
    if field.key == INPUTS:
        said = {
            "documents": _("Documents, folders or patterns: pdf, docx, pptx, html, md, txt, epub."),
            "seeds": _("A file of a few examples: csv, json, jsonl, parquet."),
            "texts": _("A file of texts that have no instruction yet."),
            "records": _("A file of records to work on."),
        }[draft.kind]
        return Content("\n").join([Content.styled(field.label, "bold"), line(said)])
    parameter = field.parameter
    if parameter is None:
        return Content("")
    takes = ", ".join(part for part in (parameter.type, parameter.bounds) if part)
    said = _("preset {value}").format(value=shown(draft.before(field.section, field.key)) or '""')
    name = f"{field.section}.{field.key}"
    head = Content.assemble((name, "bold"), "  ", (display(f"{takes}; {said}", limit=400), "dim"))
    lines = [head, line(parameter.help)]
    if problem:
        lines.insert(1, Content.styled("! " + display(problem, limit=400), "$text-error"))
    return Content("\n").join(lines)


def facts_line(draft: GenerateDraft, inputs: Sequence[str]) -> Content:
    """From what, by whom, with which recipe, and where the texts go."""
    parts = [
        Content.styled(
            display(inputs_words(inputs), limit=120) or _("nothing to read: i"), "bold" if inputs else "$text-error"
        ),
        line(short_model(draft.recipe.model.name), style="bold", limit=80),
        line(draft.origin.rpartition("/")[2] or _("your text, not saved yet"), limit=80),
    ]
    if draft.changes:
        parts.append(Content(_("changed: {names}").format(names=display(", ".join(draft.changes), limit=200))))
    return Content(" · ").join(parts)


def inputs_words(inputs: Sequence[str]) -> str:
    """The names of what is read, without what leads to them. Raw."""
    names = [each.rstrip("/").rpartition("/")[2] or each for each in inputs[:3]]
    return ", ".join(names) + (" …" if len(inputs) > 3 else "")


def source_choices() -> list[Choice]:
    """What records can be made from."""
    from studio.tui.screens.curate_add import Choice

    words = {
        "documents": _("questions and answers about documents, each with the sentence it rests on"),
        "seeds": _("more records like a few examples"),
        "texts": _("the instruction that each text answers"),
        "records": _("each record rewritten, completed, translated or made harder"),
    }
    found = [Choice(kind, said, said) for kind, said in words.items()]
    return [*found, Choice("…", _("a recipe of your own, or that of a run"))]


# What would be asked


def look_content(report: Mapping[str, Any], width: int) -> Content:
    """What a generation would read and what it would cost."""
    lines: list[Content] = [*_cost(report), Content("")]
    documents, unread = report.get("documents") or [], report.get("unread") or []
    if documents or unread:
        said = ngettext("{n} document", "{n} documents", len(documents)).format(n=f"{len(documents):,}")
        lines.append(_title(said + " · " + _chunks(int(report.get("chunks") or 0))))
    for each in unread:
        told = line(f"✗ {each.get('path', '')}: {each.get('reason', '')}", style="$text-error", limit=400)
        lines.append(told)
    for each in documents:
        lines.append(_document(each))
    if report.get("origins"):
        number = int(report["origins"])
        lines.append(_title(ngettext("{n} record", "{n} records", number).format(n=f"{number:,}")))
    if report.get("first_chunks"):
        lines += [Content(""), _title(_("The first chunks"))]
    for chunk in report.get("first_chunks") or []:
        lines += _chunk(chunk)
    return Content("\n").join(part for each in lines for part in (each.wrap(width) if each.plain else [each]))


def _cost(report: Mapping[str, Any]) -> Iterator[Content]:
    calls = int(report.get("calls") or 0)
    said = ngettext("{n} call", "{n} calls", calls).format(n=f"{calls:,}")
    tokens = _("about {asked} + {answered} tokens").format(
        asked=f"{int(report.get('prompt_tokens') or 0):,}", answered=f"{int(report.get('completion_tokens') or 0):,}"
    )
    parts = [said, tokens]
    if report.get("money"):
        parts.append(_("cost {n}").format(n=f"{report['money']:.4g}"))
    yield Content.styled(" · ".join(parts), "bold")
    model = display(short_model(str(report.get("model") or "")), limit=80)
    if report.get("leaves"):
        masked = _("personal data is masked first") if report.get("mask") else _("nothing is masked")
        where = _("The texts leave this machine, for {model}; {masked}.").format(model=model, masked=masked)
        yield line(where, style="bold $text-warning", limit=300)
    else:
        yield line(_("The texts stay on this machine, with {model}.").format(model=model), style="dim", limit=300)


def _chunks(number: int) -> str:
    return ngettext("{n} chunk", "{n} chunks", number).format(n=f"{number:,}")


def _document(each: Mapping[str, Any]) -> Content:
    path = str(each.get("path") or "")
    characters = _("{n} characters").format(n=f"{int(each.get('characters') or 0):,}")
    facts = " · ".join(
        (_chunks(int(each.get("chunks") or 0)), characters, display(each.get("converter", ""), limit=60))
    )
    return Content.assemble(
        ("✓ ", "$text-success"), line(path.rstrip("/").rpartition("/")[2] or path, limit=120), (f"  {facts}", "dim")
    )


def _chunk(chunk: Mapping[str, Any]) -> Iterator[Content]:
    headings = " › ".join(str(each) for each in chunk.get("headings") or ())
    size = _("about {n} tokens").format(n=f"{int(chunk.get('tokens') or 0):,}")
    yield Content.assemble(
        ("▪ ", "$text-accent"),
        line(chunk.get("chunk_id", ""), limit=80),
        (f"  {size}  ", "dim"),
        line(headings, style="dim", limit=200),
    )
    text = str(chunk.get("text") or "")
    first = " ".join(text.split())[:220]
    yield line("  " + first + (" …" if len(text) > len(first) else ""), limit=240)


def prompt_content(messages: Sequence[tuple[str, str]], title: str, width: int) -> Content:
    """What is asked, message by message."""
    lines = [Content.styled(display(title, limit=200), "bold")]
    for role, text in messages:
        lines += [Content(""), _title(display(role, limit=40)), block(text, limit=20_000)]
    return Content("\n").join(part for each in lines for part in (each.wrap(width) if each.plain else [each]))


def prompts_of(report: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    """The prompts of a report: role and text of each message."""
    found = []
    for prompt in report.get("prompts") or []:
        messages = prompt.get("messages") or []
        found.append([(str(each.get("role", "")), str(each.get("content", ""))) for each in messages])
    return found


def _title(text: str) -> Content:
    return Content.styled(text, "$text-accent")
