"""The estimate of memory: what the simulation counts is what real tensors take, and every setting moves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from curation.weights.find import find_model
from training.device import Facts, choose
from training.memory import available
from training.memory import estimate as estimate_module
from training.memory.estimate import Estimate, estimate
from training.memory.live_bytes import LiveBytes
from training.memory.simulate import Shape, Simulated, simulate
from training.memory.suggest import suggest
from training.recipe import TrainRecipe

SMALL = Shape(2, 64)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path_factory.getbasetemp() / "studio-cache"))


def recipe_of(folder: Path, **sections: dict[str, Any]) -> TrainRecipe:
    return TrainRecipe.model_validate({**sections, "model": {"name": str(folder), **sections.get("model", {})}})


def simulated(folder: Path, shape: Shape = SMALL, **sections: dict[str, Any]) -> Simulated:
    recipe = recipe_of(folder, **sections)
    return simulate(recipe, str(folder), choose(recipe, Facts()), shape, shape)


def peak(folder: Path, shape: Shape = SMALL, **sections: dict[str, Any]) -> int:
    return sum(simulated(folder, shape, **sections).training.values())


def test_live_bytes_are_those_of_tensors_that_are_alive() -> None:
    with LiveBytes() as live:
        first = torch.zeros(1000)
        view = first.view(10, 100)
        assert live.total == 4000
        second = torch.zeros(500, dtype=torch.uint8)
        live.tell([second], "weights")
        assert dict(live.now) == {"working": 4000, "weights": 500}
        del first
        assert live.total == 4500  # the view holds it
        del view
        assert (live.total, live.peak) == (500, 4500)
        live.forget_peak()
        assert (live.peak, live.kind_of(second)) == (500, "weights")


FULL = {"method": {"kind": "full"}, "optimizer": {"learning_rate": 1e-5}}


@pytest.mark.parametrize(
    "sections",
    [
        {},
        FULL,
        {"schedule": {"gradient_checkpointing": "on"}},
        {"model": {"quantization": "nf4"}},
        {"model": {"quantization": "int8"}},
        {"method": {"kind": "prefix"}},
        {"optimizer": {"name": "adafactor"}},
    ],
    ids=["lora", "full", "checkpointing", "nf4", "int8", "prefix", "adafactor"],
)
@pytest.mark.parametrize("even", [True, False], ids=["even", "padded"])
def test_the_simulation_counts_what_real_training_takes(
    tiny: Path, tmp_path: Path, sections: dict[str, Any], even: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two real steps through the real trainer, with every tensor counted."""
    monkeypatch.setattr("trl.trainer.utils._CHUNKED_LOGPROB_CHUNK_SIZE", 640)  # the vocabulary: no unused room
    from types import SimpleNamespace

    from training.model import load_model, load_tokenizer
    from training.trainer import make_trainer

    schedule = {"batch_size": 4, "max_steps": 2, **sections.get("schedule", {})}
    recipe = recipe_of(tiny, **{**sections, "schedule": schedule})
    device, found = choose(recipe, Facts()), find_model(str(tiny))
    lengths = [96, 96, 96, 96] if even else [96, 40, 40, 40]
    rows = [{"input_ids": [7] * length, "labels": [7] * length} for length in lengths] * 2
    model = load_model(found, recipe.model, device, train=True)
    session: Any = SimpleNamespace(
        recipe=recipe, found=found, device=device, tokenizer=load_tokenizer(found), model=model, train_rows=rows
    )
    trainer = make_trainer(session, tmp_path, lambda *_: None)
    with LiveBytes() as live:
        live.tell(trainer.model.parameters(), "weights")
        trainer.train()
        real = live.peak
    guessed = sum(simulate(recipe, str(tiny), device, Shape(4, 96, even), None).training.values())
    assert guessed == pytest.approx(real, rel=0.06)


def test_more_records_and_longer_ones_need_more(tiny: Path) -> None:
    small = peak(tiny)
    assert peak(tiny, Shape(4, 64)) > small
    assert peak(tiny, Shape(2, 128)) > small


def test_what_is_trained_has_gradients_and_a_state(tiny: Path) -> None:
    lora, full = simulated(tiny), simulated(tiny, **FULL)
    assert lora.trainable * 4 == lora.adapter == lora.gradients
    assert full.trainable == full.parameters
    assert full.gradients == full.trainable * 4
    for found in (lora, full):
        assert found.optimizer == pytest.approx(8 * found.trainable, rel=0.01)
    assert simulated(tiny, lora={"r": 32}).adapter == 2 * lora.adapter
    assert simulated(tiny, lora={"targets": ["q_proj"]}).adapter < lora.adapter


@pytest.mark.parametrize(("name", "share"), [("adamw", 8.0), ("paged_adamw", 8.0), ("sgd", 0.0), ("adafactor", 0.2)])
def test_the_optimizers_state_is_its_own(tiny: Path, name: str, share: float) -> None:
    found = simulated(tiny, method={"kind": "full"}, optimizer={"name": name, "learning_rate": 1e-5})
    assert found.optimizer / found.trainable == pytest.approx(share, abs=0.15)


@pytest.mark.parametrize("name", ["adamw_8bit", "paged_adamw_8bit"])
def test_the_state_of_8_bit_optimizers_is_as_large_as_bitsandbytes_makes_it(tiny: Path, name: str) -> None:
    from bitsandbytes.optim import AdamW8bit
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny)
    real = AdamW8bit(model.parameters(), lr=1e-4)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    real.step()
    parts = {
        value.untyped_storage().data_ptr(): value.untyped_storage().nbytes()
        for state in real.state.values()
        for key, value in state.items()
        if isinstance(value, torch.Tensor) and "qmap" not in key
    }
    found = simulated(tiny, method={"kind": "full"}, optimizer={"name": name, "learning_rate": 1e-5})
    assert found.optimizer == pytest.approx(sum(parts.values()), rel=0.05)
    assert found.optimizer < 3 * found.trainable


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough that constants of quantisation are fewer than the codes beside them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "wider"
    sizes = {"vocab_size": 640, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2}
    LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2)).save_pretrained(folder)
    return folder


def test_quantised_weights_are_smaller(wider: Path) -> None:
    sizes = {kind: simulated(wider, model={"quantization": kind}).weights for kind in ("none", "int8", "nf4", "fp4")}
    assert sizes["none"] > sizes["int8"] > sizes["nf4"] == sizes["fp4"]
    single = simulated(wider, model={"quantization": "nf4", "double_quantization": False})
    assert single.weights > sizes["nf4"]
    assert single.parameters == simulated(wider).parameters


@pytest.mark.parametrize("kind", ["nf4", "int8"])
def test_quantised_weights_are_counted_as_they_are(wider: Path, kind: str) -> None:
    from training.model import load_model

    recipe = recipe_of(wider, model={"quantization": kind})
    model = load_model(find_model(str(wider)), recipe.model, choose(recipe, Facts()), train=True)
    real = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in _tensors(model)}
    assert simulated(wider, model={"quantization": kind}).weights == pytest.approx(sum(real.values()), rel=0.03)


def _tensors(model: Any) -> list[torch.Tensor]:
    """Weights and buffers, and what bitsandbytes keeps beside its weights."""
    found = [*model.parameters(), *model.buffers()]
    for weight in model.parameters():
        state = getattr(weight, "quant_state", None)
        found += [part for part in (getattr(weight, "SCB", None),) if part is not None]
        for one in (state, getattr(state, "state2", None)):
            found += [one.absmax, one.code] if one is not None else []
    return found


def test_checkpointing_and_half_precision_need_less(tiny: Path) -> None:
    long = Shape(2, 512)
    on, off = ({"schedule": {"gradient_checkpointing": value}} for value in ("on", "off"))
    kept = [simulated(tiny, long, **sections).training.get("activations", 0) for sections in (on, off)]
    assert kept[0] < 0.5 * kept[1]
    assert simulated(tiny, model={"dtype": "bfloat16"}).weights < simulated(tiny).weights


def test_accumulation_and_preferences_need_more(tiny: Path) -> None:
    assert peak(tiny, **FULL, schedule={"accumulation": 2}) > peak(tiny, **FULL)
    pairs = {"kind": "full", "objective": "dpo"}
    both = simulated(tiny, method=pairs, optimizer={"learning_rate": 1e-6})
    assert both.weights >= 2 * simulated(tiny, **FULL).weights * 0.99  # and the copy to compare with


def estimated(folder: Path, shape: Shape = SMALL, **sections: dict[str, Any]) -> Estimate:
    recipe = recipe_of(folder, **sections)
    return estimate(recipe, find_model(str(folder)), choose(recipe, Facts()), shape, shape)


def test_components_sum_up_and_the_base_is_measured_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = estimated(tiny)
    assert sum(part.size for part in found.components) == found.total == max(found.phases.values())
    assert found.measured_here
    assert found.fits
    base = {part.name: part.size for part in found.components}["framework"]
    assert 300e6 < base < 1500e6
    monkeypatch.setattr("training.memory.baseline.subprocess.run", None)  # a second measurement would fail
    assert estimated(tiny, Shape(1, 32)).total < found.total


def test_a_gpus_figure_is_marked_as_not_measured(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate_module, "room_on", lambda device: available.Room(10**10, 2 * 10**10))
    recipe = recipe_of(tiny)
    device = choose(recipe, Facts(cuda=True, cuda_name="NVIDIA H100", cuda_bf16=True))
    found = estimate(recipe, find_model(str(tiny)), device, Shape(2, 64))
    assert not found.measured_here
    assert found.room.free == 10**10


def test_suggestions_fit_and_the_mildest_come_first(tiny: Path) -> None:
    recipe = recipe_of(tiny, schedule={"batch_size": 8}, evaluation={"batch_size": 8})
    device, found, shape = choose(recipe, Facts()), find_model(str(tiny)), Shape(8, 512)
    needs = estimate(recipe, found, device, shape, shape).total
    assert suggest(recipe, found, device, shape, shape, limit=needs) == ()
    least = estimate(recipe, found, device, Shape(1, 64), Shape(1, 64)).total
    limit = (needs + least) // 2
    suggestions = suggest(recipe, found, device, shape, shape, limit=limit)
    assert suggestions[0].settings == (
        "schedule.batch_size=4",
        "schedule.accumulation=2",
        "evaluation.batch_size=4",
    )
    assert any("data.max_length=256" in suggestion.settings for suggestion in suggestions)
    for suggestion in suggestions:
        assert suggestion.needs <= limit
        recipe.with_settings(suggestion.settings)
    assert suggest(recipe, found, device, shape, shape, limit=1000) == ()


def test_where_no_single_change_suffices_all_are_taken(tiny: Path) -> None:
    recipe = recipe_of(tiny, schedule={"batch_size": 8}, evaluation={"batch_size": 8})
    device, found, shape = choose(recipe, Facts()), find_model(str(tiny)), Shape(8, 1024)
    small = recipe.with_settings(
        ["schedule.batch_size=1", "schedule.gradient_checkpointing=on", "model.quantization=nf4"]
    )
    least = estimate(small, found, choose(small, Facts()), Shape(1, 256), Shape(1, 256)).total
    (only,) = suggest(recipe, found, device, shape, shape, limit=least + 1_000_000)
    assert "schedule.batch_size=1" in only.settings
    assert "data.max_length=256" in only.settings


@pytest.mark.parametrize(
    ("files", "limited"),
    [
        ({"memory.max": "max", "memory.current": "5"}, False),
        ({"memory.max": "900000000", "memory.current": "500000000", "memory.stat": "inactive_file 100000000"}, True),
        ({"memory/memory.limit_in_bytes": "900000000", "memory/memory.usage_in_bytes": "400000000"}, True),
        ({}, False),
    ],
)
def test_a_containers_limit_counts(
    files: dict[str, str], limited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(available, "_GROUPS", tmp_path)
    room = available.main_memory()
    assert room.limited == limited
    if limited:
        assert (room.total, room.free) == (900_000_000, 500_000_000)
    else:
        assert 0 < room.free <= room.total
