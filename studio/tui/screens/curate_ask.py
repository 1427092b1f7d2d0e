"""What the Curate screen asks for in words: recipes, inputs, where to save, and values of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.tui.i18n import _
from studio.tui.messages import PromptAnswered, PromptLeft
from studio.tui.screens.base import StudioScreen
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.stage_form import StageForm
from studio.tui.widgets.stage_list import StageList

if TYPE_CHECKING:
    from studio.tui.screens.curate import CurateScreen


class AsksForWords(StudioScreen):
    """The prompt line of the Curate screen."""

    @property
    def _asker(self) -> CurateScreen:
        return cast("CurateScreen", self)

    def action_open_recipe(self) -> None:
        """Choose a starter, or type a path."""
        from studio.tui.screens.curate_add import Choice, ChooseScreen, recipe_choices

        def chosen(name: str | None) -> None:
            if name == "…":
                self._ask_path("recipe", _("Recipe"), _("a YAML file, or the folder of a run"))
            elif name:
                self._asker._open(name)

        choices = [*recipe_choices(), Choice("…", _("a file, or the recipe of a run"))]
        self.app.push_screen(ChooseScreen(_("Open a recipe"), choices), chosen)

    def action_inputs(self) -> None:
        """Ask for files."""
        self._ask_path(
            "inputs", _("Inputs"), _("files, folders or globs, with blanks between them"), " ".join(self._asker.inputs)
        )

    def action_save(self) -> None:
        """Ask where to."""
        if self._asker.draft is not None:
            own = self._asker.draft.origin if self._asker.draft.origin.endswith((".yaml", ".yml")) else ""
            self._ask_path("save", _("Save as"), _("a YAML file"), own or "recipe.yaml")

    def _ask_path(self, prompt: str, label: str, hint: str, text: str = "") -> None:
        from studio.tui.paths import PathSuggester

        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text, suggester=PathSuggester())

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to where the question came from."""
        message.stop()
        self._back(message.prompt)

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        self._back(message.prompt)
        if message.prompt == "value":
            self._take_value(message.answer)
        elif message.prompt == "recipe" and message.answer:
            self._asker._open(message.answer)
        elif message.prompt == "inputs":
            import shlex

            try:
                self._asker.inputs = tuple(shlex.split(message.answer))
            except ValueError:
                self._asker.inputs = (message.answer,)
            self._asker._chosen = bool(self._asker.inputs)
            self._asker._changed()
        elif message.prompt == "save" and message.answer and self._asker.draft is not None:
            self._asker.draft.save(Path(message.answer).expanduser())
            self.studio.say(_("Saved as {path}.").format(path=message.answer))
            self._asker._changed()

    def _take_value(self, typed: str) -> None:
        from curation.recipe_edit import typed_value

        parameter, draft, place = self._asker._parameter(), self._asker.draft, self._asker.place
        if parameter is not None and draft is not None:
            self._asker.change(lambda: draft.set(place, parameter.name, typed_value(typed, parameter.type)))

    def _back(self, prompt: str) -> None:
        self.query_one(StageForm if prompt == "value" else StageList).focus()
