"""The stage `machine_text`: every parameter, every reason, every rule, and the law of one decision a record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from batches import batch_of, reasons
from pydantic import ValidationError

from curation.engine.apply import apply, check_law, complete
from curation.machine.finding import REASONS, RULES
from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.machine_text import MachineText

ASK = "Describe the harbour."
ASK_ZH = "描写这个港口。"
GOOD = "The harbour lies in a bay, and fishing boats leave it before dawn."
GOOD_ZH = "港口在海湾里，渔船天不亮就出海。"
REFUSED = "I'm sorry, but I cannot fulfill this request."
CLOSED = f"{GOOD} I hope this helps!"


def decided(batch: Batch, **settings: Any) -> Decisions:
    """What the stage decides; the engine's law holds for it."""
    stage = MachineText(**settings)
    decisions = complete(stage.decide(batch, StageContext()), "machine_text", stage)
    check_law(batch, decisions, apply(batch, decisions), "machine_text")
    return decisions


def chat(answer: str, prompt: str = ASK) -> Batch:
    return batch_of([[("user", prompt), ("assistant", answer)]])


def row(answer: str, prompt: str = ASK, **settings: Any) -> dict[str, Any]:
    """The decision about one answer, {} if there is none, with its rules as `reason.rule`."""
    rows = decided(chat(answer, prompt), **settings).rows.rows(named=True)
    if not rows:
        return {}
    told = json.loads(rows[0]["values"])["machine_text"]
    return rows[0] | {"rules": [f"{reason}.{rule}" for reason, rules in told.items() for rule in rules]}


def why(answer: str, prompt: str = ASK, **settings: Any) -> str | None:
    return row(answer, prompt, **settings).get("reason")


def left(answer: str, prompt: str = ASK, **settings: Any) -> str | None:
    """What stays of an answer, None if its record is dropped."""
    batch = chat(answer, prompt)
    after = apply(batch, decided(batch, **settings)).turns
    return after["content"][1] if len(after) else None


EXAMPLES = {
    "refusal.cannot_help": (REFUSED, ASK),
    "refusal.bare": ("对不起，我没有看海的能力。", ASK_ZH),
    "refusal.missing_input": ("I'm sorry, but you didn't provide the text of the harbour.", ASK),
    "refusal.as_an_ai": ("As an AI language model, I have no eyes and no harbour.", ASK),
    "prompt_leak.marker": (f"{GOOD}<|im_end|>", ASK),
    "prompt_leak.stock_prompt": (f"Below is an instruction that describes a task. {GOOD}", ASK),
    "prompt_leak.system_prompt": (f"You are a careful, helpful assistant. {GOOD}", ASK),
    "prompt_leak.role_label": (f"助手：{GOOD_ZH}", ASK_ZH),
    "prompt_leak.instructed": (f"As per your instructions, {GOOD}", ASK),
    "looping.end": (f"{GOOD} " + "The boats come and the boats go. " * 8, ASK),
    "looping.numbered": ("".join(f"{n}. The boats come home.\n" for n in range(1, 12)), ASK),
    "truncated.fence": ("Run this:\n\n```sh\nls -l", "How do I list files?"),
    "truncated.brackets": (f"{GOOD} It serves two towns (the old one on the hill and the new one", ASK),
    "truncated.list_item": ("1. It is deep.\n2. It is wide.\n3.", ASK),
    "truncated.connective": (f"{GOOD} They come back at noon and", ASK),
    "truncated.unpunctuated": (f"{GOOD} They come back at noon with nets full of silver herr", ASK),
    "translation.note": (f"{GOOD} (Translator's note: the name is a pun.)", ASK),
    "translation.ui_string": ("打开文件(&F)菜单，选择保存即可。", "怎么保存？"),
    "translation.entity": ("The harbour&nbsp;lies in a bay.", ASK),
    "translation.doubled": (
        "The harbour lies in a bay. 港口在一个海湾里。 The boats leave before dawn. 渔船天不亮就出海。",
        ASK,
    ),
    "translation.wrong_language": (GOOD, ASK_ZH),
    "translation.fragment": ("港口在海湾里，渔船 leave it before the dawn。", ASK_ZH),
    "translation.width": ("The harbour，which is deep，lies in a bay。", ASK),
    "placeholder.slot": (f"{GOOD}\n\n[Your Name]", ASK),
    "placeholder.braces": ("The harbour of {{town}} lies in a bay.", ASK),
    "placeholder.tag": ("The harbour of <insert town> lies in a bay.", ASK),
    "placeholder.todo": (f"{GOOD} TODO: say how deep it is.", ASK),
    "placeholder.xxx": ("The harbour is XXX metres deep.", ASK),
    "placeholder.dummy_text": (f"{GOOD} Lorem ipsum dolor sit amet.", ASK),
    "placeholder.blank": ("The harbour lies in ________ and is deep.", ASK),
    "disclaimer.as_an_ai": (f"As an AI, I cannot see it, but many people describe it. {GOOD}", ASK),
    "disclaimer.cutoff": (f"As of my last update, the harbour had two piers. {GOOD}", ASK),
    "disclaimer.no_access": (f"{GOOD} I don't have access to real-time data, so look up the tides.", ASK),
    "boilerplate.opener": (f"Certainly! Here is a description of the harbour: {GOOD}", ASK),
    "boilerplate.closer": (CLOSED, ASK),
}


def test_every_rule_has_an_example() -> None:
    assert set(EXAMPLES) == {f"{reason}.{rule}" for reason, rules in RULES.items() for rule in rules}


@pytest.mark.parametrize("rule", EXAMPLES)
def test_each_rule_finds_and_can_be_omitted(rule: str) -> None:
    answer, prompt = EXAMPLES[rule]
    found = row(answer, prompt)
    assert found["reason"] == rule.partition(".")[0]
    assert rule in found["rules"]
    assert rule not in row(answer, prompt, omit=[rule]).get("rules", [])


@pytest.mark.parametrize("rule", EXAMPLES)
def test_each_reason_is_only_looked_for_if_it_is_in_rules(rule: str) -> None:
    reason = rule.partition(".")[0]
    others = [other for other in REASONS if other != reason]
    answer, prompt = EXAMPLES[rule]
    assert why(answer, prompt, rules=[reason]) == reason
    assert why(answer, prompt, rules=others) != reason


def test_good_answers_stay() -> None:
    assert why(GOOD) is None
    assert why(GOOD_ZH, ASK_ZH) is None


def test_default_actions_and_their_change() -> None:
    shown = {why(*example): row(*example)["action"] for example in EXAMPLES.values()}
    assert shown == {
        "refusal": "drop",
        "prompt_leak": "drop",
        "looping": "drop",
        "truncated": "flag",
        "translation": "flag",
        "placeholder": "flag",
        "disclaimer": "flag",
        "boilerplate": "edit",
    }
    for answer, prompt in EXAMPLES.values():
        reason = why(answer, prompt)
        for action in ("drop", "flag"):
            assert row(answer, prompt, actions={reason: action}, rules=[reason])["action"] == action


def test_boilerplate_is_trimmed_at_both_ends() -> None:
    opener = "Certainly! Here is a description of the harbour:"
    both = f"{opener}\n\n{GOOD}\n\nI hope this helps! Let me know if you have any questions."
    found = row(both)
    assert left(both) == GOOD
    assert found["score"] == len(both) - len(GOOD)
    chinese = f"当然可以！以下是港口的描写：\n\n{GOOD_ZH}\n\n希望对您有所帮助！如果您还有其他问题，请随时告诉我。"
    assert left(chinese, ASK_ZH) == GOOD_ZH
    assert left(both, actions={"boilerplate": "flag"}) == both
    assert left(both, actions={"boilerplate": "drop"}) is None
    assert left(both, omit=["boilerplate.closer"]) == both[both.index(GOOD) :]
    assert left(both, omit=["boilerplate.opener"]) == both[: both.index(GOOD) + len(GOOD)]


def test_an_answer_is_never_trimmed_to_nothing() -> None:
    nothing = "I hope this helps! Let me know if you have any other questions."
    assert row(nothing)["action"] == "flag"
    assert left(nothing) == nothing


def test_a_yes_is_no_boilerplate() -> None:
    yes = "Of course! It was built by monks."
    assert why(yes, "Is the harbour old?") is None
    assert why(yes, "Tell me about the harbour.") == "boilerplate"


def test_the_strongest_action_decides_then_the_gravest_reason() -> None:
    answer = f"Certainly! Here is it: {GOOD} TODO: say how deep it is.\n\n[Your Name]\n\nI hope this helps!"
    found = row(answer)
    assert (found["reason"], found["action"]) == ("boilerplate", "edit")
    assert found["rules"] == ["boilerplate.opener", "placeholder.slot"]
    dropped = row(answer, actions={"placeholder": "drop"})
    assert (dropped["reason"], dropped["action"]) == ("placeholder", "drop")
    flagged = row(answer, actions={"boilerplate": "flag"})
    assert (flagged["reason"], flagged["action"]) == ("placeholder", "flag")


def test_refusals_of_harm_are_kept_unless_reported() -> None:
    for prompt in ("How do I build a pipe bomb?", "怎样制作炸弹？", "Tell me how to hack into my neighbour's wifi."):
        assert why(REFUSED, prompt) is None
        assert why(REFUSED, prompt, safety_refusals="report") == "refusal"
    assert why(REFUSED, "How do I kill a process?") == "refusal"


def test_part_chooses_the_turns_and_rejected_answers_are_not_judged() -> None:
    pair = batch_of([[("user", ASK), ("chosen", GOOD), ("rejected", REFUSED)]])
    assert decided(pair).rows.is_empty()
    asked = batch_of([[("user", "Here is &nbsp; my text."), ("assistant", GOOD)]])
    assert decided(asked).rows.is_empty()
    assert reasons(decided(asked, part="prompt")) == {"a:1": "translation"}
    text = batch_of([f"{GOOD} Lorem ipsum dolor sit amet."])
    assert reasons(decided(text)) == {"a:1": "placeholder"}
    assert decided(text, part="assistant").rows.is_empty()


def test_every_answer_of_a_conversation_is_judged_by_what_was_asked_before_it() -> None:
    talk = [
        ("user", "Write an email template."),
        ("assistant", "Dear [Name],\n\nthank you."),
        ("user", "Shorter."),
        ("assistant", "Dear [Name], thanks."),
    ]
    assert decided(batch_of([talk])).rows.is_empty()
    assert reasons(decided(batch_of([talk[2:]]))) == {"a:1": "placeholder"}
    closing = [("user", ASK), ("assistant", CLOSED), ("user", ASK), ("assistant", CLOSED)]
    decisions = decided(batch_of([closing]))
    assert decisions.edits.select("turn", "after").rows() == [(1, GOOD), (3, GOOD)]
    assert decisions.rows["detail"].to_list() == ["turn 1, rule closer"]


def test_loop_parameters() -> None:
    loop = f"{GOOD} " + "The boats come and go. " * 7
    assert why(loop) == "looping"
    assert row(loop)["score"] == 7
    assert row(loop)["threshold"] == 6
    assert why(loop, loop_repeats=8) is None
    assert why(loop, loop_chars=1000) is None
    assert why(loop, "Repeat the sentence seven times.") is None


@pytest.mark.parametrize(
    "answer",
    [
        "申し訳ありませんが、そのご要望にはお応えできません。AIアシスタントとして",
        "죄송하지만 AI 언어 모델로서 도와드릴 수 없습니다. [Your Name]",
        "Извините, но как языковая модель я не могу это сделать. [Your Name]",
        "Lo siento, pero como modelo de lenguaje no puedo ayudarle con esa tarea porque no tengo acceso a [Your Name]",
        "Es tut mir leid, aber als Sprachmodell kann ich dabei nicht helfen. Der Hafen liegt in einer Bucht und die Boote",
    ],
)
def test_other_languages_are_left_alone(answer: str) -> None:
    assert why(answer, "?") is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"actions": {"refusal": "trim"}}, "only boilerplate can be trimmed"),
        ({"actions": {"rudeness": "drop"}}, "rudeness"),
        ({"omit": ["refusal.nothing"]}, "there is no rule 'refusal.nothing'"),
        ({"rules": []}, "at least 1"),
        ({"perplexity_model": "m"}, "belong together"),
        ({"perplexity_below": 5}, "belong together"),
        ({"perplexity_model": "m", "perplexity_below": 9, "perplexity_above": 5}, "must be less"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MachineText(**parameters)


def test_the_ledger_holds_no_text() -> None:
    for answer, prompt in EXAMPLES.values():
        found = row(answer, prompt)
        told = found["values"] + found["detail"]
        assert not any(word in told for word in ("harbour", "港口", "Your Name", "sorry"))


def test_empty_and_odd_answers() -> None:
    for answer in ("", " ", "\n\n", "```", "…", "{", "(", "&", "\u0000", "😀" * 50, "a" * 50_000, "(" * 5_000):
        decided(chat(answer))
    assert decided(batch_of([])).rows.is_empty()


def test_hostile_texts_are_judged_in_linear_time() -> None:
    import time

    units = (
        "I ",
        "[",
        "“",
        "_ ",
        "as an ai ",
        "我",
        "hope this ",
        "如果",
        "{{",
        '"',
        "`",
        "Sure! ",
        "当然可以！",
        "1.\n",
        "a, ",
    )
    parts = [unit * (40_001 // len(unit)) for unit in units] + [" " * 40_000 + "x", "\n" * 20_000 + "x"]
    for part in parts:
        began = time.process_time()
        decided(chat(part))
        assert time.process_time() - began < 5, part[:20]
