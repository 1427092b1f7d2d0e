"""`studio map` from the command line: a map of a run, of files, told again, its seeds, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "curation"))
from known_topics import known_topics

from studio.cli.main import main
from studio.runs.folder import every
from studio.runs.mapping import begin_map, input_named, map_named

Cli = Callable[..., tuple[int, str, str]]
NAMES = ("cooking", "law")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A curation of records of which two are dropped, and a map of it."""
    folder = tmp_path_factory.mktemp("map")
    records, _ = known_topics(40, NAMES)
    lines = [
        json.dumps(record, ensure_ascii=False)
        for record in [*records, records[0], {"question": "\x1b[31m", "answer": "red\u202e"}]
    ]
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "exact.yaml").write_text("name: exact\nstages:\n  - use: exact\n")
    runs = str(folder / "runs")
    assert (
        main(["curate", str(folder / "a.jsonl"), "--recipe", str(folder / "exact.yaml"), "--runs-dir", runs, "-q"]) == 0
    )
    assert main(["map", "last", "--topics", "2", "--runs-dir", runs, "-q"]) == 0
    return folder


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(home / "runs"))
    monkeypatch.chdir(home)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def told(text: str) -> dict[str, Any]:
    return dict(json.loads(text.splitlines()[-1]))


def made(home: Path) -> list[str]:
    return [run.name for run in every(home / "runs") if "-map-" in run.name]


def test_a_map_is_a_run_that_can_be_told_again(home: Path, cli: Cli) -> None:
    name = made(home)[0]
    code, out, _ = cli("map", name)
    assert code == 0 and "kept" in out and "map.html" in out and f"studio map {name} --topic" in out
    found = told(cli("map", name, "--json")[1])
    assert found["records"] == 42 and found["kept"] + found["dropped"] == 42 and len(found["topics"]) == 2
    assert {path.name for path in (home / "runs" / name).iterdir()} >= {
        "map.json",
        "points.parquet",
        "map.html",
        "result.json",
    }
    listed = cli("runs", "list")[1]
    assert any(name in line and " map " in line and str(found["kept"]) in line for line in listed.splitlines())
    code, out, _ = cli("runs", "show", name)
    assert code == 0 and found["topics"][0]["words"][0] in out
    code, out, err = cli("map", "--resume", name)
    assert code == 0 and "nothing left to do" in err
    code, out, _ = cli("lineage", name)
    assert code == 0 and "-curate-" in out


def test_a_topic_is_told_and_its_records_become_seeds_that_generate_takes(home: Path, cli: Cli) -> None:
    code, out, _ = cli("map", "last", "--topic", "2")
    assert code == 0 and "Topic 2: " in out and "a.jsonl:" in out and "\x1b" not in out
    records = told(cli("map", "last", "--topic", "2", "--json")[1])["records"]
    code, out, _ = cli("map", "last", "--topic", "2", "--seeds", "two seeds.jsonl")
    assert code == 0 and out.strip() == "studio generate --from-seeds 'two seeds.jsonl' -n 40"
    seeds = [json.loads(line) for line in (home / "two seeds.jsonl").read_text().splitlines()]
    lines = [json.loads(line) for line in (home / "a.jsonl").read_text().splitlines()]
    assert 0 < len(seeds) <= len(records)
    assert all(seed in [lines[int(record.rpartition(":")[2]) - 1] for record in records] for seed in seeds)
    code, out, _ = cli("generate", "--from-seeds", "two seeds.jsonl", "-n", "4", "--dry-run", "1")
    assert code == 0 and any(seed["question"] in out for seed in seeds)
    answer = told(cli("map", "last", "--topic", "1", "--seeds", "one.jsonl", "--json")[1])
    assert answer["records"] == len((home / "one.jsonl").read_text().splitlines()) and answer["command"].endswith(
        "-n 40"
    )


def test_files_are_mapped_and_every_option_reaches_the_map(home: Path, cli: Cli) -> None:
    code, out, _ = cli("map", "a.jsonl", "--limit", "30", "--part", "prompt", "--seed", "3", "--topics", "3", "--json")
    summary = told(out)["summary"]
    assert code == 0 and len(summary["topics"]) == 3 and summary["left_out"] == 12 and "kept" not in summary["counts"]
    found = told(cli("map", made(home)[-1], "--json")[1])
    assert found["settings"] == {"topics": 3, "part": "prompt", "model": "multilingual", "limit": 30, "seed": 3}
    code, out, _ = cli("map", "a.jsonl", "--topics", "2", "--topic", "1")
    assert code == 0 and "Topic 1: " in out
    spec = json.loads((home / "runs" / made(home)[-1] / "run.json").read_text())
    assert spec["kind"] == "map" and spec["sources"][0]["name"] == "a.jsonl" and spec["sources"][0]["digest"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("map",), 2, "Name what to map"),
        (("map", "a.jsonl", "--seeds", "x"), 2, "--seeds needs --topic"),
        (("map", "nowhere.jsonl"), 3, "no file, folder or run 'nowhere.jsonl'"),
        (("map", "last", "--topic", "77"), 3, "no topic 77"),
        (("map", "a.jsonl", "--topic", "1", "--detach"), 2, "leave out --detach"),
        (("map", "a.jsonl", "--resume", "last"), 2, "keeps its inputs"),
        (("map", "a.jsonl", "--model", "./no-such-model"), 6, "no-such-model"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_run(
    home: Path, cli: Cli, words: tuple[str, ...], code: int, said: str
) -> None:
    before = made(home)
    found, _, err = cli(*words)
    assert found == code and said in err, (found, err)
    assert made(home) == before


def test_a_map_is_no_input_with_settings_and_names_mean_what_they_say(home: Path, cli: Cli) -> None:
    name = made(home)[0]
    code, _, err = cli("map", name, "--topics", "5")
    assert code == 2 and "is a map already" in err
    runs = home / "runs"
    assert input_named("last", runs).rpartition("/")[2].split("-")[2] == "curate"
    assert input_named("a.jsonl", runs) == "a.jsonl" and map_named("a.jsonl", runs) is None
    there = map_named("last", runs)
    assert there is not None and there.name == made(home)[-1]


def test_a_map_in_the_background_ends_by_itself(home: Path) -> None:
    import time

    from curation.topics.model import MapSettings, read_map
    from studio.runs.status import read_result

    folder = begin_map([str(home / "a.jsonl")], MapSettings(topics=2), home / "runs")
    for _ in range(600):
        if read_result(folder) is not None:
            break
        time.sleep(0.2)
    result = read_result(folder)
    assert result is not None and result.exit_code == 0 and len(read_map(folder.path).topics) == 2
