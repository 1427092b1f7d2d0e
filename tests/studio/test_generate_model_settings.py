"""Every parameter of `model` changes what a generation does: seen from the endpoint, or from the model's threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

from generate_village import answer, write_village
from llm_server import FaultyServer

from curation.errors import StudioError
from curation.llm.model import never
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import ModelSettings
from studio.runs.folder import RunFolder
from studio.runs.generate import run_generate
from studio.runs.generate_begin import make_generate
from studio.runs.spec import read_spec

os.environ.setdefault("OMP_NUM_THREADS", "1")
COMMON = ("source.lines=true", "chunks.minimum=0", "ask.per_chunk=2", "ask.per_call=2", "gates.semantic=0", "model.attempts=1",
          "model.timeout=10")  # fmt: skip


class Runs:
    """Runs about the village, each with other settings."""

    def __init__(self, base: Path, people: int = 1) -> None:
        self.base = base
        self.inputs = [str(write_village(base / "village.txt", people))]
        self._made = 0

    def run(self, name: str, *settings: str) -> dict[str, Any]:
        """One run, begun and worked as the command does it."""
        self._made += 1
        recipe = GenerateRecipe.load("documents").with_settings([*COMMON, f"model.name={name}", *settings])
        folder, lock = make_generate(
            self.inputs, recipe, self.base / f"runs{self._made}"
        )  # none finds calls of another
        lock.close()
        return run_generate(read_spec(folder), RunFolder(folder.path), lambda event: None, never)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer, models=("one", "two")) as running:
        yield running


def test_the_name_says_who_is_asked(runs: Runs, server: FaultyServer) -> None:
    for name in ("one", "two"):
        summary = runs.run(f"{server.url}#{name}")
        assert server.requests[-1].body["model"] == name and name in summary["model"]


@pytest.mark.parametrize(
    ("key", "values", "field"),
    [
        ("temperature", (0.0, 1.5), "temperature"),
        ("top_p", (0.5, 1.0), "top_p"),
        ("max_tokens", (64, 2048), "max_tokens"),
    ],
)
def test_how_it_samples(runs: Runs, server: FaultyServer, key: str, values: tuple[float, ...], field: str) -> None:
    for value in values:
        runs.run(server.address, f"model.{key}={value}")
        assert server.requests[-1].body[field] == value


def test_whether_a_schema_is_asked_for(runs: Runs, server: FaultyServer) -> None:
    for value, asked in (("auto", True), ("off", False)):
        runs.run(server.address, f"model.structured={value}")
        assert ("response_format" in server.requests[-1].body) is asked


def test_the_key_is_sent_and_a_missing_one_said(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY_OF_MINE", "a-key-that-nobody-knows")
    with FaultyServer(answer, key="a-key-that-nobody-knows") as server:
        assert runs.run(server.address, "model.key_env=A_KEY_OF_MINE")["counts"]["accepted"] == 2
        without = runs.run(server.address)
        assert without["counts"]["accepted"] == 0 and without["reasons"] == {"no_key": 2}
        with pytest.raises(StudioError, match="NO_SUCH_KEY_AT_ALL"):
            runs.run(server.address, "model.key_env=NO_SUCH_KEY_AT_ALL")


def test_how_often_it_is_asked(runs: Runs) -> None:
    for attempts, accepted in ((1, 0), (2, 2)):
        with FaultyServer(answer, faults=["500"]) as server:
            assert runs.run(server.address, f"model.attempts={attempts}")["counts"]["accepted"] == accepted
            assert len(server.requests) == attempts


def test_how_long_it_may_take(runs: Runs) -> None:
    with FaultyServer(answer, delay=0.6) as server:
        assert runs.run(server.address, "model.timeout=0.2")["reasons"] == {"timeout": 2}
        assert runs.run(server.address, "model.timeout=20")["counts"]["accepted"] == 2


def test_how_many_are_asked_at_once(tmp_path: Path) -> None:
    runs = Runs(tmp_path, people=12)
    for most in (1, 3):
        with FaultyServer(answer, delay=0.15) as server:
            runs.run(server.address, f"model.concurrency={most}")
            assert server.most_at_once == most


def test_threads_of_a_model_in_this_process(runs: Runs, tmp_path: Path) -> None:
    import torch
    from compare_runs import make_tiny

    tiny = make_tiny(tmp_path / "tiny")
    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            summary = runs.run(str(tiny), f"model.threads={threads}", "model.max_tokens=16", "ask.per_chunk=1")
            assert torch.get_num_threads() == threads
            assert summary["reasons"] == {"too_large": 1} and not summary["leaves"]  # it reads 1,024 bytes and no more
    finally:
        torch.set_num_threads(before)


def test_none_was_forgotten() -> None:
    """A parameter that is added has to be tested here."""
    source = Path(__file__).read_text()
    for name in set(ModelSettings.model_fields) - {"name"}:
        assert f"model.{name}=" in source or f'("{name}", (' in source, name
