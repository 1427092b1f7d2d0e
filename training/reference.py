"""`docs/train_recipe.md`, read off the sections and presets: `python -m training.reference docs/train_recipe.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from curation.recipe_fields import describe_fields
from curation.reference import accepts, cell, default, table
from training.recipe import TrainRecipe

if TYPE_CHECKING:
    from curation.recipe_fields import Parameter

_HEAD = """\
# The training recipe

<!-- Made from the classes by `make docs`. Edit those instead. -->

A recipe of `studio train` has these sections. Any parameter can be set from the command line, as in `--set lora.r=32`;
what is left out has its default. `studio train --preset lora --print` prints a preset to begin with. Combinations that
would break are refused before anything is loaded, with the way out.
"""


def reference() -> str:
    """The page as Markdown: the presets, then each section with its parameters."""
    parts = [
        _HEAD,
        "## Presets\n",
        *table(("preset", "what it is"), [_preset(name) for name in TrainRecipe.preset_names()]),
    ]
    plain = [
        parameter for parameter in describe_fields(TrainRecipe) if parameter.name in ("name", "description", "seed")
    ]
    parts += ["\n## At the top\n", *_parameters(plain)]
    for name, info in TrainRecipe.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            parts += [f"\n## {name}\n", f"{(kind.__doc__ or '').strip()}\n", *_parameters(describe_fields(kind))]
    return "\n".join(parts) + "\n"


def _preset(name: str) -> tuple[str, str]:
    return f"`{name}`", cell(TrainRecipe.load(name).description)


def _parameters(parameters: tuple[Parameter, ...] | list[Parameter]) -> Iterator[str]:
    rows = [(f"`{item.name}`", cell(accepts(item)), default(item), cell(item.help)) for item in parameters]
    yield from table(("parameter", "accepts", "default", "what it does"), rows)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
