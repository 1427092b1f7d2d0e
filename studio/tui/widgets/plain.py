"""Text on the screen that is never markup."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from studio.tui.text import plain


class Plain(Static):
    """A piece of text. Strings are made harmless and are never parsed; `Content` comes from `studio.tui.text`."""

    def __init__(self, content: str | Content = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(_safe(content), id=id, classes=classes, markup=False)

    def show(self, content: str | Content, *, same_size: bool = False) -> None:
        """Show something else; with `same_size` the layout of the screen is not done again."""
        self.update(_safe(content), layout=not same_size)


def _safe(content: str | Content) -> Content:
    return content if isinstance(content, Content) else Content("\n".join(map(plain, content.split("\n"))))
