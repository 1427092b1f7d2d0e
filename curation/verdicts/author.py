"""Who judges: what STUDIO_AUTHOR says, else the name of the user of this machine."""

from __future__ import annotations

import getpass
import os

AUTHOR_VARIABLE = "STUDIO_AUTHOR"


def author() -> str:
    """The author of verdicts made by this process; "" where nobody knows."""
    named = os.environ.get(AUTHOR_VARIABLE, "").strip()
    if named:
        return named[:100]
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return ""
