"""What is trained besides, or instead of, the weights: the PEFT configuration of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.recipe import TrainRecipe

_PEFT_INIT: dict[str, Any] = {
    "default": True,
    "gaussian": "gaussian",
    "pissa": "pissa",
    "olora": "olora",
    "orthogonal": "orthogonal",
}


def peft_config(recipe: TrainRecipe, model_path: str) -> Any:
    """The PeftConfig of the recipe's method; None for full fine-tuning. model_path: of the tokenizer, for `init_text`."""
    kind = recipe.method.kind
    if kind == "full":
        return None
    return _lora(recipe) if kind == "lora" else _virtual(recipe, model_path)


def _lora(recipe: TrainRecipe) -> Any:
    from peft import LoraConfig

    lora = recipe.lora
    targets: Any = "all-linear" if lora.targets == ("all-linear",) else list(lora.targets)
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a float works as well
        lora_dropout=lora.dropout,
        target_modules=targets,
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        init_lora_weights=_PEFT_INIT[lora.init],
        bias=lora.bias,
    )


def _virtual(recipe: TrainRecipe, model_path: str) -> Any:
    from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, PromptTuningInit

    virtual, kind = recipe.virtual, recipe.method.kind
    if kind == "prefix":
        projection = virtual.hidden is not None
        return PrefixTuningConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=virtual.tokens,
            prefix_projection=projection,
            encoder_hidden_size=virtual.hidden,  # type: ignore[arg-type]  # None is its default
        )
    if kind == "p_tuning":
        return PromptEncoderConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=virtual.tokens,
            encoder_hidden_size=virtual.hidden,  # type: ignore[arg-type]
        )
    begin = PromptTuningInit.TEXT if virtual.init_text else PromptTuningInit.RANDOM
    return PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=virtual.tokens,
        prompt_tuning_init=begin,
        prompt_tuning_init_text=virtual.init_text or None,
        tokenizer_name_or_path=model_path if virtual.init_text else None,
    )
