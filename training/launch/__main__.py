"""`python -m training.launch NAME` prints where a configuration lies; without a name, the names of all."""

from __future__ import annotations

import sys

from curation.errors import InputError
from training.launch import config_names, config_path


def main(arguments: list[str]) -> int:
    """Print one path, or the names. Returns 3 for a name that does not exist."""
    if not arguments:
        print("\n".join(config_names()))  # noqa: T201 - its stdout is its result
        return 0
    try:
        print(config_path(arguments[0]))  # noqa: T201
    except InputError as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)  # noqa: T201
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
