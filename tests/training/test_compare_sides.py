"""Every way to name a side finds the right weights; what does not fit is refused with a way out."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from compare_runs import make_tiny, train_run
from model_files import write_gguf

from curation.errors import InputError, StudioError
from curation.llm.model import CallFailed, ChatMessage, ChatRequest
from training.compare.model import Answer, Piece, Prompt, SideName
from training.compare.sections import SamplingSettings, SideSettings
from training.compare.sides import Sides, open_sides
from training.examples import Message

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))

from llm_server import FaultyServer, last_user_text

GREEDY = SamplingSettings(max_tokens=12)
ASKED = Prompt("p", (Message("user", "What colour is box 3?"),))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def lora(runs: Path, questions: Path, tiny: Path) -> Path:
    return train_run(runs, questions, tiny, "template.name=chatml", "template.system=Answer in colours.")


@pytest.fixture(scope="module")
def full(runs: Path, questions: Path, tiny: Path) -> Path:
    return train_run(runs, questions, tiny, "method.kind=full", "optimizer.learning_rate=1e-3")


def open_pair(runs: Path, said: list[str] | None = None, **settings: Any) -> Sides:
    heard = [] if said is None else said
    return open_sides(SideSettings(**settings), runs, on_change=heard.append)


def asked(sides: Sides, side: SideName = "b", sampling: SamplingSettings = GREEDY) -> Answer:
    return sides.answer(ASKED, side, sampling, lambda _pieces: None, lambda: False)


def test_a_side_is_found_by_any_of_its_names(lora: Path, runs: Path, tiny: Path) -> None:
    """The tuned model of a run: `tuned`, the run's folder, its name, a part of it, its adapter's folder."""
    with open_pair(runs, run=str(lora)) as sides:
        tuned, base = asked(sides, "b"), asked(sides, "a")
        assert (sides.a.kind, sides.b.kind) == ("base", "tuned")
        assert len({sides.a.digest, sides.b.digest}) == 2
        digest = sides.b.digest
    assert tuned.text != base.text
    for name in (str(lora), lora.name, lora.name[-4:], str(lora / "adapter")):
        with open_pair(runs, a=str(tiny), b=name) as sides:
            assert (sides.b.kind, sides.b.digest, sides.b.label) == ("tuned", digest, lora.name), name
            assert asked(sides, "b").text == tuned.text
    with open_pair(runs, run=lora.name, a="tuned", b="base") as sides:
        assert (asked(sides, "a").text, asked(sides, "b").text) == (tuned.text, base.text)


def test_a_checkpoint_is_the_model_of_its_step(lora: Path, full: Path, runs: Path) -> None:
    for run in (lora, full):
        with open_pair(runs, run=str(run), a="checkpoint:3", b="checkpoint:6") as sides:
            early, last = asked(sides, "a"), asked(sides, "b")
            assert sides.a.kind == "checkpoint"
            assert sides.a.digest != sides.b.digest
            assert "checkpoint 3" in sides.a.label
        with open_pair(runs, run=str(run)) as sides:
            tuned = asked(sides, "b")
            assert [p.logprob for p in tuned.pieces] == pytest.approx([p.logprob for p in last.pieces], abs=1e-4)
        assert early.pieces[0].logprob != pytest.approx(last.pieces[0].logprob, abs=1e-4)


def test_a_damaged_checkpoint_is_no_side(lora: Path, runs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "20260101-0000-train-0000"
    shutil.copytree(lora, copy)
    weights = copy / "checkpoints" / "checkpoint-00000003" / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(InputError, match="cannot be used"):
        open_pair(tmp_path, run=str(copy), b="checkpoint:3")
    with pytest.raises(InputError, match="no checkpoint of step 4") as caught:
        open_pair(tmp_path, run=str(copy), b="checkpoint:4")
    assert "checkpoint:3, checkpoint:6" in caught.value.hint


def test_a_foreign_adapter_is_on_the_base_it_names(lora: Path, runs: Path, tiny: Path, tmp_path: Path) -> None:
    """A folder with an adapter and nothing of a run beside it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(lora / "adapter" / name, folder)
    with open_pair(runs, a=str(tiny), b=str(folder), template="chatml") as sides:
        assert sides.b.kind == "adapter"
        assert sides._sides["a"].held is sides._sides["b"].held
        foreign = asked(sides, "b").text
        assert foreign != asked(sides, "a").text
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(tmp_path / "nowhere")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="nowhere"):
        open_pair(runs, a=str(tiny), b=str(folder))


def test_an_adapter_of_another_model_is_refused(lora: Path, runs: Path, tmp_path: Path) -> None:
    other = make_tiny(tmp_path / "other", hidden=32)
    folder = tmp_path / "mine"
    shutil.copytree(lora / "adapter", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(other)}))
    with pytest.raises(StudioError, match="does not fit its base model") as caught:
        open_pair(runs, a=str(other), b=str(folder))
    assert caught.value.hint


def test_a_base_that_has_changed_since_is_refused(questions: Path, tmp_path: Path) -> None:
    model = make_tiny(tmp_path / "model")
    run = train_run(tmp_path / "runs", questions, model)
    shutil.rmtree(model)
    make_tiny(model, seed=5)
    with pytest.raises(InputError, match="files have changed since"):
        open_pair(tmp_path / "runs", run=str(run))


def test_a_gguf_file_is_a_side(runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path) -> None:
    """Through the same conversion that training uses; the weights it comes to are cached by digest."""
    gguf = write_gguf(tiny, tmp_path / "tiny.gguf")
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    with open_pair(runs, a=str(tiny), b=str(gguf), template="chatml") as sides:
        assert sides.b.kind == "gguf"
        assert [p.text for p in asked(sides, "b").pieces] == [p.text for p in asked(sides, "a").pieces]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"a": "base"}, "none is named"),
        ({"a": "no-such/place/x"}, "no-such/place/x"),
        ({"run": "nothing"}, "There is no training run 'nothing'"),
        ({"a": "ftp"}, "ftp"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_loaded(settings: dict[str, str], said: str, runs: Path) -> None:
    with pytest.raises(StudioError) as caught:
        open_pair(runs, **{"a": "base", "b": "tuned", **settings})
    assert said in caught.value.message


def test_a_run_that_is_no_training_or_has_not_ended_is_refused(runs: Path, lora: Path, tmp_path: Path) -> None:
    other = tmp_path / "20260101-0000-curate-0000"
    other.mkdir()
    (other / "run.json").write_text('{"kind": "curate"}')
    with pytest.raises(InputError, match="is no training run"):
        open_pair(tmp_path, run=other.name)
    early = tmp_path / "20260101-0000-train-0001"
    shutil.copytree(lora, early, ignore=shutil.ignore_patterns("adapter"))
    with pytest.raises(InputError, match="has not come to its end") as caught:
        open_pair(tmp_path, run=early.name)
    assert "checkpoint:6" in caught.value.hint


# Settings


def test_the_template_is_that_of_the_training_unless_another_is_named(lora: Path, runs: Path, tiny: Path) -> None:
    with open_pair(runs, run=str(lora)) as sides:
        assert sides.template("a").name == sides.template("b").name == "chatml"
        assert sides.system("a") == "Answer in colours."
        usual = asked(sides)
    with open_pair(runs, run=str(lora), template="zephyr") as sides:
        assert sides.template("b").name == "zephyr"
        assert asked(sides).pieces[0].logprob != usual.pieces[0].logprob


def test_the_system_prompt_of_the_training_is_asked_with(lora: Path, runs: Path) -> None:
    given = Prompt("p", (Message("system", "Answer in colours."), *ASKED.messages))
    other = Prompt("p", (Message("system", "Answer in numbers."), *ASKED.messages))
    with open_pair(runs, run=str(lora)) as sides:
        said = [sides.answer(one, "b", GREEDY, lambda _: None, lambda: False) for one in (ASKED, given, other)]
    assert said[0].pieces == said[1].pieces
    assert said[0].pieces != said[2].pieces


def test_dtype_and_quantization_change_the_weights(lora: Path, runs: Path) -> None:
    import torch

    found = {}
    for settings in ({}, {"dtype": "bfloat16"}, {"quantization": "nf4"}):
        with open_pair(runs, run=str(lora), **settings) as sides, sides.model("a") as model:
            weight = next(module.weight for name, module in model.named_modules() if name.endswith("o_proj.base_layer"))
            found[str(settings)] = (model.dtype, weight.dtype)
    assert list(found.values()) == [
        (torch.float32, torch.float32),
        (torch.bfloat16, torch.bfloat16),
        (torch.float32, torch.uint8),
    ]


def test_what_cannot_be_as_it_is_wished_is_said(lora: Path, runs: Path) -> None:
    said: list[str] = []
    with open_pair(runs, said, run=str(lora), dtype="float16") as sides:
        assert sides.device == "CPU, float32"
    assert said == ["float16 does not train on a CPU; float32 is used."]


def test_threads_are_set(lora: Path, runs: Path) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            with open_pair(runs, run=str(lora), threads=threads):
                assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


# Endpoints


def test_an_endpoint_is_a_side_beside_a_local_model(runs: Path, tiny: Path) -> None:
    with FaultyServer(lambda body: f"I heard {last_user_text(body)} 你好") as server:
        heard: list[tuple[SideName, Sequence[Piece]]] = []
        with open_pair(runs, a=str(tiny), b=server.address, template="chatml") as sides:
            assert sides.b.kind == "endpoint"
            a, b = sides.answer_both(ASKED, GREEDY, lambda side, more: heard.append((side, more)), lambda: False)
            with sides.model("b") as model:
                assert model is None
            with pytest.raises(StudioError, match="endpoint"):
                sides.template("b")
            with pytest.raises(InputError, match="top_k"):
                asked(sides, "b", SamplingSettings(top_k=5, temperature=1))
            assert sides.chat_model("b").complete(ChatRequest("", (ChatMessage("user", "x"),))).text == "I heard x 你好"
    assert a.tokens
    assert b.text == "I heard What colour is box 3? 你好"
    assert b.stopped == "end"
    assert "".join(piece.text for side, more in heard for piece in more if side == "b") == b.text


def test_the_key_of_an_endpoint_is_taken_from_the_environment(
    runs: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(key="secret-123") as server:
        monkeypatch.setenv("MY_KEY", "secret-123")
        with open_pair(runs, a=str(tiny), b=server.address, key_env="MY_KEY", template="chatml") as sides:
            assert asked(sides, "b").text == "You said: What colour is box 3?"
        with open_pair(runs, a=str(tiny), b=server.address, template="chatml") as sides, pytest.raises(CallFailed):
            asked(sides, "b")


def test_what_is_sampled_is_what_an_endpoint_is_asked(runs: Path, tiny: Path) -> None:
    with FaultyServer() as server, open_pair(runs, a=str(tiny), b=server.address, template="chatml") as sides:
        answer = asked(sides, "b", SamplingSettings(temperature=0.7, top_p=0.8, max_tokens=33, seed=4))
        sent = server.requests[-1].body
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.7, 0.8, 33)
    assert sent["seed"] == answer.seed & 0x7FFFFFFF


def test_a_slow_endpoint_holds_nobody_up_and_is_left_when_stopped(runs: Path, tiny: Path) -> None:
    with FaultyServer(delay=20) as server, open_pair(runs, a=str(tiny), b=server.address, template="chatml") as sides:
        told: list[float] = []
        began = time.monotonic()

        def a_is_done() -> bool:
            return time.monotonic() - began > 2

        a, b = sides.answer_both(
            ASKED, GREEDY, lambda _side, more: told.append(time.monotonic()) if more else None, a_is_done
        )
        assert time.monotonic() - began < 3
    assert (a.stopped in ("end", "length"), b.stopped, b.text) == (True, "stopped", "")
    assert told[-1] - began < 2


def test_an_endpoint_that_fails_fails_the_answer_and_frees_the_other_side(runs: Path, tiny: Path) -> None:
    with (
        open_pair(runs, a=str(tiny), b="http://127.0.0.1:9/v1#gone", template="chatml") as sides,
        pytest.raises(CallFailed),
    ):
        sides.answer_both(ASKED, GREEDY, lambda _s, _p: None, lambda: False)


# A judge in this process


def test_a_side_can_be_asked_like_an_endpoint(lora: Path, runs: Path, tiny: Path) -> None:
    with open_pair(runs, run=str(lora)) as sides:
        model = sides.chat_model("b")
        assert model.identity == sides.b.digest
        request = ChatRequest("", (ChatMessage("user", "What colour is box 3?"),), max_tokens=4)
        with pytest.raises(CallFailed) as caught:
            model.complete(request)
        assert caught.value.kind == "truncated"
        drawn = {"temperature": 1.5, "max_tokens": 300, "seed": 5}
        replies = [
            model.complete(ChatRequest("", request.messages, stop=stop, **drawn)) for stop in (("a",), ("a", "e"))
        ]
        assert replies[0].text.partition("e")[0] == replies[1].text
        assert not {"a", "e"} & set(replies[1].text)
        assert replies[1].completion_tokens <= replies[0].completion_tokens < 300
        with pytest.raises(CallFailed) as caught:
            model.complete(ChatRequest("", request.messages, max_tokens=64), lambda: True)
        assert caught.value.kind == "stopped"
        assert sides.chat_model_of("base").identity == sides.a.digest
        assert sides._opener._opened["base"] is sides._sides["a"]
