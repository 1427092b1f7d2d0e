"""Take the weights of alt-profanity-check out of its pickles and write them as plain text, to be shipped.

    pip install alt-profanity-check==1.9.1 && python benchmarks/values_weights.py [--write]

The package (MIT) is a TF-IDF of single words and five calibrated linear SVMs, pickled. Its release pins exact versions
of scikit-learn and joblib, so it cannot be a dependency; the five are joined to one logistic function here. Prints how
far the joined one is from the original.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from importlib.metadata import distribution
from pathlib import Path

import joblib
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "curation" / "values" / "profanity_weights.json"
DATA = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data"))


def main() -> None:
    """Extract, compare, write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    folder = Path(str(distribution("alt-profanity-check").locate_file("profanity_check/data")))
    model, vectorizer = joblib.load(folder / "model.joblib"), joblib.load(folder / "vectorizer.joblib")
    parts = [(one.estimator, one.calibrators[0]) for one in model.calibrated_classifiers_]
    slopes = np.asarray([-calibrator.a_ for _, calibrator in parts])
    weights = np.mean([slope * svm.coef_[0] for slope, (svm, _) in zip(slopes, parts, strict=True)], axis=0)
    shifts = [slope * svm.intercept_[0] - c.b_ for slope, (svm, c) in zip(slopes, parts, strict=True)]
    intercept = float(np.mean(shifts))
    words = {
        word: [round(float(vectorizer.idf_[place]), 2), round(float(weights[place]), 2)]
        for word, place in sorted(vectorizer.vocabulary_.items())
    }
    if write:
        stop = sorted(vectorizer.get_stop_words())
        told = {"intercept": round(intercept, 4), "stop_words": stop, "words": words}
        WEIGHTS.write_text(json.dumps(told, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")
    compare(model, vectorizer)


def compare(model: object, vectorizer: object) -> None:
    """How far the shipped weights are from the package, over the sentences of the sample data."""
    from curation.values.profanity import profanity

    records = json.loads((DATA / "llamafactory" / "alpaca_en_demo.json").read_text("utf-8"))
    cases = (ROOT / "tests" / "curation" / "data" / "values.jsonl").read_text("utf-8").splitlines()
    texts = [s for r in records for s in re.split(r"[.!?\n]", r["output"]) if s.strip()]
    texts += [text for case in map(json.loads, cases) for text in (case.get("text"), case.get("answer")) if text]
    theirs = model.predict_proba(vectorizer.transform(texts))[:, 1]  # type: ignore[attr-defined]
    ours = np.asarray([profanity(text) for text in texts])
    print(f"{len(texts)} sentences: largest difference {np.abs(ours - theirs).max():.3f}")
    print(f"on different sides of 0.5: {int(((ours > 0.5) != (theirs > 0.5)).sum())}")


if __name__ == "__main__":
    main()
