"""Losses on records that are not trained on, and answers to their prompts. Neither moves anything in the training.

The state of every random number generator is put back, so a run that is measured often has the weights of one that is
not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.template import Template
    from training.tokenize import Encoded, EncodedPair


@dataclass(frozen=True)
class Loss:
    """A mean loss (nats a token; for pairs, the objective's own, a pair), and over how many tokens (or pairs)."""

    value: float
    count: int


@contextmanager
def set_aside(trainer: Any) -> Iterator[Any]:
    """The model in evaluation mode, without gradients; afterwards model and random numbers are as they were."""
    import torch

    model = trainer.model_wrapped if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled else trainer.model
    training = model.training
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        model.eval()
        try:
            yield model
        finally:
            model.train(training)


@contextmanager
def as_base(trainer: Any, method: str) -> Iterator[None]:
    """The model before it learned anything: with virtual tokens switched off. An adapter that begins as nothing, or a
    model whose every weight is trained, must be measured before the first step instead."""
    if method in ("prefix", "prompt", "p_tuning"):
        with trainer.accelerator.unwrap_model(trainer.model).disable_adapter():
            yield
    else:
        yield


class GivenUp(Exception):
    """A measurement was asked to end before its end."""


GiveUp = Callable[[], bool]


def mean_loss(trainer: Any, encoded: Sequence[Encoded], batch_size: int, give_up: GiveUp) -> Loss:
    """Mean negative log-likelihood of the trained tokens of `encoded`, spread over all processes.

    give_up: asked before every batch; raises GivenUp when it says so.
    """
    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    collate = DataCollatorForLanguageModeling(pad_token_id=trainer.processing_class.pad_token_id)
    total = torch.zeros(2, dtype=torch.float64)
    with set_aside(trainer) as model, trainer.compute_loss_context_manager():
        for batch in _batches(trainer, encoded, batch_size):
            _ask(give_up)
            inputs = collate([{"input_ids": one.input_ids, "labels": one.labels} for one, _ in batch])
            for row, (_, counts) in enumerate(batch):
                if not counts:
                    inputs["labels"][row] = -100
            outputs = model(**trainer._prepare_inputs(inputs), use_cache=False, fused_lm_head=True)
            total[0] -= outputs.log_probs.double().sum().cpu()
            total[1] += outputs.label_mask.sum().cpu()
    summed, count = _over_processes(trainer, total)
    return Loss(summed / count if count else math.nan, int(count))


def mean_pair_loss(trainer: Any, pairs: Sequence[EncodedPair], batch_size: int, give_up: GiveUp) -> Loss:
    """Mean loss of the objective over preference pairs. give_up: as in `mean_loss`."""
    import torch

    total = torch.zeros(2, dtype=torch.float64)
    with set_aside(trainer) as model, trainer.compute_loss_context_manager():
        for batch in _batches(trainer, pairs, batch_size):
            _ask(give_up)
            counted = [one for one, counts in batch if counts]
            shown = counted or [one for one, _ in batch]
            inputs = trainer._prepare_inputs(trainer.data_collator([pair_columns(one) for one in shown]))
            value = trainer.compute_loss(model, inputs)
            total += torch.tensor([float(value) * len(counted), len(counted)], dtype=torch.float64)
        trainer._metrics["eval"].clear()
    summed, count = _over_processes(trainer, total)
    return Loss(summed / count if count else math.nan, int(count))


def pair_columns(pair: EncodedPair) -> dict[str, list[int]]:
    """A pair as TRL's collator takes it."""
    return {"prompt_ids": pair.prompt_ids, "chosen_ids": pair.chosen_ids, "rejected_ids": pair.rejected_ids}


def answer(trainer: Any, template: Template, prompt_ids: Sequence[int], tokens: int) -> tuple[str, bool]:
    """The greedy answer of at most `tokens` tokens, and whether it ended by itself."""
    import torch

    tokenizer = trainer.processing_class
    ends = set(template.stop_ids(tokenizer)) | ({tokenizer.eos_token_id} - {None})
    with set_aside(trainer) as model:
        ids = torch.tensor([list(prompt_ids)], device=trainer.args.device)
        unwrapped = trainer.accelerator.unwrap_model(model)
        with trainer.compute_loss_context_manager():
            out = unwrapped.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                use_cache=True,
                eos_token_id=sorted(ends),
                pad_token_id=tokenizer.pad_token_id,
            )
    new = out[0].tolist()
    new = new[len(prompt_ids) :] if new[: len(prompt_ids)] == list(prompt_ids) else new
    stopped = bool(new) and new[-1] in ends
    return tokenizer.decode(new[:-1] if stopped else new, skip_special_tokens=False), stopped


def _ask(give_up: GiveUp) -> None:
    if give_up():
        raise GivenUp


def _batches(trainer: Any, items: Sequence[Any], size: int) -> Iterator[list[tuple[Any, bool]]]:
    """This process's share, in batches of records of like length. Every process gets as many batches; what only fills
    them up is marked as not counting."""
    world, rank = trainer.accelerator.num_processes, trainer.accelerator.process_index
    order = sorted(items, key=_length)
    rounds = math.ceil(len(order) / (world * size))
    for index in range(rounds):
        begin = (index * world + rank) * size
        mine = [(one, True) for one in order[begin : begin + size]]
        yield mine or [(order[-1], False)]


def _length(item: Any) -> int:
    if hasattr(item, "input_ids"):
        return len(item.input_ids)
    return len(item.prompt_ids) + max(len(item.chosen_ids), len(item.rejected_ids))


def _over_processes(trainer: Any, total: Any) -> tuple[float, float]:
    if trainer.accelerator.num_processes > 1:
        import torch.distributed as dist

        moved = total.to(trainer.args.device) if trainer.args.device.type != "mps" else total.float()
        dist.all_reduce(moved)
        total = moved.cpu()
    return float(total[0]), float(total[1])
