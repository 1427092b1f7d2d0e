"""Texts cut into chunks: what always holds, and what each parameter changes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from document_makers import SAMPLES, converted
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import RecipeError
from curation.synthesis.chunk_sentences import sentence_starts
from curation.synthesis.chunk_tokens import estimate
from curation.synthesis.chunks import chunk_all, cut
from curation.synthesis.documents import text_of
from curation.synthesis.model import CHUNKS, Chunk, read_rows
from curation.synthesis.sections import ChunkSettings

LINES = st.sampled_from([
    "", "", "  ", "# Title", "## A part", "### 小节", "Setext", "=====", "---", "```", "~~~", "| a | b |", "| --- | --- |",
    "- an item", "1. first", "A sentence here. Another one, e.g. with Dr. Smith! Is it? Yes.",
    "图书馆周一闭馆。还书箱开放！你来吗？",
    "no end", "x" * 700, "字" * 500, "word " * 300, "\u3000全角 空格\u3000", "code {", "#no heading", "#", "...", "😀 表情 🏳️‍🌈",
])  # fmt: skip
TEXTS = st.one_of(st.lists(LINES, max_size=30).map("\n".join), st.text(max_size=400))


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, tokens=st.integers(32, 120), share=st.floats(0, 0.5), least=st.integers(0, 32))
def test_the_law_of_chunks(text: str, tokens: int, share: float, least: int) -> None:
    overlap, least = int(tokens * share), min(least, tokens // 2)
    chunks = cut("d", text, ChunkSettings(tokens=tokens, overlap=overlap, minimum=least))
    covered = bytearray(len(text))
    for number, chunk in enumerate(chunks):
        assert chunk.chunk_id == f"d/{number:04d}"
        assert chunk.text == text[chunk.start : chunk.end] == chunk.text.strip()
        assert chunk.tokens == estimate(chunk.text) <= tokens
        covered[chunk.start : chunk.end] = b"x" * (chunk.end - chunk.start)
    for before, after in pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end
        assert estimate(text[after.start : before.end]) <= overlap
    left_out = [part for part in _gaps(text, covered) if part.strip()]
    assert all(estimate(part) < max(1, least) for part in left_out)
    if least == 0:
        assert left_out == []


def _gaps(text: str, covered: bytearray) -> list[str]:
    """The stretches of the text that no chunk holds."""
    found, start = [], None
    for place in range(len(text) + 1):
        free = place < len(text) and not covered[place]
        if free and start is None:
            start = place
        elif not free and start is not None:
            found.append(text[start:place])
            start = None
    return found


def test_the_same_text_gives_the_same_chunks(tmp_path: Path) -> None:
    documents, _ = converted([SAMPLES], tmp_path)
    first = chunk_all(tmp_path, documents, ChunkSettings())
    kept = (tmp_path / CHUNKS).read_bytes()
    assert read_rows(tmp_path / CHUNKS, Chunk) == first
    assert chunk_all(tmp_path, documents, ChunkSettings()) == first
    assert (tmp_path / CHUNKS).read_bytes() == kept
    assert len({chunk.chunk_id for chunk in first}) == len(first) > 30
    for document in documents:
        text = text_of(tmp_path, document.document_id)
        own = [chunk for chunk in first if chunk.document_id == document.document_id]
        assert own[0].start == 0
        assert own[-1].end == len(text.rstrip())


def test_headings_are_kept_from_the_outermost_in() -> None:
    text = "\n\n".join((
        "# Book", "Words about the book. " * 5, "## One", "Words about one. " * 6, "### Deep", "Words in the deep. " * 6,
        "## Two", "Words about two. " * 6, "Other\n=====", "Words about another. " * 6,
    ))  # fmt: skip
    assert [chunk.headings for chunk in cut("d", text, ChunkSettings())] == [
        ("Book",), ("Book", "One"), ("Book", "One", "Deep"), ("Book", "Two"), ("Other",),
    ]  # fmt: skip


def test_a_heading_in_code_is_none() -> None:
    text = "# Book\n\n```\n# a comment\n" + "run --this\n" * 20 + "```\n\nWords behind it. " + "More words. " * 10
    assert {chunk.headings for chunk in cut("d", text, ChunkSettings())} == {("Book",)}


def test_a_title_alone_goes_with_what_follows() -> None:
    (first, *_) = cut("d", "# Title\n\n## Part\n\n" + "Words of the part. " * 10, ChunkSettings())
    assert first.text.startswith("# Title\n\n## Part")
    assert first.headings == ("Title", "Part")


def test_tokens_bounds_a_chunk_and_paragraphs_are_its_ends() -> None:
    text = "\n\n".join(f"Paragraph {number} has words in it. It has more words as well." for number in range(30))
    small = cut("d", text, ChunkSettings(tokens=64, overlap=0))
    large = cut("d", text, ChunkSettings(tokens=400, overlap=0))
    assert len(small) > 2 * len(large)
    assert all(text[chunk.end : chunk.end + 2] in ("\n\n", "") for chunk in small + large)


def test_overlap_repeats_whole_sentences() -> None:
    sentences = [f"This is sentence number {number}." for number in range(60)]
    text = " ".join(sentences)
    for overlap in (0, 20):
        chunks = cut("d", text, ChunkSettings(tokens=100, overlap=overlap))
        repeated = [text[after.start : before.end] for before, after in pairwise(chunks)]  # "" where nothing is
        assert all(part == "" for part in repeated) if overlap == 0 else all(part.strip() for part in repeated)
        assert all(chunk.text.startswith("This is") and chunk.text.endswith(".") for chunk in chunks)


def test_overlap_stays_within_a_section() -> None:
    text = "# One\n\n" + "Words about one. " * 40 + "\n\n# Two\n\n" + "Words about two. " * 40
    chunks = cut("d", text, ChunkSettings(tokens=64, overlap=30))
    assert not [chunk for chunk in chunks if "about one" in chunk.text and "about two" in chunk.text]


def test_minimum_joins_or_leaves_out() -> None:
    text = "# A\n\nShort.\n\n# B\n\nBrief.\n\n# C\n\n" + "Long words about something. " * 8
    assert len(cut("d", text, ChunkSettings(minimum=0))) == 3
    (only,) = cut("d", text, ChunkSettings(minimum=24))
    assert only.text == text.strip()
    assert cut("d", "Too short.", ChunkSettings(minimum=24)) == []
    assert len(cut("d", "Too short.", ChunkSettings(minimum=0))) == 1


def test_the_rest_of_a_section_is_not_left_out() -> None:
    text = " ".join(f"This is sentence number {number}." for number in range(61))
    for tokens in range(40, 120):
        chunks = cut("d", text, ChunkSettings(tokens=tokens, overlap=0, minimum=24))
        assert chunks[-1].end == len(text)
        assert all(chunk.tokens >= 20 for chunk in chunks)


def test_chinese_is_cut_at_its_sentences() -> None:
    text = "东馆的磅秤至今还能用。" * 20 + "他说：“水退了，谢谢！”然后走了。" * 20
    chunks = cut("d", text, ChunkSettings(tokens=64, overlap=0))
    assert len(chunks) > 5
    assert all(chunk.text.endswith(("。", "！”")) for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One here. Two there! Three? Yes.", ["One here.", "Two there!", "Three?", "Yes."]),
        ("Dr. Smith met J. R. Jones at No. 5, e.g. Tom. He left.", ["Dr. Smith met J. R. Jones at No. 5, e.g. Tom.", "He left."]),
        ("It costs 3.50 crowns. 7 were sold... then none.", ["It costs 3.50 crowns.", "7 were sold... then none."]),
        ('He said: "Stop." She did (at once.) And then.', ['He said: "Stop."', "She did (at once.)", "And then."]),
        ("水退了。菜也学会了；谢谢！“好。”他说……走了", ["水退了。", "菜也学会了；", "谢谢！", "“好。”", "他说……", "走了"]),
        ("no end at all", ["no end at all"]),
    ],
)  # fmt: skip
def test_sentences(text: str, sentences: list[str]) -> None:
    starts = sentence_starts(text)
    assert [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)] == sentences


def test_a_tokenizer_counts(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    letters = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    letters.pre_tokenizer = Split("", "isolated")  # a token is a character
    letters.save(str(tmp_path / "tokenizer.json"))
    text = "This is a sentence. " * 50
    for given_as in (tmp_path, tmp_path / "tokenizer.json"):
        chunks = cut("d", text, ChunkSettings(tokens=100, overlap=0, tokenizer=str(given_as)))
        assert all(chunk.tokens == len(chunk.text) <= 100 for chunk in chunks)
        assert len(chunks) == 10
    assert len(cut("d", text, ChunkSettings(tokens=100, overlap=0))) < 5
    with pytest.raises(RecipeError, match=r"chunks\.tokenizer: there is no tokenizer"):
        cut("d", text, ChunkSettings(tokenizer=str(tmp_path / "none")))


@pytest.mark.parametrize(("name", "counted"), [("harrow_light.txt", 761), ("heron_manual.md", 876)])
def test_the_estimate_is_near_what_a_tokenizer_counts(name: str, counted: int) -> None:
    """counted: by the tokenizer of SmolLM2-135M-Instruct."""
    assert 0.9 < estimate((SAMPLES / name).read_text(encoding="utf-8")) / counted < 1.1
