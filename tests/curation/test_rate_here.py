"""The stage `rate` with a model in this process: tiny ones whose answers are known, and the embedded one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from batches import batch_of

from curation.errors import StageError, Stopped, StudioError
from curation.llm.model import CallFailed, ChatMessage, ChatRequest
from curation.scoring.rate_here import ModelHere, first_tokens
from curation.scoring.rate_prompt import RatePrompt
from curation.scoring.rate_rubric import load_rubric
from curation.stage import StageContext
from curation.stages.rate import Rate
from curation.weights.find import packaged_file

REPLY = '{"quality":4,"complexity":3}'
WORDS = ["[pad]", "[unk]", "[bos]", "[eos]", REPLY, *"0123456789"]
CHATS: list[Any] = [[("user", f"What is {n}?"), ("assistant", f"It is {n}.")] for n in range(3)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def model_that_says(folder: Path, *words: str, window: int = 4096) -> str:
    """A model that ends every prompt with these tokens; without any, all tokens are as likely as each other."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(1)
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(WORDS), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=window, bos_token_id=2, eos_token_id=3, pad_token_id=0,
        )
    )  # fmt: skip
    if words:
        said = [WORDS.index(word) for word in words]
        steps = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(60):
            numbers = torch.cat([torch.randint(1, 3, (1, 40)), torch.tensor([said])], dim=1)
            steps.zero_grad()
            labels = numbers.clone()
            labels[:, :40] = -100
            network(input_ids=numbers, labels=labels).loss.backward()
            steps.step()
    else:
        torch.nn.init.zeros_(network.lm_head.weight)
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[unk]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    network.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[unk]", bos_token="[bos]", eos_token="[eos]", pad_token="[pad]"
    ).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> str:
    return model_that_says(tmp_path_factory.mktemp("writing"), REPLY, "[eos]")


@pytest.fixture(scope="module")
def clueless(tmp_path_factory: pytest.TempPathFactory) -> str:
    return model_that_says(tmp_path_factory.mktemp("clueless"))


def told(model: str, **settings: Any) -> list[tuple[str, Any, Any]]:
    stage = Rate(model=model, **settings)
    stage.check({})
    rows = stage.decide(batch_of(CHATS), StageContext()).rows
    return [
        (reason, score, json.loads(values) if values else None)
        for reason, score, values in rows.select("reason", "score", "values").iter_rows()
    ]


def test_the_likeliest_marks_are_the_mean_of_the_scale(clueless: str, tmp_path: Path) -> None:
    assert told(clueless) == [("rated", 2.5, {"quality": 2.5, "complexity": 3.5})] * 3
    sure = model_that_says(tmp_path / "sure", "4", "[eos]")
    for _, score, values in told(sure):
        assert score == pytest.approx(4, abs=0.2) and values["complexity"] == pytest.approx(4, abs=0.2)


def test_a_model_that_writes(writing: str, clueless: str) -> None:
    assert Rate(model=writing).assets() != Rate(model=clueless).assets()
    assert told(writing, marks="written") == [("rated", 4.0, {"quality": 4.0, "complexity": 3.0})] * 3


def test_what_a_model_writes_without_end_or_sense_is_no_mark(clueless: str, tmp_path: Path) -> None:
    assert told(clueless, marks="written", answer_tokens=16) == [("truncated", None, None)] * 3
    digits = model_that_says(tmp_path / "digits", "4", "[eos]")
    assert told(digits, marks="written") == [("unreadable", None, None)] * 3


def test_a_question_that_is_longer_than_the_model_can_read(tmp_path: Path) -> None:
    small = model_that_says(tmp_path / "small", REPLY, "[eos]", window=64)
    assert told(small) == told(small, marks="written") == [("too_large", None, None)] * 3


def test_another_model_and_another_way_miss_the_cache_and_the_same_do_not(
    writing: str, clueless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told(clueless)
    assert told(writing, marks="written") != first
    monkeypatch.setattr(ModelHere, "choose", lambda *_: pytest.fail("it was asked again"))
    assert told(clueless) == first
    cost = Rate(model=clueless).cost(batch_of(CHATS))
    assert cost is not None and cost.calls == 0 and "100% of the sample" in cost.note


def test_its_cost_is_seconds_once_it_was_measured(clueless: str) -> None:
    before = Rate(model=clueless).cost(batch_of(CHATS))
    assert before is not None and (before.calls, before.seconds) == (6, 0) and "not yet measured" in before.note
    told(clueless)
    more = Rate(model=clueless).cost(batch_of([[("user", "What is 9?"), ("assistant", "Nine.")]]))
    assert more is not None and more.calls == 2 and more.seconds > 0 and more.money is None


def test_a_stop_is_heard_between_and_within_questions(clueless: str) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    for marks in ("likeliest", "written"):
        asked = 0
        stage = Rate(model=clueless, marks=marks, answer_tokens=2000)
        with pytest.raises(Stopped):
            stage.decide(batch_of(CHATS), StageContext(should_stop=stop))


def test_a_scale_of_two_digits_is_refused(clueless: str, tmp_path: Path) -> None:
    file = tmp_path / "ten.yaml"
    file.write_text("marks:\n- {name: charm, criterion: c, highest: 10}\n")
    with pytest.raises(StageError, match="two digits"):
        told(clueless, rubric=str(file))
    assert [reason for reason, *_ in told(clueless, rubric=str(file), marks="written", answer_tokens=16)]


def test_numbers_that_a_tokenizer_does_not_tell_apart_end_the_run(clueless: str) -> None:
    request = ChatRequest("", (ChatMessage("user", "4"),), max_tokens=1)
    with pytest.raises(CallFailed, match="could be told apart"):
        ModelHere(clueless).choose(request, ["1", "one", "two"])  # both words are unknown to it

    class Letters:
        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return [ord(text[0])]

    assert first_tokens(Letters(), ["12", "13", "4"]) == {"12": set(), "13": set(), "4": {ord("4")}}


def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="There is no folder"):
        Rate(model=str(tmp_path / "nothing")).assets()


@pytest.mark.skipif(packaged_file("smollm2") is None, reason="the embedded model is not installed")
def test_the_embedded_model_marks_on_its_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_CACHE")  # where it was converted already
    prompt = RatePrompt(load_rubric("default"), "", written=False, max_tokens=1)
    for mark, request in zip(load_rubric("default").marks, prompt.requests(CHATS[0], masked=False), strict=True):
        shares = ModelHere("smollm2").choose(request, [str(n) for n in range(mark.lowest, mark.highest + 1)])
        assert sum(shares.values()) == pytest.approx(1) and len(set(shares.values())) > 3
