"""What docs/benchmarks.md and both READMEs say of speed is what was measured: they are made of benchmarks/results.json."""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from bench_comparisons import COMPARISONS  # noqa: E402
from bench_headline import HEADLINE, WORDS  # noqa: E402
from bench_pages import BEGIN, PAGE, READMES, headline, page, results, with_headline  # noqa: E402
from peers import PEERS  # noqa: E402

AGAIN = "run `python benchmarks/bench.py --pages`"


@pytest.fixture
def found() -> dict[str, Any]:
    return copy.deepcopy(results())


def test_the_page_is_what_was_measured(found: dict[str, Any]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(found), AGAIN


@pytest.mark.parametrize("language", READMES)
def test_the_table_of_a_readme_is_what_was_measured(found: dict[str, Any], language: str) -> None:
    text = READMES[language].read_text(encoding="utf-8")
    assert text == with_headline(text, found, language), AGAIN
    assert text.count(BEGIN) == 1


def line_of(found: dict[str, Any], comparison: str, program: str) -> dict[str, Any]:
    lines = found[comparison]["tables"][0]["rows"]
    return next(line for line in lines if line["program"] == program and "failed" not in line)


@pytest.mark.parametrize("language", READMES)
def test_another_figure_is_another_table(found: dict[str, Any], language: str) -> None:
    before, whole = headline(found, language), page(found)
    line_of(found, "exact", "cleanllm")["cpu"] *= 3
    assert headline(found, language) != before and page(found) != whole
    changed = set(headline(found, language).splitlines()) - set(before.splitlines())
    assert len(changed) == 1 and "cleanllm" in changed.pop()


def test_what_is_not_there_is_told_and_not_guessed(found: dict[str, Any]) -> None:
    line = line_of(found, "exact", "dtflow")
    for key in set(line) - {"program", "processes"}:
        del line[key]
    line["failed"] = "not installed: no such release"
    assert "| dtflow | 1 | not installed: no such release |" in page(found)
    exact = [each for each in headline(found, "en").splitlines() if WORDS["en"]["exact"] in each]
    assert exact and not any("dtflow" in each for each in exact)
    del found["exact"]
    assert "Not measured yet: `exact`" in page(found) and WORDS["en"]["exact"] not in headline(found, "en")


def test_a_readme_without_its_markers_is_an_error(found: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="markers"):
        with_headline("no table here", found, "en")


def test_quick_figures_are_told_as_such(found: dict[str, Any]) -> None:
    for each in found.values():
        each["quick"] = False
    assert WORDS["en"]["quick"] not in headline(found, "en") and "quick run" not in page(found)
    found["exact"]["quick"] = True
    assert WORDS["en"]["quick"] in headline(found, "en") and page(found).count("A quick run") == 1


def test_every_release_is_pinned_and_every_line_is_of_a_comparison() -> None:
    assert all(re.search(r"==\d", peer.package) for peer in PEERS.values())
    assert {line.comparison for line in HEADLINE} <= set(COMPARISONS)
    assert WORDS["en"].keys() == WORDS["zh"].keys() >= {line.comparison for line in HEADLINE}


def test_nothing_names_the_machine(found: dict[str, Any]) -> None:
    import socket

    text = page(found) + Path(ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8")
    assert not re.search(r"/(?:root|home|Users|work|tmp)/|https?://", text)
    assert socket.gethostname() == "localhost" or socket.gethostname() not in text
