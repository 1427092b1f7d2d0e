"""The page about Python is true: its code runs, as one program, from the root of a checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) >= 6
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Did you mean 'length'" in done.stdout or "lenght" in done.stdout
    assert (tmp_path / "runs" / "second" / "report.html").exists()


def test_importing_the_package_is_light() -> None:
    code = "import sys, curation; print([m for m in ('polars', 'pydantic', 'torch', 'numpy') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
