"""Special tokens that stand in a message, such as `<|im_end|>` in a question about ChatML, are kept apart.

Read as tokens they would end the user's turn, or teach the model to stop there. They are wrapped in private characters
before rendering, and unwrapped after it, which leaves the character ranges where they lie (the way of transformers'
`sanitize_control_tokens`, which can not be combined with masks).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from training.template.errors import TemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Span = tuple[int, int]
_PRIVATE = range(0x10F000, 0x10FFFD)  # plane 16, private use: no writing system, no tokenizer's own marks


def special_texts(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """The tokens that a tokenizer finds in any text and that mean more than it says, sorted."""
    added: dict[int, Any] = tokenizer.added_tokens_decoder
    named = set(tokenizer.all_special_tokens)
    texts = {token.content for token in added.values() if token.special or token.content in named}
    return tuple(sorted(text for text in texts if text and not text.isspace()))


@lru_cache(maxsize=16)
def pattern_of(specials: tuple[str, ...]) -> re.Pattern[str]:
    """Matches any special token, the longest first."""
    longest_first = sorted((token for token in specials if token), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


@lru_cache(maxsize=16)
def _begins(specials: tuple[str, ...]) -> tuple[str, ...]:
    """The characters special tokens begin with, mostly `<` alone: looking for one is cheap."""
    return tuple(sorted({token[0] for token in specials if token}))


def unused(texts: Iterable[str], count: int) -> str:
    """`count` private characters that none of the texts contains."""
    taken = {char for text in texts for char in text if ord(char) >= _PRIVATE.start}
    free = [chr(code) for code in _PRIVATE if chr(code) not in taken][:count] if taken else map(chr, _PRIVATE[:count])
    return "".join(free)


def guard(chat: Sequence[Mapping[str, str]], specials: tuple[str, ...]) -> tuple[list[dict[str, str]], str]:
    """The chat with every special token in its contents wrapped, and the two characters it is wrapped in ("": none)."""
    pattern = pattern_of(specials)
    begins = _begins(specials)
    contents = [message["content"] for message in chat]
    if not any(begin in content and pattern.search(content) for content in contents for begin in begins):
        return [dict(message) for message in chat], ""
    pair = unused(contents, 2)
    wrapped = f"{pair[0]}\\g<0>{pair[1]}"
    return [{**message, "content": pattern.sub(wrapped, message["content"])} for message in chat], pair


def unguard(text: str, spans: Sequence[Span], pair: str) -> tuple[str, list[Span], list[Span]]:
    """The text without the wrapping, the spans in it, and where the wrapped tokens lie."""
    if not pair:
        return text, list(spans), []
    at = [index for index, char in enumerate(text) if char in pair]
    opened = [index for index in at if text[index] == pair[0]]
    closed = [index for index in at if text[index] == pair[1]]
    if len(opened) != len(closed) or any(a >= b for a, b in zip(opened, closed, strict=True)):
        raise TemplateError(
            "The template takes apart a special token that stands in a message.", "Remove it from the message."
        )
    shifted = [(start - bisect_left(at, start), end - bisect_left(at, end)) for start, end in spans]
    literal = [(a - bisect_left(at, a), b - bisect_left(at, b)) for a, b in zip(opened, closed, strict=True)]
    return re.sub(f"[{pair}]", "", text), shifted, literal
