"""About how many tokens a text has: estimated from letters and words, or counted by a tokenizer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from curation.errors import RecipeError, StageError

Count = Callable[[Sequence[str]], list[int]]

_PIECE = re.compile(
    r"(?P<wide>[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff])|(?P<word>[^\W\d_]+)|(?P<digit>\d)|\S"
)


def estimate(text: str) -> int:
    """Tokens by rule: one for every wide character, digit and mark, one for every six letters of a word, begun."""
    total = 0
    for found in _PIECE.finditer(text):
        word = found["word"]
        total += math.ceil(len(word) / 6) if word else 1
    return total


def counter(tokenizer: str) -> Count:
    """Counts the tokens of texts: by `tokenizer` (a folder, a file, a name on the Hub), or by `estimate` for "".

    Raises RecipeError where the tokenizer cannot be loaded.
    """
    if not tokenizer:
        return lambda texts: [estimate(text) for text in texts]
    from curation.stages.tokens import load

    try:
        count = load(tokenizer).count
    except StageError as error:
        raise RecipeError(f"chunks.tokenizer: {error.message.removeprefix('length: ')}", error.hint) from error
    return lambda texts: count(list(texts))
