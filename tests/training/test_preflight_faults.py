"""Every fault of the suite is found, by its name and level and number of records, and nothing else with it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import preflight_faults_recipe
import preflight_faults_records
import preflight_faults_tensors
import pytest
from preflight_bench import Bench, serious
from preflight_damage import Fault
from preflight_sets import CLEAN, split

from training.examples import Examples
from training.preflight import reasons
from training.template import template_for

FAULTS = (*preflight_faults_tensors.FAULTS, *preflight_faults_records.FAULTS, *preflight_faults_recipe.FAULTS)


# Reasons that other tests of this folder bring about.
ELSEWHERE = {
    "reasoning_left_out",
    "byte_fallback",
    "template_refuses",
    "answer_in_other_language",
    "few_held_out",
    "cut",
}


def test_there_are_enough_faults_and_names_are_unique() -> None:
    assert len(FAULTS) >= 30
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {fault.expect for fault in FAULTS} | ELSEWHERE == set(reasons())


def bench_of(fault: Fault, tiny: Path, folder: Path) -> Bench:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny)
    config: Any = AutoConfig.from_pretrained(tiny)
    own = fault.tokenizer is None
    if fault.tokenizer is not None:
        made = fault.tokenizer(copy.deepcopy(tokenizer))
        own = made.vocab_size == tokenizer.vocab_size and made.eos_token == tokenizer.eos_token
        tokenizer = made
    if fault.config is not None:
        fault.config(config)
    model = None
    if fault.model is not None:
        model = AutoModelForCausalLM.from_pretrained(tiny)
        fault.model(model)
    template = fault.template
    if "{" in template:
        path = folder / "custom.jinja"
        path.write_text(template, encoding="utf-8")
        template = str(path)
    bound = template_for(template, tokenizer)
    if fault.bound is not None:
        bound = fault.bound(bound)
    return Bench(tokenizer, config if own else None, model, fault.settings, bound, fault.tensors)


def records_of(fault: Fault) -> Examples:
    records = CLEAN[fault.on]()
    whole = split(fault.records(records) if fault.records else records)
    held = list(whole.validation)
    if fault.held is not None:
        held = fault.held(list(whole.train), held)
    return Examples(whole.train, tuple(held), fault.skipped, "share")


def report_names_records(fault: Fault) -> bool:
    """Records that could not be read are counted and have no id."""
    return not fault.skipped


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_is_found(fault: Fault, tiny: Path, tmp_path: Path) -> None:
    report = bench_of(fault, tiny, tmp_path).examine(records_of(fault))
    found = report.of(fault.expect)
    assert found is not None, [one.reason for one in report.findings]
    assert found.level == fault.level
    assert found.message
    assert found.fix
    if fault.count is not None:
        assert found.records == fault.count
        assert found.example is not None or not report_names_records(fault)
        assert found.shown or not report_names_records(fault)
    unexpected = set(serious(report)) - fault.also - {fault.expect}
    assert not unexpected, [one for one in report.findings if one.reason in unexpected]
