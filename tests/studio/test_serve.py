"""`studio serve`: the interface in a real browser, only with the secret, only on the loopback, asking nobody anything."""

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
from urllib.parse import urlsplit

import psutil
import pytest
from tui_pilot import chats, write_jsonl

# Every process of the server imports this at its start, and notes what it connects to and what names it looks up.
NOTING = """
import os, sys
def write(word):
    with open(os.environ["CONNECTED"], "a") as stream:
        stream.write(f"{word}\\n")
def note(event, given):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        target = given[1] if event != "socket.getaddrinfo" else given[:2]
        if isinstance(target, tuple):
            write(target[0])
write("started")
sys.addaudithook(note)
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Served:
    process: subprocess.Popen[str]
    port: int
    address: str
    said: str
    connected: Path

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    port = free_port()
    path = write_jsonl(tmp_path / "a.jsonl", chats(40))
    said = (tmp_path / "said").open("w+")
    (tmp_path / "noting").mkdir()
    (tmp_path / "noting" / "sitecustomize.py").write_text(NOTING)
    connected = tmp_path / "connected"
    connected.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", "serve", str(path), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=said, text=True,
        env={
            **os.environ, "LANG": "C.UTF-8", "STUDIO_RUNS_DIR": str(tmp_path / "runs"),
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "noting"), str(Path.cwd())]), "CONNECTED": str(connected),
        },
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    for _ in range(200):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                break
        asyncio.run(asyncio.sleep(0.1))
    said.seek(0)
    yield Served(process, port, address, said.read(), connected)
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
    root = served.root
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
    listening = {
        (each.laddr.ip, each.laddr.port)
        for process in served.processes()
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", served.port)}
    families = (socket.AF_INET, socket.AF_INET6)
    own = {(each.family, each.address) for many in psutil.net_if_addrs().values() for each in many}
    for family, address in {*own, (socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")}:
        if family in families and address != "127.0.0.1":
            with socket.socket(family) as probe:
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
        self.refused: list[str] = []

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            found = json.loads((await self._socket.receive(timeout=60)).data)
            about = found.get("params", {})
            if found.get("method") == "Network.requestWillBeSent":
                self.requested.append(about["request"]["url"])
            if found.get("method") == "Network.webSocketCreated":
                self.requested.append(about["url"])
            if found.get("method") == "Log.entryAdded" and about["entry"]["source"] == "security":
                self.refused.append(about["entry"]["text"])
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
         "--window-size=1000,700", f"--log-net-log={profile}.network", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank"],
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
    await browser.do("Log.enable")
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
    here = {f"{served.root}/", f"ws://127.0.0.1:{served.port}/"}
    strange = [url for url in browser.requested if not url.startswith((*here, "data:", "blob:"))]
    assert strange == [], "the page asks elsewhere"
    assert any(url.startswith("ws:") for url in browser.requested) and len(browser.requested) > 4
    assert browser.refused == [], "the policy had to stop something"
    for process in served.processes():
        for each in process.net_connections("inet"):
            assert each.laddr.ip == "127.0.0.1" and (not each.raddr or each.raddr.ip == "127.0.0.1"), each


def asked_by_the_page(log: Path, root: str) -> set[str]:
    """The hosts in chromium's log of the network that a page of `root` asked for; chromium's own requests name no origin."""
    text = log.read_text("utf-8")
    parameters = []
    at = text.index('"events"')
    while (at := text.find("{", at)) >= 0:  # event by event: a browser that was ended leaves the log without its end
        try:
            event, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            break
        parameters.append(event.get("params", {}))
    return {
        str(urlsplit(about["url"]).hostname)
        for about in parameters
        if "url" in about and about.get("initiator", "").startswith(root)
    }


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_shows_it_and_keys_work(served: Served, tmp_path: Path) -> None:
    asyncio.run(drive(served, tmp_path / "profile"))
    assert asked_by_the_page(tmp_path / "profile.network", served.root) == {"127.0.0.1"}
    noted = served.connected.read_text().split()
    assert noted.count("started") >= 2 and set(noted) <= {"started", "127.0.0.1"}, (
        "the server or the interface asks around"
    )
    with urllib.request.urlopen(
        urllib.request.Request(f"{served.root}/", headers={"Cookie": f"studio-{served.port}={served.address[-32:]}"})
    ) as answer:
        page = answer.read().decode()
    assert "textual.js" in page
    assert not re.search(rf"(?:src|href)=[\"']?(?:https?:)?//(?!127\.0\.0\.1:{served.port}/)", page)
