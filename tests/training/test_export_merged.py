"""Adapters and whole weights: copied, merged, loaded back, and refused where that cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from compare_runs import make_tiny
from export_bench import export_here, trained

from curation.errors import InputError, OutputError, Stopped, StudioError
from training.export.check import check_merged
from training.export.greedy import Greedy, agreement
from training.manifest import Manifest, read_manifest, verify_files


@pytest.fixture(scope="module")
def lora(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tiny, questions, tmp_path_factory.mktemp("lora"))


def assert_whole(folder: Path, target: str) -> Manifest:
    manifest = read_manifest(folder)
    assert isinstance(manifest, Manifest)
    assert manifest.facts["target"] == target
    assert verify_files(folder, manifest) is None
    return manifest


def logits(folder: Path, adapter: Path | None = None) -> Any:
    """What a fresh transformers makes of a folder, ours left out."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapter)) if adapter else model
    with torch.inference_mode():
        return model.eval()(torch.arange(5, 45)[None]).logits


def test_an_adapter_and_merged_weights(lora: Path, tiny: Path, tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    summary = export_here(lora, tmp_path / "run", "adapter", "merged", heard=heard, prompts=50, tokens=24)
    checks = {check["check"]: check for check in summary["checks"]}
    assert checks["merged"]["passed"]
    assert checks["merged"]["figures"]["identical"] == 50
    assert checks["template"]["figures"] == {"conversations": 200, "wrong": 0}
    assert [event["target"] for event in heard if event["event"] == "exported"] == ["adapter", "merged"]
    assert json.loads((tmp_path / "run" / "export.json").read_bytes()) == summary

    assert_whole(tmp_path / "run" / "adapter", "adapter")
    assert_whole(tmp_path / "run" / "merged", "merged")
    wanted = logits(tiny, lora / "adapter")
    assert (logits(tmp_path / "run" / "merged") - wanted).abs().max() < 1e-4
    assert (logits(tiny, tmp_path / "run" / "adapter") - wanted).abs().max() == 0
    assert (logits(tiny) - wanted).abs().max() > 0.1  # it did learn something

    config = json.loads((tmp_path / "run" / "adapter" / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == tiny.name  # and no path of this machine
    for name in ("adapter", "merged"):
        card = (tmp_path / "run" / name / "README.md").read_text()
        assert "questions.jsonl" in card and "## Limits" in card and "| validation |" in card
        assert str(tiny.parent) not in card
    generation = json.loads((tmp_path / "run" / "merged" / "generation_config.json").read_bytes())
    assert generation["eos_token_id"] == 2


def test_what_is_whole_is_not_made_again_and_what_is_damaged_is(lora: Path, tmp_path: Path) -> None:
    first = export_here(lora, tmp_path / "run", "merged")
    weights = tmp_path / "run" / "merged" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    heard: list[dict[str, Any]] = []
    again = export_here(lora, tmp_path / "run", "merged", heard=heard)
    assert weights.stat().st_mtime_ns == before
    assert [event["reused"] for event in heard if event["event"] == "exported"] == [True]
    assert "loading the base" not in {event.get("phase") for event in heard}
    assert again["results"] == first["results"]

    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    export_here(lora, tmp_path / "run", "merged")
    assert_whole(tmp_path / "run" / "merged", "merged")
    assert weights.stat().st_mtime_ns != before


def test_shards_dtype_out_name_and_prompts_have_their_effect(lora: Path, tmp_path: Path) -> None:
    made = {"out": str(tmp_path / "out"), "dtype": "bfloat16", "shard_size": "100KB", "prompts": 3, "tokens": 2}
    summary = export_here(lora, tmp_path / "run", "merged", name="bot", **made)
    assert summary["name"] == "bot"
    result = summary["results"]["merged"]
    assert result["path"] == str(tmp_path / "out" / "merged")
    assert (
        result["dtype"] == json.loads((tmp_path / "out" / "merged" / "config.json").read_bytes())["dtype"] == "bfloat16"
    )
    assert result["shards"] > 1
    figures = next(check["figures"] for check in summary["checks"] if check["check"] == "merged")
    assert figures["prompts"] == 3
    saved = json.loads((tmp_path / "run" / "reference.json").read_bytes())
    assert {len(answer["tokens"]) for answer in saved["answers"]} <= {1, 2}
    assert (tmp_path / "out" / "export.json").is_file()


@pytest.mark.parametrize(
    "settings",
    [
        ("model.quantization=nf4",),
        ("lora.dora=true",),
        ("lora.rslora=true", "lora.bias=all"),
        ("lora.init=pissa",),
    ],
    ids=["qlora", "dora", "rslora and biases", "pissa"],
)
def test_every_kind_of_lora_merges_into_full_precision(
    settings: tuple[str, ...], tiny: Path, questions: Path, tmp_path: Path
) -> None:
    run = trained(tiny, questions, tmp_path / "runs", *settings)
    summary = export_here(run, tmp_path / "run", "merged")
    assert summary["passed"]
    config = json.loads((tmp_path / "run" / "merged" / "config.json").read_bytes())
    assert "quantization_config" not in config
    assert config["dtype"] == "float32"


def test_a_model_that_was_trained_whole_is_copied(tiny: Path, questions: Path, tmp_path: Path) -> None:
    run = trained(tiny, questions, tmp_path / "runs", "optimizer.learning_rate=0.001", preset="full")
    with pytest.raises(InputError, match="There is no adapter"):
        export_here(run, tmp_path / "run", "adapter")
    summary = export_here(run, tmp_path / "run", "merged")
    assert "byte by byte" in next(check["said"] for check in summary["checks"] if check["check"] == "merged")
    assert (logits(tmp_path / "run" / "merged") - logits(run / "model")).abs().max() == 0
    assert_whole(tmp_path / "run" / "merged", "merged")


@pytest.mark.parametrize("kind", ["prefix", "prompt", "p_tuning"])
def test_virtual_tokens_cannot_be_merged(kind: str, tiny: Path, questions: Path, tmp_path: Path) -> None:
    run = trained(tiny, questions, tmp_path / "runs", f"method.kind={kind}")
    with pytest.raises(InputError, match=r"cannot be merged: it is made of virtual tokens") as caught:
        export_here(run, tmp_path / "run", "merged")
    assert "--to adapter" in caught.value.hint
    assert not (tmp_path / "run" / "merged").exists()
    assert export_here(run, tmp_path / "run", "adapter")["passed"]


def test_an_adapter_that_stands_alone(lora: Path, tiny: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(lora / "adapter", alone)
    summary = export_here(alone, tmp_path / "one", "merged")
    assert summary["passed"]
    assert "not known" in (tmp_path / "one" / "merged" / "README.md").read_text()

    exported = export_here(lora, tmp_path / "two", "adapter")["results"]["adapter"]["path"]
    with pytest.raises(InputError) as caught:  # its base is only a name by now
        export_here(Path(exported), tmp_path / "three", "merged")
    assert "--base" in caught.value.hint
    assert export_here(Path(exported), tmp_path / "three", "merged", base=str(tiny))["passed"]

    other = make_tiny(tmp_path / "other", hidden=32)
    with pytest.raises(StudioError, match="does not fit its base"):
        export_here(alone, tmp_path / "four", "merged", base=str(other))


def test_another_base_by_the_same_name_is_refused(questions: Path, tmp_path: Path) -> None:
    base = make_tiny(tmp_path / "base", seed=1)
    run = trained(base, questions, tmp_path / "runs")
    make_tiny(base, seed=2)
    with pytest.raises(InputError, match=r"is not the model that .* was trained on"):
        export_here(run, tmp_path / "run", "merged")
    assert not (tmp_path / "run" / "merged").exists()


def test_weights_that_are_no_numbers_are_not_merged(lora: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    spoiled = tmp_path / "spoiled"
    shutil.copytree(lora / "adapter", spoiled)
    tensors = load_file(spoiled / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, spoiled / "adapter_model.safetensors")
    with pytest.raises(StudioError, match="cannot be merged"):
        export_here(spoiled, tmp_path / "run", "merged")
    assert not (tmp_path / "run" / "merged").exists()


def test_nobody_elses_folder_is_written_over(lora: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out" / "merged"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="in the way"):
        export_here(lora, tmp_path / "run", "merged", out=str(tmp_path / "out"))
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_it_stops_between_two_tokens(lora: Path, tmp_path: Path) -> None:
    asked = iter(range(100))
    with pytest.raises(Stopped):
        export_here(lora, tmp_path / "run", "merged", should_stop=lambda: next(asked) >= 3)
    assert not (tmp_path / "run" / "merged").exists()
    assert export_here(lora, tmp_path / "run", "merged")["passed"]


def test_what_counts_as_the_same() -> None:
    same = Greedy([1, 2, 3], [-0.1, -0.2, -0.3], [1.0, 1.0, 1.0])
    near = Greedy([1, 5, 3], [-0.1, -0.69, -0.3], [1.0, 1e-5, 1.0])
    far = Greedy([1, 5, 3], [-0.1, -0.2, -0.3], [1.0, 0.9, 1.0])
    other = Greedy([1, 6, 3], [-0.1, -0.69, -0.3], [1.0, 1.0, 1.0])
    assert agreement([same], [same], "float32").identical == 1
    assert agreement([near], [other], "float32").ties == 1
    assert agreement([far], [other], "float32").differ == (0,)
    assert agreement([same], [Greedy([1, 2], [-0.1, -0.25], [1.0, 1.0])], "float32").differ == (0,)  # it ended early
    assert agreement([same], [Greedy([1, 2, 3], [-0.1, -0.25, -0.3], [1.0] * 3)], "float32").drift == pytest.approx(
        0.05
    )
    check = check_merged([same, far], [same, other], "float32")
    assert check.passed is False
    assert "1 differ (the first is prompt 2)" in check.said
