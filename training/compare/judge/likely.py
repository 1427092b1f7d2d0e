"""How likely a model in this process is to begin its reply with each of some words: a verdict without writing one.

A model of some hundred million parameters cannot be held to JSON, and yet leans to one answer or the other. One forward
pass over the question shows which; no text is generated.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from curation.llm.model import ChatRequest
from curation.scoring.rate_here import first_tokens
from training.examples import Message

if TYPE_CHECKING:
    from training.compare.opening import Side

_WINDOWS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")


def likelihoods(side: Side, request: ChatRequest, options: Sequence[str]) -> dict[str, float]:
    """Probability of each option as the beginning of the reply, among the options: together 1.

    An option counts by its first token, with and without a space before it. Where two options begin with the same token,
    that token counts for neither, and an option that has no other is 0. Raises InputError for a question that is longer
    than the model can read.
    """
    from training.tokenize import encode_prompt

    if side.held is None:
        raise InputError(f"{side.facts.label} is no model in this process.", "Use judge.verdicts=written.")
    messages = [Message(message.role, message.content) for message in request.messages]
    ids = encode_prompt(messages, side.template, side.tokenizer, side.system)
    config = side.held.base.config.get_text_config()
    window = next((int(getattr(config, name)) for name in _WINDOWS if getattr(config, name, None)), len(ids))
    if len(ids) > window:
        raise InputError(f"The question has {len(ids):,} tokens, and the judge can read {window:,}.")
    logprobs = _next_token(side, ids)
    shares = {
        option: sum(float(logprobs[token].exp()) for token in tokens)
        for option, tokens in first_tokens(side.tokenizer, options).items()
    }
    total = sum(shares.values())
    return {option: share / total for option, share in shares.items()} if total else shares


def _next_token(side: Side, ids: Sequence[int]) -> Any:
    """Log-probabilities of what comes next, (vocabulary,), in double precision: shares of a share lie close to 0."""
    import torch

    if side.held is None:
        raise AssertionError("only a held model computes")
    with side.held.model(side.adapter) as model, torch.no_grad():
        last = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(side.held.base.forward).parameters else {}
        out = model(input_ids=torch.tensor([list(ids)], device=side.held.base.device), use_cache=False, **last)
    return out.logits[0, -1].double().log_softmax(-1)
