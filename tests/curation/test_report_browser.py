"""The report in a real browser: headless Chromium, spoken to over its debugging pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation.engine.local import curate
from curation.recipe import Recipe

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DATASETS = Path(__file__).parents[2] / "datasets"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


# The browser wants its pipe as file descriptors 3 and 4; they are moved out of the way first, in case they are these.
_ON_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for wanted, end in zip((3, 4), ends):
    os.dup2(end, wanted)
    os.close(end)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One headless Chromium and one page in it. Protocol: https://chromedevtools.github.io/devtools-protocol/."""

    def __init__(self, home: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--remote-debugging-pipe", f"--user-data-dir={home}", "--disable-background-networking"]
        ends = [str(to_read), str(to_write)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_3_AND_4, *ends, str(CHROMIUM), *flags, "about:blank"],
            pass_fds=(to_read, to_write),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 16)
            assert data, "the browser went away"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def open(self, page: Path, width: int, scheme: str = "light") -> None:
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def ask(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def said(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") in methods]

    def picture(self, file: Path) -> None:
        """A PNG of the whole page, for a person to look at."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        os.close(self._write)  # which ends the browser
        self._process.wait(timeout=20)
        os.close(self._read)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real run over the sample data."""
    folder = tmp_path_factory.mktemp("runs") / "sample"
    inputs = [str(DATASETS / name) for name in ("support_desk.jsonl", "qa_zh.csv", "alpaca_mixed.json")]
    recipe = Recipe.load("sft").with_settings(["language.enabled=true", "language.allow=[en, zh]"])
    curate(inputs, recipe, folder, listener=lambda event: None, workers=1)
    return folder / "report.html"


@pytest.mark.parametrize(("width", "shown", "hidden"), [(1280, "wide", "narrow"), (390, "narrow", "wide")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_errors_and_without_the_network(
    browser: Browser, report: Path, width: int, shown: str, hidden: str, scheme: str
) -> None:
    browser.open(report, width, scheme)
    asked = [request["request"]["url"] for request in browser.said("Network.requestWillBeSent")]
    assert asked == [report.as_uri()]
    assert browser.said("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded") == []
    assert browser.ask("document.compatMode") == "CSS1Compat"
    boxes = f"[...document.querySelectorAll('.{shown} > svg')].map(e => e.getBoundingClientRect())"
    sizes = browser.ask(f"{boxes}.map(r => [r.width, r.height])")
    assert len(sizes) >= 6
    assert all(w > 250 and h > 20 for w, h in sizes)
    assert browser.ask(f"[...document.querySelectorAll('.{hidden}')].every(e => e.offsetHeight === 0)")


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nothing_sticks_out_of_the_page(browser: Browser, report: Path, width: int) -> None:
    browser.open(report, width)
    browser.ask("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    outside = browser.ask(
        "[...document.querySelectorAll('main svg text')].filter(e => e.getBoundingClientRect().width)"
        ".filter(e => { const r = e.getBoundingClientRect(), s = e.ownerSVGElement.getBoundingClientRect();"
        " return r.left < s.left - 1 || r.right > s.right + 1 }).map(e => e.textContent)"
    )
    assert outside == []


def test_the_theme_follows_the_system(browser: Browser, report: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        browser.open(report, 1280, scheme)
        colours[scheme] = [
            browser.ask("getComputedStyle(document.body).backgroundColor"),
            browser.ask("getComputedStyle(document.querySelector('#funnel .wide svg path[fill*=\"--kept\"]')).fill"),
        ]
    assert colours["light"][0] != colours["dark"][0]
    assert colours["light"][1] != colours["dark"][1]


def test_text_can_be_read_on_its_background(browser: Browser, report: Path) -> None:
    """WCAG 2 contrast of at least 4.5 to 1 for every colour that carries text, in both themes."""
    measure = """
      (() => {
        const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
            return .2126 * r + .7152 * g + .0722 * b };
        const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$/.test(c) && c !== 'transparent') return c } return 'rgb(255, 255, 255)' };
        const poor = new Set();
        for (const e of document.querySelectorAll('body *:not(svg *):not(i)')) {
          if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
          const a = light(getComputedStyle(e).color), b = light(ground(e));
          if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) poor.add(e.tagName + '.' + e.className);
        }
        return [...poor];
      })()
    """
    for scheme in ("light", "dark"):
        browser.open(report, 1280, scheme)
        assert browser.ask(measure) == [], scheme


def test_marks_have_names_for_those_who_do_not_see_them(browser: Browser, report: Path) -> None:
    browser.open(report, 1280)
    titles = browser.ask("[...document.querySelectorAll('#funnel .wide svg path > title')].map(e => e.textContent)")
    assert any(title.startswith("read: 294 left") for title in titles)
