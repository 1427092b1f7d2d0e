"""What tests of every package share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample data that comes with the project."""
    return ROOT / "datasets"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real data kept beside the project, or where STUDIO_DATA points; tests that need it are skipped without it."""
    folder = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set STUDIO_DATA)")
    return folder
