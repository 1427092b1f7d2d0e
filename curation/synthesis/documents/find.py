"""Documents as the user names them: files, folders, patterns."""

from __future__ import annotations

import difflib
import glob
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from curation.errors import InputError
from curation.readers.decompress import unreadable
from curation.readers.walk import paths_matching
from curation.synthesis.documents.kinds import ENDINGS, kind_of_name

Note = Callable[[str], None]


def find_documents(inputs: Sequence[str], note: Note) -> list[Path]:
    """The files that `inputs` name, in their order, those of a folder or pattern by name, each real file once.

    A file that exists under exactly the name given is that file, whatever brackets are in it. Folders are searched
    through; hidden files and those of no known kind are left out, and `note` is told. Raises InputError for what is
    missing, and where nothing at all is found.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for given in inputs:
        try:
            paths = _named(given, note)
        except OSError as error:
            raise unreadable(Path(error.filename or given), error) from error
        for path in paths:
            facts = path.stat()
            if (facts.st_dev, facts.st_ino) in seen:
                note(f"{path} was named before; it is read once")
                continue
            seen.add((facts.st_dev, facts.st_ino))
            found.append(path)
    if not found:
        raise InputError("no document was given", f"Name a file or a folder; known endings: {' '.join(ENDINGS)}.")
    return found


def _named(given: str, note: Note) -> list[Path]:
    path = _existing(given)
    if path is not None and path.is_dir():
        return _below(path, note)
    if path is not None:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is no regular file", "Save the document to a file and name that.")
        return [path]
    matches = paths_matching(str(Path(given).expanduser()))
    if not matches:
        raise _missing(given)
    found: list[Path] = []
    for match in matches:
        found += _below(match, note) if match.is_dir() else _wanted([match], note)
    return found


def _below(folder: Path, note: Note) -> list[Path]:
    found = _wanted(paths_matching(glob.escape(str(folder)) + "/**"), note)
    if not found:
        raise InputError(f"the folder {folder} holds no document", f"Known endings: {' '.join(ENDINGS)}.")
    return found


def _wanted(paths: Sequence[Path], note: Note) -> list[Path]:
    found = []
    for path in paths:
        if kind_of_name(path) is None:
            note(f"{path} was left out: its ending says nothing about what it holds")
        elif not path.is_file():
            note(f"{path} was left out: it is a link to nothing, or no regular file")
        else:
            found.append(path)
    return found


def _existing(given: str) -> Path | None:
    for path in (Path(given), Path(given).expanduser()) if given.startswith("~") else (Path(given),):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            continue
        return path
    return None


def _missing(given: str) -> InputError:
    if "://" in given:
        return InputError(f"{given} is an address, not a file", "Download it first.")
    if glob.has_magic(given):
        return InputError(f"no document matches {given}", "Quote the pattern if the shell should leave it alone.")
    hint = "Check the spelling, and that you are in the right folder."
    parent = Path(given).parent
    try:
        close = difflib.get_close_matches(Path(given).name, [file.name for file in parent.iterdir()], n=1)
        if close:
            hint = f"Did you mean '{parent / close[0]}'?"
    except (OSError, ValueError):
        pass
    return InputError(f"there is no document {given!r}" if "\0" in given else f"there is no document {given}", hint)
