"""How much memory a device has left for a run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.device import Device

_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Room:
    """Bytes that are free and bytes in all; `limited` where a container allows less than the machine has."""

    free: int
    total: int
    limited: bool = False


def room_on(device: Device) -> Room:
    """The GPU's memory (asked of its driver, not of torch), else main memory within the container's limit."""
    if device.kind == "cuda":
        found = _gpu(int(device.torch_name.partition(":")[2] or 0))
        if found is not None:
            return found
    return main_memory()


def main_memory() -> Room:
    """Main memory; a control group's limit counts where it is lower. MPS shares it."""
    import psutil

    machine = psutil.virtual_memory()
    limit, used = _group()
    if limit is None or limit >= machine.total:
        return Room(machine.available, machine.total)
    return Room(max(0, min(machine.available, limit - used)), limit, limited=True)


def _group() -> tuple[int | None, int]:
    """The control group's limit and what counts against it, in version 2 or 1. Cached files are given back on demand."""
    for limit, used, inactive in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError):
            allowed = int((_GROUPS / limit).read_text("ascii"))
            taken = int((_GROUPS / used).read_text("ascii"))
            with suppress(OSError, ValueError, StopIteration):
                lines = (_GROUPS / used).with_name("memory.stat").read_text("ascii").splitlines()
                taken -= int(next(line for line in lines if line.startswith(f"{inactive} ")).split()[1])
            return allowed, taken
    return None, 0


def _gpu(index: int) -> Room | None:
    with suppress(Exception):  # no driver, or one that does not answer
        import pynvml

        pynvml.nvmlInit()
        try:
            found = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(_physical(index)))
        finally:
            pynvml.nvmlShutdown()
        return Room(int(found.free), int(found.total))
    return None


def _physical(index: int) -> int:
    """NVML counts every GPU, CUDA only the visible ones."""
    import os

    visible = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    return int(visible[index]) if index < len(visible) and visible[index].isdigit() else index
