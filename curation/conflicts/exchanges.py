"""The different exchanges of a corpus: a question and its answer each, however many records hold them."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import numpy as np
import polars as pl

from curation.dedup.verify import Text, Verifier
from curation.embedding.encoder import F32, encoder
from curation.embedding.multilingual import Multilingual
from curation.embedding.shared import unpacked
from curation.embedding.stored import I64


class Exchanges:
    """From fingerprints `record_id, prompt, answer, asked, answered, ordinal`; those without a side are left out.

    records: `record_id, exchange` in corpus order; an exchange is numbered by its first record.
    """

    def __init__(self, prints: pl.LazyFrame) -> None:
        self._prints = prints.filter(pl.col("asked").is_not_null() & pl.col("answered").is_not_null())
        told = self._prints.select("record_id", "ordinal", same=pl.struct("prompt", "answer").hash(1)).collect()
        first = told.with_row_index("row").unique("same", keep="first", maintain_order=True)
        self._rows = first["row"].to_numpy().astype(np.int64)
        numbers = first.select("same").with_row_index("exchange")
        self.records = told.join(numbers, on="same", how="left", maintain_order="left").select("record_id", "exchange")
        self._held: dict[int, Text] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def vectors(self, side: str) -> F32:
        """Vectors (n, d) of a side: `asked` or `answered`."""
        return unpacked(self._prints.select(side).collect()[side].gather(self._rows))

    def record_ids(self) -> pl.Series:
        """The first record of each exchange."""
        return self.records["record_id"].gather(self._rows)

    @cached_property
    def verifier(self) -> Verifier:
        """What compares two texts."""
        return Verifier(cast(Multilingual, encoder()))

    def hold(self, exchanges: I64) -> None:
        """Load the texts of some, to be compared."""
        wanted = pl.LazyFrame({"row": self._rows[exchanges], "exchange": exchanges})
        told = self._prints.select("prompt", "answer").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        found = told.join(wanted, on="row").collect()
        self._held = {number: Text(*pair) for number, *pair in found.select("exchange", "prompt", "answer").iter_rows()}
        self.verifier.load(self._held.values())

    def text(self, exchange: int) -> Text:
        """One that is held."""
        return self._held[exchange]
