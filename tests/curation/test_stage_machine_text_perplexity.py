"""The perplexity of answers, by a tiny language model that is built and trained on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from batches import batch_of
from reading_models import DULL, WILD, WORDS, clueless_model, trained_model

from curation.errors import StudioError
from curation.scoring.perplexity import Reader
from curation.stage import StageContext
from curation.stages.machine_text import MachineText


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    return trained_model(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def clueless(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clueless_model(tmp_path_factory.mktemp("clueless"))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))


def perplexities(model: str, prompts: list[str], answers: list[str], tokens: int = 512) -> list[float]:
    """As the stage measures them, in the arithmetic it takes here."""
    return [one.perplexity for one in Reader(model, tokens).read(list(zip(prompts, answers, strict=True)))]


def found(model: str, answers: list[str], **settings: Any) -> dict[str, tuple[str, float, float]]:
    batch = batch_of([[("user", "at dawn"), ("assistant", answer)] for answer in answers])
    stage = MachineText(perplexity_model=model, rules=["low_perplexity", "high_perplexity"], **settings)
    rows = stage.decide(batch, StageContext()).rows
    return {row["record_id"]: (row["reason"], row["score"], row["threshold"]) for row in rows.iter_rows(named=True)}


def test_an_answer_of_a_few_words_is_not_measured(trained: str, clueless: str) -> None:
    assert perplexities(clueless, ["", ""], [WILD, "the boat"]) == pytest.approx([len(WORDS)] * 2, rel=0.01)
    assert set(found(clueless, [WILD, "the boat"], perplexity_above=10)) == {"a:1"}
    assert set(found(trained, [DULL, "the boat"], perplexity_below=20)) == {"a:1"}


def test_below_and_above(trained: str) -> None:
    dull, wild = perplexities(trained, ["at dawn\n\n"] * 2, [DULL, WILD])
    assert dull < 2 < 10 < wild
    low = found(trained, [DULL, WILD], perplexity_below=2)
    assert low == {"a:1": ("low_perplexity", pytest.approx(dull), 2)}
    assert found(trained, [DULL, WILD], perplexity_above=10) == {"a:2": ("high_perplexity", pytest.approx(wild), 10)}
    assert set(found(trained, [DULL, WILD], perplexity_below=2, perplexity_above=10)) == {"a:1", "a:2"}
    assert found(trained, [DULL, WILD], perplexity_below=1.0001) == {}


def test_how_many_tokens_are_read(trained: str) -> None:
    late = DULL + WILD
    assert found(trained, [late], perplexity_below=2, perplexity_tokens=40)["a:1"][0] == "low_perplexity"
    assert found(trained, [late], perplexity_below=2, perplexity_tokens=80) == {}


def test_dropped_answers_are_not_measured_and_actions_apply(trained: str) -> None:
    batch = batch_of([[("user", "at dawn"), ("assistant", DULL)]])
    stage = MachineText(
        perplexity_model=trained, perplexity_below=2, actions={"low_perplexity": "drop"}, loop_repeats=20
    )
    assert stage.decide(batch, StageContext()).rows.select("action", "reason").rows() == [("drop", "low_perplexity")]
    looping = MachineText(perplexity_model=trained, perplexity_below=2).decide(batch, StageContext()).rows
    assert looping["reason"].to_list() == ["looping"]
    assert "low_perplexity" not in looping["values"][0]


def test_another_model_is_another_asset(trained: str, clueless: str) -> None:
    assert "perplexity_model" not in MachineText().assets()
    one, other = (MachineText(perplexity_model=each, perplexity_below=2).assets() for each in (trained, clueless))
    assert one["perplexity_model"] != other["perplexity_model"]


def test_a_model_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="There is no folder"):
        perplexities(str(tmp_path / "nothing"), [""], [DULL])
    with pytest.raises(StudioError, match=r"no config\.json"):
        perplexities(str(tmp_path), [""], [DULL])


def test_without_a_model_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, polars as pl; from curation.stages.machine_text import MachineText as M\n"
        "assert not {'torch', 'transformers', 'ruamel'} & set(sys.modules), sys.modules.keys()\n"
        "from curation.machine.judge import judge\n"
        "judge(pl.Series(['I cannot help with that.']), pl.Series(['x']), M().rules, (), 6, 60)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
