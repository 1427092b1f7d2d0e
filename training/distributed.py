"""Several processes of one run, as torchrun or accelerate start them: who tells, and how all agree.

Only the first process writes events, checkpoints and results. What it alone can know (where the run's folder is, what
was found in it, that somebody wants to stop) it tells the others, so that all take the same step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

Value = TypeVar("Value")


def rank() -> int:
    """The number of this process among those of the run; 0 where it is the only one."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """How many processes the launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def agreed(trainer: Any, value: Value) -> Value:
    """The first process's value, in every process. It must pickle; all processes call this at the same point."""
    if trainer.accelerator.num_processes == 1:
        return value
    import torch.distributed as dist

    said = [value]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def any_of(trainer: Any, flags: Sequence[bool]) -> list[bool]:
    """Each flag: whether it is set in any process."""
    if trainer.accelerator.num_processes == 1:
        return list(flags)
    import torch
    import torch.distributed as dist

    held = torch.tensor([int(flag) for flag in flags], device=trainer.args.device)
    dist.all_reduce(held, op=dist.ReduceOp.MAX)
    return [bool(flag) for flag in held.tolist()]
