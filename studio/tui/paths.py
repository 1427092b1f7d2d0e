"""Completing paths while they are typed."""

from __future__ import annotations

import os
from pathlib import Path

from textual.suggester import Suggester

from studio.tui.text import plain


class PathSuggester(Suggester):
    """The first file or folder whose name begins like the last part typed. Names that could fool a terminal are left
    out, and so are hidden ones.
    """

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, or None."""
        folder, _slash, begun = value.rpartition("/")
        where = Path(folder + "/" if _slash else ".").expanduser()
        try:
            with os.scandir(where) as entries:
                names = sorted((e.name, e.is_dir()) for e in entries if e.name.startswith(begun) and e.name[0] != ".")
        except OSError:
            return None
        for name, is_folder in names:
            if name != begun and plain(name) == name:
                return f"{folder}{_slash}{name}{'/' if is_folder else ''}"
        return None
