"""The files of a folder that may be read: recursive, without hidden ones, safe against links that lead in circles."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from curation.readers.sniff import kind_of_name

# Files about the data, which lie beside it in most published data sets.
_ABOUT = re.compile(r"(readme|license|licence|notice|citation|changelog)([._-].*)?\.(md|txt)", re.IGNORECASE)
_INDEXES = frozenset(("dataset_info.json", "dataset_infos.json"))


def files_below(folder: Path, note: Callable[[str], None]) -> list[Path]:
    """Readable kinds of files, sorted. `note` is told what was left out. Raises OSError without permission.

    Beside other data, a README, licence or the like is not data; in a folder of nothing but texts it is.
    """
    found = [str(file) for file in _all_below(folder) if _is_wanted(file, note)]
    return [Path(file) for file in without_about(found, note)]


def names_data(file: str, note: Callable[[str], None]) -> bool:
    """Whether a file's name says that it is data of a readable kind; `note` is told if not."""
    if kind_of_name(PurePosixPath(file)) is None:
        note(f"{file} was left out: its ending says nothing about what it holds")
    elif PurePosixPath(file).name in _INDEXES:
        note(f"{file} was left out: it is about the data")
    else:
        return True
    return False


def without_about(files: list[str], note: Callable[[str], None]) -> list[str]:
    """The files without a README, licence or the like, unless there is nothing but texts."""
    if all(kind_of_name(PurePosixPath(file)) in ("txt", "md") for file in files):
        return files
    about = [file for file in files if _ABOUT.fullmatch(PurePosixPath(file).name)]
    for file in about:
        note(f"{file} was left out: it is about the data")
    return [file for file in files if file not in about]


def paths_matching(pattern: str) -> list[Path]:
    """What a pattern matches, sorted: files and folders, or with `**` the files at any depth, links followed once.

    The standard library's `**` follows a link that leads upwards forty times, and two of them 2^40 times.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        return [Path(match) for match in sorted(glob.glob(pattern))] if glob.has_magic(pattern) else []  # noqa: PTH207
    split = parts.index("**")
    root = str(Path(*parts[:split]))
    roots = [Path(match) for match in glob.glob(root)] if glob.has_magic(root) else [Path(root)]  # noqa: PTH207
    return sorted(
        file
        for folder in roots
        if folder.is_dir()
        for file in _all_below(folder)
        if matches_parts(file.relative_to(folder).parts, parts[split:])
    )


def matches_parts(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the parts of a path match those of a pattern, of which `**` stands for any number."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(matches_parts(path[skip:], pattern[1:]) for skip in range(len(path))) or pattern == ("**",)
    return bool(path) and fnmatchcase(path[0], pattern[0]) and matches_parts(path[1:], pattern[1:])


def _all_below(folder: Path) -> Iterator[Path]:
    """Every file that is not hidden, each folder entered once whatever links lead to it. Raises OSError."""

    def refuse(error: OSError) -> None:
        raise error

    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        facts = Path(parent).stat()
        if (facts.st_dev, facts.st_ino) in seen:
            folders.clear()
            continue
        seen.add((facts.st_dev, facts.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _is_wanted(file: Path, note: Callable[[str], None]) -> bool:
    if not names_data(str(file), note):
        return False
    if not file.is_file():
        note(f"{file} was left out: it is a link to nothing, or no regular file")
        return False
    return True
