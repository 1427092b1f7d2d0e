"""Whether the adapter finds what it is put on, and whether the markers it depends on were ever learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from curation.errors import nearest
from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding, many

UNTRAINED = 0.1  # of the median length of the embeddings
ALL = "all-linear"

REASONS = {
    "target_not_found": Reason(
        ("block",),
        "Names in lora.targets that no module of the model has.",
        "They get no adapter; without any match nothing is trained.",
        "Use names of this model, or all-linear.",
    ),
    "untrained_markers": Reason(
        ("warn",),
        "Special tokens in the texts whose embeddings the base model never learned.",
        "A base model is often given the tokens of its chat version without having seen them. An adapter does not train "
        "embeddings, so these stay noise.",
        "Use the chat version of the model, or a template without special tokens such as alpaca; or train every weight: "
        "method.kind=full.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    yield from _targets(context)
    if context.model is not None and context.recipe.method.kind != "full":
        yield from _markers(context)


def _targets(context: PreflightContext) -> Iterator[Finding]:
    targets = context.recipe.lora.targets
    if context.recipe.method.kind != "lora" or ALL in targets:
        return
    names = _module_names(context)
    missing = [target for target in targets if not any(_is_meant(target, name) for name in names)]
    if names and missing:
        known = sorted({name.rsplit(".", 1)[-1] for name in names})
        message = f"The model has no module called {', '.join(missing)}. {nearest(missing[0], known)}"
        fix = "--set lora.targets=[all-linear]"
        yield finding("target_not_found", "block", message.rstrip(), fix)


def _is_meant(target: str, name: str) -> bool:
    return name == target or name.endswith("." + target)


def _module_names(context: PreflightContext) -> Sequence[str]:
    """Names of the linear modules, of the model or of an empty one made from its configuration."""
    model = context.model
    if model is None:
        model = _empty_model(context)
    if model is None:
        return ()
    return [
        name
        for name, module in model.named_modules()
        if name and getattr(getattr(module, "weight", None), "ndim", 0) == 2
    ]


def _empty_model(context: PreflightContext) -> object | None:
    """The model without weights: it takes no memory, and a second for large ones."""
    if context.config is None:
        return None
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            model: object = AutoModelForCausalLM.from_config(context.config)  # type: ignore[no-untyped-call]
            return model
    except (ValueError, KeyError, NotImplementedError):  # a model whose code is not in transformers
        return None


def _markers(context: PreflightContext) -> Iterator[Finding]:
    """Compare the rows of special tokens with the others: those never seen are short, or all alike."""
    import torch

    used = np.unique(context.tensors.ids)
    special = {number for number, token in context.tokenizer.added_tokens_decoder.items() if token.special}
    marks = [token for token in used.tolist() if token in special]
    if not marks:
        return
    read = context.model.get_input_embeddings()
    written = context.model.get_output_embeddings()
    ends = set(context.stops.tolist())
    with torch.no_grad():
        untrained = set(_never_learned(read.weight, marks))
        if written is not None and written.weight is not read.weight:  # an end mark must also be written
            untrained |= set(_never_learned(written.weight, [mark for mark in marks if mark in ends]))
    if untrained:
        wrong = np.isin(context.tensors.ids, sorted(untrained))
        ids = context.tensors.names(np.flatnonzero(context.tensors.count(wrong)))
        names = ", ".join(context.text_of([mark]) for mark in sorted(untrained)[:4])
        yield finding(
            "untrained_markers",
            "warn",
            f"The model has never learned {names}, used in {many(len(ids), 'record')}.",
            "Use the chat version of the model, or --set template.name=alpaca.",
            ids=ids,
            shown=context.shown(ids[0]),
        )


def _never_learned(weight: Any, marks: Sequence[int]) -> list[int]:
    """Rows that are hardly there, or hardly differ from the mean of all, as new rows are made."""
    rows = weight.detach().float()
    usual = float(rows.norm(dim=1).median())
    mean = rows.mean(dim=0)
    return [
        mark
        for mark in marks
        if mark < len(rows) and min(float(rows[mark].norm()), float((rows[mark] - mean).norm())) < UNTRAINED * usual
    ]


CHECK = Check("adapter", REASONS, _examine)
