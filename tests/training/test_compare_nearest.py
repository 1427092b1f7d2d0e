"""The nearest training records: what is planted is found, in English and Chinese, without PyTorch, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from nearest_planted import groups, paraphrased, planted, write_pool

from curation.embedding.multilingual import Multilingual
from curation.embedding.plain import PlainMultilingual
from curation.errors import InputError, Stopped
from studio.runs.train_begin import make_train
from training.compare.back.index import RecordIndex, grams_of, made_index, open_index
from training.compare.back.nearest import nearest
from training.compare.back.passages import shared_passages
from training.recipe import TrainRecipe


def make_run(data: Path, runs: Path, *settings: str) -> Path:
    """A training run that was asked for and never started: its records are known from its data."""
    recipe = TrainRecipe.load("lora").with_settings(["model.name=smollm2", "data.validation=0", *settings])
    folder, lock = make_train([str(data)], recipe, runs)
    lock.close()
    return folder.path


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    folder = tmp_path_factory.mktemp("nearest")
    return make_run(write_pool(folder / "pool.jsonl", samples), folder / "runs")


def test_the_source_of_an_answer_comes_first(pool: Path) -> None:
    """The gate: precision at 1 by the way in which an answer was altered. Half an answer may stand in two records."""
    index = open_index(pool)
    assert len(index) == 180
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for question in [*planted(index), *paraphrased()]:
        (first,) = nearest(pool, question.answer, 1, prompt=question.prompt or None)
        asked[question.kind] += 1
        right[question.kind] += first.answer == question.source or question.answer.strip() in first.answer
    precision = {kind: right[kind] / asked[kind] for kind in asked}
    assert sum(asked.values()) > 600
    assert precision.pop("paraphrase") >= 0.96, "beside its hard neighbour; by words alone .289"
    assert set(precision.values()) == {1.0}, precision


@pytest.mark.parametrize(
    ("left_out", "kind", "most"), [("OF_WORDS", "first half", 0.92), ("OF_MEANING", "paraphrase", 0.4)]
)
def test_either_measure_alone_would_miss_some(
    pool: Path, monkeypatch: pytest.MonkeyPatch, left_out: str, kind: str, most: float
) -> None:
    monkeypatch.setattr(f"training.compare.back.nearest.{left_out}", 0.0)
    chosen = [question for question in [*planted(open_index(pool)), *paraphrased()] if question.kind == kind]
    right = sum(nearest(pool, one.answer, 1, prompt=one.prompt or None)[0].answer == one.source for one in chosen)
    assert right / len(chosen) < most


def test_passages_are_exactly_what_both_texts_say(pool: Path) -> None:
    index = open_index(pool)
    record = next(record for at in range(len(index)) if len((record := index.record(at)).answer) > 60)
    text = f"Well: {record.answer[:40]} and 别的。 {record.answer[20:]}"
    near = nearest(pool, text, 3)
    assert near[0].record_id == record.record_id
    assert near[0].passages
    for one in near:
        for passage in one.passages:
            its = one.answer if passage.part == "answer" else one.prompt
            mine = text[passage.start : passage.end]
            assert mine.lower() == its[passage.its_start : passage.its_end].lower()


@pytest.mark.parametrize(
    ("text", "record", "found"),
    [
        ("So: the quick brown fox ran off", "a THE QUICK, brown fox!", ["the quick brown fox"]),
        ("the quick brown fox", "quick the brown fox", []),
        ("Ｆｕｌｌ　ｗｉｄｔｈ letters here", "full width letters", ["Ｆｕｌｌ　ｗｉｄｔｈ letters"]),
        ("他说：把借书证放在桌上就好。", "请把借书证放在桌上", ["把借书证放在桌上"]),
        ("借书证", "带上借书证，明天来", ["借书证"]),  # shorter than an n-gram: as a whole
        ("借书证。", "借书", ["借书"]),
        ("Paris", "It is Paris.", ["Paris"]),
        ("Paris Lyon", "Lyon Paris", []),
        ("", "anything", []),
        ("one two three four five six", "four five six one two three", ["one two three", "four five six"]),
        ("😀 !!! …", "😀 !!! …", []),
    ],
)
def test_passages_in_two_scripts(text: str, record: str, found: list[str]) -> None:
    assert [text[one.start : one.end] for one in shared_passages(text, record)] == found


def test_a_text_that_repeats_itself_takes_no_quadratic_time() -> None:
    (one,) = shared_passages("ha " * 30_000, "ha " * 30_000)
    assert one.tokens == 30_000


def test_n_grams_of_many_texts_are_those_of_each_alone() -> None:
    texts = [
        "one two three four",
        "",
        "Paris",
        "把借书证放在桌上就好",
        "one two three five",
        "!!!",
        "ﬁne cafe\u0301 日本",
    ]
    together = grams_of(texts)
    for text, grams in zip(texts, together, strict=True):
        assert grams.tolist() == grams_of([text])[0].tolist()
    assert [len(grams) for grams in together] == [2, 0, 1, 6, 2, 0, 2]
    assert np.intersect1d(together[0], together[4]).size == 1


def test_a_rare_passage_counts_more_than_one_that_many_answers_have(tmp_path: Path) -> None:
    lead = "Thank you very much for your question today."
    rows = [{"question": f"Q{n}?", "answer": f"{lead} The code of door {n * 7919} is {n}."} for n in range(30)]
    rows.append({"question": "Last?", "answer": "Turn the marble handle twice and wait."})
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = make_run(path, tmp_path / "runs")
    found = nearest(run, f"{lead} Turn the marble handle twice, please.", 31)
    assert max(found, key=lambda near: near.share).record_id == "data.jsonl:31"


def test_a_passage_of_a_long_record_is_found_before_a_short_one_that_means_the_same(tmp_path: Path) -> None:
    """Where the words stand, though a mean over a long text says little of what they mean."""
    chosen = [group for group in groups() if len(group["en_a"][1]) > 35]
    blocks = [chosen[start : start + 8] for start in range(0, len(chosen) - 7, 8)]
    rows = [{"question": "Tell me all.", "answer": " ".join(group["en_a"][1] for group in block)} for block in blocks]
    rows += [{"question": group["en_b"][0], "answer": group["en_b"][1]} for group in chosen]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = make_run(path, tmp_path / "runs")
    asked = [(group["en_a"][1], at) for at, block in enumerate(blocks, 1) for group in block]
    assert len(asked) >= 16
    right = [nearest(run, answer, 1)[0].record_id == f"data.jsonl:{at}" for answer, at in asked]
    assert sum(right) / len(right) >= 0.8, right


def test_a_prompt_alone_and_a_text_alone_can_be_asked_about(pool: Path) -> None:
    record = open_index(pool).record(0)
    assert nearest(pool, "", 1, prompt=record.prompt)[0].record_id == record.record_id
    assert nearest(pool, record.prompt, 1)[0].record_id == record.record_id, "either side of a record"
    assert nearest(pool, record.prompt, 1)[0].passages[0].part == "prompt"
    assert nearest(pool, "  ", 3, prompt="") == []
    assert len(nearest(pool, "anything at all", 500)) == 180


def test_of_a_pair_the_chosen_answer_counts(tmp_path: Path, pairs: Path) -> None:
    run = make_run(pairs, tmp_path / "runs", "method.objective=dpo")
    (first,) = nearest(run, "No, it is not.", 1, prompt="Is 7 even?")
    assert first.prompt == "Is 7 even?"
    assert first.answer == "No, it is not."
    assert all("do not know" not in near.answer for near in nearest(run, "I do not know that.", 20))


def test_the_index_is_made_once_and_goes_on_where_it_was_stopped(tmp_path: Path, samples: Path) -> None:
    run = make_run(write_pool(tmp_path / "pool.jsonl", samples), tmp_path / "runs")
    told: list[tuple[int, int]] = []
    with pytest.raises(Stopped):
        open_index(run, lambda done, total: told.append((done, total)), lambda: len(told) > 2)
    assert made_index(run) is None
    done = told[-1][0]
    assert 0 < done < 180
    with (run / "nearest" / "answers").open("ab") as stream:
        stream.write(b"torn by a kill")
    again: list[tuple[int, int]] = []
    index = open_index(run, lambda done, total: again.append((done, total)))
    assert again[0] == (done, 180), "what is done is not done again"
    assert again[-1] == (180, 180)
    assert (run / "nearest" / "texts.jsonl").stat().st_mode & 0o777 == 0o600
    vectors = PlainMultilingual().encode([index.record(at).answer for at in (0, 100, 179)])
    cosines = [index.cosines("answers", vector)[at] for vector, at in zip(vectors, (0, 100, 179), strict=True)]
    assert min(cosines) > 0.999
    open_index(run, lambda *_: pytest.fail("made again"))
    (tmp_path / "pool.jsonl").unlink()
    assert nearest(run, index.record(3).answer, 1)[0].record_id == index.record(3).record_id, "its texts are its own"


def test_reading_in_blocks_changes_nothing(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = open_index(pool).record(7).answer
    before = nearest(pool, text, 20)
    monkeypatch.setattr("training.compare.back.index._ROWS", 7)
    monkeypatch.setattr("training.compare.back.index._HASHES", 11)
    assert [near.record_id for near in nearest(pool, text, 20)] == [near.record_id for near in before]


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    """200,000 records: the vectors would be 800 MB as float32."""
    folder = tmp_path / "nearest"
    folder.mkdir()
    records, grams = 200_000, 40
    ends = np.arange(1, records + 1, dtype=np.int64)
    line = b'{"record_id": "a:1", "prompt": "p", "answer": "a"}\n'
    (folder / "texts.jsonl").write_bytes(line)
    (ends * 0 + len(line)).tofile(folder / "texts.ends")
    (ends * grams).tofile(folder / "grams.ends")
    for name in ("prompts", "answers"):
        with (folder / name).open("wb") as stream:
            stream.truncate(records * 1024)  # sparse
    with (folder / "grams").open("wb") as stream:
        stream.truncate(records * grams * 4)
    code = f"""
import numpy as np, pathlib
from training.compare.back.index import RecordIndex
index = RecordIndex(pathlib.Path({str(folder)!r}))
def anonymous():
    return int(next(l for l in open("/proc/self/status") if l.startswith("RssAnon")).split()[1])
before = anonymous()
assert len(index.cosines("answers", np.ones(512, dtype=np.float32))) == {records}
records, places = index.holders(np.array([5, 1 << 30], dtype=np.uint32))
assert len(records) == 0
peak = anonymous() - before
print(peak)
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(out.stdout) < 100_000, "kB"
    assert len(RecordIndex(folder)) == records


def test_nothing_here_imports_torch(pool: Path) -> None:
    record = open_index(pool).record(5)
    code = f"""
import pathlib, sys
import training.compare.back.nearest as nearest, training.compare.back.story as story
run = pathlib.Path({str(pool)!r})
import shutil
shutil.rmtree(run / "nearest")
(found,) = nearest.nearest(run, {record.answer!r}, 1, prompt={record.prompt!r})
assert found.record_id == {record.record_id!r}, found
told = story.story_of(run, found.record_id)
assert told.curation is None, told
print(*sorted(name for name in sys.modules if name in ("torch", "transformers", "peft", "textual", "faiss")))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert out.stdout.strip() == ""


def test_vectors_without_torch_are_those_of_torch() -> None:
    texts = [
        "How do I turn a PDF into a Word document?",
        "守塔人每天傍晚都会给时钟上发条。",
        "",
        "😀",
        "word " * 3000,
        "a",
    ]
    plain, torch = PlainMultilingual(), Multilingual()
    assert plain.digest() == torch.digest()
    alone = plain.encode(texts)
    assert np.einsum("ij,ij->i", alone, Multilingual(bf16=False).encode(texts)).min() > 0.99999
    assert np.einsum("ij,ij->i", alone, torch.encode(texts)).min() > 0.9997  # in bfloat16 where the processor has it
    assert plain.encode([]).shape == (0, 512)


def test_a_run_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"kind": "curate"}')
    with pytest.raises(InputError, match="no training run"):
        nearest(tmp_path, "text")
    with pytest.raises(InputError, match="no run folder"):
        nearest(tmp_path / "nowhere", "text")
