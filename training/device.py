"""Where a run computes, and what of its recipe that changes. Nothing is changed silently: each change is a sentence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from curation.errors import StudioError

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

Kind = Literal["cpu", "cuda", "mps"]
DType = Literal["float32", "bfloat16", "float16"]
Quantization = Literal["none", "nf4", "fp4", "int8"]
Attention = Literal["auto", "eager", "sdpa", "flash_attention_2"]


@dataclass(frozen=True)
class Facts:
    """What this machine has, as far as the choice depends on it."""

    cuda: bool = False
    cuda_name: str = ""
    cuda_bf16: bool = False
    mps: bool = False


@dataclass(frozen=True)
class Device:
    """The device, and the settings that hold on it.

    kind: torch's name for it. name: the hardware's. dtype: of weights that are not quantised, and of the arithmetic on
    quantised ones. attention, optimizer, quantization: as the recipe says, or what they were changed to.
    changes: a sentence for each thing that is not as the recipe says.
    """

    kind: Kind
    name: str
    dtype: DType
    quantization: Quantization
    attention: Attention
    optimizer: str
    changes: tuple[str, ...] = ()

    @property
    def torch_name(self) -> str:
        """`cpu`, `mps` or `cuda:N`; N is this process's GPU where a launcher started several."""
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if self.kind == "cuda" else self.kind


def choose(recipe: TrainRecipe, facts: Facts | None = None) -> Device:
    """The device for a recipe on this machine, or a StudioError where it cannot run here at all.

    facts: what the machine has; asked of torch where they are not given.
    """
    found = machine_facts() if facts is None else facts
    changes: list[str] = []
    kind = _kind(recipe.device.kind, found)
    _check_backend(recipe, kind)
    dtype = _dtype(recipe, kind, found, changes)
    quantization = _quantization(recipe, kind, changes)
    attention = _attention(recipe, kind, dtype, changes)
    optimizer = _optimizer(recipe, kind, changes)
    name = {"cuda": found.cuda_name or "CUDA GPU", "mps": "Apple GPU", "cpu": "CPU"}[kind]
    return Device(kind, name, dtype, quantization, attention, optimizer, tuple(changes))


def machine_facts() -> Facts:
    """Ask torch what is there."""
    import torch

    if torch.cuda.is_available():
        return Facts(True, torch.cuda.get_device_name(0), torch.cuda.is_bf16_supported(including_emulation=False))
    return Facts(mps=torch.backends.mps.is_available())


def apply_threads(threads: int | None) -> int:
    """Set how many CPU threads torch uses, where the recipe says so. Returns the number that holds."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def _kind(wanted: str, facts: Facts) -> Kind:
    if wanted == "cuda" and not facts.cuda:
        raise StudioError(
            "The recipe asks for CUDA, and PyTorch finds no CUDA GPU here.",
            "Set device.kind=auto, or install a CUDA build of torch and check the driver with nvidia-smi.",
        )
    if wanted == "mps" and not facts.mps:
        raise StudioError("The recipe asks for MPS, and this is no Mac with an Apple GPU.", "Set device.kind=auto.")
    if wanted == "auto":
        return "cuda" if facts.cuda else "mps" if facts.mps else "cpu"
    return "cuda" if wanted == "cuda" else "mps" if wanted == "mps" else "cpu"


def _dtype(recipe: TrainRecipe, kind: Kind, facts: Facts, changes: list[str]) -> DType:
    """CPUs have no fast float16, and Apple GPUs round bfloat16 in some kernels: float32 there."""
    wanted = recipe.model.dtype
    if wanted == "auto":
        return "bfloat16" if kind == "cuda" and facts.cuda_bf16 else "float32"
    if wanted == "bfloat16" and kind == "cuda" and not facts.cuda_bf16:
        changes.append("This GPU has no bfloat16; float32 is used. model.dtype=float16 needs half of its memory.")
        return "float32"
    if wanted != "float32" and kind == "mps":
        changes.append(f"Apple GPUs are used with float32, not {wanted}.")
        return "float32"
    if wanted == "float16" and kind == "cpu":
        changes.append("float16 does not train on a CPU; float32 is used.")
        return "float32"
    return wanted


def _quantization(recipe: TrainRecipe, kind: Kind, changes: list[str]) -> Quantization:
    wanted = recipe.model.quantization
    if wanted != "none" and kind == "mps":
        changes.append(f"bitsandbytes does not run on Apple GPUs; the weights are not quantised to {wanted}.")
        return "none"
    return wanted


def _attention(recipe: TrainRecipe, kind: Kind, dtype: DType, changes: list[str]) -> Attention:
    wanted = recipe.model.attention
    if wanted != "flash_attention_2":
        return wanted
    if kind != "cuda":
        changes.append("flash_attention_2 needs a CUDA GPU; sdpa is used.")
        return "sdpa"
    if dtype == "float32":
        changes.append("flash_attention_2 needs bfloat16 or float16; with float32, sdpa is used.")
        return "sdpa"
    if find_spec("flash_attn") is None:
        raise StudioError(
            "The recipe asks for flash_attention_2, and the package flash-attn is not installed.",
            "Install it with: pip install flash-attn --no-build-isolation. Or set model.attention=sdpa.",
        )
    return wanted


def _optimizer(recipe: TrainRecipe, kind: Kind, changes: list[str]) -> str:
    wanted = recipe.optimizer.name
    if kind == "mps" and ("paged" in wanted or "8bit" in wanted):
        changes.append(f"bitsandbytes does not run on Apple GPUs; adamw is used instead of {wanted}.")
        return "adamw"
    return wanted


def _check_backend(recipe: TrainRecipe, kind: Kind) -> None:
    asked = []
    if recipe.model.backend == "unsloth":
        asked.append(("unsloth", "unsloth", "model.backend=transformers"))
    if recipe.model.liger:
        asked.append(("liger_kernel", "liger-kernel", "model.liger=false"))
    for module, package, way_out in asked:
        if kind != "cuda":
            raise StudioError(f"{package} needs a CUDA GPU, and this run is on {kind}.", f"Set {way_out}.")
        if find_spec(module) is None:
            raise StudioError(
                f"The recipe asks for {package}, which is not installed.",
                f"Install it with: pip install {package} (it is not tested with this studio). Or set {way_out}.",
            )
