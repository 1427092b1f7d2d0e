"""Changing a recipe of sections in a form, parameter by parameter; what is wrong is told at its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from studio.tui.screens.base import StudioScreen


class ShapesRecipe(StudioScreen):
    """Derived classes have the `field` under the cursor, `take` another draft and `show_form`."""

    draft: Any = None  # a `studio.tui.screens.section_draft.SectionDraft`
    problem = ""
    """What was wrong with the last change, which was not made."""

    if TYPE_CHECKING:

        @property
        def field(self) -> Any:
            """The line of the form under the cursor (`section`, `key`, `parameter`), None for none."""

        def take(self, draft: Any) -> None:
            """Another draft; the one before can be brought back."""

        def show_form(self) -> None:
            """Draw the form."""

    def change(self, edit: Callable[[], Any]) -> None:
        """Do a change; what is wrong with it is told at its field, and nothing is changed then."""
        try:
            self.take(edit())
        except (StudioError, ValueError) as error:
            first = next(iter(getattr(error, "problems", ())), None)
            said = f"{first.message}. {first.hint}" if first is not None else f"{error} {getattr(error, 'hint', '')}"
            self.problem = said.strip()
            self.show_form()

    def action_nudge(self, by: int) -> None:
        """The next choice, or the next number."""
        from studio.tui.screens.train_frames import stepped

        draft, field = self.draft, self.field
        if draft is None or field is None or field.parameter is None:
            return
        value = stepped(field.parameter, draft.value(field.section, field.key), by)
        if value is not None:
            self.change(lambda: draft.set(field.section, field.key, value))

    def action_unset(self) -> None:
        """The preset's value again."""
        draft, field = self.draft, self.field
        if draft is not None and field is not None and field.parameter is not None:
            self.change(lambda: draft.unset(field.section, field.key))
