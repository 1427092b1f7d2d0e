"""IFD: two readings of an answer by a model that really reads, exact whatever stands beside it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from batches import batch_of
from reading_models import DULL, WILD, WORDS, clueless_model, trained_model

from curation.errors import StudioError
from curation.preview import is_dear
from curation.scoring import perplexity
from curation.scoring.packed import Network
from curation.scoring.perplexity import Reader, model_digest
from curation.stage import StageContext
from curation.stages.ifd import Ifd

BACKWARDS = " ".join(reversed(DULL.split()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    return trained_model(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def clueless(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clueless_model(tmp_path_factory.mktemp("clueless"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def told(model: str, chats: list[Any], **settings: Any) -> list[dict[str, Any]]:
    """Each record's annotation: reason, score, and its values."""
    rows = Ifd(model=model, **settings).decide(batch_of(chats), StageContext()).rows
    assert rows["action"].unique().to_list() == ["annotate"]
    assert rows["record_id"].to_list() == [f"a:{number}" for number in range(1, len(chats) + 1)]
    return [
        {"reason": row["reason"], "score": row["score"], **json.loads(row["values"])}
        for row in rows.iter_rows(named=True)
    ]


def asked(question: str, answer: str) -> list[tuple[str, str]]:
    return [("user", question), ("assistant", answer)]


def test_the_score_is_the_ratio_of_what_transformers_computes(trained: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network, tokenizer = AutoModelForCausalLM.from_pretrained(trained), AutoTokenizer.from_pretrained(trained)

    def by_hand(question: str) -> float:
        before = [2, *tokenizer(question, add_special_tokens=False)["input_ids"]]
        said = tokenizer(WILD, add_special_tokens=False)["input_ids"]
        numbers = torch.tensor([[*before, *said]])
        labels = numbers.clone()
        labels[:, : len(before)] = -100
        with torch.inference_mode():
            return math.exp(float(network(input_ids=numbers, labels=labels).loss))

    (found,) = told(trained, [asked("at dawn", WILD)], precision="float32")
    assert found["perplexity"] == pytest.approx(by_hand("at dawn"), rel=1e-4)
    assert found["perplexity_alone"] == pytest.approx(by_hand(""), rel=1e-4)
    assert found["score"] == found["ifd"] == pytest.approx(by_hand("at dawn") / by_hand(""), abs=1e-4)
    assert found["tokens"] == len(WILD.split())


def test_a_question_that_helps_and_one_that_does_not(trained: str) -> None:
    # The model knows DULL by heart: its middle is likelier behind its beginning than out of nowhere.
    help_, harm = told(trained, [asked("the boat comes", "and goes " + DULL), asked(WILD, DULL)])
    assert (help_["reason"], harm["reason"]) == ("measured", "no_help")
    assert help_["score"] < 1 <= harm["score"]


def test_what_cannot_be_measured_says_so(trained: str) -> None:
    short, text, nothing = told(trained, [asked("at dawn", "the boat"), DULL, [("user", "at dawn")]])
    assert short == {"reason": "not_measured", "score": None, "tokens": 2}
    assert text["reason"] == "no_prompt" and text["score"] is None
    assert text["perplexity_alone"] > 1 and "perplexity" not in text
    assert nothing == {"reason": "not_measured", "score": None, "tokens": 0}


def test_every_answer_of_a_record_counts_and_rejected_ones_do_not(trained: str) -> None:
    two = [("user", "at dawn"), ("assistant", WILD), ("user", "sea"), ("assistant", DULL)]
    chosen = [("user", "at dawn"), ("chosen", WILD), ("rejected", DULL)]
    both, one, kept = told(trained, [two, asked("at dawn", WILD), chosen], precision="float32")
    (alone,) = told(trained, [asked(f"at dawn {WILD} sea", DULL)], precision="float32")
    assert both["tokens"] == one["tokens"] + alone["tokens"]
    pooled = one["tokens"] * math.log(one["perplexity"]) + alone["tokens"] * math.log(alone["perplexity"])
    assert math.log(both["perplexity"]) == pytest.approx(pooled / both["tokens"], rel=1e-3)
    assert kept == one


def test_tokens_bound_what_is_read(trained: str) -> None:
    chats = [asked("at dawn", DULL + WILD)]
    (little,), (much,) = told(trained, chats, tokens=30), told(trained, chats, tokens=80)
    assert (little["tokens"], much["tokens"]) == (30, 80)
    assert much["perplexity"] > 2 * little["perplexity"]
    # Of what was said before, the end is read: what stands further away than `tokens` changes nothing.
    far, near = [asked(f"{word} " + WILD, DULL) for word in ("fish", "boat")]
    assert told(trained, [far], tokens=30)[0]["perplexity"] == told(trained, [near], tokens=30)[0]["perplexity"]
    assert told(trained, [far], tokens=128)[0]["perplexity"] != told(trained, [near], tokens=128)[0]["perplexity"]


def test_shortest(trained: str) -> None:
    chats = [asked("at dawn", "old new day red fish")]
    assert told(trained, chats, shortest=5)[0]["reason"] in ("measured", "no_help")
    assert told(trained, chats, shortest=6)[0]["reason"] == "not_measured"


def test_model(trained: str, clueless: str) -> None:
    chats = [asked("at dawn", WILD)]
    assert told(clueless, chats)[0]["perplexity"] == pytest.approx(len(WORDS), rel=0.01)
    assert told(clueless, chats)[0]["score"] == pytest.approx(1, abs=0.01)
    assert told(trained, chats)[0]["score"] != pytest.approx(1, abs=0.01)
    assert Ifd(model=trained).assets() != Ifd(model=clueless).assets()


def test_precision(trained: str) -> None:
    chats = [asked("at dawn", WILD), asked("sea", DULL)]
    exact, rounded = told(trained, chats, precision="float32"), told(trained, chats, precision="bfloat16")
    assert exact != rounded
    for one, other in zip(exact, rounded, strict=True):
        assert one["perplexity"] == pytest.approx(other["perplexity"], rel=0.05)
    digests = {each: Reader(trained, 128, each).digest() for each in ("auto", "float32", "bfloat16")}
    assert digests["float32"] != digests["bfloat16"]
    assert digests["auto"] == digests["bfloat16" if perplexity.native_bfloat16() else "float32"]


def test_neither_company_nor_order_nor_threads_change_a_bit(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.scoring.cache import ScoreCache

    words = DULL.split() + WILD.split()
    texts = [("at dawn\n\n" if n % 2 else "", " ".join(words[n % 7 : 9 + 2 * n])) for n in range(24)]
    monkeypatch.setattr(ScoreCache, "get", lambda *_: {})  # nothing is found again: all of it is computed each time
    reader = Reader(trained, 128, "bfloat16")
    together = reader.read(texts)
    assert [reader.read([text])[0] for text in texts] == together
    assert list(reversed(reader.read(texts[::-1]))) == together
    tokenizer, network, _ = perplexity._loaded(trained, "bfloat16")
    assert network.together or not perplexity.native_bfloat16()
    for threads in (1, 3):
        monkeypatch.setattr(perplexity, "_loaded", lambda *_, **__: (tokenizer, network, threads))  # noqa: B023
        assert reader.read(texts) == together


def test_a_second_run_computes_nothing(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = [asked("at dawn", WILD), asked("sea", DULL)]
    first = told(trained, chats)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(perplexity, "_loaded", never)
    assert told(trained, chats) == first
    with pytest.raises(AssertionError):
        told(trained, [*chats, asked("dawn", WILD)])  # another text
    with pytest.raises(AssertionError):
        told(trained, chats, tokens=20)
    for file in Path(trained).glob("*.json"):  # the same weights read with another tokenizer are another model
        if file.name == "tokenizer_config.json":
            before = file.read_bytes()
            file.write_bytes(before + b" ")
            try:
                with pytest.raises(AssertionError):
                    told(trained, chats)
            finally:
                file.write_bytes(before)


def test_what_was_read_before_it_was_broken_off_is_kept(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [("", " ".join([WORDS[3 + n % 16]] * (8 + n))) for n in range(60)]
    whole, read = Network.losses, []

    def breaking(network: Network, rows: Any) -> list[float]:
        if len(read) >= 40:
            raise KeyboardInterrupt
        read.extend(rows)
        return whole(network, rows)

    monkeypatch.setattr(perplexity, "_PACK", 70)
    monkeypatch.setattr(Network, "losses", breaking)
    with pytest.raises(KeyboardInterrupt):
        Reader(trained, 128).read(texts)
    assert 40 <= len(read) <= 50
    done, read[:] = len(read), []
    monkeypatch.setattr(Network, "losses", lambda network, rows: read.extend(rows) or whole(network, rows))
    assert len(Reader(trained, 128).read(texts)) == 60
    assert len(read) <= 60 - done + 20  # a pack a thread may have been read and not told


def test_another_model_misses(trained: str, clueless: str) -> None:
    chats = [asked("at dawn", WILD)]
    first, other = told(trained, chats), told(clueless, chats)
    assert first != other
    assert told(trained, chats) == first


def test_a_model_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="There is no folder"):
        Ifd(model=str(tmp_path / "nothing")).assets()
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(StudioError, match="no weights"):
        model_digest(str(tmp_path))


def test_its_cost_is_known_before_and_nothing_once_it_was_paid(trained: str) -> None:
    batch = batch_of([asked("at dawn", WILD), asked("sea", DULL)])
    stage = Ifd(model=trained)
    stated = stage.cost(batch)
    assert stated is not None and stated.seconds > 0
    assert "in the cache" not in stated.note and "measured here" not in stated.note
    stage.decide(batch, StageContext())
    paid = stage.cost(batch)
    assert paid is not None and paid.seconds == 0 and "measured here" in paid.note and "100% of" in paid.note
    more = stage.cost(batch_of([asked("at dawn", WILD), asked("dawn", DULL)]))
    assert more is not None and 0 < more.seconds < stated.seconds


def test_it_is_dear_and_its_class_loads_nothing() -> None:
    assert is_dear(Ifd())
    code = (
        "import sys, curation.stages.ifd as i; i.Ifd()\n"
        "assert not {'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_ledger_is_the_same_whatever_the_number_of_workers(
    trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curation import Recipe, curate

    words = DULL.split() + WILD.split()
    for name in ("one", "two"):
        lines = [
            json.dumps({"question": words[n % 9], "answer": " ".join(words[n % 11 : 9 + 2 * n])}) for n in range(20)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines[:: -1 if name == "two" else 1]))
    recipe = Recipe.from_text(f"name: r\nstages:\n  - use: ifd\n    model: {trained}\n")
    ledgers = []
    for workers in (1, 2):
        monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / f"cache {workers}"))
        sources = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
        curate(sources, recipe, run_dir=tmp_path / f"run {workers}", workers=workers, report=False)
        ledgers.append(
            [part.read_bytes() for part in sorted((tmp_path / f"run {workers}" / "ledger").glob("*.parquet"))]
        )
    assert ledgers[0] == ledgers[1]
