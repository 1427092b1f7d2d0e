"""Two sets of defaults for one stage: the class has those of the `sft` profile, `fill_in` puts in the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

Profile = Literal["sft", "web"]


def fill_in(stage: BaseModel, web: Mapping[str, Any]) -> None:
    """Give a stage with `profile: web` the defaults of that profile, for every parameter that was not set.

    They do not count as set, so that a recipe written out again holds what its author wrote.
    """
    if stage.profile == "web":  # type: ignore[attr-defined]
        stage.__dict__.update({key: value for key, value in web.items() if key not in stage.model_fields_set})
