"""How a token is chosen: transformers' own processors over the logits, and draws that a seed decides alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError

if TYPE_CHECKING:
    import torch

    from training.compare.model import Prompt
    from training.compare.sections import SamplingSettings


def seed_of(sampling: SamplingSettings, prompt: Prompt) -> int:
    """The seed of a prompt's draws: of the recipe's seed and the prompt, not of the side nor of what went before."""
    text = f"{sampling.seed}\x1f{prompt.prompt_id}\x1f{sum(message.role == 'user' for message in prompt.messages)}"
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big")


class Chooser:
    """Chooses tokens of one answer. The draws are made on the CPU, so that devices do not differ in them."""

    def __init__(self, sampling: SamplingSettings, seed: int) -> None:
        import torch

        self._greedy = sampling.temperature == 0
        self._penalty, self._warpers = _processors(sampling)
        self._generator = torch.Generator().manual_seed(seed)

    def choose(self, logits: torch.Tensor, ids: list[int]) -> tuple[int, float]:
        """The next token, and its log-probability (nats) in the model's own distribution, whatever the settings.

        logits: of one position, (vocabulary,). ids: of the prompt and of what was written so far. Raises StudioError for
        logits that are no numbers.
        """
        import torch

        scores = logits.detach().to("cpu", torch.float32)
        total = torch.logsumexp(scores, 0)
        if not bool(total.isfinite()):
            raise StudioError("The model's numbers overflow: no token has a probability.", "Set sides.dtype=float32.")
        token = self._pick(scores, ids)
        return token, float(scores[token] - total)

    def _pick(self, scores: torch.Tensor, ids: list[int]) -> int:
        import torch

        changed: torch.Tensor = scores[None]
        if len(self._penalty):
            changed = self._penalty(torch.tensor([ids]), changed)
        if self._greedy:
            return int(changed[0].argmax())
        changed = self._warpers(None, changed - changed.max())  # so that no temperature makes them infinite
        return int(torch.multinomial(changed[0].softmax(-1), 1, generator=self._generator))


def _processors(sampling: SamplingSettings) -> tuple[Any, Any]:
    """What changes scores by what was written, and what narrows a draw; in the order of transformers' `generate`."""
    from transformers.generation.logits_process import (
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    penalty, warpers = LogitsProcessorList(), LogitsProcessorList()
    if sampling.repetition_penalty != 1:
        penalty.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.temperature not in (0, 1):
        warpers.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return penalty, warpers
