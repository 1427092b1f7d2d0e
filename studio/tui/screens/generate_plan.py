"""The plan of a generation: its recipe as a form, and what it would read and ask, found by another process."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.content import Content
from textual.worker import get_current_worker

from curation.address import from_anywhere
from curation.errors import StudioError
from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens.generate_messages import DryRunFailed, DryRunMade, GenerateDraftLoaded
from studio.tui.screens.shaping import ShapesRecipe
from studio.tui.screens.train_work import run_apart
from studio.tui.text import line
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.scrolled import ScrolledText
from studio.tui.widgets.section_list import SectionList, TrainForm

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from curation.synthesis.recipe import GenerateRecipe
    from studio.tui.screens.generate import GenerateScreen
    from studio.tui.screens.generate_draft import Field, GenerateDraft


class LookPane(ScrolledText):
    """What would be read and what it would cost."""

    HELP = N_(
        "What would be read: documents and chunks, those that cannot be read (✗), calls, tokens, cost. v shows the prompts."
    )


class PromptPane(ScrolledText):
    """What is asked."""

    HELP = N_("A prompt, message by message, as the model gets it. ] and [ go on and back.")


def open_draft(name: str, target: MessagePump, inputs: tuple[str, ...] | None = None) -> None:
    """Read a recipe: a preset, a file, or the one of a run's folder. inputs: what is read, in place of what the recipe's run
    read. Posts GenerateDraftLoaded or ProblemMet."""
    try:
        found = _opened(name)
        target.post_message(found if inputs is None else GenerateDraftLoaded(found.draft, inputs))
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))


def _opened(name: str) -> GenerateDraftLoaded:
    from studio.tui.screens.generate_draft import GenerateDraft

    if not (Path(name) / "run.json").is_file():
        return GenerateDraftLoaded(GenerateDraft.load(name))
    from studio.runs.folder import RunFolder
    from studio.runs.spec import read_spec

    spec = read_spec(RunFolder(Path(name).resolve()))
    if spec.kind != "generate":
        raise StudioError(_("{name} is no generation.").format(name=Path(name).name))
    inputs = tuple(from_anywhere(spec.cwd, each) for each in spec.inputs)
    return GenerateDraftLoaded(GenerateDraft.of_run(Path(name), spec.recipe), inputs)


def look(inputs: Sequence[str], recipe: GenerateRecipe, command: str, target: MessagePump) -> None:
    """`studio.runs.generate_look` on the recipe as it is shown. Posts DryRunMade or DryRunFailed, or nothing when called
    off: then the process is ended too."""
    worker = get_current_worker()
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        file = Path(folder) / "recipe.yaml"
        file.touch(mode=0o600)
        file.write_text(recipe.to_yaml(), encoding="utf-8")
        words = [sys.executable, "-m", "studio.runs.generate_look", str(file), *inputs]
        done = run_apart(words, lambda: worker.is_cancelled)
    if done is None or worker.is_cancelled:
        return
    try:
        report: dict[str, Any] = json.loads(done.stdout.strip().rpartition(b"\n")[2])
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        report = {"error": lines[-1] if lines else _("The preview ended without a word."), "hint": ""}
    if "error" in report:
        target.post_message(DryRunFailed(str(report["error"]), str(report.get("hint", ""))))
    else:
        target.post_message(DryRunMade(command, report))


class PlansGenerate(ShapesRecipe):
    """What the Generate screen does before a run. `-plan` shows the form, `-dry` what would be read and asked."""

    draft: GenerateDraft | None = None
    inputs: tuple[str, ...] = ()
    report: DryRunMade | None = None
    prompt_at = 0

    def __init__(self) -> None:
        super().__init__()
        self._before: list[tuple[GenerateDraft, tuple[str, ...]]] = []

    @property
    def _planner(self) -> GenerateScreen:
        return cast("GenerateScreen", self)

    # The draft

    def action_plan(self) -> None:
        """Choose what records are made from."""
        from studio.tui.screens.curate_add import ChooseScreen
        from studio.tui.screens.generate_draft import PRESETS
        from studio.tui.screens.generate_form import source_choices

        def chosen(kind: str | None) -> None:
            if kind == "…":
                self._planner.ask_recipe()
            elif kind:
                self.open_plan(PRESETS[kind])

        self.app.push_screen(ChooseScreen(_("What are records made from?"), source_choices()), chosen)

    def open_plan(self, name: str, inputs: tuple[str, ...] | None = None) -> None:
        """Plan with a preset, a file, or the recipe of a run; inputs: what is read, None for what is known of that."""
        self._planner.work("recipe", lambda: open_draft(name, self, inputs))

    def on_generate_draft_loaded(self, message: GenerateDraftLoaded) -> None:
        """Show it, and ask for what is missing."""
        self._planner.leave()
        self.draft, self.problem, self._before, self.report = message.draft, "", [], None
        if message.inputs is not None:
            self.inputs = message.inputs
        elif not self.inputs and self.studio.opened and Path(self.studio.opened).exists():
            self.inputs = (self.studio.opened,)
        self.add_class("-plan")
        self.remove_class("-dry")
        form = self.query_one(TrainForm)
        self.set_focus(form)  # at once, not in a moment as `focus` does: a question may follow
        self.show_plan()
        self.refresh_bindings()
        if not self.inputs:
            form.go_to(1)
            self._planner.action_inputs()

    def take(self, draft: GenerateDraft, inputs: tuple[str, ...] | None = None) -> None:
        """Another draft; u brings the one before back."""
        if self.draft is not None:
            self._before = [*self._before[-99:], (self.draft, self.inputs)]
        self.draft, self.problem = draft, ""
        self.inputs = self.inputs if inputs is None else inputs
        self.show_plan()

    def undo_change(self) -> None:
        """One change back."""
        if self._before:
            self.draft, self.inputs = self._before.pop()
            self.problem = ""
            self.show_plan()

    @property
    def field(self) -> Field | None:
        """The line of the form under the cursor."""
        from studio.tui.screens.generate_draft import fields_of

        if self.draft is None:
            return None
        fields = fields_of(self.query_one(SectionList).cursor, self.draft.kind)
        cursor = self.query_one(TrainForm).cursor
        return fields[cursor] if cursor < len(fields) else None

    def action_to_stages(self) -> None:
        """From the form to the list of sections."""
        self.query_one(SectionList).focus()

    def edit_recipe(self) -> None:
        """The recipe in the user's editor."""
        from studio.tui.editor import edit

        draft = self.draft
        after = edit(self.app, draft.recipe.to_yaml(), ".yaml") if draft is not None else None
        if draft is not None and after is not None:
            try:
                self.take(draft.edited(after))
            except StudioError as error:
                self.studio.say(f"{error.message} {error.hint}", "error")

    # Showing

    def show_plan(self) -> None:
        """Everything about the plan."""
        from studio.tui.screens.generate_form import facts_line, section_frames

        if self.draft is None or not self.is_mounted:
            return
        self.query_one("#facts", Plain).show(facts_line(self.draft, self.inputs))
        self.query_one(SectionList).show(section_frames(self.draft, self.inputs))
        self.show_form()
        self._planner.tell("")

    def moved_in_plan(self, lines: object) -> None:
        """Another section, or another parameter."""
        self.problem = ""
        if isinstance(lines, SectionList):
            form = self.query_one(TrainForm)
            form.set_reactive(TrainForm.cursor, 0)
            form.scroll_home(animate=False)
        self.show_form()

    def show_form(self) -> None:
        """The form, with what is wrong at its field."""
        from studio.tui.screens.generate_form import field_frames, field_help

        if self.draft is None:
            return
        form, place = self.query_one(TrainForm), self.query_one(SectionList).cursor
        form.show(field_frames(self.draft, self.inputs, place, self.problem, form.cursor))
        if self.field is not None:
            self.query_one("#help", Plain).show(field_help(self.draft, self.field, self.problem))

    # What would be asked

    def action_look(self) -> None:
        """Have documents, chunks and prompts looked at by another process."""
        draft, inputs = self.draft, self.inputs
        if draft is None:
            return
        if not inputs:
            self.studio.say(_("Say first what is read: i."), "warning")
            return
        self._planner.tell(_("Reading, cutting, writing prompts …"))
        recipe, command = draft.recipe, draft.command(inputs)
        self._planner.work("look", lambda: look(inputs, recipe, command, self))

    def on_dry_run_made(self, message: DryRunMade) -> None:
        """Show it."""
        self._planner.tell("")
        if not self.has_class("-plan"):
            return
        self.report, self.prompt_at = message, 0
        self.add_class("-dry")
        self.remove_class("-tokens")
        self.query_one(LookPane).focus()
        self.show_report(home=True)
        self.refresh_bindings()

    def on_dry_run_failed(self, message: DryRunFailed) -> None:
        """There was nothing to look at."""
        self._planner.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    def show_report(self, *, home: bool = False) -> None:
        """What would be read, and a prompt."""
        from studio.tui.screens.generate_form import look_content, prompt_content, prompts_of

        if self.report is None or not self.has_class("-dry"):
            return
        room = self.size.width // 2 if self.size.width >= 100 else self.size.width  # as in generate.tcss
        width = max(30, room - 4)
        self.query_one(LookPane).show(look_content(self.report.report, width), home=home)
        prompts = prompts_of(self.report.report)
        if prompts:
            self.prompt_at %= len(prompts)
            title = _("Prompt {n} of {all}").format(n=self.prompt_at + 1, all=f"{self.report.report.get('calls', 0):,}")
            content = prompt_content(prompts[self.prompt_at], title, width)
        else:
            content = Content.styled(_("There is nothing to ask about."), "dim")
        self.query_one("#asked", PromptPane).show(content, home=home)

    def step_prompt(self, by: int) -> None:
        """Another prompt."""
        self.prompt_at += by
        self.add_class("-tokens")
        self.show_report(home=True)

    def command_line(self) -> Content:
        """The command line that does the same."""
        return line(f"$ {self.draft.command(self.inputs)}", limit=1000) if self.draft is not None else Content("")

    # Beginning

    def action_begin(self) -> None:
        """Start it, after a question where texts leave this machine or a budget is spent."""
        draft, inputs = self.draft, self.inputs
        if draft is None:
            return
        if not inputs:
            self.studio.say(_("Say first what is read: i."), "warning")
            return
        from studio.runs.generate_begin import leaves
        from studio.tui.screens.runs_confirm import ConfirmScreen

        try:
            away = leaves(draft.recipe)
        except StudioError as error:
            self.studio.say(f"{error.message} {error.hint}".strip(), "error")
            return
        if not away:
            self._begin()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._begin()

        masked = draft.recipe.privacy.mask != "never"
        detail = _("Personal data in them is masked first.") if masked else _("Personal data in them is NOT masked.")
        question = _("Send the texts to {model}?").format(model=display(draft.recipe.model.name, limit=200))
        self.app.push_screen(ConfirmScreen(question, detail), answered)

    def _begin(self) -> None:
        draft, inputs, runs_dir = self.draft, self.inputs, self.studio.runs_dir
        if draft is not None:
            from studio.tui.screens import generate_work as work

            recipe = draft.recipe
            self._planner.tell(_("Starting …"))
            self._planner.work("begin", lambda: work.begin(inputs, recipe, runs_dir, self))
