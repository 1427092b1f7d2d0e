"""How large a difference may be and still mean nothing: losses and suites of models that ought to be the same.

    python benchmarks/noise_floor.py [--model smollm2] [--seeds N] [--steps N] [--size N] [--out DIR]

Two measurements, of the general questions that come with the studio (42 records) and of four small suites:

    numbers    the base against itself: one record at a time against four at once, float32 against bfloat16
    seeds      the same recipe on the same data (sarcasm.csv in STUDIO_DATA), trained with N seeds

The floor of the loss is t * sqrt(2) * s over the seeds. That of the scores is the upper 95 % limit (Clopper and Pearson) of
the share of cases that one seed gets right and another does not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data")) / "sarcasm" / "sarcasm.csv"
SUITES = ("arithmetic", "choice", "copying", "json")


def train(model: str, seed: int, steps: int, runs: Path) -> Path:
    """The folder of a finished training."""
    settings = (
        "model.quantization=none", "lora.r=8", "schedule.batch_size=4", "schedule.accumulation=1", "data.max_length=128",
        "data.too_long=drop", "data.validation=0", "evaluation.every=0", "evaluation.samples=0", "evaluation.retention=false",
    )  # fmt: skip
    before = set(runs.iterdir()) if runs.is_dir() else set()
    words = [
        sys.executable, "-m", "studio", "train", "--data", str(DATA), "--model", model, "--preset", "quick", "--seed",
        str(seed), "--max-steps", str(steps), "--runs-dir", str(runs), "--plain", "-q",
        *(word for setting in settings for word in ("--set", setting)),
    ]  # fmt: skip
    subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return next(iter(set(runs.iterdir()) - before))


def losses(wanted: dict[str, str], folder: Path, batch: int, side: str = "b") -> dict[str, tuple[float, int]]:
    """Losses of one side on the general questions: record -> (nats, tokens)."""
    from training.compare.losses import measure_losses, retention_examples
    from training.compare.model import LOSSES, RecordLoss, read
    from training.compare.sections import LossSettings, SideSettings
    from training.compare.sides import open_sides

    folder.mkdir(parents=True, exist_ok=True)
    with open_sides(SideSettings(**wanted), folder, on_change=print) as sides:
        records, quiet = retention_examples(), lambda _: None
        settings = LossSettings(batch_size=batch)
        measure_losses(sides, records, "retention", settings, folder, quiet, lambda: False, only=(side,))
    return {row.record_id: (row.loss_sum, row.tokens) for row in read(folder / LOSSES, RecordLoss)}


def scores(wanted: dict[str, str], folder: Path, size: int) -> dict[str, list[float]]:
    """Scores of side b, case by case, by suite."""
    from training.compare.model import SUITES as FILE
    from training.compare.model import CaseResult, read
    from training.compare.sections import SideSettings, SuiteSettings
    from training.compare.sides import open_sides
    from training.compare.suites import run_suites

    settings = SuiteSettings(names=SUITES, languages=("en",), size=size, max_tokens=32)
    with open_sides(SideSettings(**wanted), folder, on_change=print) as sides:
        run_suites(sides, settings, folder, lambda _: None, lambda: False, only=("b",))
    found: dict[str, list[float]] = {}
    for row in read(folder / FILE, CaseResult):
        found.setdefault(row.suite, []).append(row.score)
    return found


def mean(found: dict[str, tuple[float, int]]) -> float:
    return sum(loss for loss, _ in found.values()) / sum(tokens for _, tokens in found.values())


def moved(runs: list[dict[str, list[float]]]) -> tuple[int, int, float]:
    """How many cases some seeds get right and others do not, of how many, and the upper 95 % limit of their share."""
    from scipy.stats import beta

    cases = [scores for suite in SUITES for scores in zip(*(run[suite] for run in runs), strict=True)]
    different = sum(len(set(scores)) > 1 for scores in cases)
    limit = float(beta.ppf(0.95, different + 1, len(cases) - different)) if different < len(cases) else 1.0
    return different, len(cases), limit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="noise-floor-"))
    from training.experiment.statistics import seed_noise

    base = {"a": options.model, "b": options.model}
    one = losses(base, out / "one", 1, "a")
    print(f"base: {mean(one):.6f} nats a token over {len(one)} records")
    for name, changes, batch in (("four at once", {}, 4), ("bfloat16", {"dtype": "bfloat16"}, 1)):
        other = losses({**base, **changes}, out / name.replace(" ", "_"), batch, "a")
        worst = max(abs(one[key][0] - other[key][0]) / one[key][1] for key in one)
        print(f"{name}: {mean(other) - mean(one):+.2e} in the mean, {worst:.2e} at most in a record", flush=True)
    general, answered = [], []
    for seed in range(options.seeds):
        run = train(options.model, seed, options.steps, out / "runs")
        wanted = {"run": str(run), "a": "base", "b": "tuned"}
        general.append(mean(losses(wanted, run, 4)))
        print(f"seed {seed}: general loss {general[-1]:.4f}", flush=True)
        if options.size:
            answered.append(scores(wanted, run, options.size))
            print({suite: sum(found) / len(found) for suite, found in answered[-1].items()}, flush=True)
    print(f"floor of the loss: {seed_noise([general], 0.95):.4f} nats a token")
    if answered:
        different, cases, limit = moved(answered)
        print(f"floor of the scores: {limit:.3f}; {different} of {cases} cases depend on the seed")
    print(json.dumps({"general": general, "change": [value - mean(one) for value in general]}))


if __name__ == "__main__":
    main()
