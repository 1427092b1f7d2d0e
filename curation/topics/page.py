"""`map.html`: the map to look at and to click in, one file with nothing loaded from elsewhere.

One script runs in it, the page's own, allowed by its digest (`Content-Security-Policy`); no other does, and nothing is
sent or fetched. Texts of records stand in a block of JSON and reach the page as text, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import polars as pl
from markupsafe import Markup

from curation.report.charts import label
from curation.report.marks import visible
from curation.topics.model import PAGE, SCORE, Map
from curation.writers.atomic import write_atomic

MOST_POINTS: Final = 20_000  # on the page: some 4 MB; the others are in points.parquet
_SHOWN: Final = ("record_id", "topic", "x", "y", "fate", "reason", "language", "near", "copy_of", "opening")


def write_page(folder: Path, found: Map, points: pl.DataFrame, title: str) -> Path:
    """Write `map.html` into `folder`, readable by its owner only. points: POINTS and the measures. Raises OutputError."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("curation", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["count"] = lambda value: f"{value:,}"
    script = resources.files("curation.topics").joinpath("map_script.html").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = _thinned(points.filter(pl.col("topic") > 0))
    page = environment.get_template("topics/map.html").render(
        map=found,
        title=title,
        shown=shown.height,
        script=Markup(script),
        digest=digest,
        data=Markup(_as_json(_data(found, shown))),
    )
    path = folder / PAGE
    write_atomic(path, page.encode("utf-8", "backslashreplace"), mode=0o600)
    return path


def _thinned(points: pl.DataFrame) -> pl.DataFrame:
    """At most MOST_POINTS, evenly of all topics."""
    if points.height <= MOST_POINTS:
        return points
    order = np.argsort(points["topic"].to_numpy(), kind="stable")
    return points[np.sort(order[np.linspace(0, len(order) - 1, MOST_POINTS, dtype=np.int64)])]


def _data(found: Map, points: pl.DataFrame) -> dict[str, Any]:
    """What the script draws, column by column."""
    harmless = ("record_id", "reason", "copy_of", "opening")
    columns = {
        name: [label(value, 240) for value in points[name]] if name in harmless else points[name].to_list()
        for name in _SHOWN
    }
    scores = {label(name): points[SCORE + name].round(4).to_list() for name in found.scores}
    topics = [
        {name: value for name, value in asdict(topic).items() if name in ("number", "name", "marks", "x", "y")}
        for topic in found.topics
    ]
    return {
        "points": columns,
        "scores": scores,
        "topics": topics,
        "regions": [asdict(region) for region in found.regions],
    }


def _as_json(value: Any) -> str:
    """JSON that stands in a script element without ending it."""
    text = orjson.dumps(value).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
