"""A real curation of the sample data and a tiny training on what it wrote, in one folder of runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # tests of other folders load this file by its place

import warm_start

from curation.recipe import Recipe
from studio.runs.begin import make, reopen
from studio.runs.execute import execute
from studio.runs.folder import RunFolder

SETTINGS = (
    "schedule.max_steps=2",
    "schedule.batch_size=4",
    "lora.r=4",
    "data.validation=0.1",
    "evaluation.samples=0",
    "evaluation.retention=false",
    "checkpoints.every=1",
    "checkpoints.keep=1",
    "device.kind=cpu",
    "device.threads=1",
)


@dataclass(frozen=True)
class Home:
    """A folder with `data/` and `runs/`: a curation, and a training on its dataset."""

    folder: Path
    curation: Path
    training: Path

    def copy(self, folder: Path, *, moved: bool = False) -> Home:
        """The same elsewhere, as if it had been made there. moved: its run.json files name places that are gone."""
        shutil.copytree(self.folder, folder, symlinks=True)
        for path in (*folder.glob("runs/*/run.json"), *folder.glob("runs/*/summary.json")):
            text = path.read_text().replace(f"{self.folder}/", "/gone/" if moved else f"{folder}/")
            path.write_text(text)
        return Home(folder, folder / "runs" / self.curation.name, folder / "runs" / self.training.name)


def make_home(folder: Path, samples: Path, model: Path) -> Home:
    """Curate copies of the samples and train two steps on the result."""
    (folder / "data").mkdir(parents=True)
    inputs = [shutil.copy(samples / name, folder / "data") for name in ("support_desk.jsonl", "qa_zh.csv")]
    curation = curate([str(path) for path in inputs], folder / "runs")
    words = ["train", "--data", str(curation), "--model", str(model), "--runs-dir", str(folder / "runs"), "--json"]
    studio(*words, *(part for setting in SETTINGS for part in ("--set", setting)), "--allow", "duplicates")
    (training,) = (run for run in (folder / "runs").iterdir() if "-train-" in run.name)
    return Home(folder, curation, training)


def curate(inputs: list[str], runs: Path, recipe: str = "sft") -> Path:
    """The folder of a finished curation."""
    folder, lock = make(inputs, Recipe.load(recipe), runs, options={"workers": 1, "report": False})
    with lock:
        result = execute(folder, lock)
    assert result.exit_code == 0, result.message
    return folder.path


def again(curation: Path) -> Mapping[str, Any]:
    """Do a curation again, with what people decided since; its summary. Fails where nothing was to do."""
    folder = RunFolder(curation)
    lock = reopen(folder)
    assert lock is not None
    with lock:
        result = execute(folder, lock)
    assert result.exit_code == 0, result.message
    return result.summary


def studio(*words: str, code: int = 0, text: str = "") -> str:
    """`studio WORDS` in a process of its own: what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    done = warm_start.run(words, env=environment, text=text)
    assert done.returncode == code, done.stderr[-3000:] + done.stdout[-2000:]
    return done.stdout


def records_of(dataset: Path) -> list[dict[str, Any]]:
    """The records of a JSON lines file."""
    return [json.loads(line) for line in dataset.read_text(encoding="utf-8").splitlines()]
