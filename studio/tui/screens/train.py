"""The Train screen: what is trained on what, what preflight sees in the tokens, and the run with its curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from curation.errors import StudioError
from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens import train_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.shaping import ShapesRecipe
from studio.tui.screens.train_ask import AsksToTrain
from studio.tui.screens.train_follow import FollowsTraining
from studio.tui.screens.train_keys import TRAIN_KEYS
from studio.tui.screens.train_messages import DraftLoaded, ModelsFound
from studio.tui.screens.train_preflight import LooksAtTokens, ReportPane, TokensPane
from studio.tui.text import line
from studio.tui.widgets.curve_chart import CurveChart
from studio.tui.widgets.lines import LineChosen, LineMoved
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.scrolled import ScrolledText
from studio.tui.widgets.section_list import SectionList, TrainForm
from studio.tui.widgets.yaml_view import YamlView

if TYPE_CHECKING:
    from studio.tui.screens.train_draft import Draft
    from studio.tui.screens.train_frames import Field

_DEFAULT = "lora"


class SamplesPane(ScrolledText):
    """Answers to held-out prompts."""

    HELP = N_(
        "Held-out prompts, what the data answers, and what the base and the tuned model say. They come with each evaluation."
    )


class NotesPane(ScrolledText):
    """What happened."""

    HELP = N_("What happened to the run, the newest first: how it ended, warnings, checkpoints, pauses.")


class TrainScreen(AsksToTrain, LooksAtTokens, ShapesRecipe, FollowsTraining, StudioScreen):
    """Holds a draft of a recipe. Preflight, runs and their curves come from thread workers of `train_work`."""

    PLACE = "train"
    CSS_PATH = "train.tcss"
    HELP = N_(
        "A recipe says which model is trained how on which data. tab moves to the form; p looks at the tokens before anything "
        "is trained; r trains in the background: leaving the program does not end it."
    )
    BINDINGS = TRAIN_KEYS

    def __init__(self) -> None:
        super().__init__()
        self.draft: Draft | None = None
        self.inputs: tuple[str, ...] = ()
        self.models: tuple[str, ...] = ()
        self.cloned = ""  # the run whose recipe is in the form
        self._before: list[Draft] = []
        self._chosen = False  # whether data was typed here
        self._rejected = ""  # what an editor gave back that could not be read

    def body(self) -> ComposeResult:
        """The recipe; over it the report or the run."""
        yield Plain(id="facts")
        with Horizontal(id="plan"):
            yield SectionList(id="sections")
            with Vertical(id="parameters"):
                yield TrainForm(id="form")
                yield Plain(id="help")
            yield YamlView(id="yaml")
        with Horizontal(id="preflight"):
            yield ReportPane(id="report")
            yield TokensPane(id="tokens")
        with Vertical(id="run"):
            yield Plain(id="head")
            with Horizontal(id="panes"):
                with Vertical(id="charts"):
                    yield CurveChart(id="loss")
                    with Horizontal(id="small"):
                        yield CurveChart(id="rate")
                        yield CurveChart(id="norm")
                        yield CurveChart(id="speed")
                yield SamplesPane(id="samples")
            yield NotesPane(id="notes")
        yield Plain(id="command")
        yield PromptLine()

    def on_mount(self) -> None:
        """The default recipe over what is open."""
        self.query_one(SectionList).focus()
        opened = self.studio.opened
        if opened and "-train-" in Path(opened).name and (Path(opened) / "run.json").is_file():
            self.attach(Path(opened).absolute())
        else:
            self.open(_DEFAULT)
        self.work("models", lambda: work.find_models(self))

    def on_screen_resume(self) -> None:
        """What was opened on another screen is what one wants to train on, unless one said otherwise here."""
        opened = self.studio.opened
        if opened and not self._chosen and self.inputs != (opened,) and "-train-" not in Path(opened).name:
            self.inputs = (opened,)
            self.show_all()

    def on_resize(self) -> None:
        """Texts are cut and wrapped to the width."""
        self.call_after_refresh(self._draw_again)

    def _draw_again(self) -> None:
        self.show_report()
        self.draw_run()

    # The draft

    def open(self, name: str) -> None:
        """Another recipe: a preset, a file, or that of a run."""
        self.work("recipe", lambda: work.open_draft(name, self))

    def on_draft_loaded(self, message: DraftLoaded) -> None:
        """Take it over, and the data of the run it came from."""
        draft = message.draft
        if message.inputs is not None:
            self.inputs, self._chosen = message.inputs, True
        self.take(self.draft.onto(draft) if self.draft is not None else draft)

    def take(self, draft: Draft) -> None:
        """Another draft; u brings the one before back."""
        if self.draft is not None:
            self._before = [*self._before[-99:], self.draft]
        self.draft, self.problem = draft, ""
        self.show_all()

    def take_inputs(self, names: tuple[str, ...]) -> None:
        """Other data."""
        self.inputs, self._chosen = names, bool(names)
        self.show_all()

    @property
    def field(self) -> Field | None:
        """The line of the form under the cursor."""
        from studio.tui.screens.train_frames import fields_of

        fields, cursor = fields_of(self.query_one(SectionList).cursor), self.query_one(TrainForm).cursor
        return fields[cursor] if cursor < len(fields) else None

    def action_undo(self) -> None:
        """One change back."""
        if self._before:
            self.draft, self.problem = self._before.pop(), ""
            self.show_all()

    def action_editor(self) -> None:
        """The recipe in the user's editor; what cannot be read is kept for the next time."""
        from studio.tui.editor import edit

        draft = self.draft
        if draft is None:
            return
        after = edit(self.app, self._rejected or draft.recipe.to_yaml(), ".yaml")
        if after is None:
            return
        try:
            self.take(draft.edited(after))
        except StudioError as error:
            self._rejected = after
            self.studio.say(f"{error.message} {error.hint} " + _("e opens your text again."), "error")
            return
        self._rejected = ""

    def action_copy(self) -> None:
        """The command line into the terminal's clipboard."""
        if self.draft is not None:
            self.studio.copy(self.draft.command(self.inputs))

    def action_view(self) -> None:
        """Of a recipe: form or YAML; of preflight: findings or tokens; of a run: curves, answers, messages."""
        if self.has_class("-following"):
            self.view_next()
        elif self.has_class("-report"):
            self.toggle_class("-tokens")
            self.query_one(TokensPane if self.has_class("-tokens") else ReportPane).focus()
        else:
            self.toggle_class("-yaml")
            self.query_one(YamlView if self.has_class("-yaml") else SectionList).focus()

    def action_back(self) -> None:
        """Call preflight off; else back to the recipe."""
        if [each for each in self.workers if each.group == "preflight" and each.is_running]:
            self.workers.cancel_group(self, "preflight")
            self.tell("")
        elif self.has_class("-report"):
            self.remove_class("-report")
            self.query_one(SectionList).focus()
        elif self.has_class("-following"):
            self.show_run(on=False)

    def action_to_stages(self) -> None:
        """From the form to the list."""
        self.query_one(SectionList).focus()

    # Showing

    def on_models_found(self, message: ModelsFound) -> None:
        """They complete what is typed at the model."""
        self.models = message.names

    def on_line_moved(self, message: LineMoved) -> None:
        """Another section, or another parameter."""
        message.stop()
        self.problem = ""
        if isinstance(message.lines, SectionList):
            form = self.query_one(TrainForm)
            form.set_reactive(TrainForm.cursor, 0)
            form.scroll_home(animate=False)
        self.show_form()

    def on_line_chosen(self, message: LineChosen) -> None:
        """Enter: from the list into the form, from the form to a value."""
        message.stop()
        if isinstance(message.lines, SectionList):
            self.query_one(TrainForm).focus()
        elif self.field is not None:
            self.ask_value(self.field)

    def on_problem_met(self, message: ProblemMet) -> None:
        """In the corner."""
        message.stop()
        self.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    def tell(self, text: str) -> None:
        """The line at the bottom: what is under way, else the command line."""
        shown: Any = line(text, style="bold")
        if not text and self.draft is not None:
            said = self.draft.command(self.inputs)
            if self.has_class("-following") and self.following is not None:
                from studio.runs.folder import reference

                said = f"studio runs attach {reference(self.following.watch.folder)}"
            shown = line(f"$ {said}", limit=1000)
        self.query_one("#command", Plain).show(shown)

    def show_all(self) -> None:
        """Everything about the recipe."""
        from studio.tui.screens.train_frames import facts_line, section_frames

        if self.draft is None or not self.is_mounted:
            return
        self.query_one("#facts", Plain).show(facts_line(self.draft, self.inputs))
        self.query_one(SectionList).show(section_frames(self.draft, self.inputs))
        self.show_form()
        self.tell("")

    def show_form(self) -> None:
        """The form, with what is wrong at its field."""
        from studio.tui.screens.train_frames import field_frames, field_help, lines_of_section, section_names

        draft, place = self.draft, self.query_one(SectionList).cursor
        if draft is None:
            return
        form, field = self.query_one(TrainForm), self.field
        form.show(field_frames(draft, self.inputs, place, self.problem, form.cursor))
        if field is not None:
            self.query_one("#help", Plain).show(field_help(draft, field, self.problem))
        text = draft.recipe.to_yaml()
        section = field.section if field is not None else section_names()[place]
        self.query_one(YamlView).show_yaml(text, lines_of_section(text, section))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The footer offers what applies now."""
        answer = self.run_actions(action)
        if answer is not None:
            return answer
        if action == "record":
            return self.has_class("-report")
        return not (action in ("inputs", "model", "open_recipe", "preflight") and self.has_class("-following"))
