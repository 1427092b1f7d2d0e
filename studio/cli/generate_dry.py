"""`studio generate --dry-run`: the prompts as they would be sent, and what all of them would cost. Nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from studio.cli.generate_words import bounds, cost
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from curation.llm.model import ChatRequest
    from curation.synthesis.recipe import GenerateRecipe


def show_dry_run(recipe: GenerateRecipe, inputs: Sequence[str], most: int, out: Output) -> int:
    """Print the first `most` prompts and the estimate for all."""
    from curation.synthesis.estimate import estimate, looks_of
    from curation.synthesis.run import dry_run
    from studio.runs.generate_begin import check, leaves

    check(recipe)
    away = leaves(recipe)
    requests = dry_run(recipe, list(inputs), None, away)
    shown = _shown(requests, most, out)
    found = estimate(shown, recipe.budget, looks=looks_of(recipe), items=recipe.ask.items, per_call=recipe.per_call)
    facts = {
        "model": recipe.model.name, "leaves_machine": away, "calls": found.calls, "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens, "money": found.money,
    }  # fmt: skip
    if out.json:
        out.json_line({"estimate": facts})
    else:
        out.data("\n".join([cost(facts), *bounds(recipe), "Nobody was asked: leave --dry-run out to do it."]))
    return int(ExitCode.OK)


def _shown(requests: Iterator[ChatRequest], most: int, out: Output) -> Iterator[ChatRequest]:
    """The requests, the first of them printed on the way."""
    for number, request in enumerate(requests, 1):
        if number <= most and out.json:
            out.json_line({"prompt": number, **request.as_json()})
        elif number <= most:
            out.data(f"── Prompt {number} ──\n{_told(request)}\n")
        yield request


def _told(request: ChatRequest) -> str:
    messages = "\n\n".join(f"[{message.role}]\n{message.content}" for message in request.messages)
    facts: dict[str, Any] = {"temperature": request.temperature, "top_p": request.top_p, "seed": request.seed}
    said = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    schema = "; the answer is held to a JSON Schema, where the endpoint can" if request.schema is not None else ""
    return f"{messages}\n\n({said}, {request.max_tokens:,} tokens at most{schema})"
