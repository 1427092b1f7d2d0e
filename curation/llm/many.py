"""Many calls at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from curation.llm.model import CallFailed, ChatModel, ChatReply, ChatRequest, never
from curation.llm.wire import POLL_SECONDS


def complete_all(
    model: ChatModel,
    requests: Sequence[ChatRequest],
    concurrency: int = 4,
    should_stop: Callable[[], bool] = never,
    on_reply: Callable[[int, ChatReply | CallFailed], None] = lambda _index, _outcome: None,
) -> list[ChatReply | CallFailed]:
    """What became of each request, in their order: a reply, or the failure of its call.

    on_reply gets each outcome with its place as soon as it is there, in this thread. Once should_stop says so no call
    begins; those that were not made or not ended are CallFailed 'stopped', about which on_reply hears nothing. Whatever
    else goes wrong (a ledger that cannot be written) ends all and is raised.
    """
    outcomes: list[ChatReply | CallFailed] = [CallFailed("stopped", "The call was not made.", attempts=0)] * len(
        requests
    )
    stopping = threading.Event()
    waiting = iter(enumerate(requests))
    under_way: dict[Future[ChatReply], int] = {}
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="llm-call")
    try:
        while True:
            if should_stop():
                stopping.set()
            if not stopping.is_set():
                for index, request in islice(waiting, concurrency - len(under_way)):
                    under_way[pool.submit(model.complete, request, stopping.is_set)] = index
            if not under_way:
                return outcomes
            for ended in wait(under_way, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                index = under_way.pop(ended)
                outcomes[index] = outcome = _outcome(ended)
                if not (isinstance(outcome, CallFailed) and outcome.kind == "stopped"):
                    on_reply(index, outcome)
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)


def _outcome(ended: Future[ChatReply]) -> ChatReply | CallFailed:
    try:
        return ended.result()
    except CallFailed as failed:
        return failed
