"""The report's charts: Vega-Lite specifications rendered to static SVG, once for wide screens and once for phones.

Colours are names of CSS variables, so that the page's light or dark theme decides; no script is needed to look at them.
Every mark says what it stands for in a `<title>`: shown on hovering, and read aloud.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from curation.report.facts import BINS, Key, LedgerFacts

WIDE, NARROW = 900, 340  # pixels: the page's column, and a phone of 390 less its margins
MOST_SERIES = 8  # colours that can still be told apart
MOST_BARS = 20
Spec = dict[str, Any]

_COUNT = "format(datum.value, datum.value < 1000 ? '~r' : '~s')"  # 0, 500, 1.5k, 20k

_SVG = "http://www.w3.org/2000/svg"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Chart:
    """One chart as SVG for both widths, its content in a sentence, and names with their colours (CSS).

    The page draws the legend: there it wraps, and is measured with the reader's own font.
    """

    wide: Markup
    narrow: Markup
    caption: str
    legend: tuple[tuple[str, str], ...] = ()


def draw(make: Callable[[int], Spec], caption: str, legend: Mapping[str, str] | None = None) -> Chart:
    """Render what `make(width)` specifies at both widths."""
    return Chart(_svg(make(WIDE), caption), _svg(make(NARROW), caption), caption, tuple((legend or {}).items()))


def funnel(summary: Mapping[str, Any]) -> Chart:
    """How many records are left after reading and after each stage, and how many left there."""
    counts = summary["counts"]
    left = counts["read"]
    rows: list[Spec] = [_step("read", left, 0)]
    out = counts["quarantined"] + counts["blank"]
    if out:
        left -= out
        rows.append(_step("no record", left, out))
    for stage in summary["stages"]:
        left -= stage["dropped"]
        rows.append(_step(stage["stage"], left, stage["dropped"]))
    values = [
        {"name": row["name"], "order": order, "records": row[part], "part": part, "tip": row["tip"]}
        for row in rows
        for order, part in enumerate(("left", "gone"))
    ]
    labels = [{**row, "text": f"{row['left']:,}" + (f"  −{row['gone']:,}" if row["gone"] else "")} for row in rows]
    colours = {"left": "var(--kept)", "gone": "var(--gone)"}
    legend = {"left": "var(--kept)", "taken out here": "var(--gone)"}

    def make(width: int) -> Spec:
        return _bars_with_text(width, values, labels, colours)

    return draw(make, f"Of {counts['read']:,} read, {counts['kept']:,} were kept.", legend)


def _step(name: str, left: int, gone: int) -> Spec:
    tip = f"{name}: {left:,} left" + (f", {gone:,} taken out" if gone else "")
    return {"name": label(name), "left": left, "gone": gone, "reach": left + gone, "tip": label(tip)}


def lengths(summary: Mapping[str, Any]) -> Chart | None:
    """Lengths of the records in characters, before and after, in bins that double."""
    bins = summary.get("lengths") or {}
    before, after = bins.get("before", []), bins.get("after", [])
    used = [place for place, pair in enumerate(zip(before, after, strict=True)) if any(pair)]
    if not used:
        return None
    colours = {"before": "var(--faint-bar)", "after": "var(--kept)"}
    values = [
        {
            "length": _short(0 if place == 0 else 1 << place),
            "when": when,
            "records": numbers[place],
            "tip": f"{'under 2' if place == 0 else f'{1 << place:,} to {(2 << place) - 1:,}'} characters {when}: "
            f"{numbers[place]:,} records",
        }
        for when, numbers in (("before", before), ("after", after))
        for place in range(used[0], used[-1] + 1)
    ]

    def make(width: int) -> Spec:
        axis = {"title": "characters, from", "labelAngle": 0, "labelOverlap": True, "labelSeparation": 8}
        encoding = {
            "x": {"field": "length", "type": "ordinal", "sort": None, "axis": axis, "scale": {"paddingInner": 0.18}},
            "xOffset": {"field": "when", "sort": ["before", "after"]},
            "y": _records(max(max(before), max(after))),
            "color": _colours("when", colours),
            "description": {"field": "tip"},
        }
        return _chart(width, 200, data={"values": values}, mark={"type": "bar"}, encoding=encoding)

    caption = "Characters in a record; each step is twice as wide as the one before it."
    return draw(make, caption, colours)


def languages(summary: Mapping[str, Any]) -> Chart | None:
    """Records by language, as the language stage saw them."""
    counted = _top(summary.get("languages") or {}, MOST_BARS)
    if not counted:
        return None
    total = sum(counted.values())
    values = [
        {"name": label(name), "records": count, "part": "seen", "order": 0}
        | {"tip": label(f"{name}: {count:,} ({count / total:.1%})")}
        for name, count in counted.items()
    ]
    labels = [{**value, "reach": value["records"], "text": f"{value['records']:,}"} for value in values]

    def make(width: int) -> Spec:
        return _bars_with_text(width, values, labels, {"seen": "var(--kept)"})

    return draw(make, "Records by language, as the language stage saw them.")


def sources(summary: Mapping[str, Any]) -> Chart:
    """What became of each source's records; the largest sources first."""
    colours = {
        "kept": "var(--kept)",
        "dropped": "var(--gone)",
        "quarantined": "var(--c1)",
        "blank": "var(--faint-bar)",
    }
    largest = sorted(summary["sources"], key=lambda source: -source["read"])[:MOST_BARS]
    values = [
        {
            "name": label(source["source"]),
            "part": part,
            "order": order,
            "records": source[part],
            "tip": label(f"{source['source']}: {source[part]:,} {part} of {source['read']:,} read"),
        }
        for source in largest
        for order, part in enumerate(colours)
        if source[part]
    ]

    def make(width: int) -> Spec:
        encoding = {
            "y": _names(width, [value["name"] for value in values]),
            "x": {**_records(largest[0]["read"] if largest else 1), "title": "records"},
            "color": _colours("part", colours),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        }
        return _chart(width, 26 * len(largest), data={"values": values}, mark={"type": "bar"}, encoding=encoding)

    return draw(make, "What became of the records of each source.", colours)


def over_input(facts: LedgerFacts, summary: Mapping[str, Any], actions: Sequence[str]) -> Chart | None:
    """Where in the input decisions fell: records touched by reason, from the first position to the last."""
    by_key = {key: bins for key, bins in facts.over_input.items() if key[1] in actions}
    read = summary["counts"]["read"]
    if not by_key or facts.bins < 2:
        return None
    totals = _top({key: sum(bins.values()) for key, bins in by_key.items()}, MOST_SERIES, other=("", "", "other"))
    names = [label(_name(key)) for key in totals]
    colours = {name: f"var(--c{place})" for place, name in enumerate(names)}

    def make(width: int) -> Spec:
        bins = min(facts.bins, BINS if width == WIDE else BINS // 2)
        heights: Counter[tuple[str, int]] = Counter()
        for key, places in by_key.items():
            name = label(_name(key if key in totals else ("", "", "other")))
            for place, count in places.items():
                heights[name, place * bins // facts.bins] += count
        tallest = max(sum(n for (_, at), n in heights.items() if at == place) for place in range(bins))
        ends = [read * place // bins for place in range(bins + 1)]
        values = [
            {"from": ends[place], "to": ends[place + 1], "reason": name, "order": names.index(name), "records": count}
            | {"tip": f"{name}: {count:,} between positions {ends[place] + 1:,} and {ends[place + 1]:,}"}
            for (name, place), count in sorted(heights.items(), key=lambda item: (item[0][1], item[0][0]))
        ]
        encoding = {
            "x": {
                "field": "from",
                "type": "quantitative",
                "bin": {"binned": True},
                "scale": {"domain": [0, read], "nice": False},
                "axis": {"title": "position in the input", "grid": False, "tickCount": 6, "labelExpr": _COUNT},
            },
            "x2": {"field": "to"},
            "y": _records(tallest),
            "color": _colours("reason", colours),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        }
        return _chart(width, 170, data={"values": values}, mark={"type": "bar"}, encoding=encoding)

    return draw(make, "Decisions by their place in the input, all sources one after the other.", colours)


def label(text: str, most: int = 60) -> str:
    """`text` for a chart: no hidden character reaches it, and it is cut at `most` characters."""
    shown = _UNSEEN.sub("�", text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _name(key: Key) -> str:
    stage, _, reason = key
    return f"{stage}: {reason}" if stage else reason


def _top(counts: Mapping[Any, int], most: int, other: Any = "other") -> dict[Any, int]:
    """The largest counts, largest first; what is beyond `most` summed up under `other`."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= most:
        return dict(ordered)
    return dict(ordered[: most - 1]) | {other: sum(count for _, count in ordered[most - 1 :])}


def _short(number: int) -> str:
    return f"{number // 1024}k" if number >= 1024 else str(number)


def _breadth(text: str) -> float:
    """Pixels that `text` takes at 12 px in a wide font. The renderer measures with fonts the reader may not have."""
    return sum(12.5 if unicodedata.east_asian_width(character) in "WF" else 7.4 for character in text)


def _records(most: int) -> Spec:
    """An axis of counts up to `most`: at most six ticks, at whole numbers."""
    step = next(step for step in _steps() if most <= 5 * step)
    axis = {"title": None, "values": list(range(0, most + 1, step)), "labelExpr": _COUNT}
    return {"field": "records", "type": "quantitative", "axis": axis, "scale": {"domain": [0, most], "nice": False}}


def _steps() -> Iterator[int]:
    for power in itertools.count():
        yield from (digit * 10**power for digit in (1, 2, 5))


def _names(width: int, names: Sequence[str]) -> Spec:
    """The axis of names, as broad as they need up to a third of the width."""
    limit = width // 3
    extent = min(limit, max(map(_breadth, names), default=0.0)) + 8
    axis = {"title": None, "labelLimit": limit, "minExtent": extent, "ticks": False, "domain": False, "labelPadding": 8}
    return {"field": "name", "type": "nominal", "sort": None, "axis": axis}


def _bars_with_text(width: int, values: list[Spec], labels: list[Spec], colours: Mapping[str, str]) -> Spec:
    """Horizontal bars with their numbers beside them. `labels`: name, reach (where the bar ends), text, tip."""
    y = _names(width, [row["name"] for row in labels])
    room = max(_breadth(row["text"]) for row in labels) + 10
    plot = width - y["axis"]["minExtent"]
    most = max(row["reach"] for row in labels) * plot / (plot - room)
    x = {"type": "quantitative", "axis": None, "scale": {"domain": [0, most or 1], "nice": False}}
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "cornerRadius": 2},
        "encoding": {
            "y": y,
            "x": {"field": "records", **x},
            "color": _colours("part", colours),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        },
    }
    text = {
        "data": {"values": labels},
        "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--ink)"},
        "encoding": {"y": y, "x": {"field": "reach", **x}, "text": {"field": "text"}, "description": {"field": "tip"}},
    }
    return _chart(width, 25 * len(labels), layer=[bars, text])


def _colours(field: str, colours: Mapping[str, str]) -> Spec:
    """A fixed colour for each name."""
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def _chart(width: int, height: int, **body: Any) -> Spec:
    text = {
        "labelColor": "var(--dim)",
        "titleColor": "var(--dim)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titlePadding": 8,
    }
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "padding": 2,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {
            "background": "transparent",
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {**text, **lines, "titleFontWeight": "normal"},
            "text": {"fontSize": 12},
            "bar": {"continuousBandSize": 12},
        },
        **body,
    }


def _svg(spec: Spec, name: str) -> Markup:
    """Render; drop the fixed size, give every mark a tooltip, and keep ids of several charts apart.

    The renderer numbers ids on and on, so they are also made the same for the same chart.
    """
    import vl_convert  # 34 MB with its own JavaScript engine: loaded only when a report is made

    ET.register_namespace("", _SVG)
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    width = root.attrib.pop("width")
    del root.attrib["height"]
    root.set("role", "graphics-document")
    root.set("aria-label", name)
    prefix = f"c{zlib.crc32(f'{name}{width}'.encode()):08x}"
    ids = {
        old: f"{prefix}-{place}"
        for place, old in enumerate(dict.fromkeys(e.attrib["id"] for e in root.iter() if "id" in e.attrib))
    }
    for element in root.iter():
        if element.get("role") == "graphics-symbol" and element.get("aria-roledescription") in {"bar", "text mark"}:
            title = ET.SubElement(element, f"{{{_SVG}}}title")
            title.text = element.get("aria-label")
            for attribute in ("role", "aria-roledescription", "aria-label"):
                del element.attrib[attribute]
        if element.get("id"):
            element.set("id", ids[element.attrib["id"]])
        clip = re.fullmatch(r"url\(#(.+)\)", element.get("clip-path", ""))
        if clip:
            element.set("clip-path", f"url(#{ids[clip[1]]})")
    return Markup(ET.tostring(root, encoding="unicode"))
