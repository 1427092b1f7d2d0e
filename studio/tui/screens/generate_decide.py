"""What people decide about items: accept, reject, edit, ask anew, undo. Each decision is on the disk at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from studio.display import display
from studio.tui.i18n import _, ngettext
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.generate_messages import DatasetWritten, ItemDecided
from studio.tui.widgets.item_list import ItemList

if TYPE_CHECKING:
    from curation.synthesis.decisions import Action
    from curation.synthesis.model import Exchange, Item
    from studio.tui.screens.generate import GenerateScreen


class DecidesItems(StudioScreen):
    """What the Generate screen does with the item under the cursor."""

    @property
    def _decider(self) -> GenerateScreen:
        return cast("GenerateScreen", self)

    @property
    def item(self) -> Item | None:
        """The item under the cursor, as it stands."""
        items, number = self._decider.items, self.query_one(ItemList).number
        return items.item(number) if items is not None and number is not None and number < len(items) else None

    @property
    def waiting(self) -> int:
        """Items that are to be asked for anew when the run goes on."""
        items = self._decider.items
        if items is None:
            return 0
        return sum(each.action == "regenerate" and not items.is_asked_anew(each) for each in items.decided.values())

    def _decide(self, action: Action, *, on: bool = False) -> None:
        item, desk = self.item, self._decider.desk
        if item is None or desk is None:
            return
        if action == "accept" and not item.exchanges:
            self.studio.say(_("There is nothing here to accept; r asks for another."), "warning")
            return
        desk.decide(item.item_id, action)
        if on:
            self.query_one(ItemList).action_move(1)

    def action_accept(self) -> None:
        """In."""
        self._decide("accept", on=True)

    def action_reject(self) -> None:
        """Out."""
        self._decide("reject", on=True)

    def action_anew(self) -> None:
        """Out, and another one."""
        self._decide("regenerate", on=True)

    def action_edit(self) -> None:
        """Every text of it in a field."""
        from studio.tui.screens.generate_edit import ItemEditScreen

        item, items, desk = self.item, self._decider.items, self._decider.desk
        number = self.query_one(ItemList).number
        if item is None or items is None or desk is None or number is None:
            return
        if not item.exchanges:
            self.studio.say(_("There is nothing here to edit; r asks for another."), "warning")
            return
        if not ItemEditScreen.can_edit(item.exchanges):
            self.studio.say(
                _("This item cannot be edited here without a loss: it holds invisible characters."), "warning"
            )
            return
        from studio.tui.screens.generate_source import source_content

        unit = items.unit(number)
        source = items.source(unit)
        chunk, shown = source.chunk, source_content(source, item.spans, unit, 10_000)[0]
        item_id = item.item_id

        def refused(now: Sequence[Exchange]) -> str:
            from curation.synthesis.decisions import spans_in

            if any(not each.question.strip() or not each.answer.strip() for each in now):
                return _("A question and an answer are needed.")
            return "" if spans_in(now, chunk) is not None else _("The quote does not occur in the source.")

        def kept(now: Sequence[Exchange] | None) -> None:
            from curation.synthesis.decisions import spans_in

            if now is not None:
                desk.decide(item_id, "edit", now, spans_in(now, chunk) or ())

        title = _("Edit {item}").format(item=display(item_id, limit=80))
        self.app.push_screen(ItemEditScreen(title, item.exchanges, shown, refused), kept)

    def undo_decision(self) -> None:
        """The latest one, whoever's item it is about."""
        if self._decider.desk is not None:
            self._decider.desk.undo()

    # Hearing

    def on_item_decided(self, message: ItemDecided) -> None:
        """It is on the disk: show what holds now."""
        if message.desk is not self._decider.desk:
            return
        if message.undone:
            self._decider.go_to(message.decision.item_id)
            self.studio.say(_("Taken back: {item}.").format(item=message.decision.item_id))
        elif message.decision.action == "regenerate" and not self._decider.goes_on:
            self.studio.say(_("c lets the run go on, and asks for it anew."))
        self._decider.watch_run(again=True)
        self.refresh_bindings()

    def on_dataset_written(self, message: DatasetWritten) -> None:
        """The dataset is as decided."""
        if message.desk is self._decider.desk:
            said = ngettext("The dataset has {n} record now.", "The dataset has {n} records now.", message.records)
            self._decider.written = said.format(n=f"{message.records:,}")
            self._decider.draw_command()
