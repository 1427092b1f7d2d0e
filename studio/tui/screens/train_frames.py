"""From a draft to what the widgets of the Train screen show, and the steps that keys take through values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.screens.train_draft import Draft, described
from studio.tui.text import line
from studio.tui.widgets.section_list import SectionFrame
from studio.tui.widgets.stage_form import FieldFrame

if TYPE_CHECKING:
    from curation.recipe_fields import Parameter

DATA, PRESET = "data", "preset"
"""Lines of the first form that are no parameters of the recipe."""

_MATTERS = (
    ("model", "name"),
    ("method", "kind"),
    ("method", "objective"),
    ("model", "quantization"),
    ("template", "name"),
    ("data", "max_length"),
    ("lora", "r"),
    ("optimizer", "learning_rate"),
    ("schedule", "epochs"),
    ("schedule", "max_steps"),
    ("schedule", "batch_size"),
    ("schedule", "accumulation"),
)
_SHORT = {  # what a section's line shows
    "model": ("quantization", "dtype"),
    "template": ("name",),
    "data": ("train_on", "max_length"),
    "method": ("kind", "objective"),
    "lora": ("r", "alpha"),
    "virtual": ("tokens",),
    "dpo": ("beta",),
    "optimizer": ("learning_rate",),
    "schedule": ("epochs", "batch_size"),
    "evaluation": ("every", "samples"),
    "checkpoints": ("every", "keep"),
    "tracking": ("log_every",),
    "device": ("kind",),
    "recipe": ("seed",),
}
_FIRST = N_("overview")


class Field(NamedTuple):
    """A line of the form. section: "" for DATA and PRESET."""

    section: str
    key: str
    label: str
    parameter: Parameter | None


def section_names() -> list[str]:
    """The sections, behind the first form ("")."""
    return ["", *described()]


def fields_of(place: int) -> list[Field]:
    """The lines of the form for the section at `place`."""
    section = section_names()[place]
    if section:
        return [Field(section, each.name, each.name, each) for each in described()[section]]
    by_name = {(name, each.name): each for name, parameters in described().items() for each in parameters}
    first = [Field("", DATA, "data", None), Field("", PRESET, "preset", None)]
    rest = [Field(name, key, f"{name}.{key}", by_name[name, key]) for name, key in _MATTERS]
    return [rest[0]._replace(label="model"), *first, *rest[1:]]


def section_frames(draft: Draft, inputs: Sequence[str]) -> list[SectionFrame]:
    """A line for each section."""
    missing = not inputs or not draft.recipe.model.name
    frames = [SectionFrame("!" if missing else "*" if draft.changes else " ", _(_FIRST), "")]
    for name in described():
        said = " ".join(shown(draft.value(name, key)) for key in _SHORT[name])
        frames.append(SectionFrame("*" if draft.changed(name) else " ", name, said))
    return frames


def field_frames(draft: Draft, inputs: Sequence[str], place: int, problem: str = "", at: int = -1) -> list[FieldFrame]:
    """A line for each parameter. A changed one has the preset's value behind it; `problem` is that of the line `at`."""
    frames = []
    for number, field in enumerate(fields_of(place)):
        wrong = problem if number == at else ""
        if field.parameter is None:
            value, changed = (_inputs(inputs), False) if field.key == DATA else (origin(draft), False)
        else:
            now, before = draft.value(field.section, field.key), draft.before(field.section, field.key)
            value, changed = shown(now), now != before
            if changed and before not in ("", None):
                value = f"{value} ← {shown(before)}"
        if field.label in ("data", "model") and not value:
            value, wrong = _("enter chooses"), wrong or _("missing")
        frames.append(FieldFrame(field.label, value, changed, wrong))
    return frames


def field_help(draft: Draft, field: Field, problem: str = "") -> Content:
    """What the parameter means, what it takes, and what is wrong."""
    if field.parameter is None:
        said = {
            DATA: _("Files, folders, globs or a curated run. A file named validation is not trained on."),
            PRESET: _("Where the recipe begins: a preset, a YAML file, or the recipe of a run."),
        }[field.key]
        return Content("\n").join([Content.styled(field.label, "bold"), line(said)])
    parameter = field.parameter
    takes = ", ".join(part for part in (parameter.type, parameter.bounds) if part)
    said = _("preset {value}").format(value=shown(draft.before(field.section, field.key)) or '""')
    head = Content.assemble(
        (f"{field.section}.{field.key}" if field.section != "recipe" else field.key, "bold"),
        "  ",
        (display(f"{takes}; {said}", limit=400), "dim"),
    )
    lines = [head, line(parameter.help)]
    if problem:
        lines.insert(1, Content.styled("! " + display(problem, limit=400), "$text-error"))
    return Content("\n").join(lines)


def facts_line(draft: Draft, inputs: Sequence[str]) -> Content:
    """Data, model, recipe and how much of it was changed."""
    changed = [name for name in draft.changes if name != "model.name"]
    parts = [
        Content.styled(display(_inputs(inputs), limit=120) or _("no data: i"), "bold" if inputs else "$text-error"),
        Content.styled(
            display(short_name(draft.recipe.model.name), limit=80) or _("no model: m"),
            "bold" if draft.recipe.model.name else "$text-error",
        ),
        line(origin(draft), limit=80),
    ]
    if changed:
        parts.append(Content(_("changed: {names}").format(names=display(", ".join(changed), limit=200))))
    return Content(" · ").join(parts)


def origin(draft: Draft) -> str:
    """The preset, or the file, that the recipe began with."""
    if not draft.origin:
        return _("your text, not saved yet")
    parts = draft.origin.rpartition("/recipe.yaml")[0].rpartition("/")[2]
    return parts or draft.origin.rpartition("/")[2]


def short_name(model: str) -> str:
    """A model's folder without what leads to it; a name on the Hub as it is."""
    return model.rstrip("/").rpartition("/")[2] if model.startswith(("/", ".", "~")) else model


def lines_of_section(text: str, section: str) -> range:
    """The lines (from 0) of a section in the YAML text."""
    lines = text.splitlines()
    key = "seed" if section == "recipe" else section
    begin = next((number for number, each in enumerate(lines) if each.startswith(f"{key}:")), -1)
    if begin < 0 or not section:
        return range(0)
    end = begin + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][:1] in (" ", "\t")):
        end += 1
    while end > begin + 1 and not lines[end - 1].strip():
        end -= 1
    return range(begin, end)


def _inputs(inputs: Sequence[str]) -> str:
    names = [each.rstrip("/").rpartition("/")[2] or each for each in inputs[:3]]
    return ", ".join(names) + (" …" if len(inputs) > 3 else "")


def shown(value: Any) -> str:
    """A value as one types it; small numbers without a row of zeros."""
    from curation.recipe_edit import written

    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) >= 0.001 or not value else f"{value:.3g}".replace("e-0", "e-")
    return value if isinstance(value, str) else written(value)


# Steps


def stepped(parameter: Parameter, now: Any, by: int) -> Any:
    """The choice next to `now`, or the next number of its kind, kept within the bounds; None where there is none.

    Rates go 1, 2, 5, 10; powers of two double; other numbers go on evenly.
    """
    if parameter.choices:
        choices = list(parameter.choices)
        place = choices.index(now) if now in choices else 0
        return choices[(place + by) % len(choices)]
    whole = "whole number" in parameter.type
    if now is None and "number" in parameter.type:
        now = parameter.minimum or 0
        return _within(parameter, int(now) if whole else float(now))
    if isinstance(now, bool) or not isinstance(now, int | float):
        return None
    if whole:
        number = int(now)
        if number >= 4 and number & (number - 1) == 0 and parameter.name not in ("seed", "every"):
            return _within(parameter, number * 2 if by > 0 else number // 2)
        return _within(parameter, number + by * max(1, 10 ** (len(str(abs(number))) - 2)))
    if parameter.name in ("learning_rate", "beta") or 0 < now < 0.01:
        return _within(parameter, _next_rate(now, by))
    return _within(parameter, round(now + by * (0.05 if abs(now) <= 1 else 0.5 if abs(now) < 10 else 1), 4))


def _next_rate(now: float, by: int) -> float:
    power = math.floor(math.log10(now)) if now > 0 else -6
    rates = [float(f"{digit}e{power + more}") for more in (-1, 0, 1) for digit in (1, 2, 5)]
    higher = [each for each in rates if each > now * 1.001]
    lower = [each for each in rates if each < now * 0.999]
    return higher[0] if by > 0 else lower[-1]


def _within(parameter: Parameter, value: float) -> float:
    low, high = parameter.minimum, parameter.maximum
    whole = "whole number" in parameter.type
    step = 1 if whole else 0.01
    if low is not None and value <= low:
        value = low + (step if "minimum" in parameter.exclusive else 0)
    if high is not None and value >= high:
        value = high - (step if "maximum" in parameter.exclusive else 0)
    return int(value) if whole else value
