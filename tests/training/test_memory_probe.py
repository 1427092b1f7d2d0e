"""The probe trains for real, in a process of its own; the estimate is close to what it measures."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curation.errors import StudioError
from curation.weights.find import find_model
from training.device import choose
from training.memory.estimate import estimate
from training.memory.of_session import shapes
from training.memory.probe import _answer, longest_batch, probe
from training.memory.simulate import Shape
from training.recipe import TrainRecipe
from training.tokenize import Encoded, EncodedPair


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path_factory.getbasetemp() / "studio-cache"))


def encoded(*lengths: int) -> list[Encoded]:
    return [Encoded(f"r{length}", [7] * length, [7] * length) for length in lengths]


def test_the_longest_records_make_the_batch() -> None:
    rows = longest_batch(encoded(3, 9, 5), 2)
    assert [len(row["input_ids"]) for row in rows] == [9, 5]
    assert [len(row["input_ids"]) for row in longest_batch(encoded(3), 2)] == [3, 3]
    assert longest_batch([], 2) == []
    pairs = [EncodedPair("a", [1], [2, 3], [4]), EncodedPair("b", [1] * 5, [2], [4])]
    assert longest_batch(pairs, 1)[0]["prompt_ids"] == [1] * 5


def session_of(recipe: TrainRecipe, train: list[Any], validation: list[Any]) -> Any:
    return SimpleNamespace(recipe=recipe, train=train, validation=validation, retention=encoded(4))


def test_a_sessions_shapes_are_those_of_its_longest_records() -> None:
    recipe = TrainRecipe.model_validate({"schedule": {"batch_size": 2}, "evaluation": {"batch_size": 3}})
    assert shapes(session_of(recipe, encoded(3, 9, 5), encoded(6, 6))) == (Shape(2, 9, False), Shape(3, 6, False))
    assert shapes(session_of(recipe, encoded(5, 5), [])) == (Shape(2, 5), Shape(1, 4))
    packed = recipe.with_settings(["data.packing=true", "data.max_length=64"])
    assert shapes(session_of(packed, encoded(5), [])) == (Shape(1, 128), Shape(1, 4))
    dpo = TrainRecipe.model_validate({"method": {"objective": "dpo"}, "optimizer": {"learning_rate": 1e-6}})
    pairs = [EncodedPair("a", [1], [2, 3], [4, 5, 6])]
    assert shapes(session_of(dpo, pairs, [])) == (Shape(1, 4), None)


@pytest.mark.slow
def test_the_estimate_is_within_a_tenth_of_what_the_probe_measures(tiny: Path) -> None:
    found = find_model(str(tiny))
    recipe = TrainRecipe.model_validate({"model": {"name": str(tiny)}, "schedule": {"batch_size": 4}})
    rows = longest_batch(encoded(512), 4)
    measured = probe(recipe, found, rows, rows)
    assert measured.fits
    assert measured.gpu is None
    assert measured.phases["imported"] < measured.phases["loaded"] < measured.peak
    guessed = estimate(recipe, found, choose(recipe), Shape(4, 512), Shape(4, 512))
    assert guessed.total == pytest.approx(measured.peak, rel=0.10)


@pytest.mark.slow
def test_what_training_refuses_the_probe_refuses(tiny: Path, tmp_path: Path) -> None:
    found = find_model(str(tiny))
    recipe = TrainRecipe.model_validate({"model": {"name": str(tiny)}, "lora": {"targets": ["no_such_layer"]}})
    with pytest.raises(StudioError):
        probe(recipe, found, longest_batch(encoded(8), 1))


@pytest.mark.parametrize(
    ("code", "out", "err", "fits"),
    [
        (-9, "", "", False),
        (1, "", "RuntimeError: [enforce fail] can't allocate memory: you tried to allocate 9 bytes", False),
        (0, '{"out_of_memory": true}', "", False),
        (0, 'noise\n{"peak": 7, "loaded": 3}', "", True),
    ],
)
def test_a_process_without_memory_is_an_answer(code: int, out: str, err: str, fits: bool) -> None:
    found = _answer(subprocess.CompletedProcess([], code, out, err))
    assert found.fits == fits
    assert found.peak == (7 if fits else 0)


def test_other_failures_are_told() -> None:
    with pytest.raises(StudioError, match="broken") as caught:
        _answer(subprocess.CompletedProcess([], 1, "", "ValueError: broken"))
    assert caught.value.hint
