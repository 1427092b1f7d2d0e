"""The pages that are read off the code, and the links between pages, cannot drift."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curation.recipe_schema import describe_stage
from curation.reference import reference
from curation.registry import BUILT_IN

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("datasets/*.md")])


def test_the_page_says_what_the_classes_say() -> None:
    assert (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_stage_parameter_and_reason_is_told(name: str) -> None:
    stage = describe_stage(name)
    section = reference().split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert stage.text in section
    for parameter in stage.parameters:
        assert f"| `{parameter.name}` |" in section
        assert parameter.help, parameter.name
    for reason, sentence in stage.reasons.items():
        assert f"| `{reason}` | {html.escape(sentence.split()[0], quote=False)}" in section


def test_it_is_written_from_the_command_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    subprocess.run([sys.executable, "-m", "curation.reference", str(page)], check=True, cwd=ROOT)
    assert page.read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target
