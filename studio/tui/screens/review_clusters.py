"""A cluster of duplicates: its members, the words in which each differs from the copy that was kept, and which is to stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from studio.tui.bindings import Localised
from studio.tui.i18n import N_, _
from studio.tui.screens.modal import Modal
from studio.tui.text import line
from studio.tui.widgets.diff_lines import plain_rows, rows_of, side_by_side, unified
from studio.tui.widgets.line_list import LineList
from studio.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from curation.clusters import Cluster, ClusterMember


class MemberList(Localised, LineList):
    """The members, one a line."""

    HELP = N_("The copies: = kept, - dropped, with how alike each is. Below are the words in which it differs.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, tooltip=N_("The next copy."), id="members.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, tooltip=N_("The copy before."), id="members.up"),
    ]

    def __init__(self, members: tuple[ClusterMember, ...]) -> None:
        super().__init__(id="members")
        self.members = members

    @property
    def count(self) -> int:
        """How many copies."""
        return len(self.members)

    def moved(self, place: int) -> None:
        """Show its words."""
        screen = self.screen
        if isinstance(screen, ClusterScreen):
            screen.show_member(place)

    def line_at(self, place: int) -> tuple[str, str, bool]:
        """`= file.jsonl:3  text …`, and its score."""
        member = self.members[place]
        mark = "=" if member.kept else "-"
        score = f"{member.score:.3g}" if member.score is not None else ""
        return f"{mark} {member.record_id}  {member.text}", score, not member.kept


class ClusterScreen(Modal[str]):
    """The record that is to stay, "" where nothing is to change."""

    CSS_PATH = "review_clusters.tcss"
    HELP = N_("enter keeps the copy under the cursor instead of the one that was kept; the other copies stay dropped.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "keep", N_("Keep this copy"), tooltip=N_("The kept one goes."), id="cluster.keep"),
        Binding("escape,q,d", "leave", N_("Leave"), tooltip=N_("Change nothing."), id="cluster.leave"),
    ]  # fmt: skip

    def __init__(self, cluster: Cluster, record_id: str) -> None:
        super().__init__()
        self.cluster = cluster
        self._begin = record_id

    def compose(self) -> ComposeResult:
        """The members above, the words below."""
        found = self.cluster
        said = _("{n} records, {dropped} of them dropped by {stage}")
        with Vertical(id="cluster"):
            yield Plain(said.format(n=found.size, dropped=found.dropped, stage=found.stage), id="cluster-title")
            yield MemberList(found.members)
            with VerticalScroll(id="member-scroll", can_focus=False):
                yield Plain(id="member")
            yield Plain(_("enter keeps this copy, esc changes nothing."), classes="hint")

    def on_mount(self) -> None:
        """On the record that was looked at."""
        members = self.query_one(MemberList)
        places = [place for place, each in enumerate(members.members) if each.record_id == self._begin]
        members.resized()
        members.set_cursor(places[0] if places else 0)
        members.focus()
        self.call_after_refresh(self.show_member, members.cursor)

    def show_member(self, place: int) -> None:
        """Its text, next to the kept one's."""
        members = self.query_one(MemberList).members
        member = members[place]
        kept = next((each for each in members if each.kept), None)
        width = self.query_one("#member-scroll").size.width - 2
        if kept is None or kept is member:
            lines = unified(plain_rows(member.text, old=False), width, whole=True, marks=("-", "="))
            title = line(_("{record}: kept").format(record=member.record_id), style="bold", limit=200)
        else:
            lay = side_by_side if width >= 84 else unified
            lines = lay(rows_of(member.text, kept.text), width, whole=False, marks=("-", "="))
            said = _("{record} (-) and the kept {kept} (=)").format(record=member.record_id, kept=kept.record_id)
            title = line(said, style="bold", limit=200)
        self.query_one("#member", Plain).show(Content("\n").join([title, *lines]))

    def action_keep(self) -> None:
        """The copy under the cursor."""
        member = self.query_one(MemberList).members[self.query_one(MemberList).cursor]
        self.dismiss("" if member.kept else member.record_id)

    def action_leave(self) -> None:
        """Nothing."""
        self.dismiss("")
