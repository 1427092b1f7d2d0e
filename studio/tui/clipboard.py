"""Copying through the terminal itself (OSC 52), so that it works over SSH and inside tmux."""

from __future__ import annotations

import base64
from collections.abc import Mapping

MOST = 75_000
"""Bytes copied at most: terminals drop longer sequences silently (xterm and tmux at about 100,000 encoded ones)."""


def osc52(text: str, environment: Mapping[str, str]) -> str:
    """The sequence that puts `text` into the clipboard of the terminal.

    Inside tmux it goes twice: as it is, for `set-clipboard on`, and wrapped for the terminal outside, for
    `allow-passthrough on`. The text travels in base64, so nothing in it can be a sequence of its own.
    """
    encoded = base64.b64encode(text.encode("utf-8", "backslashreplace")).decode("ascii")
    sequence = f"\x1b]52;c;{encoded}\a"
    if environment.get("TMUX"):
        inner = sequence.replace("\x1b", "\x1b\x1b")
        return f"{sequence}\x1bPtmux;{inner}\x1b\\"
    return sequence


def fitting(text: str) -> tuple[str, bool]:
    """`text`, or as much of it as a terminal takes, and whether it is whole."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= MOST:
        return text, True
    return encoded[:MOST].decode("utf-8", "ignore"), False
