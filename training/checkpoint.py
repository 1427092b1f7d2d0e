"""Checkpoints that are whole or not there: staged, flushed, sealed by a manifest, renamed.

    checkpoints/
      checkpoint-00000012/    manifest.json seals it; the name appears in one rename
      .staged-00000013-…/     being written, or left by a writer that was killed
      .replaced-00000012-…/   stood at that name a moment ago
      .dropped-00000010-…/    being deleted

One process writes: the one that holds the run. Anyone may look for the newest valid checkpoint at any time.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import OutputError
from curation.writers.atomic import fsync_dir, fsync_file, output_error
from training.manifest import MANIFEST, Manifest, Problem, files_in, manifest_of, read_manifest, verify_files

__all__ = ["Checkpoint", "Problem", "check_room", "clean_staged", "newest_valid", "rotate", "save_staged", "verify"]

_NAME = re.compile(r"checkpoint-(\d{8,})\Z")
_STAGED, _REPLACED, _DROPPED = ".staged-", ".replaced-", ".dropped-"
_ROOM = 1 << 20  # a disk with less than this free is full, whatever a library says about its failed write

# torch and safetensors report a failed write as exceptions of their own, without an errno.
_FAILED_WRITE = re.compile(
    r"os error (?:27|28|122)\b|no space left|file too large|disk quota|PytorchStreamWriter|inline_container|iostream",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Checkpoint:
    """One whole checkpoint. bytes: of its files; facts: what its writer said (`step`, digests, versions)."""

    path: Path
    step: int
    bytes: int
    facts: Mapping[str, Any]
    seconds: float = 0.0


def save_staged(folder: Path, step: int, write: Callable[[Path], None], facts: Mapping[str, Any]) -> Checkpoint:
    """Save what `write(path)` puts into a new folder as the checkpoint of `step`, or leave everything as it was.

    A kill at any moment leaves the old checkpoints and perhaps this one, never a part of it. One that stands there for
    the same step already is replaced. Raises OutputError when the disk is full or may not be written.
    """
    began = time.monotonic()
    final = folder / f"checkpoint-{step:08d}"
    staged = folder / f"{_STAGED}{step:08d}-{secrets.token_hex(6)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staged.mkdir(mode=0o700)
        write(staged)
        manifest = _seal(staged, {**facts, "step": step})
        _publish(staged, final)
    except BaseException as error:
        shutil.rmtree(staged, ignore_errors=True)
        if isinstance(error, Exception):
            raise _explained(error, final) from error
        raise
    return Checkpoint(final, step, manifest.total, manifest.facts, time.monotonic() - began)


def verify(path: Path) -> Problem | None:
    """The first file of a checkpoint that is wrong, missing or extra; None when every byte is what was saved."""
    manifest = _manifest(path)
    return manifest if isinstance(manifest, Problem) else verify_files(path, manifest)


def newest_valid(folder: Path) -> tuple[Checkpoint | None, list[tuple[Path, str]]]:
    """The checkpoint of the highest step that verifies, and the newer ones that were refused, each with the reason."""
    refused: list[tuple[Path, str]] = []
    for path in reversed(checkpoints(folder)):
        manifest = _manifest(path)
        problem = manifest if isinstance(manifest, Problem) else verify_files(path, manifest)
        if isinstance(manifest, Manifest) and problem is None:
            return Checkpoint(path, _step(path), manifest.total, manifest.facts), refused
        refused.append((path, str(problem)))
    return None, refused


def checkpoints(folder: Path) -> list[Path]:
    """Everything that stands at the name of a checkpoint, by step. Nothing is verified."""
    try:
        return sorted((path for path in folder.iterdir() if _NAME.match(path.name)), key=_step)
    except FileNotFoundError:
        return []


def rotate(folder: Path, keep: int, protect: Iterable[Path] = ()) -> list[Path]:
    """Delete all but the `keep` newest whole checkpoints and those in `protect`; returns what was deleted.

    The newest is read back in full before anything older goes, so the last valid one is never deleted. The others that
    stay are compared by names and sizes only: reading all of them after each save would cost minutes for a full model.
    """
    kept: list[Path] = []
    damaged: list[Path] = []
    protected = {path.resolve() for path in protect}
    found = checkpoints(folder)
    for path in reversed(found):
        if len(kept) >= max(1, keep):
            break
        manifest = _manifest(path)
        wrong = isinstance(manifest, Problem) or verify_files(path, manifest, contents=not kept) is not None
        (damaged if wrong else kept).append(path)
    if not kept:
        return []
    spare = [path for path in found if path not in kept and (path in damaged or path.resolve() not in protected)]
    for path in spare:
        _drop(path)
    return spare


def clean_staged(folder: Path) -> list[Path]:
    """Put right what a killed writer left: remove parts, put back what was about to be replaced. Returns what went.

    Only for the process that holds the run; call it before `newest_valid`. Raises OutputError.
    """
    gone = []
    try:
        for path in sorted(folder.glob(f"{_REPLACED}*")):
            final = folder / f"checkpoint-{path.name.removeprefix(_REPLACED).partition('-')[0]}"
            if not final.exists():
                path.rename(final)
                fsync_dir(folder)
        for prefix in (_REPLACED, _STAGED, _DROPPED):
            for path in sorted(folder.glob(f"{prefix}*")):
                shutil.rmtree(path)
                gone.append(path)
    except OSError as error:
        raise output_error(error.filename or folder, error) from error
    return gone


def check_room(folder: Path, size: int, keep: int) -> str:
    """Whether the disk has room for a run's checkpoints of `size` bytes each; a warning, empty when all will fit.

    At most `keep` newest, the best one and the one being written stand side by side. Raises OutputError when not even
    two more fit: the next one could not be written beside the last.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    here = sum(1 for _ in checkpoints(folder))
    wanted = max(2, keep + 2 - here) * size
    if free < 2 * size:
        raise OutputError(
            f"Two checkpoints of {_size(size)} do not fit into the {_size(free)} that are free at {place}.",
            "Free some space, choose another --runs-dir, or train an adapter (method.kind=lora) instead of everything.",
        )
    if free < wanted:
        return f"Checkpoints will need up to {_size(wanted)} and {_size(free)} are free at {place}."
    return ""


def _seal(staged: Path, facts: Mapping[str, Any]) -> Manifest:
    """Flush every file, write the manifest as the last one, flush it and every folder, the deepest first."""
    for name in files_in(staged):
        fsync_file(staged / name)
    manifest = manifest_of(staged, facts)
    with (staged / MANIFEST).open("wb") as stream:
        stream.write(manifest.render())
        stream.flush()
        os.fsync(stream.fileno())
    for parent, _, _ in os.walk(staged, topdown=False):
        fsync_dir(Path(parent))
    return manifest


def _publish(staged: Path, final: Path) -> None:
    """Give a sealed folder its name. What has that name steps aside first: folders cannot be renamed over."""
    aside = final.with_name(f"{_REPLACED}{_step(final):08d}-{secrets.token_hex(6)}")
    try:
        final.rename(aside)
    except FileNotFoundError:
        staged.rename(final)
        fsync_dir(final.parent)
        return
    try:
        staged.rename(final)
    except OSError:
        aside.rename(final)
        raise
    fsync_dir(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _drop(path: Path) -> None:
    """Delete a checkpoint: its name goes first, so that a kill leaves nothing half there."""
    dropped = path.with_name(f"{_DROPPED}{_step(path):08d}-{secrets.token_hex(6)}")
    try:
        path.rename(dropped)
        fsync_dir(path.parent)
    except OSError as error:
        raise output_error(path, error) from error
    shutil.rmtree(dropped, ignore_errors=True)


def _manifest(path: Path) -> Manifest | Problem:
    if path.is_symlink() or not path.is_dir():
        return Problem(path.name, "is no folder")
    manifest = read_manifest(path)
    if isinstance(manifest, Manifest) and _NAME.match(path.name) and manifest.facts.get("step") != _step(path):
        return Problem(MANIFEST, f"is that of step {manifest.facts.get('step')}")
    return manifest


def _step(path: Path) -> int:
    match = _NAME.match(path.name)
    return int(match[1]) if match else -1


def _explained(error: Exception, final: Path) -> Exception:
    """The OutputError for a save that failed, where it failed at writing; any other exception is a bug, and stays."""
    if isinstance(error, OSError):
        told = output_error(final, error)
        return OutputError(told.message, f"{told.hint} What was saved before is whole.")
    full = False
    with suppress(OSError):
        full = shutil.disk_usage(final.parent).free < _ROOM
    if full or _FAILED_WRITE.search(str(error)):
        return OutputError(
            f"There is no room to write {final}: {str(error).strip().splitlines()[0][:200]}.",
            "Free some space, then resume the run: it goes on from its last checkpoint.",
        )
    return error


def _size(count: int) -> str:
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
