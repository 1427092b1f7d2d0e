"""Where the usual case has a way of its own, it gives what the general way gives."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from batches import batch_of, joined
from finished_run import Run
from hypothesis import given
from hypothesis import strategies as st

from curation.collector import at_rest
from curation.engine.finish import length_bins
from curation.formats.unseen import unseen, with_unseen
from curation.ledger import stories
from curation.readers import BadRecord, parse_payload
from curation.schema import Batch
from curation.stages.cleaning.blanks import tidy_blanks
from curation.writers import render_lines

CHATS = [[("user", "one"), ("assistant", "two")], [("user", "three")]]


@pytest.mark.parametrize("texts", [["a", "", "ccc"], []])
def test_records_of_one_turn_are_told_like_those_beside_longer_ones(texts: list[str]) -> None:
    alone, beside = batch_of(texts), joined(batch_of(texts), batch_of(CHATS, source="b"))
    assert alone.texts("record").equals(beside.texts("record").head(len(texts)))
    assert alone.texts("record").schema == beside.texts("record").schema
    assert alone.texts("answer").equals(beside.texts("answer").head(len(texts)))
    assert render_lines(alone, None)[0] == render_lines(beside, None)[0][: len(texts)]
    extra = length_bins(batch_of(CHATS, source="b"))
    assert [one + more for one, more in zip(length_bins(alone), extra, strict=True)] == length_bins(beside)


def test_a_turn_that_is_not_the_first_is_not_taken_for_the_only_one() -> None:
    batch = batch_of(["a", "b"])
    moved = Batch(batch.records, batch.turns.with_columns(turn=pl.lit(1, dtype=pl.Int32)))
    with pytest.raises(ValueError, match="out of order"):
        render_lines(moved, None)


@given(st.lists(st.sampled_from(["a", "b", " ", "\t", "\u3000", "\u00a0", "|", "- ", "{", "    "]), max_size=12))
def test_one_line_is_tidied_like_a_line_among_others(pieces: list[str]) -> None:
    line = "".join(pieces)
    between = tidy_blanks(f"x\n{line}\nx")
    bare = tidy_blanks(line)
    assert bare.strip(" \t") == between.removeprefix("x\n").removesuffix("\nx").removesuffix("\nx").strip(" \t\n")


@pytest.mark.parametrize("meta", ['{"text":0}', '{"images":["a.png"],"text":0}', '{"tools":"x"}', '{"note":"tools"}'])
def test_metas_left_out_have_nothing_unseen(meta: str) -> None:
    assert unseen(meta) == "" or with_unseen(pl.Series([meta])) == [0]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(['"a"', '"b"', '"\\u0061"', '"c\\""']),
            st.sampled_from(
                ['"\\u0022"', '"\\u0022\\u0022"', '"\\""', '""', "1", "1e400", "12345678901234567890123", "[]"]
            ),
        ),
        max_size=4,
    )
)
def test_a_key_given_twice_never_passes(pairs: list[tuple[str, str]]) -> None:
    payload = ("{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}").encode()
    names = [key.replace("\\u0061", "a") for key, _ in pairs]
    try:
        found = parse_payload(payload)
    except BadRecord:
        return
    assert len(names) == len(set(names)) == len(found)
    assert all(isinstance(value, int) for (_, text), value in zip(pairs, found.values(), strict=True) if text[0] == "1")


def test_stories_come_in_the_order_asked_for_from_whatever_shards(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    ids = [run.add(("text", f"text {place}")) for place in range(9)]
    run.decide(ids[7], "length", "drop", "too_short")
    run.write({"length": "length"}, shards=3)
    asked = [ids[7], ids[0], ids[8], ids[7], "a.jsonl:99", "elsewhere:1", ids[4]]
    told = stories(tmp_path / "run", asked)
    assert [story.record_id for story in told] == [ids[7], ids[0], ids[8], ids[7], ids[4]]
    assert [story.turns[0].content for story in told] == ["text 7", "text 0", "text 8", "text 7", "text 4"]
    assert [story.fate for story in told] == ["dropped", "kept", "kept", "dropped", "kept"]


def test_the_collector_is_woken_again_whatever_happened() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), at_rest():
        assert not gc.isenabled()
        with at_rest():
            pass
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_a_pass_without_vectors_does_not_load_what_makes_them() -> None:
    told = "import sys, curation.engine.passes; print('curation.embedding.shared' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
