"""The English classifier: how likely a sentence is offensive, by its words. Weights are in the package.

They are those of alt-profanity-check 1.9.1 (MIT, see profanity_licence.txt), 15,442 words fitted on 200,000 labelled
comments, taken out of its pickle by `benchmarks/values_weights.py`. It knows no category, no order of words and no
context, and only English: "fucking great" is as offensive to it as an insult. So it is never asked alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, sqrt

_WORD = re.compile(r"\b\w\w+\b")


@dataclass(frozen=True)
class _Weights:
    intercept: float
    stop: frozenset[str]
    words: dict[str, tuple[float, float]]  # inverse document frequency, weight


def profanity_text() -> str:
    """The weights as they are written, for a digest."""
    return (files("curation.values") / "profanity_weights.json").read_text("utf-8")


@cache
def _weights() -> _Weights:
    told = json.loads(profanity_text())
    words = {word: (frequency, weight) for word, (frequency, weight) in told["words"].items()}
    return _Weights(told["intercept"], frozenset(told["stop_words"]), words)


def profanity(sentence: str) -> float:
    """Probability from 0 to 1 that a sentence is offensive; 0 where it holds no word the classifier knows."""
    weights = _weights()
    counts = Counter(word for word in _WORD.findall(sentence.lower()) if word not in weights.stop)
    length = total = 0.0
    for word, count in counts.items():
        known = weights.words.get(word)
        if known is not None:
            value = count * known[0]
            length += value * value
            total += value * known[1]
    return 1 / (1 + exp(-(weights.intercept + total / sqrt(length)))) if length else 0.0
