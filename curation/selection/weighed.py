"""How many tokens a record has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import polars as pl

from curation.embedding.encoder import encoder
from curation.errors import StageError
from curation.schema import Batch

if TYPE_CHECKING:
    from curation.embedding.multilingual import Multilingual

_ENDS: Final = 2  # pieces that mark begin and end of a text


def token_counts(batch: Batch, tokenizer: str) -> pl.Series:
    """Tokens of all turns of each record (Int64); at least 1, so that no record is free.

    tokenizer: a tokenizer.json, a folder, a name on the Hub; "": that of the embedded multilingual model.
    """
    counts = pl.Series("tokens", _counted(batch.turns["content"].to_list(), tokenizer), dtype=pl.Int64)
    sums = batch.turns.select("record_id").with_columns(counts).group_by("record_id").agg(pl.col("tokens").sum())
    joined = batch.records.select("record_id").join(sums, on="record_id", how="left", maintain_order="left")
    return joined["tokens"].fill_null(0).clip(lower_bound=1)


def counter_digest(tokenizer: str) -> str:
    """What the counts depend on. Raises StageError when there is no such tokenizer."""
    if not tokenizer:
        return _embedded().digest()
    from curation.stages.tokens import tokenizer_digest

    try:
        return tokenizer_digest(tokenizer)
    except StageError as error:
        raise _renamed(error) from error


def _counted(texts: list[str], tokenizer: str) -> list[int]:
    if not tokenizer:
        return [len(pieces) - _ENDS for pieces in _embedded().pieces.encode(texts)] if texts else []
    from curation.stages.tokens import count_tokens

    try:
        return count_tokens(tokenizer, texts)
    except StageError as error:
        raise _renamed(error) from error


def _embedded() -> Multilingual:
    return cast("Multilingual", encoder())


def _renamed(error: StageError) -> StageError:
    return StageError(error.message.replace("length:", "select:", 1), error.hint)
