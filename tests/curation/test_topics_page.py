"""`map.html` in a real browser: a click filters, pointing shows a record, hostile texts stay texts, no request leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from known_topics import known_topics
from test_report_browser import CHROMIUM, Browser

from curation.engine.local import curate
from curation.recipe import Recipe
from curation.topics.build import make_map
from curation.topics.model import Map, MapSettings, read_map, read_points

HOSTILE = [
    {"question": "</script><script>window.hacked = 1</script>",
     "answer": "<img src=http://192.0.2.7/x onerror='window.hacked=1'>"},
    {"question": "Turn \u202e around \x1b]0;hacked\x07", "answer": "<style>@import 'http://192.0.2.7/y'</style> {{ 7*7 }}"},
]  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map of a curation in which records were dropped, some of them hostile."""
    home = tmp_path_factory.mktemp("page")
    records = [*known_topics(60, ("cooking", "law", "music"))[0], *HOSTILE]
    records += records[:6]
    (home / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    recipe = Recipe.from_text("name: t\nstages:\n  - use: exact\n", "t")
    curate([str(home / "in.jsonl")], recipe, home / "run", listener=lambda _: None, workers=1, report=False)
    (home / "map").mkdir()
    make_map([str(home / "run")], MapSettings(topics=3), home / "map", title="20261129-map")
    return home / "map"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[tuple[Browser, Map]]:
    browser.open(folder / "map.html", 1280)
    yield browser, read_map(folder)
    asked = [request["request"]["url"] for request in browser.said("Network.requestWillBeSent")]
    assert asked == [(folder / "map.html").as_uri()], "the page asks elsewhere"
    assert browser.said("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded") == []
    assert browser.ask("typeof window.hacked") == "undefined"


def shown(browser: Browser) -> int:
    return int(browser.ask("document.getElementById('count').textContent").split()[0].replace(",", ""))


def test_a_click_on_a_topic_filters_and_another_one_undoes_it(page: tuple[Browser, Map], folder: Path) -> None:
    browser, found = page
    assert shown(browser) == found.records == 68
    browser.ask("document.querySelector('.topic[data-topic=\"2\"]').click()")
    assert shown(browser) == found.topics[1].size
    assert browser.ask("document.querySelector('.topic[data-topic=\"2\"]').getAttribute('aria-pressed')") == "true"
    listed = browser.ask("[...document.querySelectorAll('#records li bdi')].map(e => e.textContent)")
    mine = read_points(folder).filter(topic=2)
    assert listed == mine["opening"].to_list()
    browser.ask("document.querySelector('.topic[data-topic=\"3\"]').click()")
    assert shown(browser) == found.topics[1].size + found.topics[2].size
    browser.ask("document.getElementById('all').click()")
    assert shown(browser) == found.records
    assert browser.ask("document.querySelectorAll('.topic[aria-pressed=true]').length") == 0


def test_kept_and_dropped_language_and_words_filter(page: tuple[Browser, Map], folder: Path) -> None:
    browser, found = page
    points = read_points(folder)

    def choose(name: str, value: str) -> None:
        browser.ask(f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('change')); e.dispatchEvent(new Event('input')) }})"
                    f"(document.getElementById({name!r}))")  # fmt: skip

    choose("fate", "dropped")
    assert shown(browser) == found.dropped >= 6
    choose("fate", "")
    choose("language", "zh")
    assert shown(browser) == points.filter(language="zh").height > 20
    choose("language", "")
    choose("find", "guitar")
    assert shown(browser) == sum("guitar" in opening for opening in points["opening"]) > 0
    for colour in ("fate", "near", "topic"):
        choose("colour", colour)


def test_pointing_at_a_record_shows_its_first_words_and_dragging_chooses_a_region(
    page: tuple[Browser, Map], folder: Path
) -> None:
    browser, _ = page
    points = read_points(folder)
    row = points.row(5, named=True)
    box = browser.ask(
        "(r => [r.left, r.top, r.width, r.height])(document.getElementById('plane').getBoundingClientRect())"
    )
    x, y = box[0] + 18 + row["x"] * (box[2] - 36), box[1] + 18 + (1 - row["y"]) * (box[3] - 36)
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    tip = browser.ask("document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent")
    at = (points["x"] - row["x"]).abs() + (points["y"] - row["y"]).abs() < 0.01
    assert any(tip.startswith(each) for each in points.filter(at)["opening"]), tip
    browser.call(
        "Input.dispatchMouseEvent", type="mousePressed", x=box[0] + 3, y=box[1] + 3, button="left", clickCount=1
    )
    browser.call(
        "Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] / 2, y=box[1] + box[3] - 3, button="left"
    )
    browser.call(
        "Input.dispatchMouseEvent", type="mouseReleased", x=box[0] + box[2] / 2, y=box[1] + box[3] - 3, button="left"
    )
    edge = (box[2] / 2 - 18) / (box[2] - 36)
    assert abs(shown(browser) - points.filter(points["x"] <= edge).height) <= 1
    assert 0 < shown(browser) < points.height


def test_hostile_texts_are_shown_as_what_they_are(page: tuple[Browser, Map], folder: Path) -> None:
    browser, _ = page
    whole = (folder / "map.html").read_text()
    assert "<script>window" not in whole and "<img" not in whole and "<style>@import" not in whole
    for character in ("\u202e", "\x1b", "\x07"):
        assert character not in whole
    texts = browser.ask("[...document.querySelectorAll('#records bdi')].map(e => e.textContent)")
    assert HOSTILE[0]["question"] in texts and "Turn � around �]0;hacked�" in texts
    assert browser.ask("document.scripts.length") == 2


def test_the_policy_lets_only_the_pages_own_script_run(page: tuple[Browser, Map]) -> None:
    browser, _ = page
    policy = browser.ask("document.querySelector('meta[http-equiv]').content")
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy and "unsafe-inline'; img" in policy
    assert "connect-src" not in policy and "'unsafe-eval'" not in policy
    browser.ask(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 1'; document.body.append(s) })()"
    )
    assert browser.ask("typeof window.hacked") == "undefined"
    browser.events = [event for event in browser.events if event.get("method") != "Log.entryAdded"]  # of this refusal
