"""`studio serve`: the interface in a real browser, only with the secret, only on the loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tui_pilot import chats, write_jsonl

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Served:
    process: subprocess.Popen[str]
    port: int
    address: str
    said: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    port = free_port()
    path = write_jsonl(tmp_path / "a.jsonl", chats(40))
    said = (tmp_path / "said").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", "serve", str(path), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=said, text=True,
        env={**os.environ, "LANG": "C.UTF-8", "STUDIO_RUNS_DIR": str(tmp_path / "runs")},
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    for _ in range(200):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                break
        asyncio.run(asyncio.sleep(0.1))
    said.seek(0)
    yield Served(process, port, address, said.read())
    process.send_signal(signal.SIGINT)
    assert process.wait(20) is not None
    said.close()


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_nothing_without_the_secret_and_nothing_off_the_loopback(served: Served) -> None:
    root = f"http://127.0.0.1:{served.port}"
    assert re.fullmatch(rf"{re.escape(root)}/\?secret=[\w-]{{32}}", served.address)
    assert f"ssh -N -L {served.port}:127.0.0.1:{served.port} " in served.said
    secret = served.address.rpartition("=")[2]
    cookie = f"studio-{served.port}={secret}"
    assert status(f"{root}/", Cookie=cookie) == 200
    for path in ("/", "/ws", "/static/", "/?secret=wrong"):
        assert status(root + path) == 403
        assert status(root + path, Cookie="studio-1=x") == 403
    assert status(f"{root}/ws", Cookie=cookie, Origin="http://elsewhere.example") == 403
    assert status(f"{root}/", Cookie=cookie, Host=f"elsewhere.example:{served.port}") == 403
    addresses = {item[4][0] for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in {*addresses, "127.0.0.2"} - {"127.0.0.1"}:
        with socket.socket() as probe:
            probe.settimeout(3)
            assert probe.connect_ex((str(address), served.port)) != 0, address


def test_a_taken_port_is_said(served: Served) -> None:
    command = [sys.executable, "-m", "studio", "serve", "--port", str(served.port)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode != 0 and f"Port {served.port} cannot be used" in found.stderr and "--port" in found.stderr


class Browser:
    """The few commands of the DevTools protocol that are needed here."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.requested: list[str] = []

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            found = json.loads((await self._socket.receive(timeout=60)).data)
            if found.get("method") == "Network.requestWillBeSent":
                self.requested.append(found["params"]["request"]["url"])
            if found.get("id") == self._number:
                assert "error" not in found, found
                return dict(found["result"])

    async def key(self, text: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.do("Input.dispatchKeyEvent", type=kind, text=text if kind == "keyDown" else "", key=text)

    async def picture(self) -> bytes:
        return base64.b64decode((await self.do("Page.captureScreenshot", format="png"))["data"])


async def drive(served: Served, profile: Path) -> None:
    import aiohttp

    assert CHROMIUM is not None
    chromium = subprocess.Popen(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}",
         "--window-size=1000,700", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        lines: list[str] = []
        for _ in range(600):
            await asyncio.sleep(0.1)
            if (file := profile / "DevToolsActivePort").exists() and len(lines := file.read_text().split()) == 2:
                break
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
                page = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                await look(Browser(socket), served)
    finally:
        chromium.terminate()
        chromium.wait(20)


async def look(browser: Browser, served: Served) -> None:
    await browser.do("Network.enable")
    await browser.do("Page.enable")
    await browser.do("Page.navigate", url=served.address)
    before = b""
    for _ in range(100):  # until two pictures in a row are the same, and more than an empty page
        await asyncio.sleep(0.5)
        now = await browser.picture()
        if now == before and len(now) > 30_000:
            break
        before = now
    assert len(before) > 30_000, "no picture of the interface"
    for _ in range(30):  # the page may not listen yet: the cursor goes down once or more
        await browser.do("Runtime.evaluate", expression="document.querySelector('.xterm-helper-textarea')?.focus()")
        await browser.key("j")
        await asyncio.sleep(1)
        if await browser.picture() != before:
            break
    assert await browser.picture() != before, "a key changed nothing"
    address = (await browser.do("Runtime.evaluate", expression="location.href"))["result"]["value"]
    assert "secret" not in address
    loaded = await browser.do(
        "Runtime.evaluate", expression="JSON.stringify(performance.getEntriesByType('resource').map(e => e.name))"
    )
    here = f"//127.0.0.1:{served.port}/"
    strange = [url for url in json.loads(loaded["result"]["value"]) if here not in url and url.startswith("http")]
    assert all("fonts.googleapis.com" in url for url in strange), (
        strange
    )  # asked for by the page, stopped by the policy


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_shows_it_and_keys_work(served: Served, tmp_path: Path) -> None:
    asyncio.run(drive(served, tmp_path / "profile"))
