"""Tiny causal language models of twenty words, built and trained on disk, for tests of what reads with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ["[pad]", "[unk]", "[bos]", *"the boat comes and goes home at dawn red fish sea net wind old new day".split()]
DULL = "the boat comes and goes " * 8
WILD = "fish wind old comes the red goes net day at sea boat new home dawn and " * 3


def _network(layers: int = 1) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=256,
            bos_token_id=2,
            eos_token_id=2,
            pad_token_id=0,
        )
    )


def _saved(network: Any, folder: Path) -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[unk]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    network.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[unk]", bos_token="[bos]", pad_token="[pad]"
    ).save_pretrained(folder)
    return str(folder)


def trained_model(folder: Path) -> str:
    """A model that has learned the dull sentence by heart."""
    import torch

    torch.manual_seed(1)
    network = _network()
    numbers = torch.tensor([[2, *(WORDS.index(word) for word in DULL.split())]])
    steps = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        steps.zero_grad()
        network(input_ids=numbers, labels=numbers).loss.backward()
        steps.step()
    return _saved(network, folder)


def clueless_model(folder: Path) -> str:
    """A model that finds every word as likely as every other."""
    import torch

    network = _network()
    torch.nn.init.zeros_(network.lm_head.weight)
    return _saved(network, folder)
