"""The Curate screen: a recipe as a list of stages, a form for each, what it would do to a sample, and the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer

from curation.errors import StudioError
from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens import curate_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.curate_ask import AsksForWords
from studio.tui.screens.curate_follow import FollowsRun
from studio.tui.screens.curate_keys import CURATE_KEYS
from studio.tui.screens.curate_messages import DraftOpened, PreviewFailed, PreviewMade
from studio.tui.text import line
from studio.tui.widgets.funnel import Funnel
from studio.tui.widgets.lines import LineChosen, LineMoved
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.scrolled import ScrolledText
from studio.tui.widgets.stage_form import StageForm
from studio.tui.widgets.stage_list import StageList
from studio.tui.widgets.yaml_view import YamlView

if TYPE_CHECKING:
    from curation.preview import Preview
    from curation.recipe_draft import RecipeDraft
    from curation.recipe_fields import Parameter

_DEFAULT_RECIPE = "sft"
_RESTING = 0.15  # seconds without another edit before the preview is made


class PreviewPane(ScrolledText):
    """What the stage under the cursor would do to the sample."""

    HELP = N_(
        "What the stage would do to a sample of the inputs, at most 500 records: reasons with their counts, and examples. "
        "[-struck-] words would be taken out, {+underlined+} ones put in."
    )


class CurateScreen(AsksForWords, FollowsRun, StudioScreen):
    """Holds a draft of a recipe. Previews and runs are made by thread workers of `curate_work`."""

    PLACE = "curate"
    CSS_PATH = "curate.tcss"
    HELP = N_(
        "A recipe is a list of stages. Each looks at the records that the ones before it left. tab moves to the form and "
        "to the preview. r runs the recipe in the background: leaving the program does not end it."
    )
    BINDINGS = CURATE_KEYS

    def __init__(self) -> None:
        super().__init__()
        self.draft: RecipeDraft | None = None
        self.inputs: tuple[str, ...] = ()
        self.preview: Preview | None = None
        self.failure = ""
        self._chosen = False  # whether inputs were typed here
        self._rejected = ""  # what an editor gave back that could not be read
        self._field_problem = ""
        self._trial = work.Trial()
        self._resting: Timer | None = None

    def body(self) -> ComposeResult:
        """The list on the left; form and preview beside it, under one another on narrow terminals."""
        yield Plain(id="facts")
        with Horizontal(id="curate"):
            yield StageList(id="stages")
            with Vertical(id="right"):
                with Vertical(id="parameters"):
                    yield StageForm(id="form")
                    yield Plain(id="help")
                with Vertical(id="views"):
                    yield PreviewPane(id="preview")
                    yield YamlView(id="yaml")
        yield Funnel(id="follow")
        yield Plain(id="state")
        yield PromptLine()

    def on_mount(self) -> None:
        """The default recipe over what is open."""
        self.query_one(StageList).focus()
        self.tell(_("Opening {path} …").format(path=_DEFAULT_RECIPE))
        self._open(_DEFAULT_RECIPE)

    def on_screen_resume(self) -> None:
        """What was opened on another screen is what one wants to curate, unless one said otherwise here."""
        opened = self.studio.opened
        if opened and not self._chosen and self.inputs != (opened,):
            if (Path(opened) / "run.json").is_file():
                self._open(opened)
                self.follow(Path(opened).absolute(), show=False)
            else:
                self.inputs = (opened,)
                self._changed()

    def on_resize(self) -> None:
        """Lines are broken elsewhere."""
        if self.draft is not None:
            self.call_after_refresh(self._show_stage)
            self._draw_run()

    # The draft

    def _open(self, name: str) -> None:
        self.work("recipe", lambda: work.open_draft(name, self))

    def on_draft_opened(self, message: DraftOpened) -> None:
        """Another recipe, from its first stage."""
        self.draft, self.preview = message.draft, None
        if message.inputs is not None:
            self.inputs = message.inputs
        self.query_one(StageList).cursor = 0
        self.tell("")
        self._changed()

    def on_line_moved(self, message: LineMoved) -> None:
        """Another stage, or another parameter."""
        message.stop()
        if isinstance(message.lines, StageList):
            self._field_problem = ""
            form = self.query_one(StageForm)
            form.set_reactive(StageForm.cursor, 0)
            self._show_stage(home=True)
        elif isinstance(message.lines, StageForm):
            self._field_problem = ""
            self._show_field()

    def on_line_chosen(self, message: LineChosen) -> None:
        """Enter: from the list into the form, from the form to a value."""
        message.stop()
        if isinstance(message.lines, StageList):
            self.query_one(StageForm).focus()
        elif isinstance(message.lines, StageForm):
            self._ask_value()

    @property
    def place(self) -> int:
        """The number of the stage under the cursor."""
        return self.query_one(StageList).cursor

    def _parameter(self) -> Parameter | None:
        from studio.tui.screens.curate_frames import about

        if self.draft is None or not self.draft.entries:
            return None
        described = about(self.draft.entries[self.place].use)
        cursor = self.query_one(StageForm).cursor
        parameters = described.parameters if described else ()
        return parameters[cursor] if cursor < len(parameters) else None

    # Changes

    def change(self, edit: object, place: int | None = None) -> bool:
        """Do an edit of the draft; what is wrong with it is shown where it was made. True if it was done."""
        try:
            edit()  # type: ignore[operator]
        except (StudioError, ValueError) as error:
            hint = getattr(error, "hint", "")
            problems = getattr(error, "problems", ())
            said = f"{problems[0].message}. {problems[0].hint}" if problems else f"{error} {hint}"
            self._field_problem = said.strip()
            self._show_field()
            return False
        self._field_problem = ""
        if place is not None:
            stages = self.query_one(StageList)
            stages.set_reactive(StageList.cursor, place)
        self._changed()
        return True

    def action_switch(self) -> None:
        """On or off."""
        if self.draft is not None and self.draft.entries:
            draft, place = self.draft, self.place
            self.change(lambda: draft.switch(place))

    def action_shift(self, by: int) -> None:
        """Later or earlier."""
        if self.draft is not None and 0 <= self.place + by < len(self.draft.entries):
            draft, place = self.draft, self.place
            self.change(lambda: draft.move(place, place + by), place + by)

    def action_remove(self) -> None:
        """Take it out."""
        if self.draft is not None and self.draft.entries:
            draft, place = self.draft, self.place
            self.change(lambda: draft.remove(place), max(0, min(place, len(draft.entries) - 2)))

    def action_undo(self) -> None:
        """One change back."""
        if self.draft is not None and self.draft.undo():
            self._changed()

    def action_redo(self) -> None:
        """One change forward."""
        if self.draft is not None and self.draft.redo():
            self._changed()

    def action_add(self) -> None:
        """Choose a stage, which goes behind the one under the cursor."""
        from studio.tui.screens.curate_add import ChooseScreen, stage_choices

        def chosen(use: str | None) -> None:
            draft = self.draft
            if use and draft is not None:
                place = self.place + 1 if draft.entries else 0
                self.change(lambda: draft.add(place, use), place)
                if draft.problems_of(place):
                    self.query_one(StageForm).focus()

        if self.draft is not None:
            self.app.push_screen(ChooseScreen(_("Add a stage"), stage_choices()), chosen)

    def action_nudge(self, by: int) -> None:
        """The next choice, or a number one step on."""
        from studio.tui.screens.curate_values import nudged

        parameter, draft = self._parameter(), self.draft
        if parameter is not None and draft is not None:
            place = self.place
            value = nudged(parameter, draft, place, by)
            if value is not None:
                self.change(lambda: draft.set(place, parameter.name, value))

    def action_unset(self) -> None:
        """The default again."""
        parameter, draft = self._parameter(), self.draft
        if parameter is not None and draft is not None:
            place = self.place
            self.change(lambda: draft.unset(place, parameter.name))

    def _ask_value(self) -> None:
        from textual.suggester import SuggestFromList

        parameter = self._parameter()
        if parameter is not None:
            frame = self.query_one(StageForm).frames[self.query_one(StageForm).cursor]
            words = [str(each) for each in parameter.choices if each is not None]
            suggester = SuggestFromList(words) if words else None
            value = frame.value if frame.value not in ('""', "null") else ""
            prompt = self.query_one(PromptLine)
            prompt.ask("value", parameter.name, hint=parameter.type, text=value, suggester=suggester)

    def action_to_stages(self) -> None:
        """Back to the list."""
        self.query_one(StageList).focus()

    def action_editor(self) -> None:
        """The recipe in the user's editor; what cannot be read is kept for the next time."""
        from studio.tui.editor import edit

        draft = self.draft
        if draft is None:
            return
        after = edit(self.app, self._rejected or draft.text, ".yaml")
        if after is None:
            return
        try:
            draft.replace(after)
        except StudioError as error:
            self._rejected = after
            self.studio.say(f"{error.message} {error.hint} " + _("e opens your text again."), "error")
            return
        self._rejected = ""
        self._changed()

    def action_copy(self) -> None:
        """The YAML into the terminal's clipboard."""
        if self.draft is not None:
            self.studio.copy(self.draft.text)

    def action_yaml(self) -> None:
        """The text in place of the preview, and back."""
        self.toggle_class("-yaml")
        self.call_after_refresh(self._show_stage)  # its lines come into sight once the pane has a height

    # The preview

    def _changed(self) -> None:
        """Something is different: show it at once, and the preview soon."""
        self._show()
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_RESTING, self._look)

    def _look(self, *, dear: bool = False) -> None:
        draft = self.draft
        if draft is None or draft.recipe is None or not self.inputs:
            return
        inputs, recipe, text, trial = self.inputs, draft.recipe, draft.text, self._trial
        self.work("preview", lambda: trial.preview(inputs, recipe, text, self, dear=dear))

    def action_look(self) -> None:
        """Take the sample anew, and ask every stage."""
        self._trial.forget()
        self.tell(_("Looking; stages that load a model take some seconds …"))
        self._look(dear=True)

    def on_preview_made(self, message: PreviewMade) -> None:
        """Draw it, if it is of the recipe that is shown."""
        if self.draft is not None and message.text == self.draft.text:
            self.preview, self.failure = message.preview, ""
            self.tell("")
            self._show()

    def on_preview_failed(self, message: PreviewFailed) -> None:
        """There is nothing to try the recipe on."""
        self.preview, self.failure = None, f"{message.message} {message.hint}".strip()
        self._show()

    def on_problem_met(self, message: ProblemMet) -> None:
        """In the corner."""
        message.stop()
        self.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    # Showing

    def _show(self) -> None:
        from studio.tui.screens.curate_frames import stage_frames
        from studio.tui.screens.curate_values import facts_line

        if self.draft is None:
            return
        self.query_one("#facts", Plain).show(facts_line(self.draft, self.inputs, self.preview, self.failure))
        self.query_one(StageList).show(stage_frames(self.draft, self.preview))
        self._show_stage()

    def _show_stage(self, *, home: bool = False) -> None:
        from studio.tui.screens.curate_frames import field_frames, lines_of_stage, preview_content

        draft, pane = self.draft, self.query_one(PreviewPane)
        if draft is None or not draft.entries:
            self.query_one(StageForm).show(())
            pane.show(Content(_("The recipe has no stage. a adds one.")))
            self.query_one(YamlView).show_yaml(draft.text if draft is not None else "", range(0))
            return
        self.query_one(StageForm).show(field_frames(draft, self.place))
        content = preview_content(draft, self.place, self.preview, max(20, pane.size.width - 3))  # padding, scrollbar
        if self.failure or not self.inputs:
            said = self.failure or _("Nothing to try it on. i says which files to curate.")
            content = Content("\n").join([content, Content(""), line(said, style="bold")])
        pane.show(content, home=home)
        self.query_one(YamlView).show_yaml(draft.text, lines_of_stage(draft, self.place))
        self._show_field()

    def _show_field(self) -> None:
        from studio.tui.screens.curate_frames import field_help

        parameter = self._parameter()
        shown = Content("")
        if self.draft is not None and parameter is not None:
            shown = field_help(self.draft, self.place, parameter, self._field_problem)
        self.query_one("#help", Plain).show(shown)
