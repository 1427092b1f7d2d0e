"""Models of the Hugging Face Hub: from its cache where they are there, else downloaded, by commit."""

from __future__ import annotations

import os
from pathlib import Path

from curation.errors import InputError, StudioError, nearest
from curation.weights.folder import weight_files

# Everything but pickles and other frameworks' weights. Code is fetched, and runs only with model.trust_remote_code.
WANTED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.py", "LICENSE*", "README.md")


def find_on_hub(name: str, revision: str | None) -> tuple[Path, str]:
    """The folder and the commit of the model `name`. The cache is asked first: a cached revision costs no network.

    Raises StudioError where it is missing, gated, half there and offline, or cannot be fetched.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    from curation.weights.find import offline

    problem: InputError | None = None
    try:
        folder = Path(snapshot_download(name, revision=revision, cache_dir=hub_cache(), local_files_only=True))
        weight_files(folder)
        return folder, folder.name
    except LocalEntryNotFoundError:
        pass
    except InputError as error:
        problem = error
    if offline():
        raise _not_cached(name, revision, problem)
    return _download(name, revision)


def _download(name: str, revision: str | None) -> tuple[Path, str]:
    from curation.weights.hush import hush_hub

    hush_hub()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(snapshot_download(name, revision=revision, cache_dir=hub_cache(), allow_patterns=list(WANTED)))
    except GatedRepoError as error:
        raise StudioError(
            f"The model {name} is gated: its owners want you to accept their terms first.",
            f"Accept them at https://huggingface.co/{name}, log in with 'hf auth login', and run this again.",
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(
            f"The model {name} has no revision {revision}.", "Name a branch, a tag or a commit."
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"There is no model {name} on the Hub, or it is private.",
            f"{_similar(name)}If it is private, log in with 'hf auth login'.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise InputError(
            f"The model {name} is not on this disk and the Hub cannot be reached: {_first_line(error)}",
            f"{_similar(name)}Check the network, or name a model that is here ('studio models').",
        ) from error
    weight_files(folder)
    return folder, folder.name


def cached_names() -> list[str]:
    """The models in the Hub's cache, sorted, whole or not."""
    return sorted(path.name.removeprefix("models--").replace("--", "/") for path in hub_cache().glob("models--*"))


def hub_cache() -> Path:
    """Where the Hub's library keeps what it downloads."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    chosen = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(chosen or Path(home) / "hub").expanduser()


def _not_cached(name: str, revision: str | None, problem: InputError | None) -> InputError:
    wanted = f"{name} at {revision}" if revision else name
    if problem is not None:
        return InputError(
            f"The model {wanted} is only half in the Hub's cache: {problem.message}",
            "HF_HUB_OFFLINE is set; unset it once, so that the rest can be downloaded.",
        )
    return InputError(
        f"The model {wanted} is not in the Hub's cache, and HF_HUB_OFFLINE forbids to fetch it.",
        f"{_similar(name)}'studio models' lists what is here; unset HF_HUB_OFFLINE to download.",
    )


def _similar(name: str) -> str:
    from curation.weights.find import PACKAGED

    known = [*cached_names(), *PACKAGED]
    return f"{nearest(name, known[:20])} " if known else ""


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:300].rstrip(".") + "."
