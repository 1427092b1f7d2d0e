"""Run folders: made private, found by any part of their name; run.json and result.json; status and its derivation."""

import json
import re
import stat
from pathlib import Path

import pytest

from curation.errors import BusyError, InputError, OutputError
from studio.runs.folder import RunFolder, create, every, find, reference
from studio.runs.lock import RunLock
from studio.runs.remove import remove
from studio.runs.spec import HIDDEN, RunSpec, new_spec, read_spec, without_secrets
from studio.runs.status import Result, Status, read_result, status_of

RECIPE = {"name": "minimal", "digest": "d1", "yaml": "stages: []\n", "resolved": {}, "stages": [], "seed": 0}


def spec(argv: list[str] | None = None) -> RunSpec:
    return new_spec("curate", ["a.jsonl"], [], RECIPE, {"workers": 2}, 0, argv or ["studio", "curate"])


def made(runs_dir: Path) -> RunFolder:
    folder = create(runs_dir, "curate")
    spec().write(folder)
    return folder


def test_a_folder_is_named_by_time_and_kind_and_is_private(tmp_path: Path) -> None:
    folder = create(tmp_path / "deep" / "runs", "curate")
    assert re.fullmatch(r"\d{8}-\d{4}-curate-[0-9a-f]{4}", folder.name)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    spec().write(folder)
    assert stat.S_IMODE(folder.spec.stat().st_mode) == 0o600


def test_a_place_where_nothing_can_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        create(tmp_path / "file" / "runs", "curate")
    assert "--runs-dir" in caught.value.hint


def test_runs_are_found_by_name_part_last_and_path(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)
    (tmp_path / "not-a-run").mkdir()
    assert {run.name for run in every(tmp_path)} == {first.name, second.name}
    assert find(tmp_path, first.name) == first
    assert find(tmp_path, str(first.path)).path.samefile(first.path)
    assert find(tmp_path, "last").name == every(tmp_path)[-1].name
    unique = next(first.name[i:] for i in range(len(first.name) - 1, 0, -1) if first.name[i:] not in second.name)
    assert find(tmp_path, unique) == first
    with pytest.raises(InputError) as caught:
        find(tmp_path, "curate")
    assert first.name in caught.value.hint
    assert second.name in caught.value.hint
    with pytest.raises(InputError) as caught:
        find(tmp_path, "lsat")
    assert "'last'" in caught.value.hint


def test_a_run_is_named_so_that_the_name_can_be_typed_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STUDIO_RUNS_DIR", raising=False)
    usual, near, far = made(tmp_path / "runs"), made(tmp_path / "my runs"), made(tmp_path / "runs")
    assert reference(usual) == usual.name
    assert reference(near) == f"'my runs/{near.name}'"
    monkeypatch.setenv("STUDIO_RUNS_DIR", "my runs")
    assert reference(near) == near.name
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert reference(far) == str(far.path)


def test_no_runs_at_all_says_how_to_start_one(tmp_path: Path) -> None:
    assert every(tmp_path / "nowhere") == []
    with pytest.raises(InputError) as caught:
        find(tmp_path / "nowhere", "last")
    assert "studio curate" in caught.value.hint


def test_the_spec_comes_back_whole(tmp_path: Path) -> None:
    folder = made(tmp_path)
    found = read_spec(folder)
    assert found.recipe == RECIPE
    assert found.cwd == str(Path.cwd())
    assert found.versions["python"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 99}', "nonsense", "\udcff"])
def test_a_damaged_spec_is_an_input_error(tmp_path: Path, text: str) -> None:
    folder = create(tmp_path, "curate")
    folder.spec.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError):
        read_spec(folder)


def test_other_settings_keep_the_earlier_ones(tmp_path: Path) -> None:
    before = spec()
    assert before.with_recipe(RECIPE, ["x"]) is before, "the same recipe is no change"
    after = before.with_recipe({**RECIPE, "digest": "d2"}, ["studio", "--token", "abc"])
    assert after.recipe["digest"] == "d2"
    assert after.argv == ["studio", "--token", HIDDEN]
    assert [item["recipe"]["digest"] for item in after.earlier] == ["d1"]


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["--api-key", "abc", "in.jsonl"], ["--api-key", HIDDEN, "in.jsonl"]),
        (["--hub-token=abc"], [f"--hub-token={HIDDEN}"]),
        (["hf_abcdefghijklmnopqrstuvwx"], [HIDDEN]),
        (["https://me:pass@host/x"], [f"https://me:{HIDDEN}@host/x"]),
        (["https://host/x?token=abc&y=1"], [f"https://host/x?token={HIDDEN}&y=1"]),
        (["--in", "keys.jsonl", "--set", "a.min=20"], ["--in", "keys.jsonl", "--set", "a.min=20"]),
    ],
)
def test_secrets_stay_out_of_run_folders(argv: list[str], shown: list[str]) -> None:
    assert without_secrets(argv) == shown


def ended(status: Status) -> Result:
    return Result(status, "2026-11-22T14:12:00+00:00", 1.5, 0, summary={"counts": {"read": 1}})


def test_status_is_derived_from_result_and_lock(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert status_of(folder) is Status.CRASHED
    with RunLock.acquire(folder):
        assert status_of(folder) is Status.RUNNING
        ended(Status.FINISHED).write(folder)
        assert status_of(folder) is Status.FINISHED, "the result is the last thing a run does"
    for status in (Status.FINISHED, Status.FAILED, Status.STOPPED):
        ended(status).write(folder)
        assert status_of(folder) is status
        assert read_result(folder) == ended(status)


@pytest.mark.parametrize("text", ["", "{}", '{"status": "great"}', '{"status": "finished"}', "[1]"])
def test_a_damaged_result_counts_as_none(tmp_path: Path, text: str) -> None:
    folder = made(tmp_path)
    folder.result.write_text(text)
    assert read_result(folder) is None
    assert status_of(folder) is Status.CRASHED


def test_removing_refuses_what_runs_and_what_is_no_run(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with RunLock.acquire(folder), pytest.raises(BusyError):
        remove(folder)
    assert folder.spec.exists()
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(InputError):
        remove(RunFolder(outside))
    (tmp_path / "link").symlink_to(folder.path)
    with pytest.raises(InputError):
        remove(RunFolder(tmp_path / "link"))
    (folder.path / "elsewhere").symlink_to(outside)
    remove(folder)
    assert not folder.path.exists()
    assert outside.exists(), "what a link in the folder points to is not the run's"
    assert json.dumps([run.name for run in every(tmp_path)]) == "[]"
