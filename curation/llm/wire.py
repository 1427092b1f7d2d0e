"""One HTTP exchange with an endpoint, bounded in time and in size.

The clock runs over the whole exchange, from the connection to the last byte: a time limit for each read, as HTTP
libraries have it, never ends for an endpoint that sends a byte now and then. So the exchange runs in an event loop, where
`asyncio.timeout` can end it anywhere, in a thread of its own; callers wait in theirs, and can stop waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import ssl
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Final

import httpx2

from curation.llm.keys import ApiKey
from curation.llm.model import CallFailed, never

MAX_BYTES: Final = 32 << 20  # of a response: 131,072 tokens with their JSON are a tenth of it
MAX_LINE_BYTES: Final = 1 << 20  # of an event: a piece of an answer, at most a few words
CONNECT_SECONDS: Final = 10.0  # a machine that is off should not cost the time of an answer
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Response:
    """What came back. data: the body, b"" where it came as events. is_events: whether it did."""

    status: int
    data: bytes
    is_events: bool = False
    retry_after: str = ""
    location: str = ""


class Wire:
    """Connections to the endpoint at `url`. timeout: seconds that an exchange may take as a whole.

    Certificates are verified, redirects are not followed, answers are not decompressed. A proxy from the environment is
    used for https only: whoever sits in between cannot read along.
    """

    def __init__(self, url: str, key: ApiKey | None, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        is_tls = url.startswith("https:")
        certificates = httpx2.create_ssl_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._new_client = functools.partial(
            httpx2.AsyncClient,
            auth=None if key is None else _Bearer(key),
            headers={"Accept-Encoding": "identity", "User-Agent": "curation-studio"},
            timeout=httpx2.Timeout(None, connect=min(CONNECT_SECONDS, timeout)),
            follow_redirects=False,
            trust_env=is_tls,
            verify=certificates,
        )
        self._idle: list[httpx2.AsyncClient] = []  # one connection each; touched in the loop's thread alone
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="llm-wire", daemon=True).start()
        self._end = weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)

    def close(self) -> None:
        """Close the connections. Exchanges under way in other threads end as 'stopped'."""
        if self._end.alive:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._end()

    async def _close(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for client in self._idle:
            await client.aclose()

    @contextlib.contextmanager
    def _client(self) -> Iterator[httpx2.AsyncClient]:
        """A client for one exchange, and its connection: with many in one pool, it looks at each before every request,
        which at 64 took half of the time."""
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            yield client
        finally:
            self._idle.append(client)

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        *,
        on_event: Callable[[bytes], None] | None = None,
        should_stop: Callable[[], bool] = never,
        grace: float = 0.0,
    ) -> Response:
        """POST `body` to `path` under the endpoint's address; GET where there is no body.

        on_event: called in this thread with the data of each server-sent event. grace: seconds that an exchange still
        has once should_stop said so. Raises CallFailed 'connection', 'timeout', 'cut_stream', 'not_json', 'stopped'.
        """
        arrived: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        future = asyncio.run_coroutine_threadsafe(self._ask(path, body, arrived.put), self._loop)
        future.add_done_callback(lambda _: arrived.put(None))
        ends_at = float("inf")
        try:
            while True:
                if ends_at == float("inf") and should_stop():
                    ends_at = time.monotonic() + grace
                if time.monotonic() >= ends_at:
                    raise CallFailed("stopped", "The call was stopped while its answer was awaited.")
                try:
                    event = arrived.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if event is None:
                    return future.result()
                if on_event is not None:
                    on_event(event)
        except CancelledError:
            raise CallFailed("stopped", "The connection was closed while the answer was awaited.") from None
        finally:
            future.cancel()  # does nothing to what is done

    @contextlib.asynccontextmanager
    async def _stream(self, path: str, body: bytes | None) -> AsyncIterator[httpx2.Response]:
        method, headers = ("GET", None) if body is None else ("POST", {"Content-Type": "application/json"})
        with self._client() as client:
            async with client.stream(method, self._url + path, content=body, headers=headers) as response:
                yield response

    async def _ask(self, path: str, body: bytes | None, put: Callable[[bytes], None]) -> Response:
        begun = False  # whether the endpoint has said 200
        try:
            async with asyncio.timeout(self._timeout), self._stream(path, body) as response:
                begun = response.status_code == 200
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise CallFailed("not_json", "The endpoint compressed its answer though it was asked not to.")
                is_events = begun and response.headers.get("content-type", "").startswith("text/event-stream")
                data = b""
                if is_events:
                    async for event in _events(_bounded(response)):
                        put(event)
                else:
                    data = b"".join([chunk async for chunk in _bounded(response)])
                told = response.headers
                return Response(
                    response.status_code, data, is_events, told.get("retry-after", ""), told.get("location", "")
                )
        except (httpx2.ConnectTimeout, TimeoutError) as error:
            late = f"No whole answer came within {self._timeout:g} seconds."
            raise CallFailed("timeout", late, sent=not isinstance(error, httpx2.ConnectTimeout)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            if begun:
                raise CallFailed("cut_stream", "The connection ended in the middle of the answer.") from None
            sent = not isinstance(error, (httpx2.ConnectError, httpx2.InvalidURL, UnicodeError))
            raise CallFailed("connection", _sentence(error, self._url), _hint(error), sent=sent) from None


class _Bearer(httpx2.Auth):
    """Puts the key into the header of a request, and nowhere else: no client, no settings hold it."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


async def _bounded(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as it comes, up to MAX_BYTES."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > MAX_BYTES:
            raise CallFailed("not_json", f"The answer is larger than {MAX_BYTES >> 20} MiB.")
        yield chunk


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of server-sent events, one line each as every endpoint of this kind has it.

    Lines end at LF or CR LF. Libraries that split text find ends of lines in U+2028 too, which answers may hold.
    """
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise CallFailed("not_json", f"An event of the stream is larger than {MAX_LINE_BYTES >> 20} MiB.")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _sentence(error: Exception, url: str) -> str:
    return f"The endpoint at {url} cannot be reached ({str(error) or type(error).__name__})."


def _hint(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "Is the certificate signed by an authority of your own? Name its file in SSL_CERT_FILE."
    return "Is it running, and is the address right?"
