"""Records chosen by a condition on their original columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator

from curation.errors import StageError, nearest
from curation.schema import Batch, Decisions
from curation.stage import RecordStage, StageContext

# What a condition may name besides the original columns, which come first where they have the same name.
EXTRA_TYPES: Mapping[str, pl.DataType] = {
    "record_id": pl.String(),
    "source": pl.String(),
    "format": pl.String(),
    "turns": pl.Int64(),
    "chars": pl.Int64(),
}
_TYPES: Mapping[str, pl.DataType] = {
    "number": pl.Float64(),
    "bool": pl.Boolean(),
    "string": pl.String(),
    "other": pl.String(),
}
# Parts of an expression whose value for one record depends on others, or that name no single column.
_NOT_OF_ONE_RECORD = frozenset(
    "Agg AnonymousAgg All Any ArgMax ArgMin ArgSort ArgUnique ArgWhere BackwardFill BottomK BottomKBy Correlation "
    "CumCount CumMax CumMin CumProd CumSum Diff Entropy Explode FillNullWithStrategy Filter ForwardFill Gather Hist "
    "Implode Interpolate IsDuplicated IsFirstDistinct IsLastDistinct IsUnique Kurtosis Len Mode NUnique Over PctChange "
    "PeakMax PeakMin Quantile RLE RLEID Random Range Rank Reverse Rolling RollingExpr RollingExprBy Sample "
    "SearchSorted Selector Shift ShiftAndFill Shuffle Skew Slice Sort SortBy SubPlan TopK TopKBy Unique UniqueCounts "
    "ValueCounts Window".split()
)
# Subtrees without nodes of that kind: data, names, types, and functions of one value (a string can be sliced, too).
_LEAVES = frozenset("Literal Column StringExpr ListExpr ArrayExpr StructExpr TemporalExpr dtype".split())
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_CLOCK = re.compile(r"\b(?:current_(?:date|time|timestamp)|local_?time(?:stamp)?)\b|\bnow\s*\(", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Where(RecordStage):
    """Keep the records for which an SQL condition on their original columns is true.

    Conditions are those of Polars: `karma >= 3 AND subreddit IN ('a', 'b')`, `"a column" IS NOT NULL`, `title ILIKE
    '%sql%'`. Each column has one type in a source, that of a sample taken before the run: numbers (also those in CSV),
    true and false (of JSON), or strings; anything nested or mixed is compared as its JSON text. What does not fit, and
    what is missing, is null.
    """

    name: ClassVar[str] = "where"
    reasons: ClassVar[Mapping[str, str]] = {
        "condition_false": "the condition is false",
        "condition_null": "the condition is neither true nor false: a column is missing, null, or of another type",
    }

    condition: str = Field(
        min_length=1,
        max_length=4000,
        description="SQL condition on original columns, and on source, format, record_id, turns and chars",
    )
    nulls: Literal["drop", "keep"] = Field(
        default="drop", description="what becomes of records for which the condition is neither true nor false"
    )

    @field_validator("condition")
    @classmethod
    def _parses(cls, condition: str) -> str:
        try:
            expression = parse(condition)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise ValueError(f"not an SQL condition: {error}") from error
        if _CLOCK.search(_QUOTED.sub("''", condition)):
            raise ValueError("a condition must not ask for the time, or no run could be repeated")
        wrong = sorted(_parts(json.loads(expression.meta.serialize(format="json"))) & _NOT_OF_ONE_RECORD)
        if wrong:
            raise ValueError(
                f"a condition must be about one record: no aggregates, windows, sub-queries or * ({', '.join(wrong)})"
            )
        return condition

    def columns(self) -> list[str]:
        """The columns that the condition names, in order."""
        return list(dict.fromkeys(parse(self.condition).meta.root_names()))

    def check(self, column_types: Mapping[str, Mapping[str, str]]) -> None:
        """Raise StageError if no source has a column that the condition names, or if types do not go together.

        column_types: as in StageContext. What it finds would otherwise be found when the first shard is worked on.
        """
        for source in column_types or {"": {}}:
            self._result(pl.DataFrame(schema=self._schema(source, column_types)), source, column_types)

    def decide(self, batch: Batch, context: StageContext) -> Decisions:
        """Records whose condition is false are dropped, and with `nulls: drop` those for which it is null."""
        found = []
        for (source,), records in batch.records.group_by("source", maintain_order=True):
            frame = self._frame(batch, records, str(source), context.column_types)
            result = self._result(frame, str(source), context.column_types)
            found.append(records.select("record_id", result=result))
        if not found:
            return Decisions.none()
        results = batch.records.select("record_id").join(
            pl.concat(found), on="record_id", how="left", maintain_order="left"
        )
        false = pl.col("result") == False  # noqa: E712 - null stays null
        dropped = results.filter(false.fill_null(self.nulls == "drop"))
        reason = pl.when(pl.col("result").is_null()).then(pl.lit("condition_null")).otherwise(pl.lit("condition_false"))
        return Decisions.drop(dropped.select("record_id", reason=reason))

    def original_kinds(self, source: str, column_types: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
        """The kind (number, bool, string, other) of each column that the condition names in `source`; None where it names
        none, or one that is no original column: then objects alone do not say whether it is true.
        """
        kinds = {column: _type_name(source, column, column_types) for column in self.columns()}
        return kinds if kinds and all(kinds.values()) else None

    def of_values(
        self, values: Iterable[Sequence[object]], source: str, column_types: Mapping[str, Mapping[str, str]]
    ) -> pl.Series:
        """The condition (true, false, null) for values of its columns in the order of `columns`, one list a record."""
        schema = self._schema(source, column_types)
        fitted = [_FITTED[kind] for kind in (self.original_kinds(source, column_types) or {}).values()]
        rows = [[fit(value) for fit, value in zip(fitted, row, strict=True)] for row in values]
        return self._result(pl.DataFrame(rows, schema=schema, orient="row"), source, column_types)

    def _schema(self, source: str, column_types: Mapping[str, Mapping[str, str]]) -> pl.Schema:
        """The type of each column named: in this source, else in the first that has it, else of an extra column."""
        schema = pl.Schema()
        for column in self.columns():
            known = column_types.get(source, {}).get(column) or next(
                (types[column] for types in column_types.values() if column in types), None
            )
            if known is not None:
                schema[column] = _TYPES[known]
            elif column in EXTRA_TYPES:
                schema[column] = EXTRA_TYPES[column]
            else:
                every = {*EXTRA_TYPES, *(name for types in column_types.values() for name in types)}
                raise StageError(f"where: no source has a column '{column}'", nearest(column, every))
        return schema

    def _frame(
        self, batch: Batch, records: pl.DataFrame, source: str, column_types: Mapping[str, Mapping[str, str]]
    ) -> pl.DataFrame:
        """One row a record of `records`: the columns that the condition names, and one that only gives the height."""
        schema = self._schema(source, column_types)
        everywhere = {column for types in column_types.values() for column in types}
        extra = [column for column in schema if column not in everywhere]
        types = {column: _type_name(source, column, column_types) for column in schema if column in everywhere}
        parts = [records.select(pl.col("record_id").alias(_HEIGHT)), _extra_columns(batch, records, extra)]
        if types:
            rows = [[_FITTED[kind](obj.get(name)) for name, kind in types.items()] for obj in _objects(batch, records)]
            parts.append(pl.DataFrame(rows, schema={name: schema[name] for name in types}, orient="row"))
        return pl.concat(parts, how="horizontal")

    def _result(self, frame: pl.DataFrame, source: str, column_types: Mapping[str, Mapping[str, str]]) -> pl.Series:
        """The condition for each row: true, false or null."""
        kinds = {column: _type_name(source, column, column_types) for column in self.columns()}
        described = ", ".join(f"{column} is {kind or frame.schema[column]}" for column, kind in kinds.items())
        where = f" (in {source}: {described})" if described else ""
        try:
            result = frame.with_columns(parse(self.condition).alias(_RESULT))[_RESULT]
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            message = str(error).split("\n", 1)[0].split(" values: ", 1)[0]  # what follows quotes the data
            hint = "TRY_CAST(column AS DOUBLE) makes numbers of strings."
            raise StageError(f"where: {message}{where}", hint) from error
        if result.dtype not in (pl.Boolean, pl.Null):
            message = f"where: the condition gives {result.dtype}, not true or false{where}"
            raise StageError(message, "Compare it with something: … > 0.")
        return result.cast(pl.Boolean)


_RESULT = "the value of the condition"
_HEIGHT = "a column that no condition names"


@cache
def parse(condition: str) -> pl.Expr:
    """The expression an SQL condition stands for. Raises an error of polars for what is none."""
    return pl.sql_expr(condition)


def _parts(tree: object) -> set[str]:
    """The names of the nodes of a serialised expression."""
    found: set[str] = set()
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, str):
            found.add(node)
        elif isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            found.update(node)
            left += [value[:1] if key == "Alias" else value for key, value in node.items() if key not in _LEAVES]
    return found


def _type_name(source: str, column: str, column_types: Mapping[str, Mapping[str, str]]) -> str:
    own = column_types.get(source, {}).get(column)
    return own or next((types[column] for types in column_types.values() if column in types), "")


def _objects(batch: Batch, records: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The original object of each record, in the order of `records`."""
    from curation.formats import original

    turns: dict[str, list[tuple[str, str]]] = {}
    wanted = batch.turns.join(records.select("record_id"), on="record_id", how="semi", maintain_order="left")
    for record, role, content in wanted.select("record_id", "role", "content").iter_rows():
        turns.setdefault(record, []).append((role, content))
    for record, form, meta in records.select("record_id", "format", "meta").iter_rows():
        yield original(form, meta, turns.get(record, []))


def _extra_columns(batch: Batch, records: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    counted = batch.turns.group_by("record_id").agg(
        turns=pl.len().cast(pl.Int64), chars=pl.col("content").str.len_chars().sum().cast(pl.Int64)
    )
    joined = records.join(counted, on="record_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("turns", "chars").fill_null(0)).select(names)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond what a 64-bit float can hold
        return None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    from curation.readers.payload import dumps_exact

    return dumps_exact(value)


# How a value becomes one of the type of its column; None where it does not fit.
_FITTED: Mapping[str, Callable[[object], object]] = {
    "number": _number,
    "bool": lambda value: value if isinstance(value, bool) else None,
    "string": lambda value: value if isinstance(value, str) else None,
    "other": _text,
}
