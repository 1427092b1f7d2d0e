"""Matrix products of small networks on the processor, as fast as it goes in float32.

PyTorch multiplies float32 through MKL, which uses half of the width of the processors of some makers; oneDNN, which
PyTorch carries too, uses all of it (on an AMD EPYC of 2024: 260 against 115 GFLOP/s on one core, and BLIS, which spaCy
uses, 43). Sums are in another order, so last bits differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Within, PyTorch computes on one thread: how a sum is cut among threads decides its last bits. No gradients are kept."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 (AVX512-BF16), which is twice as fast as float32; loads nothing heavy."""
    try:
        features: dict[str, bool] = import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):  # told elsewhere in this version of NumPy
        return False
    return features.get("AVX512BF16", False)


def product(left: Any, right: Any, bias: Any = None, *, positive: bool = False) -> Any:
    """`left @ right.T + bias` of tensors of one type: left (n, k), right (m, k), bias (m) or None. Gives (n, m).

    positive: with zeros in place of what is negative. Numbers of rows as `rounded` gives them cost least.
    """
    fused = _fused()
    if fused is None or not len(left):
        import torch

        found = torch.nn.functional.linear(left, right, bias)
        return found.relu_() if positive else found
    rows, whole = len(left), rounded(len(left))
    if whole > rows:
        import torch

        left = torch.nn.functional.pad(left, (0, 0, 0, whole - rows))
    return fused(left, right, bias, "relu" if positive else "none", [], "")[:rows]


def rounded(rows: int) -> int:
    """At least as many rows, of one of few numbers: oneDNN makes a program for each, which takes it a millisecond."""
    step = 16 if rows <= 512 else 128
    return -(-rows // step) * step


@lru_cache(maxsize=1)
def _fused() -> Any:
    """oneDNN's product, which PyTorch's compiler calls; None where this build has none."""
    import torch

    backend: Any = torch.backends.mkldnn
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None) if backend.is_available() else None
