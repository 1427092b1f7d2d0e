"""Single files of datasets on the Hugging Face Hub: `hf://datasets/OWNER/NAME/FILE`. Whole datasets are `hub.py`'s.

Copies are the Hub's library's own, in its own cache, shared with everything else that uses it; so HF_HUB_OFFLINE, HF_TOKEN
and HF_HOME mean what they always mean.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from curation.address import hub_file
from curation.readers.copies import RemoteFile, all_done
from curation.readers.faults import not_cached, told
from curation.readers.walk import matches_parts


class HubFiles:
    """The files of one dataset at one revision. path: what follows `hf://`."""

    def __init__(self, path: str) -> None:
        """Raises InputError for a path that names no dataset."""
        from curation.weights.hush import hush_hub

        hush_hub()
        self._wanted = hub_file(path)
        at = f"@{self._wanted.revision.replace('/', '%2F')}" if self._wanted.revision else ""
        self._head = f"hf://datasets/{self._wanted.name}{at}/"

    def files(self) -> tuple[str, list[RemoteFile]]:
        """As `Bucket.files`. The whole dataset is listed, a thousand names a request; offline, what is in the cache."""
        from curation.weights.find import offline

        everything = self._in_cache() if offline() else self._on_hub()
        path = self._wanted.path
        for file in everything:
            if file.path == path:
                return "file", [file]
        if below := [file for file in everything if file.path.startswith(path + "/")]:
            return "folder", below
        if not any(mark in path for mark in "*?["):
            raise not_cached(self._head + path) if offline() else FileNotFoundError(path)
        wanted = PurePosixPath(path).parts
        # A folder that matches stands for what is in it, as everywhere.
        return "pattern", [file for file in everything if _matches(PurePosixPath(file.path).parts, wanted)]

    def copies(self, what: str, files: list[RemoteFile]) -> list[Path]:
        """The library's copies of `files`, in their order; what is missing is fetched. Raises InputError."""
        return all_done(what, files, self._copy)

    def _copy(self, file: RemoteFile, told_size: Callable[[int], None]) -> Path:
        from huggingface_hub import hf_hub_download

        from curation.weights.find import offline

        with told(file.address):
            copy = hf_hub_download(
                self._wanted.name,
                file.path,
                repo_type="dataset",
                revision=self._wanted.revision,
                local_files_only=offline(),
            )
        told_size(file.size)
        return Path(copy)

    def _on_hub(self) -> list[RemoteFile]:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        name, revision = self._wanted.name, self._wanted.revision
        tree = HfApi().list_repo_tree(name, recursive=True, revision=revision, repo_type="dataset")
        return [self._file(item.path, item.size, item.blob_id) for item in tree if isinstance(item, RepoFile)]

    def _in_cache(self) -> list[RemoteFile]:
        from huggingface_hub import snapshot_download

        name, revision = self._wanted.name, self._wanted.revision
        folder = Path(snapshot_download(name, repo_type="dataset", revision=revision, local_files_only=True))
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return [self._file(file.relative_to(folder).as_posix(), file.stat().st_size, "") for file in files]

    def _file(self, path: str, size: int, version: str) -> RemoteFile:
        return RemoteFile(self._head + path, path, size, version)


def _matches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return any(matches_parts(path[:length], pattern) for length in range(1, len(path) + 1))
