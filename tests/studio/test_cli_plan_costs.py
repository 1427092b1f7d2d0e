"""`studio curate --dry-run` says what dear stages take, and loads nothing to know it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def plan(folder: Path, recipe: str, *more: str) -> str:
    (folder / "a.jsonl").write_text(
        "".join(json.dumps({"question": f"What is {n}?", "answer": f"It is {n}. " * 40}) + "\n" for n in range(300))
    )
    (folder / "r.yaml").write_text(recipe)
    code = (
        "import sys; from studio.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert not {'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)"
    )
    asked = ["curate", "--in", "a.jsonl", "--recipe", "r.yaml", "--dry-run", *more]
    environment = {**os.environ, "STUDIO_CACHE": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, *asked], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_dear_stage_is_told_with_its_time(tmp_path: Path) -> None:
    recipe = "name: r\nstages:\n  - use: ifd\n    model: nobody/has-it\n"
    told = plan(tmp_path, recipe, "--workers", "1")
    assert "What it costs" in told
    (line,) = [line for line in told.splitlines() if line.startswith("  ifd: ")]
    assert "on 1 cores, for 3" in line  # about 300 records
    (cost,) = json.loads(plan(tmp_path, recipe, "--workers", "1", "--limit", "30", "--json"))["costs"]
    assert cost["stage"] == "ifd" and cost["records"] == 30 and cost["seconds"] > 0


def test_a_cheap_recipe_has_no_such_part(tmp_path: Path) -> None:
    assert "What it costs" not in plan(tmp_path, "name: r\nstages:\n  - use: exact\n")
