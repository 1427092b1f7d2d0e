"""What the Compare screen shows of a comparison: head, prompts, answers, numbers, and the line at the bottom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from textual.content import Content

from studio.tui.i18n import N_, _
from studio.tui.screens import compare_frames as frames
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.compare_frames import Look, Opinions
from studio.tui.screens.compare_messages import FactsFound
from studio.tui.text import line
from studio.tui.widgets.answers_view import AnswersView
from studio.tui.widgets.compare_list import CompareList
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.prompt_list import PromptList
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from studio.tui.screens.compare import CompareScreen
    from training.compare.model import SideName

BESIDE_FROM = 100
"""Columns of the terminal from which two answers stand next to each other."""


class NumbersPane(ScrolledText):
    """What it all comes to."""

    HELP = N_(
        "What votes, judge, losses and small tasks show, each with its interval: the range that would hold the true value in "
        "95 of 100 such comparisons. `not shown` means that the data cannot tell, not that both are the same."
    )


class DrawsCompare(StudioScreen):
    """Draws all of it again when something has changed; widgets send only lines that differ."""

    look = Look()
    facts: FactsFound | None = None
    _told = ""

    @property
    def _drawn(self) -> CompareScreen:
        return cast("CompareScreen", self)

    def draw(self) -> None:
        """Head, prompts, answers."""
        if not self.is_mounted or not self.has_class("-open"):
            return
        snapshot, opinions, blind = self._drawn.snapshot, self._drawn.opinions, self._drawn.is_voting
        width = max(40, self.size.width - 2)
        head = frames.head_content(self._drawn.stood, snapshot, width, blind=blind)
        self.query_one("#head", Plain).show(head, same_size=True)
        shown = Opinions(opinions.voted, {}, opinions.favourites, opinions.notes) if blind else opinions
        seen = replace(snapshot, judged={}) if blind else snapshot
        self.query_one(PromptList).show(
            len(snapshot.prompts), lambda place: frames.prompt_line(seen, seen.prompts[place], shown)
        )
        self._draw_answers(shown)
        self._draw_command()

    def _draw_answers(self, opinions: Opinions) -> None:
        view, prompt = self.query_one(AnswersView), self._drawn.prompt
        if view.room < 10:
            return
        if prompt is None:
            said = (
                _("The prompts are being read …")
                if self._drawn.goes_on
                else _("There is no prompt yet; i asks something.")
            )
            view.show(Content.styled(said, "dim"))
            return
        left: SideName = "a"
        if self._drawn.is_voting and self._drawn.desk is not None:
            left = self._drawn.desk.votes.order_of(prompt.prompt_id)[0]
        look = replace(self.look, beside=self.size.width >= BESIDE_FROM, left=left, blind=self._drawn.is_voting)
        content = frames.answers_content(
            self._drawn.snapshot, prompt, look, opinions, view.room, goes_on=self._drawn.goes_on
        )
        view.show(content, to_end=prompt.prompt_id in self._drawn.snapshot.writing)

    def tell(self, text: str) -> None:
        """The line at the bottom: what is under way."""
        self._told = text
        self._draw_command()

    def _draw_command(self) -> None:
        """What is under way; else how far the voting is, what the marks mean, what it all shows, or the command line."""
        shown = Content("")
        if self._told:
            shown = line(self._told, style="bold")
        elif self._drawn.is_voting:
            done, total = self._drawn.voted
            said = _("{n} of {all} voted · j k scroll · v pauses · R shows whose they are")
            shown = line(said.format(n=f"{done:,}", all=f"{total:,}"))
        elif self.has_class("-open") and self.look.odds:
            said = _("the model's own probability: ‹below {low}›, underlined below {high}")
            shown = line(said.format(low=f"{frames.UNLIKELY:.0%}", high=f"{frames.UNSURE:.0%}"))
        elif self.has_class("-open") and self.look.diff:
            shown = line(_("words that only one of the answers has are underlined"))
        elif self.has_class("-open") and (sentence := self._drawn.snapshot.conclusion.get("sentence")):
            shown = line(sentence, limit=400)
        elif not self.has_class("-open"):
            frame = self.query_one(CompareList).frame
            if frame is not None:
                trained = frame.kind == "train"
                shown = line(
                    _("⏎ compares the base and the fine-tuned model of this run, or any two")
                    if trained
                    else _("⏎ opens the comparison; n compares any two models")
                )
        elif self._drawn.following is not None:
            from studio.runs.folder import reference

            shown = line(f"$ studio runs attach {reference(self._drawn.following.watch.folder)}", limit=300)
        self.query_one("#command", Plain).show(shown, same_size=True)

    def action_numbers(self) -> None:
        """What it comes to, or the answers again."""
        self.show_numbers(on=not self.has_class("-numbers"))

    def show_numbers(self, *, on: bool) -> None:
        """In place of the answers."""
        if on and self._drawn.is_voting:
            self._drawn.vote_on(on=False)
        self.set_class(on, "-numbers")
        self.remove_class("-back")
        self.query_one(NumbersPane if on else PromptList).focus()
        self.count_again()
        self.draw()
        self.refresh_bindings()

    def count_again(self) -> None:
        """The numbers, if somebody looks at them."""
        if self._drawn.desk is not None and self.has_class("-numbers"):
            self._drawn.desk.count()

    def on_facts_found(self, message: FactsFound) -> None:
        """Draw them."""
        from studio.tui.screens.compare_numbers import numbers_content

        if message.desk is self._drawn.desk:
            self.facts = message
            pane = self.query_one(NumbersPane)
            pane.show(numbers_content(message.facts, self._drawn.snapshot, max(40, pane.size.width - 4)))
