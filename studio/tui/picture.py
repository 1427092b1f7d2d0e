"""A picture of the screen as SVG, with wide characters where the terminal puts them.

Rich states the length of each piece of text in characters; a browser then squeezes Chinese text into half its room.
"""

from __future__ import annotations

import html
import re

from rich.cells import cell_len
from textual.app import App

_CELL = 12.2  # width of a cell in the pictures that Rich draws
_TEXT = re.compile(r'(<text [^>]*?)textLength="[\d.]+"([^>]*>)([^<]*)(</text>)')
_UNIQUE = re.compile(r"terminal-\d+")


def picture(app: App[None], title: str = "studio") -> str:
    """The screen as SVG. The same screen gives the same bytes."""
    drawn = app.export_screenshot(title=title, simplify=False)
    # The title lies outside the matrix of cells and is centred, so it has no length; everything else has one.
    drawn = _TEXT.sub(_measured, drawn)
    return _UNIQUE.sub("terminal-studio", drawn)


def _measured(match: re.Match[str]) -> str:
    begin, end, text, close = match.groups()
    length = round(cell_len(html.unescape(text)) * _CELL, 1)
    return f'{begin}textLength="{length:g}"{end}{text}{close}'
