"""What a training process takes before it has a model: interpreter, libraries, tokenizer. Measured, once a version."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from curation.errors import OutputError, StudioError
from curation.weights.cache import cache_folder
from curation.writers.atomic import write_atomic

_LIBRARIES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "polars", "numpy")
_CODE = """
import sys
from training.memory.probe_step import import_all
from training.memory.resident import resident
import_all()
from training.model import load_tokenizer
from curation.weights.find import FoundModel
tokenizer = load_tokenizer(FoundModel("", sys.argv[1], None, "folder", ""))
tokenizer("a")
print(resident())
"""


def baseline(path: str) -> int:
    """Bytes in memory of a process that has imported all that training does and loaded the tokenizer of folder `path`.

    Takes some seconds the first time; then it is remembered for these versions and this tokenizer.
    """
    note = cache_folder() / "baseline" / f"{_key(path)}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(note.read_bytes())["bytes"])
    done = subprocess.run([sys.executable, "-c", _CODE, path], capture_output=True, text=True, check=False)
    lines = done.stdout.split()
    if done.returncode != 0 or not lines:
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise StudioError(f"The libraries of training cannot be loaded: {said[:300]}", "Install studio again.")
    size = int(lines[-1])
    with suppress(OSError, OutputError):
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(note, json.dumps({"bytes": size}).encode())
    return size


def _key(path: str) -> str:
    facts = [sys.version]
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            facts.append(f"{name} {metadata.version(name)}")
    tokenizer = Path(path) / "tokenizer.json"
    facts.append(str(tokenizer.stat().st_size) if tokenizer.is_file() else "none")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
