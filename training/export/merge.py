"""An adapter merged into its base, in 16 or 32 bits even where it was trained on 4: what it learned fits there best.

Merging into 4-bit weights would round the sum to their grid again, which loses much of what is small, and the adapter is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from curation.weights.hush import hush_libraries

if TYPE_CHECKING:
    from curation.weights.find import FoundModel
    from training.device import Device
    from training.export.settings import ExportSettings
    from training.export.source import Source
    from training.template import Template


def export_device(source: Source, settings: ExportSettings) -> Device:
    """Where the merging is done, and in which numbers: those of the training, unless the settings name others; never
    quantised."""
    from training.device import choose

    model = source.recipe.model.model_copy(update={"quantization": "none"})
    if settings.dtype != "auto":
        model = model.model_copy(update={"dtype": settings.dtype})
    return choose(source.recipe.model_copy(update={"model": model}))


def stored_dtype(settings: ExportSettings, device: Device) -> str:
    """The numbers of the files that are written; a CPU computes float16 in float32, and writes it as asked."""
    return device.dtype if settings.dtype == "auto" else settings.dtype


def load_whole(found: FoundModel, source: Source, device: Device) -> Any:
    """A model to ask, unquantised."""
    from training.model import load_model
    from training.sections import ModelSettings

    trust = source.recipe.model.trust_remote_code if source.run is not None else ""
    settings = ModelSettings(name=found.name, dtype=device.dtype, trust_remote_code=trust)
    return load_model(found, settings, device, train=False)


def with_adapter(model: Any, adapter: Path) -> Any:
    """The base with its adapter on. Raises StudioError where the two do not fit each other."""
    hush_libraries()
    from peft import PeftModel

    try:
        tuned = PeftModel.from_pretrained(model, str(adapter), is_trainable=False)
    except (RuntimeError, ValueError, KeyError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")
        raise StudioError(
            f"The adapter does not fit its base: {said}.", "Name the model it was trained on with --base."
        ) from error
    return tuned.eval()


def merged(tuned: Any) -> Any:
    """The base's weights with the adapter added. Raises StudioError where that gives something that is no number."""
    try:
        return tuned.merge_and_unload(progressbar=False, safe_merge=True)
    except ValueError as error:
        raise StudioError(
            f"The adapter cannot be merged: {str(error).rstrip('.')}.", "Its weights hold NaN, or its kind cannot be."
        ) from error


def save_whole(
    model: Any, tokenizer: Any, template: Template, folder: Path, settings: ExportSettings, dtype: str
) -> None:
    """Weights in safetensors of at most `shard_size`, the tokenizer with the template, and the tokens that end an answer."""
    import torch

    hush_libraries()
    wanted = getattr(torch, dtype)
    if model.dtype != wanted:
        model = model.to(wanted)
    model.config.use_cache = True
    stops = list(template.stop_ids(tokenizer))
    model.generation_config.eos_token_id = stops if len(stops) > 1 else stops[0]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.do_sample = False
    for name in ("temperature", "top_p", "top_k"):
        setattr(model.generation_config, name, None)  # of no use without sampling, and warned about
    model.save_pretrained(folder, max_shard_size=settings.shard_size)
    save_tokenizer(tokenizer, template, folder)


def save_tokenizer(tokenizer: Any, template: Template, folder: Path) -> None:
    """The tokenizer with the template that was trained."""
    tokenizer.chat_template = template.chat_template()
    tokenizer.save_pretrained(folder)
