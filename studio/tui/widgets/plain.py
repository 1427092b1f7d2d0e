"""Text on the screen that is never markup."""

from __future__ import annotations

from typing import Self

from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from studio.tui.text import plain


class Plain(Static):
    """A piece of text. Strings are made harmless and are never parsed; `Content` comes from `studio.tui.text`.

    Where as many lines as before are shown, only those that differ are drawn again: over a slow connection, a run that is
    followed costs a few hundred bytes a look instead of the whole pane.
    """

    def __init__(self, content: str | Content = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        self._lines: list[Content] = _safe(content).split(allow_blank=True)
        self._differing: tuple[Region, ...] = ()
        super().__init__(_safe(content), id=id, classes=classes, markup=False)

    def show(self, content: str | Content, *, same_size: bool = False) -> None:
        """Show something else; with `same_size` the layout of the screen is not done again."""
        safe = _safe(content)
        before, self._lines = self._lines, safe.split(allow_blank=True)
        if not self._keeps_its_lines(before):
            self.update(safe, layout=not same_size)
            return
        pairs = enumerate(zip(before, self._lines, strict=True))
        self._differing = tuple(Region(0, y, self.size.width, 1) for y, (old, new) in pairs if not old.is_same(new))
        if self._differing:
            self.update(safe, layout=False)
        self._differing = ()

    def _keeps_its_lines(self, before: list[Content]) -> bool:
        """Whether each line stands where it stood: none more, none less, and none that is broken for its length."""
        width = self.size.width
        styles = self.styles
        if (
            not self.is_mounted
            or not width
            or len(before) != len(self._lines)
            or styles.text_align not in ("left", "start")
        ):
            return False
        if (styles.width is not None and styles.width.is_auto) or "\t" in "".join(line.plain for line in self._lines):
            return False
        return all(line.cell_length <= width for line in (*before, *self._lines))

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw again: while `show` goes on, the lines that differ only."""
        return super().refresh(*(regions or self._differing), repaint=repaint, layout=layout, recompose=recompose)


def _safe(content: str | Content) -> Content:
    return content if isinstance(content, Content) else Content("\n".join(map(plain, content.split("\n"))))
