"""Which models are on this disk: in packages, in the Hub's cache, in the studio's own, and in folders that are named."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from curation.errors import InputError
from curation.weights.cache import cache_folder
from curation.weights.find import PACKAGED, packaged_file
from curation.weights.folder import weight_files
from curation.weights.gguf import facts_of
from curation.weights.hub import hub_cache

_MOST_FOLDERS = 20_000  # looked at below a folder that was named


@dataclass(frozen=True)
class ListedModel:
    """A model, or what is left of one.

    name: what --model takes. where: package, hub, converted, folder or gguf. bytes: of its weights. kind: the
    architecture (`model_type`), if known. template: whether it has a chat template. problem: why it cannot be used.
    """

    name: str
    where: str
    path: str
    bytes: int
    kind: str
    template: bool
    licence: str
    revision: str | None
    problem: str


def list_models(folders: Sequence[Path] = ()) -> list[ListedModel]:
    """All of them, in the order in which `where` is explained above. Reads configurations, never weights."""
    found = [*_packaged(), *_in_hub_cache(), *_converted()]
    for folder in folders:
        found += _below(folder)
    return found


def _packaged() -> Iterator[ListedModel]:
    for name, (module, _, _) in PACKAGED.items():
        path = packaged_file(name)
        if path is None:
            continue
        licence = ""
        with suppress(metadata.PackageNotFoundError):
            facts = metadata.metadata(module)
            told = [*(facts.get_all("License-Expression") or ()), *(facts.get_all("License") or ())]
            licence = told[0] if told else ""
        yield _gguf(path, name, "package", licence)


def _in_hub_cache() -> Iterator[ListedModel]:
    for place in sorted(hub_cache().glob("models--*")):
        name = place.name.removeprefix("models--").replace("--", "/")
        for snapshot in sorted((place / "snapshots").glob("*")):
            yield _described(snapshot, name, "hub", revision=snapshot.name)


def _converted() -> Iterator[ListedModel]:
    for folder in sorted((cache_folder() / "models").glob("[!.]*")):
        facts: dict[str, Any] | None = None
        with suppress(InputError):
            facts = facts_of(folder)
        if facts is not None:
            yield _described(folder, str(folder), "converted", origin=str(facts.get("source", "")))


def _below(folder: Path) -> Iterator[ListedModel]:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Name a folder that holds models.")
    for place, below, files in islice(os.walk(folder), _MOST_FOLDERS):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if "config.json" in files and any(name.endswith((".safetensors", ".bin")) for name in files):
            yield _described(Path(place), place, "folder")
        for name in sorted(files):
            if name.lower().endswith(".gguf"):
                yield _gguf(Path(place) / name, str(Path(place) / name), "gguf")


def _described(folder: Path, name: str, where: str, revision: str | None = None, origin: str = "") -> ListedModel:
    problem, size = "", 0
    try:
        size = sum(path.stat().st_size for path in weight_files(folder))
    except InputError as error:
        problem = error.message
    config = _read(folder / "config.json")
    if config.get("auto_map") and not problem:
        problem = "" if config.get("model_type") in _known_types() else "needs trust_remote_code"
    return ListedModel(
        name=name,
        where=f"{where} ({origin})" if origin else where,
        path=str(folder),
        bytes=size,
        kind=str(config.get("model_type", "")),
        template=(folder / "chat_template.jinja").is_file()
        or "chat_template" in _read(folder / "tokenizer_config.json"),
        licence=_licence(folder),
        revision=revision,
        problem=problem,
    )


def _gguf(path: Path, name: str, where: str, licence: str = "") -> ListedModel:
    kind, template, problem = "", False, ""
    try:
        facts = gguf_facts(path)
        kind = str(facts.get("general.architecture", ""))
        template = "tokenizer.chat_template" in facts
        licence = licence or str(facts.get("general.license", ""))
    except (OSError, ValueError):
        problem = "no GGUF file that can be read"
    size = path.stat().st_size if path.exists() else 0
    return ListedModel(name, where, str(path), size, kind, template, licence, None, problem)


def gguf_facts(path: Path) -> dict[str, Any]:
    """The single values among a GGUF file's metadata, without torch or the tensors. Raises OSError and ValueError."""
    import gguf

    try:
        fields = gguf.GGUFReader(str(path)).fields
        return {name: field.contents() for name, field in fields.items() if len(field.data) == 1}
    except OSError:
        raise
    except Exception as error:  # the reader trusts its bytes
        raise ValueError(str(error)) from error


def _licence(folder: Path) -> str:
    """From the front matter of the model card, else the first line of a licence file."""
    with suppress(OSError, UnicodeDecodeError):
        text = (folder / "README.md").read_text("utf-8")[:20_000]
        found = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
        line = re.search(r"^license:\s*[\"']?([\w.+-]+)", found[1], re.MULTILINE) if found else None
        if line:
            return line[1]
    for path in sorted(folder.glob("LICENSE*")):
        with suppress(OSError, UnicodeDecodeError):
            return next(iter(path.read_text("utf-8").strip().splitlines()), "").strip()[:60]
    return ""


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _known_types() -> set[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
