"""The vault: it tells every mask of a run back, to whoever holds the key, and nobody else."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from engine_inputs import run
from planted_values import leaks, squash, values, write_records

from curation.engine import local
from curation.errors import InputError, StageError
from curation.privacy.vault import NAME, write_vault
from studio.cli.main import main

KEY = "a key of this test, not of anybody"
PLANTED = values(60)
RECIPE = """
stages:
  - use: clean
  - use: pii
    names: false
    operator: {operator}
  - use: exact
  - use: pii
    name: again
    names: false
    only: [IBAN_CODE]
    deny: {{PERSON: [lamp]}}
    operator: pseudonym
"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PII_KEY", KEY)


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: str = "pseudonym", **options: Any) -> Path:
    monkeypatch.setattr(local, "SHARD_RECORDS", 50)
    source = write_records(tmp_path / "in.jsonl", PLANTED)
    folder = tmp_path / "run"
    run(folder, source, recipe=RECIPE.format(operator=operator), **{"workers": 1, **options})
    return folder


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("operator", ["pseudonym", "fake", "hash"])
def test_every_mask_is_told_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: str) -> None:
    folder = made(tmp_path, monkeypatch, operator)
    vault = write_vault(folder)
    assert vault.path == folder / NAME
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    entries = read(vault.path)
    assert vault.masks == len(entries)
    assert vault.values == sum(len(entry["values"]) for entry in entries)
    known = {squash(value): entity for entity, value in PLANTED}
    told = {squash(value).removeprefix("86"): entry["entity"] for entry in entries for value in entry["values"]}
    assert told.pop("lamp") == "PERSON"
    assert told == known
    dataset = (folder / "dataset" / "train.jsonl").read_text(encoding="utf-8")
    if operator != "fake":
        masks = set(re.findall(r"<[A-Z_]+[_:][0-9a-f]{8,64}>", dataset))
        assert masks == {entry["mask"] for entry in entries}


def test_no_run_writes_it_and_nothing_else_holds_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path, monkeypatch)
    assert not list(folder.rglob("*vault*"))
    write_vault(folder, tmp_path / "elsewhere.jsonl")
    assert leaks(folder, PLANTED) == []
    assert stat.S_IMODE((tmp_path / "elsewhere.jsonl").stat().st_mode) == 0o600


def test_it_does_not_depend_on_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for workers in (1, 2):
        (tmp_path / str(workers)).mkdir()
        folder = made(tmp_path / str(workers), monkeypatch, workers=workers)
        found.append(write_vault(folder).path.read_bytes())
    assert found[0] == found[1]


def test_another_key_or_none_makes_no_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path, monkeypatch)
    monkeypatch.setenv("STUDIO_PII_KEY", "quite another key of this test")
    with pytest.raises(StageError, match="another key"):
        write_vault(folder)
    monkeypatch.delenv("STUDIO_PII_KEY")
    with pytest.raises(StageError, match="no key"):
        write_vault(folder)
    assert not (folder / NAME).exists()


def test_a_run_without_such_masks_has_none(tmp_path: Path) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:4])
    run(tmp_path / "run", source, recipe="stages:\n  - use: pii\n    names: false\n", workers=1)
    with pytest.raises(InputError, match="told back"):
        write_vault(tmp_path / "run")
    with pytest.raises(InputError, match="no finished run"):
        write_vault(tmp_path)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_records(tmp_path / "in.jsonl", PLANTED[:20])
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(operator="pseudonym"))
    runs = ["--runs-dir", str(tmp_path / "runs")]
    assert main(["curate", str(source), "--recipe", str(tmp_path / "recipe.yaml"), "--no-report", *runs]) == 0
    capsys.readouterr()
    assert main(["vault", "last", "--json", *runs]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert Path(told["path"]).stat().st_mode & 0o777 == 0o600
    assert not [value for _, value in PLANTED if squash(value) in squash(said.out + said.err)]
    assert main(["vault", "last", *runs]) == 0
    assert f"{told['masks']} masks of {told['values']} values" in capsys.readouterr().out
    (folder,) = (tmp_path / "runs").iterdir()
    assert main(["runs", "rm", folder.name, "--yes", *runs]) == 0
    assert not Path(told["path"]).exists()
