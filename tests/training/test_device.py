"""The device, and what of a recipe changes on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from curation.errors import StudioError
from training import device as device_module
from training.device import Device, Facts, apply_threads, choose, machine_facts
from training.recipe import TrainRecipe

CPU = Facts()
NEW_GPU = Facts(cuda=True, cuda_name="NVIDIA H100", cuda_bf16=True)
OLD_GPU = Facts(cuda=True, cuda_name="Tesla T4", cuda_bf16=False)
MAC = Facts(mps=True)


def chosen(facts: Facts, **sections: dict[str, Any]) -> Device:
    return choose(TrainRecipe.model_validate(sections), facts)


@pytest.mark.parametrize(
    ("facts", "kind", "dtype", "name"),
    [
        (CPU, "cpu", "float32", "CPU"),
        (NEW_GPU, "cuda", "bfloat16", "NVIDIA H100"),
        (OLD_GPU, "cuda", "float32", "Tesla T4"),
        (MAC, "mps", "float32", "Apple GPU"),
    ],
)
def test_auto_takes_the_best_there_is(facts: Facts, kind: str, dtype: str, name: str) -> None:
    found = chosen(facts)
    assert (found.kind, found.dtype, found.name, found.changes) == (kind, dtype, name, ())


def test_a_kind_that_is_named_is_taken() -> None:
    assert chosen(NEW_GPU, device={"kind": "cpu"}).kind == "cpu"
    assert chosen(NEW_GPU, device={"kind": "cuda"}).kind == "cuda"
    assert chosen(MAC, device={"kind": "mps"}).kind == "mps"


@pytest.mark.parametrize(("facts", "kind"), [(CPU, "cuda"), (MAC, "cuda"), (NEW_GPU, "mps"), (CPU, "mps")])
def test_a_kind_that_is_not_there_is_refused(facts: Facts, kind: str) -> None:
    with pytest.raises(StudioError) as caught:
        chosen(facts, device={"kind": kind})
    assert "device.kind=auto" in caught.value.hint


@pytest.mark.parametrize(
    ("facts", "wanted", "dtype", "sentence"),
    [
        (CPU, "bfloat16", "bfloat16", ""),
        (CPU, "float16", "float32", "float16 does not train on a CPU"),
        (NEW_GPU, "float16", "float16", ""),
        (NEW_GPU, "float32", "float32", ""),
        (OLD_GPU, "bfloat16", "float32", "no bfloat16"),
        (MAC, "bfloat16", "float32", "Apple GPUs"),
        (MAC, "float16", "float32", "Apple GPUs"),
    ],
)
def test_the_dtype_is_the_recipes_or_one_that_works(facts: Facts, wanted: str, dtype: str, sentence: str) -> None:
    found = chosen(facts, model={"dtype": wanted})
    assert found.dtype == dtype
    assert len(found.changes) == bool(sentence)
    assert sentence in "".join(found.changes)


@pytest.mark.parametrize("quantization", ["nf4", "fp4", "int8"])
def test_nothing_is_quantised_on_a_mac_and_it_says_so(quantization: str) -> None:
    found = chosen(MAC, model={"quantization": quantization})
    assert found.quantization == "none"
    assert quantization in found.changes[0]
    for facts in (CPU, NEW_GPU):
        kept = chosen(facts, model={"quantization": quantization})
        assert (kept.quantization, kept.changes) == (quantization, ())


@pytest.mark.parametrize("name", ["paged_adamw", "paged_adamw_8bit", "adamw_8bit"])
def test_optimizers_of_bitsandbytes_do_not_run_on_a_mac(name: str) -> None:
    assert chosen(CPU, optimizer={"name": name}).optimizer == name
    found = chosen(MAC, optimizer={"name": name})
    assert found.optimizer == "adamw"
    assert name in found.changes[0]


def test_flash_attention_is_replaced_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"attention": "flash_attention_2"}
    for facts, why in ((CPU, "CUDA"), (MAC, "CUDA"), (OLD_GPU, "float32")):
        found = chosen(facts, model=wanted)
        assert found.attention == "sdpa"
        assert why in found.changes[0]
    monkeypatch.setattr(device_module, "find_spec", lambda name: None)
    with pytest.raises(StudioError, match="flash-attn is not installed") as caught:
        chosen(NEW_GPU, model=wanted)
    assert "pip install flash-attn" in caught.value.hint
    monkeypatch.setattr(device_module, "find_spec", lambda name: name)
    assert chosen(NEW_GPU, model=wanted).attention == "flash_attention_2"
    assert chosen(CPU, model={"attention": "eager"}).attention == "eager"


@pytest.mark.parametrize(
    ("model", "package", "way_out"),
    [
        ({"backend": "unsloth"}, "unsloth", "model.backend=transformers"),
        ({"liger": True}, "liger-kernel", "model.liger=false"),
    ],
)
def test_optional_backends_are_refused_where_they_are_not(
    model: dict[str, Any], package: str, way_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudioError, match=f"{package} needs a CUDA GPU") as caught:
        chosen(CPU, model=model)
    assert way_out in caught.value.hint
    monkeypatch.setattr(device_module, "find_spec", lambda name: None)
    with pytest.raises(StudioError, match=f"asks for {package}, which is not installed") as caught:
        chosen(NEW_GPU, model=model)
    assert f"pip install {package}" in caught.value.hint
    assert "not tested" in caught.value.hint
    monkeypatch.setattr(device_module, "find_spec", lambda name: name)
    assert chosen(NEW_GPU, model=model).kind == "cuda"


def test_a_process_of_several_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert chosen(NEW_GPU).torch_name == "cuda:0"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert chosen(NEW_GPU).torch_name == "cuda:3"
    assert chosen(CPU).torch_name == "cpu"


def test_this_machine_is_what_torch_says() -> None:
    found = machine_facts()
    assert found.cuda == torch.cuda.is_available()
    assert choose(TrainRecipe()).kind in ("cpu", "cuda", "mps")


def test_threads_are_set_where_the_recipe_says_so() -> None:
    before = torch.get_num_threads()
    try:
        assert apply_threads(None) == before
        assert apply_threads(3) == torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
