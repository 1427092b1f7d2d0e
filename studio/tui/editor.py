"""A text in the user's own editor, with the interface put aside meanwhile."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from textual.app import App, SuspendNotSupported

from curation.errors import StudioError
from studio.tui.i18n import _

_USUAL = ("sensible-editor", "nano", "vi")


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The words of the editor's command line: $VISUAL, $EDITOR, or what is usually there. Raises StudioError."""
    named = environment.get("VISUAL") or environment.get("EDITOR")
    if named:
        return shlex.split(named)
    for name in _USUAL:
        if shutil.which(name):
            return [name]
    raise StudioError(_("There is no editor."), _("Set EDITOR to the one you use."))


def edit(app: App[None], text: str, suffix: str = ".txt") -> str | None:
    """`text` as it is after editing, or None where nothing was changed. Raises StudioError.

    The file is readable by its owner only, and gone afterwards: it holds what the data holds.
    """
    command = editor_command(os.environ)
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        file = Path(folder) / f"record{suffix}"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        try:
            with app.suspend():
                done = subprocess.run([*command, str(file)], check=False)
        except SuspendNotSupported as error:
            raise StudioError(_("This terminal cannot be lent to an editor."), "") from error
        except OSError as error:
            raise StudioError(
                _("The editor '{name}' cannot be started.").format(name=command[0]), _("Set EDITOR to the one you use.")
            ) from error
        if done.returncode:
            raise StudioError(_("The editor ended with an error; nothing was taken over."), "")
        after = file.read_text(encoding="utf-8", errors="backslashreplace")
    return None if after == text else after
