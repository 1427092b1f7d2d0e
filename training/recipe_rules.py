"""Combinations that are known to break, or to do something else than they say; each with the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from curation.sectioned import Broken

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

VIRTUAL = ("prefix", "prompt", "p_tuning")


def broken(recipe: TrainRecipe) -> Iterator[Broken]:
    """`(key, what is wrong, the way out)` of every combination that cannot be trained."""
    for rule in _RULES:
        found = rule(recipe)
        if found is not None:
            yield found


def _checkpointing_with_prefix(recipe: TrainRecipe) -> Broken | None:
    """Recomputed activations have no prefix: PyTorch fails on the shapes (peft 0.21)."""
    if recipe.method.kind == "prefix" and recipe.schedule.gradient_checkpointing == "on":
        return (
            ("schedule", "gradient_checkpointing"),
            "a prefix is lost where activations are computed again",
            "Use schedule.gradient_checkpointing=off, or method.kind=p_tuning.",
        )
    return None


def _packing_with_virtual_tokens(recipe: TrainRecipe) -> Broken | None:
    """The virtual tokens stand once before the whole pack: only its first record would see them."""
    if recipe.method.kind in VIRTUAL and recipe.data.packing:
        return (
            ("data", "packing"),
            f"only the first record of a pack would see the virtual tokens of {recipe.method.kind}",
            "Use data.packing=false.",
        )
    return None


def _full_on_quantised(recipe: TrainRecipe) -> Broken | None:
    if recipe.method.kind == "full" and recipe.model.quantization != "none":
        return (
            ("model", "quantization"),
            f"weights in {recipe.model.quantization} cannot be trained themselves",
            "Use method.kind=lora (that is QLoRA), or model.quantization=none.",
        )
    return None


def _head_target(recipe: TrainRecipe) -> Broken | None:
    if recipe.method.kind != "lora":
        return None
    heads = [name for name in recipe.lora.targets if name.rsplit(".", 1)[-1] in ("lm_head", "embed_out")]
    if heads:
        return (
            ("lora", "targets"),
            f"the loss is computed inside {heads[0]}, past any adapter on it",
            "Leave it out; all-linear does so by itself.",
        )
    if "all-linear" in recipe.lora.targets and len(recipe.lora.targets) > 1:
        return (
            ("lora", "targets"),
            "all-linear stands for every linear layer, alone",
            "Use [all-linear], or names only.",
        )
    return None


def _init_on_quantised(recipe: TrainRecipe) -> Broken | None:
    init = recipe.lora.init
    if recipe.method.kind == "lora" and init in ("pissa", "olora") and recipe.model.quantization != "none":
        return (
            ("lora", "init"),
            f"{init} takes the weights apart, which it cannot do with {recipe.model.quantization}",
            "Use lora.init=default, or model.quantization=none.",
        )
    return None


def _dpo_limits(recipe: TrainRecipe) -> Broken | None:
    if recipe.method.objective != "dpo":
        return None
    if recipe.data.packing:
        return ("data", "packing"), "pairs of answers cannot be packed", "Use data.packing=false."
    if recipe.method.kind in VIRTUAL:
        return (
            ("method", "objective"),
            f"dpo compares with the same model without its adapter, which {recipe.method.kind} cannot be",
            "Use method.kind=lora or full.",
        )
    if recipe.data.train_on != "answers":
        return ("data", "train_on"), "dpo learns from answers only", "Use data.train_on=answers."
    if recipe.dpo.label_smoothing and recipe.dpo.loss != "sigmoid":
        return (
            ("dpo", "label_smoothing"),
            f"{recipe.dpo.loss} has no label smoothing",
            "Use dpo.loss=sigmoid, or dpo.label_smoothing=0.",
        )
    return None


def _code_of_another_model(recipe: TrainRecipe) -> Broken | None:
    trusted = recipe.model.trust_remote_code
    if trusted and trusted != recipe.model.name:
        return (
            ("model", "trust_remote_code"),
            "names another model than model.name",
            "It allows code of one model to run, so it must be that model's name, spelled out.",
        )
    return None


def _stopping_without_evaluations(recipe: TrainRecipe) -> Broken | None:
    if recipe.evaluation.early_stopping and not recipe.evaluation.every:
        return (
            ("evaluation", "early_stopping"),
            "nothing is evaluated on the way, so nothing can stop it early",
            "Set evaluation.every, such as 50.",
        )
    return None


def _virtual_parameters(recipe: TrainRecipe) -> Broken | None:
    kind, virtual = recipe.method.kind, recipe.virtual
    if virtual.init_text and kind != "prompt":
        return (
            ("virtual", "init_text"),
            f"{kind} does not begin with a text",
            "Use method.kind=prompt, or leave it out.",
        )
    if virtual.hidden is not None and kind == "prompt":
        return ("virtual", "hidden"), "prompt tuning has no encoder", "Leave it out, or use method.kind=p_tuning."
    return None


def _judge_without_samples(recipe: TrainRecipe) -> Broken | None:
    if recipe.evaluation.judge and not recipe.evaluation.samples:
        return ("evaluation", "judge"), "a judge marks samples, and there are none", "Set evaluation.samples above 0."
    return None


_RULES: tuple[Callable[[TrainRecipe], Broken | None], ...] = (
    _checkpointing_with_prefix,
    _packing_with_virtual_tokens,
    _full_on_quantised,
    _head_target,
    _init_on_quantised,
    _dpo_limits,
    _code_of_another_model,
    _stopping_without_evaluations,
    _virtual_parameters,
    _judge_without_samples,
)
