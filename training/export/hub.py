"""Onto the Hub: one commit with everything in it, or none. Private unless somebody says otherwise.

The token comes from HF_TOKEN or `hf auth login`, goes into the header of requests, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from curation.errors import InputError, Stopped, StudioError
from curation.weights.find import offline
from training.manifest import files_in

Kind = Literal["model", "dataset"]
# What an earlier export may have left there and a later one does not have: an adapter and whole weights in one repository
# would be taken for each other. The rest, such as pictures of a card, stays.
_REPLACED = (".safetensors", ".gguf", ".safetensors.index.json", "adapter_config.json", "config.json")


@dataclass(frozen=True)
class Pushed:
    """url: of the repository; commit: its head now; changed: whether there was anything to change."""

    url: str
    commit: str
    changed: bool
    files: int


def check_ready() -> None:
    """Raises InputError where nothing can be pushed from here: the network is forbidden, or nobody is logged in."""
    if offline():
        raise InputError("HF_HUB_OFFLINE forbids the network, and the Hub is on it.", "Unset it to push.")
    if not _token():
        raise InputError("Nobody is logged in to the Hub.", "Log in with 'hf auth login', or set HF_TOKEN.")


def push(
    folder: Path,
    repository: str,
    kind: Kind,
    *,
    public: bool,
    message: str,
    on_file: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> Pushed:
    """Everything in `folder` to the repository, which is made where it is not there.

    Large files go first, one by one; they are nowhere to be seen until the one commit that names them all. Files that are
    there already are not sent again, and where nothing differs there is no commit. Raises Stopped, or StudioError with
    nothing changed: also where somebody else pushed in the meantime.
    """
    from curation.weights.hush import hush_hub

    hush_hub()
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    check_ready()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=_token())
    with _errors_told(repository):
        url = str(api.create_repo(repository, repo_type=kind, private=not public, exist_ok=True))
        info = api.repo_info(repository, repo_type=kind)
        if not public and info.private is False:
            raise InputError(
                f"{repository} is there already, for everybody to see.", "Add --public to push to it all the same."
            )
        names = sorted(files_in(folder))
        additions = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(folder / name)) for name in names]
        for number, addition in enumerate(additions):
            if should_stop():
                raise Stopped("The push was stopped; nothing has changed on the Hub.")
            on_file(number, len(additions))
            api.preupload_lfs_files(repository, [addition], repo_type=kind, free_memory=False)
        there = api.list_repo_files(repository, repo_type=kind, revision=info.sha) if info.sha else []
        gone = [name for name in there if name.endswith(_REPLACED) and name not in names]
        operations: list[Any] = [*additions, *(CommitOperationDelete(path_in_repo=name) for name in gone)]
        done = api.create_commit(
            repository, operations, commit_message=message, repo_type=kind, parent_commit=info.sha or None
        )
    on_file(len(additions), len(additions))
    return Pushed(url, str(done.oid), done.oid != info.sha, len(additions))


@contextmanager
def _errors_told(repository: str) -> Iterator[None]:
    """What the Hub's library raises, as something a user can act on; never with the token in it."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    unreachable: tuple[type[Exception], ...] = (*_transport_errors(), LocalEntryNotFoundError, OSError)
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise InputError("HF_HUB_OFFLINE forbids the network, and the Hub is on it.", "Unset it to push.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise StudioError(f"{repository} was not changed: {_said(error)}", _advice(status)) from None
    except unreachable as error:
        raise StudioError(
            f"{repository} was not changed: the Hub cannot be reached: {_said(error)}", "Check the network; push again."
        ) from None
    except RuntimeError as error:  # the library's word for a large file that could not be sent
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        status = getattr(getattr(cause, "response", None), "status_code", 0)
        raise StudioError(f"{repository} was not changed: {_said(cause)}", _advice(status)) from None
    except ValueError as error:  # an answer that makes no sense, or a card whose head is refused
        raise StudioError(f"{repository} was not changed: {_said(error)}", "Push again later.") from None


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the library's HTTP client raises: httpx2, or httpx in its earlier versions."""
    found: list[type[Exception]] = []
    for name in ("httpx2", "httpx"):
        with suppress(ImportError):
            found.append(import_module(name).HTTPError)
    return tuple(found)


def _advice(status: int) -> str:
    return {
        401: "The token is not valid (any more): log in again with 'hf auth login'.",
        403: "The token may not write there: make one with the right to write, or choose another owner.",
        404: "Check the owner's name, and that the token may see it.",
        409: "Somebody changed it in the meantime: push again.",
        412: "Somebody changed it in the meantime: push again.",
        429: "The Hub asks for patience: push again later.",
    }.get(status, "Push again; what was sent is not sent twice.")


def _token() -> str:
    from huggingface_hub import get_token

    return get_token() or ""


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines[0] if lines else type(error).__name__)[:300].rstrip(".") + "."
    token = _token()
    return text.replace(token, "[hidden]") if token else text
