"""The `export` kind of run: making one, and from run.json to the export's entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.events import Listener, RunStarted
from studio.runs.folder import RunFolder, create
from studio.runs.lock import RunLock
from studio.runs.spec import RunSpec

if TYPE_CHECKING:
    from training.export.settings import ExportSettings


def source_named(name: str, runs_dir: Path) -> Path:
    """The folder that `name` means: itself, or that of a run. `last` is the last training. Raises InputError."""
    from studio.runs.folder import every, find

    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    trained = [run for run in every(runs_dir) if "-train-" in run.name]
    if name == "last" and trained:
        return trained[-1].path
    return find(runs_dir, name).path


def make_export(
    settings: ExportSettings, runs_dir: Path, *, argv: Sequence[str] = ("studio",)
) -> tuple[RunFolder, RunLock]:
    """A folder for a new export, with what was asked for in it, and its lock, held. Nothing is started.

    What can be known to be impossible leaves no folder behind: a missing tool, an adapter that cannot be merged.
    """
    from studio.runs.spec import new_spec

    _check(settings)
    folder = create(runs_dir, "export")
    lock = RunLock.acquire(folder)
    try:
        new_spec("export", [settings.source], [], _entry_of(settings), settings.model_dump(mode="json"), 0, argv).write(
            folder
        )
    except BaseException:
        lock.close()
        raise
    return folder, lock


def begin_export(settings: ExportSettings, runs_dir: Path) -> RunFolder:
    """Start a new export in the background. Raises the errors of `curation.errors`."""
    from studio.runs.launch import launch

    folder, lock = make_export(settings, runs_dir)
    launch(folder, lock)
    return folder


def run_export(spec: RunSpec, folder: RunFolder, listener: Listener, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Export what the spec says; returns the summary. torch is imported in here, and only in here."""
    from studio.runs.train import log_libraries
    from training.export.run import RESULT, export
    from training.export.settings import settings_from

    resumed = any((folder.path / name).exists() for name in (RESULT, "reference.json", "work"))
    listener(RunStarted(folder.name, spec.kind, spec.recipe["name"], spec.recipe["stages"], 1, resumed))
    log_libraries(folder)
    return export(settings_from(spec.options), folder.path, listener=listener, should_stop=should_stop)


def _check(settings: ExportSettings) -> None:
    from training.export.run import check_possible
    from training.export.source import find_source, is_curation

    settings.check()
    path = Path(settings.source)
    if not is_curation(path):
        check_possible(find_source(path, settings.base), settings)


def _entry_of(settings: ExportSettings) -> dict[str, Any]:
    """The `recipe` part of run.json: an export's settings are its recipe."""
    return {
        "name": "export",
        "digest": settings.digest(),
        "yaml": "",
        "resolved": settings.model_dump(mode="json"),
        "stages": list(settings.targets),
        "seed": 0,
    }
