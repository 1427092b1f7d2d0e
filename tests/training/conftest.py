"""A model small enough to be trained in every test: a random Llama with a tokenizer made on the spot."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # tests of this folder may share plain modules beside them
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share the cores

SENTENCES = (
    "The bakery opens at seven. Bread is baked every morning, and cakes on Fridays.",
    "How do I change a tyre? Loosen the nuts, lift the car, take the wheel off, put the spare on.",
    "图书馆的借书证怎么办理？带上身份证到一楼服务台填写登记表即可。",
    "What is the capital of France? The capital of France is Paris.",
    "def add(a, b):\n    return a + b\n",
    "Naïve café, 42 %, 3.14; e-mail and other things 😀 — quotes “so”.",
)


def make_tiny(folder: Path, *, vocabulary: int = 640, hidden: int = 64, layers: int = 2, seed: int = 0) -> Path:
    """A Llama of random weights with a byte-level BPE of `vocabulary` tokens, saved as a model folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(SENTENCES) * 4, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=1024
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty questions with answers that follow a rule, so that a tiny model can learn something."""
    path = tmp_path_factory.mktemp("data") / "questions.jsonl"
    colours = ("red", "blue", "green", "black")
    with path.open("w", encoding="utf-8") as stream:
        for number in range(40):
            colour = colours[number % 4]
            record = {
                "question": f"What colour is box {number}?",
                "answer": f"Box {number} is {colour}. 它是{colour}。",
            }
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    return path


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pairs of a chosen and a rejected answer."""
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        for number in range(16):
            record = {
                "prompt": f"Is {number} even?",
                "chosen": f"{'Yes' if number % 2 == 0 else 'No'}, it is{'' if number % 2 == 0 else ' not'}.",
                "rejected": "I do not know that.",
            }
            stream.write(json.dumps(record) + "\n")
    return path
