"""Any sentence-transformers model, by local folder or by its name on the Hub, run on the processor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from curation.embedding.encoder import F32
from curation.errors import StageError
from curation.telling import advance
from curation.torch_threads import single_threads

VERSION = "2"  # raised whenever the same text may get another vector
BUDGET = 1024  # padded tokens in one batch; more only adds memory traffic on the processors measured


class Transformer:
    """A sentence-transformers model. Code that comes with a model is never run.

    bf16: compute in bfloat16; by default where the processor has instructions for it, since it is many times slower
    where it has none. Vectors are float32 all the same.
    """

    def __init__(self, name: str, bf16: bool | None = None) -> None:
        self.name = name
        self._bf16 = bf16
        self._loaded: Any = None

    def digest(self) -> str:
        """Of the names and sizes of a local folder's files; of a Hub model, its name and the revision in the cache.

        Raises StageError for a folder that is not there.
        """
        _check_folder(self.name)
        folder = Path(self.name)
        if folder.is_dir():
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            facts = [f"{path.relative_to(folder)}:{path.stat().st_size}" for path in files]
        else:
            facts = [self.name, _revision(self.name)]
        facts.append(f"{VERSION}:{self._half()}")
        return hashlib.blake2b("\n".join(facts).encode(), digest_size=8).hexdigest()

    def encode(self, texts: Sequence[str]) -> F32:
        """Vectors of `texts`, shape (n, d), each of length 1; texts of like length share a batch of BUDGET tokens."""
        model = self._model()
        tokens = model.tokenizer(list(texts), truncation=True, max_length=model.max_seq_length)
        batches = list(_batches([len(numbers) for numbers in tokens["input_ids"]]))
        padded = [
            model.tokenizer.pad(
                [{name: values[n] for name, values in tokens.items()} for n in batch], return_tensors="pt"
            )
            for batch in batches
        ]
        result = np.zeros((len(texts), model.get_embedding_dimension()), dtype=np.float32)
        done = 0
        with single_threads() as pool:
            for batch, found in zip(batches, pool.map(partial(_forward, model), padded), strict=True):
                result[batch] = found
                done += len(batch)
                advance(done, len(texts), "texts")
        return result

    def _half(self) -> bool:
        import torch

        if self._bf16 is not None:
            return self._bf16
        cpu: Any = torch.cpu
        return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())

    def _model(self) -> Any:
        if self._loaded is None:
            self._loaded = _load(self.name)
            if self._half():
                self._loaded = self._loaded.bfloat16()
        return self._loaded


def _forward(model: Any, batch: Any) -> F32:
    import torch

    with torch.inference_mode():
        vectors: F32 = torch.nn.functional.normalize(model(dict(batch))["sentence_embedding"].float(), dim=1).numpy()
    return vectors


_HINT = "Give the folder of a sentence-transformers model, the name of one on the Hub, or model: multilingual."


def _check_folder(name: str) -> None:
    """Raise StageError where the name is that of a folder, and there is none."""
    if (name.startswith((".", "/", "~")) or name.count("/") > 1) and not Path(name).is_dir():
        raise StageError(f"there is no folder '{name}' to take the embedding model from", _HINT)


def _load(name: str) -> Any:
    from sentence_transformers import SentenceTransformer

    _check_folder(name)
    try:
        model = SentenceTransformer(name, device="cpu", trust_remote_code=False)
    except Exception as error:  # whatever a Hub client, a config or a weight file may raise
        raise StageError(f"the embedding model '{name}' cannot be loaded: {_first_line(error)}", _HINT) from error
    if not callable(getattr(model, "tokenizer", None)) or model.max_seq_length is None:
        raise StageError(f"'{name}' is no text model with a tokenizer", _HINT)
    return model.eval()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _revision(name: str) -> str:
    """The commit of a Hub model in the local cache; "" if it was never loaded here."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json") if name.count("/") <= 1 else None
    return Path(found).parent.name if isinstance(found, str) else ""


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Texts by length, cut so that the longest of a batch times their number is within BUDGET (or one text)."""
    batch: list[int] = []
    for text in sorted(range(len(lengths)), key=lambda text: (lengths[text], text)):
        if batch and lengths[text] * (len(batch) + 1) > BUDGET:
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch
