# ruff: noqa: E501 - tables are easier to read in long lines
"""Maps for tests and pictures of the Map screen: folders as a worker leaves them, whose places do not depend on a machine."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
from generate_drawn import held
from train_drawn import finish
from tui_pilot import Driven, driven

from curation.topics.model import MAP, PAGE, POINTS, POINTS_FILE, SCORE, Map, Region, Topic
from studio.runs.folder import RunFolder
from studio.runs.jsonl import one_line
from studio.runs.mapping import STAGES
from studio.tui.picture import picture
from studio.tui.screens.curate_work import Following
from studio.tui.settings import Settings

Act = Callable[[Driven], Awaitable[None]]
DONE, LIVE, FILES = "20260304-1320-map-2c7d", "20260304-1510-map-81e0", "20260303-0930-map-4b19"
CURATION = "20260304-1110-curate-7a10"
_BEGAN = 1772629800.0
_Row = tuple[tuple[str, ...], float, float, float, int, int, tuple[str, ...], tuple[str, ...]]
# words, middle, how far it reaches, records, dropped, marks, what its records say
TOPICS: dict[str, tuple[_Row, ...]] = {
    "en": (
        (("router", "light", "cable"), 0.22, 0.74, 0.15, 420, 96, ("crowded",), ("My router blinks red, what now?", "The cable modem loses its light every evening.", "How do I reset the router?")),
        (("invoice", "refund", "paid"), 0.68, 0.76, 0.12, 260, 21, (), ("I was charged twice on this invoice.", "When will my refund arrive?", "Can I pay by bank transfer?")),
        (("password", "login", "account"), 0.47, 0.52, 0.10, 190, 8, (), ("I forgot the password of my account.", "The login page says my account is locked.")),
        (("delivery", "parcel", "address"), 0.80, 0.42, 0.10, 150, 4, (), ("Where is my parcel?", "Please change the delivery address.")),
        (("contract", "cancel", "months"), 0.58, 0.24, 0.09, 120, 60, (), ("How do I cancel my contract?", "Does it run for another twelve months?")),
        (("roaming", "abroad", "data"), 0.24, 0.30, 0.08, 74, 0, (), ("What does data cost abroad?", "Roaming does not work in Norway.")),
        (("signal", "antenna", "roof"), 0.40, 0.90, 0.05, 31, 1, ("thin",), ("The antenna on my roof gets no signal.",)),
        (("hearing", "captions", "reader"), 0.88, 0.12, 0.04, 12, 12, ("thin", "emptied"), ("Do you have captions for your videos?",)),
    ),
    "zh_CN": (
        (("路由器", "指示灯", "网线"), 0.22, 0.74, 0.15, 420, 96, ("crowded",), ("路由器一直闪红灯怎么办？", "每到晚上网线接口的指示灯就灭了。", "怎么重置路由器？")),
        (("账单", "退款", "付款"), 0.68, 0.76, 0.12, 260, 21, (), ("这张账单重复扣款了。", "退款什么时候到账？", "可以用银行转账付款吗？")),
        (("密码", "登录", "账号"), 0.47, 0.52, 0.10, 190, 8, (), ("我忘了账号的密码。", "登录页面说账号被锁定了。")),
        (("快递", "包裹", "地址"), 0.80, 0.42, 0.10, 150, 4, (), ("我的包裹在哪里？", "请修改收货地址。")),
        (("合同", "取消", "月"), 0.58, 0.24, 0.09, 120, 60, (), ("怎么取消合同？", "还要再续十二个月吗？")),
        (("漫游", "国外", "流量"), 0.24, 0.30, 0.08, 74, 0, (), ("国外流量怎么收费？", "在挪威漫游用不了。")),
        (("信号", "天线", "屋顶"), 0.40, 0.90, 0.05, 31, 1, ("thin",), ("屋顶的天线收不到信号。",)),
        (("听障", "字幕", "读屏"), 0.88, 0.12, 0.04, 12, 12, ("thin", "emptied"), ("你们的视频有字幕吗？",)),
    ),
}  # fmt: skip
MEASURES = ("rarity.score", "signals.score")


def _spread(at: int, size: int) -> tuple[float, float]:
    """A place in a disc of radius 1: the same ones everywhere, denser in the middle."""
    radius, angle = ((at + 0.5) / size) ** 0.8, at * 2.399963
    return radius * math.cos(angle) * (1 + 0.25 * math.sin(at * 0.7)), radius * math.sin(angle)


def points_of(rows: Sequence[_Row], language: str) -> pl.DataFrame:
    """One row a record, topic after topic."""
    records: list[dict[str, Any]] = []
    for number, (_words, x, y, reach, size, dropped, _marks, said) in enumerate(rows, 1):
        for at in range(size):
            across, down = _spread(at, size)
            gone = at * dropped // size != (at + 1) * dropped // size
            records.append({
                "record_id": f"desk.jsonl:{len(records) + 1}", "input": 0, "content_hash": f"{len(records):032x}", "topic": number,
                "x": round(x + reach * across, 4), "y": round(y + 1.3 * reach * down, 4), "fate": "dropped" if gone else "kept",
                "reason": "near/near_duplicate" if gone else "", "language": "zh" if language == "zh_CN" else "en",
                "central": round(0.9 - 0.5 * at / size, 4), "near": round(0.42 + 0.2 * math.sin(number * 1.3) + 0.1 * math.cos(at), 4),
                "copy_of": f"desk.jsonl:{len(records)}" if gone and at else "", "opening": said[at % len(said)],
                SCORE + MEASURES[0]: round(0.5 + 0.4 * across, 4), SCORE + MEASURES[1]: round(0.95 - 0.1 * (number % 4) + 0.04 * down, 4),
            })  # fmt: skip
    records.append({**records[-1], "record_id": "desk.jsonl:9999", "topic": 0, "x": None, "y": None, "central": None, "near": None, "opening": "",
                    SCORE + MEASURES[0]: None, SCORE + MEASURES[1]: None, "copy_of": "", "fate": "kept", "reason": ""})  # fmt: skip
    measures = {SCORE + name: pl.Float64() for name in MEASURES}
    return pl.DataFrame(records, schema={**POINTS, **measures})


def map_of(rows: Sequence[_Row], points: pl.DataFrame, inputs: Sequence[str], *, decided: bool) -> Map:
    """The map of these points."""
    topics = []
    for number, (words, x, y, _reach, size, dropped, marks, _said) in enumerate(rows, 1):
        mine = points.filter(pl.col("topic") == number)
        scores = {name: round(float(mine[SCORE + name].mean()), 4) for name in MEASURES}  # type: ignore[arg-type]
        spoken = {str(mine["language"][0]): size - size // 9, "de": size // 9}
        topics.append(Topic(
            number, " · ".join(words), words, size, round(size / points.height, 4), size - dropped if decided else 0, dropped if decided else 0,
            mine.filter(pl.col("copy_of") != "").height, spoken, scores, round(float(mine["near"].mean()), 4),  # type: ignore[arg-type]
            x, y, marks, tuple(mine["record_id"][:3]),
        ))  # fmt: skip
    gone = sum(row[5] for row in rows)
    regions = (
        Region("thin", 3, 22, 0, 0.31, 0.53, 0.62, "desk.jsonl:701"),
        Region("crowded", 5, 19, 11, 0.93, 0.66, 0.3, "desk.jsonl:1030"),
    )
    return Map(points.height, points.height - gone if decided else 0, gone if decided else 0, 1, 0, tuple(inputs), MEASURES, tuple(topics),
               regions, {"topics": 0, "part": "record", "model": "multilingual", "limit": 0, "seed": 0})  # fmt: skip


def make_map_folder(runs: Path, name: str, inputs: Sequence[str]) -> RunFolder:
    """A map's folder without an event."""
    folder = RunFolder(runs.absolute() / name)
    folder.path.mkdir(parents=True)
    spec = {
        "kind": "map", "created": "2026-03-04T13:20:00+00:00", "inputs": list(inputs), "sources": [],
        "recipe": {"name": "map", "digest": "0" * 16, "yaml": "", "resolved": {"map": {}}, "stages": list(STAGES), "seed": 0},
        "options": {}, "seed": 0, "argv": ["studio", "map"], "cwd": str(runs.absolute().parent), "versions": {}, "earlier": [], "version": 1,
    }  # fmt: skip
    folder.spec.write_text(json.dumps(spec))
    os.utime(folder.spec, (_BEGAN, _BEGAN))
    return folder


def tell(folder: RunFolder, *events: dict[str, Any]) -> None:
    """Events, as the worker appends them."""
    with folder.events.open("a") as stream:
        stream.write("".join(one_line(event) + "\n" for event in events))


def started(name: str) -> dict[str, Any]:
    """The first event."""
    return {
        "event": "run_started",
        "time": _BEGAN,
        "run": name,
        "kind": "map",
        "recipe": "map",
        "stages": list(STAGES),
        "workers": 1,
        "resumed": False,
    }


def progress(phase: str, done: int, total: int, unit: str) -> dict[str, Any]:
    """How far a step is."""
    return {
        "event": "progress",
        "time": _BEGAN + 9,
        "phase": phase,
        "done": done,
        "total": total,
        "unit": unit,
        "rate": 46.0,
        "eta": (total - done) / 46,
    }


def write_map(folder: RunFolder, found: Map, points: pl.DataFrame) -> None:
    """A finished map."""
    (folder.path / MAP).write_bytes(found.to_json())
    points.write_parquet(folder.path / POINTS_FILE)
    (folder.path / PAGE).write_text("<!doctype html>")
    counts = {
        "read": found.records,
        "textless": 1,
        **({"kept": found.kept, "dropped": found.dropped} if found.kept else {}),
    }
    topics = [
        {"number": each.number, "name": each.name, "size": each.size, "marks": list(each.marks)}
        for each in found.topics
    ]
    summary = {
        "kind": "map",
        "counts": counts,
        "left_out": 0,
        "topics": topics,
        "regions": 2,
        "page": str(folder.path / PAGE),
    }
    tell(
        folder,
        started(folder.name),
        {"event": "run_finished", "time": _BEGAN + 20, "run": folder.name, "summary": summary},
    )
    finish(folder, summary=summary)


def make_maps(runs: Path, language: str = "en") -> Path:
    """A map of a curation, one that is being made, and one of a file."""
    rows = TOPICS[language]
    points = points_of(rows, language)
    folder = make_map_folder(runs, DONE, [str(runs.absolute() / CURATION)])
    write_map(folder, map_of(rows, points, [str(runs.absolute() / CURATION)], decided=True), points)
    live = make_map_folder(runs, LIVE, ["/data/desk.jsonl"])
    tell(live, started(LIVE), progress("read", 1257, 1257, "records"), progress("embed", 512, 1257, "texts"))
    few = points.filter(pl.col("topic").is_between(5, 8)).with_columns(
        pl.col("topic") - 4, fate=pl.lit(""), reason=pl.lit("")
    )
    files = make_map_folder(runs, FILES, ["/data/desk.jsonl"])
    write_map(files, map_of(rows[4:], few, ["/data/desk.jsonl"], decided=False), few)
    return runs


# States of the screen


async def shown(studio: Driven, runs: Path, name: str) -> None:
    """A map on the screen, painted."""
    studio.screen.attach(runs.absolute() / name)
    screen = studio.screen
    await studio.until(lambda: screen.rows is not None, "its records")
    await settled(studio)


async def settled(studio: Driven) -> None:
    """Chosen, painted, drawn."""
    screen = studio.screen
    plane = screen.query_one("#plane")
    for _again in range(3):
        await studio.pilot.pause()
        await studio.until(
            lambda: not plane.is_on_screen or (plane.scatter is not None and plane.scatter.view == screen._view()),
            "the plane",
        )
        await studio.until(
            lambda: (
                not [
                    each
                    for each in screen.workers
                    if each.is_running and each.group in ("look", "paint", "read", "tell")
                ]
            ),
            "workers",
        )
    await studio.pilot.pause(0.1)


def _opened(name: str, *keys: str) -> Act:
    async def act(studio: Driven) -> None:
        await shown(studio, studio.app.runs_dir, name)
        for key in keys:
            await studio.press(key)
            await settled(studio)

    return act


async def _listed(studio: Driven) -> None:
    await studio.until(lambda: studio.screen.query_one("#maps").frames, "the list")


async def _first(studio: Driven) -> None:
    await studio.until(lambda: studio.screen.has_class("-none"), "what to press")


async def _making(studio: Driven) -> None:
    studio.screen.attach(studio.app.runs_dir.absolute() / LIVE)
    await studio.until(lambda: studio.screen.stood is not None and studio.screen.snapshot.phases, "how far it is")
    await studio.pilot.pause(0.2)


async def _asked(studio: Driven) -> None:
    await _opened(DONE, "down", "g")(studio)
    await studio.until(lambda: studio.screen.query_one("PromptLine").is_open, "the question")


BOX = ("tab", *["K"] * 2, *["H"] * 2, "space", "L", "L", "J", "J")
STATES: dict[str, Act] = {
    "first": _first,
    "list": _listed,
    "making": _making,
    "whole": _opened(DONE),
    "topic": _opened(DONE, "down", "down"),
    "box": _opened(DONE, *BOX),
    "fate": _opened(DONE, "c", "down"),
    "measure": _opened(DONE, "c", "c", "c"),
    "closer": _opened(DONE, *BOX, "space", "plus"),
    "record": _opened(DONE, *["down"] * 5, "tab", "tab", "down"),
    "files": _opened(FILES, "down"),
    "seeds": _asked,
}  # fmt: skip


async def draw(state: str, folder: Path, size: tuple[int, int], language: str, theme: str = "dark") -> str:
    """The screen in one of STATES, as SVG. Runs are made in `folder`, which has to be the current one."""
    runs = folder / "runs" if state == "first" else make_maps(folder / "runs", language)
    settings = Settings(language=language, animation="none", theme=theme)
    Following._usage = lambda _self: (0.9, 412_000_000)  # type: ignore[method-assign]
    with held(runs, LIVE) if state != "first" else nullcontext():
        async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
            await studio.press("8")
            await studio.until(lambda: studio.app.current_mode == "map", "the screen")
            await studio.until(lambda: studio.app.live or state == "first", "the line at the top")
            await STATES[state](studio)
            await studio.pilot.pause(0.3)
            return picture(studio.app)
