from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from batches import batch_of, reasons
from pydantic import ValidationError

from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.repetition import Repetition

# Sixty different words, so that nothing in them repeats by chance.
WORDS = (
    "harbour north town morning boats night catch people market wall baskets talk noon nets dry place asleep evening "
    "wind salt stone bread garden window river bridge winter summer school letter doctor engine paper music forest "
    "mountain cloud island village kitchen table candle mirror basket orange silver copper thunder lightning meadow "
    "shadow whisper journey teacher painter sailor farmer miller"
).split()
EN = " ".join(WORDS)
ZH = (
    "老港口在小城的北边，每天清晨，出海一夜的渔船都会满载而归。人们从集市上走下来，沿着石墙等候。"
    "有的提着篮子，也有人只想聊聊天。到了中午，渔网就挂起来晾干了。然后，整个地方都安静下来，一直睡到傍晚。"
    "夏天里孩子们爱到浅滩捉螃蟹，冬季则只剩下风声与海鸥，还有那座灯塔陪伴着归航者。"
)


def decided(batch: Batch, **settings: Any) -> Decisions:
    return Repetition(**settings).decide(batch, StageContext())


def why(text: str, **settings: Any) -> str | None:
    return reasons(decided(batch_of([text]), **settings)).get("a:1")


def web(text: str, **settings: Any) -> str | None:
    return why(text, profile="web", **settings)


def lines(*pattern: int) -> str:
    """Lines of five words, equal where the numbers are."""
    return "\n".join(" ".join(WORDS[5 * n : 5 * n + 5]) for n in pattern)


def phrase(size: int, times: int, filler: int = 60) -> str:
    """`times` copies of a phrase of `size` words among `filler` words that occur once."""
    copy = " ".join(f"phrase{n}" for n in range(size))
    rest = [f"word{n:03}" for n in range(filler)]
    step = max(1, filler // times)
    parts = [" ".join(rest[i : i + step]) for i in range(0, filler, step)]
    return " ".join(f"{part} {copy}" if i < times else part for i, part in enumerate(parts))


@pytest.mark.parametrize("text", [EN, ZH, ZH + "\n\n" + EN, lines(0, 1, 2, 3, 4, 5, 6, 7)])
def test_text_that_does_not_repeat_stays(text: str) -> None:
    assert web(text) is None
    assert why(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n\n".join(["one paragraph", "one paragraph", EN]), "dup_para_frac"),
        ("\n\n".join(["一段话", "一段话", ZH]), "dup_para_frac"),
        ("\n\n".join([EN, "a", "b", "c", "d", EN]), "dup_para_char_frac"),
        ("\n\n".join([ZH, "甲", "乙", "丙", "丁", ZH]), "dup_para_char_frac"),
        (lines(0, 1, 2, 3, 4, 5) + "\nyes" * 5, "dup_line_frac"),
        (ZH.replace("。", "。\n") + "好的\n" * 6, "dup_line_frac"),
        (lines(0, 1, 2, 3, 4, 5, 0, 1), "dup_line_char_frac"),
        (phrase(2, 10), "top_2gram"),
        (phrase(3, 5), "top_3gram"),
        (phrase(4, 4), "top_4gram"),
        (phrase(5, 3, filler=90) + " " + phrase(5, 2, filler=20), "dup_5gram"),
        (EN + " " + EN, "dup_5gram"),
        (ZH + ZH, "dup_5gram"),
        ("".join(ZH[i : i + 6] + "小渔船" for i in range(0, len(ZH), 6)), "top_2gram"),
    ],
)
def test_what_the_web_profile_drops(text: str, reason: str) -> None:
    assert web(text, loop_repeats=None) == reason


@pytest.mark.parametrize("n", [6, 7, 8, 9, 10])
def test_longer_runs_have_their_own_reason(n: int) -> None:
    # A run of n words repeated once covers a share between the limits of n and of n - 1.
    off = {f"dup_{m}gram": None for m in range(5, n)} | {f"top_{m}gram": None for m in (2, 3, 4)}
    text = phrase(n, 3, filler=45)
    assert web(text, **off) == f"dup_{n}gram"


def test_scores_and_thresholds_say_what_was_measured() -> None:
    text = lines(0, 1, 2, 0)
    row = decided(batch_of([text]), profile="web").rows.row(0, named=True)
    assert (row["action"], row["reason"], row["threshold"]) == ("drop", "dup_line_char_frac", 0.2)
    assert row["score"] == pytest.approx(len(lines(0)) / len(text))
    row = decided(batch_of([phrase(2, 10)]), profile="web").rows.row(0, named=True)
    assert (row["reason"], row["threshold"]) == ("top_2gram", 0.2)
    assert row["score"] == pytest.approx(10 * len("phrase0 phrase1") / len(phrase(2, 10)))


LOOPS = [
    EN + " and then" * 20,
    "The answer is yes. " + "I hope this helps! " * 6,
    "I am sorry, I cannot do that. " * 5 + "I am sorry, I",
    "港口在北边。" + "谢谢你的问题。" * 8,
    "好的" * 12,
    "<p>\n" + "<td>empty cell</td>\n" * 9,
    "Result: " + "ha" * 40,
    "Pi is 3.14 and then 0." + "0" * 400,
]
NO_LOOPS = [
    EN,
    "ha ha ha ha",
    "Row, row, row your boat.",
    "The number is 1000000000000000000000000000000000000000000000000000000000000000000000.",
    "Name: ____________________________________________________________________",
    "| a | b |\n|---|---|\n" + "|   |   |\n" * 8,
    "Title\n" + "=" * 79,
    "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
    "\n".join(f"{n}. {w}" for n, w in enumerate(WORDS[:12])),
    "if a:\n    if b:\n        if c:\n            return 1\n        }\n    }\n}\n",
    "1, 1, 2, 3, 5, 8, 13, 21, 34",
    "Very, very, very good. " * 2,
    "哈哈哈哈哈哈",
    "The end. " * 40 + "No, it goes on to something else.",
]


@pytest.mark.parametrize("profile", ["web", "sft"])
@pytest.mark.parametrize("text", LOOPS)
def test_an_ending_that_loops(text: str, profile: str) -> None:
    assert why(text, profile=profile) == "looping"


@pytest.mark.parametrize("text", NO_LOOPS)
def test_an_ending_that_only_looks_like_a_loop(text: str) -> None:
    assert why(text, min_words=None, top_2gram=None, top_3gram=None, top_4gram=None, min_lines=9) != "looping"


def test_a_loop_says_how_often_and_how_long() -> None:
    row = decided(batch_of([EN + " and then" * 20])).rows.row(0, named=True)
    assert (row["score"], row["threshold"], row["detail"]) == (20.0, 5.0, "a unit of 9 characters")


CODE = "```python\n" + "\n".join(f"    x[{n}] = x[{n}] + 1\n    return" for n in range(9)) + "\n```"
BARE_CODE = "\n".join(f"def test_{w}():\n    assert run('{w}') == '{w}'\n    return True\n" for w in WORDS[:9])
TABLE = "| word | length | ok |\n|---|---|---|\n" + "\n".join(f"| {w} | {len(w)} | yes |" for w in WORDS[:25])
SONG = "\n\n".join(
    f"{verse}\n\nOh the wind and the rain,\noh the sea and the sand,\ncarry me home again\nto my own native land."
    for verse in (lines(0, 1, 2, 3), lines(4, 5, 6, 7), lines(8, 9, 10, 11))
)
FORM = "Please fill in:\n" + "\n".join(f"{w}: ____________________" for w in WORDS[:12])
DEFINITIONS = "\n".join(
    f"{n}. A {w} boat is a boat that is used for {w} work in the harbour." for n, w in enumerate(WORDS[18:26])
)


@pytest.mark.parametrize(
    "answer",
    [
        "Yes",
        "Yes, yes, yes.",
        "是的，是的。",
        "positive\nnegative\npositive\npositive\nnegative",
        "Yes\nNo\nYes\nNo",
        "好评\n差评\n好评\n好评\n差评\n好评",
        "10 10 10 20",
        "the cat and the dog and the cat",
        CODE,
        BARE_CODE,
        TABLE,
        SONG,
        FORM,
        DEFINITIONS,
        "- 苹果\n- 香蕉\n- 苹果汁\n- 香蕉奶昔",
    ],
)
def test_short_and_structured_answers_survive_under_sft(answer: str) -> None:
    assert why(answer) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lines(0, 0, 0, 0, 0, 1, 2, 0), "dup_line_frac"),
        ("老港口在小城的北边。\n" * 6 + ZH, "dup_line_frac"),
        ("\n\n".join([EN, EN, EN, EN, EN, "end"]), "dup_para_frac"),
        (" ".join([EN] * 3) + " end", "dup_5gram"),
        (ZH * 3 + "完", "dup_5gram"),
        (phrase(2, 30, filler=40), "top_2gram"),
    ],
)
def test_answers_that_repeat_themselves_go_under_sft(answer: str, reason: str) -> None:
    assert why(answer) == reason


def test_turns_are_judged_one_by_one() -> None:
    turns = [("user", "?"), ("assistant", "Yes.")] * 8
    assert reasons(decided(batch_of([turns]), profile="web", top_2gram=None)) == {}
    twins = [("user", "?"), ("chosen", EN), ("rejected", EN)]
    assert reasons(decided(batch_of([twins]), profile="web")) == {}
    bad = [("user", "?"), ("assistant", EN), ("user", "?"), ("assistant", EN + " " + EN)]
    row = decided(batch_of([bad]), profile="web").rows.row(0, named=True)
    assert (row["reason"], row["detail"]) == ("dup_5gram", "turn 3")


def test_an_empty_answer_is_no_repetition() -> None:
    assert why("") is None
    assert decided(batch_of([[("user", "?"), ("assistant", "")]])).rows.is_empty()
    assert decided(batch_of([]), profile="web").rows.is_empty()
    assert decided(batch_of([[("user", EN + EN)]]), profile="web").rows.is_empty()


LOOPING = EN + " and then" * 8
RUNS = {f"dup_{n}gram": (phrase(n, 3, filler=90), 0.05, 0.5) for n in range(5, 11)}
# rule: (text, a limit it fails, a limit it keeps); every other rule is off
RULES = {
    "dup_para_frac": ("\n\n".join(["a", "a", EN]), 0.33, 0.34),
    "dup_para_char_frac": ("\n\n".join([EN, "a", "b", "c", EN]), 0.49, 0.5),
    "dup_line_frac": (lines(*range(11)) + "\nyes" * 9, 0.39, 0.41),
    "dup_line_char_frac": (lines(0, 1, 2, 0), 0.2, 0.3),
    "top_2gram": (phrase(2, 10), 0.2, 0.3),
    "top_3gram": (phrase(3, 5), 0.18, 0.3),
    "top_4gram": (phrase(4, 4), 0.16, 0.3),
    **RUNS,
}


def off(*but: str) -> dict[str, None]:
    """Every rule off but some."""
    return dict.fromkeys({*RULES, "loop_repeats"} - {*but})


@pytest.mark.parametrize("rule", RULES)
def test_every_limit_changes_the_outcome(rule: str) -> None:
    text, fails, keeps = RULES[rule]
    assert web(text, **off(rule), **{rule: fails}) == rule
    assert web(text, **off(rule), **{rule: keeps}) is None
    assert web(text, **off()) is None


# parameter: (text, the rules that are on, a value, its reason, another value, its reason)
OTHERS: dict[str, tuple[str, dict[str, Any], Any, str | None, Any, str | None]] = {
    "profile": (lines(0, 1, 2, 0), {}, "web", "dup_line_char_frac", "sft", None),
    "loop_repeats": (LOOPING, off("loop_repeats"), 8, "looping", 9, None),
    "loop_min_chars": (LOOPING, off("loop_repeats") | {"loop_repeats": 5}, 72, "looping", 73, None),
    "min_lines": (lines(0, 0, 0, 1), off() | {"dup_line_frac": 0.4}, 4, "dup_line_frac", 5, None),
    "min_line_chars": (lines(*range(4)) + "\nyes" * 7, off() | {"dup_line_frac": 0.4}, 3, "dup_line_frac", 4, None),
    "min_words": (phrase(2, 10), off() | {"top_2gram": 0.2}, 80, "top_2gram", 81, None),
    "min_count": (phrase(2, 10), off() | {"top_2gram": 0.2}, 10, "top_2gram", 11, None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_parameter_changes_the_outcome(name: str) -> None:
    text, rest, first, its_reason, second, other_reason = OTHERS[name]
    rest = {key: value for key, value in rest.items() if key != name}
    assert why(text, **rest, **{name: first}) == its_reason
    assert why(text, **rest, **{name: second}) == other_reason


def test_part_says_what_is_judged() -> None:
    batch = batch_of([[("user", LOOPING), ("assistant", "Fine.")]])
    assert reasons(decided(batch)) == {}
    assert reasons(decided(batch, part="prompt")) == {"a:1": "looping"}
    assert reasons(decided(batch, part="record")) == {"a:1": "looping"}


def test_no_parameter_is_untested() -> None:
    assert {*RULES, *OTHERS, "part"} == set(Repetition.model_fields)
    assert {*RULES, "looping", "empty"} == set(Repetition.reasons)


def test_what_was_set_wins_over_the_profile() -> None:
    stage = Repetition(profile="web", top_2gram=0.5)
    assert (stage.top_2gram, stage.top_3gram, stage.min_words) == (0.5, 0.18, None)
    assert stage.model_fields_set == {"profile", "top_2gram"}
    assert Repetition(**stage.model_dump()) == stage
    assert Repetition(**stage.model_dump()).model_dump_json() == stage.model_dump_json()


def test_mistakes_are_refused() -> None:
    for settings in ({"loop_repeats": 1}, {"top_2gram": 2}, {"min_count": 0}, {"top_5gram": 0.1}):
        with pytest.raises(ValidationError):
            Repetition(**settings)


def test_the_outcome_does_not_depend_on_the_batch() -> None:
    texts = [EN, ZH, EN + " " + EN, ZH + ZH, *LOOPS, *NO_LOOPS, SONG, TABLE, *(text for text, _, _ in RULES.values())]
    for settings in ({"profile": "web"}, {}):
        whole = decided(batch_of(texts), **settings).rows
        apart = [decided(batch_of([text]), **settings).rows.drop("record_id").rows() for text in texts]
        by_record = {row[0]: [row[1:]] for row in whole.rows()}
        assert [by_record.get(f"a:{n}", []) for n in range(1, len(texts) + 1)] == apart


@pytest.mark.parametrize("name", ["alpaca_en_demo", "alpaca_zh_demo"])
def test_a_real_set_is_not_wiped(real_data: Any, name: str) -> None:
    records = pl.read_json(real_data / "llamafactory" / f"{name}.json", infer_schema_length=None)
    chats = [[("user", q), ("assistant", a)] for q, a in records.select("instruction", "output").iter_rows()]
    assert decided(batch_of(chats)).rows.height <= 2
