"""Files for large numbers that are needed for a while: without a name, so that nothing of them stays, whatever happens."""

from __future__ import annotations

import tempfile
from io import BufferedRandom
from pathlib import Path

from curation.errors import OutputError


def scratch_file(folder: Path | None) -> BufferedRandom:
    """An empty file in `folder`, made if need be (None: where the system keeps temporary files). Raises OutputError."""
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise no_room(folder, error) from error


def no_room(folder: Path | None, error: OSError) -> OutputError:
    """The error of a scratch file that cannot be made or written."""
    where = folder or tempfile.gettempdir()
    return OutputError(
        f"what is compared of the records cannot be kept in {where}: {error.strerror or error}", "Make room there."
    )
