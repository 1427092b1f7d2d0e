"""Configurations for `accelerate launch`, one file a way of spreading a run over GPUs or processes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from curation.errors import InputError, nearest

__all__ = ["config_names", "config_path"]


def config_names() -> list[str]:
    """The names of the configurations, sorted."""
    return sorted(item.name.removesuffix(".yaml") for item in files(__name__).iterdir() if item.name.endswith(".yaml"))


def config_path(name: str) -> Path:
    """The file of a configuration, for `accelerate launch --config_file`. Raises InputError for an unknown name."""
    if name not in config_names():
        raise InputError(f"There is no launch configuration named '{name}'.", nearest(name, config_names()))
    return Path(str(files(__name__).joinpath(f"{name}.yaml")))
