"""Values that keys step through, and the line that says what is being curated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _

if TYPE_CHECKING:
    from curation.preview import Preview
    from curation.recipe_draft import RecipeDraft
    from curation.recipe_fields import Parameter


def nudged(parameter: Parameter, draft: RecipeDraft, entry: int, by: int) -> Any:
    """The choice next to the present one, or the number a step on, kept within its bounds; None for other types."""
    values = draft.entries[entry].values
    now = values.get(parameter.name, _default(parameter, draft, entry))
    if parameter.choices:
        choices = list(parameter.choices)
        place = choices.index(now) if now in choices else 0
        return choices[(place + by) % len(choices)]
    if now is None and ("number" in parameter.type):
        now = parameter.minimum or 0
        return _within(parameter, now if "whole" in parameter.type else float(now))
    if isinstance(now, bool) or not isinstance(now, (int, float)):
        return None
    if "whole number" in parameter.type:
        return _within(parameter, now + by * max(1, 10 ** (len(str(abs(int(now)))) - 2)))
    return _within(parameter, round(now + by * (0.05 if abs(now) <= 1 else 0.5), 4))


def _default(parameter: Parameter, draft: RecipeDraft, entry: int) -> Any:
    if draft.recipe is not None:
        return draft.recipe.stages[entry].stage.model_dump(mode="json").get(parameter.name, parameter.default)
    return parameter.default


def _within(parameter: Parameter, value: float) -> float:
    low, high = parameter.minimum, parameter.maximum
    step = 1 if "whole" in parameter.type else 0.01
    if low is not None:
        value = max(value, low + (step if "minimum" in parameter.exclusive else 0))
    if high is not None:
        value = min(value, high - (step if "maximum" in parameter.exclusive else 0))
    return int(value) if "whole number" in parameter.type else value


def facts_line(draft: RecipeDraft, inputs: Sequence[str], preview: Preview | None, failure: str) -> Content:
    """The recipe, whether it is saved, the inputs, and what would be left of the sample."""
    changed = _("changed") if draft.changed else ""
    shown = ", ".join(each.rpartition("/")[2] or each for each in inputs[:3]) + (" …" if len(inputs) > 3 else "")
    parts = [
        Content.assemble(
            (display(draft.origin.rpartition("/")[2], limit=60), "bold"), f" ({changed})" if changed else ""
        ),
        Content(display(shown, limit=120) if inputs else _("no inputs: i")),
    ]
    if draft.problems:
        parts.append(Content.styled("! " + display(draft.problems[0].message, limit=80), "$text-error"))
    elif preview is not None and not failure:
        said = _("{kept} of {n} kept") if preview.whole else _("{kept} of the first {n} kept")
        parts.append(Content(said.format(kept=f"{preview.kept:,}", n=f"{preview.sampled:,}")))
        if preview.unread:
            parts.append(Content(_("{n} quarantined").format(n=f"{preview.unread:,}")))
    return Content(" · ").join(parts)
