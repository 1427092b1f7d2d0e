"""The training records nearest to a text, or to an answer and the prompt it was given to: by meaning and word for word.

Two measures, both over every record: the cosine of sentence embeddings, and how much of the text stands in the record
word for word. An n-gram counts by how rare it is among the records (inverse document frequency, Spärck Jones 1972), so
that a greeting which all answers share finds nothing. Nothing here imports PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curation.embedding.encoder import F32
from training.compare.back.index import RecordIndex, Say, grams_of, open_index
from training.compare.back.passages import Passage, shared_passages

OF_PROMPT = 0.4
"""What the prompt's cosine weighs beside the answer's, where both are given."""
OF_MEANING, OF_WORDS = 1.0, 0.95
"""What either measure counts; 0 leaves it out. Both are evidence, of which one is enough: the score is one less the product
of what each leaves open, so that a passage of a long record, whose mean says little, comes first where it stands word for
word, and a paraphrase without a word in common where nothing does. Words leave a little open: of records with the very same
answer, the one that was asked the like comes first.
"""
_LONGEST = 100_000  # characters of what is asked about that are looked at


@dataclass(frozen=True)
class Near:
    """A training record and how near it is. cosine: -1 to 1. share: how much of the text's n-grams, rare ones counting
    more, stands in it: 0 to 1. score: both, by which they are ordered. passages: what is the same word for word, as
    ranges of characters in the text that was asked about and in `answer` or `prompt`.
    """

    record_id: str
    score: float
    cosine: float
    share: float
    passages: tuple[Passage, ...]
    prompt: str
    answer: str


def nearest(
    run: Path,
    text: str,
    count: int = 10,
    *,
    prompt: str | None = None,
    say: Say = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Near]:
    """The `count` records of the training run in folder `run` that are nearest to `text`, nearest first.

    prompt: what `text` answers; None where it may be either side of a record. The first call on a run makes its index
    (see `open_index`, which says what `say` and `should_stop` are); then it takes milliseconds.
    """
    index = open_index(run, say, should_stop)
    text = text[:_LONGEST]
    if not len(index) or not (text.strip() or (prompt or "").strip()):
        return []
    cosines = _cosines(index, text, prompt)
    shares = _shares(index, text)
    scores = 1 - (1 - OF_MEANING * cosines) * (1 - OF_WORDS * shares)
    order = np.argsort(-scores, kind="stable")[:count]
    return [_near(index, at, text, scores, cosines, shares) for at in order.tolist()]


def _cosines(index: RecordIndex, text: str, prompt: str | None) -> F32:
    from curation.embedding.encoder import encode_each_once
    from curation.embedding.plain import plain_encoder

    vectors = encode_each_once(plain_encoder(), [text, (prompt or "")[:_LONGEST]], 512)
    of_answers = index.cosines("answers", vectors[0])
    if prompt is None:
        return np.maximum(of_answers, index.cosines("prompts", vectors[0]))
    if not prompt.strip():
        return of_answers
    if not text.strip():
        return index.cosines("prompts", vectors[1])
    mixed: F32 = (1 - OF_PROMPT) * of_answers + OF_PROMPT * index.cosines("prompts", vectors[1])
    return mixed


def _shares(index: RecordIndex, text: str) -> F32:
    """For every record, the share of the text's n-grams that stand in it, each weighed by its rarity."""
    (grams,) = grams_of([text])
    if not len(grams):
        return np.zeros(len(index), dtype=np.float32)
    records, places = index.holders(grams)
    held_by = np.bincount(places, minlength=len(grams))
    weights = np.log((len(index) + 1) / (held_by + 0.5))
    found = np.bincount(records, weights=weights[places], minlength=len(index))
    shares: F32 = (found / weights.sum()).astype(np.float32)
    return shares


def _near(index: RecordIndex, at: int, text: str, scores: F32, cosines: F32, shares: F32) -> Near:
    record = index.record(at)
    passages = shared_passages(text, record.answer) + shared_passages(text, record.prompt, "prompt")
    measured = (float(scores[at]), float(cosines[at]), float(shares[at]))
    return Near(record.record_id, *measured, tuple(passages), record.prompt, record.answer)
