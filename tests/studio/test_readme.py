"""What the READMEs show is what a run really prints, and they know every verb and every stage."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.engine.local import curate
from curation.recipe import Recipe
from curation.registry import BUILT_IN
from studio.cli.main import VERBS
from studio.cli.summary import funnel, law, quarantine

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.zh-CN.md"]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The funnel, the law and the quarantine of the first run that the README describes."""
    inputs = [str(ROOT / "datasets" / name) for name in ("support_desk.jsonl", "qa_zh.csv")]
    folder = tmp_path_factory.mktemp("runs") / "first"
    summary = curate(inputs, Recipe.load("sft"), folder, listener=lambda event: None, workers=1)
    return "\n\n".join([funnel(summary), law(summary["counts"]), quarantine(summary)])


@pytest.mark.parametrize("name", READMES)
def test_the_first_run_is_shown_as_it_is(printed: str, name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert shown is not None
    assert [line.rstrip() for line in shown[1].splitlines()] == [line.rstrip() for line in printed.splitlines()]
    assert text.count(re.findall("^read .*", printed, re.MULTILINE)[0]) == 2  # also at the top


@pytest.mark.parametrize("name", READMES)
def test_every_stage_is_named_and_every_verb_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [stage for stage in BUILT_IN if f"`{stage}`" not in text] == []
    used = set(re.findall(r"studio ([a-z]+)", "\n".join(re.findall(r"`studio [^`]*`|^(?:\$ )?studio .*$", text, re.M))))
    assert used <= set(VERBS)
    assert {"curate", "why", "inspect", "recipes", "runs", "schema", "convert"} <= used


def test_the_index_of_the_documentation_has_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()


def test_both_readmes_have_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]

    assert commands(READMES[0]) == commands(READMES[1])
