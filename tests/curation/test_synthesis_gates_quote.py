"""Where quotes stand: whatever is folded away, no word is, and what is found is what the source says."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation.synthesis.gates.plain import plain
from curation.synthesis.gates.quote import locate

WORDS = st.sampled_from(
    "the Tower has 142 steps 31.5 metres it’s “high” — (then) o’clock 图书馆 有 四十六万册 ， 。 ﬁne é".split()
)
TEXTS = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)
MARKED = st.text(alphabet='ab1 \n*_`#>-|[]().…"“”—　图书，。\u200b\u0301\u00ad～ＡＢ', max_size=60)


def letters(text: str) -> str:
    """What must be the same, whatever was folded."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.data())
def test_every_stretch_of_whole_words_is_found_however_its_blanks_are(text: str, data: st.DataObject) -> None:
    words = text.split(" ")
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    blank = data.draw(st.sampled_from([" ", "\n", "  ", "\u3000", "\u00a0"]))
    quote = blank.join(words[start:end])
    if not letters(quote):
        return
    found = locate(quote, text)
    assert found is not None
    assert letters(text[slice(*found)]) == letters(quote)


@settings(max_examples=300, deadline=None)
@given(MARKED, MARKED, MARKED)
@example("…", "a", "b")
def test_what_is_found_has_the_letters_of_the_quote(before: str, quote: str, after: str) -> None:
    text = before + quote + after
    found = locate(quote, text)
    if found is None:
        return
    start, end = found
    assert 0 <= start < end <= len(text)
    ours, theirs = letters(quote), letters(text[start:end])
    # Marks of Markdown may hold digits and addresses, on either side.
    if not re.search(r"\d|\[", text):
        assert theirs.casefold() == ours.casefold()


@settings(max_examples=300, deadline=None)
@given(MARKED, st.booleans())
def test_folded_characters_come_from_the_text_in_order(text: str, marks: bool) -> None:
    folded = plain(text, marks=marks)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts) and list(folded.ends) == sorted(folded.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))
    assert "  " not in folded.text and folded.text == folded.text.strip()


@pytest.mark.parametrize(
    ("quote", "text", "said"),
    [
        ("cost 5.00", "They cost 5.001 each.", None),
        ("5 each", "They cost 2.5 each.", None),
        ("he light", "the light", None),
        ("the light", "the lights", None),
        ("the light ... was lit", "the light that was seen was lit", None),
        ("the light … was lit", "the light … was lit", "the light … was lit"),
        ("THE LIGHT", "the light", None),
        ("The light", "and the light", "the light"),
        ("light\u200bhouse", "the lighthouse", "lighthouse"),
        ("light-\nhouse", "the lighthouse", "lighthouse"),
        ("lighthouse keeper", "the light-\nhouse keeper", "light-\nhouse keeper"),
        ("ＡＢＣ１２", "x ABC12 y", "ABC12"),
        ("50 °C", "at 50\u00a0°C now", "50\u00a0°C"),
        ("café", "the cafe\u0301 there", "cafe\u0301"),
        ("一百四十二级台阶", "有一百四十二\n级台阶。", "一百四十二\n级台阶"),
        ("有142级", "共有 142 级台阶", "有 142 级"),
        ("2 a cup", "Take ½ a cup.", None),
        ("½ a cup", "Take 1⁄2 a cup.", "1⁄2 a cup"),
        ("x", "y", None),
        ("", "y", None),
        ("...", "y", None),
    ],
)
def test_single_cases(quote: str, text: str, said: str | None) -> None:
    found = locate(quote, text)
    assert (None if found is None else text[slice(*found)]) == said
