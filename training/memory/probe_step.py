"""The process a probe starts: `python -m training.memory.probe_step REQUEST`. Trains two steps and says what they took.

Two, because the optimizer's state is made at the end of the first: only the second has everything in memory at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from training.memory.resident import forget_peak, peak, resident


def run(request: dict[str, Any]) -> dict[str, int]:
    """Bytes by phase: `imported` and `loaded` are what lies in memory then, the rest are peaks.

    On CUDA, `gpu` is the most that tensors took there; the other figures are of main memory all the same.
    """
    began = resident()
    import_all()
    said = {"started": began, "imported": resident()}
    from curation.weights.find import FoundModel
    from training.device import apply_threads, choose
    from training.model import load_model, load_tokenizer
    from training.recipe import TrainRecipe

    recipe = TrainRecipe.model_validate(request["recipe"])
    found = FoundModel(**request["found"])
    device = choose(recipe)
    apply_threads(recipe.device.threads)
    tokenizer = load_tokenizer(found, trust=recipe.model.trust_remote_code)
    said["tokenizer"] = resident()
    model = load_model(found, recipe.model, device, train=True)
    said |= {"loaded": resident(), "peak_load": peak()}
    forget_peak()
    session = SimpleNamespace(
        recipe=recipe, found=found, device=device, tokenizer=tokenizer, model=model, train_rows=request["train"]
    )
    said |= _train(session, request["evaluation"], device.kind == "cuda")
    said["peak"] = max(value for name, value in said.items() if name.startswith("peak"))
    return said


def import_all() -> None:
    """What a training process imports, whatever it trains."""
    from curation.weights.hush import hush_libraries

    hush_libraries()
    import bitsandbytes  # noqa: F401
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401
    from trl.trainer.dpo_trainer import DPOTrainer  # noqa: F401
    from trl.trainer.sft_trainer import SFTTrainer  # noqa: F401

    import datasets  # noqa: F401
    import training.run  # noqa: F401


def _train(session: Any, evaluation: list[dict[str, Any]], cuda: bool) -> dict[str, int]:
    import torch

    from training.trainer import make_trainer

    said: dict[str, int] = {}
    with TemporaryDirectory() as folder:
        trainer = make_trainer(session, Path(folder), lambda *_: None)
        said["built"] = resident()
        trainer.add_callback(_marks(said))
        trainer.train()
        said["peak_train"] = peak()
        forget_peak()
        _evaluate(trainer, session, evaluation)
        said["peak_evaluation"] = peak()
    if cuda:
        said["gpu"] = torch.cuda.max_memory_allocated()
        said["gpu_reserved"] = torch.cuda.max_memory_reserved()
    return said


def _evaluate(trainer: Any, session: Any, rows: list[dict[str, Any]]) -> None:
    from training import losses

    recipe = session.recipe
    if not rows:
        return
    if recipe.method.objective == "dpo":
        from training.tokenize import EncodedPair

        pairs = [EncodedPair(f"{number}", **row) for number, row in enumerate(rows)]
        losses.mean_pair_loss(trainer, pairs, recipe.evaluation.batch_size, _go_on)
    else:
        from training.tokenize import Encoded

        encoded = [Encoded(f"{number}", **row) for number, row in enumerate(rows)]
        losses.mean_loss(trainer, encoded, recipe.evaluation.batch_size, _go_on)


def _go_on() -> bool:
    """Whether an evaluation should give up: never."""
    return False


def _marks(said: dict[str, int]) -> Any:
    """Notes the peak after the first step and after the second."""
    from transformers import TrainerCallback

    class Marks(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            said[f"step_{state.global_step}"] = peak()

    return Marks()


def main(argv: list[str], write: Callable[[str], object] = sys.stdout.write) -> int:
    """Read the request from the file argv[0], write the answer as JSON, errors included."""
    from curation.errors import StudioError

    try:
        answer: dict[str, Any] = dict(run(json.loads(Path(argv[0]).read_bytes())))
    except StudioError as error:
        answer = {"message": error.message, "hint": error.hint}
    except Exception as error:
        if type(error).__name__ != "OutOfMemoryError" and not isinstance(error, MemoryError):
            raise
        answer = {"out_of_memory": True}
    write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
