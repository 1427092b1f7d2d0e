"""`hf://datasets/OWNER/NAME/FILE`, against a server on this machine that speaks the Hub's interface; and offline."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from curation.address import HubFile, hub_file, hub_name
from curation.errors import InputError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINE = '{"question": "q", "answer": "答"}\n'
FILES = {name: (LINE * n).encode() for n, name in enumerate(("data/甲.jsonl", "data/b.jsonl", "top.jsonl"), 1)}
FILES["README.md"] = b"# About"
CODE = """
import json, sys
from curation.errors import StudioError
from curation.readers import find_sources
try:
    print(json.dumps([[s.name, s.path, s.size] for s in find_sources([sys.argv[1]])]))
except StudioError as error:
    print(json.dumps([error.message, error.hint]))
"""


class Hub(BaseHTTPRequestHandler):
    """What of the Hub listing and downloading need: trees, and files with their ETag and commit."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *words: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        head = "/datasets/team/set/resolve/"
        if path.startswith("/api/datasets/team/set/tree/"):
            self._send(json.dumps([self._entry(name) for name in FILES]).encode(), {})
        elif path.startswith(head) and (name := path.removeprefix(head).partition("/")[2]) in FILES:
            etag = hashlib.sha1(FILES[name]).hexdigest()
            self._send(FILES[name], {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        else:
            self._send(b"{}", {"X-Error-Code": "RepoNotFound"}, 404)

    def _entry(self, name: str) -> dict[str, Any]:
        return {"type": "file", "path": name, "size": len(FILES[name]), "oid": hashlib.sha1(FILES[name]).hexdigest()}

    def _send(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture(scope="module")
def hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def sources(hub: ThreadingHTTPServer, home: Path, address: str, *, offline: bool = False) -> Any:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    endpoint = f"http://127.0.0.1:{hub.server_address[1]}"
    more = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1" if offline else "0"}
    words = [sys.executable, "-c", CODE, address]
    done = subprocess.run(words, env={**kept, **more}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_files_folders_and_patterns_of_a_dataset_then_the_same_offline(
    hub: ThreadingHTTPServer, tmp_path: Path
) -> None:
    head = "hf://datasets/team/set"
    everything = [
        ["b.jsonl", f"{head}/data/b.jsonl", 2 * len(LINE.encode())],
        ["甲.jsonl", f"{head}/data/甲.jsonl", len(LINE.encode())],
    ]
    assert sources(hub, tmp_path, f"{head}/data") == everything
    assert sources(hub, tmp_path, f"{head}/da*/*.jsonl") == everything
    assert sources(hub, tmp_path, f"{head}/data/甲.jsonl") == everything[1:]
    hub.asked.clear()  # type: ignore[attr-defined]
    assert sources(hub, tmp_path, f"{head}/**/*.jsonl", offline=True) == everything
    message, hint = sources(hub, tmp_path, f"{head}/top.jsonl", offline=True)
    assert message == f"{head}/top.jsonl is not in the Hub's cache, and cannot be fetched"
    message, hint = sources(hub, tmp_path, "hf://datasets/team/other/a.jsonl", offline=True)
    assert "not in the Hub's cache" in message and "HF_HUB_OFFLINE" in hint
    assert hub.asked == []  # type: ignore[attr-defined]


def test_what_is_not_on_the_hub(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    assert (
        sources(hub, tmp_path, "hf://datasets/team/set/none.jsonl")[0]
        == "there is nothing at hf://datasets/team/set/none.jsonl"
    )
    message, hint = sources(hub, tmp_path, "hf://datasets/team/none/a.jsonl")
    assert message == "there is no dataset behind hf://datasets/team/none/a.jsonl, or it is private"
    assert "hf auth login" in hint


def test_a_whole_dataset_is_left_to_the_one_way_there_is() -> None:
    assert hub_name("hf://datasets/team/set") == "hf:team/set"
    assert hub_name("hf://datasets/team/set@v1/") == "hf:team/set@v1"
    assert hub_name("hf://datasets/team/set/a.jsonl") is None
    assert hub_name("hf:team/set") is None
    assert hub_file("datasets/team/set@refs%2Fpr%2F1/d/a.jsonl") == HubFile("team/set", "refs/pr/1", "d/a.jsonl")
    with pytest.raises(InputError, match="names no dataset"):
        hub_file("team/model/config.json")
