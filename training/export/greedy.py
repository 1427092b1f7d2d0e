"""Greedy answers, and how far from another choice each of their tokens was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from curation.errors import Stopped

_BATCH = 8

# Two like computations in another order may differ by this much in a log-probability (nats). float32: sixty times what was
# measured on a model of 135 M parameters (1.6e-5); bfloat16 and float16: by their number of digits, not measured. Where the
# best two tokens are nearer to each other, either may win.
NEAR = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05}


@dataclass(frozen=True)
class Greedy:
    """tokens: generated, an end mark included. logprobs: of each, nats. gaps: to the second best, nats."""

    tokens: list[int]
    logprobs: list[float]
    gaps: list[float]

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Agreement:
    """identical: prompts whose answers are the same to the last token. ties: that part where the two best tokens were
    as good as equal. differ: others, by their index. drift: the largest difference of a log-probability (nats) up to
    where answers part."""

    identical: int
    ties: int
    differ: tuple[int, ...]
    drift: float


def answer_all(
    model: Any,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    stop_ids: Sequence[int],
    on_done: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> list[Greedy]:
    """Answer every prompt greedily, in batches of like length. on_done: called with how many are answered.

    Raises Stopped within a step of `should_stop`.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    found: dict[int, Greedy] = {}
    for begin in range(0, len(order), _BATCH):
        part = order[begin : begin + _BATCH]
        for index, greedy in zip(
            part, _batch(model, [prompts[at] for at in part], max_tokens, stop_ids, should_stop), strict=True
        ):
            found[index] = greedy
        on_done(len(found))
    return [found[index] for index in range(len(prompts))]


def _batch(
    model: Any,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    stop_ids: Sequence[int],
    should_stop: Callable[[], bool],
) -> list[Greedy]:
    """One batch, padded on the left."""
    import torch

    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=model.device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    answers = [Greedy([], [], []) for _ in prompts]
    open_ones = set(range(len(prompts)))
    cache: Any = None
    with torch.inference_mode():
        for _ in range(max_tokens):
            if should_stop():
                raise Stopped("The export was stopped; what is whole is kept.")
            places = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            out = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=places,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache = out.past_key_values
            best = out.logits[:, -1].float().log_softmax(-1).topk(2)
            for at in sorted(open_ones):
                token = int(best.indices[at, 0])
                answers[at].tokens.append(token)
                answers[at].logprobs.append(float(best.values[at, 0]))
                answers[at].gaps.append(float(best.values[at, 0] - best.values[at, 1]))
                if token in stop_ids:
                    open_ones.discard(at)
            if not open_ones:
                break
            ids = best.indices[:, :1]
            mask = torch.cat([mask, mask.new_ones(len(prompts), 1)], 1)
    return answers


def agreement(wanted: Sequence[Greedy], found: Sequence[Greedy], dtype: str) -> Agreement:
    """How alike two sets of greedy answers to the same prompts are. dtype: of the arithmetic, for what a tie is."""
    near, identical, ties = NEAR[dtype], 0, 0
    differ: list[int] = []
    drift = 0.0
    for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
        at = _parts_at(one.tokens, other.tokens)
        pairs = zip(one.logprobs[:at], other.logprobs[:at], strict=True)
        drift = max([drift, *(abs(left - right) for left, right in pairs)])
        if one.tokens == other.tokens:
            identical += 1
        elif at < len(one.gaps) and one.gaps[at] <= near:
            ties += 1
        else:
            differ.append(index)
    return Agreement(identical, ties, tuple(differ), drift)


def _parts_at(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def log_probs(model: Any, tokens: Sequence[int], first: int) -> Any:
    """Log-probabilities (nats, float32, tokens x vocabulary) that predict `tokens[first:]`, as a tensor on the CPU."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([list(tokens)], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0, first - 1 : len(tokens) - 1]
        return logits.float().log_softmax(-1).cpu()
