"""What other settings would change in a finished run: which records would change sides. Nothing of the run is changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from curation.errors import InputError
from studio.runs.folder import RunFolder
from studio.runs.spec import read_spec


@dataclass(frozen=True)
class Sides:
    """Records kept before and after. stay, go: those dropped so far that would stay, and the other way round, with the
    stage that drops them, in the order of their ids.
    """

    before: int
    after: int
    stay: tuple[tuple[str, str], ...]
    go: tuple[tuple[str, str], ...]


def preview(folder: RunFolder, settings: Sequence[str]) -> Sides:
    """Decide a finished run again under other settings (`stage.key=value`), beside it, with the work it has done.

    Raises InputError when the run has not finished or its inputs cannot be read again, RecipeError for bad settings.
    """
    from curation.engine.local import curate
    from curation.recipe import Recipe
    from curation.verdicts import JOURNAL

    spec = read_spec(folder)
    if not folder.summary.exists():
        raise InputError(f"{folder.name} has not finished, so there is nothing to compare with.")
    before = json.loads(folder.summary.read_bytes())
    if "-" in spec.inputs:
        raise InputError(f"{folder.name} read its records from a pipe, so they cannot be read again for a preview.")
    recipe = Recipe.from_text(spec.recipe["yaml"], spec.recipe["name"]).with_settings(list(settings))
    journal = folder.path / JOURNAL
    with TemporaryDirectory(prefix=".preview-", dir=folder.path) as place, chdir(spec.cwd):
        after = curate(
            spec.inputs,
            recipe,
            Path(place),
            listener=lambda _: None,
            format=spec.options.get("format"),
            limit=spec.options.get("limit"),
            workers=1,
            report=False,
            reuse=[folder.path],
            verdicts=journal if journal.exists() else None,
        )
        was, would = _dropped(folder.path), _dropped(Path(place))
    return Sides(
        before["counts"]["kept"],
        after["counts"]["kept"],
        tuple(sorted((name, was[name]) for name in was.keys() - would.keys())),
        tuple(sorted((name, would[name]) for name in would.keys() - was.keys())),
    )


def _dropped(folder: Path) -> dict[str, str]:
    """The stage that dropped each record."""
    import polars as pl

    ledger = pl.scan_parquet(folder / "ledger" / "*.parquet").filter(pl.col("action") == "drop")
    return dict(ledger.select("record_id", "stage").collect().iter_rows())
