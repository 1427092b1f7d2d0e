"""Addresses of remote files: `s3://BUCKET/KEY` and the like, and how they are shown, which is never with a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from curation.errors import InputError

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs", "hf": "huggingface_hub"}
"""The schemes that can be read, and the package that each needs."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
# A query, in which signatures and tokens travel. A single "?" is a pattern's.
_QUERY = re.compile(r"\?[\w.~%-]+=.*", re.DOTALL)
_HOST_WITH_USER = ("abfs", "abfss")  # abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH has no secret in it
_DATASET = re.compile(r"datasets/(?P<name>[^/@]+(?:/[^/@]+)?)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.*))?", re.DOTALL)


@dataclass(frozen=True)
class HubFile:
    """What `hf://datasets/OWNER/NAME[@REVISION]/PATH` names. PATH may be a file, a folder or a pattern; never empty."""

    name: str
    revision: str | None
    path: str


def is_address(text: str) -> bool:
    """Whether `text` has the form of an address, readable or not."""
    return _ADDRESS.fullmatch(text) is not None


def is_readable(text: str) -> bool:
    """Whether `text` is an address of a scheme that can be read."""
    match = _ADDRESS.fullmatch(text)
    return match is not None and match[1].lower() in PACKAGES


def from_anywhere(folder: str | Path, name: str) -> str:
    """An input as it was typed in `folder`, as it is named from any other folder."""
    return name if name == "-" or name.startswith("hf:") or is_address(name) else str(Path(folder) / name)


def shown(address: str) -> str:
    """The address without user, password and query."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return address
    scheme, rest = match[1].lower(), _QUERY.sub("", match[2])
    host, slash, path = rest.partition("/")
    if "@" in host and not (scheme in _HOST_WITH_USER and ":" not in host):
        host = host.rpartition("@")[2]
    return f"{scheme}://{host}{slash}{path}"


def checked(address: str) -> tuple[str, str]:
    """Scheme and path of a readable address. InputError for one with a secret in it, or with nothing in it."""
    clean = shown(address)
    scheme, _, path = clean.partition("://")
    given = address.partition("://")[2]
    if given != path:
        raise InputError(
            f"the address of {clean} holds a user, a password or a query",
            "Leave it away: keys come from the environment or from the files of the provider's own tools.",
        )
    if not path.strip("/"):
        raise InputError(f"{clean} names no bucket", f"Write {scheme}://BUCKET/KEY.")
    return scheme, path.lstrip("/")


def hub_name(address: str) -> str | None:
    """`hf://datasets/OWNER/NAME[@REVISION]`, which names a whole dataset, in the form `hf:…`; None for anything else."""
    if not address.lower().startswith("hf://"):
        return None
    found = hub_file(checked(address)[1])
    if found.path:
        return None
    return f"hf:{found.name}" + (f"@{found.revision}" if found.revision else "")


def hub_file(path: str) -> HubFile:
    """The parts of what follows `hf://`; the path is "" where a whole dataset is named. Raises InputError."""
    match = _DATASET.fullmatch(path)
    if match is None:
        raise InputError(f"hf://{path} names no dataset", "Write hf://datasets/OWNER/NAME/FILE, or hf:OWNER/NAME.")
    revision = unquote(match["revision"]) if match["revision"] else None
    return HubFile(match["name"], revision, (match["path"] or "").strip("/"))
