"""Every parameter of a training recipe changes something that one can see."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_train_methods import trained

from curation.errors import StudioError
from training.recipe import TrainRecipe

Seen = tuple[dict[str, Any], list[dict[str, Any]], Path]

_LORA = "lora"


def _weights(seen: Seen) -> Any:
    return seen[0]["weights_sha256"]


def _of(kind: str) -> Callable[[Seen], list[dict[str, Any]]]:
    return lambda seen: [event for event in seen[1] if event["event"] == kind]


def _steps(seen: Seen) -> Any:
    return seen[0]["steps"]


def _prepared(key: str) -> Callable[[Seen], Any]:
    return lambda seen: _of("training_prepared")(seen)[0][key]


def _rates(seen: Seen) -> Any:
    return [event["learning_rate"] for event in _of("step_logged")(seen)]


def _checkpoints(seen: Seen) -> Any:
    return sorted(path.name for path in (seen[2] / "checkpoints").iterdir())


def _evaluations(seen: Seen) -> Any:
    return [(event["step"], event["split"]) for event in _of("evaluated")(seen)]


def _answers(seen: Seen) -> Any:
    return [(event["step"], len(event["answer"])) for event in _of("sampled")(seen)]


# key: settings of the first run, what the second one changes, and what must differ between them.
CHANGES: dict[str, tuple[list[str], str, Callable[[Seen], Any]]] = {
    "seed": ([], "seed=7", _weights),
    "model.dtype": ([], "model.dtype=bfloat16", _prepared("device")),
    "model.quantization": ([], "model.quantization=nf4", _prepared("method")),
    "template.name": ([], "template.name=alpaca", _prepared("template")),
    "template.system": ([], "template.system=Answer briefly.", _prepared("tokens")),
    "data.train_on": ([], "data.train_on=everything", _prepared("trained_tokens")),
    "data.max_length": (["data.too_long=cut"], "data.max_length=40", _prepared("tokens")),
    "data.too_long": (["data.max_length=57", "data.too_long=drop"], "data.too_long=cut", _prepared("records")),
    "data.packing": (["data.max_length=256", "schedule.max_steps=null"], "data.packing=true", _steps),
    "data.validation": ([], "data.validation=0.5", _prepared("validation")),
    "data.limit": ([], "data.limit=10", _prepared("records")),
    "data.format": ([], "data.format=text", lambda seen: seen[0]),  # refused: the records are no texts
    "method.kind": ([], "method.kind=full", _prepared("trainable")),
    "lora.r": ([], "lora.r=4", _prepared("trainable")),
    "lora.alpha": ([], "lora.alpha=8", _weights),
    "lora.dropout": ([], "lora.dropout=0.4", _weights),
    "lora.targets": ([], "lora.targets=[q_proj, v_proj]", _prepared("trainable")),
    "lora.rslora": ([], "lora.rslora=true", _weights),
    "lora.dora": ([], "lora.dora=true", _prepared("trainable")),
    "lora.init": ([], "lora.init=gaussian", _weights),
    "virtual.tokens": (["method.kind=prefix"], "virtual.tokens=4", _prepared("trainable")),
    "virtual.hidden": (["method.kind=prefix"], "virtual.hidden=8", _weights),
    "virtual.init_text": (["method.kind=prompt"], "virtual.init_text=Boxes have colours", _weights),
    "dpo.beta": (["method.objective=dpo"], "dpo.beta=0.9", _weights),
    "dpo.loss": (["method.objective=dpo"], "dpo.loss=ipo", _weights),
    "dpo.label_smoothing": (["method.objective=dpo"], "dpo.label_smoothing=0.3", _weights),
    "optimizer.name": ([], "optimizer.name=sgd", _weights),
    "optimizer.learning_rate": ([], "optimizer.learning_rate=1e-3", _weights),
    "optimizer.weight_decay": ([], "optimizer.weight_decay=0.9", _weights),
    "optimizer.max_grad_norm": ([], "optimizer.max_grad_norm=0.01", _weights),
    "schedule.epochs": (["schedule.max_steps=null", "schedule.epochs=0.2"], "schedule.epochs=0.4", _steps),
    "schedule.max_steps": ([], "schedule.max_steps=3", _steps),
    "schedule.batch_size": ([], "schedule.batch_size=2", _weights),
    "schedule.accumulation": ([], "schedule.accumulation=2", _weights),
    "schedule.warmup": ([], "schedule.warmup=0.5", _rates),
    "schedule.decay": ([], "schedule.decay=constant", _rates),
    "evaluation.every": ([], "evaluation.every=2", _evaluations),
    "evaluation.samples": ([], "evaluation.samples=2", _answers),
    "evaluation.sample_tokens": ([], "evaluation.sample_tokens=9", _answers),
    "evaluation.retention": ([], "evaluation.retention=false", _evaluations),
    "evaluation.early_stopping": (
        ["evaluation.every=1", "optimizer.learning_rate=1", "schedule.max_steps=12"],
        "evaluation.early_stopping=1",
        _steps,
    ),
    "checkpoints.every": ([], "checkpoints.every=2", _checkpoints),
    "checkpoints.keep": (["checkpoints.every=2"], "checkpoints.keep=1", _checkpoints),
    "tracking.log_every": ([], "tracking.log_every=3", lambda seen: len(_of("step_logged")(seen))),
}

# Seen elsewhere, with the reason why not here.
ELSEWHERE = {
    "name": "shown in lists and on the card: below",
    "description": "shown on the card: below",
    "model.name": "every test of this folder",
    "model.revision": "a commit on the Hub: test_model_hub",
    "model.double_quantization": "bytes of the quantisation's constants: test_quantize",
    "model.attention": "the kernel that the model is given: test_model",
    "model.trust_remote_code": "code of a model: test_model",
    "model.backend": "needs a CUDA GPU; refused without: test_device",
    "model.liger": "needs a CUDA GPU; refused without: test_device",
    "method.objective": "test_train_methods: a run on pairs",
    "lora.bias": "the arguments of peft, since the tiny model has no biases: below",
    "schedule.gradient_checkpointing": "same weights by design; the arguments of the trainer: below",
    "evaluation.judge": "a judge at an endpoint: test_train_scores",
    "evaluation.judge_key_env": "the same",
    "evaluation.judge_rubrics": "the same",
    "evaluation.suites": "the scores of small tasks: test_train_scores",
    "evaluation.suite_size": "how many they are: test_train_scores",
    "evaluation.batch_size": "same losses by design: below",
    "tracking.reporters": "another program: below",
    "device.kind": "test_device",
    "device.threads": "test_device",
}


def test_every_parameter_is_tested_somewhere() -> None:
    known = {f"{section}.{key}" for section, keys in TrainRecipe.sections().items() for key in keys}
    known |= set(TrainRecipe.model_fields) - set(TrainRecipe.sections())
    assert known == set(CHANGES) | set(ELSEWHERE)


_RUNS: dict[tuple[str, ...], Seen] = {}


def _before(data: Path, tiny: Path, settings: list[str], places: pytest.TempPathFactory) -> Seen:
    """The run without the change: the same for many of the tests, and done once."""
    key = (data.name, *settings)
    if key not in _RUNS:
        folder = places.mktemp("before") / "run"
        _RUNS[key] = (*trained(data, tiny, folder, settings, _LORA), folder)
    return _RUNS[key]


@pytest.mark.parametrize("key", CHANGES)
def test_a_parameter_changes_what_it_says(
    key: str, tiny: Path, questions: Path, pairs: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, change, look = CHANGES[key]
    data = pairs if "method.objective=dpo" in before else questions
    base = ["evaluation.retention=false", "lora.dropout=0", *before]
    if key == "evaluation.retention":
        base.remove("evaluation.retention=false")
    if key == "data.format":
        with pytest.raises(StudioError, match="nothing to learn from"):
            trained(data, tiny, tmp_path / "refused", [*base, change], _LORA)
        return
    first = _before(data, tiny, base, tmp_path_factory)
    second = (*trained(data, tiny, tmp_path / "second", [*base, change], _LORA), tmp_path / "second")
    assert look(first) != look(second)


def test_the_same_recipe_gives_the_same_weights(tiny: Path, questions: Path, tmp_path: Path) -> None:
    measured = ["evaluation.every=2", "evaluation.samples=2", "lora.dropout=0.1"]
    plain = ["evaluation.samples=0", "evaluation.retention=false", "lora.dropout=0.1"]
    first, _ = trained(questions, tiny, tmp_path / "first", measured)
    second, _ = trained(questions, tiny, tmp_path / "second", plain)
    assert first["weights_sha256"] == second["weights_sha256"], "measuring moves nothing"


def test_accumulation_is_like_a_larger_batch(tiny: Path, questions: Path, tmp_path: Path) -> None:
    base = ["evaluation.retention=false", "lora.dropout=0", "optimizer.name=sgd"]
    _, large = trained(questions, tiny, tmp_path / "large", [*base, "schedule.batch_size=4"])
    _, summed = trained(
        questions, tiny, tmp_path / "summed", [*base, "schedule.batch_size=1", "schedule.accumulation=4"]
    )
    losses = [[event["loss"] for event in events if event["event"] == "step_logged"] for events in (large, summed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_the_size_of_evaluation_batches_changes_no_loss(tiny: Path, questions: Path, tmp_path: Path) -> None:
    one, _ = trained(questions, tiny, tmp_path / "one", ["evaluation.batch_size=1", "data.validation=0.2"])
    many, _ = trained(questions, tiny, tmp_path / "many", ["evaluation.batch_size=7", "data.validation=0.2"])
    assert one["losses"]["tuned"]["validation"] == pytest.approx(many["losses"]["tuned"]["validation"], rel=1e-5)
    assert one["weights_sha256"] == many["weights_sha256"]


@pytest.mark.parametrize("wanted", ["none", "all", "lora_only"])
def test_biases_reach_peft(wanted: str) -> None:
    from training.adapters import peft_config

    recipe = TrainRecipe.load("lora").with_settings([f"lora.bias={wanted}"])
    assert peft_config(recipe, "").bias == wanted


@pytest.mark.parametrize(("wanted", "found"), [("on", True), ("off", False), ("auto", False)])
def test_checkpointing_reaches_the_trainer(wanted: str, found: bool, tmp_path: Path) -> None:
    from training.arguments import training_arguments
    from training.device import choose

    settings = [f'schedule.gradient_checkpointing="{wanted}"', "device.kind=cpu"]
    recipe = TrainRecipe.load("lora").with_settings(settings)
    assert training_arguments(recipe, choose(recipe), tmp_path).gradient_checkpointing is found


def test_a_reporter_is_told_the_curves(tiny: Path, questions: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    trained(questions, tiny, tmp_path / "run", ["tracking.reporters=[tensorboard]"])
    assert list((tmp_path / "run").rglob("events.out.tfevents*"))


def test_a_reporter_that_is_not_installed_is_refused_by_name(tiny: Path, questions: Path, tmp_path: Path) -> None:
    import importlib.util

    if importlib.util.find_spec("wandb"):
        pytest.skip("wandb is installed")
    with pytest.raises(StudioError, match="wandb"):
        trained(questions, tiny, tmp_path / "run", ["tracking.reporters=[wandb]"])


def test_a_card_holds_name_and_description(tiny: Path, questions: Path, tmp_path: Path) -> None:
    summary, _ = trained(questions, tiny, tmp_path / "run", ["name=mine", "description=Of boxes"])
    card = (Path(summary["weights"]) / "README.md").read_text(encoding="utf-8")
    assert "# mine on" in card
    assert "Of boxes" in card
    assert json.loads(card.rpartition("```json")[2].partition("```")[0])["name"] == "mine"
