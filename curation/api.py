"""The way in from Python: `from curation import Recipe, curate`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curation.events import Event, Listener
from curation.recipe import Recipe

if TYPE_CHECKING:
    from curation.clusters import Cluster
    from curation.ledger import Story

PathLike = str | Path


@dataclass(frozen=True)
class Curated:
    """A finished run: `summary` is what `summary.json` holds; `folder` has ledger, report and quarantine."""

    folder: Path
    summary: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """read, kept, dropped, edited, flagged, quarantined, blank; read = kept + dropped + quarantined + blank."""
        counts: dict[str, int] = self.summary["counts"]
        return counts

    @property
    def outputs(self) -> list[Path]:
        """The dataset files, one a split, train first."""
        return [Path(output["path"]) for output in self.summary["outputs"]]

    def why(self, record: str) -> Story:
        """The story of a record by its id (`file.jsonl:12`) or a fragment of its text."""
        from curation.ledger import why

        return why(self.folder, record)

    def clusters(self, most: int = 20) -> list[Cluster]:
        """The largest clusters of duplicates that were found."""
        from curation.clusters import clusters

        return clusters(self.folder, most=most)


def curate(
    inputs: PathLike | Sequence[PathLike],
    recipe: Recipe | PathLike = "sft",
    *,
    out: PathLike | None = None,
    settings: Sequence[str] = (),
    run_dir: PathLike | None = None,
    format: str | None = None,  # noqa: A002 - the name users know from the command line
    out_format: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    report: bool = True,
    verdicts: PathLike | None = None,
    disk_check: bool = True,
    listener: Listener | None = None,
) -> Curated:
    """Curate files as `studio curate` does, in this process and its workers, and return the finished run.

    recipe: a Recipe, the name of a starter recipe, or a YAML file. settings: as `--set`, `["length.min_chars=20"]`.
    run_dir: the folder of the run, made if need be (default: a new one under `runs/`); the same folder again goes on
    where it stopped. engine: "ray" does the work on the cluster at `address`, as `studio curate --engine ray`. report: whether
    to make `report.html`. verdicts: a journal of what people decided, replayed; its lines
    are copied into the run. disk_check: whether not to begin where the disk has less room than the run seems to need.
    listener: is called with each event (`curation.events`).
    Raises the errors of `curation.errors`.
    """
    from curation.engine.engines import open_pool
    from curation.engine.local import curate as run
    from curation.writers.output import refuse_address

    refuse_address(out)
    chosen = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
    if settings:
        chosen = chosen.with_settings(list(settings))
    folder = Path(run_dir) if run_dir is not None else _new_folder()
    named = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    with open_pool(engine, chosen, folder, address=address, workers=workers) as pool:
        summary = run(
            [str(path) for path in named],
            chosen,
            folder,
            out=None if out is None else Path(out),
            format=format,
            out_format=out_format,
            limit=limit,
            workers=workers,
            pool=pool,
            report=report,
            verdicts=None if verdicts is None else Path(verdicts),
            disk_check=disk_check,
            listener=listener or _silent,
        )
    return Curated(folder, summary)


def _new_folder() -> Path:
    return Path("runs") / f"{time.strftime('%Y%m%d-%H%M')}-curate-{secrets.token_hex(2)}"


def _silent(event: Event) -> None:
    """Nobody listens."""
