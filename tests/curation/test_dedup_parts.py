"""The parts of deduplication against naive implementations of the same definitions."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.differences import differences, tokens_of
from curation.dedup.families import judge
from curation.dedup.minhash import Banding, band_hashes, signatures
from curation.dedup.numbers import Numbers
from curation.dedup.pairs import candidates, components, jaccard, sharing
from curation.dedup.shingles import CHARACTER, SHORT, Shingles, fold, shingle, shingles_of, tokenise
from curation.errors import OutputError

LETTERS = "ab cdéÉßﬁ ΣςσİI①½ｱﾞｶ한글각가각नमस्ते ไทย 漢字ひカ，。…\u0301\u200b\x00²ǅ"
TEXTS = st.lists(st.text(st.sampled_from(LETTERS) | st.characters(exclude_categories=["Cs"]), max_size=60), max_size=6)
LONG = st.lists(
    st.lists(st.sampled_from("one two three four 漢 字 ア ไ".split()), max_size=50).map(" ".join), max_size=5
)


def naive_tokens(text: str) -> list[tuple[str, bool]]:
    """Tokens of the folded text and whether each is a single character, one code point at a time."""
    unspaced = (
        (0xE00, 0xEFF),
        (0x1000, 0x109F),
        (0x1780, 0x17FF),
        (0x3005, 0x3007),
        (0x3041, 0x30FF),
        (0x31F0, 0x31FF),
    )
    han = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
    found: list[tuple[str, bool]] = []
    joins = False
    for character in unicodedata.normalize("NFKC", text).lower():
        is_token = unicodedata.category(character)[0] in "LMN" or 0x30000 <= ord(character) < 0x323B0
        single = is_token and any(low <= ord(character) <= high for low, high in (*unspaced, *han))
        if is_token and not single and joins:
            found[-1] = (found[-1][0] + character, False)
        elif is_token:
            found.append((character, single))
        joins = is_token and not single
    return found


def naive_shingles(text: str, words: int, characters: int) -> set[tuple[str, ...]]:
    """n-grams of tokens, or of code points in short texts, as a set."""
    tokens = naive_tokens(text)
    items = [(token, single) for token, single in tokens]
    sizes = (words, characters)
    if sum(0.5 if single else 1 for _, single in tokens) < SHORT:
        items = [(part, single) for token, single in tokens for part in (token if single else token + " ")]
        sizes = (4, 2)
    grams = {
        tuple(item for item, _ in items[at : at + sizes[single]])
        for at, (_, single) in enumerate(items)
        if at + sizes[single] <= len(items)
    }
    return grams or ({tuple(item for item, _ in items)} if items else set())


def spelled(text: str) -> list[tuple[str, bool]]:
    found = tokenise([text])
    return [
        ("".join(map(chr, found.points[a:b])), kind == CHARACTER)
        for a, b, kind in zip(found.starts, found.ends, found.kinds.tolist(), strict=True)
    ]


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_tokens_are_those_of_the_folded_text(texts: list[str]) -> None:
    for text in texts:
        assert spelled(text) == naive_tokens(text)


@pytest.mark.parametrize(
    "text", ["ΟΔΟΣ ὁδός", "ﬁn", "e\u0301té", "ｶﾞ", "½ litre", "한글 \u1112\u1161\u11ab", "İstanbul"]
)
def test_what_folds_together_with_its_neighbours_is_folded_right(text: str) -> None:
    assert spelled(text) == naive_tokens(text) == spelled(fold(text))


@settings(deadline=None, max_examples=60)
@given(TEXTS | LONG, st.integers(1, 5), st.integers(1, 6))
def test_vectorised_shingles_are_the_naive_sets(texts: list[str], words: int, characters: int) -> None:
    sets = [naive_shingles(text, words, characters) for text in texts]
    found = shingles_of(texts, words, characters)
    assert found.sizes().tolist() == [len(grams) for grams in sets]
    left, right = np.triu_indices(len(texts), 0)
    similar = [len(sets[a] & sets[b]) / max(1, len(sets[a] | sets[b])) for a, b in zip(left, right, strict=True)]
    assert jaccard(found, left, right).tolist() == pytest.approx(similar)


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_shingles_do_not_depend_on_the_batch(texts: list[str]) -> None:
    together = shingle(tokenise(texts), 3, 5)
    for place, text in enumerate(texts):
        alone = shingle(tokenise([text]), 3, 5)
        assert alone.hashes.tolist() == together.take(np.array([place])).hashes.tolist()


SETS = st.lists(st.sets(st.integers(0, 60), max_size=40), min_size=1, max_size=6)


def as_shingles(sets: list[set[int]]) -> Shingles:
    hashes = np.array([item for one in sets for item in sorted(one)], dtype=np.uint32)
    return Shingles(hashes, np.concatenate(([0], np.cumsum([len(one) for one in sets]))))


@settings(deadline=None, max_examples=60)
@given(SETS)
def test_jaccard_is_that_of_sets(sets: list[set[int]]) -> None:
    left, right = np.triu_indices(len(sets), 0)
    expected = [len(sets[a] & sets[b]) / max(1, len(sets[a] | sets[b])) for a, b in zip(left, right, strict=True)]
    assert jaccard(as_shingles(sets), left, right).tolist() == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(SETS, st.integers(0, 5))
def test_signatures_are_the_least_hash_of_each_function(sets: list[set[int]], seed: int) -> None:
    """The least of a sub-multiset can only be larger, and that of a union is the lesser of the two."""
    union = set().union(*sets)
    made = signatures(as_shingles([*sets, union]), 16, seed)
    assert made[-1].tolist() == made[:-1].min(axis=0).tolist()
    if len(sets) > 1:
        assert (signatures(as_shingles(sets), 16, seed) == made[:-1]).all()
    assert (made[:-1][[not one for one in sets]] == 2**32 - 1).all()


def test_signatures_estimate_the_similarity() -> None:
    draw = np.random.default_rng(0)
    for shared, own in ((60, 20), (30, 50), (200, 30)):
        pool = draw.integers(0, 1 << 32, (200, shared + 2 * own), dtype=np.uint32)
        pairs = np.stack(
            [np.sort(pool[:, : shared + own]), np.sort(pool[:, [*range(shared), *range(-own, 0)]])], axis=1
        )
        sizes = np.full(400, shared + own)
        made = signatures(Shingles(pairs.ravel(), np.concatenate(([0], np.cumsum(sizes)))), 128, 3)
        assert (made[::2] == made[1::2]).mean() == pytest.approx(shared / (shared + 2 * own), abs=0.01)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 5), min_size=12, max_size=12), min_size=1, max_size=4), st.integers(1, 12))
def test_candidates_are_the_pairs_that_share_a_band(columns: list[list[int]], crowd: int) -> None:
    every = np.arange(12)
    bands = [(every, np.array(column, dtype=np.uint64)) for column in columns]
    left, right, crowded = candidates(bands, 12, crowd)
    buckets = [[[row for row, value in enumerate(column) if value == one] for one in set(column)] for column in columns]
    expected = {
        (bucket[a], bucket[b])
        for column in buckets
        for bucket in column
        for b in range(len(bucket))
        for a in range(max(0, b - crowd), b)
    }
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(expected)
    assert crowded.tolist() == sorted({row for c in buckets for bucket in c if len(bucket) > crowd for row in bucket})


@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=40))
def test_sharing_finds_what_occurs_twice(values: list[int]) -> None:
    hashes = np.array([*values, *values[:7]], dtype=np.uint64)
    counted = Counter(hashes.tolist())
    assert sharing(hashes).tolist() == [place for place, one in enumerate(hashes.tolist()) if counted[one] > 1]


def test_bands_of_equal_signatures_are_equal_and_others_are_not() -> None:
    draw = np.random.default_rng(1)
    signature = draw.integers(0, 1 << 32, (50, 12), dtype=np.uint32)
    signature[1] = signature[0]
    signature[2, :4] = signature[0, :4]
    hashes = band_hashes(signature, Banding(3, 4))
    assert (hashes[0] == hashes[1]).all()
    assert (hashes[0] == hashes[2]).tolist() == [True, False, False]
    assert len(np.unique(hashes[2:])) == 48 * 3


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_components_are_those_of_a_walk(count: int, edges: list[tuple[int, int]]) -> None:
    edges = [(a % count, b % count) for a, b in edges]
    near: dict[int, set[int]] = defaultdict(set)
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    expected = [-1] * count
    number = 0
    for start in range(count):
        if expected[start] >= 0:
            continue
        stack = [start]
        while stack:
            here = stack.pop()
            if expected[here] < 0:
                expected[here] = number
                stack.extend(near[here])
        number += 1
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    assert components(count, ends[:, 0], ends[:, 1]).tolist() == expected


def test_a_long_chain_is_one_component() -> None:
    chain = np.random.default_rng(2).permutation(5000)
    assert components(5000, chain[:-1], chain[1:]).max() == 0


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_folding_twice_changes_nothing_that_is_compared(texts: list[str]) -> None:
    for text in texts:
        assert spelled(fold(text)) == spelled(text)


@pytest.mark.parametrize("text", ["It's 3 a.m. in C_3PO-land", "snake_case x2\ttab", "a1b2 c-3"])
def test_the_quick_tokeniser_agrees_with_the_expression(text: str) -> None:
    assert tokens_of(text) == tokens_of(text + " é")[:-1]


LINES = [
    "the ferry leaves the northern quay at dawn with mail flour and two passengers",
    "nobody on the island remembers who painted the red door of the old boat house",
    "in winter the schoolmaster reads aloud from a book of maps printed long ago",
    "rain has washed most of the letters from the sign above the baker's window",
]


def test_moved_passages_are_no_difference_in_a_long_text() -> None:
    whole = " ".join(LINES)
    assert [one.verdict for one in judge(whole, [" ".join([LINES[2], LINES[0], LINES[1], LINES[3]])])] == ["copy"]


def test_a_moved_number_is_no_other_number() -> None:
    one = " ".join([*LINES, "only 12 of 40 families stayed"])
    other = " ".join([LINES[0], "only 12 of 40 families stayed", *LINES[1:]])
    assert [found.verdict for found in judge(one, [other])] == ["copy"]


def test_a_passage_of_its_own_is_content_and_a_missing_one_is_not() -> None:
    own = "yet the keeper of the light kept every secret he was told"
    longer = " ".join([LINES[0], LINES[1], own, LINES[2], LINES[3]])
    assert [found.verdict for found in judge(" ".join(LINES), [longer])] == ["content"]
    assert [found.verdict for found in judge(longer, [" ".join(LINES)])] == ["copy"]


@pytest.mark.parametrize(("extra", "verdict"), [(0, "number"), (1, "number"), (2, "copy")])
@pytest.mark.parametrize("besides", ["", "quickly"])
def test_a_number_makes_another_record_below_120_words(extra: int, verdict: str, besides: str) -> None:
    filler = [line.replace("the", "this") for line in LINES[: 2 * extra]] + LINES[: max(0, extra - 1)]
    text = " ".join([*LINES, "there are 17 boats", *filler])
    other = text.replace("17", "18").replace("reads aloud", f"reads {besides} aloud")
    assert [found.verdict for found in judge(text, [other])] == [verdict]


@pytest.mark.parametrize(("lines", "verdict"), [(3, "number"), (4, "copy")])
def test_a_number_in_words_makes_another_record_below_60_words(lines: int, verdict: str) -> None:
    text = " ".join([*LINES[:lines], "there are seven boats in all"])
    assert len(text.split()) == (49, 63)[lines == 4]
    assert [found.verdict for found in judge(text, [text.replace("seven", "eight")])] == [verdict]


def test_a_doubled_word_is_a_slip_and_another_word_is_not() -> None:
    question = "how do i repair the wooden frame of a window"
    (doubled,) = differences(tokens_of(question), tokens_of(question.replace("wooden", "wooden wooden")))
    (added,) = differences(tokens_of(question), tokens_of(question.replace("wooden", "old wooden")))
    assert (doubled.kind, added.kind) == ("typo", "content")


@pytest.mark.parametrize("at_once", [1000, 90, 7])
def test_numbers_on_disk_come_back_whole_in_parts_that_hold_all_of_a_value(tmp_path: Path, at_once: int) -> None:
    hashes = np.random.default_rng(2).integers(0, (1 << 64) - 1, 600, dtype=np.uint64)
    hashes[::3] = hashes[1::3]
    ranks = np.linspace(-1, 1, 600)
    frame = pl.LazyFrame({"b0": hashes, "rank": ranks})
    with Numbers([frame.slice(0, 200), frame.slice(0, 0), frame.slice(200)], tmp_path / "scratch") as numbers:
        parts = list(numbers.by_value("b0", at_once))
        assert len(numbers) == 600
        assert numbers.at("rank", np.array([5, 3])).tolist() == [ranks[5], ranks[3]]
        assert list((tmp_path / "scratch").iterdir()) == []  # nameless: nothing stays behind, whatever happens
    assert len(parts) == (1 if at_once == 1000 else -(-600 // at_once))
    assert max(len(rows) for rows, _ in parts) < 600 / len(parts) + 60
    assert sorted(np.concatenate([rows for rows, _ in parts]).tolist()) == list(range(600))
    for rows, values in parts:
        assert (np.diff(rows) > 0).all()
        assert (values == hashes[rows]).all()
    for one, other in combinations(parts, 2):
        assert not set(one[1].tolist()) & set(other[1].tolist())


def test_numbers_of_no_record_are_none(tmp_path: Path) -> None:
    with Numbers([pl.LazyFrame(schema={"b0": pl.UInt64})], tmp_path) as numbers:
        ((rows, values),) = numbers.by_value("b0")
        assert (len(numbers), len(rows), len(values)) == (0, 0, 0)
        assert len(numbers.at("b0", rows)) == 0


def test_numbers_that_have_no_room_are_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be kept in"):
        Numbers([pl.LazyFrame({"b0": [1]}, schema={"b0": pl.UInt64})], tmp_path / "file" / "scratch")
