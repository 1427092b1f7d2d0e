"""`docs/{train,compare,generate}_recipe.md`, read off sections and presets: `python -m training.reference docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from curation.recipe_fields import describe_fields
from curation.reference import accepts, cell, default, table
from curation.sectioned import SectionedRecipe
from curation.synthesis.recipe import GenerateRecipe
from training.compare.recipe import CompareRecipe
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


_COMPARE_HEAD = """\
# The recipe of a comparison

<!-- Made from the classes by `make docs`. Edit those instead. -->

A recipe of `studio compare` has these sections. Any parameter can be set from the command line, as in
`--set sampling.max_tokens=64`; what is left out has its default. `studio compare --preset full --print` prints a preset to
begin with.
"""


_GENERATE_HEAD = """\
# The recipe of a generation

<!-- Made from the classes by `make docs`. Edit those instead. -->

A recipe of `studio generate` has these sections. Any parameter can be set from the command line, as in
`--set ask.per_chunk=5`; what is left out has its default. `studio generate --preset documents --print` prints a preset to
begin with. [What the gates do](generate_gates.md), [what the prompts say](prompts.md).
"""


def pages() -> dict[str, str]:
    """File name -> the page as Markdown, of every kind of recipe."""
    return {
        "train_recipe.md": reference(TrainRecipe, _HEAD),
        "compare_recipe.md": reference(CompareRecipe, _COMPARE_HEAD),
        "generate_recipe.md": reference(GenerateRecipe, _GENERATE_HEAD),
    }


def reference(kind: type[SectionedRecipe] = TrainRecipe, head: str = _HEAD) -> str:
    """A page: the presets, then each section with its parameters."""
    parts = [
        head,
        "## Presets\n",
        *table(("preset", "what it is"), [_preset(kind, name) for name in kind.preset_names()]),
    ]
    plain = [parameter for parameter in describe_fields(kind) if parameter.name in ("name", "description", "seed")]
    parts += ["\n## At the top\n", *_parameters(plain)]
    for name, info in kind.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts += [f"\n## {name}\n", f"{cleandoc(section.__doc__ or '')}\n", *_parameters(describe_fields(section))]
    return "\n".join(parts) + "\n"


def _preset(kind: type[SectionedRecipe], name: str) -> tuple[str, str]:
    return f"`{name}`", cell(kind.load(name).description)


def _parameters(parameters: tuple[Parameter, ...] | list[Parameter]) -> Iterator[str]:
    rows = [(f"`{item.name}`", cell(accepts(item)), default(item), cell(item.help)) for item in parameters]
    yield from table(("parameter", "accepts", "default", "what it does"), rows)


if __name__ == "__main__":
    for file, text in pages().items():
        (Path(sys.argv[1]) / file).write_text(text, encoding="utf-8")
