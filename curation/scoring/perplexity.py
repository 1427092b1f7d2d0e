"""How predictable a language model finds an answer, alone or behind what was said before it.

A reading depends on nothing but the text, the model and the kind of arithmetic: not on other texts, not on the number of
workers. Each text is attended to by itself, without padding, and by one thread; only what is done row by row is done for
several texts at once (`curation.scoring.packed`), where that is bit for bit the same and the model allows it.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from curation.errors import StageError
from curation.scoring.cache import ScoreCache, score_key
from curation.scoring.packed import Network
from curation.telling import advance
from curation.torch_threads import single_threads
from curation.weights.cache import file_digest

VERSION: Final = "2"  # raised whenever the same text may get another perplexity
Precision = Literal["auto", "bfloat16", "float32"]
_PACK = 1024  # tokens read at once
_KEEP = 32  # readings after which the cache is written
_SMALL = ("*.json", "*.model", "*.txt", "*.jinja")  # the files beside the weights that change what is read


@dataclass(frozen=True)
class Reading:
    """loss: the sum (nats) over the `tokens` of an answer that were predicted."""

    loss: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """The exponential of the mean loss; 1 where nothing was predicted."""
        return math.exp(min(self.loss / self.tokens, 50.0)) if self.tokens else 1.0


@dataclass(frozen=True)
class Reader:
    """A model and how it reads.

    model: smollm2, a folder, a .gguf file or a name on the Hub, of a causal language model for transformers; code that
    comes with it is never run. tokens: how many tokens of an answer are read, from its beginning; as many of what comes
    before it, from its end. precision: auto is bfloat16 where the processor multiplies it by itself, else float32.
    """

    model: str
    tokens: int
    precision: Precision = "auto"

    def arithmetic(self) -> str:
        """bfloat16 or float32."""
        if self.precision != "auto":
            return self.precision
        return "bfloat16" if native_bfloat16() else "float32"

    def digest(self) -> str:
        """Of everything but the text that a reading depends on."""
        return score_key(
            "perplexity",
            VERSION,
            model_digest(self.model),
            str(self.tokens),
            self.arithmetic(),
            version("torch"),
            version("transformers"),
        ).hex()

    def read(self, texts: Sequence[tuple[str, str]], cache: ScoreCache | None = None) -> list[Reading]:
        """Readings of (before, answer), in the order given; each different one is computed once, if it is not kept.

        cache: None for the user's.
        """
        if cache is None:
            with ScoreCache() as cache:
                return self.read(texts, cache)
        scorer = self.digest()
        keys = [score_key(scorer, *text) for text in texts]
        known = cache.get(list(dict.fromkeys(keys)))
        wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if wanted:
            known |= self._compute(wanted, cache)
        return [Reading(known[key][0], int(known[key][1])) for key in keys]

    def _compute(self, wanted: dict[bytes, tuple[str, str]], cache: ScoreCache) -> dict[bytes, tuple[float, ...]]:
        """Read what is new with every thread this process may use, the longest first, and keep it as it comes."""
        tokenizer, network, threads = _loaded(self.model, self.arithmetic())
        rows = {key: _row(tokenizer, *text, self.tokens) for key, text in wanted.items()}
        packs = _packs({key: len(numbers) for key, (numbers, _) in rows.items()}, _PACK if network.together else 0)
        found: dict[bytes, tuple[float, ...]] = {}
        unkept: dict[bytes, tuple[float, ...]] = {}
        began = time.perf_counter()
        try:
            with single_threads() as pool:
                done = pool.map(lambda pack: network.losses([rows[key] for key in pack]), packs)
                for pack, losses in zip(packs, done, strict=True):
                    for key, loss in zip(pack, losses, strict=True):
                        found[key] = unkept[key] = (loss, float(rows[key][1]))
                    advance(len(found), len(wanted), "texts")
                    if len(unkept) >= _KEEP:
                        cache.put(unkept)
                        unkept = {}
        finally:
            cache.put(unkept)
        tokens = sum(len(numbers) for numbers, _ in rows.values())
        cache.note_rate(self.rate_name(), (time.perf_counter() - began) * threads, tokens)
        return found

    def rate_name(self) -> str:
        """Under which the cache knows how long a token takes."""
        return f"perplexity {self.model} {self.arithmetic()}"


def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 by itself. It is slower than float32 where it does not."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in told.splitlines() if line.startswith(("flags", "Features"))), "")
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def model_digest(model: str) -> str:
    """Of a model's weights and of the small files beside them. Neither loads nor converts it."""
    from curation.weights.find import PACKAGED, find_model, packaged_file
    from curation.weights.folder import weight_files, weights_digest
    from curation.weights.gguf import FORM

    file = packaged_file(model) if model in PACKAGED else Path(model).expanduser()
    if file is not None and file.is_file() and file.suffix.lower() == ".gguf":
        return f"{file_digest(file)}-{FORM}"
    folder = Path(find_model(model).path)  # of the Hub it is fetched; what is not there is said
    digest = hashlib.blake2b(weights_digest(weight_files(folder)).encode(), digest_size=16)
    for path in sorted({path for pattern in _SMALL for path in folder.glob(pattern)}):
        digest.update(f"{path.name}\n{file_digest(path)}\n".encode())
    return digest.hexdigest()


def _row(tokenizer: Any, before: str, answer: str, tokens: int) -> tuple[list[int], int]:
    """Token numbers, and how many of the last are to be predicted.

    A model without a token to begin with is given the one that ends, as GPT-2 is; without either, the first token of
    an answer is never predicted, so that the same ones are whatever stands before.
    """
    asked = tokenizer(before, add_special_tokens=False)["input_ids"][-tokens:] if before else []
    said = tokenizer(answer, add_special_tokens=False)["input_ids"][:tokens]
    start = next((each for each in (tokenizer.bos_token_id, tokenizer.eos_token_id) if each is not None), None)
    if start is None:
        return [*asked, *said], max(0, len(said) - 1)
    return [start, *asked, *said], len(said)


def _packs(lengths: dict[bytes, int], most: int) -> list[list[bytes]]:
    """What is read at once: texts of like length, the longest first, up to `most` tokens; one at a time for 0."""
    packs: list[list[bytes]] = []
    room = 0
    for key in sorted(lengths, key=lambda key: (-lengths[key], key)):
        if lengths[key] > room:
            packs.append([])
            room = most
        packs[-1].append(key)
        room -= lengths[key]
    return packs


_loading = threading.Lock()


def _loaded(model: str, arithmetic: str) -> tuple[Any, Network, int]:
    """Tokenizer, network, and the number of threads this process may use; loaded once a process."""
    with _loading:
        return _load(model, arithmetic)


@lru_cache(maxsize=1)
def _load(model: str, arithmetic: str) -> tuple[Any, Network, int]:
    import torch

    tokenizer, network = open_model(model, arithmetic)
    return tokenizer, Network(network), torch.get_num_threads()


def open_model(model: str, arithmetic: str) -> tuple[Any, Any]:
    """Tokenizer and causal language model of transformers, as loaded. Raises StudioError where there is none."""
    from curation.weights.find import find_model
    from curation.weights.hush import hush_libraries

    folder = find_model(model).path
    hush_libraries()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        network = AutoModelForCausalLM.from_pretrained(
            folder, trust_remote_code=False, dtype=getattr(torch, arithmetic)
        )
    except Exception as error:  # whatever a config or a weight file may raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(
            f"the language model '{model}' cannot be loaded: {first}",
            "Give the folder of a causal language model for transformers, or its name on the Hub.",
        ) from error
    return tokenizer, network
