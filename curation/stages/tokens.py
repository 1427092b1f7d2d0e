"""Counting the tokens of a named tokenizer: a local folder, a tokenizer.json, or a name on the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from curation.errors import StageError

# Texts are encoded so many at a time: enough to keep the tokenizer busy, few enough to bound memory.
_AT_ONCE = 256
_EXPECTED = "Give a folder with a tokenizer, a tokenizer.json, or a name on the Hugging Face Hub."


@dataclass(frozen=True)
class Counter:
    """A loaded tokenizer. digest: what its counts depend on. count: the number of tokens of each text."""

    digest: str
    count: Callable[[list[str]], list[int]]


def count_tokens(name: str, texts: Iterable[str]) -> list[int]:
    """How many tokens each text has, special tokens left out, nothing truncated. Raises StageError."""
    counter = load(name)
    return [count for batch in _batches(texts) for count in counter.count(batch)]


def tokenizer_digest(name: str) -> str:
    """SHA-256 (hex) of the tokenizer: of its tokenizer.json, or of the files it is made from. Raises StageError."""
    return load(name).digest


@cache
def load(name: str) -> Counter:
    """The tokenizer of this name, loaded once a process.

    A `tokenizer.json` is read with `tokenizers` alone. Only tokenizers that have none (SentencePiece models of old) are
    loaded with transformers, and never with code of their own.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return _from_file(path, name)
    if path.is_dir():
        inner = path / "tokenizer.json"
        return _from_file(inner, name) if inner.is_file() else _from_transformers(str(path), name)
    if name.startswith((".", "/", "~")) or name.endswith(".json") or name.count("/") > 1:
        raise StageError(f"length: there is no tokenizer at {name}", _EXPECTED)
    found = _from_hub(name)
    return _from_file(found, name) if found else _from_transformers(name, name)


def _from_file(path: Path, name: str) -> Counter:
    from tokenizers import Tokenizer

    # Shards are worked on in parallel already; threads inside each would only get in one another's way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        raw = path.read_bytes()
        tokenizer = Tokenizer.from_buffer(raw)
    except Exception as error:  # the library raises bare Exception for what it cannot read
        raise StageError(f"length: {name} is no tokenizer: {_first_line(error)}", _EXPECTED) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Counter(hashlib.sha256(raw).hexdigest(), lambda texts: _count_fast(tokenizer, texts))


def _count_fast(tokenizer: Any, texts: list[str]) -> list[int]:
    return [len(found.ids) for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def _from_hub(name: str) -> Path | None:
    """The tokenizer.json of a repository, from the cache or (unless HF_HUB_OFFLINE is set) downloaded. None if it has
    none, as far as can be told.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, "tokenizer.json"))
    except LocalEntryNotFoundError as error:
        if isinstance(try_to_load_from_cache(name, "tokenizer_config.json"), str):
            return None
        raise _missing(name, error) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # a bad name, no such repository, no access, no network: each has a class of its own
        raise _missing(name, error) from error


def _from_transformers(source: str, name: str) -> Counter:
    try:
        from transformers import AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:  # transformers raises OSError, ValueError, ImportError and others for a missing part
        raise _missing(name, error) from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    state = backend.to_str() if backend is not None else json.dumps(sorted(tokenizer.get_vocab().items()))

    def count(texts: list[str]) -> list[int]:
        encoded = tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    return Counter(hashlib.sha256(state.encode()).hexdigest(), count)


def _missing(name: str, error: Exception) -> StageError:
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    hint = "Give the folder of a tokenizer that is on this machine" + (
        ", or unset HF_HUB_OFFLINE so that it can be downloaded." if offline else ", or check the name and the network."
    )
    return StageError(f"length: the tokenizer {name} cannot be loaded: {_first_line(error)}", hint)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
