"""How often the nearest training record is the one an answer was taken from, by how the answer was altered; and how fast.

    OMP_NUM_THREADS=1 python benchmarks/nearest.py

The labelled answers are those of tests/training/nearest_planted.py; the test beside it keeps the figures.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "training"))

from nearest_planted import paraphrased, planted, write_pool  # noqa: E402

from studio.runs.train_begin import make_train  # noqa: E402
from training.compare.back import nearest as search  # noqa: E402
from training.compare.back.index import open_index  # noqa: E402
from training.recipe import TrainRecipe  # noqa: E402


def main() -> None:
    """Print a table of precision at 1, and seconds."""
    with tempfile.TemporaryDirectory() as name:
        pool = write_pool(Path(name) / "pool.jsonl", ROOT / "datasets")
        recipe = TrainRecipe.load("lora").with_settings(["model.name=smollm2", "data.validation=0"])
        folder, lock = make_train([str(pool)], recipe, Path(name) / "runs")
        lock.close()
        began = time.perf_counter()
        index = open_index(folder.path)
        print(f"index of {len(index)} records: {time.perf_counter() - began:.1f} s, loading the model included")
        asked = [*planted(index), *paraphrased()]
        kinds = Counter(question.kind for question in asked)
        table = {}
        for title, *counted in (
            ("meaning", 1.0, 0.0),
            ("words", 0.0, 1.0),
            ("both", search.OF_MEANING, search.OF_WORDS),
        ):
            search.OF_MEANING, search.OF_WORDS = counted
            began = time.perf_counter()
            right: Counter[str] = Counter()
            for question in asked:
                (first,) = search.nearest(folder.path, question.answer, 1, prompt=question.prompt or None)
                right[question.kind] += first.answer == question.source or question.answer.strip() in first.answer
            table[title] = right
            each = (time.perf_counter() - began) / len(asked)
        print(f"one search: {1000 * each:.1f} ms")
        print("| altered | answers | meaning alone | words alone | both |\n|---|---|---|---|---|")
        for kind, number in kinds.items():
            print(f"| {kind} | {number} | " + " | ".join(f"{table[t][kind] / number:.3f}" for t in table) + " |")


if __name__ == "__main__":
    main()
