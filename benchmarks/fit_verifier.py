"""Fit the verifier's coefficients on the train half of the labelled pairs and write them beside it.

    python benchmarks/fit_verifier.py [--write]

Prints precision and recall on both halves, at several least certainties. Without --write the package is left alone.
The test half is never used for fitting.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "curation"))

from pairs import Pair, mixed, pairs  # noqa: E402

from curation.dedup import verify  # noqa: E402
from curation.embedding.multilingual import Multilingual  # noqa: E402

MODEL = ROOT / "curation" / "dedup" / "verify_model.json"
# A wrong removal costs more than a missed one, and a prompt without its answer is easily mistaken.
PRECISION = {"one": 0.95, "two": 0.95}
# The sign each measure must have: likeness speaks for, a difference against. Others are free.
FOR = {"cosine", "aligned", "least", "bigrams"}
AGAINST = {"replaced", "number", "number_missing", "negated", "opposite", "asks", "swapped", "name", "slot", "length"}


def examples(checker: verify.Verifier, chosen: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """The measures of pairs, shape (pairs, measures), and whether each is the same."""
    rows = []
    for pair in chosen:
        prompt = checker.measure(pair.one[0], pair.other[0])
        answer = checker.measure(pair.one[1], pair.other[1])
        rows.append(verify.vector(prompt, answer)[1])
    return np.asarray(rows), np.asarray([pair.same for pair in chosen])


def fit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """L2-regularised; measures whose sign comes out wrong are left out, one after another, worst first."""
    names = list(verify.MEASURES) * (x.shape[1] // len(verify.MEASURES))
    scale = x.std(axis=0)
    used = scale > 0
    while True:
        model = LogisticRegression(C=0.5, max_iter=5000).fit(x[:, used] / scale[used], y)
        weights = np.zeros(x.shape[1])
        weights[used] = model.coef_[0]
        wrong = np.asarray(
            [
                max(0.0, -w) if name in FOR else max(0.0, w) if name in AGAINST else 0.0
                for name, w in zip(names, weights, strict=True)
            ]
        )
        if wrong.max() <= 0:
            weights[used] /= scale[used]
            return weights, float(model.intercept_[0])
        used[wrong.argmax()] = False


def shift(x: np.ndarray, y: np.ndarray, groups: list[str], precision: float) -> float:
    """How much to take off, so that a certainty of 0.5 has the PRECISION wanted on groups that were not fitted on.

    Found by leaving out a fifth of the train half's groups at a time. The smallest such shift, or the largest tried.
    """
    folds = [sorted(set(groups))[part::5] for part in range(5)]
    scores = np.zeros(len(y))
    for fold in folds:
        out = np.asarray([group in fold for group in groups])
        weights, intercept = fit(x[~out], y[~out])
        scores[out] = x[out] @ weights + intercept
    for candidate in np.arange(0.0, 4.0, 0.05):
        taken = scores >= candidate
        if y[taken].mean() >= precision:
            return float(candidate)
    return 4.0


def main() -> None:
    """Fit both kinds, print what came out, write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    checker = verify.Verifier(Multilingual())
    everything = [*pairs(), *mixed("train"), *mixed("test")]
    checker.load(verify.Text(*side) for pair in everything for side in (pair.one, pair.other))
    model = {}
    for kind in verify.KINDS:
        train = list(pairs("train", kind == "two"))
        if kind == "two":
            train += mixed("train")
        x, y = examples(checker, train)
        weights, intercept = fit(x, y)
        intercept -= shift(x, y, [pair.group for pair in train], PRECISION[kind])
        model[kind] = {"intercept": [round(intercept, 4)], "coefficients": [round(float(w), 4) for w in weights]}
        for place, name in enumerate(list(verify.MEASURES) * (len(weights) // len(verify.MEASURES))):
            print(f"{kind:4} {name:15} {weights[place]:8.3f}")
    if write:
        MODEL.write_text(json.dumps(model, indent=1) + "\n", "utf-8")
    verify._model.cache_clear()
    verify._model = lambda: model  # type: ignore[assignment]
    report(checker)


def report(checker: verify.Verifier) -> None:
    """Precision and recall on both halves."""
    for kind in verify.KINDS:
        for half in ("train", "test"):
            chosen = list(pairs(half, kind == "two"))
            if kind == "two":
                wrong = [checker.compare(verify.Text(*p.one), verify.Text(*p.other), 0.4).same for p in mixed(half)]
                print(f"mixed {half}: {sum(wrong)} of {len(wrong)} taken for the same")
            for certainty in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
                found = [checker.compare(verify.Text(*p.one), verify.Text(*p.other), certainty).same for p in chosen]
                hits = sum(f and p.same for f, p in zip(found, chosen, strict=True))
                precision, recall = hits / max(sum(found), 1), hits / sum(p.same for p in chosen)
                print(f"{kind} {half:5} certainty {certainty}: precision {precision:.3f} recall {recall:.3f}")


if __name__ == "__main__":
    main()
