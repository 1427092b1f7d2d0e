"""The recipe as YAML, read-only: comments dim, the stage under the cursor marked at its left."""

from __future__ import annotations

from textual.content import Content

from studio.tui.i18n import N_
from studio.tui.text import line
from studio.tui.widgets.scrolled import ScrolledText


class YamlView(ScrolledText):
    """The screen sets `show_yaml`."""

    HELP = N_("The recipe as it will be saved, with its comments. e opens it in your editor, w saves it.")

    def show_yaml(self, text: str, marked: range) -> None:
        """The text, with the lines of `marked` (from 0) marked and in sight."""
        drawn = [_drawn(each, marked=number in marked) for number, each in enumerate(text.splitlines())]
        self.show(Content("\n").join(drawn))
        if len(marked):
            self.call_after_refresh(self._reveal, marked.start)

    def _reveal(self, top: int) -> None:
        height = self.scrollable_content_region.height
        if not self.scroll_offset.y <= top < self.scroll_offset.y + height - 2:
            self.scroll_to(y=max(0, top - height // 3), animate=False)


def _drawn(text: str, *, marked: bool) -> Content:
    body, comment = _cut(text)
    shown = Content.assemble(line(body), line(comment, style="dim"))
    return Content.assemble(("▎" if marked else " ", "$text-accent"), shown)


def _cut(text: str) -> tuple[str, str]:
    """What stands before a comment, and the comment. A # inside quotes is none."""
    quote = ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (place == 0 or text[place - 1] in " [{,"):
            quote = character
        elif character == "#" and (place == 0 or text[place - 1] in " \t"):
            return text[:place], text[place:]
    return text, ""
