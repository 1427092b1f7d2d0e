"""Nothing more than notes is said about clean datasets, made up and real."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from preflight_bench import Bench, llama_like, serious
from preflight_sets import CLEAN, split

from training.examples import Example, Examples, Message, read_examples
from training.preflight import Report, reasons

DPO = ["method.objective=dpo", "optimizer.learning_rate=5e-6"]


@pytest.fixture(scope="module")
def bench(tiny: Path) -> Bench:
    from transformers import AutoConfig, AutoTokenizer

    return Bench(AutoTokenizer.from_pretrained(tiny), AutoConfig.from_pretrained(tiny))


def examined(bench: Bench, examples: Examples, settings: Sequence[str] = (), template: str = "auto") -> Report:
    return Bench(bench.tokenizer, bench.config, bench.model, settings, template).examine(examples)


def test_there_are_enough_clean_sets() -> None:
    assert len(CLEAN) >= 10


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_said_about_a_clean_set(name: str, bench: Bench) -> None:
    report = examined(bench, split(CLEAN[name]()), DPO if name == "pairs" else ())
    assert serious(report) == {}
    assert not report.blocked
    assert report.records + report.validation == len(CLEAN[name]())
    assert 0 < report.trained_tokens < report.tokens or name == "texts"


@pytest.mark.parametrize(
    "settings",
    [
        ["data.train_on=last_answer"],
        ["data.train_on=everything"],
        ["data.packing=true"],
        ["template.system='Be brief.'"],
        ["method.kind=full", "optimizer.learning_rate=2e-5"],
        ["method.kind=prefix", "optimizer.learning_rate=1e-2"],
        ["lora.targets=[q_proj, v_proj]"],
        ["data.max_length=250", "data.too_long=drop"],
        ["schedule.max_steps=3"],
    ],
    ids=" ".join,
)
def test_nothing_is_said_about_other_ways_to_train_it(settings: list[str], bench: Bench) -> None:
    assert serious(examined(bench, split(CLEAN["multi_turn"]()), settings)) == {}


@pytest.mark.parametrize("template", ["llama2", "mistral", "vicuna", "alpaca", "human_assistant"])
def test_nothing_is_said_about_templates_of_a_tokenizer_that_begins_texts(template: str) -> None:
    assert serious(Bench(llama_like(), template=template).examine(split(CLEAN["alpaca"]()))) == {}


def test_packing_and_markers_are_fine_with_the_model_itself(bench: Bench, tiny: Path) -> None:
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(tiny)
    report = Bench(bench.tokenizer, bench.config, model, ["data.packing=true"]).examine(split(CLEAN["chat"]()))
    assert serious(report) == {}
    assert report.isolation is not None
    assert report.isolation < 1e-4


def test_nothing_is_said_about_the_sarcastic_answers(bench: Bench, real_data: Path) -> None:
    assert serious(examined(bench, read_examples([str(real_data / "sarcasm" / "sarcasm.csv")]))) == {}


def test_nothing_is_said_about_chinese_answers(bench: Bench, real_data: Path) -> None:
    examples = read_examples([str(real_data / "llamafactory" / "alpaca_zh_demo.json")])
    report = examined(bench, examples, ["data.max_length=1024", "data.too_long=drop"])
    assert set(serious(report)) <= {"dropped"}  # the tokenizer of the tiny model knows hardly any Chinese


def test_nothing_is_said_about_seed_tasks(bench: Bench, real_data: Path) -> None:
    """Those with an instance of moderate length; the tasks are as different from each other as tasks can be."""
    lines = (real_data / "self_instruct" / "seed_tasks.jsonl").read_text(encoding="utf-8").splitlines()
    made = []
    for number, line in enumerate(lines):
        task = json.loads(line)
        instance = task["instances"][0]
        asked = "\n\n".join(part for part in (task["instruction"], instance["input"]) if part)
        if len(asked) + len(instance["output"]) < 900:
            said = (Message("user", asked), Message("assistant", instance["output"]))
            made.append(Example(f"seed_tasks.jsonl:{number}", said))
    assert len(made) > 120
    random.Random(0).shuffle(made)
    assert serious(examined(bench, split(made, 10))) == {}


def test_nothing_is_said_about_bundled_answers(bench: Bench, samples: Path) -> None:
    """The records of the sample that are marked as clean."""
    with (samples / "qa_zh.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["shows"] == "clean"]
    made = [
        Example(
            row["id"] if "id" in row else str(number), (Message("user", row["问题"]), Message("assistant", row["答案"]))
        )
        for number, row in enumerate(rows)
    ]
    assert len(made) >= 20
    assert serious(examined(bench, split(made))) == {}


def test_every_reason_is_a_sentence_that_says_what_why_and_what_to_do() -> None:
    for name, reason in reasons().items():
        assert name.replace("_", "").islower()
        assert reason.levels
        for text in (reason.what, reason.why, reason.fix):
            assert text[0].isupper()
            assert text.endswith("."), (name, text)


def test_what_only_the_weights_tell_is_asked_after_loading(bench: Bench, tiny: Path, questions: Path) -> None:
    import torch

    from training.preflight import examine_weights
    from training.recipe import TrainRecipe
    from training.session import prepare

    recipe = TrainRecipe().with_settings([f"model.name={tiny}", "data.packing=true", "data.max_length=256"])
    session = prepare([str(questions)], recipe)
    assert examine_weights(session) == ()
    session.load()
    assert examine_weights(session) == ()
    with torch.no_grad():
        session.model.get_input_embeddings().weight[bench.tokenizer.eos_token_id] = 0.0
    assert [one.reason for one in examine_weights(session)] == ["untrained_markers"]


@pytest.mark.parametrize("name", ["qwen3", "nemotron_3_nano", "qwen2_5", "llama3", "phi3_5"])
def test_a_models_own_template_is_no_fault(name: str, tiny: Path) -> None:
    """Templates of reasoning models write an empty <think> into answers, and leave earlier reasoning out."""
    from importlib.resources import files

    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    ends = {"llama3": "<|eot_id|>", "phi3_5": "<|end|>"}
    marks = ["<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>", "<|user|>", "<|assistant|>", "<|system|>"]
    if name == "llama3":
        tokenizer.bos_token = "<|begin_of_text|>"
    tokenizer.add_special_tokens({"additional_special_tokens": [*marks, *ends.values()]})
    if name in ends:
        tokenizer.eos_token = ends[name]
    tokenizer.chat_template = files("trl").joinpath("chat_templates", f"{name}.jinja").read_text(encoding="utf-8")
    config = AutoConfig.from_pretrained(tiny)
    config.vocab_size = len(tokenizer)
    thinking = tuple(
        Example(
            f"thinking:{number}",
            (
                Message("user", f"What is {number} plus {number}?"),
                Message("assistant", f"<think>\nTwice {number}.\n</think>\n\nIt is {2 * number}."),
                Message("user", "And one more?"),
                Message("assistant", f"<think>\nOne more than {2 * number}.\n</think>\n\nThen it is {2 * number + 1}."),
            ),
        )
        for number in range(40)
    )
    for records in (split(CLEAN["chat"]()), split(list(thinking))):
        report = Bench(tokenizer, config, None, [], "auto").examine(records)
        found = serious(report)
        assert not report.blocked, found
        assert not {"content_lost", "mask_wrong"} & set(found)
    assert (report.of("reasoning_left_out") is not None) == (name in ("qwen3", "nemotron_3_nano"))
