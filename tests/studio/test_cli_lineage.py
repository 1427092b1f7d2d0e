"""`studio lineage` over a real curation, a training on it, a comparison, an export and an experiment."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from train_drawn import make_tiny_model

from curation.llm.ledger import CallLedger
from curation.llm.model import ChatReply
from curation.recipe import Recipe
from studio.cli.main import main
from studio.runs.experiment_begin import experiment_recipe, make_experiment
from studio.runs.export import make_export
from studio.runs.lineage import Branch, Lineage, lineage_of
from studio.runs.lineage_things import Thing
from training.compare.back.records import trained_ids
from training.compare.model import ANSWERS, CALLS, PROMPTS, Answer, Prompt, read
from training.export.place import made_whole
from training.export.settings import ExportSettings
from training.recipe import TrainRecipe


def _load_shared() -> Any:
    """The runs that tests of training make as well."""
    place = Path(__file__).parents[1] / "training" / "lineage_runs.py"
    spec = importlib.util.spec_from_file_location("lineage_runs", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lineage_runs"] = module
    spec.loader.exec_module(module)
    return module


runs_made = _load_shared()


@pytest.fixture(scope="module")
def made(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Everything that can be made of the sample data here."""
    folder = tmp_path_factory.mktemp("lineage")
    home = runs_made.make_home(folder / "home", samples, make_tiny_model(folder / "tiny"))
    runs, training = str(home.folder / "runs"), str(home.training)
    quick = ["prompts.limit=2", "sampling.max_tokens=8", "losses.retention=false", "losses.records=2"]
    runs_made.studio(
        "compare", training, "--runs-dir", runs, *(part for setting in quick for part in ("--set", setting))
    )
    runs_made.studio("export", training, "--runs-dir", runs, "--to", "adapter", "--prompts", "1", "--tokens", "2")
    return home


@pytest.fixture
def home(made: Any, tmp_path: Path) -> Any:
    return made.copy(tmp_path / "home")


def run_of(home: Any, kind: str) -> Path:
    (found,) = (path for path in (home.folder / "runs").iterdir() if f"-{kind}-" in path.name)
    return found


def lineage(home: Any, wanted: Path | str) -> Lineage:
    return lineage_of(str(wanted), home.folder / "runs")


def things(branches: tuple[Branch, ...]) -> Iterator[Thing]:
    for branch in branches:
        yield from branch.things()


def kinds(branches: tuple[Branch, ...]) -> list[str]:
    return [thing.kind for thing in things(branches)]


def command(capsys: pytest.CaptureFixture[str], home: Any, *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["lineage", *words, "--runs-dir", str(home.folder / "runs")])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_training_leads_back_to_the_raw_files_and_on_to_what_was_made_of_it(made: Any) -> None:
    found = lineage(made, made.training)
    assert found.thing.kind == "train"
    behind = list(things(found.made_from))
    assert next(thing.name for thing in behind if thing.kind == "curate") == made.curation.name
    raw = {thing.name: thing for thing in behind if thing.path and thing.path.parent == made.folder / "data"}
    assert set(raw) == {"support_desk.jsonl", "qa_zh.csv"}
    assert {thing.state for thing in raw.values()} == {"same"}
    assert all(thing.digest.startswith("xxh3:") for thing in raw.values())
    curation = next(thing for thing in behind if thing.facts.get("counts"))
    assert curation.digest == f"recipe:{json.loads((made.curation / 'run.json').read_bytes())['recipe']['digest']}"
    assert curation.facts["counts"]["read"] > curation.facts["counts"]["kept"]
    assert kinds(found.made_from)[-1] == "model"
    ahead = list(things(found.made_into))
    assert [thing.kind for thing in ahead] == ["weights", "compare", "export", "folder", "checkpoint"]
    assert ahead[0].state == "same"
    assert ahead[0].digest.startswith("sha256:")
    assert ahead[1].facts["answers"] == 4
    assert found.problems() == []


def test_a_raw_file_leads_on_to_everything_and_an_export_back_to_it(made: Any) -> None:
    down = lineage(made, made.folder / "data" / "qa_zh.csv")
    assert down.made_from == ()
    assert kinds(down.made_into) == [
        "curate", "file", "train", "weights", "compare", "export", "folder", "checkpoint", "file", "train",
    ]  # fmt: skip
    again = list(things(down.made_into))[-1]
    assert again.name == made.training.name, "it reads both splits, and is told once"
    assert not again.facts
    up = lineage(made, run_of(made, "export") / "adapter" / "adapter_model.safetensors")
    assert up.thing.kind == "folder"
    assert {"qa_zh.csv", "support_desk.jsonl"} < {thing.name for thing in things(up.made_from)}
    assert up.problems() == []


def test_a_dataset_and_an_adapter_stand_between(made: Any) -> None:
    dataset = lineage(made, made.curation / "dataset" / "train.jsonl")
    assert dataset.thing.facts["split"] == "train"
    assert kinds(dataset.made_from) == ["curate", "file", "file"]
    assert kinds(dataset.made_into)[0] == "train"
    adapter = lineage(made, made.training / "adapter")
    assert kinds(adapter.made_from)[0] == "train"
    assert kinds(adapter.made_into) == ["compare", "export", "folder"]
    inside = lineage(made, made.training / "preflight.json")
    assert inside.thing.name == made.training.name, "any file of a run stands for it"


def test_copies_are_known_by_their_bytes(made: Any, tmp_path: Path) -> None:
    raw = shutil.copy(made.folder / "data" / "qa_zh.csv", tmp_path / "renamed.csv")
    assert kinds(lineage(made, raw).made_into)[0] == "curate"
    dataset = shutil.copy(made.curation / "dataset" / "train.jsonl", tmp_path / "clean.jsonl")
    found = lineage(made, dataset)
    assert kinds(found.made_from)[:2] == ["file", "curate"]
    assert kinds(found.made_into)[0] == "train"
    adapter = shutil.copytree(made.training / "adapter", tmp_path / "sent")
    assert made.training.name in {thing.name for thing in things(lineage(made, adapter).made_from)}
    (tmp_path / "other.csv").write_text("question,answer\n")
    from curation.errors import InputError

    with pytest.raises(InputError, match="No run has read or written"):
        lineage(made, tmp_path / "other.csv")


def test_a_gguf_file_is_known_wherever_it_went(home: Any, tmp_path: Path) -> None:
    settings = ExportSettings(source=str(home.training), targets=("merged",))
    folder, lock = make_export(settings, home.folder / "runs")
    lock.close()
    spec = json.loads(folder.spec.read_bytes())
    folder.spec.write_text(json.dumps({**spec, "options": {**spec["options"], "targets": ["gguf"]}}))
    with made_whole(folder.path / "gguf", {"target": "gguf"}) as place:
        (place / "model-q8_0.gguf").write_bytes(b"GGUF" + bytes(100))
    copy = shutil.copy(folder.path / "gguf" / "model-q8_0.gguf", tmp_path / "mine.gguf")
    for path in (copy, folder.path / "gguf" / "model-q8_0.gguf"):
        names = {thing.name for thing in things(lineage(home, path).made_from)}
        assert {folder.name, home.training.name, home.curation.name, "qa_zh.csv"} <= names


def test_what_changed_or_is_gone_is_said_and_ends_with_code_one(home: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, home, str(home.training))[0] == 0
    with (home.folder / "data" / "qa_zh.csv").open("a") as stream:
        stream.write("zz-1,Q?,A.,,,,,\n")
    (home.folder / "data" / "support_desk.jsonl").unlink()
    weights = home.training / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    shutil.rmtree(run_of(home, "export") / "adapter")
    code, out, _ = command(capsys, home, str(home.training))
    assert code == 1
    told = out.partition("not what it was\n")[2]
    assert "qa_zh.csv has changed since it was read" in told
    assert "support_desk.jsonl is gone" in told
    assert "adapter_model.safetensors has other bytes" in told
    assert "export" in told
    assert out.count("CHANGED") == 2
    assert out.count("MISSING") == 2
    code, out, _ = command(capsys, home, str(home.training), "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 4
    assert command(capsys, home, str(home.folder / "data" / "support_desk.jsonl"))[0] == 1, "a file that is gone"


def test_a_dataset_that_was_changed_by_hand_is_no_longer_its_own(home: Any) -> None:
    path = home.curation / "dataset" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"the", b"THE", 1))
    found = lineage(home, home.training)
    assert any("has changed since it was read" in problem for problem in found.problems())
    assert kinds(found.made_from)[:2] == ["file", "curate"], "its name still says whose it is"
    assert any("other bytes" in problem for problem in lineage(home, home.curation).problems())


def test_folders_that_moved_together_are_found(made: Any, tmp_path: Path) -> None:
    home = made.copy(tmp_path / "moved", moved=True)
    found = lineage(home, home.training)
    assert home.curation.name in {thing.name for thing in things(found.made_from)}
    assert next(iter(things(found.made_from))).state == "same"
    assert kinds(found.made_into)[0] == "weights"
    assert all("/gone/data" in problem for problem in found.problems()), "only the raw data is missing"


def test_a_comparison_with_calls_of_a_judge_tells_what_they_came_to(home: Any) -> None:
    folder = run_of(home, "compare")
    ledger = CallLedger(folder / CALLS)
    with ledger.call("key", "judge") as call:
        attempt = call.begin()
        call.end(attempt, None, ChatReply("yes", "stop", 7, 3, 0.5), keep=True)
    ledger.close()
    found = lineage(home, folder)
    assert found.thing.facts["calls"]["answered"] == 1
    assert found.thing.facts["calls"]["prompt_tokens"] == 7
    assert found.thing.facts["conclusion"]
    assert home.training.name in {thing.name for thing in things(found.made_from)}


def test_an_experiment_and_its_legs_lead_to_each_other(home: Any) -> None:
    data, runs = home.folder / "data" / "qa_zh.csv", home.folder / "runs"
    recipe = experiment_recipe(Recipe.load("sft"), TrainRecipe.load("lora").with_settings(["model.name=smollm2"]), {})
    folder, lock = make_experiment([str(data)], home.folder / "data" / "support_desk.jsonl", recipe, runs)
    lock.close()
    leg = runs_made.curate([str(data)], folder.path / "legs" / "data-raw", "minimal")
    assert leg.name in {thing.name for thing in things(lineage(home, folder.path).made_into)}
    assert folder.name in {thing.name for thing in things(lineage(home, leg).made_from)}
    assert {leg.name, folder.name} <= {thing.name for thing in things(lineage(home, data).made_into)}


def test_a_record_is_told_dropped_and_gone(home: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, home, str(home.training), "--record", "train.jsonl:3")
    assert code == 0
    assert f"written by {home.curation.name}" in out
    assert "before that" in out
    first = json.loads(command(capsys, home, str(home.training), "--record", "train.jsonl:3", "--json")[1])
    code, _, err = command(capsys, home, str(home.training), "--drop", "train.jsonl:3")
    assert code == 0
    assert "studio curate --resume" in err
    told = json.loads(
        command(capsys, home, str(home.training), "--flag", "train.jsonl:5", "--note", "odd", "--json")[1]
    )
    assert told["verdicts"] == ["tag", "note"]
    out = command(capsys, home, str(home.curation))[1]
    assert "1 dropped" in out
    assert "not applied yet" in out
    runs_made.again(home.curation)
    out = command(capsys, home, str(home.curation))[1]
    assert "1 dropped" in out
    assert "not applied yet" not in out
    code, out, _ = command(capsys, home, str(home.training))
    assert code == 1, "the training read what the curation has written anew"
    assert "CHANGED" in out
    told = json.loads(command(capsys, home, str(home.training), "--record", "train.jsonl:3", "--json")[1])
    assert told["ledger"]["record_id"] == first["ledger"]["record_id"]
    assert told["ledger"]["fate"] == "dropped"
    assert told["verdict"] == "dropped"


def test_an_edit_comes_from_standard_input(home: Any) -> None:
    runs_made.studio(
        "lineage", str(home.training), "--edit", "train.jsonl:3", "--runs-dir", str(home.folder / "runs"),
        text="又一个答案。\n",
    )  # fmt: skip
    runs_made.again(home.curation)
    lines = runs_made.records_of(home.curation / "dataset" / "train.jsonl")
    assert "又一个答案。" in json.dumps(lines[2], ensure_ascii=False)


def test_an_answer_leads_to_the_nearest_records_and_their_ledger(home: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is planted in the comparison's own file: what the training says in one of its records."""
    from training.compare.back.records import learned_records
    from training.compare.model import append

    folder = run_of(home, "compare")
    record = next(one for one in learned_records(home.training) if len(one.answer) > 60)
    prompt = read(folder / PROMPTS, Prompt)[0]
    append(folder / ANSWERS, Answer(prompt.prompt_id, "a", f"Well. {record.answer}", 30, 1.0, "end"))
    name = f"{folder.name}:{prompt.prompt_id}:a"
    for words in (["--answer", name], [name]):
        code, out, _ = command(capsys, home, *words, "--most", "2")
        assert code == 0
        assert out.startswith(f"{record.record_id}: score ")
        assert "the same: " in out
        assert f"written by {home.curation.name}" in out
    first, second = map(json.loads, command(capsys, home, name, "--most", "2", "--json")[1].splitlines())
    assert first["record_id"] == record.record_id
    assert first["score"] > second["score"]
    assert first["story"]["curation"] == str(home.curation)
    assert first["passages"][0]["start"] == len("Well. ")
    code, _, err = command(capsys, home, name, "--drop", record.record_id)
    assert code == 0
    assert "studio curate --resume" in err


def test_the_records_that_pulled_most_are_of_the_training(home: Any) -> None:
    folder = run_of(home, "compare")
    prompt = read(folder / PROMPTS, Prompt)[0]
    runs = str(home.folder / "runs")
    name = f"{folder.name}:{prompt.prompt_id}"
    out = runs_made.studio(
        "lineage", "--answer", name, "--influence", "--among", "6", "--most", "3", "--json", "--runs-dir", runs
    )
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == 3
    assert {one["record_id"] for one in found} <= (trained_ids(home.training) or set())
    assert found[0]["cosine"] >= found[1]["cosine"] >= found[2]["cosine"]
    assert all(one["story"]["curation"] == str(home.curation) for one in found)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Name one thing"),
        (("TRAIN", "--answer", "COMPARE:x"), 2, "Name one thing"),
        (("nothing-like-it",), 3, "There is no run"),
        (("TRAIN", "--influence"), 2, "--influence is about an answer"),
        (("TRAIN", "--record", "train.jsonl:3", "--drop", "train.jsonl:3"), 2, "one record"),
        (("TRAIN", "--note", "x"), 2, "--flag"),
        (("TRAIN", "--record", "other.jsonl:3"), 3, "read no record"),
        (("CURATE", "--record", "train.jsonl:3"), 3, "no training run"),
        (("--answer", "COMPARE"), 2, "names no answer"),
        (("--answer", "COMPARE:other.jsonl:1"), 3, "was not asked"),
        (("--answer", "TRAIN:train.jsonl:1"), 3, "no comparison"),
    ],
)
def test_mistakes_get_a_sentence(
    made: Any, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    named = {"TRAIN": made.training.name, "CURATE": made.curation.name, "COMPARE": run_of(made, "compare").name}
    for short, name in named.items():
        words = tuple(word.replace(short, name) for word in words)
    found, out, err = command(capsys, made, *words)
    assert (found, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_looking_for_the_way_back_imports_no_torch(made: Any) -> None:
    import subprocess

    runs = str(made.folder / "runs")
    code = f"""
import sys
from studio.cli.main import main
assert main(["lineage", {str(made.training)!r}, "--runs-dir", {runs!r}]) == 0
assert main(["lineage", {str(made.training)!r}, "--record", "train.jsonl:3", "--runs-dir", {runs!r}]) == 0
print("loaded:", *(name for name in ("torch", "transformers", "peft", "textual") if name in sys.modules))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert out.stdout.splitlines()[-1].strip() == "loaded:"
