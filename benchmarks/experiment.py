"""Does curation help, on data that was made dirty on purpose? The data, and `studio experiment` on it.

    python benchmarks/experiment.py [--out DIR] [--steps N] [--seeds N] [--budget tokens|steps] [--only-data]

Real instructions (999 English, 1,000 Chinese Alpaca records of `llamafactory` in STUDIO_DATA, default ../shared/data),
short ones only. 150 clean English records are drawn first and held out. The rest becomes the raw set:

    clean        400 English records
    duplicates   150 of these twice more, half of the copies with slight edits
    language     300 Chinese records
    boilerplate  110 other English questions, answered with cookie notices, navigation and refusals of language models

The model is a Llama of random weights with 1.3 million parameters and a tokenizer made of the raw set: on two shared
cores it can be trained long enough to learn something. Everything else is what the studio does for anybody.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data")) / "llamafactory"
SHORT = 1000  # characters of a record, so that a step is short
HELD_OUT, CLEAN, TWICE_MORE, CHINESE, BOILERPLATE = 150, 400, 150, 300, 110

NOTICES = (
    "We use cookies to improve your experience. Accept all cookies | Manage preferences | Privacy policy",
    "Home > Products > Support > Contact us. Copyright 2021. All rights reserved. Terms of use.",
    "As an AI language model, I do not have personal opinions and cannot answer this question.",
    "Please enable JavaScript to view this page. Click here to subscribe to our newsletter!",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore.",
    "[Insert answer here]",
)

RECIPE = """name: clean-english
description: English instructions only, without copies, notices and what language models say of themselves.
seed: 0
stages:
  - use: clean
  - use: length
    part: answer
    min_chars: 1
  - use: language
    allow: [en]
  - use: machine_text
  - use: quality
    profile: sft
  - use: repetition
    profile: sft
  - use: exact
    normalise: whitespace
  - use: near
    threshold: 0.8
"""


def build(out: Path) -> dict[str, int]:
    """raw.jsonl, heldout.jsonl, truth.json (kind of each raw record, in order) and recipe.yaml in `out`."""
    draw = random.Random(2026)
    english = short(json.loads((DATA / "alpaca_en_demo.json").read_text("utf-8")))
    chinese = short(json.loads((DATA / "alpaca_zh_demo.json").read_text("utf-8")))
    draw.shuffle(english)
    draw.shuffle(chinese)
    held_out, rest = english[:HELD_OUT], english[HELD_OUT:]
    clean, asked = rest[:CLEAN], rest[CLEAN : CLEAN + BOILERPLATE]
    raw = [("clean", record) for record in clean]
    for record in draw.sample(clean, TWICE_MORE):
        raw.append(("duplicate", record))
        raw.append(("duplicate", {**record, "output": record["output"].rstrip(".") + " ."}))
    raw += [("language", record) for record in chinese[:CHINESE]]
    raw += [("boilerplate", {**record, "output": draw.choice(NOTICES)}) for record in asked]
    draw.shuffle(raw)
    write(out / "raw.jsonl", [record for _, record in raw])
    write(out / "heldout.jsonl", held_out)
    (out / "truth.json").write_text(json.dumps([kind for kind, _ in raw]))
    (out / "recipe.yaml").write_text(RECIPE)
    return {kind: sum(k == kind for k, _ in raw) for kind in ("clean", "duplicate", "language", "boilerplate")}


def short(records: list[dict[str, str]]) -> list[dict[str, str]]:
    return [record for record in records if sum(map(len, record.values())) <= SHORT and record["output"].strip()]


def write(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def make_model(out: Path, texts: Path) -> Path:
    """A Llama of random weights, four layers of 128, with a byte-level BPE of 4,096 tokens."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(texts)], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=1024
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(out)
    fast.save_pretrained(out)
    return out


def experiment(out: Path, model: str, steps: int, seeds: int, budget: str) -> Path:
    """The folder of the finished run."""
    settings = (
        "optimizer.learning_rate=0.003", "schedule.batch_size=8", "schedule.accumulation=1", "data.max_length=512",
        "data.too_long=drop", "schedule.decay=cosine", "checkpoints.every=1000", "device.kind=cpu",
    )  # fmt: skip
    words = [
        sys.executable, "-m", "studio", "experiment", "--in", str(out / "raw.jsonl"), "--heldout", str(out / "heldout.jsonl"),
        "--recipe", str(out / "recipe.yaml"), "--model", model, "--train-preset", "full", "--max-steps", str(steps),
        "--seeds", str(seeds), "--budget", budget, "--runs-dir", str(out / "runs"), "--allow", "learning_rate", "--workers", "1",
        *(word for setting in settings for word in ("--train-set", setting)),
    ]  # fmt: skip
    subprocess.run(words, check=True, cwd=ROOT)
    return max((out / "runs").iterdir(), key=lambda path: path.name)


def purity(out: Path, run: Path) -> dict[str, int]:
    """Kinds of the records that the curation kept."""
    import polars as pl

    truth = json.loads((out / "truth.json").read_text())
    kept_out, curated = (next((run / "legs" / name).iterdir()) for name in ("data-raw", "data-curated"))
    gone = dropped(kept_out, pl)
    left = [kind for number, kind in enumerate(truth, 1) if number not in gone]
    bad = dropped(curated, pl)
    kept = [kind for number, kind in enumerate(left, 1) if number not in bad]
    return {kind: kept.count(kind) for kind in ("clean", "duplicate", "language", "boilerplate")}


def dropped(run: Path, pl) -> set[int]:
    ledger = pl.read_parquet(sorted((run / "ledger").glob("part-*.parquet")), glob=False)
    ids = ledger.filter(pl.col("action") == "drop")["record_id"].to_list()
    return {int(record.rpartition(":")[2]) for record in ids}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", default="tokens")
    parser.add_argument("--only-data", action="store_true")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="experiment-"))
    out.mkdir(parents=True, exist_ok=True)
    print(f"raw set in {out}: {build(out)}")
    if options.only_data:
        return
    began = time.monotonic()
    model = make_model(out / "model", out / "raw.jsonl")
    run = experiment(out, str(model), options.steps, options.seeds, options.budget)
    print(f"took {time.monotonic() - began:.0f} s; kept by the curation: {purity(out, run)}")
    print((run / "report.md").read_text())


if __name__ == "__main__":
    main()
