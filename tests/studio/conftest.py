"""Tests of this folder may share plain modules that lie beside them; none of them reads the settings of whoever runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings, no SSH, and a language by choice only."""
    monkeypatch.setenv("STUDIO_CONFIG", str(tmp_path / "no-config.toml"))
    for name in ("SSH_CONNECTION", "TMUX", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
