"""The Review screen: what a run, or another dataset, changed, hunk by hunk, and what a person decides about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from studio.display import display
from studio.tui.i18n import _, ngettext
from studio.tui.messages import ProblemMet
from studio.tui.screens import review_acts as acts
from studio.tui.screens.review_ask import AskScreen, EditScreen, as_json, editable, edited
from studio.tui.screens.review_base import ReviewBase
from studio.tui.screens.review_messages import (
    HeadsRead,
    HeadsWanted,
    HunkChosen,
    HunkRead,
    HunkSought,
    ObjectRead,
    QueueChosen,
    ReviewOpened,
    RowsChosen,
    VerdictsRefused,
    VerdictsSaved,
)
from studio.tui.screens.review_state import Showing
from studio.tui.screens.review_work import Judging, Review, hunk_text
from studio.tui.widgets.diff_view import DiffView
from studio.tui.widgets.hunk_list import HunkList
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.reason_tree import ReasonTree
from studio.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from curation.diff import Hunk


class ReviewScreen(ReviewBase):
    """Opening, moving and judging; what is asked for in words, and the run again, are in `review_base`."""

    def on_mount(self) -> None:
        """Say what to press."""
        self._show_empty(_("No run is open."), _("Press o to open a run, or two datasets."))

    def on_screen_resume(self) -> None:
        """Open what is open elsewhere, if it can be reviewed."""
        opened, against = self.studio.opened, self.studio.against
        named = f"{opened}\n{against}"
        if opened and named != self._opened and (against or (Path(opened) / "run.json").is_file()):
            self.call_after_refresh(self.open_review, opened, against)

    def on_unmount(self) -> None:
        """Everything that was decided is on the disk before the program ends."""
        if self.review is not None:
            self.review.close()

    # Opening

    def open_review(self, a: str, b: str = "") -> None:
        """Open a run (`last`, a part of its name, its folder), or two datasets."""
        if self.review is not None:
            self.review.close()
        self._opened = f"{a}\n{b}"
        self.showing = Showing()
        self._show_empty(_("Opening {path} …").format(path=f"{a} {b}".strip()), "")
        self.review = Review(a, b, self.studio.runs_dir, self)
        self.review.open()

    def open_record(self, run: str, record_id: str) -> None:
        """Open a run at what was done to a record."""
        if self._opened != f"{run}\n" or self.review is None:
            self.open_review(run)
        self.showing.wanted = record_id
        if self.showing.is_open and self.review is not None:
            while self.showing.is_narrowed:
                self.showing.widen()
            self._choose()

    def on_hunk_sought(self, message: HunkSought) -> None:
        """Show it, if something was done to the record."""
        if message.review is not self.review:
            return
        if message.number is None or not self.showing.go_to(message.number):
            said = _("Nothing was done to {id}.").format(id=display(message.record_id, limit=200))
            self.studio.say(said)
        else:
            self._read()

    def on_review_opened(self, message: ReviewOpened) -> None:
        """Count it, and show the first hunk."""
        if message.review is not self.review:
            return
        self.query_one(TopBar).opened = message.name
        self.showing.marks = dict(message.marks)
        self.query_one(HunkList).forget()
        self.query_one(HunkList).mark(self.showing.marks)
        self.review.choose(self.showing.filter())
        self._count()

    def on_problem_met(self, message: ProblemMet) -> None:
        """In place of the hunks where there are none, else in the corner."""
        message.stop()
        if self.showing.is_open:
            self.studio.say(f"{message.message} {message.hint}".strip(), "error")
        else:
            self._show_empty(message.message, f"{message.hint}\n\n" + _("o opens something else."))

    def on_verdicts_refused(self, message: VerdictsRefused) -> None:
        """Say so; and what was shown as decided may not be."""
        self.on_problem_met(message)
        if self.review is not None and self.showing.is_open:
            self.review.choose(self.showing.filter())

    def _show_empty(self, said: str, hint: str) -> None:
        self.remove_class("-filled")
        self.query_one("#empty-text", Plain).show(f"{said}\n{hint}")

    # Moving

    def on_rows_chosen(self, message: RowsChosen) -> None:
        """Other hunks: from the first that nobody has judged."""
        if message.review is not self.review or message.only != self.showing.filter():
            return
        if not len(message.rows) and self.showing.is_narrowed:
            self.studio.say(_("No change is left; nothing was changed."), "warning")
            self.showing.widen()
            self._choose()
            return
        first = not self.has_class("-filled")
        self.showing.take(message.rows)
        if not len(message.rows):
            self._show_empty(_("Nothing was changed."), _("o opens something else."))
            return
        self.add_class("-filled")
        if first:
            self.query_one(DiffView).focus()
        self.query_one(HunkList).show(self.showing.rows, self.showing.place)
        self._read()
        if self.showing.wanted and self.review is not None:
            self.review.find(self.showing.wanted)
            self.showing.wanted = ""

    def _read(self) -> None:
        """Ask for the hunk that is to be shown, and have the next one read meanwhile."""
        number = self.showing.number
        if self.review is not None and number is not None:
            self.review.read(number, ahead=self.showing.number_at(self.showing.place + 1))
            self.query_one(HunkList).set_cursor(self.showing.place)
        self._tell()

    def on_hunk_read(self, message: HunkRead) -> None:
        """Show it, if it is still the one."""
        if message.review is self.review and message.shown.hunk.number == self.showing.number:
            self.showing.hunk = message.shown.hunk
            place = f"{self.showing.place + 1:,}/{len(self.showing.rows):,}"
            self.query_one(DiffView).show(message.shown, place)

    def on_heads_wanted(self, message: HeadsWanted) -> None:
        """Read lines of the list."""
        message.stop()
        if self.review is not None:
            self.review.heads(message.numbers)

    def on_heads_read(self, message: HeadsRead) -> None:
        """Draw them."""
        if message.review is self.review:
            self.query_one(HunkList).arrived(message.heads)

    def action_step(self, by: int) -> None:
        """The next hunk, or the one before."""
        if not self.showing.step(by):
            self.studio.say(_("This was the last change of the queue.") if by > 0 else _("This is the first change."))
        else:
            self._read()

    def on_hunk_chosen(self, message: HunkChosen) -> None:
        """A line of the list."""
        message.stop()
        self.showing.place = message.place
        self._read()

    def action_queue(self, by: int) -> None:
        """The next reason, or the one before."""
        self.query_one(ReasonTree).step(by)

    def on_queue_chosen(self, message: QueueChosen) -> None:
        """Another queue."""
        message.stop()
        self.showing.stage, self.showing.reason = message.stage, message.reason
        self._choose()

    def _choose(self) -> None:
        if self.review is not None:
            self.review.choose(self.showing.filter())
        self._tell()

    # Judging

    def _judge(self, kind: str, judging: Judging | None, mark: str = "", *, on: bool = False) -> None:
        """Save verdicts about the hunk shown; `on`: go to the next that nobody has judged."""
        hunk = self._hunk()
        if hunk is None or self.review is None or judging is None:
            return
        self.review.judge(kind, judging)
        if mark:
            self.showing.marks[hunk.number] = mark
            self.query_one(HunkList).mark(self.showing.marks)
        if on and not self.showing.next_open():
            self.studio.say(_("Every change of this queue is judged."))
        self._read()

    def _hunk(self) -> Hunk | None:
        """The hunk that is shown, None while another one is being read: a key is about what one sees."""
        hunk = self.showing.hunk
        return hunk if hunk is not None and hunk.number == self.showing.number else None

    def action_accept(self) -> None:
        """Right."""
        if (hunk := self._hunk()) is not None:
            self._judge("accept", acts.accept(hunk), "accepted", on=True)

    def action_reject(self) -> None:
        """Wrong."""
        if (hunk := self._hunk()) is not None:
            self._judge("reject", acts.reject(hunk, self.showing.filter()), "rejected", on=True)

    def action_drop(self) -> None:
        """Out with it."""
        if (hunk := self._hunk()) is not None:
            self._judge("drop", acts.drop(hunk), "dropped", on=True)

    def action_restore(self) -> None:
        """Back in."""
        if (hunk := self._hunk()) is not None:
            judging = acts.restore(hunk)
            if judging is None:
                self.studio.say(_("This record was not dropped."))
            self._judge("restore", judging, "rejected")

    def action_undo(self) -> None:
        """Take back."""
        if self.review is not None:
            self.review.turn_back("undo")

    def action_redo(self) -> None:
        """Take back the taking back."""
        if self.review is not None:
            self.review.turn_back("redo")

    def action_bulk(self) -> None:
        """All that are shown, after a question."""
        only, count = self.showing.filter(), len(self.showing.rows)
        if self.review is None or not count:
            return
        said = ngettext("{n} change: {filter}", "{n} changes: {filter}", count)
        what = self.showing.said() or _("everything")
        question = f"{said.format(n=f'{count:,}', filter=what)}\n{self.showing.said_judged()}"
        keys = _("a accepts all of them, x rejects all of them, esc leaves.")
        numbers, review = self.showing.rows.tolist(), self.review

        def answered(choice: str | None) -> None:
            if choice and review is self.review:
                review.judge(choice, acts.all_of(numbers, choice, only))

        self.app.push_screen(AskScreen(question, keys, ("accept", "reject")), answered)

    def on_verdicts_saved(self, message: VerdictsSaved) -> None:
        """They are on the disk: show what holds now."""
        if message.review is not self.review:
            return
        self.showing.marks = dict(message.marks)
        self.query_one(HunkList).mark(self.showing.marks)
        if message.kind in ("undo", "redo"):
            undone = ngettext("{n} decision taken back", "{n} decisions taken back", message.number)
            redone = ngettext("{n} decision made again", "{n} decisions made again", message.number)
            self.studio.say((undone if message.kind == "undo" else redone).format(n=f"{message.number:,}"))
            if message.hunk is not None:
                self.showing.go_to(message.hunk)
        elif message.number > 1 or message.kind in ("keep", "add"):
            said = ngettext("{n} verdict saved", "{n} verdicts saved", message.number)
            self.studio.say(said.format(n=f"{message.number:,}"))
        self._read()
        self._count_soon()

    # Texts

    def action_edit(self) -> None:
        """A turn, here."""
        hunk = self._hunk()
        turn = acts.turn_to_edit(hunk) if hunk is not None else None
        if hunk is None or turn is None:
            return
        text = acts.text_of(hunk, turn.turn)
        shown = editable(text)
        if shown is None:
            self.studio.say(_("This text cannot be edited here without a loss; ctrl+e opens your editor."), "warning")
            return

        def answered(now: str | None) -> None:
            if now is not None:
                self._judge("edit", acts.edit(hunk, turn.turn, edited(now, text)), "edited")

        title = _("{record}, {role}").format(record=hunk.record_id, role=turn.role)
        self.app.push_screen(EditScreen(title, shown), answered)

    def action_editor(self) -> None:
        """A turn, in the user's own editor."""
        from studio.tui.editor import edit

        hunk = self._hunk()
        turn = acts.turn_to_edit(hunk) if hunk is not None else None
        if hunk is not None and turn is not None:
            text = acts.text_of(hunk, turn.turn)
            now = edit(self.app, text + "\n")
            if now is not None and now.removesuffix("\n") != text:
                self._judge("edit", acts.edit(hunk, turn.turn, now.removesuffix("\n")), "edited")

    def action_copy_record(self) -> None:
        """A copy to change."""
        if (hunk := self._hunk()) is not None and self.review is not None:
            self.review.object_of(hunk.record_id)

    def on_object_read(self, message: ObjectRead) -> None:
        """Edit it."""
        if message.review is self.review:
            self._write_record(as_json(message.obj), message.record_id)

    def action_new_record(self) -> None:
        """From nothing."""
        said = [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]
        self._write_record(as_json({"messages": said}), "")

    def _write_record(self, text: str, copied_from: str) -> None:
        if self.review is None or not self.showing.is_open:
            return
        review = self.review

        def answered(now: str | None) -> None:
            if now is None:
                return
            from curation.readers import BadRecord, parse_payload

            try:
                obj = parse_payload(now.encode("utf-8", "surrogatepass"))
            except (BadRecord, UnicodeError) as error:
                self.studio.say(_("This is no record: {reason}").format(reason=error), "error")
                self.app.push_screen(EditScreen(title, now), answered)
                return
            review.judge("add", acts.add(obj, copied_from))

        title = _("A copy of {record}").format(record=copied_from) if copied_from else _("A new record")
        self.app.push_screen(EditScreen(title, text), answered)

    def action_yank(self) -> None:
        """Into the clipboard of the terminal."""
        if (hunk := self._hunk()) is not None:
            self.studio.copy(hunk_text(hunk))
