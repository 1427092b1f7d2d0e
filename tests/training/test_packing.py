"""Packing: nothing lost, as full as TRL's, and records that do not see each other."""

from __future__ import annotations

import random

import pytest

from curation.errors import StudioError
from training.packing import Packed, filled, isolation, pack
from training.tokenize import Encoded


def _records(seed, count, longest, vocabulary=256):
    draw = random.Random(seed)
    found = []
    for number in range(count):
        ids = [draw.randrange(vocabulary) for _ in range(draw.randint(1, longest))]
        labels = [token if draw.random() < 0.5 else -100 for token in ids]
        found.append(Encoded(f"a:{number}", ids, labels))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_every_record_is_in_one_example_whole(seed):
    records = _records(seed, 300, 100)
    packed = pack(records, 128)
    seen = {}
    for one in packed:
        assert len(one.input_ids) == len(one.labels) == sum(one.seq_lengths) <= 128
        begin = 0
        for name, length in zip(one.record_ids, one.seq_lengths, strict=True):
            seen[name] = (one.input_ids[begin : begin + length], one.labels[begin : begin + length])
            begin += length
    assert seen == {one.record_id: (one.input_ids, one.labels) for one in records}
    assert pack(records, 128) == packed


@pytest.mark.parametrize("seed", range(3))
def test_as_full_as_trl(seed):
    from trl import pack_dataset

    from datasets import Dataset

    records = _records(seed, 400, 90)
    table = Dataset.from_dict(
        {"input_ids": [one.input_ids for one in records], "labels": [one.labels for one in records]}
    )
    theirs = pack_dataset(table, 128, "bfd", map_kwargs={"batch_size": 400})
    ours = pack(records, 128)
    assert len(ours) == len(theirs)
    assert filled(ours, 128) == sum(len(one.input_ids) for one in records) / (128 * len(theirs)) > 0.95


def test_empty_and_too_long():
    assert pack([], 16) == []
    assert pack([Encoded("a:1", [], [])], 16) == []
    assert filled([], 16) == 0
    exact = Encoded("a:2", [1] * 16, [1] * 16)
    assert pack([exact], 16) == [Packed(("a:2",), [1] * 16, [1] * 16, [16])]
    with pytest.raises(StudioError, match="Record a:3 has 17 tokens; 16 fit"):
        pack([exact, Encoded("a:3", [1] * 17, [1] * 17)], 16)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_records_do_not_see_each_other(tiny, attention):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny, attn_implementation=attention)
    model.train()
    packed = pack(_records(1, 12, 90), 256)
    assert all(len(one.seq_lengths) > 1 for one in packed[:1])
    assert isolation(model, packed[0]) < 1e-5
    assert model.training  # as it was


def test_a_model_that_looks_across_is_found_out(tiny):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny)
    forward = model.forward

    def leaking(input_ids, position_ids=None, logits_to_keep=0, **other):
        """Attention over the whole example, as with a 2-D mask: what isolation is there to find."""
        import torch

        return forward(
            input_ids, attention_mask=torch.ones_like(input_ids), logits_to_keep=logits_to_keep, use_cache=False
        )

    model.forward = leaking
    assert isolation(model, pack(_records(1, 12, 90), 256)[0]) > 1e-2


def test_an_adapter_is_measured_too(tiny):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny),
        LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"),
    )
    assert isolation(model, pack(_records(2, 12, 90), 256)[0]) < 1e-5


def test_one_record_alone_has_nobody_to_see(tiny):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny)
    assert isolation(model, pack(_records(3, 1, 90), 256)[0]) == 0
