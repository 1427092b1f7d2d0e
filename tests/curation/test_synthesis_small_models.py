"""What small models in this process need: one item a call, few words, a place to stop, and a reader that follows them."""

from __future__ import annotations

import pytest

from curation.synthesis.model import Exchange, Material, Unit
from curation.synthesis.parse import Flaw, read_items
from curation.synthesis.plan import plan
from curation.synthesis.prompts import Prompts, data_of, nonce_for
from curation.synthesis.recipe import PER_CALL, GenerateRecipe

UNIT = Unit("u00001", "similar", 1)
SEEDS = (
    (("user", "Can pigs fly?"), ("assistant", "Oh, absolutely.")),
    (("user", "Is fire hot?"), ("assistant", "Whoa.")),
)


def recipe(*settings: str) -> GenerateRecipe:
    return GenerateRecipe.load("seeds").with_settings(list(settings))


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("Question: Is tea wet?\nAnswer: Shocking, it is.", "Is tea wet?", "Shocking, it is."),
        ("Is tea wet?\n\nAnswer: Shocking, it is.", "Is tea wet?", "Shocking, it is."),
        ("Is tea wet?\nAnswer: It is.\nQuestion: Is ice?\nAnswer: No.", "Is tea wet?", "It is."),
        ("Q: Is tea wet?\nA: It is.", "Is tea wet?", "It is."),
        ("茶是湿的吗？\n答案：当然。", "茶是湿的吗？", "当然。"),
    ],
)
def test_a_model_may_go_on_where_the_prompt_ends(text: str, question: str, answer: str) -> None:
    assert read_items(text, UNIT).items == ((Exchange(question, answer),),)


@pytest.mark.parametrize(
    "text",
    [
        "Sure, here is one:\nIs tea wet?\nAnswer: It is.",  # which line is the question?
        "Is tea wet?\nOr dry?\nAnswer: It is.",
        "Some talk.\nMore of it.\nAnswer: Yes.\nQuestion: Is ice cold?\nAnswer: No.",  # an answer to nothing, then a pair
        "I heard this. Question: Is tea wet?\nAnswer: It is.",
        "Answer: It is.",
        "Is tea wet?",
    ],
)
def test_where_there_is_a_doubt_nothing_is_read(text: str) -> None:
    (found,) = read_items(text, UNIT).items
    assert isinstance(found, Flaw) and found.reason in ("unreadable", "schema", "missing")


def test_only_a_lone_item_may_be_begun_by_the_prompt() -> None:
    text = "Is tea wet?\nAnswer: It is."
    for unit in (Unit("u00001", "similar", 2), Unit("u00001", "similar", 1, turns=2)):
        assert all(isinstance(found, Flaw) for found in read_items(text, unit).items)


def test_a_model_in_this_process_is_asked_for_one_item_in_few_words_and_told_where_to_stop() -> None:
    material = Material(seeds=SEEDS, seed_ids=("a:1", "a:2"), language="en")
    nonce = nonce_for("secret", UNIT.unit_id, data_of(material))
    prompts = Prompts.load()
    here = prompts.request(UNIT, material, recipe(), nonce)
    away = prompts.request(UNIT, material, recipe("model.name=http://127.0.0.1:1/v1#m"), nonce)
    assert here.schema is None and here.messages[-1].content.endswith("Question:")
    assert {"\nQuestion:", "</examples "} <= set(here.stop)
    assert away.schema is not None and not away.stop and '{"items"' in away.messages[-1].content
    assert sum(len(one.content) for one in here.messages) < sum(len(one.content) for one in away.messages)


def test_items_in_one_call_suit_whoever_is_asked() -> None:
    assert recipe().per_call == 1
    assert recipe("model.name=HTTPS://example.com/v1#m").per_call == PER_CALL == 3
    assert recipe("ask.per_call=5").per_call == 5
    from curation.synthesis.model import Origin

    origins = [Origin(f"a:{n}", turns, str(n)) for n, turns in enumerate(SEEDS)]
    asked = [unit.wanted for unit in plan(recipe("ask.items=4"), [], origins)]
    assert asked == [1, 1, 1, 1]
    asked = [unit.wanted for unit in plan(recipe("ask.items=4", "model.name=http://localhost/v1"), [], origins)]
    assert asked == [3, 1]
