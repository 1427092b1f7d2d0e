"""An export from its source to the last check, from top to bottom."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation.errors import InputError, Refused
from curation.events import Listener, Progress
from curation.writers.atomic import write_atomic
from training.export import hub
from training.export.card import model_card
from training.export.events import Exported
from training.export.files import export_gguf, export_lmstudio, export_ollama
from training.export.merge import export_device
from training.export.place import check_free, made_whole, put
from training.export.settings import ExportSettings
from training.export.source import Source, find_source, is_curation
from training.export.tools import check_quantizer, find_converter
from training.export.weights import export_adapter, export_merged
from training.export.work import Work
from training.manifest import files_in

RESULT = "export.json"


def export(
    settings: ExportSettings, folder: Path, *, listener: Listener, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Make what the settings ask for, load it back and check it; returns the summary, which is also in export.json.

    folder: of the run. What an earlier leg left whole is not made again. Raises Refused where a check fails: the files
    are there then, but nothing was pushed. Raises StudioError for everything else a user can act on.
    """
    began = time.monotonic()
    settings.check()
    path = Path(settings.source)
    if is_curation(path):
        return _export_dataset(path, settings, folder, listener, should_stop)
    source = find_source(path, settings.base)
    check_possible(source, settings)
    work = _begin(settings, source, folder, listener, should_stop)
    adapter = None
    if settings.needs("adapter") or _content(source, settings) == "adapter":
        adapter = export_adapter(work, asked=settings.needs("adapter"))
    whole = (
        export_merged(work, asked=settings.needs("merged")) if settings.needs_merged or _pushes_model(work) else None
    )
    ggufs = export_gguf(work, whole, asked=settings.needs("gguf")) if whole and settings.needs_gguf else None
    if ggufs and settings.needs("ollama"):
        export_ollama(work, ggufs)
    if ggufs and settings.needs("lmstudio"):
        export_lmstudio(work, ggufs)
    work.model = None
    failed = [check for check in work.checks if check.passed is False]
    if settings.needs("hub") and not failed:
        _push(work, {"adapter": adapter, "merged": whole, "gguf": ggufs}[_content(source, settings)])
    summary = _write(work, round(time.monotonic() - began, 1))
    if failed:
        raise Refused(
            f"What was exported is not what was trained: {failed[0].check}: {failed[0].said}.",
            f"The files are in {work.out}, and nothing was pushed; all figures are in {folder / RESULT}.",
        )
    shutil.rmtree(folder / "work", ignore_errors=True)
    return summary


def check_possible(source: Source, settings: ExportSettings) -> None:
    """Everything that can be known before hours are spent. Raises InputError."""
    if source.kind == "model" and (settings.needs("adapter") or settings.hub_content == "adapter"):
        raise InputError("There is no adapter: the whole model was trained.", "Export it with --to merged.")
    if settings.needs_merged:
        source.check_mergeable()
    if settings.needs_gguf:
        find_converter(settings.llama_cpp)
        if any(quant != "f16" for quant in settings.quants):
            check_quantizer(settings.llama_cpp)
    if settings.needs("hub"):
        hub.check_ready()
    if settings.out:
        for target in settings.targets:
            if target != "hub":
                check_free(Path(settings.out).expanduser() / target)


def _begin(
    settings: ExportSettings, source: Source, folder: Path, say: Listener, should_stop: Callable[[], bool]
) -> Work:
    say(Progress("preparing", 0, None, "files", 0.0, None))
    tokenizer = source.load_tokenizer()
    return Work(
        settings=settings,
        source=source,
        folder=folder,
        out=Path(settings.out).expanduser().absolute() if settings.out else folder,
        say=say,
        should_stop=should_stop,
        tokenizer=tokenizer,
        template=source.template_of(tokenizer),
        device=export_device(source, settings),
        name=settings.name or source.default_name,
    )


def _content(source: Source, settings: ExportSettings) -> str:
    """What goes to the Hub: adapter, merged or gguf; "" for nothing."""
    if not settings.needs("hub"):
        return ""
    if settings.hub_content != "auto":
        return settings.hub_content
    return "adapter" if source.kind == "adapter" else "merged"


def _pushes_model(work: Work) -> bool:
    return _content(work.source, work.settings) == "merged"


def _push(work: Work, content: Path | None) -> None:
    """One folder to the Hub, with a card that has the figures of this export in it."""
    what, settings = _content(work.source, work.settings), work.settings
    if content is None:
        raise InputError(f"There is no {what} to push.", "Name it with --to as well.")
    staged = work.folder / "work" / "hub"
    shutil.rmtree(staged, ignore_errors=True)
    with made_whole(staged, {"target": "hub"}) as beside:
        for name in files_in(content):
            if name != "README.md":
                put(content / name, beside / name)
        card = model_card(work.source, what, work.template, [check.as_json() for check in work.checks])
        (beside / "README.md").write_text(card, encoding="utf-8")
    _pushed(work.say, work.results, staged, settings, "model", work.should_stop)


def _pushed(
    say: Listener,
    results: dict[str, dict[str, Any]],
    staged: Path,
    settings: ExportSettings,
    kind: hub.Kind,
    should_stop: Callable[[], bool],
) -> None:
    def on_file(done: int, total: int) -> None:
        say(Progress("sending to the Hub", done, total, "files", 0.0, None))

    done = hub.push(
        staged,
        settings.hub,
        kind,
        public=settings.public,
        message="Exported by curation-studio",
        on_file=on_file,
        should_stop=should_stop,
    )
    size = sum((staged / name).stat().st_size for name in files_in(staged))
    results["hub"] = {
        "path": done.url,
        "bytes": size,
        "commit": done.commit,
        "changed": done.changed,
        "kind": kind,
    }
    say(Exported("hub", done.url, size, not done.changed))


def _export_dataset(
    path: Path, settings: ExportSettings, folder: Path, say: Listener, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """The dataset of a curation, with its card, to the Hub."""
    from curation.datasets import datasets_of

    if settings.targets != ("hub",):
        raise InputError("A curation has a dataset, and no model.", "It can be exported with --to hub alone.")
    hub.check_ready()
    began = time.monotonic()
    staged = folder / "work" / "hub"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for name in datasets_of(str(path)):
        put(Path(name), staged / Path(name).name)
    card = path / "dataset" / "README.md"
    if card.is_file():
        put(card, staged / "README.md")
    results: dict[str, dict[str, Any]] = {}
    _pushed(say, results, staged, settings, "dataset", should_stop)
    shutil.rmtree(folder / "work", ignore_errors=True)
    summary = {
        "kind": "export",
        "name": path.name,
        "source": str(path),
        "results": results,
        "checks": [],
        "passed": True,
        "seconds": round(time.monotonic() - began, 1),
    }
    write_atomic(folder / RESULT, json.dumps(summary, indent=1).encode(), mode=0o600)
    return summary


def _write(work: Work, seconds: float) -> dict[str, Any]:
    summary = {
        "kind": "export",
        "name": work.name,
        "source": str(work.source.path),
        "weights_sha256": work.source.digest,
        "template": work.template.name,
        "results": work.results,
        "checks": [check.as_json() for check in work.checks],
        "passed": all(check.passed is not False for check in work.checks),
        "seconds": seconds,
    }
    data = json.dumps(summary, indent=1, allow_nan=False).encode("ascii")
    write_atomic(work.folder / RESULT, data, mode=0o600)
    if work.out != work.folder:
        write_atomic(work.out / RESULT, data)
    return summary
