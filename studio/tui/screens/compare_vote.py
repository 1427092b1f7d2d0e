"""Voting blind on the Compare screen: the sides are shuffled and nameless until one asks to see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from studio.tui.i18n import _
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.compare_messages import OpinionsRead, VoteUndone
from studio.tui.widgets.answers_view import AnswersView
from studio.tui.widgets.prompt_list import PromptList

if TYPE_CHECKING:
    from studio.tui.screens.compare import CompareScreen
    from training.compare.votes import Choice


class VotesBlind(StudioScreen):
    """What the Compare screen does with votes. `-voting` hides whose answers are shown."""

    voted = (0, 0)
    """Pairs that I have voted on, and pairs that there are."""
    unsealed = False
    """Whether I may see which side is which."""

    @property
    def _booth(self) -> CompareScreen:
        return cast("CompareScreen", self)

    @property
    def is_voting(self) -> bool:
        """Whether a vote is asked for."""
        return self.has_class("-voting")

    def action_votes(self) -> None:
        """Begin to vote, or go on; or stop, and go on later."""
        desk = self._booth.desk
        if desk is None:
            return
        if self.is_voting:
            self.vote_on(on=False)
        else:
            self.vote_on(on=True)
            desk.next(self._ahead())

    def vote_on(self, *, on: bool) -> None:
        """Hide the sides, or show them."""
        self.set_class(on, "-voting")
        self.remove_class("-numbers", "-back")
        self.query_one(AnswersView if on else PromptList).focus()
        self._booth.draw()
        self.refresh_bindings()

    def _ahead(self) -> list[str]:
        """The prompts from the one after this, round to it."""
        names = [prompt.prompt_id for prompt in self._booth.snapshot.prompts]
        place = self._booth.place + 1
        return [*names[place:], *names[:place]]

    def action_vote(self, choice: Choice) -> None:
        """Say it, and go on."""
        desk, prompt = self._booth.desk, self._booth.prompt
        if desk is None or prompt is None or not self.is_voting:
            return
        replies = [self._booth.snapshot.reply(prompt.prompt_id, side) for side in ("a", "b")]
        if not all(reply is not None and reply.stopped in ("end", "length") for reply in replies):
            self.studio.say(_("Both answers have to be whole before one can vote on them."), "warning")
            return
        desk.vote(prompt.prompt_id, choice, self._ahead())

    def action_undo(self) -> None:
        """The last vote."""
        if self._booth.desk is not None:
            self._booth.desk.undo()

    def on_vote_undone(self, message: VoteUndone) -> None:
        """Back to what it was about."""
        if message.desk is self._booth.desk:
            self._booth.go_to(message.prompt_id)

    def on_opinions_read(self, message: OpinionsRead) -> None:
        """Marks, progress, and the next pair."""
        if message.desk is not self._booth.desk:
            return
        self._booth.opinions = message.opinions
        self.voted, self.unsealed = (message.done, message.total), message.opened
        if message.following:
            self._booth.go_to(message.following)
        elif message.following is not None and self.is_voting:
            self._all_voted()
        self._booth.draw()
        self._booth.count_again()
        self.refresh_bindings()

    def _all_voted(self) -> None:
        done, total = self.voted
        if not total:
            self.studio.say(_("There is no pair of whole, different answers to vote on yet."), "warning")
            self.vote_on(on=False)
        elif done >= total:
            self.studio.say(_("You have voted on every pair; R shows which side is which."))

    def action_reveal(self) -> None:
        """Show the sides: for good, so ask first where votes are missing."""
        from studio.tui.screens.runs_confirm import ConfirmScreen

        desk, (done, total) = self._booth.desk, self.voted
        if desk is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                desk.reveal()
                self.vote_on(on=False)
                self._booth.show_numbers(on=True)

        if self.unsealed and not self.is_voting:
            answered(True)
            return
        said = _("You have voted on {n} of {all} pairs.").format(n=f"{done:,}", all=f"{total:,}")
        detail = said + " " + _("After this your votes are final: who knows the sides cannot vote blind any more.")
        self.app.push_screen(ConfirmScreen(_("Show which side is which?"), detail), answered)
