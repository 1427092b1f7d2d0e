"""An open comparison: what it does while somebody asks it things, until it is stopped or nobody asks any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from curation.events import Warned
from training.compare.asks import Ask, AskQueue, conversation, prompt_of
from training.compare.events import Waiting
from training.compare.model import PROMPTS, Prompt, append, last_answers, read

if TYPE_CHECKING:
    from training.compare.run import Talk

_LOOK_EVERY = 0.1  # seconds between looks for something to do


def wait_for_asks(talk: Talk, idle: float) -> None:
    """Do what asks.jsonl says, until the run is asked to stop or nothing came for `idle` seconds."""
    queue = talk.queue = AskQueue(talk.folder, {prompt_id for prompt_id, _ in last_answers(talk.folder)})
    talk.listener(Waiting(True))
    since = time.monotonic()
    while not talk.should_stop() and time.monotonic() - since < idle:
        ask = queue.next()
        if ask is None:
            time.sleep(_LOOK_EVERY)
            continue
        talk.listener(Waiting(False))
        _do(talk, ask)
        talk.listener(Waiting(True))
        since = time.monotonic()
    talk.listener(Waiting(False))


def _do(talk: Talk, ask: Ask) -> None:
    known = {prompt.prompt_id: prompt for prompt in read(talk.folder / PROMPTS, Prompt)}
    if ask.ask == "judge":
        talk.judge()
        return
    prompt = known.get(ask.prompt_id) if ask.ask == "again" else prompt_of(ask, known)
    if prompt is None:
        talk.listener(Warned(f"There is no prompt {ask.prompt_id} to go on from."))
        return
    if ask.prompt_id not in known:
        append(talk.folder / PROMPTS, prompt)
    said = last_answers(talk.folder)
    seen = conversation(prompt, "a", said), conversation(prompt, "b", said)
    talk.answer(prompt, seen)
