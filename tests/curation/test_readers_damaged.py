"""The corpus of damaged inputs: nothing crashes, everything is accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from damaged import Damaged, write_damaged

from curation import errors
from curation.readers import QUARANTINE_REASONS, Bad, BadRecord, find_sources, parse_payload, read_chunks


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> list[Damaged]:
    return write_damaged(tmp_path_factory.mktemp("damaged"))


def account(path: str) -> tuple[int, list[Bad], int]:
    """Good records, everything bad in order of its place, blank lines."""
    good = blank = 0
    bad: list[Bad] = []
    for source in find_sources([path]):
        for chunk in read_chunks(source, chunk_records=100, chunk_bytes=1 << 20):
            bad += chunk.bad
            blank += chunk.blank
            for line, offset, payload in zip(chunk.lines, chunk.offsets, chunk.payloads, strict=True):
                try:
                    parse_payload(payload)
                    good += 1
                except BadRecord as error:
                    bad.append(Bad(source.name, line, offset, error.reason, error.detail, payload))
    return good, sorted(bad, key=lambda item: item.line or 0), blank


def test_every_damaged_input_is_accounted_for(damaged: list[Damaged]) -> None:
    wrong = []
    for case in damaged:
        try:
            good, bad, blank = account(str(case.path))
        except errors.StudioError as error:
            if type(error).__name__ != case.error or not error.hint or case.path.name not in error.message:
                wrong.append(f"{case.name}: {type(error).__name__}: {error.message} ({error.hint})")
            continue
        reasons = dict(Counter(item.reason for item in bad))
        at = bad[0].line if bad and case.at is not None else None
        if case.error or (good, reasons, blank, at) != (case.good, case.bad, case.blank, case.at):
            wrong.append(f"{case.name}: {good} good, {reasons}, {blank} blank, first at {at}; expected {case}")
    assert not wrong, "\n".join(wrong)


def test_there_are_over_a_hundred_and_no_two_are_alike(damaged: list[Damaged]) -> None:
    assert len(damaged) >= 100
    assert len({case.name for case in damaged}) == len(damaged)
    contents = [case.path.read_bytes() for case in damaged if case.path.is_file() and case.path.parent.name != "places"]
    assert len(set(contents)) >= 100


def test_every_reason_of_the_readers_occurs(damaged: list[Damaged]) -> None:
    of_formats = {"unknown_format", "wrong_format", "no_text"}
    assert {reason for case in damaged for reason in case.bad} == set(QUARANTINE_REASONS) - of_formats


def test_the_generator_is_deterministic(damaged: list[Damaged], tmp_path: Path) -> None:
    for case, again in zip(damaged, write_damaged(tmp_path / "again"), strict=True):
        assert case.name == again.name
        if case.path.is_file() and case.path.stat().st_size < 1 << 20:
            assert case.path.read_bytes() == again.path.read_bytes(), case.name
