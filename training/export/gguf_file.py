"""GGUF by llama.cpp's own tools: converted, quantised, and read again to see what became of each tensor."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.errors import InputError, StudioError
from training.export.llama import python_of, run_tool
from training.export.tools import find_converter, find_quantizer, llama_environment, with_path

_SCRIPT = Path(__file__).with_name("llama_process.py")
# llama.cpp's numbers for the kinds of file (enum llama_ftype), and the types that it gives matrices in them by design.
_FTYPES = {"q8_0": 7, "q5_k_m": 17, "q4_k_m": 15}
_MEANT = {
    "f16": {"F16"},
    "q8_0": {"Q8_0"},
    "q5_k_m": {"Q5_K", "Q6_K"},
    "q4_k_m": {"Q4_K", "Q5_K", "Q6_K"},
}
_BLOCK = {"q8_0": 32, "q5_k_m": 256, "q4_k_m": 256}
# Byte-pair vocabularies whose texts llama.cpp begins with BOS where the file does not say (llama-vocab.cpp).
_BOS_BY_NAME = {
    "llama3",
    "llama-v3",
    "llama-bpe",
    "falcon3",
    "falcon-h1",
    "pixtral",
    "midm-2.0",
    "lfm2",
    "tekken",
    "chameleon",
}


@dataclass(frozen=True)
class Fallback:
    """A matrix that has another type than was asked for, and why."""

    tensor: str
    type: str
    why: str


@dataclass(frozen=True)
class GgufFacts:
    """What a GGUF file holds. types: how many tensors of each; bits: a weight; adds_bos: whether engines begin every
    text with BOS; chat_template: as it stands in the file."""

    bytes: int
    tensors: int
    types: Mapping[str, int]
    bits: float
    fallbacks: tuple[Fallback, ...]
    adds_bos: bool
    bos: str
    chat_template: str

    def as_json(self) -> dict[str, Any]:
        """For export.json; the template is left out."""
        found = asdict(self)
        found.pop("chat_template")
        found["fallbacks"] = list(found["fallbacks"])
        return found


def convert(folder: Path, target: Path, llama_cpp: str, log: Path, should_stop: Callable[[], bool]) -> None:
    """A model folder as GGUF in 16-bit floats. Raises InputError without the converter, StudioError where it fails."""
    converter = find_converter(llama_cpp)
    command = python_of([converter.script, folder, "--outfile", target, "--outtype", "f16"])
    run_tool(command, with_path(converter.folder), log, should_stop, "llama.cpp's converter")
    if not target.is_file():
        raise StudioError("llama.cpp's converter wrote no file.", f"All it said is in {log}.")


def quantize(
    source: Path, target: Path, quant: str, llama_cpp: str, log: Path, should_stop: Callable[[], bool]
) -> None:
    """A 16-bit GGUF in fewer bits. Raises InputError where nothing here can do that."""
    threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
    program, environment = find_quantizer(llama_cpp), llama_environment()
    if program is not None:
        command = [str(program), str(source), str(target), quant.upper(), threads]
        return run_tool(command, os.environ, log, should_stop, "llama-quantize")
    if environment is None:
        raise InputError("Quantising needs llama.cpp, which is not here.", "Fetch it once: studio export --setup")
    words: list[str | Path] = [_SCRIPT, "quantize", source, target, str(_FTYPES[quant]), threads]
    return run_tool(python_of(words), environment, log, should_stop, "llama.cpp's quantiser")


def read_gguf(path: Path, quant: str) -> GgufFacts:
    """What became of every tensor, by the file itself. Raises StudioError for a file that cannot be read."""
    import gguf

    try:
        reader = gguf.GGUFReader(str(path))
    except Exception as error:  # it trusts its bytes
        raise StudioError(f"{path.name} is no GGUF file that can be read.", "Export it again.") from error
    types: Counter[str] = Counter()
    fallbacks: list[Fallback] = []
    for tensor in reader.tensors:
        name, shape = tensor.tensor_type.name, [int(size) for size in tensor.shape]
        types[name] += 1
        matrix = len([size for size in shape if size > 1]) > 1
        if matrix and name not in _MEANT[quant]:
            fallbacks.append(Fallback(tensor.name, name, _why(shape[0], quant)))
    weights = sum(int(tensor.n_elements) for tensor in reader.tensors)
    bits = 8 * sum(int(tensor.n_bytes) for tensor in reader.tensors) / max(weights, 1)
    said = {
        key: _value(reader, f"tokenizer.{key}")
        for key in ("ggml.add_bos_token", "ggml.model", "ggml.pre", "chat_template")
    }
    adds = said["ggml.add_bos_token"]
    if adds is None:
        adds = said["ggml.model"] == "llama" or said["ggml.pre"] in _BOS_BY_NAME
    return GgufFacts(
        path.stat().st_size,
        len(reader.tensors),
        dict(types),
        round(bits, 3),
        tuple(fallbacks),
        bool(adds),
        _bos(reader),
        str(said["chat_template"] or ""),
    )


def _why(columns: int, quant: str) -> str:
    block = _BLOCK.get(quant, 1)
    if columns % block:
        return f"its rows have {columns} numbers, which is no multiple of {block}"
    return "llama.cpp keeps it in this type"


def _bos(reader: Any) -> str:
    number = _value(reader, "tokenizer.ggml.bos_token_id")
    tokens = reader.fields.get("tokenizer.ggml.tokens")
    if number is None or tokens is None or int(number) >= len(tokens.data):
        return ""
    return bytes(tokens.parts[tokens.data[int(number)]]).decode("utf-8", "replace")


def _value(reader: Any, key: str) -> Any:
    field = reader.fields.get(key)
    return None if field is None else field.contents()
