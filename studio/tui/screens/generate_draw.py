"""What the Generate screen shows of a run: head, queues, items, one item beside its source, documents, a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content

from studio.tui.i18n import N_, _, ngettext
from studio.tui.screens import generate_frames as frames
from studio.tui.screens import generate_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.compare_messages import RoomChanged
from studio.tui.screens.generate_messages import DocumentsRead, PromptFound
from studio.tui.screens.generate_source import source_content
from studio.tui.text import line
from studio.tui.widgets.document_list import DocumentPane
from studio.tui.widgets.generate_list import GenerateList
from studio.tui.widgets.item_list import ItemList, QueueList, queue_lines
from studio.tui.widgets.plain import Plain
from studio.tui.widgets.record_pane import RecordPane
from studio.tui.widgets.scrolled import ScrolledText

if TYPE_CHECKING:
    from studio.runs.generated_items import Queue
    from studio.tui.screens.generate import GenerateScreen


class _Pane(RecordPane):
    """Tells when there is another room for its text."""

    def on_resize(self) -> None:
        """Texts are broken for a width: whoever makes them has to make them again."""
        super().on_resize()
        self.post_message(RoomChanged())


class ItemPane(_Pane):
    """One item."""

    HELP = N_(
        "An item as the model wrote it: what a gate or a person said of it, question, answer, the quote that the answer rests "
        "on, and what was measured. a accepts, x rejects, e edits, r asks for another."
    )


class SourcePane(_Pane):
    """Its source."""

    HELP = N_(
        "What the item was made from: the chunk of the document, with the quoted sentence between ‹ and ›; or the seeds or "
        "the record."
    )

    _place = 0  # the line that is to be in sight

    def on_resize(self) -> None:
        """In sight in the new room, too."""
        super().on_resize()
        self.call_after_refresh(self._reveal)

    def reveal(self, place: int) -> None:
        """Bring a line into sight, when it is known how much room there is."""
        self._place = place
        self.call_after_refresh(self._reveal)

    def _reveal(self, tries: int = 5) -> None:
        room = max(1, self.scrollable_content_region.height)
        if self.virtual_size.height > room and not self.show_vertical_scrollbar and tries:
            self.call_after_refresh(self._reveal, tries - 1)  # without its scrollbar, it cannot be scrolled
            return
        top = 0 if self._place < room - 1 else self._place - room // 3
        self.scroll_to(y=top, animate=False, immediate=True)


class PromptSent(ScrolledText):
    """What was asked for an item."""

    HELP = N_("The prompt that the item came from, message by message, with personal data masked as it was sent.")


class DrawsGenerate(StudioScreen):
    """Draws all of it again when something has changed; widgets send only lines that differ."""

    queue: Queue | None = None
    _told = ""
    _shown: object = None
    written = ""  # what is said of the dataset since the latest decision
    _at_end = True  # the cursor goes along with what comes

    @property
    def _drawn(self) -> GenerateScreen:
        return cast("GenerateScreen", self)

    @property
    def accepted(self) -> int:
        """Items that the run accepted."""
        items = self._drawn.items
        return items.of("accepted") if items is not None else 0

    def forget(self) -> None:
        """Nothing of the run before is shown."""
        from studio.runs.generated_items import Queue

        self.queue, self._shown, self._at_end, self.written = Queue(), None, True, ""
        items = self.query_one(ItemList)
        items.show((), lambda _number: ("", True))
        items.set_cursor(0)
        for pane in self.query(RecordPane):
            pane.show(Content(""))
        self.query_one("#head", Plain).show("")

    def went_on(self) -> None:
        """More items, or other decisions."""
        self.draw()
        self.refresh_bindings()

    def draw(self) -> None:
        """Head, queues, items, and the item under the cursor."""
        items, queue = self._drawn.items, self.queue
        if not self.is_mounted or not self.has_class("-open") or items is None or queue is None:
            return
        counts = {status: items.of(status) for status in frames.ITEM_MARKS}
        width = max(40, self.size.width - 2)
        head = frames.head_content(
            self._drawn.stood,
            self._drawn.snapshot,
            counts,
            width,
            changed=len(items.decided),
            kept=items.kept(),
            model=self._drawn.model,
        )
        self.query_one("#head", Plain).show(head, same_size=True)
        lines = queue_lines(dict(items.counts), len(items.decided))
        self.query_one(QueueList).show(lines, queue)
        listed, rows = self.query_one(ItemList), items.rows(queue)
        listed.show(rows, lambda number: frames.item_line(items.item(number), items.decided.get(items.item_id(number))))
        if self._at_end and self._drawn.goes_on and len(rows):
            listed.set_cursor(len(rows) - 1)
        self.query_one("#queue", Plain).show(self._queue_title(len(rows)), same_size=True)
        self.draw_item()
        self.draw_command()

    def _queue_title(self, count: int) -> Content:
        lines, queue = self.query_one(QueueList).lines, self.queue
        name = next((each.name for each in lines if each.queue == queue), "")
        place = min(self.query_one(ItemList).cursor + 1, count)
        return Content.assemble((name or _("everything"), "bold"), (f"  {place:,}/{count:,}", "dim"))

    def draw_item(self, *, home: bool = False) -> None:
        """The item under the cursor, and its source with the span in sight."""
        items, number = self._drawn.items, self.query_one(ItemList).number
        item_pane, source_pane = self.query_one(ItemPane), self.query_one(SourcePane)
        if items is None or not item_pane.size.width:  # not laid out yet: drawn when it is
            return
        if number is None:
            said = (
                _("The first items come when the model has answered.")
                if self._drawn.goes_on
                else _("There is no item here.")
            )
            item_pane.show(Content.styled(said, "dim"))
            source_pane.show(Content(""))
            return
        made, unit = items.made(number), items.unit(number)
        found = items.decided.get(made.item_id)
        item = items.item(number)
        related = items.number_of(made.related_id) if made.related_id else None
        twin = items.made(related) if related is not None else None
        key = (number, item_pane.size, source_pane.size, made, found, twin)
        if key == self._shown and not home:
            return
        same = isinstance(self._shown, tuple) and self._shown[:3] == key[:3]
        self._shown = key
        width = max(20, item_pane.scrollable_content_region.width)
        item_pane.show(frames.item_content(made, item, found, unit, width, twin=twin), from_top=not same)
        width = max(20, source_pane.scrollable_content_region.width)
        content, first = source_content(items.source(unit), item.spans, unit, width)
        source_pane.show(content, from_top=not same)
        if not same:
            source_pane.reveal(first)
        self.query_one("#queue", Plain).show(self._queue_title(self.query_one(ItemList).count), same_size=True)

    def on_room_changed(self, message: RoomChanged) -> None:
        """The panes have a place now, or another one."""
        message.stop()
        self.draw_item()

    def moved_item(self, place: int) -> None:
        """A person looks at another item; on the last one the cursor goes along with what comes."""
        self._at_end = place >= self.query_one(ItemList).count - 1
        self.draw_item(home=True)

    def open_queue(self, queue: Queue) -> None:
        """The items of a queue, from its beginning."""
        if queue != self.queue:
            self.queue, self._shown, self._at_end = queue, None, False
            self.query_one(ItemList).set_cursor(0)
            self.draw()

    def go_to(self, item_id: str) -> None:
        """Show this item, in all items where it is not in the queue that is open."""
        from studio.runs.generated_items import Queue

        items = self._drawn.items
        number = items.number_of(item_id) if items is not None else None
        if items is None or number is None or self.queue is None:
            return
        rows = items.rows(self.queue)
        if number not in rows:
            self.queue = Queue()
            rows = items.rows(self.queue)
        self._at_end = False
        self.draw()
        self.query_one(ItemList).set_cursor(int(rows.searchsorted(number)))
        self.draw()

    # Views

    def view_next(self) -> None:
        """Items, documents, the prompt of the item; only what there is."""
        items = self._drawn.items
        if self.has_class("-prompt"):
            self.view_items()
        elif self.has_class("-documents") or items is None or not items.documents:
            self._view_prompt()
        else:
            self._view_documents()

    def view_items(self) -> None:
        """The items again."""
        self.remove_class("-documents", "-prompt")
        self.query_one(ItemList).focus()
        self.refresh_bindings()

    def _view_documents(self) -> None:
        following = self._drawn.following
        if following is not None:
            path = following.path
            self.tell(_("Counting …"))
            self._drawn.work("documents", lambda: work.read_documents(path, self))

    def on_documents_read(self, message: DocumentsRead) -> None:
        """Show them."""
        from studio.tui.screens.generate_documents import documents_content

        if message.run != self._drawn.followed:
            return
        self.tell("")
        self.add_class("-documents")
        self.remove_class("-prompt")
        pane = self.query_one(DocumentPane)
        pane.show(documents_content(message.coverage, message.unread, max(40, self.size.width - 4)), home=True)
        pane.focus()
        self.refresh_bindings()

    def _view_prompt(self) -> None:
        following, item, number = self._drawn.following, self._drawn.item, self.query_one(ItemList).number
        items = self._drawn.items
        if following is None or item is None or items is None or number is None:
            self.view_items()
            return
        unit = items.unit(number)
        if unit is not None:
            path, unit_id, item_id = following.path, unit.unit_id, item.item_id
            self.tell(_("Writing the prompt again …"))
            self._drawn.work("prompt", lambda: work.find_prompt(path, unit_id, item_id, self))

    def on_prompt_found(self, message: PromptFound) -> None:
        """Show it."""
        from studio.tui.screens.generate_form import prompt_content

        if message.run != self._drawn.followed:
            return
        self.tell("")
        self.remove_class("-documents")
        self.add_class("-prompt")
        pane = self.query_one(PromptSent)
        title = _("The prompt of {item}").format(item=message.item_id)
        pane.show(prompt_content(message.messages, title, max(40, self.size.width - 4)), home=True)
        pane.focus()
        self.refresh_bindings()

    # The line at the bottom

    def tell(self, text: str) -> None:
        """What is under way."""
        self._told = text
        self.draw_command()

    def draw_command(self) -> None:
        """What is under way; else what one can do, or the command line that does the same."""
        if not self.is_mounted:
            return
        shown = Content("")
        if self._told:
            shown = line(self._told, style="bold", limit=400)
        elif self.has_class("-plan"):
            shown = self._drawn.command_line()
        elif self.has_class("-open"):
            shown = self._run_command()
        elif self.query_one(GenerateList).frame is not None:
            shown = line(_("⏎ opens the generation; n plans a new one"))
        self.query_one("#command", Plain).show(shown, same_size=True)

    def _run_command(self) -> Content:
        waiting = self._drawn.waiting
        parts = [self.written] if self.written else []
        if waiting and not self._drawn.goes_on:
            said = ngettext("c goes on, and asks for {n} item anew", "c goes on, and asks for {n} items anew", waiting)
            parts.insert(0, said.format(n=f"{waiting:,}"))
        if parts:
            return line(" · ".join(parts), style="bold")
        following = self._drawn.following
        if following is None:
            return Content("")
        from studio.runs.folder import reference

        return line(f"$ studio runs attach {reference(following.watch.folder)}", limit=300)
