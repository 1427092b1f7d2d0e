"""From drafts and previews to what the widgets of the Curate screen show. Everything out of data is made harmless here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _
from studio.tui.text import block, hanging, line
from studio.tui.widgets.stage_form import FieldFrame
from studio.tui.widgets.stage_list import StageFrame

if TYPE_CHECKING:
    from curation.preview import Example, Preview, StagePreview
    from curation.recipe_draft import RecipeDraft
    from curation.recipe_fields import Parameter
    from curation.recipe_schema import StageDescription

_SHOWN = 1200  # characters of a turn in an example
_MARKED = 4000  # characters of a text that is compared word by word


@lru_cache(maxsize=64)
def about(use: str) -> StageDescription | None:
    """What there is to say about a kind of stage, None for one that is unknown."""
    from curation.errors import RecipeError
    from curation.recipe_schema import describe_stage

    try:
        return describe_stage(use)
    except RecipeError:
        return None


# The list


def stage_frames(draft: RecipeDraft, preview: Preview | None) -> list[StageFrame]:
    """A line for each stage."""
    frames = []
    for place, entry in enumerate(draft.entries):
        shown = preview.of(entry.name) if preview is not None and entry.enabled else None
        wrong = bool(draft.problems_of(place)) or any(
            draft.problems_of(place, key) for key in {*entry.values, *_names(entry.use)}
        )
        wrong = wrong or bool(shown and shown.problem)
        mark = "!" if wrong else "+" if entry.enabled else " "
        frames.append(StageFrame(mark, entry.name, entry.use, effect(shown), wrong))
    return frames


def _names(use: str) -> list[str]:
    described = about(use)
    return [each.name for each in described.parameters] if described else []


def effect(shown: StagePreview | None) -> str:
    """`-12 ~3 ?1`: records dropped, edited and flagged; `…` for a stage that waits to be asked."""
    if shown is None:
        return ""
    if shown.waiting:
        return "…"
    counts = (("-", shown.dropped), ("~", shown.edited), ("?", shown.flagged))
    return " ".join(f"{mark}{number:,}" for mark, number in counts if number)


# The form


def field_frames(draft: RecipeDraft, entry: int) -> list[FieldFrame]:
    """A line for each parameter of a stage; those written in the recipe have the value they have there."""
    stage = draft.entries[entry]
    described = about(stage.use)
    if described is None:
        return []
    resolved = _resolved(draft, entry)
    frames = []
    for parameter in described.parameters:
        given = parameter.name in stage.values
        value = stage.values[parameter.name] if given else resolved.get(parameter.name, parameter.default)
        problems = draft.problems_of(entry, parameter.name)
        said = " ".join(f"{each.message}. {each.hint}".strip() for each in problems)
        frames.append(FieldFrame(parameter.name, written_value(value), given, said))
    return frames


def _resolved(draft: RecipeDraft, entry: int) -> dict[str, Any]:
    """What the parameters are, where that depends on others (such as a profile)."""
    if draft.recipe is None or entry >= len(draft.recipe.stages):
        return {}
    return draft.recipe.stages[entry].stage.model_dump(mode="json")


def written_value(value: Any) -> str:
    """As one would type it."""
    from curation.recipe_edit import written

    return written(value)


def field_help(draft: RecipeDraft, entry: int, parameter: Parameter, problem: str = "") -> Content:
    """What the parameter means, what it takes, and what is wrong."""
    takes = ", ".join(part for part in (parameter.type, parameter.bounds) if part)
    default = _("default {value}").format(value=written_value(parameter.default))
    wrong = problem or next((f"{each.message}. {each.hint}" for each in draft.problems_of(entry, parameter.name)), "")
    told = (f"! {display(wrong, limit=300)}", "$text-error") if wrong else (display(parameter.help), "")
    head = Content.assemble((parameter.name, "bold"), "  ", told)
    return Content("\n").join([head, Content.styled(display(f"{default}; {takes}"), "dim")])


# The preview


def preview_content(draft: RecipeDraft, entry: int, preview: Preview | None, width: int) -> Content:
    """What the stage would do to the sample: a sentence, reasons with their counts, examples with marks.

    width: cells of a line, for those that are broken here.
    """
    stage = draft.entries[entry]
    described = about(stage.use)
    parts: list[Content] = []
    if described is not None:
        parts.append(line(described.summary, style="italic"))
    for each in draft.problems_of(entry):
        parts.append(Content.styled("! " + display(f"{each.message}. {each.hint}".strip()), "$text-error"))
    if not stage.enabled:
        return Content("\n").join([*parts, Content(""), Content(_("Switched off. space switches it on."))])
    if draft.problems:
        others = [each for each in draft.problems if each not in draft.problems_of(entry)]
        parts += [Content.styled("! " + display(str(each), limit=300), "$text-error") for each in others[:3]]
        return Content("\n").join([*parts, Content(""), Content(_("The preview waits until this is mended."))])
    shown = preview.of(stage.name) if preview is not None else None
    if preview is None or shown is None:
        return Content("\n").join(parts)
    return Content("\n").join([*parts, *_stage_lines(preview, shown, width)])


def _stage_lines(preview: Preview, shown: StagePreview, width: int) -> list[Content]:
    if shown.problem:
        said = display(f"{shown.problem} {shown.hint}".strip(), limit=600)
        return [Content(""), Content.styled("! " + said, "$text-error")]
    if shown.waiting:
        return [Content(""), Content(_("It takes long or loads a model, so it has not looked yet. p lets it look."))]
    scope = _("all {n} records") if preview.whole else _("a sample of {n} records")
    head = _("{scope}, {n} reach this stage").format(
        scope=scope.format(n=f"{preview.sampled:,}"), n=f"{shown.records_in:,}"
    )
    lines = [Content.styled(head, "dim")]
    if shown.corpus:
        lines.append(Content.styled(_("It compares records with one another, here only within the sample."), "dim"))
    if not shown.reasons:
        lines.append(Content(_("Nothing would change.")))
    for each in shown.reasons:
        count = (f"{MARKS[each.action]} {each.count:>5,}  ", STYLES[each.action])
        told = Content.assemble(count, (display(each.reason), "bold"), "  ", (display(each.sentence, limit=200), "dim"))
        lines += hanging(told, width, 9)
    for example in shown.examples:
        lines += [Content(""), *example_lines(example, width)]
    return lines


MARKS = {"drop": "-", "edit": "~", "flag": "?", "annotate": "·"}
STYLES = {"drop": "$text-error", "edit": "$text-warning", "flag": "$text-accent", "annotate": "dim"}


def example_lines(example: Example, width: int) -> list[Content]:
    """One record: why, and its text with what would change, word by word."""
    measured = ""
    if example.score is not None:
        measured = f"  {example.score:.4g}"
        if example.threshold is not None:
            threshold = _("threshold")
            measured += f" ({threshold} {example.threshold:.4g})"
    detail = f"  {display(example.detail, limit=120)}" if example.detail else ""
    head = Content.assemble(
        (f"{MARKS[example.action]} ", STYLES[example.action]),
        (display(example.record_id, limit=120), "bold"),
        (f"  {display(example.reason)}{measured}{detail}", "dim"),
    )
    lines = hanging(head, width, 4)
    twins = {turn.role: turn.before for turn in example.twin}
    if example.related_id:
        lines.append(
            Content.styled("  " + _("held against {id}").format(id=display(example.related_id, limit=120)), "dim")
        )
    for turn in example.turns:
        after = turn.after
        if after is None and turn.role in twins and example.action != "edit":
            text = marked(twins[turn.role], turn.before)  # how this record differs from its twin
        elif after is not None:
            text = marked(turn.before, after)
        else:
            text = block(turn.before, limit=_SHOWN)
        lines.append(Content.assemble((f"  {display(turn.role, limit=30)}: ", "$text-accent"), text))
    return lines


def marked(before: str, after: str) -> Content:
    """The two texts as one, word by word: [-taken out-] struck, {+put in+} underlined, long equal parts shortened."""
    from curation.textdiff import pieces

    parts: list[Content] = []
    found = list(pieces(before[:_MARKED], after[:_MARKED]))
    for number, (kind, old, new) in enumerate(found):
        if kind == "equal":
            parts.append(block(_shortened(new, first=number == 0, last=number == len(found) - 1)))
            continue
        if old:
            parts.append(Content.styled("[-" + display(old, limit=400) + "-]", "strike $text-error"))
        if new:
            parts.append(Content.styled("{+" + display(new, limit=400) + "+}", "underline $text-success"))
    return Content("").join(parts)


def _shortened(text: str, *, first: bool, last: bool) -> str:
    if len(text) <= 120:
        return text
    head, tail = ("" if first else text[:50]), ("" if last else text[-50:])
    return (text[:50] if first and last else head) + " … " + tail


# YAML


def lines_of_stage(draft: RecipeDraft, entry: int) -> range:
    """The lines (from 0) that a stage takes in the text."""
    from curation.recipe_text import parse

    places = parse(draft.text, "").lines
    start = places.get(("stages", entry), 1) - 1
    inside = [line for path, line in places.items() if path[:2] == ("stages", entry)]
    return range(start, max(inside, default=start + 1))
