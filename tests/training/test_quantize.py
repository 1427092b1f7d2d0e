"""Quantised weights: what is quantised, and that an evaluation leaves the gradients alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from training.device import Facts, choose
from training.model import find_model, load_model
from training.quantize import keep_unpacked
from training.recipe import TrainRecipe

CPU = Facts()
ALL = "all-linear"
TWO = ["q_proj", "v_proj"]


def loaded(folder: Path, **settings: Any) -> Any:
    recipe = TrainRecipe.model_validate({"model": {"name": str(folder), **settings}})
    return load_model(find_model(str(folder)), recipe.model, choose(recipe, CPU), train=True)


def with_adapter(model: Any, targets: str | list[str]) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=targets, init_lora_weights="gaussian"))
    with torch.no_grad():  # a fresh adapter's B is zero, and so would be the gradients of its A
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.02)
    return adapted


def batch(model: Any) -> dict[str, torch.Tensor]:
    ids = torch.randint(3, model.config.vocab_size, (2, 24), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "labels": ids}


def gradients(model: Any) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and every trained weight's gradient, of one step's forward and backward pass."""
    model.train()
    model.zero_grad(set_to_none=True)
    loss = model(**batch(model)).loss
    loss.backward()
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}
    missing = [name for name, gradient in found.items() if gradient is None]
    assert missing == []
    return float(loss), {name: gradient.clone() for name, gradient in found.items()}


def norm(found: dict[str, torch.Tensor]) -> float:
    return float(torch.stack([gradient.norm() for gradient in found.values()]).norm())


def evaluate(model: Any) -> None:
    """An evaluation as trainers do it: eval mode, no gradients; a loss and an answer."""
    model.eval()
    seen = []
    hook = model.get_input_embeddings().register_forward_hook(
        lambda module, _, __: seen.append((module.training, torch.is_grad_enabled()))
    )
    with torch.no_grad():
        model(**batch(model))
        model.generate(input_ids=batch(model)["input_ids"][:, :8], max_new_tokens=3, do_sample=False, pad_token_id=0)
    hook.remove()
    assert len(seen) >= 2
    assert set(seen) == {(False, False)}


@pytest.mark.parametrize("targets", [ALL, TWO])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("double", [True, False])
def test_an_evaluation_leaves_the_gradients_of_a_4_bit_model_alone(
    tiny: Path, targets: str | list[str], kind: str, double: bool
) -> None:
    model = with_adapter(loaded(tiny, quantization=kind, double_quantization=double), targets)
    loss, before = gradients(model)
    evaluate(model)
    loss_after, after = gradients(model)
    assert loss_after == loss
    assert norm(after) == norm(before) > 0
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("targets", [ALL, TWO])
def test_without_the_workaround_an_evaluation_ruins_them(tiny: Path, targets: str | list[str]) -> None:
    """The bug is still there; where it no longer is, `keep_unpacked` can go."""
    from bitsandbytes.functional import has_avx512bf16
    from bitsandbytes.nn import Linear4bit

    if not has_avx512bf16():
        pytest.skip("bitsandbytes repacks weights only on CPUs with avx512_bf16")
    model = with_adapter(loaded(tiny, quantization="nf4"), targets)
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = True
    _, before = gradients(model)
    evaluate(model)
    try:
        _, after = gradients(model)
    except (AssertionError, RuntimeError):
        return  # no gradient at all
    assert norm(after) != pytest.approx(norm(before), rel=0.01)


def state_of(model: Any) -> Any:
    return model.model.layers[0].self_attn.q_proj.weight.quant_state


def test_the_kind_of_quantisation_is_what_the_recipe_says(tiny: Path) -> None:
    nf4, fp4 = loaded(tiny, quantization="nf4"), loaded(tiny, quantization="fp4")
    assert (state_of(nf4).quant_type, state_of(fp4).quant_type) == ("nf4", "fp4")
    assert state_of(nf4).dtype == torch.float32  # what the arithmetic is done in, on a CPU
    plain = loaded(tiny)
    sizes = [model.get_memory_footprint() for model in (plain, nf4)]
    assert sizes[1] < 0.7 * sizes[0]  # the embeddings stay as they are, and are most of this model
    assert nf4.model.embed_tokens.weight.dtype == torch.float32


def test_double_quantisation_quantises_the_constants_too(tiny: Path) -> None:
    assert state_of(loaded(tiny, quantization="nf4", double_quantization=True)).nested
    assert not state_of(loaded(tiny, quantization="nf4", double_quantization=False)).nested


def test_eight_bits_train_and_survive_an_evaluation_too(tiny: Path) -> None:
    model = with_adapter(loaded(tiny, quantization="int8"), ALL)
    assert model.get_base_model().model.layers[0].self_attn.q_proj.weight.dtype == torch.int8
    loss, before = gradients(model)
    evaluate(model)
    loss_after, after = gradients(model)
    assert loss_after == loss
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_model_that_is_not_quantised_has_no_4_bit_layers(tiny: Path) -> None:
    assert keep_unpacked(loaded(tiny)) == 0
    assert keep_unpacked(loaded(tiny, quantization="nf4")) == 14  # seven linear layers in each of two blocks
