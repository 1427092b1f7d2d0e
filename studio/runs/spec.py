"""`run.json`: all that is needed to do a run again, or to go on with it from another terminal."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from curation.errors import InputError
from studio.runs.folder import RunFolder

SPEC_VERSION = 1
PACKAGES = ("curation-studio", "polars", "pyarrow", "pydantic", "click")

# An option whose name says that its value is a secret, and values that look like one wherever they stand:
# keys of model hosts and hubs, and the password of an address.
_SECRET_OPTION = re.compile(r"^--?[\w-]*(key|token|secret|password|passwd)$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"(?P<head>://[^/\s:@]*:|(?:key|token|secret|password|passwd)=)[^\s@&/]+"
    r"|\b(?:hf|sk|pk|ghp|gho|github_pat|glpat|xoxb|AKIA)[-_A-Za-z0-9]{16,}",
    re.IGNORECASE,
)
HIDDEN = "[hidden]"


@dataclass(frozen=True)
class RunSpec:
    """What was asked for.

    recipe: `name`, `digest`, `yaml` (what the worker runs) and `resolved` (the same with every default spelled out).
    sources: name, path, kind, compression, encoding, size and digest of each input found when the run was made.
    options: the other arguments of the kind's entry. earlier: what a resume with other settings replaced.
    """

    kind: str
    created: str
    inputs: list[str]
    sources: list[dict[str, Any]]
    recipe: dict[str, Any]
    options: dict[str, Any]
    seed: int
    argv: list[str]
    cwd: str
    versions: dict[str, str]
    earlier: list[dict[str, Any]] = field(default_factory=list)
    version: int = SPEC_VERSION

    def with_recipe(self, recipe: Mapping[str, Any], argv: Sequence[str]) -> RunSpec:
        """The same run with other settings; the old ones are kept under `earlier`."""
        if recipe["digest"] == self.recipe["digest"]:
            return self
        before = {"recipe": self.recipe, "argv": self.argv, "until": now()}
        return replace(self, recipe=dict(recipe), argv=without_secrets(argv), earlier=[*self.earlier, before])

    def with_options(self, options: Mapping[str, Any]) -> RunSpec:
        """The same run with other arguments that change nothing in its output, such as the number of workers."""
        return replace(self, options={**self.options, **options})

    def write(self, folder: RunFolder) -> None:
        """Put it into the run folder, whole or not at all."""
        from curation.writers.atomic import write_atomic

        write_atomic(folder.spec, json.dumps(asdict(self), indent=2).encode("ascii") + b"\n", mode=0o600)


def read_spec(folder: RunFolder) -> RunSpec:
    """The run's spec. Raises InputError when there is none, or when another version of studio wrote it."""
    try:
        found = json.loads(folder.spec.read_bytes())
        if found.get("version") != SPEC_VERSION:
            raise InputError(f"{folder.spec} was written by another version of studio.", "Resume it with that version.")
        return RunSpec(**found)
    except FileNotFoundError:
        raise InputError(f"{folder.path} is not a run folder: it has no run.json.") from None
    except OSError as error:
        raise InputError(f"{folder.spec} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{folder.spec} is damaged: {error}.", "Start the run anew.") from error


def new_spec(
    kind: str,
    inputs: Sequence[str],
    sources: Sequence[Mapping[str, Any]],
    recipe: Mapping[str, Any],
    options: Mapping[str, Any],
    seed: int,
    argv: Sequence[str],
) -> RunSpec:
    """A spec made here and now: versions, the current folder and the time are added."""
    return RunSpec(
        kind=kind,
        created=now(),
        inputs=list(inputs),
        sources=[dict(source) for source in sources],
        recipe=dict(recipe),
        options=dict(options),
        seed=seed,
        argv=without_secrets(argv),
        cwd=str(Path.cwd()),
        versions=versions(PACKAGES),
    )


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of those of `packages` that are installed, without importing any."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform}-{platform.machine()}"}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def without_secrets(argv: Sequence[str]) -> list[str]:
    """The command line with passwords, tokens and keys replaced: run folders are copied and shown around."""
    shown: list[str] = []
    hide_next = False
    for word in argv:
        name, equals, _ = word.partition("=")
        if hide_next:
            shown.append(HIDDEN)
        elif equals and _SECRET_OPTION.match(name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(_SECRET_VALUE.sub(lambda match: (match["head"] or "") + HIDDEN, word))
        hide_next = not hide_next and not equals and bool(_SECRET_OPTION.match(word))
    return shown


def now() -> str:
    """The local time with its offset from UTC, to the second (ISO 8601)."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
