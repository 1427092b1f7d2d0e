"""What the user says is never to be masked, or always: texts, and regular expressions between slashes."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from curation.errors import StageError
from curation.privacy.entities import ENTITIES
from curation.privacy.pseudonyms import canonical
from curation.privacy.spans import Span

DENIED = "deny list"


def checked(entry: str) -> str:
    """The entry, or ValueError where it is empty or its expression is none."""
    if not entry.strip():
        raise ValueError("an entry is empty")
    try:
        found = pattern(entry).search("")
    except re.error as error:
        raise ValueError(f"{entry} is no regular expression: {error.msg}") from None
    if found is not None:
        raise ValueError(f"{entry} fits everything")
    return entry


def pattern(entry: str) -> re.Pattern[str]:
    """The expression of an entry. A text is found in any letter case, with any white space, not within a longer word."""
    if is_expression(entry):
        return re.compile(entry[1:-1])
    text = unicodedata.normalize("NFC", entry.strip())
    inner = r"\s+".join(re.escape(word) for word in text.split())
    before = r"(?<![^\W_])" if _spaced(text[0]) else ""
    after = r"(?![^\W_])" if _spaced(text[-1]) else ""
    return re.compile(f"{before}{inner}{after}", re.IGNORECASE)


def is_expression(entry: str) -> bool:
    """Whether the entry stands between slashes."""
    return len(entry) > 2 and entry.startswith("/") and entry.endswith("/")


def _spaced(character: str) -> bool:
    """Whether the character is of a script that puts blanks between words (Han, kana and Thai do not)."""
    return character.isalnum() and not "\u0e00" <= character <= "\u0eff" and character < "\u2e80"


@lru_cache(maxsize=64)
def _allowed(entries: tuple[str, ...]) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    texts = frozenset(canonical("", entry) for entry in entries if not is_expression(entry))
    return texts, tuple(pattern(entry) for entry in entries if is_expression(entry))


def is_allowed(value: str, entries: tuple[str, ...]) -> bool:
    """Whether the whole value is one that is never to be masked."""
    if not entries:
        return False
    texts, patterns = _allowed(entries)
    return canonical("", value) in texts or any(each.fullmatch(value) for each in patterns)


def denied(text: str, entries: Iterable[tuple[str, str]]) -> list[Span]:
    """The places of `(entity, entry)` in a text."""
    return [
        Span(*found.span(), entity, 1.0, DENIED)
        for entity, entry in entries
        for found in _pattern(entry).finditer(text)
        if found.end() > found.start()
    ]


_pattern = lru_cache(maxsize=4096)(pattern)


def read_list(path: str) -> tuple[tuple[str, str], ...]:
    """The entries of a file, one a line: an entity, white space, the entry. Lines that begin with # say nothing.

    Raises StageError, which names the line's number and never what stands in it.
    """
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StageError(f"the list {path} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}") from None
    found = []
    for number, line in enumerate(lines, 1):
        entity, _, entry = line.strip().partition(" ") if "\t" not in line else line.strip().partition("\t")
        if not entity or entity.startswith("#"):
            continue
        try:
            checked(entry.strip())
        except ValueError:
            entity = ""
        if entity not in ENTITIES:
            raise StageError(
                f"line {number} of the list {path} is no entity type and an entry",
                "Such as: PERSON Ada Lovelace, or ORGANIZATION /Project [A-Z]\\w+/",
            )
        found.append((entity, entry.strip()))
    return tuple(found)


def pairs(entries: Mapping[str, Iterable[str]]) -> tuple[tuple[str, str], ...]:
    """`(entity, entry)` of a mapping of entity to entries."""
    return tuple((entity, entry) for entity, several in entries.items() for entry in several)


def digest(entries: tuple[tuple[str, str], ...]) -> str:
    """SHA-256 of the entries of a list, in their order."""
    return hashlib.sha256(repr(entries).encode()).hexdigest()
