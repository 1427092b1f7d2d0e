"""The arms of an experiment: what each is trained on, and which of them are set against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from curation.errors import InputError, nearest

Kind = Literal["all", "curated", "random"]
_RESERVED = ("base", "tuned", "data")
_ALL, _RANDOM, _RANDOM_TOKENS = "all", "random:", "random-tokens:"


class Arm(BaseModel):
    """One arm. all: everything that came in; curated: what a curation makes of it; random: a draw from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]*(-[a-z][a-z0-9_]*)*$", max_length=40, description="Short name; no number behind a -."
    )
    kind: Kind = Field(description="all, curated, or random.")
    curation: str = Field(default="", description="Of a curated arm: the recipe, as YAML.")
    of: str = Field(default="", description="Of a random arm: the arm that says how much is drawn.")
    size: Literal["records", "tokens"] = Field(
        default="records", description="Of a random arm: as many records as that arm has, or as many tokens."
    )

    def dataset(self, seed: int) -> str:
        """The dataset of a training with this seed; a random arm draws anew for each."""
        return f"{self.name}-{seed}" if self.kind == "random" else self.name


class Pair(NamedTuple):
    """Two arms that are set against each other. plain: the second chose nothing (all, or a random draw)."""

    arm: str
    other: str
    plain: bool


def classic(curation: str) -> tuple[Arm, ...]:
    """raw: what came in. curated: what the curation made of it. random: as many records as that, drawn from raw."""
    return (
        Arm(name="raw", kind="all"),
        Arm(name="curated", kind="curated", curation=curation),
        Arm(name="random", kind="random", of="curated"),
    )


class Asked(NamedTuple):
    """An arm as it was written: `NAME=all`, `NAME=random:OTHER`, `NAME=random-tokens:OTHER` or `NAME=RECIPE`."""

    name: str
    kind: Kind
    value: str
    size: Literal["records", "tokens"] = "records"


def asked(text: str) -> Asked:
    """What `NAME=…` says; a name alone stands for itself (`all`, `select`). Raises InputError."""
    name, _, value = (part.strip() for part in text.partition("="))
    value = value or name
    if not name:
        raise InputError(f"{text!r} names no arm.", "Write NAME=RECIPE, NAME=all or NAME=random:OTHER.")
    if value == _ALL:
        return Asked(name, "all", "")
    if value.startswith(_RANDOM):
        return Asked(name, "random", value[len(_RANDOM) :])
    if value.startswith(_RANDOM_TOKENS):
        return Asked(name, "random", value[len(_RANDOM_TOKENS) :], "tokens")
    return Asked(name, "curated", value)


def made(wanted: Asked, curation: str) -> Arm:
    """The arm that was asked for; curation: its recipe as YAML, "" where it has none. Raises InputError for its name."""
    of = wanted.value if wanted.kind == "random" else ""
    try:
        return Arm(name=wanted.name, kind=wanted.kind, curation=curation, of=of, size=wanted.size)
    except ValueError:
        raise InputError(
            f"{wanted.name!r} is no name of an arm.",
            "Take lower-case letters, digits, _ and -, with a letter first and behind every -.",
        ) from None


def check(arms: Sequence[Arm]) -> None:
    """Raises InputError where the arms are no experiment."""
    twice = [name for name, count in Counter(arm.name for arm in arms).items() if count > 1]
    if twice:
        raise InputError(f"Two arms are named {twice[0]}.", "Give each arm a name of its own: --arm NAME=RECIPE.")
    curated = [arm.name for arm in arms if arm.kind == "curated"]
    if not curated or len(arms) < 2:
        raise InputError(
            "An experiment needs an arm that chooses and one to set it against.",
            "Add --arm NAME=RECIPE and --arm all, or --arm random=random:NAME.",
        )
    for arm in arms:
        if arm.name in _RESERVED or arm.name.startswith("data-") or (arm.name == "raw" and arm.kind != "all"):
            raise InputError(f"No arm may be named {arm.name}.", "That name stands for something else; take another.")
        if arm.kind == "random" and arm.of not in curated:
            near = nearest(arm.of, curated) or f"Name one of {', '.join(curated)}."
            raise InputError(f"{arm.name} is drawn as large as {arm.of!r}, which is no arm with a recipe.", near)
    if sum(arm.kind == "all" for arm in arms) > 1:
        raise InputError("Two arms hold everything.", "Once is enough.")


def reference(arms: Sequence[Arm]) -> Arm:
    """The arm whose steps set the budget: the first that chooses."""
    return next(arm for arm in arms if arm.kind == "curated")


def pairs(arms: Sequence[Arm]) -> list[Pair]:
    """All that is set against each other: what chooses against all, and against random draws of its size; random draws
    against all; and what chooses, one against the other, the later first."""
    whole = [arm.name for arm in arms if arm.kind == "all"]
    drawn = [arm for arm in arms if arm.kind == "random"]
    curated = [arm.name for arm in arms if arm.kind == "curated"]
    found: list[Pair] = []
    for name in curated:
        found += [Pair(name, other, plain=True) for other in whole]
        found += [Pair(name, other.name, plain=True) for other in _draws_for(name, drawn)]
    found += [Pair(arm.name, other, plain=False) for arm in drawn for other in whole]
    found += [Pair(later, earlier, plain=False) for at, later in enumerate(curated) for earlier in curated[:at]]
    return found


def _draws_for(name: str, drawn: Sequence[Arm]) -> list[Arm]:
    """The draws that were made as large as this arm; where there are none, all draws."""
    return [arm for arm in drawn if arm.of == name] or list(drawn)
