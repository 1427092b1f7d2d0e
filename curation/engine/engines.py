"""Where the work of a run is done. The engine is one and the same; what differs is the pool its passes are given to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import InputError, nearest

if TYPE_CHECKING:
    from curation.engine.pool import Pool
    from curation.recipe import Recipe

LOCAL = "local"
RAY = "ray"
ENGINES = (LOCAL, RAY)


@contextmanager
def open_pool(
    engine: str, recipe: Recipe, folder: Path, *, address: str | None = None, workers: int | None = None
) -> Iterator[Pool | None]:
    """The pool of an engine for a run in `folder`; None for `local`, where the engine makes its own when it knows the size.

    Raises InputError where there is no such engine, ClusterError where its cluster cannot be used.
    """
    if engine not in ENGINES:
        raise InputError(f"there is no engine '{engine}'", nearest(engine, ENGINES))
    if engine == LOCAL:
        yield None
        return
    from curation.engine.ray_pool import RayPool

    with RayPool(recipe, folder / "shards", address=address, workers=workers) as pool:
        yield pool
