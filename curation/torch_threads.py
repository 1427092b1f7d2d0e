"""PyTorch on several cores with the same bits as on one.

How a sum is cut among threads decides its last bits. So work is shared out instead: each part is computed by one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def single_threads() -> Iterator[ThreadPoolExecutor]:
    """As many threads as PyTorch may use here, in each of which it computes alone. What waits is dropped at the end."""
    import torch

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "torch", initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
