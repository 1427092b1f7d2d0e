"""Quantised weights through bitsandbytes: 4 bits (QLoRA, arXiv:2305.14314) and 8 (LLM.int8, arXiv:2208.07339)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from training.device import Device
    from training.sections import ModelSettings


def quantization_config(settings: ModelSettings, device: Device) -> Any | None:
    """What transformers' `quantization_config` must be, or None for weights as they are.

    The arithmetic on 4-bit weights is done in the device's dtype: float32 on CPUs, where bitsandbytes' own bfloat16
    kernels know no gradients.
    """
    if device.quantization == "none":
        return None
    import torch

    transformers: Any = import_module("transformers")
    if device.quantization == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=device.quantization,
        bnb_4bit_use_double_quant=settings.double_quantization,
        bnb_4bit_compute_dtype=getattr(torch, device.dtype),
    )


def keep_unpacked(model: nn.Module) -> int:
    """Forbid 4-bit layers to repack their weights for inference on CPUs. Returns how many layers there are.

    bitsandbytes 0.50 repacks a Linear4bit's weights in the first forward pass in eval mode without gradients, on CPUs
    with avx512_bf16, and never unpacks them in training. From then on the backward pass runs through a kernel without
    a derivative: gradients are missing or wrong, and nothing says so. Any evaluation is enough. Measured on a small
    model: gradient norm 0.17 instead of 2.48 with adapters on all layers, no gradient at all with adapters on q and v.
    Unpacking again is lossy, so the layers must never be packed.
    """
    layer_class = import_module("bitsandbytes.nn").Linear4bit
    layers: list[Any] = [module for module in model.modules() if isinstance(module, layer_class)]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    return len(layers)
