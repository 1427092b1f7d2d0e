"""Asking a judge about many records: what is known is not asked, what was answered is kept, who does not answer is left.

Marks are kept in the user's cache of scores by everything that was asked and of whom, so that no run asks again what any run
was told. Calls stand in the ledger of the run as those of a generation do: a kill between an answer and its mark costs nothing.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from curation.errors import StageError, Stopped
from curation.llm.address import read_address
from curation.llm.budget import UNBOUND, Budget
from curation.llm.model import CallFailed, ChatModel, ChatReply, ChatRequest
from curation.scoring.cache import ScoreCache, score_key
from curation.scoring.rate_here import ModelHere
from curation.scoring.rate_read import read_marks
from curation.scoring.rate_reasons import Reasons
from curation.scoring.rate_rubric import Rubric
from curation.synthesis.order import AT_ONCE_HOPELESS, HOPELESS_AFTER
from curation.synthesis.reasons import PASSING
from curation.synthesis.work import kind_of
from curation.telling import tell

VERSION: Final = "1"  # raised whenever the same reply may get another mark
CALLS: Final = "calls.sqlite"  # in the run's folder
_KEEP = 32  # marks after which the caches are written

Question = tuple[ChatRequest, ...]
Unrated = Literal["unreadable", "out_of_range", "truncated", "refused", "too_large", "unanswered"]
_FINAL: Final[Mapping[str, Unrated]] = {"truncated": "truncated", "refused": "refused", "too_large": "too_large"}


class Rating(NamedTuple):
    """What became of a record. key: under which marks and reasons are kept. numbers: by mark, () where there are none, and
    then reason says why."""

    key: bytes
    numbers: tuple[float, ...] = ()
    reason: Unrated | None = None


@dataclass(frozen=True)
class Judge:
    """Who marks, and within what. model: an endpoint's address with its model, or the name of a model for this process.

    written: it writes its marks; else, in this process, the likeliest are taken. leaves: how a run goes on where a record
    got no answer, or the budget is spent: without its mark; else it ends.
    """

    model: str
    key_env: str = ""
    written: bool = True
    at_once: int = 8
    attempts: int = 3
    timeout: float = 120.0
    budget: Budget = UNBOUND
    leaves: bool = False
    keeps_reasons: bool = True

    @property
    def is_remote(self) -> bool:
        """Whether it is at an endpoint."""
        return self.model.lower().startswith(("http://", "https://"))

    def identity(self) -> str:
        """What decides its answers besides what it is asked. Asks nobody. Raises InputError, StageError."""
        if not self.is_remote:
            return ModelHere(self.model).identity
        address = read_address(self.model, with_key=bool(self.key_env))
        if not address.model:
            said = f"the address {address.url} names no model, so marks could not be told to be its"
            raise StageError(said, f"Add it: {address.url}#MODEL.")
        return str(address)

    def keys(self, questions: Sequence[Question]) -> list[bytes]:
        """Under which the marks of each are kept."""
        who = self.identity()
        return [score_key(f"rate {VERSION} {who}", *(request.key() for request in asked)) for asked in questions]


@dataclass
class _Asking:
    """What is asked, and what has come of it."""

    questions: Mapping[bytes, Question]
    cache: ScoreCache
    reasons: Reasons | None
    found: dict[bytes, Rating] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    refused: list[bytes] = field(default_factory=list)  # with a status: by the endpoint, for whatever reason
    said: str = ""
    answered: int = 0
    in_a_row: int = 0
    hopeless: str = ""
    _numbers: dict[bytes, Sequence[float]] = field(default_factory=dict)
    _words: dict[bytes, dict[str, str]] = field(default_factory=dict)

    def mark(self, key: bytes, numbers: Sequence[float], words: Mapping[str, str]) -> None:
        """A record has its marks."""
        self.found[key] = Rating(key, tuple(numbers))
        self._numbers[key] = numbers
        if any(words.values()):
            self._words[key] = dict(words)
        if len(self._numbers) >= _KEEP:
            self.flush()

    def flush(self) -> None:
        """Onto the disk."""
        if self._numbers:
            self.cache.put(self._numbers)
        if self._words and self.reasons is not None:
            self.reasons.keep(self._words)
        self._numbers, self._words = {}, {}

    def fail(self, key: bytes, failed: CallFailed, row: int) -> None:
        """A call has no usable answer."""
        kind = kind_of(failed)
        self.said = failed.message
        if kind in PASSING:
            self.failures[kind] += 1
        elif kind == "refused" and failed.status:
            self.refused.append(key)
        elif kind != "stopped":
            self.found[key] = Rating(key, (), _FINAL.get(kind, "unreadable"))
            return
        if kind != "stopped":
            self.in_a_row += 1
            if self.in_a_row >= row or kind in AT_ONCE_HOPELESS:
                self.hopeless = self.hopeless or kind

    def answer(self, reply: ChatReply) -> None:
        """A call has one. What comes out of the ledger says nothing of today."""
        if not reply.from_ledger:
            self.in_a_row = 0
        self.answered += 1


def rate(
    judge: Judge,
    rubric: Rubric,
    questions: Sequence[Question],
    folder: Path | None,
    should_stop: Callable[[], bool],
) -> list[Rating]:
    """What became of each question, in their order; equal ones are asked once.

    folder: of the run, where the ledger of calls lies; None keeps none. Raises Stopped; StageError where the endpoint is
    given up on, or a record got no answer and the judge may not leave it. What was answered is kept either way.
    """
    keys = judge.keys(questions)
    with ScoreCache() as cache, Reasons() if judge.keeps_reasons else nullcontext() as reasons:
        known = cache.get(list(dict.fromkeys(keys)))
        found = {key: Rating(key, numbers) for key, numbers in known.items() if len(numbers) == len(rubric.marks)}
        wanted = {key: asked for key, asked in zip(keys, questions, strict=True) if key not in found}
        if wanted:
            asking = _Asking(wanted, cache, reasons)
            try:
                if judge.written:
                    _ask_writing(judge, rubric, asking, folder, should_stop)
                else:
                    _ask_likeliest(judge, rubric, asking, should_stop)
            finally:
                asking.flush()
            if should_stop() and len(asking.found) < len(wanted):
                raise Stopped("The rating was stopped.", "What was marked is kept; resume the run to go on from there.")
            _settle(judge, asking)
            found |= asking.found
    return [found[key] for key in keys]


def _ask_writing(
    judge: Judge, rubric: Rubric, asking: _Asking, folder: Path | None, should_stop: Callable[[], bool]
) -> None:
    """Ask many at once, and read what is written."""
    from curation.llm.many import complete_all

    keys = list(asking.questions)
    row = max(HOPELESS_AFTER, judge.at_once)
    names = [mark.name for mark in rubric.marks]

    def take(place: int, outcome: ChatReply | CallFailed) -> None:
        if isinstance(outcome, CallFailed):
            asking.fail(keys[place], outcome, row)
            return
        asking.answer(outcome)
        read = read_marks(outcome.text, rubric)
        if isinstance(read, str):
            asking.found[keys[place]] = Rating(keys[place], (), read)
        else:
            asking.mark(keys[place], read.numbers, dict(zip(names, read.reasons, strict=True)))
        tell(len(asking.found), len(keys), "records")

    with _alone(judge, folder, should_stop), _opened(judge, rubric, folder) as model:
        complete_all(
            model,
            [asking.questions[key][0] for key in keys],
            judge.at_once if judge.is_remote else 1,
            lambda: should_stop() or bool(asking.hopeless),
            take,
        )


def _ask_likeliest(judge: Judge, rubric: Rubric, asking: _Asking, should_stop: Callable[[], bool]) -> None:
    """Look how likely each number of each mark is: the mark is their mean, each with its weight."""
    model = ModelHere(judge.model)
    began, calls = time.monotonic(), 0
    for key, asked in asking.questions.items():
        numbers: list[float] = []
        for mark, request in zip(rubric.marks, asked, strict=True):
            if should_stop():
                return
            try:
                shares = model.choose(request, [str(n) for n in range(mark.lowest, mark.highest + 1)])
            except CallFailed as failed:
                if failed.kind == "empty":  # a tokenizer that cannot tell the numbers apart: no record is marked
                    raise StageError(failed.message, "Use another scale, or `marks: written`.") from None
                asking.fail(key, failed, len(asking.questions) + 1)
                break
            calls += 1
            numbers.append(round(math.fsum(int(number) * share for number, share in shares.items()), 4))
        else:
            asking.mark(key, numbers, {})
        tell(len(asking.found), len(asking.questions), "records")
    if calls:
        asking.cache.note_rate(rate_name(judge), time.monotonic() - began, calls)


def rate_name(judge: Judge) -> str:
    """Under which the cache knows how long a question takes a model in this process."""
    return f"rate {judge.model}"


def _settle(judge: Judge, asking: _Asking) -> None:
    """What becomes of records without an answer. Raises StageError where the run is to end with them."""
    for key in asking.refused:
        if asking.answered and asking.hopeless != "refused":  # it takes others, and this record it will not have
            asking.found[key] = Rating(key, (), "refused")
        else:
            asking.failures["refused"] += 1
    left = [key for key in asking.questions if key not in asking.found]
    if not left:
        return
    spent = asking.hopeless == "budget"
    if not judge.leaves or (asking.hopeless and not spent):
        kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(asking.failures.items()))
        given_up = "the judge was given up on" if asking.hopeless and not spent else "the judge did not answer all"
        raise StageError(
            f"{'the budget is spent' if spent else given_up}: {len(left):,} records are without a mark ({kinds}). "
            f"The last thing it said: {asking.said}",
            "What was answered is kept and not asked again. Look after the endpoint, its key or the budget, and resume the "
            "run; or let `unanswered: leave` go on without these marks.",
        )
    asking.found.update((key, Rating(key, (), "unanswered")) for key in left)


@contextmanager
def _opened(judge: Judge, rubric: Rubric, folder: Path | None) -> Iterator[ChatModel]:
    """The judge, with the run's ledger of calls."""
    ledger = None if folder is None else folder / CALLS
    scope = f"rate {judge.identity()} {score_key('rubric', rubric.model_dump_json()).hex()}"
    if judge.is_remote:
        from curation.llm.client import connect
        from curation.llm.pace import Pace

        with connect(
            judge.model,
            judge.key_env,
            attempts=judge.attempts,
            timeout=judge.timeout,
            ledger=ledger,
            budget=judge.budget,
            pace=Pace(judge.at_once),
            scope=scope,
        ) as endpoint:
            yield endpoint
        return
    from curation.llm.kept import Kept

    with Kept(ModelHere(judge.model), ledger, budget=judge.budget, scope=scope) as kept:
        yield kept


@contextmanager
def _alone(judge: Judge, folder: Path | None, should_stop: Callable[[], bool]) -> Iterator[None]:
    """One worker of a run asks at a time, so that `at_once` is a bound of the run and not of each of them."""
    import fcntl

    if folder is None or not judge.is_remote:
        yield
        return
    with (folder / f".{CALLS}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if should_stop():
                    raise Stopped("The rating was stopped while another worker asked.") from None
                time.sleep(0.1)
            except OSError:  # not every network filesystem has locks
                break
        yield
