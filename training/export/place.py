"""Folders of an export: whole or not there, with a manifest, and never over somebody else's files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation.errors import OutputError
from curation.writers.atomic import fsync_dir, fsync_file, output_error
from training.manifest import MANIFEST, Manifest, files_in, manifest_of, read_manifest, verify_files

MAKER = "studio export"


@contextmanager
def made_whole(final: Path, facts: Mapping[str, Any]) -> Iterator[Path]:
    """A folder beside `final` to write into; when the block ends well, it gets a manifest with `facts` and that name.

    Raises OutputError where the disk refuses, or `final` holds something that no export made.
    """
    check_free(final)
    staged = final.with_name(f".{final.name}.part")
    try:
        shutil.rmtree(staged, ignore_errors=True)  # of an export that was killed
        staged.mkdir(parents=True)
        yield staged
        for name in files_in(staged):
            fsync_file(staged / name)
        (staged / MANIFEST).write_bytes(manifest_of(staged, {"maker": MAKER, **facts}).render())
        fsync_file(staged / MANIFEST)
        shutil.rmtree(final, ignore_errors=True)
        staged.rename(final)
        fsync_dir(final.parent)
    except OSError as error:
        raise output_error(final, error) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def check_free(final: Path) -> None:
    """Raises OutputError where `final` is something that no export made."""
    if not final.exists():
        return
    manifest = read_manifest(final) if final.is_dir() else None
    if not isinstance(manifest, Manifest) or manifest.facts.get("maker") != MAKER:
        raise OutputError(f"{final} is in the way: no export made it.", "Move it, or choose another folder with --out.")


def is_whole(final: Path, facts: Mapping[str, Any]) -> bool:
    """Whether `final` was made with the very same facts, and every byte is there."""
    manifest = read_manifest(final)
    if not isinstance(manifest, Manifest) or manifest.facts != {"maker": MAKER, **facts}:
        return False
    return verify_files(final, manifest) is None


def bytes_of(folder: Path) -> int:
    """The size of all files."""
    return sum((folder / name).stat().st_size for name in files_in(folder))


def put(source: Path, target: Path) -> None:
    """The file `source` at `target` too: the same blocks of the disk where that is possible, else copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
