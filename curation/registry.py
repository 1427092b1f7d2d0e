"""Which class stands behind `use: length`. Listing the names imports no stage; only using one does.

Stages come from two places: the table below, and the entry point group `curation.stages` of installed packages

    [project.entry-points."curation.stages"]
    shout = "my_package.shout:Shout"

A recipe never holds an import path, so reading somebody's recipe runs no code that was not installed on purpose.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from curation.errors import RecipeError, nearest
from curation.stage import CorpusStage, RecordStage, Stage

GROUP = "curation.stages"

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "clean": "curation.stages.clean:Clean",
        "conflicts": "curation.stages.conflicts:Conflicts",
        "decontaminate": "curation.stages.decontaminate:Decontaminate",
        "exact": "curation.stages.exact:Exact",
        "fit": "curation.stages.fit:Fit",
        "ifd": "curation.stages.ifd:Ifd",
        "language": "curation.stages.language:Language",
        "length": "curation.stages.length:Length",
        "machine_text": "curation.stages.machine_text:MachineText",
        "mix": "curation.stages.mix:Mix",
        "near": "curation.stages.near:Near",
        "pii": "curation.stages.pii:Pii",
        "quality": "curation.stages.quality:Quality",
        "rarity": "curation.stages.rarity:Rarity",
        "rate": "curation.stages.rate:Rate",
        "repetition": "curation.stages.repetition:Repetition",
        "sample": "curation.stages.sample:Sample",
        "select": "curation.stages.select:Select",
        "semantic": "curation.stages.semantic:Semantic",
        "signals": "curation.stages.signals:Signals",
        "split": "curation.stages.split:Split",
        "topics": "curation.stages.topics:Topics",
        "values": "curation.stages.values:Values",
        "where": "curation.stages.where:Where",
    }
)

# Keys that stand beside a stage's parameters in a recipe, so that no parameter can have their names.
ENTRY_KEYS = ("use", "name", "enabled")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class StagePluginWarning(UserWarning):
    """A stage of an installed package was left out, and why."""


def stage_names() -> list[str]:
    """Every name that may follow `use:`, sorted. No stage is imported for it."""
    return sorted({*BUILT_IN, *_plugins()})


def stage_origin(name: str) -> str:
    """Where a stage comes from: "built in", or the package and its version."""
    return "built in" if name in BUILT_IN else _package(_plugin(name))


@cache
def stage_class(name: str) -> type[Stage]:
    """The class of a stage, imported now. RecipeError for an unknown name or for a plugin that cannot be used."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        built_in: type[Stage] = getattr(importlib.import_module(module), attribute)
        return built_in
    point = _plugin(name)
    hint = "Update or uninstall that package, or take the stage out of the recipe."
    try:
        loaded = point.load()
        fault = _fault(name, loaded)
    except (Exception, SystemExit) as error:  # whatever other people's modules do when they are imported
        reason = f"{type(error).__name__}: {error}".strip(": ")
        raise RecipeError(f"stage '{name}' of {_package(point)} cannot be loaded: {reason}", hint) from error
    if fault:
        raise RecipeError(f"stage '{name}' of {_package(point)} is no stage: {fault}", hint)
    plugin: type[Stage] = loaded
    return plugin


def loadable_stages() -> dict[str, type[Stage]]:
    """Every stage that can be used, by name; a plugin that cannot is left out with a StagePluginWarning."""
    classes: dict[str, type[Stage]] = {}
    for name in stage_names():
        try:
            classes[name] = stage_class(name)
        except RecipeError as error:
            warnings.warn(error.message, StagePluginWarning, stacklevel=2)
    return classes


def _plugin(name: str) -> EntryPoint:
    points = _plugins().get(name, ())
    if not points:
        raise RecipeError(f"unknown stage '{name}'", nearest(name, stage_names()))
    if len(points) > 1:
        packages = " and ".join(_package(point) for point in points)
        raise RecipeError(f"stage '{name}' is offered by {packages}", "Uninstall all but one of them.")
    return points[0]


@cache
def _plugins() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Entry points by stage name, in a fixed order; the misnamed and those that would shadow a built-in left out."""
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if point.name in BUILT_IN:
            _leave_out(point, "a built-in stage has that name")
        elif not _NAME.fullmatch(point.name):
            _leave_out(point, "a stage's name is made of a-z, 0-9, - and _, and begins with a letter")
        else:  # a package that is on the path twice counts once
            found.setdefault(point.name, {})[(_package(point), point.value)] = point
    return {name: tuple(points[key] for key in sorted(points)) for name, points in sorted(found.items())}


def _leave_out(point: EntryPoint, why: str) -> None:
    message = f"stage {point.name!r} of {_package(point)} is left out: {why}"
    warnings.warn(message, StagePluginWarning, stacklevel=4)


def _package(point: EntryPoint) -> str:
    dist = point.dist
    return f"package {dist.name} {dist.version}" if dist else f"an unnamed package ({point.value})"


def _fault(name: str, loaded: Any) -> str:
    """Why an object cannot serve as the stage `name`, or "" if it can."""
    if not (inspect.isclass(loaded) and issubclass(loaded, (RecordStage, CorpusStage))):
        return "it is no class derived from RecordStage or CorpusStage"
    if inspect.isabstract(loaded):
        return f"it does not define {', '.join(sorted(loaded.__abstractmethods__))}"
    if getattr(loaded, "name", None) != name:
        return f"its class says name = {getattr(loaded, 'name', None)!r}"
    reasons = getattr(loaded, "reasons", None)
    if not (isinstance(reasons, Mapping) and all(isinstance(part, str) for item in reasons.items() for part in item)):
        return "its class has no `reasons`, a mapping of reason to sentence"
    taken = [key for key in ENTRY_KEYS if key in loaded.model_fields]
    return f"a parameter cannot be called '{taken[0]}'" if taken else ""
