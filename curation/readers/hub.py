"""Hugging Face datasets: by name, or from a folder that `save_to_disk` wrote.

The `datasets` library is imported only here and only when such a source is read. It honours HF_HUB_OFFLINE.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import InputError, nearest

_NAME = re.compile(r"(?P<path>[^@#]+?)(?:@(?P<revision>[^#:]+))?(?:#(?P<config>[^:]+))?(?::(?P<split>[^:/]+))?")
PREFIX = "hf:"


@dataclass(frozen=True)
class HubName:
    """What `hf:PATH[@REVISION][#CONFIG][:SPLIT]` asks for. PATH is a dataset's name or a folder.

    Without a split: the only one, else `train`. The split `all` is every one, in their order.
    """

    path: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None

    def __str__(self) -> str:
        parts = (("@", self.revision), ("#", self.config), (":", self.split))
        return self.path + "".join(mark + part for mark, part in parts if part)


def parse_hub_name(text: str) -> HubName:
    """Take `hf:…` apart. A folder that exists under the whole name is meant, whatever marks are in it."""
    name = text.removeprefix(PREFIX)
    if name and Path(name).is_dir():
        return HubName(name)
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"'{text}' names no dataset", "Write hf:NAME, hf:NAME:SPLIT or hf:NAME@REVISION#CONFIG:SPLIT.")
    return HubName(match["path"], match["revision"], match["config"], match["split"])


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote this folder. (A `dataset_info.json` alone is also how others index plain files.)"""
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return True
    return (folder / "dataset_info.json").is_file() and any(folder.glob("*.arrow"))


def splits_left_out(name: HubName) -> list[str]:
    """The splits that reading `name` passes over. Raises InputError if there is no such dataset, config or split."""
    splits = _splits(name)
    chosen = _chosen(splits, name)
    return [split for split in splits if split not in chosen]


def load_tables(name: HubName) -> Iterator[Any]:
    """The Arrow tables of the dataset, images and sounds left encoded. Raises InputError as `splits_left_out` does."""
    loaded = _load(name)
    splits = dict(loaded) if isinstance(loaded, dict) else {"": loaded}
    for split in _chosen(list(splits), name):
        yield from splits[split].with_format("arrow").iter(batch_size=1000)


def _chosen(splits: list[str], name: HubName) -> list[str]:
    if name.split in splits:
        return [name.split]
    if splits == [""]:  # a single dataset without splits
        if name.split in (None, "all"):
            return splits
        raise InputError(f"{name.path} has no splits", f"Leave ':{name.split}' away.")
    if name.split == "all" or (name.split is None and len(splits) == 1):
        return splits
    if name.split is None:
        if "train" in splits:
            return ["train"]
        raise InputError(
            f"{name.path} has several splits: {', '.join(splits)}",
            f"Name one, as in hf:{name.path}:{splits[0]}, or all of them with hf:{name.path}:all.",
        )
    raise InputError(f"{name.path} has no split '{name.split}'", nearest(name.split, [*splits, "all"]))


def _splits(name: HubName) -> list[str]:
    folder = Path(name.path)
    if folder.is_dir() and is_saved(folder):
        listing = folder / "dataset_dict.json"
        if not listing.is_file():
            return [""]
        try:
            return list(json.loads(listing.read_text("utf-8"))["splits"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(name, error) from error
    ask = _library().get_dataset_split_names
    return list(_asking(name, lambda: ask(name.path, name.config, revision=name.revision)))


def _load(name: HubName) -> Any:
    datasets = _library()
    folder = Path(name.path)
    if folder.is_dir() and is_saved(folder):
        try:
            return datasets.load_from_disk(name.path)
        except Exception as error:  # whatever a damaged folder makes of the library: OSError, KeyError, ArrowInvalid …
            raise _damaged(name, error) from error
    return _asking(name, lambda: datasets.load_dataset(name.path, name.config, revision=name.revision))


def _library() -> Any:
    """The `datasets` library, by its name as a string: a folder called datasets in the working directory would be taken
    for it by type checkers (not by Python, for which an installed package goes before a bare folder).
    """
    return importlib.import_module("datasets")


def _asking(name: HubName, ask: Any) -> Any:
    """Run `ask`; whatever the library raises (a dozen kinds, some of the network) becomes one InputError."""
    try:
        return ask()
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise InputError(
            f"the dataset '{name}' cannot be loaded: {reason[0] if reason else type(error).__name__}",
            "Check the spelling and the network; with HF_HUB_OFFLINE=1 only what is already in the cache can be read.",
        ) from error


def _damaged(name: HubName, error: Exception) -> InputError:
    return InputError(
        f"the saved dataset {name.path} cannot be read: {error}", "Save it again with datasets' save_to_disk."
    )
