"""How far the estimate of memory is from the measured peak (RSS) of real training, over a grid, on this CPU.

    python benchmarks/train_memory.py [--quick] [--json FILE]

Every point trains two real steps and evaluates in a process of its own (`training.memory.probe`). The models are random:
a tiny Llama and a mid-size Qwen2 with SmolLM2's tokenizer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from curation.weights.find import FoundModel, find_model
from training.device import choose
from training.memory.estimate import estimate
from training.memory.probe import probe
from training.memory.simulate import Shape
from training.recipe import TrainRecipe

METHODS = {
    "lora": {},
    "full": {"method": {"kind": "full"}, "optimizer": {"learning_rate": 1e-5}},
    "nf4": {"model": {"quantization": "nf4"}},
}
SHAPES = ((1, 128), (4, 256), (2, 1024), (8, 512), (1, 2048))
QUICK = (
    ("tiny", "nf4", 1, 128, "off"),
    ("mid", "lora", 1, 128, "off"),
    ("mid", "nf4", 4, 256, "off"),
    ("mid", "full", 4, 256, "off"),
    ("mid", "lora", 2, 512, "off"),
    ("mid", "lora", 1, 2048, "on"),
    ("mid", "nf4", 8, 128, "on"),
    ("tiny", "lora", 2, 512, "off"),
)


def make(folder: Path, kind: str, tokenizer: Path) -> FoundModel:
    """A random model: `tiny` (3 M parameters) or `mid` (49 M), stored in bfloat16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    shared = {"vocab_size": 49152, "max_position_embeddings": 4096, "tie_word_embeddings": True}
    if kind == "tiny":
        model = LlamaForCausalLM(
            LlamaConfig(
                hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                num_key_value_heads=2, **shared,
            )
        )  # fmt: skip
    else:
        model = Qwen2ForCausalLM(
            Qwen2Config(
                hidden_size=512, intermediate_size=1408, num_hidden_layers=8, num_attention_heads=8,
                num_key_value_heads=4, **shared,
            )
        )  # fmt: skip
    model.to(torch.bfloat16).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)
    return find_model(str(folder))


def point(found: FoundModel, method: str, batch: int, length: int, checkpointing: str) -> dict[str, object]:
    """Estimate and measurement, in bytes, of one place of the grid."""
    sections = {name: dict(values) for name, values in METHODS[method].items()}
    sections["model"] = {"name": found.path, **sections.get("model", {})}
    recipe = TrainRecipe.model_validate(
        {
            "schedule": {"batch_size": batch, "gradient_checkpointing": checkpointing},
            "evaluation": {"batch_size": batch},
            "data": {"max_length": 4096},
            **sections,
        }
    )
    shape = Shape(batch, length)
    began = time.perf_counter()
    guessed = estimate(recipe, found, choose(recipe), shape, shape)
    taken = time.perf_counter() - began
    row = {"input_ids": [5 + number % 40_000 for number in range(length)]}
    rows = [row | {"labels": row["input_ids"]}] * batch
    measured = probe(recipe, found, rows, rows)
    return {
        "method": method, "batch": batch, "length": length, "checkpointing": checkpointing,
        "estimate": guessed.total, "measured": measured.peak, "error": guessed.total / measured.peak - 1,
        "phase": guessed.phase, "estimate_seconds": taken, "phases": measured.phases, "estimated": guessed.phases,
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="eight places of the grid instead of all sixty")
    options.add_argument("--json", type=Path, help="append every point to this file")
    chosen = options.parse_args()
    grid = [
        (kind, method, batch, length, checkpointing)
        for kind in ("tiny", "mid") for method in METHODS for batch, length in SHAPES for checkpointing in ("off", "on")
    ]  # fmt: skip
    worst = 0.0
    print(
        f"{'model':6} {'method':6} {'batch':>5} {'length':>6} {'ckpt':>4} {'estimate':>9} {'measured':>9} {'error':>7}"
    )
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = Path(find_model("smollm2").path)
        models = {kind: make(Path(folder) / kind, kind, tokenizer) for kind in ("tiny", "mid")}
        for kind, method, batch, length, checkpointing in QUICK if chosen.quick else grid:
            found = point(models[kind], method, batch, length, checkpointing)
            error = float(str(found["error"]))
            worst = max(worst, abs(error))
            sizes = " ".join(f"{int(str(found[key])) / 1e6:6.0f} MB" for key in ("estimate", "measured"))
            print(f"{kind:6} {method:6} {batch:5} {length:6} {checkpointing:>4} {sizes} {error:+7.1%}", flush=True)
            if chosen.json:
                with chosen.json.open("a") as stream:
                    stream.write(json.dumps({"model": kind, **found}) + "\n")
    print(f"worst error {worst:.1%}")


if __name__ == "__main__":
    main()
