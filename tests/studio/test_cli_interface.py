"""The interface itself: help, errors, exit codes, imports, and that the documentation says what the code does."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from curation import errors
from curation.events import EVENT_NAMES
from studio.cli.main import VERBS, main, studio
from studio.cli.output import table
from studio.exit_codes import MEANINGS, ExitCode
from studio.runs.execute import exit_code_of

DOCS = Path(__file__).parents[2] / "docs"
HEAVY = set("polars torch textual pydantic rich transformers faiss spacy numpy psutil orjson".split())


Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The command line in this process: exit code, stdout, stderr. Runs are in `tmp_path/runs`."""
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(tmp_path / "runs"))

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "studio", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(studio)
    for verb in VERBS:
        command = studio.get_command(context, verb)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", each) for name, each in command.commands.items())
        else:
            yield verb, command


ALL = dict(commands())


def imported(code: str) -> set[str]:
    """The top-level names of modules loaded after `code` ran in a fresh interpreter."""
    tail = "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    out = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return set(out.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words", [["--help"], ["curate", "--help"], ["runs", "--help"], ["runs", "list", "--help"], ["schema"], ["version"]]
)
def test_asking_for_help_loads_nothing_heavy(words: list[str]) -> None:
    code = f"from studio.cli.main import main\nassert main({words!r}) == 0"
    assert imported(code).isdisjoint(HEAVY)


def test_the_runs_package_needs_neither_textual_nor_torch_nor_polars() -> None:
    code = "import studio.runs.execute, studio.runs.launch, studio.runs.follow, studio.runs.stop, studio.runs.snapshot"
    assert imported(code).isdisjoint(HEAVY)


def test_help_costs_a_quarter_of_a_second_at_most() -> None:
    """CPU time, the best of three: what it takes on a machine that has nothing else to do."""
    spent = []
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-m", "studio", "--help"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        spent.append(usage.ru_utime + usage.ru_stime)
    assert min(spent) <= 0.25, spent


def test_curating_with_the_default_recipe_loads_neither_torch_nor_the_tui(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "What is the capital of France?", "answer": "It is Paris."}\n')
    words = ["curate", str(tmp_path / "a.jsonl"), "--runs-dir", str(tmp_path / "runs"), "--quiet"]
    code = f"from studio.cli.main import main\nassert main({words!r}) == 0"
    assert imported(code).isdisjoint({"torch", "transformers", "textual", "datasets", "faiss", "sentence_transformers"})


def test_the_first_line_of_each_verb_is_the_one_in_the_list() -> None:
    """The list is a table of its own, so that printing it imports no verb; it names commands that exist."""
    context = click.Context(studio)
    listed = run("--help").stdout
    for verb, (_, _, line) in VERBS.items():
        assert re.search(rf"^  {verb} +{re.escape(line)}$", listed, re.MULTILINE)
        assert studio.get_command(context, verb) is not None


@pytest.mark.parametrize("words", ALL)
def test_every_command_and_option_has_help(words: str, cli: Cli) -> None:
    command = ALL[words]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
    code, out, _ = cli(*words.split(), "--help")
    assert code == 0
    assert out.startswith("Usage: studio ")


@pytest.mark.parametrize("words", ALL)
def test_every_option_is_in_the_page_of_its_verb(words: str) -> None:
    page = (DOCS / f"{words.split()[0]}.md").read_text()
    assert words.split()[-1] in page
    for parameter in ALL[words].params:
        if isinstance(parameter, click.Option):
            longest = max(parameter.opts, key=len)
            assert re.search(rf"{re.escape(longest)}\b", page), f"{longest} is not in docs/{words.split()[0]}.md"


@pytest.mark.parametrize("verb", VERBS)
def test_no_page_names_an_option_that_does_not_exist(verb: str) -> None:
    context = click.Context(studio)
    known = {"--help", "--no-deps"}  # pip's, for the model that comes in a package
    for _, command in [*ALL.items(), ("", studio.get_command(context, verb))]:
        assert command is not None
        known |= {spelling for p in command.params if isinstance(p, click.Option) for spelling in p.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (DOCS / f"{verb}.md").read_text()))
    assert named <= known


def test_the_overview_names_every_verb_and_every_exit_code() -> None:
    page = (DOCS / "cli.md").read_text()
    for verb in VERBS:
        assert f"[`{verb}`]({verb}.md)" in page
    for code in ExitCode:
        assert f"| {int(code)} | {code.name} | {MEANINGS[code]} |" in page


def test_every_error_has_its_exit_code() -> None:
    wanted = {
        "RecipeError": 2,
        "InputError": 3,
        "BusyError": 4,
        "OutputError": 5,
        "StageError": 6,
        "Refused": 1,
        "WorkerLost": 6,
        "ClusterError": 6,
        "Stopped": 130,
    }
    for name, code in wanted.items():
        assert exit_code_of(getattr(errors, name)("x")) == code
    known = {c.__name__ for c in errors.StudioError.__subclasses__() if c.__module__ == "curation.errors"}
    assert known == set(wanted)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["curat"], 2, "Did you mean 'curate'?"),
        (["runs", "resum", "x"], 2, "Did you mean 'resume'?"),
        (["curate", "--recipie", "x"], 2, "--recipe"),
        (["curate"], 2, "Name at least one input"),
        (["curate", "x.jsonl", "--recipe", "minimall"], 2, "Did you mean 'minimal'"),
        (["curate", "no-such-file.jsonl", "--recipe", "minimal"], 3, "no-such-file.jsonl"),
        (["curate", __file__, "--recipe", "minimal", "--format", "alpacca"], 2, "Did you mean 'alpaca'"),
        (["curate", "x", "--workers", "0"], 2, "x>=1"),
        (["curate", "--resume", "last", "--limit", "3"], 2, "--limit"),
        (["runs", "show", "nothing"], 3, "There is no run"),
        (["why", "nothing", "x:1"], 3, "There is no run"),
        (["recipes", "check", "no-such-recipe"], 1, "no-such-recipe"),
    ],
)
def test_mistakes_get_one_line_a_hint_and_a_code(
    words: list[str], code: int, said: str, tmp_path: Path, cli: Cli
) -> None:
    found, out, err = cli(*words)
    assert found == code
    assert said in err
    assert err.startswith("Error: ")
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2
    assert out == ""
    assert not (tmp_path / "runs").exists(), "a mistake leaves nothing behind"


def test_hostile_arguments_reach_the_terminal_harmless(tmp_path: Path, cli: Cli) -> None:
    hostile = "x\x1b]0;owned\x07\u202egpj"
    for words in (["runs", "show", hostile], [hostile], ["curate", f"{hostile}.jsonl"], ["recipes", "check", hostile]):
        (tmp_path / "runs" / "run").mkdir(exist_ok=True, parents=True)
        (tmp_path / "runs" / "run" / "run.json").touch()
        shown = "".join(cli(*words)[1:])
        assert not any(c in shown for c in "\x1b\x07\u202e"), words
        assert "\\x1b]0;owned" in shown, words


def test_an_unexpected_error_is_one_line_and_a_private_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "text of a record"

    def fail(*_: object, **__: object) -> None:
        local = secret
        raise RuntimeError(len(local))

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("studio.runs.folder.every", fail)
    assert main(["runs", "list"]) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert len(said.splitlines()) == 2
    log = next((tmp_path / "curation-studio").iterdir())
    assert str(log) in said
    assert log.stat().st_mode & 0o777 == 0o600
    assert "Traceback" in log.read_text()
    assert secret not in log.read_text()


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.run(
        f"{sys.executable} -m studio schema | head -c 100", shell=True, capture_output=True, text=True, timeout=60
    )
    assert process.stderr == ""
    code = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m studio schema | true; exit ${{PIPESTATUS[0]}}"], capture_output=True
    )
    assert code.returncode == 0


def test_the_schema_holds_the_whole_interface(cli: Cli) -> None:
    found = json.loads(cli("schema")[1])

    def walk(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for entry in entries:
            yield entry
            yield from walk(entry.get("commands", []))

    described = {entry["command"]: entry for entry in walk(found["commands"])}
    assert {f"studio {words}" for words in ALL} <= set(described)
    for words, command in ALL.items():
        options = {option["name"] for option in described[f"studio {words}"]["options"]}
        assert options == {max(p.opts, key=len) for p in command.params if isinstance(p, click.Option)}
    assert {event["event"] for event in found["events"]} == set(EVENT_NAMES.values())
    progress = next(event for event in found["events"] if event["event"] == "progress")
    assert {field["name"] for field in progress["fields"]} == {
        "time", "phase", "done", "total", "unit", "rate", "eta",
    }  # fmt: skip
    assert [entry["code"] for entry in found["exit_codes"]] == [int(code) for code in ExitCode]


def test_completion_offers_verbs_and_options() -> None:
    answer = run(_STUDIO_COMPLETE="bash_complete", COMP_WORDS="studio cu", COMP_CWORD="1")
    assert answer.stdout.strip() == "plain,curate"
    answer = run(_STUDIO_COMPLETE="bash_complete", COMP_WORDS="studio curate --out", COMP_CWORD="2")
    assert answer.stdout.split() == ["plain,--out", "plain,--out-format"]


def test_completion_offers_the_names_of_runs(tmp_path: Path) -> None:
    (tmp_path / "20261122-1412-curate-1a2b").mkdir()
    (tmp_path / "20261122-1412-curate-1a2b" / "run.json").touch()
    answer = run(
        _STUDIO_COMPLETE="bash_complete",
        COMP_WORDS="studio runs show 2026",
        COMP_CWORD="3",
        STUDIO_RUNS_DIR=str(tmp_path),
    )
    assert answer.stdout.strip() == "plain,20261122-1412-curate-1a2b"


def test_tables_align_wide_characters_and_show_control_characters() -> None:
    text = table([["中文", 1], ["abc", 22], ["a\x1bb", 333]], ("name", "count"), right=(1,))
    assert text == "name    count\n中文        1\nabc        22\na\\x1bb    333"


def test_doctor_says_what_there_is_and_json_says_the_same(cli: Cli) -> None:
    code, plain, _ = cli("doctor")
    assert code == 0
    found = json.loads(cli("doctor", "--json")[1])
    assert set(found) == {"versions", "processor", "memory", "disk", "gpu", "models", "terminal"}
    for section, facts in found.items():
        assert f"\n{section}\n" in f"\n{plain}"
        for name in facts:
            assert name in plain
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert int(found["processor"]["cores"]) == os.cpu_count()


def test_doctor_does_not_import_torch_unless_asked() -> None:
    code = "from studio.cli.main import main\nassert main(['doctor']) == 0"
    assert imported(code).isdisjoint({"torch", "polars", "transformers", "textual"})
