"""The stage `values`: each parameter, each reason, contexts, and the law of one decision a record."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from batches import Chat, batch_of
from pydantic import ValidationError

from curation.engine.apply import apply, check_law, complete
from curation.errors import StageError
from curation.stage import StageContext
from curation.stages.values import Values

INSULT = "You are a complete idiot."
ZH_INSULT = "你这个蠢货，滚远点。"
HATE = "Immigrants are vermin and should be driven out."
THREAT = "I will stab you tonight."
ASKED = "How do I build a pipe bomb?"
REFUSED = "I'm sorry, but I can't help with that."
COMPLIED = "Sure, step one is to get the materials ..."


def decided(*chats: Chat | str, **settings: Any) -> list[dict[str, Any] | None]:
    """The decision about each chat, with its scores read; None where there is none. The law is checked on the way."""
    batch = batch_of(list(chats))
    stage = Values(**settings)
    decisions = complete(stage.decide(batch, StageContext()), "values", stage)
    check_law(batch, decisions, apply(batch, decisions), "values")
    assert decisions.edits.is_empty()
    rows = {row["record_id"]: {**row, "values": json.loads(row["values"])} for row in decisions.rows.rows(named=True)}
    return [rows.get(name) for name in batch.records["record_id"]]


def outcome(chat: Chat | str, **settings: Any) -> tuple[str, str] | None:
    """Action and reason."""
    (row,) = decided(chat, **settings)
    return None if row is None else (row["action"], row["reason"])


def chat(prompt: str, answer: str) -> Chat:
    return [("user", prompt), ("assistant", answer)]


@pytest.mark.parametrize(
    ("text", "action", "reason"),
    [
        (INSULT, "flag", "toxicity"),
        (ZH_INSULT, "flag", "toxicity"),
        ("I know where you live, watch your back.", "drop", "harassment"),
        ("把他的住址挂出来，人肉他。", "drop", "harassment"),
        (HATE, "drop", "hate"),
        ("黑人都是懒鬼，天生就爱犯罪。", "drop", "hate"),
        ("Watch free hardcore porn videos now.", "drop", "sexual"),
        ("免费黄色视频，少妇裸聊。", "drop", "sexual"),
        (THREAT, "drop", "violence"),
        ("我要杀了你，把你碎尸万段。", "drop", "violence"),
        ("You should just kill yourself.", "drop", "self_harm"),
        ("你怎么不去死。", "drop", "self_harm"),
        ("Tell me how to build a pipe bomb.", "drop", "illegal"),
        ("教我怎么制作炸弹。", "drop", "illegal"),
    ],
)
def test_each_category_is_found_in_both_languages(text: str, action: str, reason: str) -> None:
    assert outcome(text) == (action, reason)


@pytest.mark.parametrize(
    "text",
    [
        "How do I kill the process with id 4711?",
        "Women over fifty are invited to breast cancer screening.",
        "The suicide rate fell by a fifth.",
        "He was charged with murder and sentenced to twenty years.",
        "In chess the queen attacks along files and diagonals.",
        'Kent calls Oswald "a knave, a rascal, an idiot" in the second act.',
        "杀毒软件可以查杀木马。",
        "自杀预防热线二十四小时有人接听。",
        "请填写姓名和性别。",
        "操作系统管理内存。",
        "草泥马原指羊驼，是一种动物。",
        "干贝和草鱼都很适合清蒸。",
        "",
    ],
)
def test_harmless_uses_survive(text: str) -> None:
    assert outcome(text) is None


def test_a_refusal_excuses_the_prompt_and_a_compliance_does_not() -> None:
    assert outcome(chat(ASKED, REFUSED)) is None
    assert outcome(chat(ASKED, COMPLIED)) == ("drop", "illegal")
    assert outcome(chat("怎么制作炸弹？", "对不起，我不能提供这方面的帮助。")) is None
    assert outcome(chat("怎么制作炸弹？", REFUSED)) is None
    assert outcome(chat("怎么制作炸弹？", "好的，第一步是准备材料……")) == ("drop", "illegal")


def test_each_prompt_is_held_against_its_own_answer() -> None:
    turns = [*chat(ASKED, COMPLIED), *chat("And now an apology.", REFUSED)]
    assert outcome(turns) == ("drop", "illegal")
    assert outcome([*chat("And now an apology.", "Here it is."), *chat(ASKED, REFUSED)]) is None


def test_an_apology_that_refuses_nothing_excuses_nothing() -> None:
    assert outcome("I can't go on, I'm going to kill myself.") == ("drop", "self_harm")
    assert outcome(chat("Tell him.", "I'm sorry, but you are a complete idiot.")) == ("flag", "toxicity")


def test_support_excuses_what_a_person_in_distress_says() -> None:
    assert outcome(chat("I want to die.", "I'm so sorry you feel this way. Please call a crisis line.")) is None
    assert outcome(chat("I want to die.", "Go ahead.")) == ("drop", "self_harm")


def test_part() -> None:
    both = chat(ASKED, REFUSED)
    assert outcome(both, part="record") is None
    assert outcome(both, part="prompt") == ("drop", "illegal")  # the answer is not seen, so it cannot excuse
    assert outcome(chat("Hello", INSULT), part="prompt") is None
    assert outcome(chat("Hello", INSULT), part="answer") == ("flag", "toxicity")
    assert outcome([("system", INSULT), *chat("Hello", "Hi")], part="user") is None


def test_rejected() -> None:
    preference = [("user", "Hello"), ("chosen", "Hi"), ("rejected", INSULT)]
    assert outcome(preference) is None
    (row,) = decided(preference, rejected=True)
    assert row is not None
    assert row["detail"] == "en:insult_directed, in the rejected answer"
    assert outcome([("user", "Hello"), ("chosen", INSULT), ("rejected", "Hi")]) == ("flag", "toxicity")


def test_policy() -> None:
    assert outcome(INSULT, policy="balanced") == ("flag", "toxicity")
    assert outcome(INSULT, policy="strict") == ("drop", "toxicity")
    assert outcome(INSULT, policy="minimal") is None
    assert outcome(INSULT, policy="research") == ("flag", "toxicity")
    assert outcome(HATE, policy="research") == ("flag", "hate")
    assert outcome("I want to die.", policy="medical") == ("flag", "self_harm")
    assert outcome("She had an orgasm and then a second orgasm, and his nipple hurt.", policy="medical") is None
    assert outcome("She had an orgasm, he licked her, they lay in lingerie.") == ("drop", "sexual")


def test_actions() -> None:
    assert outcome(INSULT, actions={"toxicity": "drop"}) == ("drop", "toxicity")
    assert outcome(INSULT, actions={"toxicity": "keep"}) is None
    assert outcome(HATE, actions={"hate": "flag"}) == ("flag", "hate")


def test_thresholds() -> None:
    (row,) = decided(THREAT)
    assert row is not None
    assert row["threshold"] == 0.5
    assert row["score"] == row["values"]["violence"] >= 0.8
    assert outcome(THREAT, thresholds={"violence": 0.99}) is None
    (row,) = decided(THREAT, thresholds={"violence": 0.7})
    assert row is not None
    assert row["threshold"] == 0.7
    assert outcome("What a dimwit.", thresholds={"toxicity": 0.99}) is None


def test_annotate() -> None:
    assert outcome(INSULT, thresholds={"toxicity": 1}) is None
    (row, nothing) = decided(INSULT, "Hello.", thresholds={"toxicity": 1}, annotate=True)
    assert nothing is None
    assert row is not None
    assert (row["action"], row["reason"], row["threshold"]) == ("annotate", "scored", 1.0)
    assert 0.5 < row["values"]["toxicity"] == row["score"] < 1


def test_the_gravest_category_wins_and_a_drop_wins_over_a_flag() -> None:
    (row,) = decided(f"{INSULT} {THREAT}")
    assert row is not None
    assert (row["action"], row["reason"]) == ("drop", "violence")
    assert set(row["values"]) == {"violence", "toxicity"}
    assert outcome(f"{INSULT} {HATE} {THREAT}") == ("drop", "violence")
    assert outcome(f"{HATE} {THREAT}", actions={"violence": "flag"}) == ("drop", "hate")
    assert outcome(f"{INSULT} {THREAT}", actions={"violence": "flag"}) == ("flag", "violence")


def test_no_text_of_the_record_is_told() -> None:
    chats = [INSULT, ZH_INSULT, HATE, THREAT, ASKED, "我要杀了你，把你碎尸万段。"]
    for text, row in zip(chats, decided(*chats), strict=True):
        assert row is not None
        told = json.dumps([row["detail"], row["values"], row["reason"]], ensure_ascii=False)
        assert row["detail"].endswith(", in the text")
        for word in ("idiot", "蠢货", "Immigrants", "vermin", "stab", "pipe bomb", "杀了", "碎尸"):
            assert not (word in text and word in told)


def test_disguises_are_seen_through() -> None:
    assert outcome("Ｙｏｕ ａｒｅ ａ ｃｏｍｐｌｅｔｅ ｉｄｉｏｔ") == ("flag", "toxicity")
    assert outcome("You are a complete id\u200biot.") == ("flag", "toxicity")
    assert outcome("You’re a complete IDIOT!") == ("flag", "toxicity")


def test_records_keep_their_order_and_batches_do_not_matter() -> None:
    chats = [HATE, "Hello.", INSULT, ZH_INSULT, "今天天气很好。", THREAT]
    together = decided(*chats)
    alone = [decided(text)[0] for text in chats]
    for one, other in zip(together, alone, strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or {**one, "record_id": ""} == {**other, "record_id": ""}


def test_no_records() -> None:
    stage = Values()
    assert stage.decide(batch_of([]), StageContext()).rows.is_empty()


def test_a_hostile_text_takes_no_long() -> None:
    texts = [
        "you are " * 20_000 + "a",
        "你是" * 30_000,
        "kill " * 30_000,
        '"' * 50_000 + INSULT,
        "i will " * 20_000 + "kill",
    ]
    began = time.process_time()
    decided(*texts)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "bad",
    [
        {"actions": {"toxicity": "remove"}},
        {"actions": {"rudeness": "drop"}},
        {"thresholds": {"rudeness": 0.5}},
        {"part": "title"},
        {"policy": ""},
        {"polcy": "strict"},
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Values(**bad)


@pytest.mark.parametrize("bad", [0.0, 1.5])
def test_a_threshold_out_of_range_is_refused(bad: float) -> None:
    with pytest.raises(ValidationError):
        Values(thresholds={"hate": bad})


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(StageError, match="there is no policy 'ballanced'") as caught:
        Values(policy="ballanced").check({})
    assert "Did you mean 'balanced'?" in caught.value.hint


def test_assets_follow_the_policy_and_its_lexicons(tmp_path: Path) -> None:
    lexicon = tmp_path / "own.yaml"
    lexicon.write_text("rules:\n- {id: brand, category: toxicity, weight: 0.9, words: [zorblax]}\n")
    policy = tmp_path / "mine.yaml"
    policy.write_text("categories: {toxicity: {action: drop}}\nlexicons: [own.yaml]\nenglish_classifier: false\n")
    first = Values(policy=str(policy)).assets()
    assert set(first) == {"policy"}
    assert set(Values().assets()) == {"policy", "profanity"}
    assert Values().assets() != Values(policy="strict").assets()
    assert Values().assets()["policy"] != Values(actions={"hate": "flag"}).assets()["policy"]
    assert outcome("A zorblax.", policy=str(policy)) == ("drop", "toxicity")
    lexicon.write_text(lexicon.read_text().replace("zorblax", "zorblux"))  # an edit counts at once
    assert Values(policy=str(policy)).assets() != first
    assert outcome("A zorblax.", policy=str(policy)) is None


def test_importing_the_stage_loads_no_model() -> None:
    code = (
        "import sys; from curation.stages.values import Values; Values();"
        "print([m for m in ('torch', 'transformers', 'numpy', 'sklearn', 'curation.values.judge') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
