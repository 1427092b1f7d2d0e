"""How long preflight takes on a large dataset, beyond reading and tokenizing: `python benchmarks/preflight_speed.py 100000`.

The records are drawn from a vocabulary of 20,000 words, so that hardly any two are alike; a tenth of the held-out ones
are near copies. The tokenizer is a small byte-level BPE made on the spot, which gives more tokens than a real one.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "training"))


def records(count: int) -> list:
    from training.examples import Example, Message

    draw = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    words = ["".join(draw.choices(letters[:18], k=draw.randint(2, 9))) for _ in range(20_000)]
    made = []
    for number in range(count):
        asked = " ".join(draw.choices(words, k=draw.randint(8, 30))) + "?"
        said = " ".join(draw.choices(words, k=draw.randint(20, 90))) + "."
        made.append(Example(f"set.jsonl:{number}", (Message("user", asked), Message("assistant", said))))
    return made


def main(count: int) -> None:
    from conftest import make_tiny
    from transformers import AutoConfig, AutoTokenizer

    from training.examples import Examples
    from training.preflight import PreflightContext
    from training.preflight.registry import checks, examine
    from training.recipe import TrainRecipe
    from training.template import template_for
    from training.tokenize import encode

    with tempfile.TemporaryDirectory() as folder:
        model = make_tiny(Path(folder) / "tiny")
        tokenizer, config = AutoTokenizer.from_pretrained(model), AutoConfig.from_pretrained(model)
    made = records(count)
    held = count // 20
    examples = Examples(tuple(made[held:]), tuple(made[:held]), {}, "share")
    recipe = TrainRecipe()
    template = template_for("auto", tokenizer)
    begun = time.perf_counter()
    train = encode(examples.train, template, tokenizer, recipe.data)
    validation = encode(examples.validation, template, tokenizer, recipe.data)
    encoded = time.perf_counter() - begun

    def context() -> PreflightContext:
        return PreflightContext(recipe, examples, template, tokenizer, train, validation, config)

    busy = time.process_time()
    report = examine(context())
    busy = time.process_time() - busy
    print(
        f"{count:,} records, {report.tokens:,} tokens: encoded in {encoded:.1f} s, examined in {report.seconds:.1f} s"
    )
    print(f"  {busy:.1f} s of CPU, tables that are made once a process included")
    again = context()
    for check in checks():
        begun, busy = time.perf_counter(), time.process_time()
        list(check.examine(again))
        print(f"  {check.name:12s} {time.perf_counter() - begun:6.2f} s, {time.process_time() - busy:6.2f} s of CPU")
    for one in report.findings:
        print(f"  {one.level} {one.reason} {one.records:,}: {one.message}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
