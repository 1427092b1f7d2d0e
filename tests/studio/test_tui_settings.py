"""Settings from a file: what is right is taken, what is wrong is named with the nearest right spelling."""

from pathlib import Path

import pytest

from studio.tui.settings import Settings, load_settings, settings_path, unknown_keys


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load_settings(path)


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "absent.toml") == Settings()


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    text = 'language = "zh_CN"\ntheme = "light"\nanimation = "none"\n[keys]\n"data.find" = "ctrl+f,slash"\n'
    found = load(tmp_path, text)
    assert found == Settings("zh_CN", "light", "none", {"data.find": "ctrl+f,slash"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('thme = "dark"', "Did you mean 'theme'?"),
        ('language = "klingon"', "en, zh_CN"),
        ("animation = 3", "none, basic, full"),
        ("theme = 3", "theme"),
        ("keys = 3", "keys"),
        ('[keys]\n"data.find" = 3', "keys.data.find"),
        ("this is no TOML", "cannot be read"),
    ],
)
def test_mistakes_are_said_and_the_rest_is_taken(tmp_path: Path, text: str, said: str) -> None:
    found = load(tmp_path, text)
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert (found.language, found.theme, found.animation, dict(found.keys)) == (None, "dark", None, {})


def test_unknown_binding_ids_are_named(tmp_path: Path) -> None:
    found = unknown_keys(Settings(keys={"data.fnd": "x", "data.find": "y"}), tmp_path, ["data.find", "app.quit"])
    assert len(found) == 1
    assert "data.fnd" in found[0] and "Did you mean 'keys.data.find'?" in found[0]


def test_where_the_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_CONFIG", str(tmp_path / "x.toml"))
    assert settings_path() == tmp_path / "x.toml"
    monkeypatch.delenv("STUDIO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_path() == tmp_path / "studio" / "config.toml"
