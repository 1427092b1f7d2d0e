"""Planted truth: what must go, and above all what must stay."""

from __future__ import annotations

import random

import polars as pl
import pytest
from batches import batch_of, decide, dropped, joined, reasons

from curation.errors import StageError
from curation.stages.near import Near

ENGLISH = (
    "The lighthouse keeper wound the clock every evening before the fog came in from the harbour. He wrote the names of "
    "passing ships in a green ledger, and on Sundays he walked down to the village to buy bread, lamp oil and a newspaper "
    "that was already three days old when it reached the island."
)
CHINESE = (
    "守塔人每天傍晚都会给时钟上发条，然后等着海雾从港口慢慢飘进来。他把路过船只的名字记在一本绿色的账簿里，"
    "星期天则走到村子里去买面包、灯油，还有一份送到岛上时已经过期三天的报纸。"
)
TOPICS = ["love", "war", "the sea", "autumn", "bicycles", "rivers", "friendship", "snow", "trains", "bread"]
THEMES = ["爱情", "战争", "大海", "秋天", "自行车", "河流", "友谊", "雪", "火车", "面包"]
WORDS = ENGLISH.replace(".", "").replace(",", "").split()


def scrambled(draw: random.Random, count: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(count))


@pytest.mark.parametrize(
    "copy",
    [
        ENGLISH.replace("lighthouse", "lighthuose"),
        ENGLISH.replace("harbour", "bay"),
        ENGLISH.upper(),
        ENGLISH.replace("bread, lamp oil and a newspaper", "a newspaper, lamp oil and bread"),
        ENGLISH + " It was a quiet life.",
        ENGLISH.replace(". He", ".\n\n- He"),
    ],
    ids=["typo", "one word", "case", "reordered", "longer", "layout"],
)
def test_copies_of_an_english_text_go(copy: str) -> None:
    assert len(dropped(decide(Near(), batch_of([ENGLISH, copy, scrambled(random.Random(1), 60)])))) == 1


@pytest.mark.parametrize(
    "copy",
    [
        CHINESE.replace("发条", "發条"),
        CHINESE.replace("慢慢飘", "漫漫飘"),
        CHINESE.replace("，", ","),
        CHINESE.replace("面包、灯油", "灯油、面包"),
        CHINESE + "日子过得很平静。",
    ],
    ids=["variant", "typo", "punctuation", "reordered", "longer"],
)
def test_copies_of_a_chinese_text_go(copy: str) -> None:
    assert len(dropped(decide(Near(), batch_of([CHINESE, copy, ENGLISH])))) == 1


@pytest.mark.parametrize(
    "family",
    [
        [f"Write a poem about {topic}" for topic in TOPICS],
        [f"Write a short and cheerful poem for children about {topic}, please." for topic in TOPICS],
        [f"请写一首关于{theme}的诗，要押韵。" for theme in THEMES],
        [f"What is {n} plus {n + 3}? Show your work step by step." for n in range(10)],
        [f"小明有{n}个苹果，又买了{n + 2}个，一共有多少个苹果？" for n in range(3, 13)],
        [
            f"{ENGLISH} Now translate this passage into {language}."
            for language in ("French", "German", "Thai", "Latin")
        ],
    ],
    ids=["poem", "long poem", "诗", "sums", "苹果", "task"],
)
def test_a_template_family_stays_whole(family: list[str]) -> None:
    assert dropped(decide(Near(), batch_of(family))) == {}


def test_copies_inside_a_family_go_all_the_same() -> None:
    family = [f"Write a short and cheerful poem for children about {topic}, please." for topic in TOPICS]
    again = family[3].replace("cheerful", "cheerfull")
    assert dropped(decide(Near(), batch_of([*family, again]))) == {"a:4": "a:11"}
    assert dropped(decide(Near(keep="first"), batch_of([*family, again]))) == {"a:11": "a:4"}


@pytest.mark.parametrize(
    "pair",
    [
        ("Is it safe to eat raw salmon at home?", "Is it not safe to eat raw salmon at home?"),
        ("Convert 15 kilometres to miles for me", "Convert 51 kilometres to miles for me"),
        ("What is 3 + 5 in base ten?", "What is 3 - 5 in base ten?"),
        ("他今天会来参加我们的会议吗？", "他今天不会来参加我们的会议吗？"),
        ("How do I sort a list in Python?", "How do I sort a list in Java?"),
    ],
)
def test_short_records_that_differ_in_what_matters_stay(pair: tuple[str, str]) -> None:
    assert dropped(decide(Near(), batch_of(list(pair)))) == {}


def test_a_slip_in_a_short_question_goes() -> None:
    batch = batch_of(["How do I bake a chocolate cake at home?", "How do I bake a choclate cake at home?"])
    assert len(dropped(decide(Near(), batch))) == 1


@pytest.mark.parametrize("preamble", [f"{ENGLISH} {ENGLISH[::-1]}", CHINESE * 2])
def test_answers_that_share_a_long_preamble_all_survive(preamble: str) -> None:
    draw = random.Random(5)
    answers = [f"{preamble}\n\n{scrambled(draw, 14)}" for _ in range(200)]
    assert dropped(decide(Near(), batch_of(answers))) == {}


def test_the_best_copy_stays_by_every_rule() -> None:
    cut = [("user", "Tell me of the keeper"), ("assistant", ENGLISH[:-8])]
    whole = [("user", "Tell me of the keeper"), ("assistant", ENGLISH)]
    longer = [("user", "Tell me of the keeper"), ("assistant", ENGLISH + " And so on and on and")]
    batch = joined(batch_of([cut, whole, longer], "web", meta=[{"v": 3}, {"v": 1}, {"v": 2}]))
    assert set(dropped(decide(Near(), batch)).values()) == {"web:2"}
    assert set(dropped(decide(Near(keep="longest"), batch)).values()) == {"web:3"}
    assert set(dropped(decide(Near(keep="first"), batch)).values()) == {"web:1"}
    assert set(dropped(decide(Near(keep="column", column="v"), batch)).values()) == {"web:1"}
    two = joined(batch_of([ENGLISH], "web"), batch_of([ENGLISH + " Yes."], "book"))
    assert dropped(decide(Near(keep="source", sources=["book"]), two)) == {"web:1": "book:1"}
    assert dropped(decide(Near(keep="source", sources=["web"]), two)) == {"book:1": "web:1"}


def test_part_says_what_is_compared() -> None:
    same_question = [[("user", ENGLISH), ("assistant", "Yes.")], [("user", ENGLISH), ("assistant", CHINESE)]]
    assert dropped(decide(Near(), batch_of(same_question))) == {}
    assert len(dropped(decide(Near(part="prompt"), batch_of(same_question)))) == 1
    assert dropped(decide(Near(part="answer"), batch_of(same_question))) == {}


def test_the_threshold_is_the_exact_similarity() -> None:
    words = scrambled(random.Random(3), 60).split()
    other = [*words[:20], "quite", "another", *words[22:40], "matter", *words[41:]]
    batch = batch_of([" ".join(words), " ".join(other)])
    (score,) = decide(Near(), batch).rows.filter(pl.col("action") == "drop")["score"]
    shingles = [{tuple(text[i : i + 3]) for i in range(58)} for text in ([w.lower() for w in words], other)]
    shingles[1] = {tuple(w.lower() for w in gram) for gram in shingles[1]}
    assert score == pytest.approx(len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1]))
    assert len(dropped(decide(Near(threshold=score), batch))) == 1
    assert dropped(decide(Near(threshold=min(1.0, score + 0.01)), batch)) == {}


def test_shingles_and_functions_change_the_score_and_the_signature() -> None:
    batch = batch_of([ENGLISH, ENGLISH.replace("harbour", "bay"), CHINESE, CHINESE.replace("慢慢飘", "漫漫飘")])

    def scores(**parameters: int) -> list[float]:
        rows = decide(Near(threshold=0.5, lowest=0.5, **parameters), batch).rows
        return rows.filter(pl.col("action") == "drop")["score"].to_list()

    assert scores(words=1)[0] > scores(words=3)[0] > scores(words=5)[0]
    assert scores(characters=2)[1] > scores(characters=5)[1]
    few, many = Near(functions=16).banding(), Near(functions=256).banding()
    assert few.bands * few.rows <= 16 < many.bands * many.rows
    assert Near(lowest=0.5, threshold=0.5).banding() != Near(lowest=0.9, threshold=0.9).banding()


def test_moving_the_threshold_hashes_nothing_again() -> None:
    assert Near(threshold=0.7).fingerprint_facts() == Near(threshold=0.9).fingerprint_facts()
    assert Near(words=3).fingerprint_facts() != Near(words=4).fingerprint_facts()


def test_wipe_out_of_a_source_stops_the_stage_until_allowed() -> None:
    draw = random.Random(2)
    good = batch_of([scrambled(draw, 50) for _ in range(60)], "book")
    copies = joined(
        batch_of([good.turns["content"][n] + " indeed" for n in range(60)], "web"),
    )
    batch = joined(good, copies)
    with pytest.raises(StageError, match="source 'web' would lose 60 of its 60") as error:
        decide(Near(keep="first"), batch)
    assert "--allow-wipeout" in error.value.hint
    assert len(dropped(decide(Near(keep="first", allow_wipeout=True), batch))) == 60


def test_a_giant_cluster_stops_the_stage_until_allowed() -> None:
    draw = random.Random(2)

    def slip() -> str:
        words = (ENGLISH + " " + ENGLISH[::-1]).split()
        words[draw.randrange(len(words))] += "z"
        return " ".join(words)

    batch = joined(
        batch_of([slip() for _ in range(130)], "a"), batch_of([scrambled(draw, 40) for _ in range(400)], "a2")
    )
    with pytest.raises(StageError, match="one cluster would lose 129 of 530"):
        decide(Near(), batch)
    assert len(dropped(decide(Near(allow_wipeout=True), batch))) == 129


def test_the_order_of_records_does_not_change_who_belongs_together() -> None:
    draw = random.Random(4)
    texts = [scrambled(draw, 40) for _ in range(30)]
    texts += [text.replace("the", "teh", 1) for text in texts[:10]]
    mixed = texts[:]
    draw.shuffle(mixed)

    def gone(chosen: list[str]) -> set[str]:
        found = dropped(decide(Near(keep="longest"), batch_of(chosen)))
        return {
            frozenset({chosen[int(a.split(":")[1]) - 1], chosen[int(b.split(":")[1]) - 1]}) for a, b in found.items()
        }

    assert gone(texts) == gone(mixed)


def test_texts_without_letters_are_left_alone() -> None:
    assert reasons(decide(Near(), batch_of(["", "...", "!!!", "—"]))) == {}


def test_questions_about_different_pictures_are_no_duplicates() -> None:
    pictures = [{"images": ["a.png"]}, {"images": ["b.png"]}, {"images": ["a.png"]}]
    assert dropped(decide(Near(keep="first"), batch_of([ENGLISH] * 3, meta=pictures))) == {"a:3": "a:1"}
