"""Writing answers token by token: one side alone, or two in turns, from models that are held in memory.

A loop of its own, in place of transformers' `generate`, because two answers must grow together on one base model whose
adapter is switched between their tokens, and because a stop has to be heard at each of them. Greedy, it writes the same
tokens as `generate`.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from curation.errors import InputError, StudioError
from training.compare.model import Ending, Piece

if TYPE_CHECKING:
    import threading

    from training.compare.hold import Held
    from training.compare.sampling import Chooser

PREFILL = 256  # tokens of a prompt at once: between two parts a stop is heard
_WINDOW = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")


class Writer(Protocol):
    """An answer that is being written. `tokens`, `seconds` and `ending` tell how it went so far; `prompt_tokens`, of the
    prompt, is 0 while it is not known."""

    prompt_tokens: int
    tokens: int
    seconds: float
    ending: Ending | None

    def step(self) -> list[Piece]:
        """Go on a little; what was written is returned. Sets `ending` when it was the last."""
        ...

    def close(self, ending: Ending) -> list[Piece]:
        """End now, for this reason; what was held back is returned. Caches are freed."""
        ...

    def locks(self) -> Sequence[threading.RLock]:
        """What must be held while it writes."""
        ...


@dataclass(frozen=True)
class Job:
    """What a model is to write. ids: the prompt; limit: tokens at most; ends: ids that end the answer."""

    ids: Sequence[int]
    limit: int
    ends: frozenset[int]


class ModelWriter:
    """An answer from a model that is held in memory, with one of its adapters."""

    def __init__(
        self,
        held: Held,
        adapter: str | None,
        job: Job,
        chooser: Chooser,
        push: Callable[[int], str],
        rest: Callable[[], str],
    ) -> None:
        """push, rest: of a `Decoder`. Raises InputError where the prompt leaves no room for an answer."""
        self._held, self._adapter, self._chooser = held, adapter, chooser
        self._push, self._rest, self._ends = push, rest, job.ends
        self._ids = list(job.ids)
        self._waiting = list(job.ids)  # tokens that the model has not seen yet
        self._forward = _Forward(held, adapter)
        self._room = min(job.limit, self._forward.room(len(self._ids)))
        self.prompt_tokens = len(self._ids)
        self.tokens, self.seconds = 0, 0.0
        self.ending: Ending | None = None

    def locks(self) -> Sequence[threading.RLock]:
        """The model's."""
        return (self._held.lock,)

    def step(self) -> list[Piece]:
        """A part of the prompt, or one token of the answer."""
        began = time.monotonic()
        try:
            part, self._waiting = self._waiting[:PREFILL], self._waiting[PREFILL:]
            with self._held.use(self._adapter) as base:
                logits = self._forward(base, part)
            if self._waiting:
                return []
            token, logprob = self._chooser.choose(logits, self._ids)
        finally:
            self.seconds += time.monotonic() - began
        self.tokens += 1
        if token in self._ends:
            return self.close("end")
        self._ids.append(token)
        self._waiting = [token]
        pieces = [Piece(self._push(token), logprob)]
        return pieces if self.tokens < self._room else pieces + self.close("length")

    def close(self, ending: Ending) -> list[Piece]:
        """A character that stays broken is a piece of no token."""
        self.ending = ending
        self._forward.free()
        rest = self._rest()
        return [Piece(rest, float("nan"))] if rest else []


class _Forward:
    """The model over what it has not seen yet, with the cache of what it has."""

    def __init__(self, held: Held, adapter: str | None) -> None:
        self._virtual = held.virtual(adapter)
        self._config = held.base.config
        self._device = held.base.device
        accepted = inspect.signature(held.base.forward).parameters
        self._caches = "past_key_values" in accepted
        self._last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self._cache: Any = None
        self._before: list[int] = []  # without a cache, everything is computed again for each token
        self._begun = False

    def room(self, length: int) -> int:
        """How many tokens fit behind a prompt of `length`. Raises InputError where none does."""
        config = self._config.get_text_config()
        window = next((getattr(config, name) for name in _WINDOW if getattr(config, name, None)), 1 << 30)
        virtual = self._virtual.active_peft_config.num_virtual_tokens if self._virtual is not None else 0
        room = int(window) - virtual - length
        if room < 1:
            raise InputError(
                f"A prompt has {length:,} tokens, and the model can hold {window - virtual:,}.",
                "Ask something shorter.",
            )
        return room

    def __call__(self, base: Any, ids: Sequence[int]) -> Any:
        """The logits behind the last of `ids`, (vocabulary,)."""
        import torch

        if not self._caches:
            self._before = ids = [*self._before, *ids]
        with torch.no_grad():
            try:
                out = base(**self._inputs(base, torch.tensor([list(ids)], device=self._device)), **self._last)
            except torch.OutOfMemoryError as error:
                raise StudioError("There is not enough memory to answer.", "Ask something shorter.") from error
        if self._caches:
            self._cache = out.past_key_values
        return out.logits[0, -1]

    def _inputs(self, base: Any, ids: Any) -> dict[str, Any]:
        """What the model is called with. Virtual tokens come first: as keys and values, or as embeddings."""
        import torch

        found: dict[str, Any] = {"input_ids": ids}
        if self._caches:
            found.update(past_key_values=self._cache, use_cache=True)
        fresh, self._begun = not self._begun or not self._caches, True
        if self._virtual is None or not fresh:
            return found
        prompt = self._virtual.get_prompt(1)
        if self._virtual.active_peft_config.peft_type == "PREFIX_TUNING":
            return {**found, "past_key_values": prompt}
        del found["input_ids"]
        embedded = base.get_input_embeddings()(ids)
        return {**found, "inputs_embeds": torch.cat((prompt.to(embedded.dtype), embedded), dim=1)}

    def free(self) -> None:
        """Let go of keys and values."""
        self._cache = None
        self._before = []


Name = TypeVar("Name")


def write(
    writers: Mapping[Name, Writer],
    on_pieces: Callable[[Name, Sequence[Piece]], None],
    should_stop: Callable[[], bool],
) -> dict[Name, list[Piece]]:
    """Let all write, in turns, until each has ended; a stop is asked for before every step and ends them all.

    on_pieces: told what was written, as it comes, and once nothing, when a writer has ended. Returns all pieces.
    Whatever happens, no cache is left.
    """
    pieces: dict[Name, list[Piece]] = {name: [] for name in writers}

    def add(name: Name, more: list[Piece]) -> None:
        if more:
            pieces[name] += more
            on_pieces(name, more)
        if writers[name].ending is not None:
            on_pieces(name, ())

    locks = {id(lock): lock for writer in writers.values() for lock in writer.locks()}
    with ExitStack() as stack:
        for key in sorted(locks):  # in one order everywhere
            stack.enter_context(locks[key])
        try:
            while _turn(writers, add, should_stop):
                pass
        finally:
            for name in _open(writers):
                writers[name].close("stopped")
    return pieces


def _turn(
    writers: Mapping[Name, Writer], add: Callable[[Name, list[Piece]], None], should_stop: Callable[[], bool]
) -> bool:
    """A step of each that has not ended; whether there was one."""
    going = _open(writers)
    for name in going:
        if should_stop():
            for other in _open(writers):
                add(other, writers[other].close("stopped"))
            return False
        add(name, writers[name].step())
    return bool(going)


def _open(writers: Mapping[Name, Writer]) -> list[Name]:
    return [name for name, writer in writers.items() if writer.ending is None]
