"""How many records change sides when a threshold of a finished run is moved, counted from the scores in its ledger.

Nothing is decided again, so it costs milliseconds, and it says only what the ledger knows: a record that is let go by
one stage may still be dropped by a later one, or by another rule of the same one, and the scores of records that stayed
are there only where the stage notes them. `studio.runs.preview` gives the exact answer, by deciding again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from curation.ledger import read_index
from curation.recipe import Recipe
from curation.recipe_check import Step

Falls = Literal["below", "above", "from"]
"""A record is dropped when its score is below the threshold, above it, or from it on."""

_QUALITY = {
    "gopher_too_few_words": "min_words",
    "gopher_too_many_words": "max_words",
    "gopher_short_words": "min_mean_word_length",
    "gopher_long_words": "max_mean_word_length",
    "gopher_hashes": "max_hashes",
    "gopher_ellipses": "max_ellipses",
    "gopher_bullet_lines": "max_bullet_lines",
    "gopher_ellipsis_lines": "max_ellipsis_lines",
    "gopher_few_alphabetic": "min_alpha_words",
    "gopher_few_stop_words": "min_stop_words",
    "fineweb_few_terminal_lines": "fineweb_min_terminal_lines",
    "fineweb_short_lines": "fineweb_max_short_lines",
    "fineweb_duplicate_lines": "fineweb_max_duplicate_lines",
    "fineweb_many_newlines": "fineweb_max_newlines",
}
_UNITS = {"characters": "chars", "words": "words", "tokens": "tokens", "turns": "turns"}


@dataclass(frozen=True)
class Moved:
    """What another threshold would change: records that would pass the stage, and records that would not any more.

    exact: whether `stay` are so many; otherwise at most so many, because something else in the stage may drop them. leave
    is None where the ledger does not hold the scores of records that stayed.
    """

    stay: int
    leave: int | None
    exact: bool = True


@dataclass(frozen=True)
class Dial:
    """A threshold that can be moved. `setting` is what `--set` calls it, `value` what it was in the run.

    dropped: scores of the records it dropped, sorted. stayed: of those it looked at and let stay, sorted; None where
    they are not noted. low, high: the bounds of the parameter, as far as it has any. whole: only whole numbers.
    alone: nothing else in the stage can drop a record that this lets go.
    """

    step: str
    use: str
    parameter: str
    reason: str
    falls: Falls
    value: float
    dropped: tuple[float, ...]
    stayed: tuple[float, ...] | None
    low: float | None
    high: float | None
    whole: bool
    alone: bool

    @property
    def setting(self) -> str:
        """`length.min_chars`."""
        return f"{self.step}.{self.parameter}"

    @property
    def stride(self) -> float:
        """A sensible small step: 1 for whole numbers up to 200, else about a hundredth."""
        if not self.whole:
            return 0.01
        return max(1.0, float(round(self.value / 100)))

    def clamped(self, value: float) -> float:
        """The nearest value that the parameter takes."""
        value = round(value) if self.whole else round(value, 4)
        if self.low is not None:
            value = max(self.low, value)
        return float(value if self.high is None else min(self.high, value))

    def moved(self, value: float) -> Moved:
        """What changes with the threshold at `value`."""
        passing = len(self.dropped) - self._falling(self.dropped, value)
        leave = None if self.stayed is None else self._falling(self.stayed, value)
        return Moved(passing, leave, self.alone or not passing)

    def _falling(self, scores: tuple[float, ...], value: float) -> int:
        if self.falls == "below":
            return bisect_left(scores, value)
        return len(scores) - (bisect_right if self.falls == "above" else bisect_left)(scores, value)


def dials(folder: Path, recipe: Recipe) -> list[Dial]:
    """The thresholds of a finished run that dropped something, in the order of the recipe. `recipe` is the run's own.

    Raises InputError when there is no finished run in `folder`.
    """
    read_index(folder)
    ledger = pl.scan_parquet(folder / "ledger" / "part-*.parquet").filter(
        pl.col("score").is_not_null() & pl.col("threshold").is_not_null() & (pl.col("actor") == "stage")
    )
    rows = ledger.select("stage", "action", "reason", "score", "threshold", "values", "detail").collect()
    found: list[Dial] = []
    for step in recipe.steps():
        mine = rows.filter(pl.col("stage") == step.name)
        dropped = mine.filter(pl.col("action").is_in(["drop", "flag"]))
        for (reason, unit), group in dropped.group_by(
            "reason", pl.when(pl.lit(step.use == "length")).then("detail").otherwise(pl.lit("")), maintain_order=True
        ):
            found.extend(_dial(step, str(reason), str(unit), group, mine))
    return found


def _dial(step: Step, reason: str, unit: str, group: pl.DataFrame, mine: pl.DataFrame) -> Iterator[Dial]:
    known = _parameter(step, reason, unit)
    if known is None:
        return
    parameter, falls = known
    low, high, whole = _bounds(step, parameter)
    yield Dial(
        step.name,
        step.use,
        parameter,
        reason,
        falls,
        float(group["threshold"][0]),
        tuple(group["score"].sort()),
        _stayed(step, reason, mine),
        low,
        high,
        whole,
        _alone(step),
    )


def _parameter(step: Step, reason: str, unit: str) -> tuple[str, Falls] | None:
    """The parameter behind a reason, and on which side records fall; None for a reason without one."""
    if step.use == "length" and unit in _UNITS:
        return ("min_" + _UNITS[unit], "below") if reason == "too_short" else ("max_" + _UNITS[unit], "above")
    if step.use in ("near", "semantic"):
        return "threshold", "from"
    if step.use == "language" and reason == "unknown_language":
        return "threshold", "below"
    if step.use == "repetition":
        return ("loop_repeats", "from") if reason == "looping" else _if_field(step, reason, "above")
    if step.use == "quality" and reason in _QUALITY:
        parameter = _QUALITY[reason]
        return parameter, "below" if "min_" in parameter else "above"
    if step.use == "values":
        return f"thresholds.{reason}", "from"
    return None


def _alone(step: Step) -> bool:
    """Whether the stage has no other rule for what one of its thresholds lets go."""
    facts: Mapping[str, Any] = step.stage.model_dump()
    if step.use == "length":  # what is too short in characters may be too short in words as well
        return len({unit for unit in _UNITS.values() if facts[f"min_{unit}"] or facts[f"max_{unit}"]}) == 1
    return step.use == "language" and not (facts["allow"] or facts["deny"])


def _if_field(step: Step, name: str, falls: Falls) -> tuple[str, Falls] | None:
    return (name, falls) if name in type(step.stage).model_fields else None


def _bounds(step: Step, parameter: str) -> tuple[float | None, float | None, bool]:
    from curation.recipe_schema import describe_stage

    if parameter.startswith("thresholds."):
        return 0.05, 1.0, False
    about = next(each for each in describe_stage(step.use).parameters if each.name == parameter)
    low, high = about.minimum, about.maximum
    if step.use == "near":  # candidates below `lowest` were never looked for
        low = float(step.stage.model_dump()["lowest"])
    return low, high, "whole number" in about.type


def _stayed(step: Step, reason: str, mine: pl.DataFrame) -> tuple[float, ...] | None:
    """The scores of records that stayed, where the stage notes all of them."""
    facts: Mapping[str, Any] = step.stage.model_dump()
    if step.use == "language" and facts["annotate"]:
        stayed = mine.filter(pl.col("reason") == "detected")["score"]
        return tuple(stayed.sort())
    if step.use == "values" and facts["annotate"]:
        noted = mine.filter(pl.col("action") == "annotate").select(
            pl.col("values").str.json_path_match(f"$.{reason}").cast(pl.Float64)
        )
        return tuple(noted.to_series().drop_nulls().sort())
    return None


def setting_for(dial: Dial, recipe: Recipe, value: float) -> str:
    """The `--set` argument that moves the dial to `value`: a mapping such as `thresholds` is written out whole."""
    number = f"{round(value)}" if dial.whole else f"{value:g}"
    if not dial.parameter.startswith("thresholds."):
        return f"{dial.setting}={number}"
    step = next(each for each in recipe.steps() if each.name == dial.step)
    own = {**step.stage.model_dump(mode="json")["thresholds"], dial.reason: value}
    return f"{dial.step}.thresholds={{{', '.join(f'{key}: {number:g}' for key, number in own.items())}}}"
