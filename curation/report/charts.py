"""The report's charts: Vega-Lite specifications rendered to static SVG, once for wide screens and once for phones.

Colours are names of CSS variables, so that the page's light or dark theme decides; no script is needed to look at them.
Every mark says what it stands for in `aria-label` (read aloud) and `<title>` (shown on hovering).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from curation.report.facts import Key, LedgerFacts

WIDE, NARROW = 900, 340  # pixels: the page's column, and a phone of 390 less its margins
MOST_SERIES = 8  # colours that can still be told apart
MOST_BARS = 20
Spec = dict[str, Any]

_SVG = "http://www.w3.org/2000/svg"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Chart:
    """One chart as SVG for both widths, and its content in a sentence."""

    wide: Markup
    narrow: Markup
    caption: str


def draw(make: Callable[[int], Spec], caption: str) -> Chart:
    """Render what `make(width)` specifies at both widths."""
    return Chart(_svg(make(WIDE), f"{caption} "), _svg(make(NARROW), caption), caption)


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
        {"step": row["step"], "order": order, "records": row[part], "part": part, "tip": row["tip"]}
        for row in rows
        for order, part in enumerate(("left", "gone"))
    ]
    labels = [{**row, "text": f"{row['left']:,}" + (f"  −{row['gone']:,}" if row["gone"] else "")} for row in rows]

    def make(width: int) -> Spec:
        y = {"field": "step", "type": "nominal", "sort": None, "axis": _names(width)}
        top = counts["read"] * (1.3 if width == NARROW else 1.16)  # room for the numbers beside the bars
        bars = {
            "data": {"values": values},
            "mark": {"type": "bar", "cornerRadius": 2},
            "encoding": {
                "y": y,
                "x": {"field": "records", "type": "quantitative", "axis": None, "scale": {"domain": [0, top or 1]}},
                "color": _colours("part", ["left", "gone"], ["var(--kept)", "var(--gone)"], columns=0),
                "order": {"field": "order"},
                "description": {"field": "tip"},
            },
        }
        text = {
            "data": {"values": labels},
            "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--ink)"},
            "encoding": {
                "y": y,
                "x": {"field": "reach", "type": "quantitative"},
                "text": {"field": "text"},
                "description": {"field": "tip"},
            },
        }
        return _chart(width, 26 * len(rows), layer=[bars, text])

    return draw(make, f"Of {counts['read']:,} read, {counts['kept']:,} were kept.")


def _step(name: str, left: int, gone: int) -> Spec:
    tip = f"{name}: {left:,} left" + (f", {gone:,} taken out" if gone else "")
    return {"step": label(name), "left": left, "gone": gone, "reach": left + gone, "tip": label(tip)}


def lengths(summary: Mapping[str, Any]) -> Chart | None:
    """Lengths of the records in characters, before and after, in bins that double."""
    bins = summary.get("lengths") or {}
    before, after = bins.get("before", []), bins.get("after", [])
    used = [place for place, pair in enumerate(zip(before, after, strict=True)) if any(pair)]
    if not used:
        return None
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
        axis = {"title": "characters, from", "labelAngle": 0, "labelOverlap": True}
        encoding = {
            "x": {"field": "length", "type": "ordinal", "sort": None, "axis": axis, "scale": {"paddingInner": 0.18}},
            "xOffset": {"field": "when", "sort": ["before", "after"]},
            "y": _records(),
            "color": _colours("when", ["before", "after"], ["var(--faint-bar)", "var(--kept)"]),
            "description": {"field": "tip"},
        }
        return _chart(width, 200, data={"values": values}, mark={"type": "bar"}, encoding=encoding)

    return draw(make, "Characters in a record, before and after; each bar is twice as wide as the one before.")


def languages(summary: Mapping[str, Any]) -> Chart | None:
    """Records by language, as the language stage saw them."""
    counted = _top(summary.get("languages") or {}, MOST_BARS)
    if not counted:
        return None
    total = sum(counted.values())
    values = [
        {"language": label(name), "records": count, "tip": label(f"{name}: {count:,} ({count / total:.1%})")}
        for name, count in counted.items()
    ]

    def make(width: int) -> Spec:
        encoding = {
            "y": {"field": "language", "type": "nominal", "sort": None, "axis": _names(width)},
            "x": {**_records(), "title": "records"},
            "description": {"field": "tip"},
        }
        mark = {"type": "bar", "color": "var(--kept)", "cornerRadius": 2}
        return _chart(width, 22 * len(values), data={"values": values}, mark=mark, encoding=encoding)

    return draw(make, f"Records by language; {len(counted)} seen.")


def sources(summary: Mapping[str, Any]) -> Chart:
    """What became of each source's records; the largest sources first."""
    parts = ["kept", "dropped", "quarantined", "blank"]
    largest = sorted(summary["sources"], key=lambda source: -source["read"])[:MOST_BARS]
    values = [
        {
            "source": label(source["source"]),
            "part": part,
            "order": order,
            "records": source[part],
            "tip": label(f"{source['source']}: {source[part]:,} {part} of {source['read']:,} read"),
        }
        for source in largest
        for order, part in enumerate(parts)
        if source[part]
    ]

    def make(width: int) -> Spec:
        colours = ["var(--kept)", "var(--gone)", "var(--c1)", "var(--faint-bar)"]
        encoding = {
            "y": {"field": "source", "type": "nominal", "sort": None, "axis": _names(width)},
            "x": {**_records(), "title": "records"},
            "color": _colours("part", parts, colours),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        }
        return _chart(width, 26 * len(largest), data={"values": values}, mark={"type": "bar"}, encoding=encoding)

    return draw(make, "What became of the records of each source.")


def over_input(facts: LedgerFacts, summary: Mapping[str, Any], actions: Sequence[str]) -> Chart | None:
    """Where in the input decisions fell: records touched by reason, from the first position to the last."""
    by_key = {key: bins for key, bins in facts.over_input.items() if key[1] in actions}
    read = summary["counts"]["read"]
    if not by_key or facts.bins < 2:
        return None
    totals = _top({key: sum(bins.values()) for key, bins in by_key.items()}, MOST_SERIES, other=("", "", "other"))
    names = [label(_name(key)) for key in totals]
    palette = [f"var(--c{place})" for place in range(len(names))]

    def make(width: int) -> Spec:
        bins = min(facts.bins, 60 if width == WIDE else 30)
        heights: Counter[tuple[str, int]] = Counter()
        for key, places in by_key.items():
            name = label(_name(key if key in totals else ("", "", "other")))
            for place, count in places.items():
                heights[name, place * bins // facts.bins] += count
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
                "axis": {"title": "position in the input", "grid": False, "tickCount": 6, "format": "~s"},
            },
            "x2": {"field": "to"},
            "y": _records(),
            "color": _colours("reason", names, palette, columns=1 if width == NARROW else 4),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        }
        return _chart(width, 170, data={"values": values}, mark={"type": "bar"}, encoding=encoding)

    return draw(make, "Decisions by their place in the input, all sources one after the other.")


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


def _records() -> Spec:
    axis = {"title": None, "tickCount": 4, "format": "~s", "tickMinStep": 1}
    return {"field": "records", "type": "quantitative", "axis": axis}


def _names(width: int) -> Spec:
    return {"title": None, "labelLimit": 220 if width == WIDE else 110, "labelPadding": 8, "ticks": False, "domain": False}


def _colours(field: str, names: Sequence[str], colours: Sequence[str], columns: int = 4) -> Spec:
    """A fixed colour for each name, with a legend of `columns` columns above the chart, or none for 0."""
    legend = {"title": None, "orient": "top", "columns": columns, "labelLimit": 260, "symbolType": "square"}
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(names), "range": list(colours)},
        "legend": legend if columns else None,
    }


def _chart(width: int, height: int, **body: Any) -> Spec:
    text = {"labelColor": "var(--dim)", "titleColor": "var(--dim)", "labelFontSize": 12, "titleFontSize": 12}
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
            "legend": {**text, "labelFontSize": 12},
            "text": {"fontSize": 12},
            "bar": {"continuousBandSize": 12},
        },
        **body,
    }


def _svg(spec: Spec, name: str) -> Markup:
    """Render; drop the fixed size, give every mark a tooltip, and keep ids of several charts apart."""
    import vl_convert  # 34 MB with its own JavaScript engine: loaded only when a report is made

    ET.register_namespace("", _SVG)
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    root.attrib.pop("width")
    root.attrib.pop("height")
    root.set("role", "graphics-document")
    root.set("aria-label", name.strip())
    prefix = f"c{zlib.crc32(name.encode()):08x}"
    for element in root.iter():
        if element.get("role") == "graphics-symbol" and element.get("aria-roledescription") in {"bar", "text mark"}:
            title = ET.SubElement(element, f"{{{_SVG}}}title")
            title.text = element.get("aria-label")
        for attribute in ("id", "clip-path"):
            value = element.get(attribute)
            if value:
                element.set(attribute, re.sub(r"(clip|gradient)", rf"{prefix}\1", value))
    return Markup(ET.tostring(root, encoding="unicode"))
