"""What can be done on the Data screen, key by key."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_


def _key(id: str, keys: str, action: str, name: str, tooltip: str, *, show: bool = False) -> Binding:  # noqa: A002
    return Binding(keys, action, name, tooltip=tooltip, show=show, id=id)


DATA_KEYS: list[BindingType] = [
    _key("data.find", "slash", "find", N_("Find"), N_("Find a text, or /a regular expression/."), show=True),
    _key("data.next", "n", "next(1)", N_("Next match"), N_("To the next record found.")),
    _key("data.previous", "N", "next(-1)", N_("Previous match"), N_("To the record found before.")),
    _key(
        "data.filter",
        "f",
        "filter",
        N_("Filter"),
        N_("Show only records for which an SQL condition is true."),
        show=True,
    ),
    _key("data.sort", "s", "sort", N_("Sort"), N_("Sort by length, size, source or a column."), show=True),
    _key("data.open", "o", "open", N_("Open"), N_("Open a file, a folder or a run."), show=True),
    _key("data.fate", "t", "fate", N_("Kept, edited, dropped"), N_("Of a run: all, kept, edited, dropped records.")),
    _key(
        "data.charts", "d", "charts", N_("Distributions"), N_("Lengths, languages and sources instead of the record.")
    ),
    _key("data.copy", "y", "copy", N_("Copy"), N_("Copy the record as JSON.")),
    _key("data.editor", "e", "editor", N_("Editor"), N_("Look at the whole record in your editor.")),
    _key("data.reload", "r", "reload", N_("Open again"), N_("Open the same path again.")),
    _key("data.stop", "escape", "stop", N_("Stop"), N_("Stop what is going on; then forget what was found.")),
]
