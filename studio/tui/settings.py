"""What a user may set, in `config.toml`: language, theme, animation, keys. A mistake there is said, never fatal."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from curation.errors import nearest
from studio.tui.i18n import LANGUAGES, _

PATH_VARIABLE = "STUDIO_CONFIG"
THEMES = ("dark", "light", "ansi", "monochrome")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "language": LANGUAGES,
    "theme": THEMES,
    "animation": ("none", "basic", "full"),
}


@dataclass(frozen=True)
class Settings:
    """The settings in force.

    language: one of LANGUAGES, or None to follow the locale. theme: one of THEMES, or any of Textual's own. animation:
    none, basic or full; None stands for basic, and for none over SSH. keys: binding ids to comma-separated keys.
    problems: what was wrong with the file, one sentence each.
    """

    language: str | None = None
    theme: str = "dark"
    animation: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def animation_for(self, environment: Mapping[str, str]) -> str:
        """The level of animation: as set, else none over SSH, where each frame costs traffic."""
        return self.animation or ("none" if environment.get("SSH_CONNECTION") else "basic")


def settings_path() -> Path:
    """Where the settings are: $STUDIO_CONFIG, or `studio/config.toml` where the system keeps such files."""
    if named := os.environ.get(PATH_VARIABLE):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("studio") / "config.toml"


def load_settings(path: Path) -> Settings:
    """The settings of a file; what is missing or wrong stays as it is by default, and is said in `problems`."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        return Settings(problems=(_("{path} cannot be read: {error}").format(path=path, error=error),))
    known = [each.name for each in fields(Settings) if each.name != "problems"]
    problems: list[str] = []
    taken: dict[str, Any] = {}
    for name, value in found.items():
        if name not in known:
            problems.append(_unknown(path, name, known))
        elif name == "keys":
            taken["keys"] = _keys(path, value, problems)
        elif (name in _CHOICES and name != "theme" and value not in _CHOICES[name]) or not isinstance(value, str):
            problems.append(_unfit(path, name, value))
        else:
            taken[name] = value
    return Settings(**taken, problems=tuple(problems))


def unknown_keys(settings: Settings, path: Path, known: Iterable[str]) -> list[str]:
    """A sentence for each binding id in the settings that no binding has."""
    ids = list(known)
    return [
        _unknown(path, f"keys.{name}", [f"keys.{each}" for each in ids]) for name in settings.keys if name not in ids
    ]


def _keys(path: Path, value: object, problems: list[str]) -> dict[str, str]:
    if not isinstance(value, dict):
        problems.append(_unfit(path, "keys", value))
        return {}
    wrong = [name for name, keys in value.items() if not isinstance(keys, str) or not keys.strip()]
    problems.extend(_unfit(path, f"keys.{name}", value[name]) for name in wrong)
    return {name: keys for name, keys in value.items() if name not in wrong}


def _unknown(path: Path, name: str, known: Iterable[str]) -> str:
    return _("{path}: there is no setting '{name}'. {hint}").format(path=path, name=name, hint=nearest(name, known))


def _unfit(path: Path, name: str, value: object) -> str:
    choices = ", ".join(_CHOICES.get(name, ())) or _("text")
    return _("{path}: '{name}' is {value!r}; it should be one of: {choices}.").format(
        path=path, name=name, value=value, choices=choices
    )
