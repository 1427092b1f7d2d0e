"""Training runs as a comparison finds them: a folder with its run.json, made in this process and in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from studio.runs.train_begin import make_train
from training.recipe import TrainRecipe
from training.run import train
from training.session import prepare
from training.tensors import key_of, save_tensors

SETTINGS = (
    "schedule.max_steps=6",
    "schedule.accumulation=1",
    "schedule.warmup=0",
    "optimizer.learning_rate=1e-2",
    "evaluation.samples=0",
    "evaluation.retention=false",
    "checkpoints.every=3",
    "data.validation=0.2",
)
KINDS: dict[str, Sequence[str]] = {
    "lora": (),
    "lora_two": ("seed=7", "lora.r=4"),
    "dora": ("lora.dora=true",),
    "pissa": ("lora.init=pissa",),
    "bias": ("lora.bias=lora_only",),
    "qlora": ("model.quantization=nf4",),
    "full": ("method.kind=full", "optimizer.learning_rate=1e-3"),
    "prefix": ("method.kind=prefix", "optimizer.learning_rate=0.1"),
    "prefix_projected": ("method.kind=prefix", "virtual.hidden=32", "optimizer.learning_rate=0.1"),
    "prompt": ("method.kind=prompt", "optimizer.learning_rate=0.1"),
    "p_tuning": ("method.kind=p_tuning", "optimizer.learning_rate=0.1"),
}


def make_tiny(folder: Path, **options: Any) -> Path:
    """The tiny model of this folder's conftest, for tests elsewhere: its file is not the only one of that name."""
    spec = spec_from_file_location("tiny_models", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return Path(module.make_tiny(folder, **options))


def train_run(runs: Path, data: Path, model: Path, *settings: str, tensors: bool = False) -> Path:
    """The folder of a run that was trained to its end. tensors: whether it keeps them, as one of `studio train` does."""
    recipe = TrainRecipe.load("lora").with_settings([f"model.name={model}", *SETTINGS, *settings])
    folder, lock = make_train([str(data)], recipe, runs, allow=["learning_rate"])
    try:
        if tensors:
            save_tensors(prepare([str(data)], recipe), key_of([str(data)], recipe), folder.path)
        train(
            [str(data)],
            recipe,
            folder.path,
            allow=["learning_rate"],
            apart=False,
            listener=lambda _event: None,
            should_stop=lambda: False,
        )
    finally:
        lock.close()
    return folder.path
