"""The language of the interface: English in the code, other languages from `locale/` by gettext.

Strings on classes (binding descriptions, help) are marked with `N_` and translated when they are shown, so that one
process can show both languages. Data, reasons and file names are never translated.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
DOMAIN = "studio"
LANGUAGES = ("en", "zh_CN")

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def language_for(setting: str | None, environment: Mapping[str, str] | None = None) -> str:
    """The language to use: the setting if there is one, else what the locale says, else English."""
    if setting in LANGUAGES:
        return setting
    environment = os.environ if environment is None else environment
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(variable, "")
        if value:  # the first that is set decides, even against us
            return "zh_CN" if value.split(".")[0].startswith("zh") else "en"
    return "en"


def use_language(language: str) -> None:
    """From now on `_` translates into `language`; a language without a catalogue stays English."""
    global _catalogue
    _catalogue = gettext.translation(DOMAIN, LOCALE, [language], fallback=True)


def _(message: str) -> str:
    """The message in the language in use."""
    return _catalogue.gettext(message) if message else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The message for this number of things, in the language in use."""
    return _catalogue.ngettext(one, many, number)


def N_(message: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a message for translation where it stands; `_` translates it where it is shown."""
    return message
