"""Blind votes: which of two answers is better, said by people who do not see which model wrote which.

`votes.jsonl` is appended to, one line an act, on the disk before the call returns. A line is a vote, an undo or a
reveal; what stands is what they fold to. Several people may vote at the same time, each on every prompt.

- Which side stands left is fixed for each prompt by a seed. A vote is about left and right and says who stood there.
- A vote is about two texts: it holds their digests, and does not count for answers that were given anew.
- What an author said stays sealed until that author has voted on everything or asks to see it. After that, that author
  cannot vote or undo any more in this comparison: it would not be blind.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from curation.errors import InputError, Refused, nearest
from curation.json_lines import append_line, lines_of
from training.compare.model import ANSWERS, VOTES, SideName, answer_digest, last_answers

Choice = Literal["left", "right", "tie", "bad"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
Preference = Literal["a", "b", "tie"]


@dataclass(frozen=True)
class Vote:
    """What one person said about one pair. left: the side that stood left; digests: of the answers of a and of b.

    choice: `bad` is a tie of two answers that are both not good enough.
    """

    vote_id: str
    prompt_id: str
    choice: Choice
    left: SideName
    digests: tuple[str, str]
    author: str
    at: str

    @property
    def winner(self) -> Preference:
        """The side that is better, whatever place it stood in."""
        if self.choice == "left":
            return self.left
        if self.choice == "right":
            return "b" if self.left == "a" else "a"
        return "tie"


@dataclass(frozen=True)
class Tally:
    """Votes that count. a, b: that prefer a side; tie and bad: that prefer none. left: of those that prefer a side,
    how many chose the left answer. authors: how many people. stale: votes on answers that are no more. sealed: votes of
    people who have neither voted on everything nor asked to see the result.
    """

    a: int = 0
    b: int = 0
    tie: int = 0
    bad: int = 0
    left: int = 0
    authors: int = 0
    stale: int = 0
    sealed: int = 0

    @property
    def votes(self) -> int:
        """All that count."""
        return self.a + self.b + self.tie + self.bad


@dataclass
class Ballots:
    """What a journal folds to. cast: every vote that was not undone, in order; revealed: who has seen the result."""

    cast: list[Vote] = field(default_factory=list)
    revealed: set[str] = field(default_factory=set)

    def standing(self) -> dict[tuple[str, str], Vote]:
        """The vote of each (author, prompt_id): the last one that was not undone."""
        return {(vote.author, vote.prompt_id): vote for vote in self.cast}


def fold(lines: Iterable[Mapping[str, Any]]) -> Ballots:
    """What the lines of a journal come to. Lines of another shape, votes seen before and undoing what somebody else
    said are passed over; so is everything that an author did after seeing the result."""
    ballots = Ballots()
    seen: set[str] = set()
    for line in lines:
        author = line.get("author")
        if not isinstance(author, str) or author in ballots.revealed:
            continue
        match line.get("kind"):
            case "vote":
                vote = _vote(line)
                if vote and vote.vote_id not in seen:
                    seen.add(vote.vote_id)
                    ballots.cast.append(vote)
            case "undo":
                wanted = (author, line.get("vote_id"))
                ballots.cast = [vote for vote in ballots.cast if (vote.author, vote.vote_id) != wanted]
            case "reveal":
                ballots.revealed.add(author)
    return ballots


def preferences(votes: Iterable[Vote]) -> dict[str, Preference]:
    """What people prefer on each prompt: the side that more of them chose; as many for either is a tie. One value a
    prompt, because votes of several people on one pair are not independent."""
    balance: dict[str, int] = {}
    for vote in votes:
        balance[vote.prompt_id] = balance.get(vote.prompt_id, 0) + {"a": -1, "tie": 0, "b": 1}[vote.winner]
    return {prompt_id: "b" if sum_ > 0 else "a" if sum_ < 0 else "tie" for prompt_id, sum_ in balance.items()}


class VoteBook:
    """Voting in a comparison's folder. seed: decides which side stands left; None: that of the comparison. Everything is
    read from the files again when they have grown, so that several of these on one folder agree."""

    def __init__(self, folder: Path, seed: int | None = None) -> None:
        self.folder = folder
        self.seed = seed_of(folder) if seed is None else seed
        self._votes: tuple[Any, Ballots] = (None, Ballots())

    def order_of(self, prompt_id: str) -> tuple[SideName, SideName]:
        """Who stands left, who right."""
        drawn = hashlib.sha256(f"{self.seed}\0{prompt_id}".encode("utf-8", "surrogatepass")).digest()[0]
        return ("a", "b") if drawn & 1 else ("b", "a")

    def pairs(self) -> Mapping[str, tuple[str, str]]:
        """prompt_id -> digests of the answers of a and b, of every prompt that both sides have answered to the end."""
        return pairs_in(self.folder)

    def cast(self, prompt_id: str, choice: Choice, author: str | None = None) -> Vote:
        """Vote, or vote again, on what the two answers say now.

        Raises InputError where there are no two answers, Refused where the author has seen the result.
        """
        if choice not in CHOICES:
            raise InputError(f"'{choice}' is no vote.", nearest(str(choice), CHOICES))
        author = self._blind(author)
        if prompt_id not in self.pairs():
            raise InputError("There is nothing to vote on: both sides must have answered this prompt.")
        vote = Vote(
            secrets.token_hex(8),
            prompt_id,
            choice,
            self.order_of(prompt_id)[0],
            self.pairs()[prompt_id],
            author,
            _now(),
        )
        append_line(self.folder / VOTES, {"kind": "vote", **asdict(vote)})
        return vote

    def undo(self, author: str | None = None) -> Vote | None:
        """Take the author's last vote back, and what it replaced stands again. Returns it; None where there is none.

        Raises Refused where the author has seen the result.
        """
        author = self._blind(author)
        mine = [vote for vote in self._ballots().cast if vote.author == author]
        if not mine:
            return None
        undone = {"kind": "undo", "vote_id": mine[-1].vote_id, "author": author, "at": _now()}
        append_line(self.folder / VOTES, undone)
        return mine[-1]

    def next_unvoted(self, prompt_ids: Iterable[str], author: str | None = None) -> str | None:
        """The first of these prompts on which the author has not voted as its answers are now. Pairs that are equal,
        character for character, are passed over."""
        name = _name(author)
        fresh = {vote.prompt_id for vote in self.fresh() if vote.author == name}
        waiting = self._to_vote_on()
        return next((one for one in prompt_ids if one in waiting and one not in fresh), None)

    def progress(self, author: str | None = None) -> tuple[int, int]:
        """How many pairs the author has voted on, and how many there are."""
        name = _name(author)
        waiting = self._to_vote_on()
        return len({vote.prompt_id for vote in self.fresh() if vote.author == name} & waiting), len(waiting)

    def reveal(self, author: str | None = None) -> Tally:
        """Open the author's votes, for good, and count all that are open."""
        name = _name(author)
        if name not in self._ballots().revealed:
            append_line(self.folder / VOTES, {"kind": "reveal", "author": name, "at": _now()})
        return self.tally()

    def is_open(self, author: str | None = None) -> bool:
        """Whether the author may see which side is which: revealed, or nothing left to vote on."""
        return self._is_open(_name(author))

    def fresh(self) -> list[Vote]:
        """Standing votes on answers that are what they were."""
        pairs = self.pairs()
        return [vote for vote in self._ballots().standing().values() if pairs.get(vote.prompt_id) == vote.digests]

    def counted(self) -> list[Vote]:
        """Votes that count: fresh, and of authors whose votes are open."""
        fresh = self.fresh()
        opened = {author for author in {vote.author for vote in fresh} if self._is_open(author)}
        return [vote for vote in fresh if vote.author in opened]

    def tally(self) -> Tally:
        """The votes that count, and how many do not."""
        counted, fresh = self.counted(), self.fresh()
        found = Counter(vote.winner if vote.choice != "bad" else "bad" for vote in counted)
        return Tally(
            a=found["a"],
            b=found["b"],
            tie=found["tie"],
            bad=found["bad"],
            left=sum(vote.choice == "left" for vote in counted),
            authors=len({vote.author for vote in counted}),
            stale=len(self._ballots().standing()) - len(fresh),
            sealed=len(fresh) - len(counted),
        )

    def _to_vote_on(self) -> set[str]:
        return {prompt_id for prompt_id, (a, b) in self.pairs().items() if a != b}

    def _is_open(self, author: str) -> bool:
        if author in self._ballots().revealed:
            return True
        voted = {vote.prompt_id for vote in self.fresh() if vote.author == author}
        return bool(voted) and self._to_vote_on() <= voted

    def _blind(self, author: str | None) -> str:
        name = _name(author)
        if name in self._ballots().revealed:
            raise Refused(
                "You have seen which side is which: a vote would no longer be blind.",
                "Vote as somebody else with STUDIO_AUTHOR, or in a new comparison.",
            )
        return name

    def _ballots(self) -> Ballots:
        path = self.folder / VOTES
        stamp = _stamp(path)
        if stamp != self._votes[0]:
            self._votes = (stamp, fold(lines_of(path)))
        return self._votes[1]


def seed_of(folder: Path) -> int:
    """The seed of a comparison, as its run.json has it; 0 where it has none."""
    try:
        return int(json.loads((folder / "run.json").read_bytes())["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def pairs_in(folder: Path) -> Mapping[str, tuple[str, str]]:
    """prompt_id -> digests of the answers of a and b, of every prompt that both sides have answered to the end."""
    return _digests(folder, _stamp(folder / ANSWERS))[1]


def digests_in(folder: Path) -> Mapping[tuple[str, SideName], str]:
    """(prompt_id, side) -> digest of the answer that counts. One that was stopped by hand is not one to judge by."""
    return _digests(folder, _stamp(folder / ANSWERS))[0]


@lru_cache(maxsize=4)
def _digests(
    folder: Path, _grown: tuple[int, int] | None
) -> tuple[Mapping[tuple[str, SideName], str], Mapping[str, tuple[str, str]]]:
    """Both of the above, read once for each state of the file: answers hold a probability of each token."""
    digests = {
        key: answer_digest(answer) for key, answer in last_answers(folder).items() if answer.stopped != "stopped"
    }
    names = dict.fromkeys(prompt_id for prompt_id, _ in digests)
    return digests, {
        name: (digests[name, "a"], digests[name, "b"])
        for name in names
        if (name, "a") in digests and (name, "b") in digests
    }


def _vote(line: Mapping[str, Any]) -> Vote | None:
    names = ("vote_id", "prompt_id", "author", "at")
    digests = line.get("digests")
    if not all(isinstance(line.get(name), str) for name in names) or line.get("choice") not in CHOICES:
        return None
    if line.get("left") not in ("a", "b") or not isinstance(digests, list) or len(digests) != 2:
        return None
    return Vote(
        line["vote_id"],
        line["prompt_id"],
        line["choice"],
        line["left"],
        (str(digests[0]), str(digests[1])),
        line["author"],
        line["at"],
    )


def _name(author: str | None) -> str:
    if author is not None:
        return author
    from curation.verdicts.author import author as whoever

    return whoever()


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes whenever a file that is appended to has grown."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
