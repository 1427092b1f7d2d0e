"""Damaged inputs through the whole engine: no crash, every line accounted for with its file, line and reason."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from damaged import Damaged, write_damaged
from engine_inputs import run

from curation.errors import InputError
from curation.formats import FORMAT_REASONS
from curation.readers import QUARANTINE_REASONS

RECIPE = "stages: [{use: split, validation: 0}]"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> list[Damaged]:
    return write_damaged(tmp_path_factory.mktemp("damaged"))


def test_all_damaged_files_at_once_end_with_a_dataset_and_a_full_account(
    damaged: list[Damaged], tmp_path: Path
) -> None:
    readable = [case for case in damaged if not case.error and case.path.is_file() and not case.path.is_symlink()]
    assert len(readable) >= 100
    summary = run(tmp_path / "run", *(case.path for case in readable), recipe=RECIPE, workers=2)
    counts = summary["counts"]
    assert counts["read"] == counts["kept"] + counts["dropped"] + counts["quarantined"] + counts["blank"]
    entries = [json.loads(line) for line in (tmp_path / "run" / "quarantine.jsonl").read_bytes().splitlines()]
    assert len(entries) == counts["quarantined"]
    known = {**QUARANTINE_REASONS, **FORMAT_REASONS}
    for entry in entries:
        assert entry["source"] and entry["reason"] in known
        # A stream that breaks before its first line, or a binary container, has no line to name.
        assert entry["line"] is not None or entry["reason"] == "truncated"
        assert "raw" in entry or "raw_base64" in entry
    found = {row["path"]: row for row in summary["sources"]}
    by_source = Counter((entry["source"], entry["reason"]) for entry in entries)
    for case in readable:
        row = found[str(case.path)]
        assert row["blank"] == case.blank, case.name
        for reason, number in case.bad.items():
            assert by_source[row["source"], reason] == number, case.name
        # A good object may still be of no known format; nothing else may be missing.
        unknown = sum(by_source[row["source"], reason] for reason in FORMAT_REASONS)
        assert row["records"] + unknown == case.good, case.name


def test_files_that_cannot_be_read_at_all_are_typed_errors(damaged: list[Damaged], tmp_path: Path) -> None:
    broken = [case for case in damaged if case.error]
    assert broken
    for number, case in enumerate(broken):
        with pytest.raises(InputError) as error:
            run(tmp_path / str(number), case.path, recipe=RECIPE, workers=1)
        assert error.value.hint
        assert not (tmp_path / str(number) / "dataset").exists()
