"""Four themes by plain names; Textual's own stay available under theirs."""

from __future__ import annotations

from textual.theme import Theme

NAMES = {"dark": "textual-dark", "light": "textual-light", "ansi": "ansi-dark", "monochrome": "studio-monochrome"}

MONOCHROME = Theme(
    name="studio-monochrome",
    primary="#ffffff",
    secondary="#c0c0c0",
    warning="#ffffff",
    error="#ffffff",
    success="#ffffff",
    accent="#ffffff",
    foreground="#e0e0e0",
    background="#000000",
    surface="#000000",
    panel="#202020",
    boost="#303030",
    dark=True,
    variables={
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#ffffff",
        "footer-key-foreground": "#ffffff",
        "input-selection-background": "#808080",
    },
)


def theme_name(setting: str) -> str:
    """Textual's name for a theme of ours; any other name is taken for one of Textual's."""
    return NAMES.get(setting, setting)
