"""Models at OpenAI-compatible endpoints: vLLM, Ollama, llama.cpp, LM Studio, clouds.

An endpoint is a stranger. What it sends is an answer only if it says so itself in every way it can: 200, JSON of the
right form, a finish reason, for a stream its last event. All else is a `CallFailed` with a kind, after as many attempts as
make sense; and what it did answer stands in the ledger before anybody sees it.
"""

from __future__ import annotations

import contextlib
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path
from typing import Final, Self

from curation.errors import InputError
from curation.llm.address import Address, read_address
from curation.llm.body import Dialect, StreamedReply, error_text, flaw, model_names, whole_reply
from curation.llm.budget import UNBOUND, Budget, cost_of_failure, cost_of_reply
from curation.llm.keys import ApiKey, Masker, masked
from curation.llm.ledger import Call, CallLedger, call_key
from curation.llm.model import CallFailed, ChatReply, ChatRequest, FailureKind, never
from curation.llm.pace import Pace
from curation.llm.wire import POLL_SECONDS, Response, Wire

AGAIN: Final[frozenset[FailureKind]] = frozenset(
    ("connection", "timeout", "rate_limited", "server", "not_json", "no_choices", "empty", "cut_stream")
)
"""Failures after which asking again may help."""

CHAT: Final = "/chat/completions"
FIRST_WAIT: Final = 0.5  # seconds; doubled after each attempt, and shortened by chance: threads do not march in step
LONGEST_BACKOFF: Final = 20.0
LONGEST_WAIT: Final = 60.0  # an endpoint that asks for more patience fails the call: the run can go on tomorrow
STOP_GRACE: Final = 3.0  # seconds in which an answer that is being paid for may still arrive


def connect(
    address: str,
    key_env: str = "",
    *,
    attempts: int = 3,
    timeout: float = 120.0,
    ledger: Path | None = None,
    budget: Budget = UNBOUND,
    pace: Pace | None = None,
    earlier: Sequence[Path] = (),
    scope: str = "",
) -> Endpoint:
    """The model at `address`, `http://host:port/v1#model`; without `#model`, the only one that the endpoint lists.

    key_env: the environment variable, or the entry of the keyring, with the key; "" where none is needed. attempts: of each
    call. timeout: seconds that one attempt may take as a whole. ledger: the file of the ledger; None keeps nothing, and
    finds nothing again. budget: what may ever be spent, counted over all threads and processes with the same ledger, and
    over all that name the same scope; without a scope, on this model. pace: shared by all who ask the same endpoint; None:
    as many calls at once as there are threads. earlier: ledgers whose answers are taken over in place of a call.
    Raises InputError for a bad address, CallFailed 'no_key' where there is no key, or what asking for the list of models
    raises.
    """
    read = read_address(address, with_key=bool(key_env))
    key = ApiKey(key_env) if key_env else None
    wire = Wire(read.url, key, timeout)
    try:
        read = read if read.model else Address(read.url, _only_model(wire, read, key))
        keeps = ledger is not None or bool(earlier)
        kept = CallLedger(ledger, earlier)
        return Endpoint(read, wire, key, kept, keeps=keeps, attempts=attempts, budget=budget, pace=pace, scope=scope)
    except BaseException:
        wire.close()
        raise


class Endpoint:
    """A `ChatModel` at the other end of a wire; made by `connect`. May be used by many threads at once."""

    def __init__(
        self,
        address: Address,
        wire: Wire,
        key: ApiKey | None,
        ledger: CallLedger,
        *,
        keeps: bool,
        attempts: int,
        budget: Budget,
        pace: Pace | None,
        scope: str,
    ) -> None:
        self.ledger = ledger
        self.pace = pace
        self._address = address
        self._wire = wire
        self._key = key
        self._keeps = keeps
        self._attempts = attempts
        self._budget = budget
        self._account = scope or str(address)
        self._dialect = Dialect()
        self._not_before = 0.0  # time.monotonic() until which the endpoint wants to be left alone, by all threads

    @property
    def name(self) -> str:
        """The model and where it is."""
        return f"{self._address.model} at {self._address.url}"

    @property
    def identity(self) -> str:
        """The address with the model."""
        return str(self._address)

    def __repr__(self) -> str:
        return f"<Endpoint {self.identity}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and ledger."""
        self._wire.close()
        self.ledger.close()

    def complete(self, request: ChatRequest, should_stop: Callable[[], bool] = never) -> ChatReply:
        """The answer, whole, from the ledger where it was given before. Raises CallFailed for all else.

        Once should_stop says so, an answer under way has three more seconds to come, since it is being paid for.
        """
        reply = self._call(request, None, should_stop)
        if found := flaw(reply):
            raise CallFailed(*found)
        return reply

    def stream(
        self, request: ChatRequest, on_text: Callable[[str], None], should_stop: Callable[[], bool] = never
    ) -> ChatReply:
        """The answer as it is written: on_text gets each piece, in this thread. Asked again only while none has come.

        Whoever watches sees where an answer ends, so two that are not whole are returned: one cut off at max_tokens, with
        finish_reason `length`, and one that should_stop ended, with `stopped`; the latter is not kept. Raises CallFailed.
        """
        screen = _Screen(on_text, self._key)
        began = time.monotonic()
        try:
            reply = self._call(request, screen, should_stop)
        except CallFailed as failed:
            if failed.kind != "stopped":
                raise
            return ChatReply(screen.text, "stopped", seconds=time.monotonic() - began, model=self._address.model)
        if reply.from_ledger:
            on_text(reply.text)
        if (found := flaw(reply)) and reply.finish_reason != "length":
            raise CallFailed(*found)
        return reply

    def _call(self, request: ChatRequest, screen: _Screen | None, should_stop: Callable[[], bool]) -> ChatReply:
        """The reply that stands in the ledger at the end: whole, or with a flaw that asking again would only repeat."""
        request = replace(request, model=request.model or self._address.model)
        key = call_key(self.identity, request) if self._keeps else uuid.uuid4().hex
        with self.ledger.call(key, self.identity, should_stop) as call:
            if call.reply is not None:
                return call.reply
            for number in count(1):
                begun = False
                try:
                    with self._turn(should_stop, tried=number - 1):
                        begun = True
                        return self._attempt(call, request, screen, should_stop)
                except CallFailed as failed:
                    if not begun:
                        raise
                    failed.attempts = number
                    if failed.kind not in AGAIN or number >= self._attempts or (screen is not None and screen.text):
                        raise
                backoff = min(LONGEST_BACKOFF, FIRST_WAIT * 2 ** (number - 1))
                _wait(backoff * random.uniform(0.5, 1.0), should_stop, tried=number)
        raise AssertionError("counting ends nowhere")

    def _attempt(
        self, call: Call, request: ChatRequest, screen: _Screen | None, should_stop: Callable[[], bool]
    ) -> ChatReply:
        """One attempt; more than one request only where the endpoint refuses the form of the first."""
        dialect = known = self._dialect
        while True:
            body = dialect.body(request, stream=screen is not None)
            try:
                reply = self._send(call, request, body, screen, should_stop)
            except CallFailed as refused:
                streams, status = screen is not None, refused.status
                other = dialect.after_refusal(request, stream=streams, said=refused.message, status=status)
                if other is None:
                    raise
                dialect = other
                continue
            if dialect != known:
                self._dialect = dialect  # it works: from now on every call begins with it
            return reply

    def _send(
        self, call: Call, request: ChatRequest, body: bytes, screen: _Screen | None, should_stop: Callable[[], bool]
    ) -> ChatReply:
        """One request, written down before and after."""
        number = call.begin(self._account, self._budget, self._budget.reservation(request))
        began = time.monotonic()
        try:
            reply = self._exchange(body, screen, should_stop)
        except CallFailed as failed:
            cost = cost_of_failure(self._budget, request, failed)
            call.end(number, failed.kind, ChatReply("", seconds=time.monotonic() - began), cost, keep=False)
            raise failed.saying(masked(failed.message, self._key)[:500]) from None
        reply = replace(
            reply,
            text=masked(reply.text, self._key),
            finish_reason=masked(reply.finish_reason, self._key)[:100],
            model=(masked(reply.model, self._key) or self._address.model)[:300],
            seconds=time.monotonic() - began,
        )
        kind, sentence = flaw(reply) or (None, "")
        call.end(number, kind, reply, cost_of_reply(self._budget, request, reply), keep=kind not in AGAIN)
        if kind in AGAIN:
            raise CallFailed(kind, sentence)
        return reply

    def _exchange(self, body: bytes, screen: _Screen | None, should_stop: Callable[[], bool]) -> ChatReply:
        """Send one request and take its response for what it is."""
        streamed = StreamedReply()
        if screen is None:
            response = self._wire.ask(CHAT, body, should_stop=should_stop, grace=STOP_GRACE)
        else:
            show = screen.show
            response = self._wire.ask(
                CHAT, body, on_event=lambda event: show(streamed.feed(event)), should_stop=should_stop
            )
        if response.status in (429, 503) and (seconds := _retry_after(response.retry_after)) > 0:
            self._not_before = max(self._not_before, time.monotonic() + seconds)
        if response.status != 200:
            raise failure_of(response, self._address, with_key=self._key is not None)
        reply = streamed.reply() if response.is_events else whole_reply(response.data)
        if screen is not None:
            screen.end("" if response.is_events else reply.text)
        return reply

    @contextlib.contextmanager
    def _turn(self, should_stop: Callable[[], bool], tried: int) -> Iterator[None]:
        """Room for one attempt, once the endpoint has been left alone for as long as it asked any thread to."""
        while True:
            self._wait_turn(should_stop, tried)
            with contextlib.nullcontext() if self.pace is None else self.pace.slot(should_stop):
                if self._not_before <= time.monotonic():
                    yield
                    return

    def _wait_turn(self, should_stop: Callable[[], bool], tried: int) -> None:
        """Leave the endpoint alone for as long as it asked any thread to."""
        seconds = self._not_before - time.monotonic()
        if seconds > LONGEST_WAIT:
            raise CallFailed(
                "rate_limited",
                f"The endpoint wants to be left alone for another {seconds / 60:.0f} minutes.",
                "Go on later: what was answered is kept.",
                attempts=tried,
            )
        _wait(seconds * random.uniform(1.0, 1.1), should_stop, tried)


class _Screen:
    """Where a stream is watched, and what has been shown there. The key is shown to nobody."""

    def __init__(self, on_text: Callable[[str], None], key: ApiKey | None) -> None:
        self.text = ""
        self._on_text = on_text
        self._masker = Masker(key)

    def show(self, piece: str) -> None:
        """A piece has come."""
        self._put(self._masker.feed(piece))

    def end(self, piece: str) -> None:
        """The last piece has come."""
        self._put(self._masker.feed(piece) + self._masker.rest())

    def _put(self, piece: str) -> None:
        if piece:
            self.text += piece
            self._on_text(piece)


def failure_of(response: Response, address: Address, *, with_key: bool) -> CallFailed:
    """What a status other than 200 means, with what the endpoint says about it (which may hold the key)."""
    status, said = response.status, error_text(response.data)
    quoted = f"({status}): {said}" if said else f"({status})."
    kind: FailureKind = "refused"
    text, hint = f"The endpoint refused the call {quoted}", ""
    if 300 <= status < 400:
        text = f"The endpoint sends us on to {response.location}, where neither prompts nor a key will go."
        hint = "If that is right, make it the address."
    elif status in (401, 403) and not with_key:
        kind, text = "no_key", f"The endpoint wants a key {quoted}"
        hint = "Name the environment variable, or the entry of the keyring, that holds one."
    elif status == 429:
        kind, text = "rate_limited", f"The endpoint takes no more calls for now {quoted}"
    elif status >= 500 or status in (408, 425):
        kind, text = "server", f"The endpoint had an error of its own {quoted}"
    elif 200 < status < 300:
        kind, text = "not_json", f"The endpoint gave no answer {quoted}"
    elif status == 404:
        hint = f"Is {address.url} where its API begins, and {address.model!r} a model of it?"
    return CallFailed(kind, text, hint, status=status)


def _only_model(wire: Wire, address: Address, key: ApiKey | None) -> str:
    """The name of the model where there is but one."""
    try:
        response = wire.ask("/models")
        if response.status != 200:
            raise failure_of(response, address, with_key=key is not None)
        names = [masked(name, key)[:300] for name in model_names(response.data)]
    except CallFailed as failed:
        raise failed.saying(masked(failed.message, key)[:500]) from None
    if len(names) != 1:
        hint = f"Add one to the address as #NAME: {', '.join(names[:20]) or 'it lists none'}."
        raise InputError(f"The endpoint at {address.url} has {len(names)} models.", hint)
    return names[0]


def _wait(seconds: float, should_stop: Callable[[], bool], tried: int) -> None:
    """Wait before the next attempt, unless stopped."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if should_stop():
            raise CallFailed("stopped", "The call was stopped while it waited to be tried.", attempts=tried)
        time.sleep(min(left, POLL_SECONDS))


def _retry_after(value: str) -> float:
    """The seconds that a Retry-After header asks for, as a number or as a date; 0 where it is neither."""
    with contextlib.suppress(ValueError):
        return min(float(value), 1e9)
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):  # nonsense, or a date without a zone
        return 0.0
