"""Inputs as the user names them (files, globs, folders, addresses, "-", "hf:…") to sources."""

from __future__ import annotations

import difflib
import glob
import os
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from curation.address import hub_name, is_address, is_readable, shown
from curation.errors import InputError, OutputError
from curation.readers.decompress import unreadable
from curation.readers.hub import PREFIX, is_saved, parse_hub_name, splits_left_out
from curation.readers.model import BLOCK, LIMITS, Limits, Source
from curation.readers.names import unique_names
from curation.readers.sniff import Sniffed, kind_of_name, sniff, unknown_kind
from curation.readers.walk import files_below, paths_matching

Note = Callable[[str], None]


def find_sources(
    inputs: Sequence[str], *, spool: Path | None = None, limits: Limits = LIMITS, note: Note | None = None
) -> list[Source]:
    """The sources that `inputs` name, sorted by name, each real file once.

    An input is a file, a folder (searched through; hidden files and those of no known kind are left out), a pattern,
    "-" for standard input, `hf:NAME` for a Hugging Face dataset or a folder that `save_to_disk` wrote, or an address of
    a file, folder or pattern in a store (`s3://…`), of which copies are made (`remote`). A file that exists under exactly
    the name given is that file, whatever brackets are in it. `spool` is where standard input is kept, so that a resumed
    run can read it again: if the file is there, standard input is left alone. `note` is told what a user should know:
    what was left out, named twice or misnamed, and how much was copied.

    Raises InputError, with a hint, for what is missing, unreadable, of no known kind or not text, and if there is
    nothing at all in any of the inputs. OutputError if the spool cannot be written.
    """
    finder = _Finder(spool, limits, note or (lambda _: None))
    for given in inputs:
        finder.find(given)
    return finder.sources()


class _Finder:
    def __init__(self, spool: Path | None, limits: Limits, note: Note) -> None:
        self._spool, self._limits, self._note = spool, limits, note
        self._found: list[Source] = []
        self._seen: dict[tuple[int, int] | str, str] = {}
        self._something = False  # whether any source holds more than white space

    def find(self, given: str) -> None:
        """Add the sources of one input."""
        try:
            self._find(given)
        except OSError as error:
            raise unreadable(Path(error.filename or given), error) from error

    def _find(self, given: str) -> None:
        if given == "-":
            self._add_stdin()
        elif is_readable(given):
            self._add_remote(given)
        elif given.startswith(PREFIX):
            self._add_hub(given)
        elif _exists(Path(given)):
            self._add_path(given, Path(given))
        elif given.startswith("~") and _exists(Path(given).expanduser()):
            self._add_path(given, Path(given).expanduser())
        else:
            self._add_pattern(given)

    def sources(self) -> list[Source]:
        """Everything found, named."""
        if not self._found:
            raise InputError("no input was given", "Name a file, a folder, a pattern, an address, '-' or hf:NAME.")
        if not self._something:
            names = ", ".join(source.path for source in self._found[:3])
            raise InputError(f"the input is empty: {names}", "Check the path, or the command that wrote it.")
        named = unique_names(self._found)
        return sorted(named, key=lambda source: source.name)

    def _add_path(self, given: str, path: Path) -> None:
        if not path.is_dir():
            self._add_file(given, path, kind_of_name(path), exact=True)
        elif is_saved(path):
            self._add_hub(given, PREFIX + str(path))
        else:
            self._add_folder(path)

    def _add_folder(self, folder: Path) -> None:
        files = files_below(folder, self._note)
        for file in files:
            self._add_file(str(file), file, kind_of_name(file), exact=False)
        if not files:
            raise InputError(
                f"the folder {folder} holds no file that can be read",
                "Known endings: .jsonl .ndjson .json .csv .tsv .parquet .txt .md, each also with .gz .zst .bz2 .xz.",
            )

    def _add_pattern(self, pattern: str) -> None:
        matches = paths_matching(str(Path(pattern).expanduser()))
        if not matches:
            raise _missing(pattern)
        found = False
        for path in matches:
            if path.is_dir():
                self._add_path(str(path), path)
                found = True
            elif kind_of_name(path) is None:
                self._note(f"{path} was left out: its ending says nothing about what it holds")
            else:
                self._add_file(str(path), path, kind_of_name(path), exact=False)
                found = True
        if not found:
            raise unknown_kind(matches[0])

    def _add_file(self, given: str, path: Path, promised: str | None, *, exact: bool) -> None:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise InputError(f"{path} is no regular file", "Send its content to standard input, and name '-' as input.")
        if promised is None and exact:
            raise unknown_kind(path)
        if self._is_known((facts.st_dev, facts.st_ino), given):
            return
        self._add_sniffed(given, path, promised, facts.st_size)

    def _add_sniffed(self, given: str, path: Path, promised: str | None, size: int) -> None:
        sniffed = sniff(path, promised, self._limits, given)
        if sniffed.kind != promised:
            self._note(f"{given} is read as {sniffed.kind}, which is what it holds")
        if sniffed.empty:
            self._note(f"{given} is empty")
        self._add("", given, path, sniffed, size)

    def _add_stdin(self) -> None:
        if self._is_known("-", "-"):
            return
        if self._spool is None:
            raise InputError("standard input cannot be read here", "Save it to a file and name that.")
        spool_stdin(self._spool)
        sniffed = sniff(self._spool, None, self._limits, "standard input")
        self._add("stdin", "-", self._spool, sniffed, self._spool.stat().st_size)

    def _add(self, name: str, given: str, file: Path, sniffed: Sniffed, size: int) -> None:
        self._something = self._something or not sniffed.empty
        self._found.append(
            Source(name, given, sniffed.kind, sniffed.compression, sniffed.encoding, size, str(file.absolute()))
        )

    def _add_hub(self, given: str, text: str | None = None) -> None:
        name = parse_hub_name(text or given)
        folder = Path(name.path)
        if folder.is_dir():
            name = replace(name, path=str(folder.absolute()))
        if self._is_known(str(name), given):
            return
        left_out = splits_left_out(name)
        if left_out:
            self._note(f"{given}: the splits {', '.join(left_out)} were left out; name one with ':', or ':all'")
        self._something = True
        self._found.append(Source("", given, "hf", file=str(name)))

    def _add_remote(self, given: str) -> None:
        if name := hub_name(given):
            self._add_hub(given, name)
            return
        from curation.readers.remote import copies_of

        for copy in copies_of(given, self._note):
            if self._is_known(copy.address, copy.address):
                continue
            self._add_sniffed(copy.address, copy.file, copy.kind, copy.size)

    def _is_known(self, identity: tuple[int, int] | str, given: str) -> bool:
        if identity in self._seen:
            self._note(f"{given} is the same as {self._seen[identity]}; it is read once")
            return True
        self._seen[identity] = given
        return False


def spool_stdin(spool: Path) -> None:
    """Copy standard input to `spool`, which appears only when it is whole; if it is there, do nothing.

    Raises OutputError if it cannot be written.
    """
    if spool.exists():
        return
    part = spool.with_name(spool.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            while block := sys.stdin.buffer.read(BLOCK):
                opened.write(block)
            opened.flush()
            os.fsync(descriptor)
        part.replace(spool)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"standard input cannot be kept at {spool}: {error.strerror or error}",
            "Make room, or save the data to a file and name that.",
        ) from error


def _exists(path: Path) -> bool:
    """Whether there is anything under that name, a dangling link included."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    return True


def _missing(given: str) -> InputError:
    if is_address(given):
        return InputError(
            f"{shown(given)} is an address of a kind that is not read",
            "Download it first, or name one of s3://, gs://, az://, abfs:// or hf://datasets/.",
        )
    if glob.has_magic(given):
        return InputError(f"no file matches {given}", "Check the pattern; quote it if the shell should leave it alone.")
    parent = Path(given).parent
    hint = "Check the spelling, and that you are in the right folder."
    try:
        close = difflib.get_close_matches(Path(given).name, [file.name for file in parent.iterdir()], n=1)
        if close:
            hint = f"Did you mean '{parent / close[0]}'?"
    except (OSError, ValueError):
        pass
    return InputError(f"there is no file {given!r}" if "\0" in given else f"there is no file {given}", hint)
