"""How predictable a language model finds an answer, given its prompt: the exponential of the mean loss a token."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.errors import StageError

VERSION = "1"  # raised whenever the same text may get another perplexity
_BUDGET = 4096  # padded tokens in one batch
_FEWEST_TOKENS = 8  # an answer with fewer is not measured: one rare name decides it


def perplexities(model: str, prompts: Sequence[str], answers: Sequence[str], tokens: int) -> list[float | None]:
    """The perplexity of each answer behind its prompt; None for one with fewer than 8 tokens to predict.

    model: folder, or name on the Hub, of a causal language model for transformers; code that comes with it is never run.
    tokens: how many tokens of an answer are looked at, from its beginning; as many of its prompt, from its end.
    """
    tokenizer, network = _loaded(model)
    rows = [_row(tokenizer, prompt, answer, tokens) for prompt, answer in zip(prompts, answers, strict=True)]
    found: list[float | None] = [None] * len(rows)
    order = [row for row in range(len(rows)) if rows[row][1] >= _FEWEST_TOKENS]
    order.sort(key=lambda row: (len(rows[row][0]), row))
    batch: list[int] = []
    for row in [*order, -1]:
        if batch and (row < 0 or len(rows[row][0]) * (len(batch) + 1) > _BUDGET):
            for place, loss in zip(batch, _losses(network, [rows[place] for place in batch]), strict=True):
                found[place] = math.exp(min(loss, 50.0))
            batch = []
        batch.append(row)
    return found


def model_digest(model: str) -> str:
    """Of the names and contents of a local folder's files; of a Hub model, its name and the revision in the cache."""
    digest = hashlib.blake2b(f"{VERSION}\n".encode(), digest_size=16)
    folder = Path(model)
    if folder.is_dir():
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}\n".encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    else:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(model, "config.json") if model.count("/") <= 1 else None
        digest.update(f"{model}\n{Path(cached).parent.name if isinstance(cached, str) else ''}".encode())
    return digest.hexdigest()


def _row(tokenizer: Any, prompt: str, answer: str, tokens: int) -> tuple[list[int], int]:
    """Token numbers of prompt and answer, and how many of the last are to be predicted."""
    asked = tokenizer(prompt, add_special_tokens=False)["input_ids"][-tokens:] if prompt else []
    said = tokenizer(answer, add_special_tokens=False)["input_ids"][:tokens]
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    before = [*start, *asked]
    return [*before, *said], len(said) if before else max(0, len(said) - 1)


def _losses(network: Any, rows: Sequence[tuple[list[int], int]]) -> list[float]:
    """The mean loss (nats a token) of the last tokens of each row; rows are padded on the right, which nothing sees."""
    import torch

    longest = max(len(numbers) for numbers, _ in rows)
    padded = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    wanted = torch.zeros((len(rows), longest), dtype=torch.bool)
    for place, (numbers, predicted) in enumerate(rows):
        padded[place, : len(numbers)] = torch.tensor(numbers)
        mask[place, : len(numbers)] = 1
        wanted[place, len(numbers) - predicted : len(numbers)] = True
    with torch.inference_mode():
        logits = network(input_ids=padded, attention_mask=mask).logits[:, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), padded[:, 1:], reduction="none")
    counted = wanted[:, 1:]
    return [float(value) for value in (losses * counted).sum(1) / counted.sum(1)]


@lru_cache(maxsize=1)
def _loaded(model: str) -> tuple[Any, Any]:
    """Tokenizer and network, loaded once a process."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    hint = "Give the folder of a causal language model for transformers, or its name on the Hub."
    if (model.startswith((".", "/", "~")) or model.count("/") > 1) and not Path(model).is_dir():
        raise StageError(f"there is no folder '{model}' to take the language model from", hint)
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        network = AutoModelForCausalLM.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # whatever a Hub client, a config or a weight file may raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(f"the language model '{model}' cannot be loaded: {first}", hint) from error
    network.train(mode=False)
    return tokenizer, network
