"""A model in this process as a judge: what it writes, or how likely it is to begin its reply with each of some numbers.

A model of some hundred million parameters cannot be held to JSON, and yet leans to one mark or another. One reading of the
question shows which, and nothing is written; so DEITA reads its scorers too (arXiv 2312.15685).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from curation.llm.model import CallFailed, ChatReply, ChatRequest, never
from curation.synthesis.work import TOO_LARGE

VERSION: Final = "1"  # raised whenever the same question may get another reply
_WINDOWS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
_one_at_a_time = threading.Lock()


class ModelHere:
    """A `ChatModel` of transformers, loaded when it is first asked. One question at a time, whoever asks.

    name: smollm2, a folder, a .gguf file or a name on the Hub. Requests are answered greedily: their temperature must be 0.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def identity(self) -> str:
        """The digest of its weights and tokenizer, and how it is read. Loads nothing."""
        from importlib.metadata import version

        from curation.scoring.perplexity import model_digest

        return f"{model_digest(self.name)} {_arithmetic()} {VERSION} {version('torch')} {version('transformers')}"

    def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
        """The answer, whole. Raises CallFailed 'refused' for a question that is too long, 'truncated', 'empty', 'stopped'."""
        with _one_at_a_time:
            tokenizer, model = _opened(self.name)
            asked = _asked(tokenizer, model, request)
            began = time.monotonic()
            said = _write(tokenizer, model, asked, request.max_tokens, should_stop)
        if should_stop():
            raise CallFailed("stopped", f"{self.name} was stopped before its answer was whole.")
        ends = _ends(tokenizer, model)
        if not said or said[-1] not in ends:
            raise CallFailed("truncated", f"{self.name} had not ended its answer after {len(said):,} tokens.")
        text = tokenizer.decode(said[:-1], skip_special_tokens=True)
        if not text.strip():
            raise CallFailed("empty", f"{self.name} answered nothing.")
        return ChatReply(text, "stop", len(asked), len(said), round(time.monotonic() - began, 3), self.name)

    def choose(self, request: ChatRequest, options: Sequence[str]) -> dict[str, float]:
        """Probability of each option as the beginning of the reply, among the options: together 1, see `first_tokens`.

        Raises CallFailed 'refused' for a question that is too long, 'empty' where no option has a token of its own.
        """
        import torch

        with _one_at_a_time:
            tokenizer, model = _opened(self.name)
            asked = _asked(tokenizer, model, request)
            with torch.inference_mode():
                ids = torch.tensor([asked], device=model.device)
                logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
                shares = logits.double().softmax(-1)
        own = first_tokens(tokenizer, options)
        found = {option: sum(float(shares[token]) for token in sorted(own[option])) for option in options}
        total = sum(found.values())
        if not total or not all(own.values()):
            raise CallFailed("empty", f"{self.name} has no tokens by which {', '.join(options)} could be told apart.")
        return {option: share / total for option, share in found.items()}


def is_at_hand(name: str) -> bool:
    """Whether a model can be found without asking the Hub."""
    from curation.weights.find import PACKAGED

    return name in PACKAGED or Path(name).expanduser().exists()


def first_tokens(tokenizer: Any, options: Sequence[str]) -> dict[str, set[int]]:
    """The tokens that an option may begin with, with and without a space before it, and no other option does."""
    found = {
        option: {
            encoded[0]
            for text in (option, f" {option}")
            if (encoded := tokenizer.encode(text, add_special_tokens=False))
        }
        for option in options
    }
    return {
        option: tokens - set().union(*(others for other, others in found.items() if other != option))
        for option, tokens in found.items()
    }


def _asked(tokenizer: Any, model: Any, request: ChatRequest) -> list[int]:
    """The prompt's tokens, written by the model's own template; plainly where it has none."""
    messages = [message._asdict() for message in request.messages]
    if getattr(tokenizer, "chat_template", None):
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        asked: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    else:
        asked = tokenizer("\n\n".join(message.content for message in request.messages) + "\n\n")["input_ids"]
    config = model.config.get_text_config()
    window = next((int(getattr(config, name)) for name in _WINDOWS if getattr(config, name, None)), 1 << 30)
    if len(asked) + request.max_tokens > window:
        said = f"{TOO_LARGE}: it has {len(asked):,} tokens, and the model can hold {window:,}."
        raise CallFailed("refused", said, sent=False)
    return asked


def _write(tokenizer: Any, model: Any, asked: Sequence[int], most: int, should_stop: Callable[[], bool]) -> list[int]:
    """Up to `most` tokens behind the prompt, greedily; the one that ends among them."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Stopping(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ARG002 - what transformers passes
            return torch.tensor([should_stop()], device=input_ids.device)

    ids = torch.tensor([list(asked)], device=model.device)
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most,
            do_sample=False,
            num_beams=1,
            eos_token_id=sorted(_ends(tokenizer, model)) or None,
            pad_token_id=next(iter(sorted(_ends(tokenizer, model))), 0),
            stopping_criteria=StoppingCriteriaList([Stopping()]),
        )
    return [int(token) for token in out[0, len(asked) :]]


def _ends(tokenizer: Any, model: Any) -> frozenset[int]:
    """Tokens that end an answer."""
    told = getattr(model.generation_config, "eos_token_id", None)
    listed = told if isinstance(told, list) else [told]
    return frozenset(int(token) for token in (*listed, tokenizer.eos_token_id) if token is not None)


def _arithmetic() -> str:
    """bfloat16 where the processor multiplies it by itself, else float32."""
    from curation.scoring.perplexity import native_bfloat16

    return "bfloat16" if native_bfloat16() else "float32"


@lru_cache(maxsize=1)
def _opened(name: str) -> tuple[Any, Any]:
    """Tokenizer and model, loaded once a process."""
    from curation.scoring.perplexity import open_model

    tokenizer, model = open_model(name, _arithmetic())
    return tokenizer, model.eval()
