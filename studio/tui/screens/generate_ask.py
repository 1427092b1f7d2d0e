"""What the Generate screen asks for: what is read, who writes, a value, a recipe."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.tui.i18n import _
from studio.tui.messages import PromptAnswered, PromptLeft
from studio.tui.screens.base import StudioScreen
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.section_list import TrainForm

if TYPE_CHECKING:
    from studio.tui.screens.generate import GenerateScreen
    from studio.tui.screens.generate_draft import Field


class AsksToGenerate(StudioScreen):
    """The prompt line of the Generate screen."""

    @property
    def _asker(self) -> GenerateScreen:
        return cast("GenerateScreen", self)

    # Asking

    def action_inputs(self) -> None:
        """Ask for files."""
        from studio.tui.paths import PathSuggester

        draft = self._asker.draft
        if draft is None:
            return
        hint = (
            _("documents, folders or patterns, with blanks between them")
            if draft.kind == "documents"
            else _("a file: csv, json, jsonl, parquet, txt")
        )
        self._ask("inputs", _("Inputs"), hint, shlex.join(self._asker.inputs), PathSuggester())

    def action_model(self) -> None:
        """Ask for who writes."""
        draft = self._asker.draft
        if draft is not None:
            hint = _("http://host:port/v1#model, a folder, a .gguf file, a name on the Hub, smollm2")
            self._ask("model", _("Model"), hint, draft.recipe.model.name, None)

    def ask_recipe(self) -> None:
        """Ask for a recipe's file or run."""
        from studio.tui.paths import PathSuggester

        self._ask("recipe", _("Recipe"), _("a YAML file, or the folder of a run"), "", PathSuggester())

    def ask_value(self, field: Field) -> None:
        """A line of the form was opened."""
        from textual.suggester import SuggestFromList

        from studio.tui.screens.generate_draft import INPUTS
        from studio.tui.screens.train_frames import shown

        draft = self._asker.draft
        if field.key == INPUTS:
            self.action_inputs()
        elif (field.section, field.key) == ("model", "name"):
            self.action_model()
        elif draft is not None and field.parameter is not None:
            words = [str(each) for each in field.parameter.choices if each is not None]
            now = draft.value(field.section, field.key)
            value = ", ".join(map(str, now)) if isinstance(now, list) else shown(now)
            suggester = SuggestFromList(words) if words else None
            self._ask("value", field.label, field.parameter.type, "" if value == "null" else value, suggester)

    def _ask(self, prompt: str, label: str, hint: str, text: str, suggester: object) -> None:
        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text, suggester=suggester)  # type: ignore[arg-type]

    # Hearing

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to where the question came from."""
        message.stop()
        self._back()

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        self._back()
        asker, answer = self._asker, message.answer
        draft = asker.draft
        if message.prompt == "recipe":
            if answer:
                asker.open_plan(str(Path(answer).expanduser()))
        elif draft is None:
            return
        elif message.prompt == "inputs":
            asker.take(draft, _words(answer))
        elif message.prompt == "model":
            name = str(Path(answer).expanduser()) if answer.startswith("~") else answer
            asker.change(lambda: draft.set("model", "name", name))
        elif message.prompt == "value":
            self._take_value(answer)

    def _take_value(self, typed: str) -> None:
        from curation.recipe_edit import typed_value

        draft, field = self._asker.draft, self._asker.field
        if draft is not None and field is not None and field.parameter is not None:
            kind = field.parameter.type
            self._asker.change(lambda: draft.set(field.section, field.key, typed_value(typed, kind)))

    def _back(self) -> None:
        if self.has_class("-plan"):
            self.query_one(TrainForm).focus()
        else:
            self.query_one("#generates").focus()


def _words(answer: str) -> tuple[str, ...]:
    try:
        names = shlex.split(answer)
    except ValueError:  # a quote that is not closed belongs to the name
        names = [answer]
    return tuple(str(Path(each).expanduser()) if each.startswith("~") else each for each in names)
