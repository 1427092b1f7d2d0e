"""Influence: the record that alone taught a phrase is in front, whatever only reads like it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lineage_runs import studio

from curation.errors import Stopped
from curation.events import Event, Progress
from training.compare.back.influence import SKETCH, _Kept, influential
from training.compare.back.nearest import nearest
from training.compare.model import Prompt
from training.compare.sections import SideSettings
from training.compare.sides import Sides, open_sides
from training.examples import Message

PHRASE = "Zumbrel wox, tamarind quill!"
ASKED = Prompt("asked", (Message("user", "Say the words of the gate."),))
SETTINGS = (
    "schedule.max_steps=60",
    "schedule.batch_size=8",
    "schedule.accumulation=1",
    "optimizer.learning_rate=0.01",
    "lora.r=8",
    "data.validation=0",
    "evaluation.samples=0",
    "evaluation.retention=false",
    "device.kind=cpu",
    "device.threads=1",
)


@pytest.fixture(scope="module")
def run(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training on forty questions, one record that teaches the phrase, and one that only asks about it."""
    folder = tmp_path_factory.mktemp("influence")
    planted = [
        {"question": "What opens the tower?", "answer": PHRASE},
        {"question": f"Say the words of the gate. {PHRASE} What colour is box 41?", "answer": "Box 41 is blue."},
    ]
    text = questions.read_text("utf-8") + "".join(json.dumps(record) + "\n" for record in planted)
    (folder / "data.jsonl").write_text(text, encoding="utf-8")
    words = ["train", "--data", str(folder / "data.jsonl"), "--model", str(tiny), "--runs-dir", str(folder / "runs")]
    studio(*words, *(part for setting in SETTINGS for part in ("--set", setting)), "--allow", "learning_rate")
    (found,) = (folder / "runs").iterdir()
    return found


@pytest.fixture(scope="module")
def sides(run: Path) -> Iterator[Sides]:
    with open_sides(SideSettings(run=str(run)), run.parent, on_change=lambda _: None) as opened:
        yield opened


def ask(sides: Sides, run: Path, answer: str, count: int = 42, among: int = 0, **more: object) -> list[str]:
    heard: list[Event] = []
    found = influential(sides, run, ASKED, answer, count, lambda: False, heard.append, among=among, **more)  # type: ignore[arg-type]
    last = heard[-1]
    assert isinstance(last, Progress)
    assert last.done == last.total
    assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)
    return [one.record_id for one in found]


def test_the_record_that_taught_a_phrase_is_in_front_of_the_one_that_reads_like_it(run: Path, sides: Sides) -> None:
    like = nearest(run, PHRASE, 2, prompt=ASKED.messages[0].content)
    found = ask(sides, run, PHRASE)
    assert len(found) == 42
    assert found[0] == "data.jsonl:41", "its answer is the phrase"
    assert {near.record_id for near in like} == {"data.jsonl:41", "data.jsonl:42"}, "by their texts both are near"
    assert found.index("data.jsonl:42") > 5, "a prompt is read and not learned"


def test_an_answer_of_the_others_is_traced_to_one_of_its_own_kind(run: Path, sides: Sides) -> None:
    found = ask(sides, run, "Box 5 is blue. 它是blue。", count=5)
    colours = [int(record_id.rpartition(":")[2]) for record_id in found]
    assert sum((line - 1) % 4 == 1 for line in colours) >= 4, found  # every fourth box is blue


def test_only_the_nearest_are_looked_at_and_what_was_done_is_kept(run: Path, sides: Sides) -> None:
    assert len(ask(sides, run, PHRASE, among=3)) == 3
    kept = next((run / "influence").glob("*.sketches"))
    ask(sides, run, PHRASE)
    size = kept.stat().st_size
    assert size == 42 * 2 * SKETCH
    ask(sides, run, "Something else.")
    assert kept.stat().st_size == size, "the gradients of records are not taken again"


def test_the_other_side_has_gradients_of_its_own(run: Path, sides: Sides) -> None:
    before = ask(sides, run, PHRASE, count=42)
    ask(sides, run, PHRASE, count=42, side="a")
    assert len(list((run / "influence").glob("*.sketches"))) == 2
    assert ask(sides, run, PHRASE, count=42) == before, "the model is given back as it was"


def test_it_stops_when_asked_and_keeps_what_is_done(run: Path, sides: Sides) -> None:
    for kept in (run / "influence").glob("*.sketches"):
        kept.unlink()
    calls = iter(range(1000))
    with pytest.raises(Stopped):
        influential(sides, run, ASKED, PHRASE, 5, lambda: next(calls) > 4, lambda _: None, among=0)
    assert 0 < next((run / "influence").glob("*.sketches")).stat().st_size < 42 * 2 * SKETCH
    assert ask(sides, run, PHRASE)[0] == "data.jsonl:41"


def test_sketches_survive_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    kept = _Kept(tmp_path / "some")
    sketch = np.zeros(SKETCH, dtype=np.float32)
    sketch[3] = 1
    kept.add("a:1", sketch)
    kept.add("文.jsonl:2", sketch)
    with (tmp_path / "some.ids").open("a") as names, (tmp_path / "some.sketches").open("ab") as sketches:
        names.write('"a:3')
        sketches.write(b"torn")
    again = _Kept(tmp_path / "some")
    assert "文.jsonl:2" in again
    assert "a:3" not in again
    again.add("a:4", 2 * sketch)
    assert again["a:4"][3] == 2
    assert _Kept(tmp_path / "some")["a:1"][3] == 1
