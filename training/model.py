"""A model and its tokenizer in memory, as the recipe and the device want them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from curation.weights.find import FoundModel, find_model
from curation.weights.folder import read_json
from curation.weights.hush import hush_libraries
from training.quantize import keep_unpacked, quantization_config

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from training.device import Device
    from training.sections import ModelSettings

__all__ = ["FoundModel", "find_model", "load_model", "load_tokenizer"]

# Tokens that models keep for padding or that they never write, best first.
_PADS = ("<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<|vision_pad|>", "<|endoftext|>")


def load_tokenizer(found: FoundModel, changes: list[str] | None = None, *, trust: str = "") -> PreTrainedTokenizerFast:
    """The model's tokenizer, with a pad token. What had to be chosen is added to `changes` as a sentence.

    trust: the model's name, to let code of its repository run. Raises StudioError where there is no tokenizer, or only
    a slow one, which cannot say which characters a token stands for.
    """
    hush_libraries()
    transformers: Any = import_module("transformers")
    try:
        tokenizer: PreTrainedTokenizerFast = transformers.AutoTokenizer.from_pretrained(
            found.path, local_files_only=True, trust_remote_code=_trusted(found, trust, "tokenizer_config.json")
        )
    except StudioError:
        raise
    except Exception as error:
        raise StudioError(
            f"The tokenizer of {found.name} cannot be loaded: {_first_line(error)}",
            "A model's folder holds tokenizer.json and tokenizer_config.json; copy them from where the model is from.",
        ) from error
    if not tokenizer.is_fast:
        raise StudioError(
            f"{found.name} has only a slow tokenizer, which cannot say which characters a token stands for.",
            "Use a version of the model with a tokenizer.json.",
        )
    sentence = _choose_pad(tokenizer)
    if sentence and changes is not None:
        changes.append(sentence)
    tokenizer.padding_side = "right"
    return tokenizer


def load_model(found: FoundModel, settings: ModelSettings, device: Device, *, train: bool) -> PreTrainedModel:
    """The model on its device; frozen in 4 or 8 bits where the device's quantization says so.

    train: without the cache of keys and values, which training does not use and packing must not have. Else in eval
    mode with it. Raises StudioError where the weights do not fit their config.json, or memory does not suffice.
    """
    hush_libraries()
    if settings.backend == "unsloth":
        model = _with_unsloth(found, settings, device)
    else:
        model = _with_transformers(found, settings, device)
    if getattr(model, "is_loaded_in_4bit", False):
        keep_unpacked(model)
    if settings.liger:
        _add_liger(model)
    model.config.use_cache = not train
    model.train(train)
    return model


def _with_transformers(found: FoundModel, settings: ModelSettings, device: Device) -> PreTrainedModel:
    import torch

    transformers: Any = import_module("transformers")
    options: dict[str, Any] = {
        "dtype": getattr(torch, device.dtype),
        "quantization_config": quantization_config(settings, device),
        "local_files_only": True,
        "use_safetensors": True,
        "trust_remote_code": _trusted(found, settings.trust_remote_code, "config.json"),
    }
    if device.kind != "cpu" or device.quantization != "none":
        options["device_map"] = {"": device.torch_name}  # straight to where it belongs, without a copy in main memory
    if device.attention != "auto":
        options["attn_implementation"] = device.attention
    try:
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            found.path, output_loading_info=True, **options
        )
    except StudioError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise StudioError(
            f"There is not enough memory for the weights of {found.name} on {device.name}.",
            "Set model.quantization=nf4, or choose a smaller model.",
        ) from error
    except Exception as error:
        raise StudioError(f"{found.name} cannot be loaded: {_first_line(error)}", _advice(error)) from error
    _check_complete(found, report)
    return model  # type: ignore[no-any-return]


def _check_complete(found: FoundModel, report: Any) -> None:
    """Weights that are missing would be random: transformers only warns."""
    missing = sorted(report.get("missing_keys", ()))
    wrong = [str(entry[0]) for entry in report.get("mismatched_keys", ())]
    if missing or wrong:
        names = ", ".join((missing + wrong)[:3])
        raise StudioError(
            f"The weights of {found.name} do not fit its config.json: {len(missing)} tensors are missing and "
            f"{len(wrong)} have another shape ({names}).",
            "The folder mixes two models, or is not a causal language model; fetch it again.",
        )


def _trusted(found: FoundModel, trust: str, file: str) -> bool:
    """Whether the repository's own code may run. StudioError where the model cannot be loaded without it."""
    from pathlib import Path

    if trust and trust != found.name:
        raise StudioError(
            f"model.trust_remote_code names {trust}, and the model is {found.name}.",
            "Spell out the model's own name to let its code run, or leave it empty.",
        )
    path = Path(found.path) / file
    needs_code = path.is_file() and "auto_map" in read_json(path)
    if needs_code and not trust and not _known(path):
        raise StudioError(
            f"{found.name} is built by Python code from its own repository, which would run with your rights.",
            f"Read the .py files in {found.path}; if you trust them, set model.trust_remote_code={found.name}.",
        )
    return bool(trust)


def _known(path: Path) -> bool:
    """Whether transformers has a class of its own for what `path` (a config) describes."""
    if path.name != "config.json":
        return True
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return read_json(path).get("model_type") in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES


def _choose_pad(tokenizer: Any) -> str | None:
    """Give the tokenizer a pad token out of those it has; a sentence where it had none. Adds no token to the model."""
    if tokenizer.pad_token_id is not None:
        return None
    known = tokenizer.get_vocab()
    ends = {tokenizer.eos_token, tokenizer.bos_token}
    for token in (*(pad for pad in _PADS if pad not in ends), tokenizer.unk_token, tokenizer.eos_token):
        if token is not None and token in known:
            tokenizer.pad_token = token
            return f"The tokenizer names no pad token; {token} is used, and is never trained as padding."
    raise StudioError(
        "The tokenizer has no pad token, and neither an end token nor an unknown one to pad with.",
        "Set pad_token in the model's tokenizer_config.json.",
    )


def _with_unsloth(found: FoundModel, settings: ModelSettings, device: Device) -> PreTrainedModel:
    """Unsloth's loader: CUDA only. Untested with this studio."""
    import torch

    model, _ = import_module("unsloth").FastLanguageModel.from_pretrained(
        model_name=found.path,
        dtype=getattr(torch, device.dtype),
        load_in_4bit=device.quantization in ("nf4", "fp4"),
        load_in_8bit=device.quantization == "int8",
        trust_remote_code=bool(settings.trust_remote_code),
    )
    return model  # type: ignore[no-any-return]


def _add_liger(model: PreTrainedModel) -> None:
    """Liger's kernels in place of the model's own: CUDA only. Untested with this studio."""
    import_module("liger_kernel.transformers")._apply_liger_kernel_to_instance(model=model)


def _advice(error: Exception) -> str:
    text = str(error)
    if "scaled_dot_product_attention" in text or "attn_implementation" in text:
        return "Set model.attention=auto."
    if isinstance(error, KeyError) or "does not recognize this architecture" in text or "Unrecognized" in text:
        return "This version of transformers does not know the architecture; a newer one may."
    return "Check that the folder holds a causal language model."


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:300].rstrip(".") + "."
