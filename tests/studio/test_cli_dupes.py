"""`studio dupes`: the clusters of a run, and what another threshold would change."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.cli.main import main

RECIPE = "name: tiny\nstages:\n  - use: near\n    keep: first\n"
Run = Callable[..., str]


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A finished run of twenty texts, three with a copy (similarity .96, .85 and .72); and the program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STUDIO_RUNS_DIR", raising=False)
    draw = random.Random(3)
    words = [f"{first}{last}" for first in "bdfglmprst" for last in ("anter", "ilder", "osten", "umber", "essly")]
    texts = [[draw.choice(words) for _ in range(150)] for _ in range(20)]
    for number, changes in enumerate((1, 4, 8)):
        copy = list(texts[number])
        for place in range(changes):
            copy[15 * place + 5] = "stitched"
        texts.append(copy)
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": " ".join(text)}) + "\n" for text in texts))
    (tmp_path / "tiny.yaml").write_text(RECIPE)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    run("curate", "in.jsonl", "--recipe", "tiny.yaml", "--plain", "--no-report")
    return run


def digest(folder: Path) -> dict[str, str]:
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.rglob("*") if f.is_file()}


def test_clusters_show_what_differs(studio: Run) -> None:
    told = studio("dupes", "last")
    assert told.count("2 records alike, 1 dropped") == 3
    assert "{+stitched+}" in told


def test_a_preview_says_which_records_would_change_sides_and_changes_nothing(studio: Run, tmp_path: Path) -> None:
    before = digest(tmp_path / "runs")
    sides = json.loads(studio("dupes", "last", "--set", "near.threshold=0.9", "--json"))
    assert (sides["before"], sides["after"], sides["go"]) == (20, 22, [])
    assert {tuple(item) for item in sides["stay"]} == {("in.jsonl:22", "near"), ("in.jsonl:23", "near")}
    told = studio("dupes", "last", "--set", "near.threshold=0.9", "--most", "1")
    assert "22 records kept instead of 20" in told
    assert "  + in.jsonl:22 near\n    … and 1 more" in told
    assert digest(tmp_path / "runs") == before
    assert sides["after"] == resumed(studio, tmp_path, "near.threshold=0.9")
    back = json.loads(studio("dupes", "last", "--set", "near.threshold=0.7", "--json"))
    assert (back["after"], back["stay"], len(back["go"])) == (20, [], 2)


def resumed(studio: Run, folder: Path, setting: str) -> int:
    """How many records are kept once the setting holds."""
    studio("curate", "--resume", "last", "--set", setting, "--plain")
    (summary,) = folder.glob("runs/*/summary.json")
    kept: int = json.loads(summary.read_bytes())["counts"]["kept"]
    return kept


def test_a_preview_hashes_nothing_again(studio: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.stages.near import Near

    hashed: list[int] = []
    plain = Near.fingerprint
    monkeypatch.setattr(Near, "fingerprint", lambda *given: (hashed.append(1), plain(*given))[1])
    studio("dupes", "last", "--set", "near.threshold=0.9", "--json")
    assert hashed == []
    studio("dupes", "last", "--set", "near.words=2", "--json")
    assert hashed == [1]
