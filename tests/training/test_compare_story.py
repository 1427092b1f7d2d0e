"""From a training record back to the curation that wrote it, its ledger, and a verdict that its next run applies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from lineage_runs import Home, again, curate, make_home, records_of, studio

from curation.errors import BusyError, InputError
from curation.ledger import why
from curation.verdicts import JOURNAL, Journal, fold, read_journal
from studio.runs.train_begin import make_train
from training.compare.back.nearest import nearest
from training.compare.back.records import learned_examples, learned_records, trained_ids
from training.compare.back.story import FLAGGED, decide, story_of
from training.recipe import TrainRecipe


@pytest.fixture(scope="module")
def made(tiny: Path, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("story") / "home", samples, tiny)


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    """A copy of its own, that may be changed."""
    return made.copy(tmp_path / "elsewhere")


def dataset(home: Home) -> Path:
    return home.curation / "dataset" / "train.jsonl"


def test_every_training_record_leads_back_to_the_record_it_was(made: Home) -> None:
    """By its column `id`, which the sample data has and every stage leaves alone."""
    lines = records_of(dataset(made))
    told = {example.record_id for example in learned_examples(made.training) or ()}
    assert told == trained_ids(made.training)
    assert 0 < len(told) < len(lines), "some are held out"
    for record_id in sorted(told)[::9]:
        line = lines[int(record_id.rpartition(":")[2]) - 1]
        story = story_of(made.training, record_id)
        assert story.found == "position"
        assert story.curation == made.curation
        assert story.ledger is not None
        assert story.ledger == why(made.curation, story.ledger.record_id)
        assert story.ledger.fate == "kept"
        final = [turn.content for turn in story.ledger.final()]
        assert final[0] in json.dumps(line, ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"')
        assert story.earlier is not None
        assert story.earlier.path == made.folder / "data" / story.ledger.source
        assert story.original is story.earlier
        assert "no curation" in story.original.said


def test_a_record_that_was_held_out_has_its_story_too(made: Home) -> None:
    lines = records_of(made.curation / "dataset" / "validation.jsonl")
    for number, line in enumerate(lines, 1):
        ledger = story_of(made.training, f"validation.jsonl:{number}").ledger
        assert ledger is not None
        assert ledger.turns[0].content[:10] in json.dumps(line, ensure_ascii=False)
        splits = [event.values.get("split") for event in ledger.events]
        assert "validation" in splits


def test_a_folder_whose_ledger_lost_records_is_refused(home: Home) -> None:
    shard = next(iter(json.loads((home.curation / "index.json").read_bytes())["shards"]))
    path = home.curation / "shards" / f"{shard['finish']}.json"
    facts = json.loads(path.read_bytes())
    path.write_text(json.dumps({**facts, "kept_by_split": {"train": 3}}))
    with pytest.raises(InputError, match="is damaged"):
        story_of(home.training, "train.jsonl:3")
    path.unlink()
    with pytest.raises(InputError, match="gone or damaged"):
        story_of(home.training, "train.jsonl:3")


def test_records_of_many_shards_are_found_in_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third record is too short to stay, so that no shard keeps what it read."""
    monkeypatch.setattr("curation.engine.local.SHARD_RECORDS", 7)
    answers = ["No." if number % 3 == 0 else f"It is the number {number} of many, a fine one." for number in range(60)]
    lines = [json.dumps({"question": f"What is {number}?", "answer": text}) for number, text in enumerate(answers)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "recipe.yaml").write_text("stages:\n  - use: length\n    min_chars: 30\n")
    curation = curate([str(tmp_path / "in.jsonl")], tmp_path / "runs", str(tmp_path / "recipe.yaml"))
    assert len(json.loads((curation / "index.json").read_bytes())["shards"]) > 5
    recipe = TrainRecipe.load("lora").with_settings(["model.name=smollm2", "data.validation=0"])
    folder, lock = make_train([str(curation)], recipe, tmp_path / "runs")
    lock.close()
    kept = [number for number in range(60) if number % 3]
    found = [story_of(folder.path, f"train.jsonl:{at}").ledger for at in range(1, 41)]
    assert [story.record_id for story in found if story] == [f"in.jsonl:{number + 1}" for number in kept]


def test_what_was_changed_and_what_was_dropped_in_its_favour_is_told(made: Home) -> None:
    stories = [story_of(made.training, record_id) for record_id in sorted(trained_ids(made.training) or ())]
    edited = [
        story for story in stories if story.ledger and any(event.action == "edit" for event in story.ledger.events)
    ]
    favoured = [story for story in stories if story.duplicates]
    assert edited
    assert favoured
    for story in favoured:
        for duplicate in story.duplicates:
            told = why(made.curation, duplicate)
            assert told.fate == "dropped"
            assert story.ledger is not None
            assert story.ledger.record_id in {event.related_id for event in told.events}


def test_folders_may_move_together(made: Home, tmp_path: Path) -> None:
    home = made.copy(tmp_path / "moved", moved=True)
    story = story_of(home.training, "train.jsonl:3")
    assert story.curation == home.curation
    assert story.found == "position"
    assert story.earlier is not None, "what the curation read is where it was said to be, found or not"
    assert len(learned_records(home.training)) == len(trained_ids(home.training) or ())


def test_a_copy_of_the_dataset_is_known_by_its_bytes(made: Home, tmp_path: Path, tiny: Path) -> None:
    copy = shutil.copy(dataset(made), tmp_path / "renamed.jsonl")
    runs = tmp_path / "runs"
    shutil.copytree(made.curation, runs / made.curation.name)
    words = ["train", "--data", str(copy), "--model", str(tiny), "--runs-dir", str(runs), "--max-steps", "1"]
    studio(*words, "--set", "evaluation.samples=0", "--set", "evaluation.retention=false", "--allow", "duplicates")
    (run,) = (path for path in runs.iterdir() if "-train-" in path.name)
    assert story_of(run, "renamed.jsonl:5").ledger == story_of(made.training, "train.jsonl:5").ledger
    shutil.rmtree(runs / made.curation.name / "dataset")
    assert story_of(run, "renamed.jsonl:5").found == "position", "by the digest that the curation wrote down"


def test_without_a_curation_it_says_so(home: Home) -> None:
    shutil.rmtree(home.curation)
    story = story_of(home.training, "train.jsonl:3")
    assert story.curation is None
    assert story.ledger is None
    assert story.found == "nowhere"
    assert "no curation" in story.said
    with pytest.raises(InputError, match="No verdict about train"):
        decide(story, "drop")


def test_ids_that_are_none_get_a_sentence(made: Home) -> None:
    for wrong in ("other.jsonl:3", "train.jsonl", "train.jsonl:x"):
        with pytest.raises(InputError, match="read no record"):
            story_of(made.training, wrong)
    with pytest.raises(InputError, match="records, and none at 99999"):
        story_of(made.training, "train.jsonl:99999")
    with pytest.raises(InputError, match="no training run"):
        story_of(made.curation, "train.jsonl:3")


def test_a_dropped_record_is_gone_after_the_next_run(home: Home) -> None:
    before = records_of(dataset(home))
    story = story_of(home.training, "train.jsonl:3")
    (made,) = decide(story, "drop", author="lin")
    assert made.author == "lin"
    assert story_of(home.training, "train.jsonl:3").verdicts.status == "dropped"
    again(home.curation)
    after = records_of(dataset(home))
    assert after == before[:2] + before[3:]


def test_an_edited_answer_is_another_after_the_next_run(home: Home) -> None:
    before = records_of(dataset(home))
    story = story_of(home.training, "train.jsonl:3")
    decide(story, "edit", "A better answer. 更好的答案。", author="lin")
    again(home.curation)
    after = records_of(dataset(home))
    assert [at for at in range(len(before)) if before[at] != after[at]] == [2]
    assert "A better answer. 更好的答案。" in json.dumps(after[2], ensure_ascii=False)


def test_a_flag_is_a_tag_with_a_remark_and_leaves_other_tags(home: Home) -> None:
    story = story_of(home.training, "train.jsonl:3")
    assert story.ledger is not None
    key = (story.ledger.record_id, story.content_hash)
    decide(story, "flag", author="lin")
    decide(story, "flag", "reads oddly", author="mei")
    state = fold(read_journal(home.curation / JOURNAL).verdicts).records[key]
    assert state.tags is not None
    assert state.tags.tags == (FLAGGED,)
    assert state.note is not None
    assert state.note.note == "reads oddly"
    with Journal.open(home.curation / JOURNAL) as journal:
        assert len({verdict.group for verdict in journal.verdicts[1:]}) == 1, "taken back as one"
    again(home.curation)
    assert FLAGGED in json.dumps(records_of(dataset(home))[2])


def test_decisions_that_cannot_be_kept(home: Home) -> None:
    story = story_of(home.training, "train.jsonl:3")
    with pytest.raises(InputError, match="needs the new text"):
        decide(story, "edit", "  ")
    with Journal.open(home.curation / JOURNAL), pytest.raises(BusyError):
        decide(story, "drop")
    assert read_journal(home.curation / JOURNAL).verdicts == ()


def test_after_the_curation_was_done_again_records_are_found_by_their_text(home: Home) -> None:
    """Lines have moved up by one: the line of an id is another record's now, and must not be told as this one's."""
    lines = {record_id: story_of(home.training, record_id).ledger for record_id in ("train.jsonl:9", "train.jsonl:60")}
    nearest(home.training, "anything", 1)  # keeps the texts
    decide(story_of(home.training, "train.jsonl:3"), "drop")
    again(home.curation)
    for record_id, before in lines.items():
        story = story_of(home.training, record_id)
        assert before is not None
        assert story.ledger is not None
        assert story.found == "content"
        assert story.ledger.record_id == before.record_id
        assert "done again" in story.said
    gone = story_of(home.training, "train.jsonl:3")
    assert gone.ledger is not None
    assert gone.ledger.fate == "dropped"
    assert gone.verdicts.status == "dropped"


def test_the_same_from_the_tensors_alone(home: Home) -> None:
    clean = {record.record_id: record for record in learned_records(home.training)}
    before = story_of(home.training, "train.jsonl:9").ledger
    decide(story_of(home.training, "train.jsonl:3"), "drop")
    again(home.curation)
    assert learned_examples(home.training) is None
    kept = {record.record_id: record for record in learned_records(home.training)}
    assert list(kept) == list(clean)
    for record_id, record in kept.items():
        assert record.answer == clean[record_id].answer.strip()
        assert all(part in record.prompt for part in clean[record_id].prompt.split("\n\n"))
    found = story_of(home.training, "train.jsonl:9").ledger
    assert found is not None
    assert before is not None
    assert found.record_id == before.record_id
    (home.training / "tensors.npz").unlink()
    with pytest.raises(InputError, match="has changed or is gone"):
        learned_records(home.training)


def test_a_curation_of_a_curation_is_followed(home: Home, tiny: Path) -> None:
    second = curate([str(dataset(home))], home.folder / "runs", "minimal")
    words = ["train", "--data", str(second), "--model", str(tiny), "--runs-dir", str(home.folder / "runs")]
    before = set((home.folder / "runs").iterdir())
    studio(*words, "--max-steps", "1", "--set", "evaluation.samples=0", "--set", "evaluation.retention=false",
           "--allow", "duplicates")  # fmt: skip
    (run,) = set((home.folder / "runs").iterdir()) - before
    story = story_of(run, "train.jsonl:7")
    assert story.curation == second
    assert story.earlier is not None
    assert story.earlier.curation == home.curation
    assert story.earlier.ledger is not None
    assert story.original.path.name in ("support_desk.jsonl", "qa_zh.csv")
    assert story.as_json()["earlier"]["earlier"]["curation"] is None
