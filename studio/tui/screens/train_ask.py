"""What the Train screen asks for: data, a model, a recipe, a value, more steps, a run to lay behind."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, cast

from curation.errors import StudioError
from studio.tui.i18n import _
from studio.tui.messages import PromptAnswered, PromptLeft
from studio.tui.screens import train_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.train_frames import DATA, PRESET, Field, fields_of, shown
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.section_list import SectionList, TrainForm

if TYPE_CHECKING:
    from studio.tui.screens.curate_add import Choice
    from studio.tui.screens.train import TrainScreen


class AsksToTrain(StudioScreen):
    """The prompt line of the Train screen, and its lists to choose from."""

    @property
    def _asker(self) -> TrainScreen:
        return cast("TrainScreen", self)

    # Asking

    def action_inputs(self) -> None:
        """Ask for files."""
        from studio.tui.paths import PathSuggester

        hint = _("files, folders, globs or a run, with blanks between them")
        self._ask("inputs", _("Data"), hint, shlex.join(self._asker.inputs), PathSuggester())

    def action_model(self) -> None:
        """Ask for a model; those on this disk complete themselves."""
        from textual.suggester import SuggestFromList

        draft = self._asker.draft
        if draft is not None:
            names = self._asker.models
            hint = ", ".join(names[:3]) or _("a name on the Hub, a folder, a .gguf file, smollm2")
            self._ask("model", _("Model"), hint, draft.recipe.model.name, SuggestFromList(names) if names else None)

    def action_open_recipe(self) -> None:
        """Choose a preset, or type a path."""
        from studio.tui.screens.curate_add import Choice, ChooseScreen

        def chosen(name: str | None) -> None:
            if name == "…":
                from studio.tui.paths import PathSuggester

                self._ask("recipe", _("Recipe"), _("a YAML file, or the folder of a run"), "", PathSuggester())
            elif name:
                self._asker.open(name)

        choices = [*preset_choices(), Choice("…", _("a file, or the recipe of a run"))]
        self.app.push_screen(ChooseScreen(_("Open a recipe"), choices), chosen)

    def action_save(self) -> None:
        """Ask where to."""
        from studio.tui.paths import PathSuggester

        draft = self._asker.draft
        if draft is not None:
            own = draft.origin if draft.origin.endswith((".yaml", ".yml")) else ""
            self._ask("save", _("Save as"), _("a YAML file"), own or "train.yaml", PathSuggester())

    def action_extend(self) -> None:
        """Ask for how many more steps."""
        if self._asker.following is None or self._asker.snapshot is None or not self._asker.snapshot.steps:
            self.studio.say(_("There is no run here that could do more steps."))
            return
        self._ask("extend", _("More steps"), _("a number"), "", None)

    def action_overlay(self) -> None:
        """Choose a run whose curves are drawn behind; without them again where there are some."""
        from studio.tui.screens.curate_add import Choice, ChooseScreen

        if self._asker.other is not None:
            self._asker.other = None
            self._asker.draw_run()
            return
        runs = [each for each in work.training_runs(self.studio.runs_dir) if each[0] != self._asker.followed]
        if not runs:
            self.studio.say(_("There is no other training run in {path}.").format(path=self.studio.runs_dir))
            return

        def chosen(name: str | None) -> None:
            if name:
                path = self.studio.runs_dir / name
                self._asker.work("overlay", lambda: work.read_overlay(path, self))

        choices = [Choice(name, said) for name, said in runs]
        self.app.push_screen(ChooseScreen(_("Curves of another run"), choices), chosen)

    def ask_value(self, field: Field) -> None:
        """A line of the form was opened."""
        from textual.suggester import SuggestFromList

        draft = self._asker.draft
        if field.parameter is None or (field.section, field.key) == ("model", "name"):
            {DATA: self.action_inputs, PRESET: self.action_open_recipe}.get(field.key, self.action_model)()
        elif draft is not None:
            words = [str(each) for each in field.parameter.choices if each is not None]
            value = shown(draft.value(field.section, field.key))
            suggester = SuggestFromList(words) if words else None
            self._ask("value", field.label, field.parameter.type, "" if value == "null" else value, suggester)

    def _ask(self, prompt: str, label: str, hint: str, text: str, suggester: object) -> None:
        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text, suggester=suggester)  # type: ignore[arg-type]

    # Hearing

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to where the question came from."""
        message.stop()
        self._back(message.prompt)

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        self._back(message.prompt)
        taken = {
            "inputs": self._take_inputs,
            "model": self._take_model,
            "value": self._take_value,
            "save": self._take_place,
            "extend": self._take_steps,
        }
        if message.prompt == "recipe":
            if message.answer:
                self._asker.open(str(Path(message.answer).expanduser()))
        else:
            taken[message.prompt](message.answer)

    def _take_inputs(self, answer: str) -> None:
        try:
            names = tuple(shlex.split(answer))
        except ValueError:  # a quote that is not closed belongs to the name
            names = (answer,)
        self._asker.take_inputs(names)

    def _take_model(self, answer: str) -> None:
        draft = self._asker.draft
        if draft is not None:
            name = str(Path(answer).expanduser()) if answer.startswith("~") else answer
            self._asker.change(lambda: draft.set("model", "name", name))

    def _take_value(self, typed: str) -> None:
        from curation.recipe_edit import typed_value

        draft, field = self._asker.draft, self._asker.field
        if draft is not None and field is not None and field.parameter is not None:
            kind = field.parameter.type
            self._asker.change(lambda: draft.set(field.section, field.key, typed_value(typed, kind)))

    def _take_place(self, answer: str) -> None:
        draft = self._asker.draft
        if draft is not None and answer:
            path = Path(answer).expanduser()
            try:
                self._asker.take(draft.saved(path))
            except StudioError as error:
                self.studio.say(f"{error.message} {error.hint}".strip(), "error")
                return
            self.studio.say(_("Saved as {path}.").format(path=answer))

    def _take_steps(self, answer: str) -> None:
        asker = self._asker
        if answer.isdecimal() and 0 < int(answer) < 10**9:
            asker.extend(int(answer))
        elif answer:
            self.studio.say(_("A whole number of steps, such as 100."), "warning")

    def _back(self, prompt: str) -> None:
        if self.has_class("-following"):
            self.query_one("#notes").focus()
        else:
            self.query_one(TrainForm if prompt in ("value", "model", "inputs") else SectionList).focus()


def preset_choices() -> list[Choice]:
    """The presets, with what they are for."""
    from studio.tui.screens.curate_add import Choice
    from training.recipe import TrainRecipe

    found = []
    for name in TrainRecipe.preset_names():
        recipe = TrainRecipe.load(name)
        said = " · ".join(
            f"{field.label} {shown(getattr(getattr(recipe, field.section), field.key))}" for field in _telling()
        )
        found.append(Choice(name, recipe.description, f"{recipe.description}\n{said}"))
    return found


def _telling() -> list[Field]:
    return [each for each in fields_of(0) if each.parameter is not None and each.label != "model"]
