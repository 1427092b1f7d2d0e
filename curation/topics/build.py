"""Making a map, from its inputs to its three files."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from curation.errors import InputError
from curation.events import Listener, Progress
from curation.language.detect import detect_languages
from curation.topics.clusters import Clusters, cluster
from curation.topics.density import neighbourhood, regions, topic_marks
from curation.topics.gather import MOST_SCORES, Gathered, gather
from curation.topics.layout import lay_out
from curation.topics.model import F32, I64, MAP, POINTS, POINTS_FILE, SCORE, WITHHELD, Map, MapSettings, Topic
from curation.topics.page import write_page
from curation.topics.vectors import embed
from curation.topics.words import distinctive_words, name_of
from curation.writers.atomic import write_atomic

EXAMPLES: Final = 5  # most central records named for each topic
PHASE: Final = "map"
_STEPS: Final = ("topics", "neighbours", "layout", "words", "page")


def make_map(
    inputs: Sequence[str],
    settings: MapSettings,
    folder: Path,
    *,
    earlier: Sequence[Path] = (),
    title: str = "",
    listener: Listener = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Map:
    """Write `map.json`, `points.parquet` and `map.html` into `folder`, and return the map.

    inputs: folders of finished curations, or anything a curation takes. earlier: folders of maps whose vectors may be
    used. title: of the page. Raises InputError for inputs that cannot be read or hold no text, Stopped, OutputError.
    """
    gathered = gather(inputs, settings, listener, should_stop)
    vectors = embed(gathered.records["text"].to_list(), settings.model, folder, earlier, listener, should_stop)
    rows = np.flatnonzero(vectors.any(axis=1))
    if not len(rows):
        raise InputError("No record has a text to compare.", "Look at another part: --part record")
    step = _steps(listener)
    told = np.ascontiguousarray(vectors[rows])
    step("topics")
    found = cluster(told, settings.topics, settings.seed)
    step("neighbours")
    near, twin = neighbourhood(told)
    step("layout")
    places = lay_out(told, found.topics, settings.seed)
    step("words")
    words = distinctive_words(_told(gathered, rows), found.topics, found.central)
    points = _points(gathered, rows, found, near, twin, places)
    whole = _map(gathered, points, found, words, near, twin, places, rows, inputs, settings)
    step("page")
    _write(folder, whole, points, title)
    listener(Progress(PHASE, len(_STEPS), len(_STEPS), "steps", 0.0, 0.0))
    return whole


def _told(gathered: Gathered, rows: I64) -> list[str]:
    """The texts that topics may be named from: not those that are withheld."""
    frame = gathered.records.select(
        pl.when(pl.col("opening") == WITHHELD).then(pl.lit("")).otherwise("text").alias("text")
    )
    return frame["text"].gather(rows).to_list()


def _steps(listener: Listener) -> Callable[[str], None]:
    """Tells that a step begins."""
    started = time.monotonic()

    def begin(name: str) -> None:
        done = _STEPS.index(name)
        rate = done / max(time.monotonic() - started, 1e-6)
        listener(Progress(PHASE, done, len(_STEPS), "steps", round(rate, 3), None))

    return begin


def _points(gathered: Gathered, rows: I64, found: Clusters, near: F32, twin: I64, places: F32) -> pl.DataFrame:
    records = gathered.records
    ids = records["record_id"].gather(rows)
    copy_of = ids.gather(np.maximum(twin, 0)).zip_with(
        pl.Series(twin >= 0), pl.Series([""]).new_from_index(0, len(ids))
    )
    seen = pl.DataFrame(
        {
            "row": rows,
            "topic": pl.Series(found.topics + 1, dtype=pl.Int32),
            "x": pl.Series(places[:, 0], dtype=pl.Float32).round(4),
            "y": pl.Series(places[:, 1], dtype=pl.Float32).round(4),
            "central": pl.Series(found.central, dtype=pl.Float32).round(4),
            "near": pl.Series(near, dtype=pl.Float32).round(4),
            "copy_of": copy_of,
        }
    )
    frame = (
        records.with_columns(language=detect_languages(records["text"])["language"])
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(seen, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("topic").fill_null(0), pl.col("copy_of").fill_null(""))
        .select(pl.col(name).cast(kind) for name, kind in POINTS.items())
    )
    return frame.hstack(_scores(gathered, frame.select("record_id", "input")))


def _scores(gathered: Gathered, ids: pl.DataFrame) -> pl.DataFrame:
    """A column a measure, SCORE and `stage.name`, in the order of their names; the MOST_SCORES that most records have."""
    long = gathered.scores.with_columns(column=pl.lit(SCORE) + pl.concat_str("stage", "name", separator="."))
    counts = Counter(long["column"].to_list())
    chosen = sorted(sorted(counts, key=lambda name: (-counts[name], name))[:MOST_SCORES])
    frame, keys = ids, ["record_id", "input"]
    for name in chosen:
        mine = long.filter(pl.col("column") == name).unique(keys, keep="last", maintain_order=True)
        frame = frame.join(mine.select(*keys, pl.col("value").alias(name)), on=keys, how="left", maintain_order="left")
    return frame.drop(keys)


def _map(
    gathered: Gathered,
    points: pl.DataFrame,
    found: Clusters,
    words: Sequence[tuple[str, ...]],
    near: F32,
    twin: I64,
    places: F32,
    rows: I64,
    inputs: Sequence[str],
    settings: MapSettings,
) -> Map:
    fates = Counter(points["fate"].to_list())
    measures = [name for name in points.columns if name.startswith(SCORE)]
    ids = points["record_id"].gather(rows).to_list()
    return Map(
        records=points.height,
        kept=fates["kept"],
        dropped=fates["dropped"],
        textless=points.height - len(rows),
        left_out=gathered.left_out,
        inputs=tuple(inputs),
        scores=tuple(name.removeprefix(SCORE) for name in measures),
        topics=_topics(points, words, measures),
        regions=regions(found.cells, found.topics, near, twin >= 0, places, ids),
        settings=settings.model_dump(mode="json"),
    )


def _topics(points: pl.DataFrame, words: Sequence[tuple[str, ...]], measures: Sequence[str]) -> tuple[Topic, ...]:
    parts = [points.filter(pl.col("topic") == number + 1) for number in range(len(words))]
    sizes = [part.height for part in parts]
    kepts = [part.filter(pl.col("fate") != "dropped").height for part in parts]
    topics = []
    for number, part in enumerate(parts):
        copies = part.filter(pl.col("copy_of") != "").height
        topics.append(
            Topic(
                number=number + 1,
                name=name_of(words[number]),
                words=words[number],
                size=part.height,
                share=round(part.height / max(1, points.height), 4),
                kept=part.filter(pl.col("fate") == "kept").height,
                dropped=part.filter(pl.col("fate") == "dropped").height,
                duplicates=copies,
                languages=_counted(part["language"]),
                scores={name.removeprefix(SCORE): mean for name in measures if (mean := _mean(part[name])) is not None},
                near=_mean(part["near"]) or 0.0,
                x=_middle(part["x"]),
                y=_middle(part["y"]),
                marks=topic_marks(part.height, kepts[number], copies, sizes, kepts),
                examples=tuple(part.sort("central", descending=True, maintain_order=True)["record_id"].head(EXAMPLES)),
            )
        )
    return tuple(topics)


def _counted(column: pl.Series) -> dict[str, int]:
    counts = Counter(column.to_list())
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _mean(column: pl.Series) -> float | None:
    found: Any = column.cast(pl.Float64).mean()
    return None if found is None else round(float(found), 4)


def _middle(column: pl.Series) -> float:
    found: Any = column.median()
    return round(float(found), 4)


def _write(folder: Path, whole: Map, points: pl.DataFrame, title: str) -> None:
    """The points, the page, and the map last: it says that all is there."""
    held = io.BytesIO()
    points.write_parquet(held, compression="zstd")
    write_atomic(folder / POINTS_FILE, held.getvalue(), mode=0o600)
    write_page(folder, whole, points, title)
    write_atomic(folder / MAP, whole.to_json(), mode=0o600)
