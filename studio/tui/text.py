"""The one way for text that came from data into a widget: harmless characters, never markup, never too long.

Textual lets escape sequences, bidirectional marks and zero-width characters through to the terminal, parses markup in
most places that take a string, and needs 15 s to lay out a megabyte. What comes out of here has none of these problems:
`Content` holds literal characters and is never parsed.
"""

from __future__ import annotations

from rich.cells import set_cell_size
from textual.content import Content

from studio.display import display

LIMIT = 4000
"""Characters of one text that are shown; laying out more is felt (200,000 Chinese ones take 8 s)."""


def block(text: object, *, style: str = "", limit: int = LIMIT) -> Content:
    """`text` over several lines as they are in it, cut with a mark that says how much is left out."""
    return Content.styled(display(text, limit=limit, lines=True).replace("\t", "    "), style)


def line(text: object, *, style: str = "", limit: int = LIMIT) -> Content:
    """`text` on one line: its newlines become visible."""
    return Content.styled(display(text, limit=limit), style)


def hanging(content: Content, width: int, indent: int) -> list[Content]:
    """`content` broken into lines of at most `width` cells; all but the first of a paragraph begin `indent` cells in."""
    lines: list[Content] = []
    for paragraph in content.split("\n", allow_blank=True):
        first = paragraph.wrap(max(8, width))[0]
        lines.append(first)
        rest = paragraph[len(first) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip(" ")) :]
        if rest.plain.strip():
            lines.extend(Content(" " * indent) + each for each in rest.wrap(max(8, width - indent)))
    return lines


def plain(text: object, *, limit: int = LIMIT) -> str:
    """`text` as one harmless line, for what takes a string and does not parse it."""
    return display(text, limit=limit)


def cell(text: object, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` terminal cells, cut with an ellipsis; wide characters are never cut in half."""
    if width <= 0:
        return ""
    whole = str(text)
    cut = whole[: 2 * width + 2]  # a character is a cell or two, and zero-width ones become visible escapes
    shown = display(cut.replace("\n", "↵").replace("\t", " "))
    exact = set_cell_size(shown, width)
    if len(whole) > len(cut) or len(exact.rstrip()) < len(shown.rstrip()):
        return set_cell_size(shown, width - 1).ljust(0) + "…" if width > 1 else exact
    if right:
        bare = exact.rstrip(" ")
        return " " * (len(exact) - len(bare)) + bare
    return exact
