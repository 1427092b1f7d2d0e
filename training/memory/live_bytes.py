"""Counts the bytes of tensors that are alive, while a model runs on tensors that have a shape and no memory."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from math import prod
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

WORKING = "working"
MAPPED = 32 << 20  # bytes from which glibc gives every block pages of its own, and gives them back when it is freed

# Operations whose fake version hides the memory they take inside: name -> bytes, from the arguments.
Hidden = Callable[[tuple[Any, ...], dict[str, Any]], int]


def _gemm_4bit(args: tuple[Any, ...], _: dict[str, Any]) -> int:
    """bitsandbytes unpacks the whole weight before it multiplies (and the constants, a 32nd of it)."""
    size: int = prod(args[2]) * args[0].element_size()
    return size + size // 32


def _int8_mm(args: tuple[Any, ...], _: dict[str, Any]) -> int:
    """The product in int32 (`CA @ CB`), and its scaled copy, before it is rounded to the result."""
    rows: int = args[0].numel() // args[0].shape[-1]
    columns: int = args[1].shape[0]
    return rows * columns * 8


HIDDEN: dict[str, Hidden] = {
    "bitsandbytes.gemm_4bit.default": _gemm_4bit,
    "bitsandbytes.int8_mixed_scaled_mm.default": lambda args, kwargs: _int8_mm((args[1], args[2]), kwargs),
    "bitsandbytes.int8_scaled_mm.default": _int8_mm,
}


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums up the storages of all tensors made while it is active, and of those it is told about, until they die.

    now: bytes by kind. peak: the most bytes there were at once. at_peak: bytes by kind at that moment.
    heap, heap_at_peak: the same of blocks that are too small to be mapped one by one.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now: Counter[str] = Counter()
        self.heap: Counter[str] = Counter()
        self.total = 0
        self.peak = 0
        self.at_peak: Counter[str] = Counter()
        self.heap_at_peak: Counter[str] = Counter()
        self._kinds: dict[int, str] = {}

    def tell(self, tensors: Iterable[Tensor], kind: str) -> None:
        """Count tensors made elsewhere, or give tensors that are counted already another kind."""
        for tensor in tensors:
            self._count(tensor, kind, again=True)

    def kind_of(self, tensor: Tensor) -> str | None:
        """What a tensor's storage is counted as, or None where it is not."""
        return self._kinds.get(tensor.untyped_storage()._cdata)

    def forget_peak(self) -> None:
        """Begin a new peak from what is alive now."""
        self.peak, self.at_peak, self.heap_at_peak = self.total, self.now.copy(), self.heap.copy()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation; count what it returns."""
        out = func(*args, **(kwargs or {}))
        hidden = HIDDEN.get(str(func))
        if hidden is not None:
            self._mark(hidden(args, kwargs or {}))
        for value in tree_iter(out):
            if isinstance(value, Tensor):
                self._count(value, WORKING)
        return out

    def _count(self, tensor: Tensor, kind: str, *, again: bool = False) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        size = storage.nbytes()
        if key in self._kinds:
            if again:
                self._add(self._kinds[key], -size)
                self._add(kind, size)
                self._kinds[key] = kind
            return
        self._kinds[key] = kind
        self._add(kind, size)
        self.total += size
        self._mark()
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        kind = self._kinds.pop(key, None)
        if kind is not None:
            self._add(kind, -size)
            self.total -= size

    def _add(self, kind: str, size: int) -> None:
        self.now[kind] += size
        if abs(size) < MAPPED:
            self.heap[kind] += size

    def _mark(self, hidden: int = 0) -> None:
        if self.total + hidden > self.peak:
            self.peak = self.total + hidden
            self.at_peak, self.heap_at_peak = self.now.copy(), self.heap.copy()
            self.at_peak[WORKING] += hidden
