"""From a recipe to the arguments of the installed TRL: built from its own dataclasses, so that none is silently unread."""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError, nearest

if TYPE_CHECKING:
    from training.device import Device
    from training.recipe import TrainRecipe

_OPTIMIZERS = {
    "adamw": "adamw_torch",
    "adamw_8bit": "adamw_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "sgd": "sgd",
    "adafactor": "adafactor",
}


def uses_checkpointing(recipe: TrainRecipe, device: Device) -> bool:
    """Whether activations are computed again. auto: on CUDA; never with a prefix, which would be lost."""
    wanted = recipe.schedule.gradient_checkpointing
    if wanted == "auto":
        return device.kind == "cuda" and recipe.method.kind != "prefix"
    return wanted == "on"


def training_arguments(recipe: TrainRecipe, device: Device, folder: Path) -> Any:
    """An SFTConfig or a DPOConfig. The studio itself evaluates, saves and tells, so the trainer's own ways are off."""
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.sft_config import SFTConfig

    _check_reporters(recipe)
    schedule, optimizer, dpo = recipe.schedule, recipe.optimizer, recipe.dpo
    chosen: dict[str, Any] = {
        "output_dir": str(folder),
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "num_train_epochs": schedule.epochs,
        "max_steps": schedule.max_steps or -1,
        "per_device_train_batch_size": schedule.batch_size,
        "per_device_eval_batch_size": recipe.evaluation.batch_size,
        "gradient_accumulation_steps": schedule.accumulation,
        "learning_rate": optimizer.learning_rate,
        "weight_decay": optimizer.weight_decay,
        "max_grad_norm": optimizer.max_grad_norm,
        "optim": _OPTIMIZERS[device.optimizer],
        "lr_scheduler_type": schedule.decay if schedule.decay != "constant" else "constant_with_warmup",
        "warmup_steps": schedule.warmup,
        "logging_steps": recipe.tracking.log_every,
        "logging_nan_inf_filter": False,
        "logging_first_step": True,
        "report_to": list(recipe.tracking.reporters) or "none",
        "save_strategy": "no",
        "eval_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": device.kind == "cpu",
        "bf16": device.kind == "cuda" and device.dtype == "bfloat16",
        "fp16": device.kind == "cuda" and device.dtype == "float16",
        "gradient_checkpointing": uses_checkpointing(recipe, device),
        "dataloader_pin_memory": device.kind == "cuda",
        "push_to_hub": False,
    }
    if recipe.method.objective == "dpo":
        chosen |= {
            "max_length": recipe.data.max_length,
            "beta": dpo.beta,
            "loss_type": [dpo.loss if not dpo.label_smoothing else "robust"],
            "label_smoothing": dpo.label_smoothing,
        }
        return _built(DPOConfig, chosen)
    # Packed by the studio already: without padding, so that attention ends where a record does.
    chosen |= {
        "max_length": None,
        "packing": False,
        "padding_free": recipe.data.packing,
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }
    return _built(SFTConfig, chosen)


def _check_reporters(recipe: TrainRecipe) -> None:
    for name in recipe.tracking.reporters:
        if not any(find_spec(package) for package in (name, *(["tensorboardX"] if name == "tensorboard" else []))):
            raise StudioError(
                f"The recipe asks for the reporter {name}, which is not installed.",
                f"Install it with: pip install {name}. Or leave it out of tracking.reporters.",
            )


def _built(kind: type[Any], chosen: dict[str, Any]) -> Any:
    """An instance, or a StudioError that names what this version of TRL does not know (any more)."""
    known = {field.name for field in fields(kind)}
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise StudioError(
            f"{kind.__name__} of the installed TRL does not know '{unknown[0]}'.",
            f"{nearest(unknown[0], known)} Install the versions of constraints.txt.",
        )
    return kind(**chosen)
