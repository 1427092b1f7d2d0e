# ruff: noqa: E501 - tables are easier to read in long lines
"""Texts that try to steer a terminal, hide something, or break a markup parser: families of them, made by rule."""

from __future__ import annotations

import itertools

_INTRODUCERS = {
    "7-bit": ("\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX"),
    "8-bit": ("\x9b", "\x9d", "\x90", "\x9f", "\x9e", "\x98"),
}
_ENDS = ("\a", "\x1b\\", "\x9c", "")
_CSI = (
    "2J",
    "3J",
    "H",
    "?1049l",
    "?1049h",
    "?25l",
    "?1000h",
    "?2004h",
    "31m",
    "6n",
    "c",
    ">c",
    "0;0r",
    "100A",
    "1P",
    "!p",
    "?5h",
    "8;1;1t",
    "21t",
    "4h",
)
_OSC = (
    "0;OWNED", "2;OWNED", "1;OWNED", "52;c;T1dORUQ=", "52;p;?", "8;;http://owned.example", "9;owned", "9;7;owned", "777;notify;o;w",
    "4;1;?", "10;?", "11;rgb:ff/00/00", "1337;File=name=b3duZWQ=:AAAA", "133;A", "7;file:///owned", "50;owned", "104",
)  # fmt: skip
_OTHER = ("$qm", "+q544e", "tmux;\x1b\x1b]0;OWNED\a", "q#0;2;0;0;0#0~~", "Gf=100;AAAA")
_ALONE = (
    "\x00", "\x01", "\x04", "\x05", "\a", "\b", "\x0b", "\f", "\r", "\x0e", "\x0f", "\x11", "\x13", "\x1a", "\x1b", "\x1bc", "\x1b7",
    "\x1bM", "\x1b#8", "\x1b(0", "\x1bD", "\x1bE", "\x1b=", "\x7f", "\x80", "\x84", "\x85", "\x8d", "\x9a", "\x9c",
)  # fmt: skip
_HIDDEN = (
    "\u202e", "\u202d", "\u202a", "\u202b", "\u202c", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f", "\u061c", "\u200b",
    "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u115f", "\u3164", "\uffa0", "\u2028", "\u2029", "\u180e", "\ufff9",
    "\U000e0001", "\U000e0041",
)  # fmt: skip


def escapes() -> list[str]:
    """At least 120 texts with control, bidirectional or invisible characters. Each holds the word OWNED or owned."""
    found = []
    for width in ("7-bit", "8-bit"):
        csi, osc, dcs, apc, pm, sos = _INTRODUCERS[width]
        found += [f"owned {csi}{body} owned" for body in _CSI]
        found += [f"owned {osc}{body}{end} owned" for body, end in zip(_OSC, itertools.cycle(_ENDS))]
        found += [
            f"owned {begin}{body}{end} owned"
            for (body, begin), end in zip(zip(_OTHER, itertools.cycle((dcs, apc, pm, sos))), itertools.cycle(_ENDS))
        ]
    found += [f"owned {character} OWNED" for character in (*_ALONE, *_HIDDEN)]
    found += [
        "owned " + "\x1b" * 50,
        "owned \x1b[" + "9" * 400 + "m",
        "owned \r\nowned\x1b]0;OWNED\a",
        "e" + "\u0301" * 60 + " owned",
    ]
    return found


def markups() -> list[str]:
    """At least 60 texts that mean something to a markup parser, or break it. Each holds the word literal."""
    tags = (
        "b",
        "/",
        "/b",
        "@click=app.exit()",
        "@click=quit",
        "link=file:///etc/passwd",
        'link="file:///x"',
        "red on blue",
        "#ff0000",
        "$error",
        "not a style",
        "=",
        "b]]",
        "[",
        "\\",
        "!",
        "on",
        "reverse",
        "blink",
        "auto 50%",
    )
    found = (
        [f"literal [{tag}]x[/]" for tag in tags]
        + [f"[{tag}literal" for tag in tags]
        + [f"literal{'[' * n}/{']' * n}" for n in range(1, 8)]
    )
    found += [
        f"literal [{tag}]"
        for tag in (
            "/nothing",
            "b",
            "/b",
            "i",
            "u",
            "/i][/u",
            "dim][/bold",
            "click",
            "@",
            "@click",
            "@click=",
            "link",
            "link=",
        )
    ]
    return [
        *found,
        "literal \\[b]",
        "literal [[b]]",
        "literal [b",
        "literal ]b[",
        "literal :smile: [/]",
        "literal {n} %s %(x)s {0}",
    ]
