"""Every method trains, saves, is loaded again, and answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curation.events import Event
from training.recipe import TrainRecipe

METHODS = {
    "lora": [],
    "rslora": ["lora.rslora=true"],
    "dora": ["lora.dora=true"],
    "pissa": ["lora.init=pissa"],
    "olora": ["lora.init=olora"],
    "orthogonal": ["lora.init=orthogonal"],
    "gaussian": ["lora.init=gaussian"],
    "qlora": ["model.quantization=nf4", "optimizer.name=paged_adamw"],
    "qlora_dora": ["model.quantization=nf4", "lora.dora=true"],
    "fp4": ["model.quantization=fp4"],
    "int8": ["model.quantization=int8"],
    "full": ["method.kind=full", "optimizer.learning_rate=1e-3"],
    "prefix": ["method.kind=prefix", "optimizer.learning_rate=0.1"],
    "prefix_projected": ["method.kind=prefix", "virtual.hidden=32"],
    "prompt": ["method.kind=prompt"],
    "prompt_from_text": ["method.kind=prompt", "virtual.init_text=Boxes and colours"],
    "p_tuning": ["method.kind=p_tuning"],
    "packed": ["data.packing=true", "data.max_length=256", "schedule.batch_size=1"],
    "checkpointing": ["schedule.gradient_checkpointing=on"],
}


def trained(
    data: Path, model: Path, folder: Path, settings: list[str], preset: str = "lora"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A short run; its summary and its events."""
    from training.run import train

    recipe = TrainRecipe.load(preset).with_settings(
        [
            f"model.name={model}",
            "schedule.max_steps=6",
            "schedule.accumulation=1",
            "schedule.warmup=0",
            "optimizer.learning_rate=3e-3",
            "evaluation.samples=1",
            "evaluation.sample_tokens=4",
            "evaluation.every=0",
            *settings,
        ]
    )
    events: list[Event] = []
    folder.mkdir()
    summary = train(
        [str(data)],
        recipe,
        folder,
        allow=["learning_rate"],
        apart=False,
        listener=events.append,
        should_stop=lambda: False,
    )
    return summary, [event.as_json() for event in events]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_learns_is_saved_and_loaded_again(name: str, tiny: Path, questions: Path, tmp_path: Path) -> None:
    summary, events = trained(questions, tiny, tmp_path / "run", METHODS[name])
    losses = [event["loss"] for event in events if event["event"] == "step_logged"]
    assert len(losses) == 6
    assert summary["losses"]["tuned"]["validation"] < summary["losses"]["base"]["validation"]
    assert {event["split"] for event in events if event["event"] == "evaluated"} == {"validation", "retention"}
    assert _loss_again(Path(summary["weights"]), tiny, events, questions, METHODS[name]) == pytest.approx(
        summary["losses"]["tuned"]["validation"], rel=0.02
    )


def _loss_again(weights: Path, tiny: Path, events: list[dict[str, Any]], questions: Path, settings: list[str]) -> float:
    """The validation loss of what is on the disk, loaded by peft and transformers alone, over the same records."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training.session import prepare

    recipe = TrainRecipe.load("lora").with_settings([f"model.name={tiny}", *settings])
    session = prepare([str(questions)], recipe)
    if weights.name == "model":
        model = AutoModelForCausalLM.from_pretrained(weights)
    else:
        session.load()
        model = PeftModel.from_pretrained(session.model, weights)
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for one in session.validation:
            ids, labels = torch.tensor([one.input_ids]), torch.tensor([one.labels])
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids))
            logits = out.logits[:, -ids.shape[1] :]
            loss = torch.nn.functional.cross_entropy(logits[0, :-1], labels[0, 1:], reduction="sum", ignore_index=-100)
            total, count = total + float(loss), count + int((labels[0, 1:] >= 0).sum())
        answer = model.generate(input_ids=torch.tensor([session.prompts[0].ids]), max_new_tokens=3, do_sample=False)
    assert answer.shape[1] > 0
    reloaded = AutoTokenizer.from_pretrained(weights)
    assert reloaded.chat_template, "the template goes with the weights"
    return total / count


def test_dpo_prefers_what_was_chosen(tiny: Path, pairs: Path, tmp_path: Path) -> None:
    settings = ["optimizer.learning_rate=1e-3", "schedule.max_steps=12", "lora.dropout=0"]
    summary, events = trained(pairs, tiny, tmp_path / "run", settings, "dpo")
    assert summary["method"] == "dpo with lora"
    assert summary["losses"]["base"]["validation"] == pytest.approx(0.6931, abs=1e-3)  # ln 2: no preference yet
    assert summary["losses"]["tuned"]["validation"] < 0.68
    assert [event for event in events if event["event"] == "sampled"]


def test_the_result_is_whole_and_says_what_it_is(tiny: Path, questions: Path, tmp_path: Path) -> None:
    from training.checkpoint import verify

    summary, events = trained(questions, tiny, tmp_path / "run", [])
    adapter = Path(summary["weights"])
    assert verify(adapter) is None
    card = (adapter / "README.md").read_text(encoding="utf-8")
    assert "base_model" in card
    assert '"learning_rate": 0.003' in card
    prepared = next(event for event in events if event["event"] == "training_prepared")
    assert prepared["records"] == summary["records"]
    assert 0 < prepared["trained_tokens"] < prepared["tokens"]
    assert prepared["steps"] == summary["steps"] == 6
    assert json.loads((tmp_path / "run" / "preflight.json").read_bytes())["records"] == summary["records"]
