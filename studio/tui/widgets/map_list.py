"""Maps, one a line; how far one is that is being made; and a record of one."""

from __future__ import annotations

from textual.content import Content

from studio.tui.i18n import N_, _
from studio.tui.widgets.generate_list import GenerateList
from studio.tui.widgets.scrolled import ScrolledText


class MapList(GenerateList):
    """The screen sets `show`."""

    HELP = N_(
        "Maps, newest first: topics, records, how many topics are thin or crowded, and what the map was made of. enter opens "
        "one, n makes a new one."
    )

    def header(self, width: int) -> Content | None:
        """What the columns are."""
        return Content.styled(self._row(("", _("run"), _("topics, records, made of"), _("started")), width), "dim")


class MakingPane(ScrolledText):
    """A map that is not there yet."""

    HELP = N_(
        "The map while it is made: records are read and embedded, then topics are found, named and laid out. It is a process "
        "of its own: quit, come back, stop it with s, let it go on with c."
    )


class PointPane(ScrolledText):
    """One record of the map."""

    HELP = N_(
        "The record under the cursor: its topic, what became of it, what was measured. w reads its texts whole, with what every "
        "stage decided."
    )
