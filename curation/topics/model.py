"""What a map is made of: its settings, its frames, and its topics.

A map is a folder with `map.json` (topics and regions), `points.parquet` (one row a record, POINTS and a column
`score.STAGE.NAME` for each measure) and `map.html`. They hold words and openings of records, and are for the owner only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from curation.embedding.encoder import DEFAULT
from curation.errors import InputError

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

MAP: Final = "map.json"
POINTS_FILE: Final = "points.parquet"
PAGE: Final = "map.html"
VECTORS: Final = "vectors"  # the folder of finished pieces of vectors
VERSION: Final = 1
SCORE: Final = "score."  # how the columns of measures begin
WITHHELD: Final = "(withheld: not searched for personal data, or holds some)"

GATHERED: Final = pl.Schema(
    {
        "record_id": pl.String(),
        "input": pl.UInt16(),  # which of the inputs it came from
        "content_hash": pl.String(),
        "fate": pl.String(),  # kept | dropped; "" in a file that no run decided about
        "reason": pl.String(),  # stage/reason of the drop, else ""
        "text": pl.String(),  # what is embedded
        "opening": pl.String(),  # its first words, to be shown
    }
)

POINTS: Final = pl.Schema(
    {
        "record_id": pl.String(),
        "input": pl.UInt16(),
        "content_hash": pl.String(),
        "topic": pl.Int32(),  # 1, 2, … the largest first; 0 for a record without text
        "x": pl.Float32(),  # 0 to 1; null without text
        "y": pl.Float32(),
        "fate": pl.String(),
        "reason": pl.String(),
        "language": pl.String(),
        "central": pl.Float32(),  # cosine to the middle of its topic, of vectors less the mean of all
        "near": pl.Float32(),  # mean cosine to its ten nearest records: high where it is crowded
        "copy_of": pl.String(),  # the first record that says nearly the same (cosine TWIN or more), else ""
        "opening": pl.String(),
    }
)


class MapSettings(BaseModel):
    """How a map is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: int = Field(0, ge=0, le=200, description="how many topics; 0 lets the data decide")
    part: Literal["record", "prompt", "answer"] = Field("record", description="what of a record is compared")
    model: str = Field(DEFAULT, description="multilingual (embedded), or a sentence-transformers model")
    limit: int = Field(0, ge=0, description="at most so many records, chosen evenly by their digests; 0 for all")
    seed: int = Field(0, ge=0, description="of the clustering and the drawing")


@dataclass(frozen=True)
class Topic:
    """Some records about one thing.

    number: from 1, the largest first. words: what tells it from the others. duplicates: records that an earlier one says
    nearly the same as. near: mean of the column of that name. marks: thin, crowded, emptied. examples: ids of the most
    central records. scores: mean of each measure over its records that have it.
    """

    number: int
    name: str
    words: tuple[str, ...]
    size: int
    share: float
    kept: int
    dropped: int
    duplicates: int
    languages: Mapping[str, int]
    scores: Mapping[str, float]
    near: float
    x: float
    y: float
    marks: tuple[str, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Region:
    """A neighbourhood smaller than a topic that is thin or crowded. example: the id of its middle record."""

    mark: Literal["thin", "crowded"]
    topic: int
    records: int
    duplicates: int
    near: float
    x: float
    y: float
    example: str


@dataclass(frozen=True)
class Map:
    """The content of `map.json`. inputs: as they were named. scores: names of the measures, without SCORE."""

    records: int
    kept: int
    dropped: int
    textless: int
    left_out: int
    inputs: tuple[str, ...]
    scores: tuple[str, ...]
    topics: tuple[Topic, ...]
    regions: tuple[Region, ...]
    settings: Mapping[str, Any]
    version: int = VERSION

    def to_json(self) -> bytes:
        """As the file holds it."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_map(folder: Path) -> Map:
    """The map in a folder. Raises InputError where there is none, or one of another version."""
    try:
        found = orjson.loads((folder / MAP).read_bytes())
        if found.get("version") != VERSION:
            raise InputError(f"The map in {folder} was made by another version of studio.", "Make it again.")
        topics = tuple(
            Topic(**{**topic, **{name: tuple(topic[name]) for name in ("words", "marks", "examples")}})
            for topic in found["topics"]
        )
        regions = tuple(Region(**region) for region in found["regions"])
        named = {name: tuple(found[name]) for name in ("inputs", "scores")}
        return Map(**{**found, **named, "topics": topics, "regions": regions})
    except OSError as error:
        raise InputError(f"{folder} holds no map.", "Make one: studio map RUN|FILE") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{folder / MAP} is damaged.", "Make the map again.") from error


def read_points(folder: Path) -> pl.DataFrame:
    """The points of the map in a folder, POINTS and its measures. Raises InputError."""
    try:
        return pl.read_parquet(folder / POINTS_FILE, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{folder} holds no map.", "Make one: studio map RUN|FILE") from error
