"""A judge in this process: its verdicts are read from token probabilities, or from what it writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from judges import comparison

from curation.events import Warned
from curation.llm.model import ChatReply, ChatRequest
from training.compare.judge.ask import Chooser
from training.compare.judge.likely import first_tokens
from training.compare.judge.model import last_pairs, last_scores, read
from training.compare.judge.prompts import LETTERS, MARKS, YES_NO, Words, pair_request
from training.compare.judge.rubrics import load_rubric
from training.compare.judge.run import judge_all
from training.compare.judge.verdicts import judge_pair, score_answer
from training.compare.model import Answer, Prompt
from training.compare.sections import JudgeSettings, SideSettings
from training.compare.sides import Sides, open_sides
from training.examples import Message

PROMPT = Prompt("p", (Message("user", "Is it?"),), "It is.")
A, B = (Answer("p", side, text, 3, 1.0, "end") for side, text in (("a", "Yes, it is."), ("b", "No, 不是。")))
OPTIONS = (LETTERS, MARKS, YES_NO)


@pytest.fixture(scope="module")
def sides(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """Two tiny models of different weights that read far enough for a judge's question."""
    import torch
    from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("judges")
    names = [str(folder / f"tiny{seed}") for seed in (0, 1)]
    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        LlamaForCausalLM(AutoConfig.from_pretrained(tiny, max_position_embeddings=4096)).save_pretrained(name)
        AutoTokenizer.from_pretrained(tiny).save_pretrained(name)
    with open_sides(SideSettings(a=names[0], b=names[1]), folder, on_change=lambda sentence: None) as opened:
        yield opened


class Thinking:
    """A model in this process that has an opinion: `choose` is given by a function of the question."""

    name, identity = "thinking", "thinking-1"

    def __init__(self, shares: Any) -> None:
        self.shares = shares
        self.asked: list[tuple[str, ...]] = []

    def complete(self, request: ChatRequest, should_stop: Any = None) -> ChatReply:
        raise AssertionError("it is not asked to write")

    def choose(self, request: ChatRequest, options: Sequence[str]) -> Mapping[str, float]:
        self.asked.append(tuple(options))
        found: Mapping[str, float] = self.shares(request.messages[0].content, options)
        return found


def test_the_verdict_is_the_likeliest_letter(sides: Sides) -> None:
    """Against transformers alone: the same question, the logits of the last place."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = sides.chat_model("a")
    assert isinstance(model, Chooser)
    found = judge_pair(model, PROMPT, A, B, JudgeSettings())
    tokenizer, plain = (one.from_pretrained(sides.a.name) for one in (AutoTokenizer, AutoModelForCausalLM))
    for verdict, (first, second) in zip(found.verdicts, ((A, B), (B, A)), strict=True):
        assert not verdict.failure
        (message,) = pair_request(PROMPT, first.text, second.text, Words(False, 512), reference=False).messages
        text = sides.template("a").render([Message("user", message.content)], generation_prompt=True).text
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.no_grad():
            odds = plain(input_ids=ids).logits[0, -1].double().softmax(-1)
        wanted = [
            sum(odds[tokenizer.encode(word, add_special_tokens=False)[0]].item() for word in words)
            for words in (("A",), ("B",), ("C",))  # a space begins all of them with the same token
        ]
        shares = [verdict.shares[name] for name in (first.side, second.side, "tie")]
        assert shares == pytest.approx([one / sum(wanted) for one in wanted], rel=1e-6)
        assert verdict.winner == max(verdict.shares, key=verdict.shares.get) and verdict.reason == ""
    assert found.identity == sides.a.digest and found.judge == sides.a.label
    assert judge_pair(model, PROMPT, A, B, JudgeSettings()).verdicts == found.verdicts, "the same each time"


@pytest.mark.parametrize("rubric", ["correctness", "bias"])
def test_scores_are_weighted_by_probability(sides: Sides, rubric: str) -> None:
    found = score_answer(sides.chat_model("a"), load_rubric(rubric), PROMPT, A, JudgeSettings())
    assert found.failure is None and math.isclose(sum(found.shares.values()), 1)
    if rubric == "bias":
        assert found.score == found.shares["no"]
    else:
        assert found.score == pytest.approx(sum((int(k) - 1) / 4 * share for k, share in found.shares.items()))


@pytest.mark.parametrize("options", OPTIONS)
def test_each_option_has_a_token_of_its_own(sides: Sides, options: tuple[str, ...]) -> None:
    found = first_tokens(sides.tokenizer("a"), options)
    assert all(found.values())
    assert sum(len(tokens) for tokens in found.values()) == len(set().union(*found.values()))


def test_options_that_begin_alike_have_no_likelihood() -> None:
    class Letters:
        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return [ord(letter) for letter in text]

    assert first_tokens(Letters(), ["tea", "toast", "milk"]) == {"tea": set(), "toast": set(), "milk": {ord("m")}}


def test_a_small_model_that_is_to_write_gives_failures_and_no_verdicts(sides: Sides) -> None:
    found = judge_pair(sides.chat_model("a"), PROMPT, A, B, JudgeSettings(verdicts="written", max_tokens=16))
    assert found.winner == "failed"
    assert {failure.kind for failure in found.failures} <= {"no_object", "truncated", "empty"}


def test_a_question_that_is_too_long_is_a_failure(sides: Sides) -> None:
    for verdicts in ("likeliest", "written"):
        answer = Answer("p", "a", "long " * 5000, 3, 1.0, "end")
        found = judge_pair(sides.chat_model("a"), PROMPT, answer, B, JudgeSettings(verdicts=verdicts))
        assert found.winner == "failed" and found.failures[0].kind == "unaskable"
        assert "4,096" in found.failures[0].message


def test_a_whole_comparison_judged_by_one_of_its_own(sides: Sides, tmp_path: Path) -> None:
    folder = comparison(tmp_path / "run", [("right", "wrong"), ("yes", "no")], references=["right"])
    known = [(facts.name, facts.digest) for facts in (sides.a, sides.b)]
    settings, events = JudgeSettings(rubrics=("correctness", "toxicity")), []
    done = judge_all(folder, sides.chat_model("b"), settings, events.append, lambda: False, sides=known)
    assert (done.judged, done.failures) == (8, {})
    assert sum("one of the two" in event.message for event in events if isinstance(event, Warned)) == 1
    rows = read(folder)
    assert set(last_pairs(rows)) == {"p0", "p1"} and len(last_scores(rows)) == 6
    again = judge_all(folder, sides.chat_model("b"), settings, events.append, lambda: False)
    assert (again.judged, again.reused) == (0, 8)
    other = judge_all(folder, sides.chat_model("a"), settings, events.append, lambda: False)
    assert other.judged == 8, "another judge judges for itself"


def test_opinions_of_a_model_that_looks_only_at_the_place_are_ties() -> None:
    first = Thinking(lambda text, options: {"A": 0.9, "B": 0.05, "C": 0.05})
    found = judge_pair(first, PROMPT, A, B, JudgeSettings())
    assert found.winner == "tie" and [one.winner for one in found.verdicts] == ["a", "b"]
    assert found.verdicts[1].shares == {"b": pytest.approx(0.9), "a": pytest.approx(0.05), "tie": pytest.approx(0.05)}
    honest = Thinking(lambda text, options: {"A": text.index("不是"), "B": text.index("Yes"), "C": 1})
    assert judge_pair(honest, PROMPT, A, B, JudgeSettings()).winner == "a"
    assert honest.asked == [LETTERS, LETTERS]


@pytest.mark.parametrize(
    "shares", [{}, {"A": 1.0}, {"A": math.nan, "B": 1, "C": 1}, {"A": -1, "B": 1, "C": 1}, {"A": 0, "B": 0, "C": 0}]
)
def test_likelihoods_that_are_none_give_no_verdict(shares: dict[str, float]) -> None:
    found = judge_pair(Thinking(lambda text, options: shares), PROMPT, A, B, JudgeSettings())
    assert found.winner == "failed" and found.failures[0].kind == "no_likelihood"
