"""Nothing that came from data may steer a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.display import display

HOSTILE = {
    "window title": ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    "clipboard": ("\x1b]52;c;aGk=\x1b\\", "\\x1b]52;c;aGk=\\x1b\\"),
    "C1 introducer": ("\x9b31m", "\\x9b31m"),
    "carriage return": ("good\rbad", "good\\rbad"),
    "backspace": ("a\x08b", "a\\x08b"),
    "nul": ("a\x00b", "a\\x00b"),
    "delete": ("a\x7fb", "a\\x7fb"),
    "right to left override": ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
    "isolate": ("\u2066x\u2069", "\\u2066x\\u2069"),
    "zero width space": ("pass\u200bword", "pass\\u200bword"),
    "byte order mark": ("\ufeffx", "\\ufeffx"),
    "soft hyphen": ("a\u00adb", "a\\xadb"),
    "line separator": ("a\u2028b", "a\\u2028b"),
    "next line": ("a\u0085b", "a\\x85b"),
    "hangul filler": ("a\u3164b", "a\\u3164b"),
    "tag character": ("a\U000e0041b", "a\\U000e0041b"),
    "lone surrogate": ("a\ud800b", "a\\ud800b"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_characters_become_visible(name: str) -> None:
    text, shown = HOSTILE[name]
    assert display(text) == shown
    assert display(text, lines=True) == shown


def test_newlines_and_tabs_stay_only_where_lines_are_wanted() -> None:
    assert display("a\n\tb") == "a\\n\\tb"
    assert display("a\n\tb", lines=True) == "a\n\tb"


def test_ordinary_text_of_any_script_is_left_alone() -> None:
    text = "naïve 中文，日本語。 한국어 العربية हिन्दी 👍🏽 ❤️ [b]x[/b] \\x1b"
    assert display(text) == text


def test_a_cut_is_said() -> None:
    assert display("x" * 10, limit=4) == "xxxx… (6 more characters)"
    assert display("x" * 4, limit=4) == "xxxx"


@given(st.text(st.characters()) | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_what_is_shown_always_encodes_and_holds_no_control(text: str) -> None:
    shown = display(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert "\u202e" not in shown
    assert display(shown) == shown
