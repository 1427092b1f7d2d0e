"""What tests of every package share."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("same", derandomize=True)
if not os.environ.get("STUDIO_RANDOM"):  # with it, properties are tried on other examples each time
    settings.load_profile("same")

# A shell that starts the tests in the background has them ignore these, and programs that they start would do so, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

gc.set_threshold(10_000, 10, 20)  # as many objects as an interface makes while it is drawn, a few times over
_MANY = 200  # modules: an import of this size makes objects by the hundred thousand
_settled = {"file": "", "modules": 0}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take what stays for good (imports, tables, the tests themselves) out of the way of the garbage collector.

    A full collection looks at every object of a process, half a second's worth after torch and spaCy, and trainers and
    widgets bring one about again and again: it took a third of the time of some files. What was collected before is frozen,
    so that only what the file at hand makes is looked at; and the collector comes less often.
    """
    modules = len(sys.modules)
    if str(item.path) != _settled["file"] or modules > _settled["modules"] + _MANY:
        gc.collect()
        gc.freeze()
        _settled.update(file=str(item.path), modules=modules)


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
