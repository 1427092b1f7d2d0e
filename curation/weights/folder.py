"""Is a folder a whole model? Which files are its weights, and what do they hold?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from curation.errors import InputError
from curation.weights.cache import file_digest

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file; InputError where it is none."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the folder's permissions.") from error
    except ValueError:
        raise InputError(f"{path} is no JSON.", "The file is damaged; fetch the model again.") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no JSON object.", "The file is damaged; fetch the model again.")
    return found


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model's folder, all there and of the length their headers say.

    Raises InputError that names what is missing: the folder, config.json, the weights, single shards.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Check the path.")
    if not (folder / "config.json").is_file():
        raise _no_config(folder)
    files = _listed(folder)
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of the {len(files)} files of weights in {folder} are missing: {_few(missing)}.",
            "Copy or download them again; a model with a part of its weights is no model.",
        )
    for path in files:
        _check_length(path)
    return files


def weights_digest(files: list[Path]) -> str:
    """SHA-256 (hex) of the weights: of the file, or where there are several of the lines `sha256sum` prints for them.

    A single file's digest is the one the Hub shows for it.
    """
    digests = [(path.name, file_digest(path)) for path in sorted(files)]
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in digests).encode()).hexdigest()


def _listed(folder: Path) -> list[Path]:
    if (folder / INDEX).is_file():
        mapped = read_json(folder / INDEX).get("weight_map")
        if not isinstance(mapped, dict) or not mapped:
            raise InputError(f"{folder / INDEX} lists no files of weights.", "Fetch the model again.")
        names = sorted({str(name) for name in mapped.values()})
        strange = [name for name in names if Path(name).name != name]
        if strange:
            raise InputError(
                f"{folder / INDEX} names files outside its folder: {_few(strange)}.",
                "Do not use a model that does this.",
            )
        return [folder / name for name in names]
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    parts = sorted(folder.glob("model-*-of-*.safetensors"))
    if parts:
        raise InputError(f"{folder} has parts of weights, but not {INDEX}, which lists them.", "Copy that file too.")
    if any((folder / name).is_file() for name in PICKLES):
        raise InputError(
            f"{folder} has its weights as a pickle only, which can run code when it is opened.",
            "Use a version of the model with safetensors, or convert it once with transformers' save_pretrained.",
        )
    raise InputError(f"There are no weights in {folder}.", f"A model's folder holds {SINGLE} or {INDEX} and its parts.")


def header(path: Path) -> dict[str, Any]:
    """A safetensors file's header: tensor name -> dtype, shape, data_offsets. Reads no weights.

    Format: https://huggingface.co/docs/safetensors (8 bytes of length, then JSON).
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= 100_000_000:  # the limit of the format
                raise ValueError
            found = json.loads(stream.read(length))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    except ValueError:
        raise InputError(f"{path} is no safetensors file.", "It is damaged; fetch it again.") from None
    found.pop("__metadata__", None)
    found["\0data_start"] = 8 + length
    return dict(found)


def _check_length(path: Path) -> None:
    found = header(path)
    start = found.pop("\0data_start")
    wanted = start + max((int(entry["data_offsets"][1]) for entry in found.values()), default=0)
    size = path.stat().st_size
    if size != wanted:
        raise InputError(
            f"{path} has {size:,} bytes and should have {wanted:,}.", "It was cut off; copy or download it again."
        )


def _no_config(folder: Path) -> InputError:
    if (folder / "adapter_config.json").is_file():
        base = read_json(folder / "adapter_config.json").get("base_model_name_or_path") or "its base model"
        return InputError(
            f"{folder} is an adapter, not a model.", f"Train from {base}, or merge the two first ('studio export')."
        )
    ggufs = sorted(path.name for path in folder.glob("*.gguf"))
    if ggufs:
        return InputError(f"{folder} holds GGUF files: {_few(ggufs)}.", "Name one of the files, not the folder.")
    if (folder / "adapter" / "adapter_config.json").is_file() or (folder / "model" / "config.json").is_file():
        return InputError(f"{folder} is a run's folder, not a model.", "Name the folder model/ or adapter/ inside it.")
    return InputError(
        f"{folder} has no config.json, so it is no model.", "A model's folder has config.json and weights."
    )


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
