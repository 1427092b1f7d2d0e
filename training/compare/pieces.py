"""Tokens to text while they come: characters of several tokens appear when they are whole, and never change again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_BROKEN = "\ufffd"
_LONGEST = 3  # bytes of a character that is not whole yet, each of which may be shown as a broken one


class Decoder:
    """The text of each new token. Joined, they are the text that the tokenizer gives for all of them.

    A token is decoded together with the few before it, because what it stands for depends on them (white space between
    words, bytes of one character). Cost does not grow with the answer, as long as it is text.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._start = 0  # where the window begins: at a place where the text was whole
        self._whole = 0  # the last such place
        self._shown = ""  # of the window's text, what was given

    def push(self, token: int) -> str:
        """What the next token adds; "" while a character is not whole."""
        self._ids.append(token)
        text = self._decode(self._ids[self._start :])
        end = len(text)
        while end > 0 and len(text) - end < _LONGEST and text[end - 1] == _BROKEN:
            end -= 1
        piece = self._more(text[:end])
        if end == len(text):
            self._start, self._whole = self._whole, len(self._ids)
            self._shown = self._decode(self._ids[self._start :])
        return piece

    def rest(self) -> str:
        """What is left when no token follows: a character that stays broken."""
        return self._more(self._decode(self._ids[self._start :]))

    def _more(self, text: str) -> str:
        piece = text[len(self._shown) :]
        self._shown += piece
        return piece


def decoder_of(tokenizer: object) -> Decoder:
    """For a transformers tokenizer; special tokens are shown as they are written."""

    def decode(ids: Sequence[int]) -> str:
        text: str = tokenizer.decode(  # type: ignore[attr-defined]
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    return Decoder(decode)
