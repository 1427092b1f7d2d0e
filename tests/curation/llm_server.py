"""A real HTTP server on this machine that answers like an OpenAI-compatible endpoint, and misbehaves when told to.

    with FaultyServer(lambda body: "yes", faults=["429", None, "cut"]) as server:
        model = connect(server.address)                  # http://127.0.0.1:PORT/v1#stub
        reply = model.complete(ChatRequest("", (ChatMessage("user", "Is it?"),)))
        assert server.billed == 1 and len(server.requests) == 2

answer: from the request's JSON to the text of the answer (called in the server's threads). It may raise `Fault(name)`
to misbehave for certain prompts only. faults: what happens to the first, second … chat request; None is none. When
they are used up, each request suffers one of `kinds` with probability `rate`, drawn by `seed`. delay: seconds that the
server thinks before it answers.

The server counts `billed`: answers that it worked out and meant to send whole, by last user message in `answered`.
`requests` are all chat requests with body, headers (names in lower case) and fault. To use it from the tests of another folder:

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

Body = dict[str, Any]

FAULTS = {
    "429": "too many requests, without a word about when",
    "429_later": "too many requests; retry-after: 1",
    "429_date": "too many requests; retry-after: the time in two seconds, as a date",
    "429_forever": "too many requests; retry-after: 3600",
    "500": "an error of the server, as HTML",
    "503_later": "overloaded; retry-after: 1",
    "drop": "the connection is reset before a byte of the answer",
    "drop_midway": "the connection ends in the middle of the answer's JSON, or of the stream's chunks",
    "hang": "nothing comes until the other side gives up",
    "drip": "one byte of the answer every 50 ms, a minute in all; of a stream, comments that keep it alive",
    "drip_headers": "one byte of the headers every 50 ms",
    "html": "200 with a page",
    "empty": "200 with nothing",
    "half_json": "200 with half a JSON object, whole as far as HTTP can tell",
    "no_choices": "200 with JSON that has no choices",
    "error_in_200": "200 with an error object",
    "null_content": "a message whose content is null",
    "length": "half the answer, finish_reason length",
    "no_finish": "half the answer, finish_reason null",
    "filter": "half the answer, finish_reason content_filter",
    "cut": "half the answer, then the end: of the stream without [DONE], or of the connection",
    "no_done": "half the answer and a finish reason, then the end of the stream without [DONE]; else as cut",
    "garbage": "a stream with an event that is no JSON, or a body that is no UTF-8",
    "redirect": "307 to another host",
    "huge": "an answer without end",
    "gzip": "a compressed answer though none was asked for",
    "400": "a refusal, quoting the Authorization header in its error",
    "401": "a refusal of the key, quoting it",
}
"""Every fault and what it does."""

PASSING = ("429", "429_later", "500", "503_later", "drop", "drop_midway", "hang", "drip", "html", "empty", "half_json",
           "no_choices", "error_in_200", "null_content", "no_finish", "cut", "no_done", "garbage")  # fmt: skip
"""Those after which asking again is right."""


LLAMA_CPP_SAYS = (
    "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be "
    "'text' or 'json_object'\", 'input': 'json_schema', 'ctx': {'expected': \"'text' or 'json_object'\"}}"
)


class Fault(Exception):
    """Raised by an answer function: misbehave in this way."""


class Seen(NamedTuple):
    """One chat request as it arrived."""

    body: Body
    headers: dict[str, str]
    fault: str | None
    at: float  # time.monotonic()


def last_user_text(body: Body) -> str:
    """The last thing the user said."""
    return next((m["content"] for m in reversed(body["messages"]) if m["role"] == "user"), "")


def echo(body: Body) -> str:
    """An answer that tells which question it answers."""
    return f"You said: {last_user_text(body)}"


class FaultyServer:
    """See the module. key: what `Authorization: Bearer` must carry; else nobody asks. models: what /v1/models lists.
    refuses: request fields that are refused with 400, as an endpoint does that does not know them (`response_format`,
    `stream_options`, `max_tokens`); `json_schema` is that type of response_format, refused with 500, as llama_cpp.server
    does it. tls: a PEM file of certificate and key; the address is then https.
    """

    def __init__(
        self,
        answer: Callable[[Body], str] = echo,
        *,
        faults: Iterable[str | None] = (),
        rate: float = 0.0,
        kinds: Sequence[str] = PASSING,
        seed: int = 0,
        delay: float = 0.0,
        key: str = "",
        models: Sequence[str] = ("stub",),
        refuses: Sequence[str] = (),
        redirect_to: str = "http://127.0.0.2:9/v1/chat/completions",
        tls: Path | None = None,
    ) -> None:
        self.answer = answer
        self.faults = list(faults)
        assert set(filter(None, self.faults)) | set(kinds) <= set(FAULTS), "unknown fault"
        self.rate, self.kinds, self.delay = rate, tuple(kinds), delay
        self.key, self.models, self.refuses, self.redirect_to = key, tuple(models), tuple(refuses), redirect_to
        self.requests: list[Seen] = []
        self.answered: Counter[str] = Counter()
        self.under_way = self.most_at_once = self.sent = 0
        self.closing = threading.Event()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Exchange)
        self._http.owner = self
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            self.scheme = "https"

    @property
    def url(self) -> str:
        """Where the API begins."""
        return f"{self.scheme}://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def address(self) -> str:
        """The first model at this endpoint, as `connect` takes it."""
        return f"{self.url}#{self.models[0]}"

    @property
    def billed(self) -> int:
        """How many answers were worked out to be sent whole."""
        return sum(self.answered.values())

    def next_fault(self) -> str | None:
        """What happens to this request."""
        with self._lock:
            if self.faults:
                return self.faults.pop(0)
            return self._random.choice(self.kinds) if self._random.random() < self.rate else None

    def see(self, body: Body, headers: dict[str, str], fault: str | None) -> None:
        """Remember a request."""
        with self._lock:
            self.requests.append(Seen(body, headers, fault, time.monotonic()))

    def bill(self, body: Body) -> None:
        """An answer was worked out."""
        with self._lock:
            self.answered[last_user_text(body)] += 1

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Count how many requests are worked on at once."""
        with self._lock:
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1

    def __enter__(self) -> FaultyServer:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    owner: FaultyServer

    def handle_error(self, *_: object) -> None:
        """Connections that clients leave are nothing to report."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self.send_json(404, {"error": {"message": "no such path"}})
        listed = [{"id": name, "object": "model"} for name in self.server.owner.models]
        return self.send_json(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        owner = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/chat/completions":
            return self.send_json(404, {"error": {"message": "no such path"}})
        refusal = self.refusal(body)
        fault = None if refusal else owner.next_fault()
        owner.see(body, {name.lower(): value for name, value in self.headers.items()}, fault)
        if refusal:
            return self.send_json(*refusal)
        with owner.working():
            owner.closing.wait(owner.delay)
            try:
                text = owner.answer(body)
            except Fault as raised:
                fault, text = str(raised), "never to be seen whole"
            if fault:
                return self.misbehave(fault, body, text)
            owner.bill(body)
            return self.send_stream(text) if body.get("stream") else self.send_json(200, whole(body, text))

    def refusal(self, body: Body) -> tuple[int, Body] | None:
        """Why the request is not looked at, if so."""
        owner = self.server.owner
        given = self.headers.get("authorization", "")
        if owner.key and given != f"Bearer {owner.key}":
            return 401, {"error": {"message": f"Incorrect API key provided: {given}"}}
        form = body.get("response_format", {}).get("type")
        if "json_schema" in owner.refuses and form == "json_schema":
            return 500, {
                "error": {"message": LLAMA_CPP_SAYS, "type": "internal_server_error", "param": None, "code": None}
            }
        for name in owner.refuses:
            if name in body:
                advice = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                return 400, {"error": {"message": f"Unsupported parameter: '{name}'.{advice}", "param": name}}
        return None

    def send_json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self.send_bytes(status, json.dumps(value, ensure_ascii=False).encode(), "application/json", headers)

    def send_bytes(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def send_stream(self, text: str, finish: str | None = "stop", fault: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.send_chunk(b": a comment that keeps the connection alive\n\n")
        for piece in re.findall(r"\s*\S+|\s+$", text):
            self.send_event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
        if fault == "garbage":
            self.send_chunk(b"data: {oops\n\n")
        if fault == "drip":
            for _ in range(1200):
                self.send_chunk(b": still at it\n\n")
                if self.server.owner.closing.wait(0.05):
                    break
        if fault == "drop_midway":
            self.wfile.write(b"ff\r\ndata: ")
            self.close_connection = True
            return
        if fault not in ("cut", "drip"):
            self.send_event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
            self.send_event({"choices": [], "usage": usage(text)})
            if fault != "no_done":
                self.send_chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def send_event(self, event: Body) -> None:
        event = {"object": "chat.completion.chunk", "model": self.server.owner.models[0], **event}
        self.send_chunk(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")

    def send_chunk(self, data: bytes) -> None:
        half = len(data) // 2  # so that no piece is a whole line, nor always a whole character
        for part in (data[:half], data[half:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()

    def drip(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.owner.closing.wait(0.05):
                return

    def misbehave(self, fault: str, body: Body, text: str) -> None:
        half, finish = text[: len(text) // 2], _FINISHES.get(fault, "stop")
        if fault in _STATUSES:
            error = {"error": {"message": f"no, said with {self.headers.get('authorization', 'nothing')}"}}
            status, headers = _STATUSES[fault]
            later = {"Retry-After": formatdate(time.time() + 2.5, usegmt=True)} if fault == "429_date" else headers
            self.send_json(status, error, later)
        elif fault in _PAGES:
            status, page = _PAGES[fault]
            self.send_bytes(status, page, "text/html")
        elif fault == "redirect":
            self.send_bytes(307, b"", "text/plain", {"Location": self.server.owner.redirect_to})
        elif body.get("stream") and fault in (*_OF_STREAMS, *_FINISHES):
            self.send_stream(half, finish, fault)
        elif fault in _FINISHES:
            self.send_json(200, whole(body, half, finish))
        else:
            self.misbehave_in_bytes(fault, whole(body, text))

    def misbehave_in_bytes(self, fault: str, good: Body) -> None:
        data = json.dumps(good, ensure_ascii=False).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self.close_connection = True
        match fault:
            case "drop":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case "hang":
                self.connection.settimeout(60)
                with contextlib.suppress(OSError):
                    self.connection.recv(1)
            case "drip_headers":
                self.drip(head + b"X-Filler: " + b"x" * 1000)
            case "drip":
                self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % (len(data) + 1000))
                self.drip(b" " * 1000 + data)
            case "huge":
                self.wfile.write(head + b'\r\n{"choices": "')
                while not self.server.owner.closing.is_set():
                    self.wfile.write(b"x" * 65_536)
                    self.server.owner.sent += 65_536
            case "drop_midway" | "cut" | "no_done":
                self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % len(data) + data[: len(data) // 2])
            case "half_json" | "garbage":
                self.send_bytes(
                    200, data[: len(data) // 2] if fault == "half_json" else data + b"\xff", "application/json"
                )
            case _:
                no_text = {**good["choices"][0], "message": {"role": "assistant", "content": None}}
                self.send_json(200, {**good, "choices": [no_text] if fault == "null_content" else []})


_STATUSES: dict[str, tuple[int, dict[str, str]]] = {
    "429": (429, {}),
    "429_date": (429, {}),
    "429_later": (429, {"Retry-After": "1"}),
    "429_forever": (429, {"Retry-After": "3600"}),
    "503_later": (503, {"Retry-After": "1"}),
    "400": (400, {}),
    "401": (401, {}),
    "error_in_200": (200, {}),
    "gzip": (200, {"Content-Encoding": "gzip"}),
}
_PAGES = {
    "500": (500, b"<html>Internal Server Error</html>"),
    "html": (200, b"<html><body>Please log in</body></html>"),
    "empty": (200, b""),
}
_OF_STREAMS = ("cut", "no_done", "garbage", "drip", "drop_midway")
_FINISHES = {"length": "length", "no_finish": None, "filter": "content_filter"}


def whole(body: Body, text: str, finish: str | None = "stop") -> Body:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": body.get("model", ""),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage(text),
    }


def usage(text: str) -> Body:
    """Tokens, counted as words."""
    return {"prompt_tokens": 7, "completion_tokens": len(text.split()), "total_tokens": 7 + len(text.split())}
