"""A whole run about documents full of personal data: none of it reaches the server, the ledger of calls or the dataset, and the
way back from a record still leads to the words of the document."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))

from llm_server import FaultyServer, last_user_text
from planted_values import values

from curation.synthesis.documents import text_of
from studio.cli.main import main

PLANTED = values(40)
ENTITIES = sorted({entity for entity, _ in PLANTED})
_LINE = re.compile(r"Member (\d+) of the club can be reached under \S+ at any time of the day\.")


def answer(body: dict[str, Any]) -> str:
    """A question about the member that the prompt shows, answered with what it shows."""
    found = _LINE.search(last_user_text(body))
    assert found is not None
    asked = f"How can member {found[1]} of the club be reached at any time of the day?"
    return json.dumps({"items": [{"question": asked, "answer": found[0], "quote": found[0]}]})


@pytest.mark.parametrize("mask", ["always", "never"])
def test_nothing_planted_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(tmp_path / "runs"))
    said = [
        f"Member {n} of the club can be reached under {value} at any time of the day."
        for n, (_, value) in enumerate(PLANTED)
    ]
    (tmp_path / "members.txt").write_text("\n".join(said) + "\n", encoding="utf-8")
    settings = [
        "source.lines=true", "chunks.minimum=4", "ask.per_chunk=1", "ask.types=[how_to]", "gates.semantic=0", "gates.near=0",
        f"privacy.mask={mask}", f"privacy.entities=[{', '.join(ENTITIES)}]",
    ]  # fmt: skip
    with FaultyServer(answer) as server:
        words = ["generate", "--from-documents", "members.txt", "--model", server.address, "-q"]
        assert main([*words, *(word for setting in settings for word in ("--set", setting))]) == 0
    (folder,) = (tmp_path / "runs").glob("*-generate-*")
    sent = json.dumps([seen.body for seen in server.requests], ensure_ascii=False)
    kept = {name: (folder / name).read_bytes() for name in ("calls.sqlite", "outcomes.jsonl", "dataset/train.jsonl")}
    for _, value in PLANTED:
        there = [value in sent, *(value.encode() in data for data in kept.values())]
        assert there == [mask == "never"] * 4, "what is not masked is found, so that this test can fail"
    records = [json.loads(line) for line in kept["dataset/train.jsonl"].splitlines()]
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert len(records) == summary["counts"]["accepted"] == len(PLANTED)
    assert sum(summary["masked"].values()) == (len(PLANTED) if mask == "always" else 0)
    back = []
    for record in records:
        (span,) = record["spans"]
        back.append(text_of(folder, span["document"])[span["start"] : span["end"]])
    assert back == said
