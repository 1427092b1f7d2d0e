"""Secrets of endpoints: named, looked up in the environment, then in the system's keyring, and shown nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from curation.llm.model import CallFailed

_NAME = re.compile(
    r"[A-Z_][A-Z0-9_]{0,199}"
)  # keys themselves have other letters: one given in place of a name is found
_KEY = re.compile(r"[!-~]{1,4096}")
SERVICE = "studio"  # under which the keyring keeps keys
HINT = "export {name}=... or, to keep it in the system's keyring: keyring set studio {name}"
MASK = "[key]"
SECRET = 12  # characters of a key at least; shorter ones, such as EMPTY or ollama, are words that answers may use
TELLING = 8  # characters at the beginning of a key that, at the end of a text, are taken for a key cut off


class ApiKey:
    """A key that only `reveal` gives away: not repr, str, format, vars, pickle, nor a traceback with its variables."""

    __slots__ = ("__reveal", "variable")

    def __init__(self, variable: str) -> None:
        """Of the environment variable of this name, or of the keyring's entry (service SERVICE) where there is none.

        Raises CallFailed 'no_key', which never quotes what may be a key.
        """
        self.variable = variable if _NAME.fullmatch(variable) else ""
        if not self.variable:
            raise CallFailed(
                "no_key",
                "What stands where the name of a key's environment variable belongs is no such name.",
                "Give a name in capital letters, such as OPENAI_API_KEY; never the key itself.",
                sent=False,
            )
        value = os.environ.get(variable, "").strip()
        where = f"The environment variable {variable}"
        if not value:
            value = _from_keyring(variable)
            where = f"The entry {variable} of the keyring"
        if not _KEY.fullmatch(value):
            missing = (
                f"There is no key {variable}: no environment variable is called so, and no keyring has an entry for it."
            )
            said = f"{where} holds characters that no key has." if value else missing
            del value  # a traceback may be shown with its variables
            raise CallFailed("no_key", said, HINT.format(name=variable), sent=False)
        self.__reveal: Callable[[], str] = lambda: value  # a function shows no value where variables are printed

    def reveal(self) -> str:
        """The key, for the header of a request and nothing else."""
        return self.__reveal()

    def __repr__(self) -> str:
        return f"ApiKey({self.variable!r})"

    def __reduce__(self) -> tuple[type[ApiKey], tuple[str]]:
        """A copy in another process reads its own environment and keyring."""
        return ApiKey, (self.variable,)


def _from_keyring(name: str) -> str:
    """The entry of this name in the system's keyring; "" where there is none, or no keyring that can be asked."""
    try:
        import keyring  # takes a while: it looks for all its backends

        return (keyring.get_password(SERVICE, name) or "").strip()
    except Exception:  # every backend fails in its own way: no D-Bus, locked, refused by the person in front
        return ""


class Masker:
    """Takes a key out of text that comes in pieces, should an endpoint say it back.

    Holds back the end of a piece only while it may be the beginning of the key.
    """

    def __init__(self, key: ApiKey | None) -> None:
        self._key = key
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown now that `piece` has come."""
        if self._key is None or len(self._key.reveal()) < SECRET:
            return piece
        text = (self._held + piece).replace(self._key.reveal(), MASK)
        held = _overlap(text, self._key)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """What was held back, at the end of the text."""
        held, self._held = self._held, ""
        return held if len(held) < TELLING else MASK


def masked(text: str, key: ApiKey | None) -> str:
    """The text without the key."""
    masker = Masker(key)
    return masker.feed(text) + masker.rest()


def _overlap(text: str, key: ApiKey) -> int:
    """How many characters at the end of `text` are the beginning of the key."""
    longest = min(len(text), len(key.reveal()) - 1)
    return next((size for size in range(longest, 0, -1) if key.reveal().startswith(text[-size:])), 0)
