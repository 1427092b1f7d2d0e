"""The perplexity of answers, by a tiny language model that is built and trained on disk."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from batches import batch_of

from curation.errors import StageError
from curation.machine.perplexity import model_digest, perplexities
from curation.stage import StageContext
from curation.stages.machine_text import MachineText

WORDS = ["[pad]", "[unk]", "[bos]", *"the boat comes and goes home at dawn red fish sea net wind old new day".split()]
DULL = "the boat comes and goes " * 8
WILD = "fish wind old comes the red goes net day at sea boat new home dawn and " * 3


def _network(layers: int = 1) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=256,
            bos_token_id=2,
            eos_token_id=2,
            pad_token_id=0,
        )
    )


def _saved(network: Any, folder: Path) -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[unk]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    network.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[unk]", bos_token="[bos]", pad_token="[pad]"
    ).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that has learned the dull sentence by heart."""
    import torch

    torch.manual_seed(1)
    network = _network()
    numbers = torch.tensor([[2, *(WORDS.index(word) for word in DULL.split())]])
    steps = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        steps.zero_grad()
        network(input_ids=numbers, labels=numbers).loss.backward()
        steps.step()
    return _saved(network, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def clueless(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that finds every word as likely as every other."""
    import torch

    network = _network()
    torch.nn.init.zeros_(network.lm_head.weight)
    return _saved(network, tmp_path_factory.mktemp("clueless"))


def found(model: str, answers: list[str], **settings: Any) -> dict[str, tuple[str, float, float]]:
    batch = batch_of([[("user", "at dawn"), ("assistant", answer)] for answer in answers])
    stage = MachineText(perplexity_model=model, rules=["low_perplexity", "high_perplexity"], **settings)
    rows = stage.decide(batch, StageContext()).rows
    return {row["record_id"]: (row["reason"], row["score"], row["threshold"]) for row in rows.iter_rows(named=True)}


def test_a_clueless_model_has_the_perplexity_of_its_vocabulary(clueless: str) -> None:
    measured = perplexities(clueless, ["at dawn", "", "sea"], [DULL, WILD, "the boat"], 100)
    assert measured[:2] == pytest.approx([len(WORDS)] * 2, rel=1e-4)
    assert measured[2] is None  # too few tokens


def test_padding_and_company_change_nothing(trained: str) -> None:
    answers = [DULL, WILD, DULL[:60], "old new day red fish sea net wind home"]
    together = perplexities(trained, ["at dawn"] * 4, answers, 100)
    alone = [perplexities(trained, ["at dawn"], [answer], 100)[0] for answer in answers]
    assert together == pytest.approx(alone, rel=1e-4)


def test_it_is_the_exponential_of_the_mean_loss_of_the_answer(trained: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network, tokenizer = AutoModelForCausalLM.from_pretrained(trained), AutoTokenizer.from_pretrained(trained)
    asked, said = tokenizer("at dawn", add_special_tokens=False), tokenizer(WILD, add_special_tokens=False)
    numbers = torch.tensor([[2, *asked["input_ids"], *said["input_ids"]]])
    labels = numbers.clone()
    labels[:, : 1 + len(asked["input_ids"])] = -100
    with torch.inference_mode():
        loss = float(network(input_ids=numbers, labels=labels).loss)
    assert perplexities(trained, ["at dawn"], [WILD], 100)[0] == pytest.approx(math.exp(loss), rel=1e-4)


def test_below_and_above(trained: str) -> None:
    dull, wild = perplexities(trained, ["at dawn"] * 2, [DULL, WILD], 512)
    assert dull is not None and wild is not None and dull < 2 < 10 < wild
    low = found(trained, [DULL, WILD], perplexity_below=2)
    assert low == {"a:1": ("low_perplexity", pytest.approx(dull), 2)}
    assert found(trained, [DULL, WILD], perplexity_above=10) == {"a:2": ("high_perplexity", pytest.approx(wild), 10)}
    assert set(found(trained, [DULL, WILD], perplexity_below=2, perplexity_above=10)) == {"a:1", "a:2"}
    assert found(trained, [DULL, WILD], perplexity_below=1.0001) == {}


def test_how_many_tokens_are_read(trained: str) -> None:
    late = DULL + WILD
    assert found(trained, [late], perplexity_below=2, perplexity_tokens=40)["a:1"][0] == "low_perplexity"
    assert found(trained, [late], perplexity_below=2, perplexity_tokens=80) == {}


def test_dropped_answers_are_not_measured_and_actions_apply(trained: str) -> None:
    batch = batch_of([[("user", "at dawn"), ("assistant", DULL)]])
    stage = MachineText(
        perplexity_model=trained, perplexity_below=2, actions={"low_perplexity": "drop"}, loop_repeats=20
    )
    assert stage.decide(batch, StageContext()).rows.select("action", "reason").rows() == [("drop", "low_perplexity")]
    looping = MachineText(perplexity_model=trained, perplexity_below=2).decide(batch, StageContext()).rows
    assert looping["reason"].to_list() == ["looping"]
    assert "low_perplexity" not in looping["values"][0]


def test_another_model_is_another_asset(trained: str, clueless: str) -> None:
    assert "perplexity_model" not in MachineText().assets()
    assert (
        model_digest(trained) == MachineText(perplexity_model=trained, perplexity_below=2).assets()["perplexity_model"]
    )
    assert model_digest(trained) != model_digest(clueless)


def test_a_model_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="there is no folder"):
        perplexities(str(tmp_path / "nothing"), [""], [DULL], 100)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(StageError, match="cannot be loaded"):
        perplexities(str(tmp_path), [""], [DULL], 100)


def test_without_a_model_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, polars as pl; from curation.stages.machine_text import MachineText as M\n"
        "assert not {'torch', 'transformers', 'ruamel'} & set(sys.modules), sys.modules.keys()\n"
        "from curation.machine.judge import judge\n"
        "judge(pl.Series(['I cannot help with that.']), pl.Series(['x']), M().rules, (), 6, 60)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
