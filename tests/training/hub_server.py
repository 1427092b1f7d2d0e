"""A stand-in for the Hub, on this machine and over real HTTP: repositories, large files, commits that are whole or not at all.

It speaks as much of the API as pushing needs, keeps what was committed, counts what was asked, and fails where it is told
to: `faults` are (method, part of the path, what happens), each used once. What happens is a status, or "drop": the
connection is cut before an answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_" + "standin" * 5
LARGE = (".safetensors", ".gguf", ".parquet")


@dataclass
class Repository:
    """files: of the newest commit, by path; large: paths whose content lies in the store of large files."""

    kind: str
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=lambda: ["0" * 40])

    @property
    def head(self) -> str:
        return self.commits[-1]

    def oid(self, path: str) -> str | None:
        """As the Hub has it: SHA-256 for large files, git's SHA-1 for others."""
        if path not in self.files:
            return None
        data = self.files[path]
        if path in self.large:
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Hub:
    """address: where it listens. requests: method and path of each, in order. stored: large files that were sent."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: list[tuple[str, str, int | str]] = field(default_factory=list)

    def count(self, method: str, part: str) -> int:
        return sum(request.startswith(method) and part in request for request in self.requests)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        self._handle("GET")

    def do_HEAD(self) -> None:
        self._handle("HEAD")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def _handle(self, method: str) -> None:
        path = unquote(urlsplit(self.path).path)
        data = self._body()
        self.hub.requests.append(f"{method} {path}")
        for fault in self.hub.faults:
            if fault[0] == method and fault[1] in path:
                self.hub.faults.remove(fault)
                if fault[2] == "drop":
                    self.close_connection = True
                    return self.connection.shutdown(2)
                return self._say(int(fault[2]), {"error": "told to fail"})
        if path.startswith("/lfs/"):
            return self._store(path.rpartition("/")[2], data)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say(401, {"error": "Invalid username or password."})
        if path == "/api/validate-yaml":
            return self._validate(json.loads(data))
        if path == "/api/repos/create":
            return self._create(json.loads(data))
        if path.endswith("/info/lfs/objects/batch"):
            return self._batch(json.loads(data))
        return self._repository(method, path, data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "others":
            return self._say(403, {"error": "You don't have the rights to create a repository there"})
        url = {"url": f"{self.hub.address}/{name}"}
        if name in self.hub.repositories:
            return self._say(409, {"error": "You already created this repo", **url})
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.repositories[name] = Repository(asked.get("type", "model"), private)
        return self._say(200, url)

    def _validate(self, asked: dict[str, Any]) -> None:
        head = asked["content"].split("---")
        try:
            wrong = not (len(head) > 2 and isinstance(yaml.safe_load(head[1]), dict))
        except yaml.YAMLError:
            wrong = True
        errors = [{"message": "the head of the card is no YAML"}] if wrong else []
        return self._say(400 if errors else 200, {"errors": errors, "warnings": []})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for one in asked["objects"]:
            found: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.hub.stored:
                found["actions"] = {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}}
            objects.append(found)
        return self._say(200, {"transfer": "basic", "objects": objects})

    def _store(self, oid: str, data: bytes) -> None:
        if hashlib.sha256(data).hexdigest() != oid:
            return self._say(400, {"error": "the content is not what was announced"})
        self.hub.stored[oid] = data
        return self._say(200, {})

    def _repository(self, method: str, path: str, data: bytes) -> None:
        kind, _, rest = path.removeprefix("/api/").partition("/")
        owner, name, *action = rest.split("/")
        repository = self.hub.repositories.get(f"{owner}/{name}")
        if repository is None or f"{repository.kind}s" != kind:
            return self._say(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if not action or action[0] == "revision":
            siblings = [{"rfilename": file} for file in repository.files]
            found = {"id": f"{owner}/{name}", "sha": repository.head, "private": repository.private}
            return self._say(200, {**found, "siblings": siblings})
        if action[0] == "tree":
            return self._say(
                200,
                [
                    {"type": "file", "path": file, "size": len(content), "oid": repository.oid(file)}
                    for file, content in repository.files.items()
                ],
            )
        if action[0] == "preupload":
            return self._preupload(repository, json.loads(data))
        if action[0] == "commit" and method == "POST":
            return self._commit(f"{owner}/{name}", repository, data)
        return self._say(404, {"error": "no such thing"})

    def _preupload(self, repository: Repository, asked: dict[str, Any]) -> None:
        files = []
        for one in asked["files"]:
            mode = "lfs" if one["path"].endswith(LARGE) else "regular"
            files.append(
                {
                    "path": one["path"],
                    "uploadMode": mode,
                    "shouldIgnore": False,
                    "oid": repository.oid(one["path"]),
                }
            )
        return self._say(200, {"files": files})

    def _commit(self, name: str, repository: Repository, data: bytes) -> None:
        files, large = dict(repository.files), set(repository.large)
        for line in data.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                if value.get("parentCommit") not in (None, repository.head):
                    return self._say(412, {"error": "A commit has happened since. Please refresh and try again."})
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                large.discard(value["path"])
            elif entry["key"] == "lfsFile":
                if value["oid"] not in self.hub.stored:
                    return self._say(400, {"error": f"The large file {value['path']} was never sent"})
                files[value["path"]] = self.hub.stored[value["oid"]]
                large.add(value["path"])
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        repository.files, repository.large = files, large
        repository.commits.append(hashlib.sha1(data + repository.head.encode()).hexdigest())
        url = f"{self.hub.address}/{name}/commit/{repository.head}"
        return self._say(200, {"success": True, "commitOid": repository.head, "commitUrl": url})

    def _say(self, status: int, value: Any, more: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for key, said in (more or {}).items():
            self.send_header(key, said)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def hub_server() -> Iterator[Hub]:
    """A Hub with nothing on it, for as long as the block lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
