"""Answers against the record's own answer, by program: cheap, repeatable, and only as good as that answer is typical."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from training.compare.model import Answer, Prompt
from training.compare.sections import ScoreSettings

__all__ = ["SCORES", "reference_scores", "words"]

SCORES = ("exact", "rouge_l", "chrf", "embedding")

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = r"\u3040-\u30ff\u31f0-\u31ff"
_WORDS = re.compile(rf"([{_HAN}]+)|([{_KANA}])|([^\W{_HAN}{_KANA}]+)")


def reference_scores(prompt: Prompt, answer: Answer | str, settings: ScoreSettings) -> dict[str, float]:
    """The scores that are switched on, by the names of SCORES, 1 for the reference itself; none where the prompt has no
    reference. All lie in 0..1 but `embedding`, a cosine in -1..1.

    exact: equal but for case and white space at the ends. rouge_l: F1 of the longest common subsequence of words
    (Lin 2004), absent where the reference has no words. chrf: F2 of character n-grams, n to 6 (Popović 2015), by
    sacrebleu. embedding: cosine of the sentence embeddings of `curation.embedding`. Raises StageError where the
    embedding's weights are missing.
    """
    reference, said = prompt.reference, answer if isinstance(answer, str) else answer.text
    if not reference.strip():
        return {}
    found: dict[str, float] = {}
    if settings.exact:
        found["exact"] = float(said.strip().casefold() == reference.strip().casefold())
    if settings.rouge and (wanted := words(reference)):
        found["rouge_l"] = _rouge_l(words(said), wanted)
    if settings.chrf:
        found["chrf"] = float(_chrf().sentence_score(said, [reference]).score) / 100
    if settings.embedding:
        found["embedding"] = _cosine(said, reference)
    return found


def words(text: str) -> list[str]:
    """The words of a text, without case and punctuation: runs of letters and digits; Chinese as jieba cuts it; Japanese
    syllables one by one."""
    found: list[str] = []
    for han, kana, other in _WORDS.findall(unicodedata.normalize("NFKC", text).casefold()):
        found += _jieba().lcut(han) if han else [kana or other]
    return found


def _rouge_l(said: list[str], reference: list[str]) -> float:
    from rapidfuzz.distance import LCSseq

    return 2 * LCSseq.similarity(said, reference) / (len(said) + len(reference))


def _cosine(said: str, reference: str) -> float:
    from curation.embedding.encoder import encode_each_once, encoder

    left, right = encode_each_once(encoder(), [said, reference])
    return float(min(max(left @ right, -1.0), 1.0))


@lru_cache(maxsize=1)
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@lru_cache(maxsize=1)
def _jieba() -> Any:
    """jieba's tokenizer. Its cache lies in the user's folder: in the common one anybody could put a file in its place."""
    import jieba

    from curation.weights.cache import cache_folder

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    jieba.setLogLevel("WARNING")
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = str(folder)
    return tokenizer
