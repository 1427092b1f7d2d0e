"""Answers of either side are those of transformers' own `generate`, alone or in turns; stopping is quick and clean."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from compare_runs import KINDS, train_run

from training.compare.model import Answer, Piece, Prompt, SideName
from training.compare.pieces import Decoder, decoder_of
from training.compare.sections import SamplingSettings, SideSettings
from training.compare.sides import Sides, open_sides
from training.examples import Message
from training.tokenize import encode_prompt

GREEDY = SamplingSettings(max_tokens=16)
PROMPTS = tuple(
    Prompt(f"p{number}", (Message("user", text),))
    for number, text in enumerate(("What colour is box 3?", "图书馆的借书证怎么办理？", "Say 😀 twice."))
)


def never() -> bool:
    return False


def unheard(*_: object) -> None:
    pass


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run_of(runs: Path, tiny: Path, questions: Path) -> Callable[[str], Path]:
    """A trained run of a kind, made when it is first wanted."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = train_run(runs, questions, tiny, *KINDS[kind])
        return made[kind]

    return get


@pytest.fixture(scope="module")
def lora(run_of: Callable[[str], Path], runs: Path) -> Iterator[Sides]:
    with opened(run_of("lora"), runs) as sides:
        yield sides


def opened(run: Path, runs: Path, **settings: Any) -> Sides:
    return open_sides(SideSettings(run=str(run), **settings), runs, on_change=unheard)


def transformers_says(run: Path, tiny: Path, sides: Sides, prompt: Prompt, side: SideName, tokens: int) -> list[int]:
    """The tokens that `generate` of transformers and PEFT writes, from weights loaded by them alone."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    full = run / "model"
    model: Any = AutoModelForCausalLM.from_pretrained(full if side == "b" and full.is_dir() else tiny)
    if side == "b" and not full.is_dir():
        model = PeftModel.from_pretrained(model, run / "adapter")
    model.eval()
    tokenizer = sides.tokenizer(side)
    ids = encode_prompt(prompt.messages, sides.template(side), tokenizer)
    out = model.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )[0].tolist()
    new = out[len(ids) :] if out[: len(ids)] == ids else out
    return new[: new.index(tokenizer.eos_token_id) + 1] if tokenizer.eos_token_id in new else new


def text_of(sides: Sides, side: SideName, ids: Sequence[int]) -> str:
    tokenizer = sides.tokenizer(side)
    return str(tokenizer.decode([one for one in ids if one != tokenizer.eos_token_id]))


@pytest.mark.parametrize(
    "kind", ["lora", "dora", "pissa", "bias", "full", "prefix", "prefix_projected", "prompt", "p_tuning"]
)
def test_both_sides_write_the_tokens_that_generate_writes(
    kind: str, run_of: Callable[[str], Path], runs: Path, tiny: Path
) -> None:
    run = run_of(kind)
    with opened(run, runs) as sides:
        differ = False
        for prompt in PROMPTS:
            answers = sides.answer_both(prompt, GREEDY, unheard, never)
            for answer in answers:
                wanted = transformers_says(run, tiny, sides, prompt, answer.side, GREEDY.max_tokens)
                assert answer.text == text_of(sides, answer.side, wanted), (prompt, answer.side)
                assert answer.tokens == len(wanted)
            differ = differ or answers[0].pieces[0].logprob != pytest.approx(answers[1].pieces[0].logprob, abs=1e-3)
        assert differ, "what was trained must show"


def test_in_turns_or_one_after_another_is_the_same(lora: Sides) -> None:
    for sampling in (GREEDY, SamplingSettings(temperature=1.2, top_p=0.9, max_tokens=16, seed=3)):
        for prompt in PROMPTS:
            both = lora.answer_both(prompt, sampling, unheard, never)
            backwards = [lora.answer(prompt, side, sampling, unheard, never) for side in ("b", "a")]
            assert [as_said(answer) for answer in both] == [as_said(answer) for answer in reversed(backwards)]


def as_said(answer: Answer) -> tuple[object, ...]:
    logprobs = [round(piece.logprob, 4) for piece in answer.pieces if not math.isnan(piece.logprob)]
    return answer.side, answer.text, answer.tokens, answer.stopped, answer.seed, logprobs


def test_both_grow_together(lora: Sides) -> None:
    heard: list[SideName] = []
    lora.answer_both(PROMPTS[0], GREEDY, lambda side, _pieces: heard.append(side), never)
    first = heard[:16]
    assert first == ["a", "b"] * 8


def test_what_is_streamed_is_what_is_answered(lora: Sides) -> None:
    heard: dict[SideName, list[Piece]] = {"a": [], "b": []}
    answers = lora.answer_both(
        PROMPTS[1], SamplingSettings(temperature=2, max_tokens=24), lambda side, more: heard[side].extend(more), never
    )
    for answer in answers:
        assert repr(tuple(heard[answer.side])) == repr(answer.pieces)
        assert "".join(piece.text for piece in answer.pieces) == answer.text
        logprobs = [piece.logprob for piece in answer.pieces if not math.isnan(piece.logprob)]
        assert logprobs
        assert max(logprobs) <= 0


def test_log_probabilities_are_those_of_the_whole_distribution(lora: Sides) -> None:
    """Not of what top_p, top_k or the temperature left of it."""
    import torch

    sampling = SamplingSettings(temperature=0.5, top_k=3, max_tokens=1, seed=1)
    answer = lora.answer(PROMPTS[0], "b", sampling, unheard, never)
    ids = encode_prompt(PROMPTS[0].messages, lora.template("b"), lora.tokenizer("b"))
    with lora.model("b") as model, torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1].float()
    known = torch.log_softmax(logits, 0)
    assert min(abs(float(known[index]) - answer.pieces[0].logprob) for index in known.topk(3).indices) < 1e-4


def test_a_seed_says_what_is_drawn(lora: Sides) -> None:
    def said(seed: int, prompt: Prompt = PROMPTS[0]) -> str:
        return lora.answer(
            prompt, "b", SamplingSettings(temperature=1.5, max_tokens=16, seed=seed), unheard, never
        ).text

    assert said(1) == said(1)
    assert said(1) != said(2)
    renamed = Prompt("another", PROMPTS[0].messages)
    assert said(1) != said(1, renamed), "two prompts do not share their draws"


@pytest.mark.parametrize(
    "changed",
    [{"temperature": 0.0}, {"top_p": 0.2}, {"top_k": 1}, {"repetition_penalty": 0.1}, {"max_tokens": 5}, {"seed": 9}],
    ids=lambda changed: next(iter(changed)),
)
def test_every_sampling_parameter_changes_what_is_said(changed: dict[str, Any], lora: Sides) -> None:
    usual = {"temperature": 1.5, "max_tokens": 16, "seed": 1}
    before = lora.answer(PROMPTS[0], "b", SamplingSettings(**usual), unheard, never)
    after = lora.answer(PROMPTS[0], "b", SamplingSettings(**{**usual, **changed}), unheard, never)
    assert before.text != after.text
    if changed.get("max_tokens"):
        assert (after.tokens, after.stopped) == (5, "length")


def test_sampled_tokens_are_those_of_transformers_processors(lora: Sides) -> None:
    """top_k=1 is greedy whatever the temperature, and the penalty is the one that `generate` knows."""
    import torch

    greedy = lora.answer(PROMPTS[0], "b", GREEDY, unheard, never)
    narrow = SamplingSettings(temperature=5, top_k=1, max_tokens=16)
    assert lora.answer(PROMPTS[0], "b", narrow, unheard, never).text == greedy.text
    coldest = SamplingSettings(temperature=1e-40, max_tokens=16)
    assert lora.answer(PROMPTS[0], "b", coldest, unheard, never).text == greedy.text
    penalised = SamplingSettings(repetition_penalty=1.8, max_tokens=12)
    ids = encode_prompt(PROMPTS[0].messages, lora.template("b"), lora.tokenizer("b"))
    with lora.model("b") as model:
        out = model.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=12,
            do_sample=False,
            repetition_penalty=1.8,
        )
    answer = lora.answer(PROMPTS[0], "b", penalised, unheard, never)
    assert answer.text == text_of(lora, "b", out[0, len(ids) :].tolist())


def test_a_draw_is_as_likely_as_its_probability() -> None:
    """Ten thousand draws from known probabilities, narrowed by top_k: within four standard errors of what they should be."""
    import torch

    from training.compare.sampling import Chooser

    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])
    chooser = Chooser(SamplingSettings(temperature=2, top_k=3), 7)
    drawn = [chooser.choose(chances.log(), [0])[0] for _ in range(10_000)]
    wanted = chances[:3].sqrt() / chances[:3].sqrt().sum()
    for token in range(3):
        share, error = float(wanted[token]), math.sqrt(float(wanted[token] * (1 - wanted[token])) / 10_000)
        assert abs(drawn.count(token) / 10_000 - share) < 4 * error
    assert drawn.count(3) == 0


def test_logits_that_are_no_numbers_are_an_error() -> None:
    import torch

    from curation.errors import StudioError
    from training.compare.sampling import Chooser

    for bad in (float("nan"), float("inf")):
        with pytest.raises(StudioError, match="overflow"):
            Chooser(GREEDY, 0).choose(torch.tensor([0.0, bad]), [0])


def test_an_answer_ends_at_its_end_mark(run_of: Callable[[str], Path], runs: Path, tiny: Path) -> None:
    """A model that always writes its end mark says nothing, in one token."""
    import torch

    with opened(run_of("lora"), runs) as sides, sides.model("a") as base:
        end = sides.tokenizer("a").eos_token_id
        with torch.no_grad():
            base.get_output_embeddings().weight.zero_()
            base.get_output_embeddings().weight[end] = 0
        biased = base.lm_head.register_forward_hook(
            lambda _m, _i, out: out + torch.nn.functional.one_hot(torch.tensor(end), out.shape[-1]) * 50
        )
        answer = sides.answer(PROMPTS[0], "a", GREEDY, unheard, never)
        biased.remove()
    assert (answer.text, answer.tokens, answer.stopped, answer.pieces) == ("", 1, "end", ())


def test_a_stop_is_heard_within_a_second_and_frees_the_caches(lora: Sides) -> None:
    import torch
    from transformers import DynamicCache

    heard: list[Piece] = []
    stopped_at = 0.0

    def enough() -> bool:
        nonlocal stopped_at
        if len(heard) >= 10 and not stopped_at:
            stopped_at = time.monotonic()
        return bool(stopped_at)

    answers = lora.answer_both(
        PROMPTS[0], SamplingSettings(max_tokens=900, temperature=1), lambda _side, more: heard.extend(more), enough
    )
    assert time.monotonic() - stopped_at < 1
    assert {answer.stopped for answer in answers} == {"stopped"}
    assert sum(answer.tokens for answer in answers) in (10, 11)
    assert all(answer.text for answer in answers)
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is DynamicCache]
    assert torch.is_grad_enabled()


def test_a_stop_is_heard_while_a_long_prompt_is_read(lora: Sides) -> None:
    long = Prompt("long", (Message("user", "box " * 200),))
    asked = 0

    def third_time() -> bool:
        nonlocal asked
        asked += 1
        return asked >= 3

    answer = lora.answer(long, "a", GREEDY, unheard, third_time)
    assert (answer.tokens, answer.stopped) == (0, "stopped")


def test_a_prompt_read_in_parts_is_answered_the_same(lora: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lora.answer_both(PROMPTS[0], GREEDY, unheard, never)
    monkeypatch.setattr("training.compare.generate.PREFILL", 5)
    parts = lora.answer_both(PROMPTS[0], GREEDY, unheard, never)
    assert [answer.text for answer in whole] == [answer.text for answer in parts]


def test_a_prompt_that_fills_the_model_is_refused_and_one_that_nearly_does_is_cut(lora: Sides) -> None:
    from curation.errors import InputError

    def of(words: int) -> Prompt:
        return Prompt("long", (Message("user", "a" * words),))

    room = 1024 - len(encode_prompt(of(1).messages, lora.template("a"), lora.tokenizer("a")))
    length = next(
        size
        for size in range(2000, 100, -1)
        if len(encode_prompt(of(size).messages, lora.template("a"), lora.tokenizer("a"))) <= 1020
    )
    assert room > 0
    answer = lora.answer(of(length), "a", GREEDY, unheard, never)
    assert (answer.tokens, answer.stopped) in {(4, "length"), (5, "length")} or answer.tokens < 16
    with pytest.raises(InputError, match="the model can hold"):
        lora.answer(of(3000), "a", GREEDY, unheard, never)


def test_two_adapters_and_virtual_tokens_share_one_base(run_of: Callable[[str], Path], runs: Path) -> None:
    """Four sides on one copy of the weights, and each says what it says alone."""
    alone = {}
    for kind in ("lora", "lora_two", "prefix"):
        with opened(run_of(kind), runs) as sides:
            alone[kind] = [answer.text for answer in sides.answer_both(PROMPTS[0], GREEDY, unheard, never)]
    for a, b in (("lora", "lora_two"), ("lora_two", "prefix"), ("prefix", "lora")):
        with open_sides(SideSettings(a=str(run_of(a)), b=str(run_of(b))), runs, on_change=unheard) as sides:
            together = sides.answer_both(PROMPTS[0], GREEDY, unheard, never)
            assert [answer.text for answer in together] == [alone[a][1], alone[b][1]]
            assert sides._sides["a"].held is sides._sides["b"].held
            with sides.model("a") as one, sides.model("b") as two:
                assert one.get_base_model() is two.get_base_model()


def test_an_adapter_that_changes_its_base_has_a_copy_of_its_own(run_of: Callable[[str], Path], runs: Path) -> None:
    said: list[str] = []
    with open_sides(SideSettings(run=str(run_of("pissa"))), runs, on_change=said.append) as sides:
        assert sides._sides["a"].held is not sides._sides["b"].held
    assert "second copy" in " ".join(said)


def test_a_side_in_four_bits_is_as_it_was_trained(run_of: Callable[[str], Path], runs: Path) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes.nn")
    with opened(run_of("qlora"), runs) as sides, sides.model("b") as model:
        layers = [module for module in model.modules() if isinstance(module, bitsandbytes.Linear4bit)]
        assert layers
        assert not any(layer.support_avx512bf16_for_cpu for layer in layers)
        answers = sides.answer_both(PROMPTS[0], GREEDY, unheard, never)
        assert answers[0].text != answers[1].text


# Text from tokens


@pytest.mark.parametrize(
    "text",
    ["你好，世界！", "👩‍👩‍👧 and 😀😀", "naïve café — “so”", "a  b\n\n\tc", "\ufffd stays \ufffd\ufffd", "العربية"],
)
def test_pieces_joined_are_the_text(text: str, lora: Sides) -> None:
    tokenizer = lora.tokenizer("a")
    ids = tokenizer.encode(text)
    decoder = decoder_of(tokenizer)
    pieces = [decoder.push(token) for token in ids]
    assert "".join(pieces) + decoder.rest() == tokenizer.decode(ids)
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces), "no broken character is ever shown"
        assert decoder.rest() == ""


def test_bytes_that_are_no_text_are_shown_in_the_end(lora: Sides) -> None:
    tokenizer = lora.tokenizer("a")
    several = tokenizer.encode("𠮷", add_special_tokens=False)
    assert len(several) > 1
    ids = [*several, several[0]]
    decoder = decoder_of(tokenizer)
    pieces = [decoder.push(token) for token in ids]
    assert "".join(pieces) == "𠮷"
    assert decoder.rest() == "\ufffd"


def test_the_cost_of_a_piece_does_not_grow_with_the_answer() -> None:
    lengths: list[int] = []

    def decode(ids: Sequence[int]) -> str:
        lengths.append(len(ids))
        return "".join(chr(97 + one % 26) for one in ids)

    decoder = Decoder(decode)
    assert "".join(decoder.push(token) for token in range(500)) == "".join(chr(97 + one % 26) for one in range(500))
    assert max(lengths) <= 3
