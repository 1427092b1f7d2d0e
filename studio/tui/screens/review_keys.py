"""What can be done on the Review screen, key by key."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_


def _key(id: str, keys: str, action: str, name: str, tooltip: str, *, show: bool = False) -> Binding:  # noqa: A002
    return Binding(keys, action, name, tooltip=tooltip, show=show, id=f"review.{id}")


REVIEW_KEYS: list[BindingType] = [
    _key("accept", "a", "accept", N_("Accept"), N_("What the stages did is right."), show=True),
    _key("reject", "x", "reject", N_("Reject"), N_("What the stage did is not applied on the next run."), show=True),
    _key("edit", "e", "edit", N_("Edit"), N_("Change the text of a turn here."), show=True),
    _key("undo", "u", "undo", N_("Undo"), N_("Take back the latest decision, a bulk one as a whole."), show=True),
    _key("next", "n", "step(1)", N_("Next change"), N_("To the next change of the queue.")),
    _key("previous", "p", "step(-1)", N_("Previous change"), N_("To the change before.")),
    _key("next_reason", "right_square_bracket", "queue(1)", N_("Next reason"), N_("To the next queue.")),
    _key("previous_reason", "left_square_bracket", "queue(-1)", N_("Previous reason"), N_("To the queue before.")),
    _key("redo", "ctrl+r", "redo", N_("Redo"), N_("Decide again what was taken back last.")),
    _key("bulk", "A", "bulk", N_("All of them"), N_("Accept or reject every change shown; asks first, with their number.")),
    _key("restore", "r", "restore", N_("Restore"), N_("Bring a dropped record back.")),
    _key("drop", "D", "drop", N_("Drop"), N_("Drop the record from the dataset.")),
    _key("editor", "ctrl+e", "editor", N_("Editor"), N_("Change the text of a turn in your editor.")),
    _key("tag", "t", "tag", N_("Tag"), N_("Give the record tags; a column of the dataset.")),
    _key("note", "m", "note", N_("Note"), N_("Make a remark about the record.")),
    _key("copy_record", "c", "copy_record", N_("Copy record"), N_("A new record, beginning as a copy of this one.")),
    _key("new_record", "plus", "new_record", N_("New record"), N_("Write a record by hand.")),
    _key("cluster", "d", "cluster", N_("Duplicates"), N_("All copies of this record; pick the one to keep.")),
    _key("find", "slash", "find", N_("Find"), N_("Show only records that hold a text, before or after.")),
    _key("filter", "f", "filter", N_("Filter"), N_("Only changes of one kind or verdict; the next kind each time.")),
    _key("everything", "escape", "everything", N_("Show everything"), N_("Take back find and filter.")),
    _key("layout", "v", "layout", N_("Layout"), N_("Side by side, or one above the other.")),
    _key("whole", "w", "whole", N_("Whole text"), N_("Show what did not change, too.")),
    _key("yank", "y", "yank", N_("Copy"), N_("Copy the text of the record.")),
    _key("again", "R", "again", N_("Run again"), N_("Do the run again with these verdicts, in the background.")),
    _key("export", "E", "export", N_("Export"), N_("Write the verdicts as a patch for studio apply.")),
    _key("open", "o", "open", N_("Open"), N_("Open a run, or two datasets.")),
]  # fmt: skip
