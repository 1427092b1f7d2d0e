"""The `ifd` stage: how fast, how near its arithmetic is to float32, what cutting answers costs, and what it tells apart.

    python benchmarks/ifd.py [--records 100] [--only speed|precision|tokens|swapped] [--tokens 128]

On the English and Chinese Alpaca demos of STUDIO_DATA, the first `--records` of each, by smollm2. The cache is one of the
benchmark's own. Speed is given by the clock and by CPU time: two cores that do nothing else take half of the latter.

speed: records a second. precision: scores in bfloat16 against float32. tokens: scores of answers cut after so many
tokens against those of whole ones (512). swapped: how often the score of an answer behind another record's question is
higher than behind its own, over all pairs of records (the area under the ROC curve).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

from curation.preview import take_sample
from curation.scoring.cache import ScoreCache
from curation.scoring.perplexity import Precision, Reader, Reading, _loaded
from curation.stages.ifd import Ifd

DATA = Path(os.environ.get("STUDIO_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
WHOLE = 512
CUTS = (32, 64, 96, 128, 192, 256)
FEWEST = Ifd().shortest
Texts = list[tuple[str, str]]


def main() -> None:
    """Print what was asked for, or everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=Ifd().tokens)
    parser.add_argument("--only", choices=("speed", "precision", "tokens", "swapped"))
    options = parser.parse_args()
    for language in ("en", "zh"):
        texts = records(language, options.records)
        with tempfile.TemporaryDirectory() as folder, ScoreCache(Path(folder) / "scores.sqlite") as cache:
            if options.only in (None, "speed"):
                speed(language, texts, options.tokens, cache)
            if options.only in (None, "precision"):
                precision(language, texts, options.tokens, cache)
            if options.only in (None, "tokens"):
                cut(language, texts, cache)
            if options.only in (None, "swapped"):
                swapped(language, texts, options.tokens, cache)


def records(language: str, count: int) -> Texts:
    """What was said before, and the answer."""
    batch = take_sample([str(DATA / "llamafactory" / f"alpaca_{language}_demo.json")], count).batch
    return [(answer.before, answer.text) for answer in Ifd()._answers(batch)]


def speed(language: str, texts: Texts, tokens: int, cache: ScoreCache) -> None:
    """Both readings of every record, with the model loaded."""
    reader = Reader("smollm2", tokens)
    *_, threads = _loaded(reader.model, reader.arithmetic())
    wall, cpu = time.perf_counter(), time.process_time()
    readings(reader, texts, cache)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{language}: {len(texts)} records, {tokens} tokens, {reader.arithmetic()}: {len(texts) / wall:.1f} a second by the "
        f"clock with {threads} threads, {2 * len(texts) / cpu:.1f} a second and two cores by CPU time "
        f"(load of the machine {os.getloadavg()[0]:.1f})",
        flush=True,
    )


def precision(language: str, texts: Texts, tokens: int, cache: ScoreCache) -> None:
    """bfloat16 against float32."""
    kinds: tuple[Precision, ...] = ("float32", "bfloat16")
    exact, rounded = (ifd(readings(Reader("smollm2", tokens, kind), texts, cache)) for kind in kinds)
    moved = np.abs(exact - rounded)
    print(
        f"{language}: bfloat16 against float32, {len(moved)} records: the score moves by {moved.mean():.4f} on average and "
        f"{moved.max():.4f} at most; rank correlation {spearmanr(exact, rounded)[0]:.4f}",
        flush=True,
    )


def cut(language: str, texts: Texts, cache: ScoreCache) -> None:
    """Answers cut after some tokens against whole ones."""
    whole = ifd(readings(Reader("smollm2", WHOLE), texts, cache))
    for tokens in CUTS:
        some = ifd(readings(Reader("smollm2", tokens), texts, cache))
        print(
            f"{language}: {tokens} tokens: rank correlation with {WHOLE}: {spearmanr(some, whole)[0]:.3f}", flush=True
        )


def swapped(language: str, texts: Texts, tokens: int, cache: ScoreCache) -> None:
    """The same answers behind the question of the record 37 places on."""
    others = [(texts[(place + 37) % len(texts)][0], answer) for place, (_, answer) in enumerate(texts)]
    own, other = (ifd(readings(Reader("smollm2", tokens), some, cache)) for some in (texts, others))
    area = mannwhitneyu(other, own).statistic / (len(own) * len(other))
    print(
        f"{language}: swapped answers: area under the curve {area:.3f}; {np.mean(other >= 1):.0%} of the swapped and "
        f"{np.mean(own >= 1):.0%} of the others have a score of 1 or more",
        flush=True,
    )


def readings(reader: Reader, texts: Texts, cache: ScoreCache) -> list[tuple[Reading, Reading]]:
    """Alone and behind what was said before, of the answers that are long enough."""
    both = list(dict.fromkeys([*(("", answer) for _, answer in texts), *texts]))
    found = dict(zip(both, reader.read(both, cache), strict=True))
    pairs = [(found["", answer], found[before, answer]) for before, answer in texts]
    return [pair for pair in pairs if pair[0].tokens >= FEWEST]


def ifd(pairs: Sequence[tuple[Reading, Reading]]) -> NDArray[np.float64]:
    """The scores."""
    return np.array([given.perplexity / alone.perplexity for alone, given in pairs])


if __name__ == "__main__":
    main()
