"""From an answer back to the data: the nearest training records, what became of each, and a verdict about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from curation.errors import Stopped, StudioError
from studio.display import display
from studio.tui.i18n import N_, _
from studio.tui.messages import ProblemMet
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.compare_back_frames import last_answer, near_line, record_content
from studio.tui.screens.compare_frames import label_of, question_of
from studio.tui.screens.compare_messages import IndexGrew, NearFound, RecordDecided, StoryTold
from studio.tui.widgets.answers_view import AnswersView
from studio.tui.widgets.lines import LineList
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from studio.tui.screens.compare import CompareScreen
    from training.compare.back.nearest import Near
    from training.compare.back.story import Action, RecordStory
    from training.compare.model import SideName

SHOWN = 20
"""Records that are looked for."""


def _key(key: str, action: str, name: str, tooltip: str) -> Binding:
    return Binding(key, f"screen.decide('{action}')", name, tooltip=tooltip, id=f"near.{action}")


class NearList(LineList):
    """Training records near an answer, one a line."""

    HELP = N_(
        "The training records nearest to the answer: how alike they are in meaning, how much of the answer stands in them word "
        "for word, their ids. enter shows where a record came from and what was decided about it. D drops it, F flags it, "
        "E mends its answer: verdicts for the next run of its curation."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("D", "drop", N_("Drop"), N_("The record leaves the dataset on the next run of its curation.")),
        _key("F", "flag", N_("Flag"), N_("Tag the record as flagged, with a remark.")),
        _key("E", "edit", N_("Mend"), N_("Change the record's answer.")),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.found: Sequence[Near] = ()

    def show(self, found: Sequence[Near]) -> None:
        """Other records, from the nearest."""
        self.found = found
        self.set_reactive(NearList.cursor, 0)
        self.redraw()

    @property
    def near(self) -> Near | None:
        """The one under the cursor."""
        return self.found[self.cursor] if self.cursor < len(self.found) else None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.found)

    def line(self, place: int, width: int) -> Content:
        """One of them."""
        return near_line(self.found[place], width)


class LooksBack(StudioScreen):
    """What the Compare screen does with training records. `-back` shows them in place of the answers."""

    _side: SideName = "b"
    _story: RecordStory | None = None
    _last: RecordDecided | None = None

    @property
    def _backer(self) -> CompareScreen:
        return cast("CompareScreen", self)

    def action_data(self) -> None:
        """The records nearest to the answer of the tuned side; once more: to that of the other."""
        desk, prompt = self._backer.desk, self._backer.prompt
        if desk is None or prompt is None or self.has_class("-voting"):
            return
        run = desk.run
        if run is None:
            self.studio.say(_("This comparison is about no training run, so there are no records to go back to."))
            return
        self._side = ("a" if self._side == "b" else "b") if self.has_class("-back") else "b"
        reply = self._backer.snapshot.reply(prompt.prompt_id, self._side)
        if reply is None or not reply.pieces:
            self.studio.say(_("There is no answer yet to look from."))
            return
        self.add_class("-back")
        self.remove_class("-numbers")
        self.query_one(NearList).show(())
        self.query_one("#record", ScrolledText).show(Content.styled(_("Looking …"), "dim"), home=True)
        self.query_one(NearList).focus()
        self._back_head()
        side, name, text, asked = self._side, prompt.prompt_id, reply.text, question_of(prompt)
        self._backer.work("near", lambda: find_near(run, name, side, text, asked, self))
        self.refresh_bindings()

    def leave_back(self) -> None:
        """The answers again."""
        self.workers.cancel_group(self, "near")
        self.remove_class("-back")
        self._backer.tell("")
        self.query_one(AnswersView).focus()
        self.refresh_bindings()

    def _back_head(self) -> None:
        who = f"{self._side.upper()} {label_of(self._backer.snapshot, self._side)}"
        said = _("Training records nearest to the answer of {who}; o for that of the other side")
        self.query_one("#near-head", Plain).show(said.format(who=display(who, limit=60)))

    # Hearing

    def on_index_grew(self, message: IndexGrew) -> None:
        """The first time takes a while."""
        if self.has_class("-back"):
            said = _("Making the records searchable, once: {n} of {all}")
            self._backer.tell(said.format(n=f"{message.done:,}", all=f"{message.total:,}"))

    def on_near_found(self, message: NearFound) -> None:
        """Show them, if it is still about this answer."""
        prompt = self._backer.prompt
        if prompt is None or (message.prompt_id, message.side) != (prompt.prompt_id, self._side):
            return
        self._backer.tell("")
        self._story = None
        self.query_one(NearList).show(message.found)
        self.draw_near()

    def on_story_told(self, message: StoryTold) -> None:
        """Where it came from."""
        near = self.query_one(NearList).near
        if near is not None and near.record_id == message.record_id:
            self._story = message.story
            self.draw_near()

    def on_record_decided(self, message: RecordDecided) -> None:
        """It is in the journal of the curation."""
        self._last = None if message.undone else message
        words = {
            "drop": _("Dropped: the next run of {run} leaves it out. u takes it back."),
            "flag": _("Flagged in {run}. u takes it back."),
            "edit": _("Mended: the next run of {run} writes it so. u takes it back."),
        }
        said = _("Taken back in {run}.") if message.undone else words[message.action]
        self.studio.say(said.format(run=Path(message.curation).name))
        self.tell_story()

    def moved_near(self) -> None:
        """Another record."""
        self._story = None
        self.draw_near()
        self.query_one("#record", ScrolledText).scroll_home(animate=False)

    def draw_near(self) -> None:
        """The record under the cursor."""
        near, prompt = self.query_one(NearList).near, self._backer.prompt
        pane = self.query_one("#record", ScrolledText)
        if near is None or prompt is None:
            pane.show(Content.styled(_("No training record is near to this answer."), "dim"))
            return
        reply = self._backer.snapshot.reply(prompt.prompt_id, self._side)
        who = f"{self._side.upper()} {label_of(self._backer.snapshot, self._side)}"
        pane.show(record_content(near, reply.text if reply is not None else "", self._story, who))

    # Doing

    def tell_story(self) -> None:
        """Where the record under the cursor came from."""
        near, desk = self.query_one(NearList).near, self._backer.desk
        if near is not None and desk is not None and desk.run is not None:
            run, name = desk.run, near.record_id
            self._backer.work("story", lambda: tell(run, name, self))

    def action_decide(self, action: Action) -> None:
        """Drop it, flag it with a remark, or mend its answer."""
        near = self.query_one(NearList).near
        if near is None:
            return
        if action == "flag":
            self._backer.ask("flag", _("Why"), _("a remark; nothing is fine too"))
        elif action == "edit":
            self._mend(near)
        else:
            self.decide(action)

    def decide(self, action: Action, text: str = "") -> None:
        """Write the verdict."""
        near, desk = self.query_one(NearList).near, self._backer.desk
        if near is not None and desk is not None and desk.run is not None:
            run, name = desk.run, near.record_id
            self._backer.work("decide", lambda: decide_about(run, name, action, text, self))

    def _mend(self, near: Near) -> None:
        from studio.tui.screens.review_ask import EditScreen, editable, edited

        story = self._story
        text = last_answer(story.ledger) if story is not None and story.ledger is not None else near.answer
        shown = editable(text)
        if shown is None:
            said = _("This text cannot be edited here without a loss; the screen Review opens your editor.")
            self.studio.say(said, "warning")
            return

        def answered(now: str | None) -> None:
            if now is not None:
                self.decide("edit", edited(now, text))

        self.app.push_screen(EditScreen(display(near.record_id, limit=100), shown), answered)

    def undo_decision(self) -> None:
        """The last verdict that was made here."""
        last = self._last
        if last is None:
            self.studio.say(_("Nothing was decided here that could be taken back."))
            return
        self._backer.work("decide", lambda: take_back(last, self))


# In a thread


def find_near(run: Path, prompt_id: str, side: SideName, text: str, asked: str, target: MessagePump) -> None:
    """Posts NearFound, IndexGrew on the way, or ProblemMet; nothing when called off."""
    from training.compare.back.nearest import nearest

    worker = get_current_worker()

    def say(done: int, total: int) -> None:
        target.post_message(IndexGrew(done, total))

    def found() -> None:
        near = nearest(run, text, SHOWN, prompt=asked, say=say, should_stop=lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            target.post_message(NearFound(prompt_id, side, near))

    _tried(found, target)


def tell(run: Path, record_id: str, target: MessagePump) -> None:
    """Posts StoryTold or ProblemMet."""
    from training.compare.back.story import story_of

    _tried(lambda: target.post_message(StoryTold(record_id, story_of(run, record_id))), target)


def decide_about(run: Path, record_id: str, action: Action, text: str, target: MessagePump) -> None:
    """Write a verdict into the journal of the curation that wrote the record. Posts RecordDecided or ProblemMet."""
    from training.compare.back.story import decide, story_of

    def decided() -> None:
        story = story_of(run, record_id)
        made = decide(story, action, text)
        names = tuple(verdict.id for verdict in made)
        target.post_message(RecordDecided(record_id, action, str(story.curation), names))

    _tried(decided, target)


def take_back(last: RecordDecided, target: MessagePump) -> None:
    """Undo a verdict. Posts RecordDecided or ProblemMet."""
    from curation.verdicts import JOURNAL, Journal, Verdict
    from curation.verdicts.author import author

    def undone() -> None:
        with Journal.open(Path(last.curation) / JOURNAL) as journal:
            journal.append(Verdict("undo", author=author(), of=last.verdicts))
        target.post_message(RecordDecided(last.record_id, last.action, last.curation, last.verdicts, undone=True))

    _tried(undone, target)


def _tried(work: Callable[[], object], target: MessagePump) -> None:
    try:
        work()
    except Stopped:
        return
    except StudioError as error:
        target.post_message(ProblemMet(error.message, error.hint))
