"""Names of topics: the words that tell each from the others, by class-based TF-IDF (Grootendorst 2022, arXiv 2203.05794).

A word counts once a record, so that one long record names nothing. Chinese is cut by jieba; stop words of both languages
and words of one letter are left out. A topic in two languages has words of both, by their shares.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from curation.report.charts import label
from curation.stages.heuristics.scripts import HAN
from curation.synthesis.gates.inflection import stem
from curation.synthesis.gates.words import content_words
from curation.topics.model import F32, I64

WORDS: Final = 8  # of each topic
NAMED: Final = 3  # of them in its name
READ: Final = 400  # records of a topic that are read for its words, the most central ones
_LONGEST: Final = 24  # characters of a word: what is longer is code or no word at all
_FEWEST: Final = 2  # records that have a word
_HAN = re.compile(f"[{HAN}]")
# What tasks are made of, and no topic: of nearly every dataset of instructions.
_TASKS: Final = frozenset(
    "write give provide create generate describe explain list answer question following sentence text example examples "
    "given make use used using name one two three output input task instruction please help would could may might many "
    "several various different 请 写 给出 提供 生成 描述 解释 列出 回答 问题 以下 句子 文本 例子 给定 一个 一些 一种 "
    "这个 这些 可以 能够 进行 使用 通过 以及 需要 具有 包括 因此 它们 他们 我们 您 您的 你的 并且 或者 如何 什么".split()
)


def distinctive_words(texts: Sequence[str], topics: I64, central: F32) -> list[tuple[str, ...]]:
    """The words of each topic 0 … count - 1, the most telling first; fewer than WORDS where there are no more.

    central: how central each record is in its topic; the most central are read.
    """
    read = [_read(texts, np.flatnonzero(topics == number), central) for number in range(int(topics.max()) + 1)]
    overall: Counter[str] = Counter()
    for topic in read:
        overall.update(topic.having)
    average = sum(sum(topic.having.values()) for topic in read) / max(1, len(read))
    return [topic.telling(overall, average) for topic in read]


def name_of(words: Sequence[str]) -> str:
    """What a topic is called."""
    return " · ".join(words[:NAMED]) or "(no common words)"


class _Topic:
    """Which words how many of a topic's records have, by stem; `han` records of `size` are in Chinese."""

    def __init__(self) -> None:
        self.having: Counter[str] = Counter()
        self._forms: dict[str, Counter[str]] = defaultdict(Counter)
        self.size = self.han = 0

    def add(self, text: str) -> None:
        words = [word for word in content_words(text) if 2 <= len(word) <= _LONGEST and word not in _TASKS]
        self.size += 1
        self.han += len(_HAN.findall(text)) * 3 > len(text)
        stems = {word if _HAN.match(word) else stem(word): word for word in reversed(words)}
        self.having.update(stems.keys())
        for key, word in stems.items():
            self._forms[key][word] += 1

    def telling(self, overall: Counter[str], average: float) -> tuple[str, ...]:
        least = _FEWEST if self.size >= _FEWEST * 2 else 1
        ranked = sorted(
            (key for key, count in self.having.items() if count >= least),
            key=lambda key: (-self.having[key] * np.log(1 + average / overall[key]), key),
        )
        chinese = [key for key in ranked if _HAN.match(key)]
        others = [key for key in ranked if not _HAN.match(key)]
        keys = _blend(chinese, others, self.han / max(1, self.size))
        return tuple(label(min(self._forms[key].items(), key=lambda form: (-form[1], form[0]))[0]) for key in keys)


def _read(texts: Sequence[str], rows: I64, central: F32) -> _Topic:
    topic = _Topic()
    for row in rows[np.argsort(-central[rows], kind="stable")][:READ].tolist():
        topic.add(texts[row])
    return topic


def _blend(first: Sequence[str], second: Sequence[str], share: float) -> list[str]:
    """WORDS of two lists, so that at every place about `share` of them are of the first."""
    found: list[str] = []
    at = [0, 0]
    while len(found) < WORDS and (at[0] < len(first) or at[1] < len(second)):
        wanted = at[0] < len(first) and (at[1] >= len(second) or at[0] + 0.5 < share * (len(found) + 1))
        found.append(first[at[0]] if wanted else second[at[1]])
        at[0 if wanted else 1] += 1
    return found
