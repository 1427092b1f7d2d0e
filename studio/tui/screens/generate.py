"""The Generate screen: what records are made from, what is asked, and what comes of it, item by item beside its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical

from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens import generate_work as work
from studio.tui.screens.generate_ask import AsksToGenerate
from studio.tui.screens.generate_decide import DecidesItems
from studio.tui.screens.generate_draw import DrawsGenerate, ItemPane, PromptSent, SourcePane
from studio.tui.screens.generate_follow import FollowsGenerate
from studio.tui.screens.generate_keys import GENERATE_KEYS
from studio.tui.screens.generate_messages import GeneratesListed, ItemMoved, QueueMoved
from studio.tui.screens.generate_plan import LookPane, PlansGenerate, PromptPane
from studio.tui.screens.listing import ListsRuns
from studio.tui.widgets.document_list import DocumentPane
from studio.tui.widgets.generate_list import GenerateList
from studio.tui.widgets.item_list import ItemList, QueueList
from studio.tui.widgets.lines import LineChosen, LineMoved
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.section_list import SectionList, TrainForm


class GenerateScreen(AsksToGenerate, PlansGenerate, DecidesItems, DrawsGenerate, FollowsGenerate, ListsRuns):
    """Holds one plan and one run. Models and documents are another process's; all that takes time is `generate_work`'s."""

    PLACE = "generate"
    CSS_PATH = "generate.tcss"
    HELP = N_(
        "Records made by a model from documents, seeds, texts or records, each beside what it was made from. n plans a "
        "generation, enter opens one; a accepts, x rejects, e edits, r asks for another in its place, u undoes."
    )
    BINDINGS = GENERATE_KEYS

    def __init__(self) -> None:
        super().__init__()

    def body(self) -> ComposeResult:
        """The list; in its place the plan, or the run that is open."""
        with Container(id="choose"):
            yield GenerateList(id="generates")
            with Container(id="none"):
                yield Plain(id="none-text")
        with Vertical(id="planning"):
            yield Plain(id="facts")
            with Horizontal(id="plan"):
                yield SectionList(id="sections")
                with Vertical(id="parameters"):
                    yield TrainForm(id="form")
                    yield Plain(id="help")
            with Horizontal(id="dry"):
                yield LookPane(id="look")
                yield PromptPane(id="asked")
        with Vertical(id="run"):
            yield Plain(id="head")
            with Horizontal(id="halves"):
                with Vertical(id="lists"):
                    yield QueueList(id="queues")
                    yield Plain(id="queue")
                    yield ItemList(id="items")
                with Container(id="beside"):
                    yield ItemPane(id="item")
                    yield SourcePane(id="source")
                yield DocumentPane(id="documents")
                yield PromptSent(id="sent")
        yield Plain(id="command")
        yield PromptLine()

    def on_mount(self) -> None:
        """The list, or what was opened."""
        self.begin_list(work.generate_book(self.studio.runs_dir), self.query_one(GenerateList))

    def on_resize(self) -> None:
        """Texts are wrapped to the width."""
        self.call_after_refresh(self._draw_again)

    def _draw_again(self) -> None:
        self.draw()
        self.show_report()

    # The list

    def on_generates_listed(self, message: GeneratesListed) -> None:
        """Draw them; where there are none, say what to do."""
        self.query_one(GenerateList).show(message.frames)
        said = [
            _("Nothing was generated here yet."),
            _("n makes questions and answers from documents, or more records like a few examples."),
            _("smollm2 in this process writes where no other model is named; nothing leaves this machine then."),
        ]
        self.show_whether_any(message.frames, said)
        self.draw_command()

    def on_line_moved(self, message: LineMoved) -> None:
        """Another run, section or parameter."""
        message.stop()
        if self.has_class("-plan"):
            self.moved_in_plan(message.lines)
        else:
            self.draw_command()

    def on_line_chosen(self, message: LineChosen) -> None:
        """Enter: open the run; from the sections into the form, from the form to a value."""
        message.stop()
        frame = self.query_one(GenerateList).frame
        if isinstance(message.lines, SectionList):
            self.query_one(TrainForm).focus()
        elif isinstance(message.lines, TrainForm):
            if self.field is not None:
                self.ask_value(self.field)
        elif frame is not None:
            self.attach(Path(frame.path))

    # The run

    def opened(self) -> None:
        """Another generation is open."""
        self.forget()
        self.query_one(ItemList).focus()
        self.tell("")
        self.draw()
        self.refresh_bindings()

    def on_item_moved(self, message: ItemMoved) -> None:
        """Another item."""
        message.stop()
        self.moved_item(message.place)

    def on_queue_moved(self, message: QueueMoved) -> None:
        """Another queue."""
        message.stop()
        self.open_queue(message.queue)

    def action_step(self, by: int) -> None:
        """The next queue, or prompt; or the one before."""
        if self.has_class("-dry"):
            self.step_prompt(by)
        elif self.has_class("-open"):
            self.query_one(QueueList).action_move(by)

    def on_problem_met(self, message: ProblemMet) -> None:
        """In the corner."""
        message.stop()
        self.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    # Doing

    def action_undo(self) -> None:
        """The latest decision, or the last change of the plan."""
        if self.has_class("-plan"):
            self.undo_change()
        else:
            self.undo_decision()

    def action_view(self) -> None:
        """Of a plan: what would be read, or the prompts; of a run: items, documents, the prompt of the item."""
        if self.has_class("-dry"):
            self.toggle_class("-tokens")
            self.query_one("#asked" if self.has_class("-tokens") else "#look").focus()
        else:
            self.view_next()

    def action_edit(self) -> None:
        """The item; of a plan, the recipe in the user's editor."""
        if self.has_class("-plan"):
            self.edit_recipe()
        else:
            super().action_edit()

    def action_data(self) -> None:
        """The accepted items on the screen Data."""
        from curation.synthesis.model import DATASET

        following = self.following
        if following is None:
            return
        path = following.path / DATASET
        if not path.exists():
            self.studio.say(_("There is no dataset yet: it is written when the run ends."))
            return

        def opened() -> None:
            opener: Any = getattr(self.app.screen, "open_path", None)
            if opener is not None:
                opener(str(path))

        self.studio.opened = str(path)
        self.studio.action_go("data")
        self.studio.call_after_refresh(opened)

    def action_clone(self) -> None:
        """The recipe and inputs of this run again, to change something."""
        frame = self.query_one(GenerateList).frame
        path = self.following.path if self.following is not None else Path(frame.path) if frame is not None else None
        if path is not None:
            self.open_plan(str(path))

    def action_copy(self) -> None:
        """The item as JSON, or the command line."""
        if self.has_class("-plan") and self.draft is not None:
            self.studio.copy(self.draft.command(self.inputs))
        elif self.item is not None:
            self.studio.copy(json.dumps(self.item.as_json(), ensure_ascii=False, indent=2))

    def action_back(self) -> None:
        """One step back."""
        looking = [each for each in self.workers if each.group in ("look", "prompt") and each.is_running]
        if looking:
            for each in looking:
                each.cancel()
            self.tell("")
        elif self.has_class("-dry"):
            self.remove_class("-dry")
            self.query_one(TrainForm).focus()
        elif self.has_class("-plan"):
            self.remove_class("-plan")
            self.query_one(GenerateList).focus()
        elif self.has_class("-documents") or self.has_class("-prompt"):
            self.view_items()
        elif self.has_class("-open"):
            self.leave()
            self.query_one(GenerateList).focus()
        self.tell("")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The footer offers what applies now."""
        opened, plan, dry = self.has_class("-open"), self.has_class("-plan"), self.has_class("-dry")
        listed = not opened and not plan
        items = opened and not self.has_class("-documents")
        answers = {
            "plan": listed,
            "clone": not plan,
            "begin": plan,
            "look": plan,
            "inputs": plan and not dry,
            "model": plan and not dry,
            "nudge": plan and not dry,
            "unset": plan and not dry,
            "to_stages": plan and not dry,
            "accept": items,
            "reject": items,
            "anew": items,
            "edit": items or (plan and not dry),
            "undo": opened or plan,
            "view": opened or dry,
            "step": opened or dry,
            "data": opened,
            "copy": items or plan,
            "resume_run": opened and self.can_go_on,
            "stop_run": opened and self.goes_on,
        }
        return answers.get(action, True)
