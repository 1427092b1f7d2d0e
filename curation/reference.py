"""`docs/reasons.md`, read off the stages themselves: `python -m curation.reference docs/reasons.md`.

A test compares the page with what this module says, so that the two cannot drift apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.recipe_fields import Parameter
from curation.recipe_schema import StageDescription, describe_stage
from curation.registry import BUILT_IN

_HEAD = """\
# Stages, parameters and reasons

<!-- Made from the classes by `make docs`. Edit those instead. -->

Every decision that a run takes is in its ledger with a stage, an action and a reason. The reasons are closed sets:
what is not on this page cannot happen. Any stage can carry `name:` (when it is used twice) and `enabled: false` in a
recipe, and any parameter can be set from the command line, as in `--set length.min_chars=20`.
"""


def reference() -> str:
    """The page as Markdown: every built-in stage, then the reasons that belong to no stage."""
    stages = [describe_stage(name) for name in sorted(BUILT_IN)]
    parts = [_HEAD, _index(stages)]
    parts += ["\n".join(_stage(stage)) for stage in stages]
    parts += [_outside()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _index(stages: Sequence[StageDescription]) -> str:
    rows = [
        (
            f"[`{stage.name}`](#{stage.name})",
            cell(_first_sentence(stage.text)),
            "whole corpus" if stage.whole_corpus else "record",
        )
        for stage in stages
    ]
    return "\n".join(table(("stage", "what it does", "looks at"), rows))


def _stage(stage: StageDescription) -> Iterator[str]:
    yield f"## {stage.name}\n"
    yield f"{stage.text}\n"
    if stage.parameters:
        rows = [(f"`{item.name}`", cell(accepts(item)), default(item), cell(item.help)) for item in stage.parameters]
        yield from table(("parameter", "accepts", "default", "what it does"), rows)
        yield ""
    if stage.reasons:
        yield from table(("reason", "meaning"), meanings(stage.reasons))
        yield ""


def _outside() -> str:
    """The reasons of reading and of writing."""
    from curation.formats import FORMAT_REASONS, INEXPRESSIBLE_REASONS
    from curation.readers import QUARANTINE_REASONS

    return "\n".join(
        [
            "## Quarantine\n",
            "A line that is no record goes to `quarantine.jsonl` with its place, its bytes and one of these reasons.\n",
            *table(("reason", "meaning"), meanings({**QUARANTINE_REASONS, **FORMAT_REASONS})),
            "\n## write\n",
            "A record that the output format cannot hold without loss is dropped by the stage `write` for the reason",
            "`inexpressible`; the detail says which:\n",
            *table(("detail", "meaning"), meanings(INEXPRESSIBLE_REASONS)),
        ]
    )


def accepts(parameter: Parameter) -> str:
    """Type and bounds, or every choice, in words."""
    said = [", ".join(_json(choice) for choice in parameter.choices) or parameter.type, parameter.bounds]
    return ", ".join(part for part in said if part)


def default(parameter: Parameter) -> str:
    """The default as code, or `required`."""
    return "required" if parameter.required else f"`{_json(parameter.default)}`"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def meanings(reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    """Rows of reasons and their sentences."""
    return [(f"`{reason}`", cell(sentence)) for reason, sentence in reasons.items()]


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].rstrip(".") + "."


def cell(text: str) -> str:
    """One line of Markdown that means nothing but itself in a table."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown, line by line."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(':---' for _ in columns)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
