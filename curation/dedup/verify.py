"""Do two records that an embedding takes for the same mean the same? Cosine proposes; this decides.

An embedding puts "convert PDF to Word" beside "convert Word to PDF", closer than any paraphrase. What tells them apart
is small: a number, a negation, the order of two names, one content word. Each of these is measured here, in English, in
Chinese and across them, and a logistic regression over the measures says how likely the two are the same. Its
coefficients were fitted on pairs written for the purpose (`benchmarks/fit_verifier.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import Levenshtein

from curation.dedup.verify_text import Side
from curation.embedding.encoder import F32, encode_each_once
from curation.embedding.multilingual import DIMENSION, Multilingual

if TYPE_CHECKING:
    from curation.embedding.pieces import Pieces
    from curation.embedding.plain import PlainMultilingual

SAME_WORDS = 0.75  # share of content words in common from which their order is looked at
ALIGNED = 0.6  # cosine of two words from which one stands for the other
ASKS_THE_SAME = 0.3  # likelihood of two prompts from which a refusal is laid to their answers
SYNONYM = 0.8  # cosine of two words from which one may fill the other's place
SHORT = 40 * 5  # letters below which the parity of negations says something about the whole text
MEASURES = (
    "cosine",
    "aligned",
    "least",
    "replaced",
    "number",
    "number_missing",
    "negated",
    "opposite",
    "asks",
    "swapped",
    "name",
    "slot",
    "bigrams",
    "length",
    "across",
)
REASONS = ("other_number", "negated", "swapped", "other_entity", "other_answer", "unlike")
KINDS = ("one", "two")  # a text alone; a prompt with its answer

_SENTENCE = re.compile(r".+?(?:[.!?](?=\s)|[。！？\n]|$)[”\"』」]*\s*", re.DOTALL)

Measures = dict[str, float]


@dataclass(frozen=True)
class Text:
    """A record as the verifier sees it: a prompt and its answer. One of them may be ""."""

    prompt: str
    answer: str


@dataclass(frozen=True)
class Finding:
    """What the verifier found out about a pair: is it the same, how likely, and if not, why."""

    same: bool
    certainty: float
    reason: str  # "" if the same, else one of REASONS


class Verifier:
    """Compares pairs of records, always by the embedded multilingual model, whatever model proposed them."""

    def __init__(self, model: Multilingual | PlainMultilingual) -> None:
        self._model = model
        self._sides: dict[str, Side] = {}
        self._vectors: dict[str, F32] = {}
        self._words: dict[str, F32] = {}

    def load(self, texts: Iterable[Text]) -> None:
        """Take in texts that pairs will be made of; every different text and word is embedded once."""
        self._know(part for text in texts for part in (text.prompt, text.answer) if part)

    def _know(self, parts: Iterable[str]) -> None:
        ordered = sorted({part for part in parts if part not in self._sides})
        if not ordered:
            return
        for part in ordered:
            self._sides[part] = Side.of(part, self._model.pieces.words(part))
        self._vectors.update(zip(ordered, encode_each_once(self._model, ordered, DIMENSION), strict=True))
        words = sorted({word for part in ordered for word in self._sides[part].words} - self._words.keys())
        self._words.update(zip(words, encode_each_once(self._model, words, DIMENSION), strict=True))

    @property
    def pieces(self) -> Pieces:
        """What cuts texts into words."""
        return self._model.pieces

    def vectors(self, texts: Sequence[str]) -> F32:
        """Vectors (n, 512) of texts that are not empty."""
        self._know(texts)
        return np.stack([self._vectors[text] for text in texts])

    def cosine(self, one: str, other: str) -> float:
        """How close two texts are; 0 where one of them is empty."""
        if not one or not other:
            return 0.0
        left, right = self.vectors([one, other])
        return float(left @ right)

    def compare(self, one: Text, other: Text, certainty: float) -> Finding:
        """What is to be said of two texts that were loaded. `certainty`: least probability of being the same."""
        if one == other:
            return Finding(True, 1.0, "")
        prompt, answer = self.measure(one.prompt, other.prompt), self.measure(one.answer, other.answer)
        probability = likelihood(prompt, answer)
        reason = _veto(prompt, answer)
        if not reason and probability >= certainty:
            return Finding(True, probability, "")
        return Finding(False, probability, reason or _why(prompt, answer))

    def measure(self, one: str, other: str) -> Measures | None:
        """The measures of a pair of texts; None if both are empty. All are symmetric."""
        if not one and not other:
            return None
        if not one or not other:
            return dict.fromkeys(MEASURES, 0.0) | {"length": 3.0}
        one, other = without_shared_sentences(one, other)
        self._know((one, other))
        a, b = self._sides[one], self._sides[other]
        left, right = self._matrix(a), self._matrix(b)
        best_a, best_b = _alignment(a, b, left, right)
        lost, new = int((best_a < ALIGNED).sum()), int((best_b < ALIGNED).sum())
        alike = 0.0 if a.is_han != b.is_han else _overlap(a.bigrams, b.bigrams)
        return {
            "cosine": float(self._vectors[one] @ self._vectors[other]),
            "aligned": float((best_a.mean() + best_b.mean()) / 2),
            "least": float(min(best_a.min(), best_b.min())),
            "replaced": min(lost, new) / max(1.0, (len(best_a) + len(best_b)) / 2),
            "number": float(bool(a.numbers - b.numbers) and bool(b.numbers - a.numbers)),
            "number_missing": float(a.numbers != b.numbers),
            "negated": float(_denies(a) != _denies(b)),
            "opposite": float(any(b.poles.get(axis, side) != side for axis, side in a.poles.items())),
            "asks": _asks(a.asks, b.asks),
            "swapped": _swapped(a, b),
            "name": _renamed(a, b),
            "slot": float(self._fills_a_slot(a, b)),
            "bigrams": alike,
            "length": abs(log(max(a.letters, 1) / max(b.letters, 1))),
            "across": float(a.is_han != b.is_han),
        }

    def _fills_a_slot(self, a: Side, b: Side) -> bool:
        """Whether the texts are the same but for words put in the place of others that are no synonyms."""
        if a.is_han != b.is_han:
            return False
        lost: list[str] = []
        new: list[str] = []
        equal = 0
        for step in Levenshtein.opcodes(a.words, b.words):
            if step.tag == "equal":
                equal += step.src_end - step.src_start
            elif step.tag != "replace" or step.src_end - step.src_start != step.dest_end - step.dest_start:
                return False
            else:
                lost += a.words[step.src_start : step.src_end]
                new += b.words[step.dest_start : step.dest_end]
        if not lost or equal < len(lost):
            return False
        return any(float(self._words[x] @ self._words[y]) < SYNONYM for x, y in zip(lost, new, strict=True))

    def _matrix(self, side: Side) -> F32:
        if not side.words:
            return self._vectors[side.original][None, :]
        return np.stack([self._words[word] for word in side.words])


def without_shared_sentences(one: str, other: str) -> tuple[str, str]:
    """What is left of two texts when sentences that both have are taken away; both whole if one has nothing left.

    A preamble that two answers share says nothing about whether they say the same.
    """
    left, right = (_SENTENCE.findall(text) for text in (one, other))
    shared = {part.strip() for part in left} & {part.strip() for part in right}
    if not shared:
        return one, other
    rest = ["".join(part for part in parts if part.strip() not in shared).strip() for parts in (left, right)]
    return (rest[0], rest[1]) if all(rest) else (one, other)


def _denies(side: Side) -> bool:
    return side.letters < SHORT and side.negations % 2 == 1


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _alignment(a: Side, b: Side, left: F32, right: F32) -> tuple[F32, F32]:
    """For each word of `a` and of `b`, how close the closest word of the other side is (cosine)."""
    close = left @ right.T
    known = set(a.words) & set(b.words)
    best_a, best_b = close.max(axis=1), close.max(axis=0)
    for best, side in ((best_a, a), (best_b, b)):
        for place, word in enumerate(side.words):
            if word in known:
                best[place] = 1.0
    return best_a, best_b


def _asks(one: frozenset[str], other: frozenset[str]) -> float:
    """1 if they ask for different things, 0.5 if one only asks how."""
    if not one or not other or one & other:
        return 0.0
    return 0.5 if "how" in one | other else 1.0


def _swapped(a: Side, b: Side) -> float:
    """Of neighbouring words, where the words are the same, the share whose order is the other way round; and of those
    whose order is the same, if only one of the texts is in the passive voice.
    """
    shared = [word for word in dict.fromkeys(a.words) if word in b.words]
    if len(shared) < 2 or len(shared) < SAME_WORDS * max(len(set(a.words)), len(set(b.words))):
        return 0.0
    steps = list(pairwise(b.words.index(word) for word in shared))
    turned = sum(later < earlier for earlier, later in steps) / len(steps)
    return 1.0 - turned if a.passive != b.passive else turned


def _renamed(a: Side, b: Side) -> float:
    """Whether each names something that the other does not; across scripts names are translated and cannot tell."""
    if a.is_han != b.is_han:
        return 0.0
    lost = {name for name in a.names if name not in b.text}
    new = {name for name in b.names if name not in a.text}
    return float(bool(lost) and bool(new))


def vector(prompt: Measures | None, answer: Measures | None) -> tuple[str, list[float]]:
    """Which of KINDS a pair is, and its measures in the order of the coefficients."""
    if prompt is not None and answer is not None:
        return "two", [*(prompt[name] for name in MEASURES), *(answer[name] for name in MEASURES)]
    only = prompt if prompt is not None else answer
    assert only is not None  # noqa: S101 - a pair of empty records is never proposed
    return "one", [only[name] for name in MEASURES]


@cache
def _model() -> Mapping[str, Mapping[str, list[float]]]:
    loaded: dict[str, dict[str, list[float]]] = json.loads(
        (files("curation.dedup") / "verify_model.json").read_text("utf-8")
    )
    return loaded


def likelihood(prompt: Measures | None, answer: Measures | None) -> float:
    """How likely a pair is the same, 0 to 1."""
    kind, values = vector(prompt, answer)
    found = _model()[kind]
    total = found["intercept"][0] + sum(a * b for a, b in zip(values, found["coefficients"], strict=True))
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def _veto(prompt: Measures | None, answer: Measures | None) -> str:
    """What no likeness makes up for: other numbers in the question, numbers that contradict each other, and another
    word in a slot of the same question.
    """
    asked = prompt if prompt is not None else answer
    if asked is not None and asked["number_missing"] and asked is prompt:
        return "other_number"
    if any(found is not None and found["number"] for found in (prompt, answer)):
        return "other_number" if prompt is None or prompt["number"] else "other_answer"
    if asked is not None and asked["slot"]:
        return "other_entity"
    return ""


def _why(prompt: Measures | None, answer: Measures | None) -> str:
    """The most telling measure of a pair that was refused."""
    asked = prompt if prompt is not None else answer
    assert asked is not None  # noqa: S101 - see `vector`
    if asked["number"]:
        return "other_number"
    if asked["negated"] or asked["opposite"]:
        return "negated"
    if asked["swapped"]:
        return "swapped"
    if prompt is not None and answer is not None and likelihood(prompt, None) >= ASKS_THE_SAME:
        return "other_answer"
    if asked["name"] or (asked["replaced"] and asked["aligned"] >= ALIGNED):
        return "other_entity"
    return "unlike"
