"""Two languages: every text of the interface is translated, and what is compiled is what was translated."""

import ast
import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import studio.tui
from studio.tui.bindings import every_binding
from studio.tui.i18n import LOCALE, _, language_for, ngettext, use_language

CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/studio.po"))
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def used() -> set[str]:
    """Every message in the code, of plurals the singular."""
    found = extract_from_dir(str(Path(studio.tui.__file__).parent), keywords=KEYWORDS)
    return {message if isinstance(message, str) else message[0] for _file, _line, message, _comments, _context in found}


def test_no_message_hides_in_a_formatted_string() -> None:
    """There it is not found by what collects messages, and stays English."""
    hidden = [
        f"{path.name}:{call.lineno}"
        for path in Path(studio.tui.__file__).parent.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_every_message_is_translated_and_none_is_left_over(path: Path) -> None:
    catalogue = read_po(io.BytesIO(path.read_bytes()))
    known = {
        message.id if isinstance(message.id, str) else message.id[0]: message for message in catalogue if message.id
    }
    assert set(known) == used(), "run 'make messages' and translate what is new"
    for message in known.values():
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), f"not translated: {message.id}"
        assert not message.fuzzy
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        for string in strings:
            assert set(re.findall(r"\{\w+", string)) == set(re.findall(r"\{\w+", originals[-1])), message.id


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_compiled_catalogues_are_those_of_the_sources(path: Path) -> None:
    made = io.BytesIO()
    write_mo(made, read_po(io.BytesIO(path.read_bytes())))
    assert path.with_suffix(".mo").read_bytes() == made.getvalue(), "run 'make messages'"


def test_words_on_bindings_are_translated() -> None:
    use_language("zh_CN")
    try:
        for binding in every_binding():
            assert _(binding.description) != binding.description or not binding.description.isascii(), binding
            assert _(binding.tooltip) != binding.tooltip, binding
    finally:
        use_language("en")


def test_switching_languages_in_one_process() -> None:
    use_language("zh_CN")
    assert (_("Quit"), ngettext("{n} run going on", "{n} runs going on", 2).format(n=2)) == ("退出", "2 个运行正在进行")
    use_language("en")
    assert (_("Quit"), ngettext("{n} run going on", "{n} runs going on", 2).format(n=2)) == ("Quit", "2 runs going on")
    use_language("tlh")
    assert _("Quit") == "Quit"
    assert _("") == ""


@pytest.mark.parametrize(
    ("setting", "environment", "language"),
    [
        (None, {}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        (None, {"LANG": "zh_TW.UTF-8"}, "zh_CN"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LANG": "en_GB", "LC_MESSAGES": "zh_CN"}, "zh_CN"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("zh_CN", {}, "zh_CN"),
    ],
)
def test_the_setting_decides_and_then_the_locale(
    setting: str | None, environment: dict[str, str], language: str
) -> None:
    assert language_for(setting, environment) == language
