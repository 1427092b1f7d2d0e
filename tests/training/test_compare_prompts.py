"""What is asked is exactly what a training held out or learned; changed data is refused; every parameter counts."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from compare_runs import train_run

from curation.errors import InputError
from studio.runs.folder import RunFolder
from studio.runs.spec import read_spec
from training.compare.asks import AskQueue, AskReader, AskWriter, conversation, prompt_of, turn_of
from training.compare.model import ASKS, Answer, Prompt, SideName
from training.compare.prompts import heldout_examples, read_prompts, train_examples
from training.compare.sections import PromptSettings
from training.examples import Message, read_examples
from training.recipe import TrainRecipe
from training.session import prepare


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, questions: Path) -> Path:
    """The forty questions, some doubled, one too long to be learned, and one that no template writes."""
    path = tmp_path_factory.mktemp("data") / "mine.jsonl"
    lines = questions.read_text(encoding="utf-8").splitlines()
    long = json.dumps({"question": "Why?", "answer": "because " * 500})
    path.write_text("\n".join([*lines, *lines[:3], long, "no record at all"]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["with tensors", "prepared again"])
def run(request: pytest.FixtureRequest, runs: Path, data: Path, tiny: Path) -> Path:
    settings = ("data.too_long=drop", "data.max_length=128", "seed=11", "data.limit=42", "schedule.max_steps=1")
    return train_run(runs, data, tiny, *settings, tensors=request.param == "with tensors")


def test_the_examples_are_exactly_those_of_the_training(run: Path, data: Path, runs: Path) -> None:
    recipe = TrainRecipe.from_text(read_spec(RunFolder(run)).recipe["yaml"])
    session = prepare([str(data)], recipe)
    held, learned = heldout_examples(run), train_examples(run)
    assert [one.record_id for one in held] == [one.record_id for one in session.validation]
    assert [one.record_id for one in learned] == [one.record_id for one in session.train]
    assert set(held) == set(session.examples.validation)
    assert len(held) >= 8
    assert not {one.messages for one in held} & {one.messages for one in learned}


def test_prompts_are_the_questions_and_references_the_answers(run: Path, runs: Path) -> None:
    prompts = read_prompts(PromptSettings(limit=1000), run, runs)
    held = heldout_examples(run)
    assert [prompt.prompt_id for prompt in prompts] == [one.record_id for one in held]
    assert all(prompt.source == "heldout" and prompt.record_id == prompt.prompt_id for prompt in prompts)
    assert [(*prompt.messages, Message("assistant", prompt.reference)) for prompt in prompts] == [
        one.messages for one in held
    ]
    learned = read_prompts(PromptSettings(source="train", limit=1000), run, runs)
    assert {prompt.source for prompt in learned} == {"train"}
    assert not {prompt.prompt_id for prompt in learned} & {prompt.prompt_id for prompt in prompts}


def test_data_that_has_changed_is_refused(runs: Path, questions: Path, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(questions.read_bytes())
    run = train_run(tmp_path / "runs", path, tiny, "schedule.max_steps=1", tensors=True)
    assert heldout_examples(run)
    path.write_bytes(questions.read_bytes().replace(b"black", b"white"))
    for read in (heldout_examples, train_examples):
        with pytest.raises(InputError, match=r"mine\.jsonl has changed since"):
            read(run)
    path.unlink()
    with pytest.raises(InputError, match=r"mine\.jsonl has changed since"):
        read_prompts(PromptSettings(), run, tmp_path)


def test_data_named_from_another_folder_is_found(
    questions: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was made with a relative path, looked at from elsewhere."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.jsonl").write_bytes(questions.read_bytes())
    monkeypatch.chdir(tmp_path / "here")
    run = train_run(Path("runs"), Path("mine.jsonl"), tiny, "schedule.max_steps=1", tensors=True)
    run = run.absolute()
    monkeypatch.chdir("/")
    assert len(heldout_examples(run)) == 8


def test_preference_pairs_are_asked_without_either_answer(runs: Path, pairs: Path, tiny: Path) -> None:
    run = train_run(runs, pairs, tiny, "method.objective=dpo", "schedule.max_steps=1", tensors=True)
    prompts = read_prompts(PromptSettings(), run, runs)
    assert len(prompts) == 3
    assert all(prompt.messages[-1].role == "user" for prompt in prompts)
    assert {prompt.reference for prompt in prompts} <= {f"{word}." for word in ("Yes, it is", "No, it is not")}


# The parameters


def test_the_draw_is_of_the_seed_and_the_limit(run: Path, runs: Path) -> None:
    def ids(**settings: Any) -> list[str]:
        return [prompt.prompt_id for prompt in read_prompts(PromptSettings(source="train", **settings), run, runs)]

    everything = ids(limit=1000)
    some = ids(limit=5, seed=1)
    assert len(some) == 5
    assert some == ids(limit=5, seed=1)
    assert some != ids(limit=5, seed=2)
    assert sorted(some, key=everything.index) == some, "in the order of the records"
    assert ids(limit=0) == []


def test_a_system_prompt_is_put_before_those_that_have_none(tmp_path: Path, runs: Path) -> None:
    path = tmp_path / "asked.jsonl"
    own = {
        "messages": [
            {"role": "system", "content": "Own."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "1"},
        ]
    }
    none = {"messages": [{"role": "user", "content": "Two?"}, {"role": "assistant", "content": "2"}]}
    path.write_text("\n".join(map(json.dumps, (own, none))) + "\n")
    prompts = read_prompts(PromptSettings(source=str(path), system="Given."), None, runs)
    assert [prompt.messages[0].content for prompt in prompts] == ["Own.", "Given."]
    assert [prompt.reference for prompt in prompts] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("q.txt", "What is one?\n\n图书馆在哪里？\n", ["What is one?", "图书馆在哪里？"]),
        ("q.jsonl", '{"prompt": "One?"}\n{"prompt": "Two?"}\n', ["One?", "Two?"]),
        ("q.csv", "question,answer\nOne?,1\nTwo?,2\n", ["One?", "Two?"]),
        ("validation.jsonl", '{"question": "One?", "answer": "1"}\n', ["One?"]),
        ("q.jsonl", '{"prompt": "One?", "chosen": "1", "rejected": "2"}\n', ["One?"]),
    ],
)
def test_a_file_of_questions_is_asked(name: str, text: str, asked: list[str], tmp_path: Path, runs: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    prompts = read_prompts(PromptSettings(source=str(tmp_path / name)), None, runs)
    assert [prompt.messages[-1].content for prompt in prompts] == asked
    assert all((prompt.source, prompt.messages[-1].role) == ("file", "user") for prompt in prompts)
    assert len({prompt.prompt_id for prompt in prompts}) == len(prompts)


def test_of_a_folder_the_test_part_is_asked(tmp_path: Path, runs: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / f"{part}.jsonl").write_text(json.dumps({"question": f"{part}?", "answer": "x"}) + "\n")
    prompts = read_prompts(PromptSettings(source=str(tmp_path)), None, runs)
    assert [prompt.messages[-1].content for prompt in prompts] == ["test?"]


def test_where_there_is_nothing_to_ask_it_is_said(runs: Path, tiny: Path, questions: Path, tmp_path: Path) -> None:
    run = train_run(tmp_path, questions, tiny, "data.validation=0", "schedule.max_steps=1", tensors=True)
    with pytest.raises(InputError, match="held out no record") as caught:
        read_prompts(PromptSettings(), run, runs)
    assert "prompts.source=train" in caught.value.hint
    with pytest.raises(InputError, match="none is named"):
        read_prompts(PromptSettings(), None, runs)
    with pytest.raises(InputError):
        read_prompts(PromptSettings(source=str(tmp_path / "nothing.jsonl")), None, runs)
    assert read_examples([str(questions)]).validation, "the questions themselves can be split"


# Asks


def answered(prompt_id: str, **texts: str) -> dict[tuple[str, SideName], Answer]:
    return {(prompt_id, side): Answer(prompt_id, side, text, 1, 0.1, "end") for side, text in texts.items()}  # type: ignore[misc]


def test_asks_come_in_their_order_and_once(tmp_path: Path) -> None:
    writer, reader = AskWriter(tmp_path), AskReader(tmp_path)
    assert reader.read() == []
    first = writer.prompt("你好?\nTwo lines", system="Be kind.")
    writer.judge(first)
    asks = reader.read()
    assert [(ask.ask, ask.prompt_id, ask.text, ask.system) for ask in asks] == [
        ("prompt", first, "你好?\nTwo lines", "Be kind."),
        ("judge", first, "", ""),
    ]
    assert reader.read() == []
    assert writer.prompt("x") != writer.prompt("x")
    assert len(reader.read()) == 2
    assert (tmp_path / ASKS).stat().st_mode & 0o777 == 0o600


def test_a_torn_line_waits_and_a_foreign_one_is_passed_over(tmp_path: Path) -> None:
    reader = AskReader(tmp_path)
    parts = (
        b'{"ask": "judge", "prom',
        b'pt_id": "p"}\n',
        b'nonsense\n{"ask": "shell", "prompt_id": "p"}\n[1]\n',
        b'{"ask": "cancel", "prompt_id": 3}\n',
    )
    with (tmp_path / ASKS).open("wb") as stream:
        for part in parts:
            stream.write(part)
            stream.flush()
            found = reader.read()
            assert [ask.ask for ask in found] == (["judge"] if part.startswith(b"pt_id") else [])
    assert reader.unreadable == 4


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    def ask(name: str) -> None:
        for number in range(50):
            AskWriter(tmp_path).again(f"{name}{number}")

    threads = [threading.Thread(target=ask, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.prompt_id for one in AskReader(tmp_path).read()}) == 150


def test_a_worker_that_begins_anew_does_nothing_twice_and_forgets_nothing(tmp_path: Path) -> None:
    writer = AskWriter(tmp_path)
    answered_one, lost_one = writer.prompt("one"), writer.prompt("two")
    writer.judge(answered_one)
    queue = AskQueue(tmp_path)
    assert [ask.ask for ask in (queue.next(), queue.next(), queue.next()) if ask] == ["prompt", "prompt", "judge"]
    writer.again(answered_one)

    queue = AskQueue(tmp_path, done=[answered_one])  # it died while it answered the second one
    assert [(ask.ask, ask.prompt_id) for ask in iter(queue.next, None)] == [
        ("prompt", lost_one),
        ("again", answered_one),
    ]
    queue = AskQueue(tmp_path, done=[answered_one, lost_one])
    assert queue.next() is None
    writer.judge(lost_one)
    found = queue.next()
    assert found is not None
    assert found.ask == "judge"


def test_what_is_asked_before_the_worker_looks_is_not_lost(tmp_path: Path) -> None:
    """About prompts that were answered in this very leg."""
    AskWriter(tmp_path).again("a.jsonl:1")
    queue = AskQueue(tmp_path, done=["a.jsonl:1"])
    found = queue.next()
    assert found is not None
    assert (found.ask, found.prompt_id) == ("again", "a.jsonl:1")


def test_what_is_cancelled_is_heard_soon_and_can_be_asked_again(tmp_path: Path) -> None:
    writer, queue = AskWriter(tmp_path), AskQueue(tmp_path)
    prompt_id, other = writer.prompt("one"), writer.prompt("two")
    assert queue.next() is not None
    assert not queue.is_cancelled(prompt_id)
    writer.cancel(prompt_id)
    writer.cancel(other)
    time.sleep(0.15)
    assert queue.is_cancelled(prompt_id)
    assert queue.next() is None, "the other was cancelled before it began"
    writer.again(prompt_id)
    ask = queue.next()
    assert ask is not None
    assert (ask.ask, queue.is_cancelled(prompt_id)) == ("again", False)


def test_a_follow_up_goes_on_in_each_sides_own_conversation(tmp_path: Path) -> None:
    writer = AskWriter(tmp_path)
    first = writer.prompt("Name a colour.", system="Short.")
    second = writer.follow(first, "Why?")
    third = writer.follow(second, "Sure?")
    assert [turn_of(one) for one in (first, second, third)] == [(first, 1), (first, 2), (first, 3)]
    known: dict[str, Prompt] = {}
    for ask in AskReader(tmp_path).read():
        prompt = prompt_of(ask, known)
        assert prompt is not None
        known[prompt.prompt_id] = prompt
    answers = {**answered(first, a="Red.", b="Blue."), **answered(second, a="Blood.", b="Sky.")}
    assert conversation(known[first], "a", answers) == known[first]
    for side, said in (("a", ("Red.", "Blood.")), ("b", ("Blue.", "Sky."))):
        messages = conversation(known[third], side, answers).messages  # type: ignore[arg-type]
        assert [(one.role, one.content) for one in messages] == [
            ("system", "Short."),
            ("user", "Name a colour."),
            ("assistant", said[0]),
            ("user", "Why?"),
            ("assistant", said[1]),
            ("user", "Sure?"),
        ]


def test_a_follow_up_of_a_record_keeps_its_record(tmp_path: Path) -> None:
    record = Prompt("a +b.jsonl:3", (Message("user", "One?"),), "1", "heldout", "a +b.jsonl:3")
    following = AskWriter(tmp_path).follow(record.prompt_id, "Two?")
    assert following == "a +b.jsonl:3 +2"
    (ask,) = AskReader(tmp_path).read()
    prompt = prompt_of(ask, {record.prompt_id: record})
    assert prompt is not None
    assert (prompt.record_id, prompt.reference, prompt.source) == (record.record_id, "", "typed")
    assert prompt_of(ask, {}) is None
    told = conversation(prompt, "b", answered(record.prompt_id, b="uno"))
    assert [message.content for message in told.messages] == ["One?", "uno", "Two?"]


def test_front_ends_ask_without_torch() -> None:
    code = "import sys, training.compare.asks, training.compare.events; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(out.stdout.split()).isdisjoint({"torch", "polars", "numpy", "pydantic", "transformers"})
