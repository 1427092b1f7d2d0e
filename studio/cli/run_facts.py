"""What there is to say about a run that may be going on, finished or broken; for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from curation.errors import StudioError
from studio.cli.output import table
from studio.cli.progress import duration, progress_line
from studio.cli.summary import shorter, tell
from studio.cli.training_words import training_progress
from studio.runs.events import EventReader
from studio.runs.folder import RunFolder, reference
from studio.runs.lock import holder
from studio.runs.snapshot import RunSnapshot, fold
from studio.runs.spec import RunSpec, read_spec
from studio.runs.status import Status, read_result, status_of

_UNTOLD = ("secret",)  # of a generation: whoever knows it can forge the marks around documents in prompts


def run_facts(folder: RunFolder, *, whole: bool = False) -> dict[str, Any]:
    """The run as one JSON object; `whole` adds the spec, the summary and, while it runs, how far it is."""
    status = status_of(folder)
    result = read_result(folder)
    facts: dict[str, Any] = {"run": folder.name, "folder": str(folder.path), "status": status.value}
    try:
        spec = read_spec(folder)
    except StudioError as error:
        return facts | {"problem": error.message}
    facts |= {
        "kind": spec.kind,
        "recipe": spec.recipe["name"],
        "created": spec.created,
        "ended": result.ended if result else None,
        "seconds": result.seconds if result else None,
        "exit_code": result.exit_code if result else None,
        "counts": result.summary.get("counts") if result else None,
    }
    if result and result.message:
        facts |= {"error": result.error, "message": result.message, "hint": result.hint}
    if status is Status.RUNNING:
        by = holder(folder)
        facts["pid"] = by.pid if by else None
    if whole:
        facts |= {
            "inputs": spec.inputs,
            "sources": spec.sources,
            "options": {name: value for name, value in spec.options.items() if name not in _UNTOLD},
            "seed": spec.seed,
            "recipe_digest": spec.recipe["digest"],
            "recipe_resolved": spec.recipe["resolved"],
            "versions": spec.versions,
            "argv": spec.argv,
            "cwd": spec.cwd,
            "progress": _how_far(folder, spec),
            "summary": result.summary if result else {},
        }
    return facts


def snapshot_of(folder: RunFolder) -> RunSnapshot:
    """The run as its events tell it."""
    return fold(RunSnapshot(), EventReader(folder.events).read())


def list_table(facts: Sequence[Mapping[str, Any]]) -> str:
    """A line a run."""
    rows = []
    for one in facts:
        counts = one.get("counts") or {}
        numbers = [f"{counts[name]:,}" if name in counts else "" for name in ("read", "kept", "dropped")]
        rows.append([one["run"], one["status"], one.get("recipe", ""), ago(one.get("created")), *numbers])
    return table(rows, ("run", "status", "recipe", "started", "read", "kept", "dropped"), right=(4, 5, 6))


def describe(folder: RunFolder) -> str:
    """One run in full, for a person."""
    status = status_of(folder)
    result = read_result(folder)
    spec = read_spec(folder)
    blocks = [table(_head(folder, spec, status))]
    snapshot, progress = snapshot_of(folder), _how_far(folder, spec)
    run = reference(folder)
    if status is Status.FINISHED and result:
        blocks.append(tell(folder, result.summary))
    elif status is Status.RUNNING:
        if progress["phase"]:
            blocks.append(progress_line(progress))
        blocks.append(f"Next:\n  studio runs attach {run}\n  studio runs stop {run}")
    else:
        if result and result.message and status is Status.FAILED:
            blocks.append(f"{result.error}: {result.message}\n{result.hint}".rstrip())
        elif progress["phase"]:
            blocks.append(f"It got as far as: {progress_line(progress)}")
        blocks.append(f"Next:\n  studio runs resume {run}")
    if status is not Status.FINISHED:
        blocks += [f"Warning: {text}" for text in snapshot.warnings]
    return "\n\n".join(blocks)


def _head(folder: RunFolder, spec: RunSpec, status: Status) -> list[list[object]]:
    by = holder(folder) if status is Status.RUNNING else None
    rows: list[list[object]] = [
        ["run", folder.name],
        ["status", f"{status.value} (process {by.pid})" if by else status.value],
        ["recipe", f"{spec.recipe['name']}, seed {spec.seed}"],
        ["stages", ", ".join(spec.recipe["stages"])],
        ["inputs", ", ".join(spec.inputs)],
        ["started", f"{spec.created} ({ago(spec.created)})"],
        ["folder", shorter(folder.path)],
    ]
    for name, value in spec.options.items():
        if value is not None and value not in ([], "") and name not in _UNTOLD:
            rows.append([name, value])
    if spec.earlier:
        rows.append(["changed", f"{len(spec.earlier)} times since it was first run"])
    return rows


def _how_far(folder: RunFolder, spec: RunSpec) -> dict[str, Any]:
    if spec.kind == "train" and (step := training_progress(folder)):
        return step
    return _progress(snapshot_of(folder))


def _progress(snapshot: RunSnapshot) -> dict[str, Any]:
    names = ("phase", "done", "total", "unit", "rate", "eta")
    return {name: getattr(snapshot, name) for name in names}


def folder_bytes(folder: RunFolder) -> int:
    """The size of all files in the run's folder; links are not followed."""
    return sum(p.lstat().st_size for p in folder.path.rglob("*") if not p.is_dir())


def ago(moment: str | None) -> str:
    """`3 min 20 s ago` for an ISO time; "" for none."""
    if not moment:
        return ""
    seconds = max(0.0, (datetime.now().astimezone() - datetime.fromisoformat(moment)).total_seconds())
    return f"{duration(seconds)} ago" if seconds < 48 * 3600 else f"{int(seconds // 86400)} days ago"
