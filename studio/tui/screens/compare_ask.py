"""What the Compare screen asks for: a comparison to begin, questions for both models, notes, remarks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, cast

from studio.display import display
from studio.tui.i18n import _
from studio.tui.messages import PromptAnswered, PromptLeft
from studio.tui.screens.base import StudioScreen
from studio.tui.widgets.answers_view import AnswersView
from studio.tui.widgets.compare_list import CompareList
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.prompt_list import PromptList

if TYPE_CHECKING:
    from studio.tui.screens.compare import CompareScreen
    from studio.tui.screens.curate_add import Choice

_ANY_TWO = "…"


class AsksModels(StudioScreen):
    """The prompt line of the Compare screen, and its lists to choose from."""

    _run = ""  # the training run that a comparison is asked for

    @property
    def _asker(self) -> CompareScreen:
        return cast("CompareScreen", self)

    # Asking

    def action_begin(self) -> None:
        """Choose what is measured of the training run under the cursor; or name any two models."""
        from studio.tui.screens.curate_add import ChooseScreen

        frame = self.query_one(CompareList).frame
        if frame is None or frame.kind != "train":
            self._ask_sides("")
            return

        def chosen(preset: str | None) -> None:
            if preset == _ANY_TWO:
                self._ask_sides(frame.path)
            elif preset:
                self._asker.begin(frame.path, preset)

        choices = preset_choices()
        self.app.push_screen(ChooseScreen(_("Compare {run}").format(run=display(frame.name)), choices), chosen)

    def _ask_sides(self, run: str) -> None:
        from studio.tui.paths import PathSuggester

        self._run = run
        hint = (
            _(
                "two of base, tuned, checkpoint:STEP, a folder, a .gguf file, http://host/v1#model; then a file of prompts"
            )
            if run
            else _("two of a run, a folder, a .gguf file, http://host/v1#model; then a file of prompts")
        )
        self.ask("sides", _("Models"), hint, "base tuned" if run else "", PathSuggester())

    def action_ask(self) -> None:
        """Ask for a question."""
        self.ask("ask", _("Ask both"), _("a question; esc leaves"))

    def action_ask_on(self) -> None:
        """Ask for the next question of this conversation."""
        prompt = self._asker.prompt
        if prompt is None or not self._asker.is_whole(prompt.prompt_id):
            self.studio.say(_("Both answers have to be whole before one can go on from them."), "warning")
            return
        self.ask("ask_on", _("Ask on"), _("the next question; each model goes on from its own answer"))

    def action_note(self) -> None:
        """Ask for a remark."""
        prompt = self._asker.prompt
        if prompt is not None:
            known = self._asker.opinions.notes.get(prompt.prompt_id, "")
            self.ask("note", _("Note"), _("a remark; nothing takes it away"), known)

    def ask(self, prompt: str, label: str, hint: str, text: str = "", suggester: object = None) -> None:
        """Open the line."""
        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text, suggester=suggester)  # type: ignore[arg-type]

    # Hearing

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to where the question came from."""
        message.stop()
        self._back_from(message.prompt)

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        self._back_from(message.prompt)
        answer, asker = message.answer, self._asker
        prompt, desk = asker.prompt, asker.desk
        if message.prompt == "sides":
            self._take_sides(answer)
        elif message.prompt == "flag":
            asker.decide("flag", answer)
        elif desk is None:
            return
        elif message.prompt == "ask" and answer:
            asker.asked(desk.asks.prompt(answer))
        elif message.prompt == "ask_on" and answer and prompt is not None:
            asker.asked(desk.asks.follow(prompt.prompt_id, answer))
        elif message.prompt == "note" and prompt is not None:
            desk.note(prompt.prompt_id, answer)

    def _take_sides(self, answer: str) -> None:
        """`base tuned`, `A B prompts.jsonl`."""
        try:
            words = shlex.split(answer)
        except ValueError:
            words = [answer]
        if not words:
            return
        if len(words) not in (2, 3) or (len(words) == 2 and not self._run):
            said = _("Name two models; where they are of no training run, a file of prompts behind them.")
            self.studio.say(said, "warning")
            return
        settings = [f"sides.a={words[0]}", f"sides.b={words[1]}"]
        if len(words) == 3:
            settings.append(f"prompts.source={words[2]}")
        if not self._run:
            settings.append("losses.heldout=false")
        self._asker.begin(self._run, "", tuple(settings))

    def _back_from(self, prompt: str) -> None:
        if not self.has_class("-open"):
            self.query_one(CompareList).focus()
        elif prompt == "flag":
            self.query_one("#near").focus()
        else:
            self.query_one(AnswersView if self.has_class("-voting") else PromptList).focus()


def preset_choices() -> list[Choice]:
    """The recipes of comparisons, the usual one first, with what they do; and any two models."""
    from studio.tui.screens.curate_add import Choice
    from training.compare.recipe import CompareRecipe

    names = sorted(CompareRecipe.preset_names(), key=lambda name: (name != CompareRecipe.default_preset, name))
    loaded = [CompareRecipe.load(name) for name in names]
    choices = [Choice(each.name, each.description, each.description) for each in loaded]
    return [*choices, Choice(_ANY_TWO, _("any two models, of this run or elsewhere"), "")]
