"""A GGUF file becomes a folder of safetensors, once: transformers can read GGUF, but neither train nor save it."""

from __future__ import annotations

import json
import shutil
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from curation.errors import InputError, StudioError
from curation.weights.cache import cache_folder, file_digest, held
from curation.weights.folder import read_json, weight_files
from curation.writers.atomic import fsync_dir, fsync_file, output_error, write_atomic

FORM = 1  # raised when the folders made here change; older ones are then made again
FACTS = "studio.json"


def converted(path: Path) -> tuple[Path, str]:
    """The safetensors folder of a GGUF file, and the file's SHA-256; made in the cache where it is not there yet.

    The folder is named by the digest, written beside and renamed: it is whole or not there. Processes that want the
    same one wait for the first. Takes about as long as reading the file, and three times its size in memory.
    """
    digest = file_digest(path)
    folder = cache_folder() / "models" / f"{digest[:32]}-{FORM}"
    if not _whole(folder):
        with held(folder.with_name(f".{folder.name}.lock")):
            if not _whole(folder):
                _convert(path, folder, digest)
    return folder, digest


def _whole(folder: Path) -> bool:
    try:
        return (folder / FACTS).is_file() and bool(weight_files(folder))
    except InputError:
        return False


def _convert(path: Path, folder: Path, digest: str) -> None:
    beside = folder.with_name(f".{folder.name}.making")
    try:
        shutil.rmtree(beside, ignore_errors=True)  # of a process that was killed: the lock says nobody works there
        shutil.rmtree(folder, ignore_errors=True)  # damaged, or it would have been taken
        beside.mkdir(parents=True)
        dtype = _write(path, beside)
        facts = {"source": path.name, "sha256": digest, "form": FORM, "dtype": dtype}
        write_atomic(beside / FACTS, json.dumps(facts, indent=1).encode())
        for file in beside.iterdir():
            fsync_file(file)
        fsync_dir(beside)
        beside.rename(folder)
        fsync_dir(folder.parent)
    except OSError as error:
        raise output_error(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write(path: Path, folder: Path) -> str:
    """Read the GGUF with transformers, write model and tokenizer to `folder`. Returns the dtype of the weights."""
    from curation.weights.hush import hush_libraries

    hush_libraries()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    dtype = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[stored_dtype(path)]
    where: dict[str, Any] = {"pretrained_model_name_or_path": str(path.parent.resolve()), "gguf_file": path.name}
    reader: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    bar = reader.tqdm
    reader.tqdm = partial(bar, disable=True)  # it draws a bar whatever transformers' own switch says
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            **where, dtype=dtype, quantization_config=GgufConfig(dequantize=True), local_files_only=True
        )
    except Exception as error:  # transformers raises whatever its reader stumbles over
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise StudioError(
            f"{path} cannot be converted: {said[0].rstrip('.')}.",
            "transformers reads llama, mistral, qwen, gemma, phi3 and some other architectures from GGUF; "
            "for others use the model's safetensors.",
        ) from error
    finally:
        reader.tqdm = bar
    model.save_pretrained(folder, max_shard_size="4GB")
    tokenizer.save_pretrained(folder)
    return str(dtype).removeprefix("torch.")


def stored_dtype(path: Path) -> str:
    """The dtype that keeps a GGUF's weights: its own if it is not quantised, else bfloat16.

    bfloat16 rounds by 0.4 % at most, less than any of the quantisations did before.
    """
    from transformers.integrations.gguf.reader import GgufHeader

    try:
        found = GgufHeader.from_file(str(path))
    except Exception as error:  # the reader trusts its bytes
        raise InputError(f"{path} is no GGUF file that can be read.", "It may be cut off; fetch it again.") from error
    biggest = max(found.tensors, key=lambda tensor: tensor.nbytes, default=None)
    kinds = {0: "float32", 1: "float16", 30: "bfloat16"}  # ggml's type ids
    return kinds.get(biggest.ggml_type, "bfloat16") if biggest else "bfloat16"


def facts_of(folder: Path) -> dict[str, Any] | None:
    """What a converted folder says of its origin, or None where it is no such folder."""
    return read_json(folder / FACTS) if (folder / FACTS).is_file() else None
