"""A fast tokenizer read with exact offsets, where special tokens that stand in a message stay plain text."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from curation.errors import StudioError
from training.template.guards import pattern_of, special_texts

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedTokenizerBase

    from training.template import Rendered

_RENAMED = 0xF0000  # private characters of plane 15: one for each special token
_known: WeakKeyDictionary[PreTrainedTokenizerBase, TokenReader] = WeakKeyDictionary()


class Read:
    """One text as tokens. ids, and for each the characters it stands for: [starts[i], ends[i])."""

    def __init__(self, encoding: Encoding, size: int) -> None:
        """size: characters of the text. Offsets stay in the tokenizer's own memory until they are asked for."""
        self._encoding, self._size = encoding, size
        self.ids: list[int] = encoding.ids

    @cached_property
    def starts(self) -> list[int]:
        """The first character of each token."""
        return [start for start, _ in self._encoding.offsets]

    @cached_property
    def ends(self) -> list[int]:
        """The character behind each token."""
        return [end for _, end in self._encoding.offsets]

    def tokens_of(self, span: tuple[int, int]) -> tuple[int, int]:
        """The range of tokens that lie in a range of characters, wholly or partly."""
        start, end = span
        if start >= end:
            return 0, 0
        first = self._encoding.char_to_token(start)
        behind = len(self.ids) if end == self._size else self._encoding.char_to_token(end)
        if first is None or behind is None or (end != self._size and self._place(behind)[0] < end):
            return bisect_right(self.ends, start), bisect_left(self.starts, end)  # a character that is in no token
        return first, behind

    def straddling(self, span: tuple[int, int]) -> int:
        """How many of them lie in it only partly."""
        first, behind = self.tokens_of(span)
        if first >= behind:
            return 0
        return int(self._place(first)[0] < span[0]) + int(self._place(behind - 1)[1] > span[1])

    def _place(self, token: int) -> tuple[int, int]:
        place: tuple[int, int] | None = self._encoding.token_to_chars(token)
        return place or (self.starts[token], self.ends[token])


class TokenReader:
    """Reads rendered texts. One for each tokenizer (`of`), since a copy of a large vocabulary takes a second."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise StudioError(
                "This tokenizer has no fast version, which masks need to find characters in tokens.",
                "Convert it (tokenizer.json), or take a model that has one.",
            )
        state = json.loads(backend.to_str())
        # Padding and cutting are ours; a post-processor adds BOS, or trims offsets (Llama 3), and changes no id.
        state.update(truncation=None, padding=None, post_processor=None)
        self._size = len(tokenizer)
        self._state: dict[str, Any] = state
        self._plain: Tokenizer = _loaded(state)
        self._twin: Tokenizer | None = None
        self._special_texts = special_texts(tokenizer)
        self.specials: re.Pattern[str] = pattern_of(self._special_texts)

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> TokenReader:
        """The reader of this tokenizer, made once."""
        reader = _known.get(tokenizer)
        if reader is None or reader._size != len(tokenizer):  # tokens were added since
            reader = _known[tokenizer] = cls(tokenizer)
        return reader

    def read(self, rendered: Sequence[Rendered]) -> list[Read]:
        """Tokens of each text, in order, without adding any."""
        found: list[Read | None] = [None] * len(rendered)
        for twin in (False, True):
            at = [index for index, one in enumerate(rendered) if bool(one.literal) is twin]
            if not at:
                continue
            texts = [self._renamed(rendered[index]) if twin else rendered[index].text for index in at]
            backend = self._twin_backend() if twin else self._plain
            for index, encoding in zip(at, backend.encode_batch(texts, add_special_tokens=False), strict=True):
                found[index] = Read(encoding, len(rendered[index].text))
        return [one for one in found if one is not None]

    def _renamed(self, rendered: Rendered) -> str:
        """The text with the template's special tokens under their other names, of the same length."""
        literal = {start for start, _ in rendered.literal}
        names = {text: chr(_RENAMED + at) * len(text) for at, text in enumerate(self._special_texts)}

        def name(match: re.Match[str]) -> str:
            return match.group() if match.start() in literal else names[match.group()]

        return self.specials.sub(name, rendered.text)

    def _twin_backend(self) -> Tokenizer:
        """The same tokenizer, where every special token has another name: the old one is ordinary text to it."""
        if self._twin is None:
            names = {text: chr(_RENAMED + at) * len(text) for at, text in enumerate(self._special_texts)}
            self._twin = _loaded(_with_names(self._state, names))
        return self._twin


def _loaded(state: dict[str, Any]) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps(state))


def _with_names(state: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A tokenizer's description with tokens renamed, in the vocabulary too."""
    added = [{**token, "content": names.get(token["content"], token["content"])} for token in state["added_tokens"]]
    model = dict(state["model"])
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {names.get(text, text): number for text, number in vocabulary.items()}
    else:  # Unigram: pairs of a piece and its score
        model["vocab"] = [[names.get(text, text), score] for text, score in vocabulary]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    return {**state, "added_tokens": added, "model": model}
