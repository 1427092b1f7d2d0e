"""The Compare screen: two models side by side on the same prompts, blind votes, what they come to, and back to the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content

from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens import compare_frames as frames
from studio.tui.screens import compare_work as work
from studio.tui.screens.compare_ask import AsksModels
from studio.tui.screens.compare_back import LooksBack, NearList
from studio.tui.screens.compare_draw import DrawsCompare, NumbersPane
from studio.tui.screens.compare_follow import FollowsCompare
from studio.tui.screens.compare_keys import COMPARE_KEYS
from studio.tui.screens.compare_messages import ComparesListed, PromptMoved, ReportWritten
from studio.tui.screens.compare_vote import VotesBlind
from studio.tui.screens.listing import ListsRuns
from studio.tui.widgets.answers_view import AnswersView
from studio.tui.widgets.compare_list import CompareList
from studio.tui.widgets.lines import LineChosen, LineMoved
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt import PromptLine
from studio.tui.widgets.prompt_list import PromptList
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from training.compare.model import Prompt, SideName


class RecordText(ScrolledText):
    """A training record."""

    HELP = N_(
        "A training record beside the answer: what both say word for word is underlined. Above it, where it came from and what "
        "was decided about it."
    )


class CompareScreen(AsksModels, VotesBlind, LooksBack, DrawsCompare, FollowsCompare, ListsRuns):
    """Holds one comparison. Models run in another process; all that takes time is done by `compare_work`."""

    PLACE = "compare"
    CSS_PATH = "compare.tcss"
    HELP = N_(
        "Two models answer the same prompts side by side, from one loaded base. n begins a comparison of a training run, enter "
        "opens one. i asks both something, v votes blind, m shows what it comes to, o goes back from an answer to the records "
        "that it was learned from."
    )
    BINDINGS = COMPARE_KEYS
    EVERY = work.EVERY

    def __init__(self) -> None:
        super().__init__()
        self.at = ""  # the prompt that is shown
        self._follows = True  # the prompt that is being answered is the one that is shown

    def body(self) -> ComposeResult:
        """The list; in its place the comparison that is open."""
        with Container(id="choose"):
            yield CompareList(id="compares")
            with Container(id="none"):
                yield Plain(id="none-text")
        with Vertical(id="bench"):
            yield Plain(id="head")
            with Horizontal(id="halves"):
                yield PromptList(id="prompts")
                yield AnswersView(id="answers")
                yield NumbersPane(id="numbers")
            with Vertical(id="back"):
                yield Plain(id="near-head")
                with Container(id="near-halves"):
                    yield NearList(id="near")
                    yield RecordText(id="record")
        yield Plain(id="command")
        yield PromptLine()

    def on_mount(self) -> None:
        """The list, or what was opened."""
        self.begin_list(work.compare_book(self.studio.runs_dir), self.query_one(CompareList))

    def on_resize(self) -> None:
        """Texts are wrapped to the width."""
        self.call_after_refresh(self.draw)

    def on_room_changed(self) -> None:
        """The answers have a place now, or another one."""
        self.draw()

    # The list

    def on_compares_listed(self, message: ComparesListed) -> None:
        """Draw them."""
        self.query_one(CompareList).show(message.frames)
        said = [
            _("There is no training run in {path}.").format(path=self.studio.runs_dir),
            _("5 goes to Train, where r starts one. n compares any two models."),
        ]
        self.show_whether_any(message.frames, said)
        self._draw_command()

    def on_line_moved(self, message: LineMoved) -> None:
        """Another run, or another record."""
        message.stop()
        if isinstance(message.lines, NearList):
            self.moved_near()
        else:
            self.tell("")

    def on_line_chosen(self, message: LineChosen) -> None:
        """Enter: open the comparison, begin one of the training run, or tell the story of the record."""
        message.stop()
        frame = self.query_one(CompareList).frame
        if isinstance(message.lines, NearList):
            self.tell_story()
        elif frame is not None and frame.kind == "compare":
            self.attach(Path(frame.path))
        else:
            self.action_begin()

    # The comparison

    @property
    def place(self) -> int:
        """The line of the prompt that is shown."""
        return self.query_one(PromptList).cursor

    @property
    def prompt(self) -> Prompt | None:
        """The prompt that is shown."""
        prompts = self.snapshot.prompts
        return prompts[self.place] if self.has_class("-open") and self.place < len(prompts) else None

    def is_whole(self, prompt_id: str) -> bool:
        """Whether both sides have answered it to the end."""
        sides: tuple[SideName, SideName] = ("a", "b")
        replies = [self.snapshot.reply(prompt_id, side) for side in sides]
        return all(reply is not None and reply.stopped in ("end", "length") for reply in replies)

    def forget(self) -> None:
        """Nothing of the comparison before is shown."""
        self.at, self.facts, self._follows = "", None, True
        self.query_one(PromptList).set_cursor(0)
        self.query_one("#head", Plain).show("")

    def opened(self) -> None:
        """Another comparison is open."""
        self.query_one(PromptList).focus()
        self.query_one(NumbersPane).show(Content(""))
        self.tell("")
        self.draw()
        self.refresh_bindings()

    def asked(self, prompt_id: str) -> None:
        """Something was asked: show it when it is there, and load the models if they are not."""
        self.at, self._follows = prompt_id, True
        self.remove_class("-numbers", "-back")
        if not self.goes_on:
            self.action_resume_run()

    def went_on(self, before: Any) -> None:
        """More of an answer, another prompt, a number."""
        snapshot = self.snapshot
        if self._follows and not self.is_voting:
            names = [prompt.prompt_id for prompt in snapshot.prompts]
            writing = snapshot.writing
            wanted = self.at if self.at and self.at not in writing and self.at in names else (*writing, self.at)[0]
            if wanted in names and names.index(wanted) != self.place:
                self._put(names.index(wanted))
        if (before.conclusion, before.judged, len(before.losses)) != (
            snapshot.conclusion,
            snapshot.judged,
            len(snapshot.losses),
        ):
            self.count_again()
        if before.answered != snapshot.answered and self.desk is not None:
            self.desk.read()
        self.draw()

    def _put(self, place: int) -> None:
        self.query_one(PromptList).set_cursor(place)
        self.query_one(AnswersView).scroll_to(y=0, animate=False, immediate=True)

    def go_to(self, prompt_id: str) -> None:
        """Show this prompt."""
        names = [prompt.prompt_id for prompt in self.snapshot.prompts]
        if prompt_id in names:
            self._follows = False
            self._put(names.index(prompt_id))
            self.draw()

    def on_prompt_moved(self, message: PromptMoved) -> None:
        """A person looks at another prompt: it stays."""
        message.stop()
        self._follows, self.at = False, ""
        self.query_one(AnswersView).scroll_to(y=0, animate=False, immediate=True)
        self.draw()

    def action_step(self, by: int) -> None:
        """The next prompt, or the one before."""
        place = self.place + by
        if 0 <= place < len(self.snapshot.prompts):
            self.query_one(PromptList).set_cursor(place)
            self.post_message(PromptMoved(place))

    def on_problem_met(self, message: ProblemMet) -> None:
        """In the corner."""
        message.stop()
        self.tell("")
        self.studio.say(f"{message.message} {message.hint}".strip(), "error")

    # Doing

    def action_diff(self) -> None:
        """Words that differ."""
        self.look = replace(self.look, diff=not self.look.diff, odds=False)
        self.draw()

    def action_odds(self) -> None:
        """What the models found unlikely."""
        self.look = replace(self.look, odds=not self.look.odds, diff=False)
        self.draw()

    def action_favour(self) -> None:
        """On or off."""
        if self.prompt is not None and self.desk is not None:
            name = self.prompt.prompt_id
            self.desk.favour(name, on=name not in self.opinions.favourites)

    def action_copy(self) -> None:
        """Prompt and answers, as text."""
        prompt = self.prompt
        if prompt is not None:
            parts = [frames.question_of(prompt)]
            for side in self._order(prompt):
                reply = self.snapshot.reply(prompt.prompt_id, side)
                title = "" if self.is_voting else f"{side.upper()} {frames.label_of(self.snapshot, side)}:\n"
                parts.append(title + (reply.text if reply is not None else ""))
            self.studio.copy("\n\n".join(parts))

    def _order(self, prompt: Prompt) -> tuple[SideName, SideName]:
        if self.is_voting and self.desk is not None:
            return self.desk.votes.order_of(prompt.prompt_id)
        return ("a", "b")

    def action_again(self) -> None:
        """Answer it once more."""
        if self.prompt is not None and self.desk is not None:
            self.desk.asks.again(self.prompt.prompt_id)
            self.asked(self.prompt.prompt_id)

    def action_cancel(self) -> None:
        """Free the models."""
        desk = self.desk
        if desk is None or not self.can_cancel:
            return
        for prompt_id in self.snapshot.writing:
            desk.asks.cancel(prompt_id)

    def action_report(self) -> None:
        """Write it."""
        following = self.following
        if following is not None:
            self.tell(_("Writing the report …"))
            self.work("report", lambda: work.write_report(following.path, self))

    def on_report_written(self, message: ReportWritten) -> None:
        """Say where."""
        self.tell("")
        page = next((path for path in message.paths if path.endswith(".html")), (*message.paths, "")[0])
        self.studio.say(_("The report is {path}.").format(path=display(page, limit=300)))

    def action_undo(self) -> None:
        """The last verdict about a record, or the last vote."""
        if self.has_class("-back"):
            self.undo_decision()
        else:
            super().action_undo()

    def action_back(self) -> None:
        """One step back: from records, numbers, votes; then what is being written; then the list."""
        if self.has_class("-back"):
            self.leave_back()
        elif self.has_class("-numbers"):
            self.show_numbers(on=False)
        elif self.is_voting:
            self.vote_on(on=False)
        elif self.can_cancel and self.snapshot.listening:
            self.action_cancel()
        elif self.has_class("-open"):
            self.leave()
            self.query_one(CompareList).focus()
            self.tell("")
            self.refresh_bindings()

    @property
    def can_cancel(self) -> bool:
        """Whether something is being written."""
        return self.goes_on and bool(self.snapshot.writing)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The footer offers what applies now."""
        opened, voting, back = self.has_class("-open"), self.is_voting, self.has_class("-back")
        calm = opened and not back
        answers = {
            "begin": not opened,
            "ask": calm and not voting,
            "ask_on": calm and not voting,
            "again": calm and not voting,
            "cancel": calm and self.can_cancel,
            "votes": calm,
            "vote": calm and voting,
            "undo": opened and (voting or back),
            "reveal": calm and (voting or bool(self.opinions.voted)),
            "diff": calm,
            "odds": calm and not voting,
            "numbers": calm and not voting,
            "data": opened and not voting,
            "decide": back,
            "favour": calm,
            "note": calm,
            "copy": calm,
            "step": calm,
            "report": opened and not voting,
            "resume_run": opened and self.stood is not None and not self.goes_on,
            "stop_run": opened and self.goes_on,
        }
        return answers.get(action, True)
