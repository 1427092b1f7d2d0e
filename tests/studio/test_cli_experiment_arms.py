"""`studio experiment --arm …`: selections against each other and against chance, with a judge, over a dead endpoint."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_cli_experiment import HELD_OUT, finish, report, start, the_run, told
from train_drawn import make_tiny_model

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))

from judges import FaultyServer, answers_in, said
from llm_server import Fault

from studio.cli.main import main
from studio.exit_codes import ExitCode
from training.experiment.held_out import tokens_in

pytestmark = pytest.mark.slow

POOL, KEPT = 36, 12
BEST = f"stages:\n  - use: signals\n  - use: select\n    records: {KEPT}\n    by: quality\n    score: signals\n"
WIDE = f"stages:\n  - use: select\n    records: {KEPT}\n    by: spread\n"
ARMS = ("all", "best=best.yaml", "wide=wide.yaml", "chance=random:best", "even=random-tokens:wide")
PROMPTS, SEEDS = 3, 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, a pool of good and of cut-off answers, the held-out file, two recipes that select."""
    folder = tmp_path_factory.mktemp("arms")
    make_tiny_model(folder / "tiny")
    things = ("a boat", "the moon", "an old clock", "bread", "a violin", "the sea", "rain", "a library", "ice")
    records = [
        {
            "question": f"What would you say about {things[n % 9]} to a visitor from town number {n}?",
            "answer": f"I would say that {things[n % 9]} is worth {n} visits"
            + (" to us." if n % 3 else " and that the"),
        }
        for n in range(HELD_OUT + POOL)
    ]
    for name, part in (("validation", records[:HELD_OUT]), ("pool", records[HELD_OUT:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in part))
    (folder / "best.yaml").write_text(f"name: best\n{BEST}")
    (folder / "wide.yaml").write_text(f"name: wide\n{WIDE}")
    return folder


def words(place: Path, runs: Path, *more: str) -> list[str]:
    settings = ("optimizer.learning_rate=0.03", "schedule.batch_size=4", "schedule.accumulation=1", "device.kind=cpu")
    settings += ("device.threads=1",)  # fast enough that two trainings do not write the same
    return [
        "experiment", "--in", str(place / "pool.jsonl"), "--heldout", str(place / "validation.jsonl"), "--model",
        str(place / "tiny"), "--runs-dir", str(runs), "--workers", "1", "--json", "--allow", "learning_rate",
        "--train-preset", "full", *(part for setting in settings for part in ("--train-set", setting)), *more,
    ]  # fmt: skip


def arms(place: Path) -> list[str]:
    return [
        part
        for arm in ARMS
        for part in ("--arm", arm.replace("=best.", f"={place}/best.").replace("=wide.", f"={place}/wide."))
    ]


class Judge:
    """Marks a longer answer higher and prefers it. While it is down, it only answers a few times."""

    def __init__(self, down_after: int) -> None:
        self.left: float = down_after

    def __call__(self, body: dict[str, Any]) -> str:
        if self.left <= 0:
            raise Fault("500")
        self.left -= 1
        shown = [len(text) for text in answers_in(body)]
        if len(shown) == 1:
            return json.dumps({"reason": "counted", "score": 1 + shown[0] % 5})
        return said("A" if shown[0] > shown[1] else "B" if shown[1] > shown[0] else "tie")


@pytest.fixture(scope="module")
def whole(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The experiment whose judge was down when it was first asked, and what was there then; resumed to its end."""
    runs = tmp_path_factory.mktemp("runs")
    judge = Judge(down_after=4)
    with FaultyServer(judge) as server:
        options = ("--judge", server.address, "--judge-by", "both", "--judge-prompts", str(PROMPTS))
        settings = ("judge.attempts=1", "sampling.max_tokens=6", "sampling.temperature=1")
        more = [*options, *(part for setting in settings for part in ("--judge-set", setting))]
        usual = [*arms(place), "--seeds", str(SEEDS), "--max-steps", "3"]
        first = finish(start(*words(place, runs, *usual, *more)), ExitCode.FAILED)
        folder = the_run(runs)
        kept = [*folder.glob("legs/*/*/result.json"), *folder.glob("legs/*/*/answers.jsonl")]
        before = {path: path.stat().st_mtime_ns for path in kept}
        assert not (folder / "report.json").exists()
        judge.left = math.inf
        finish(start("experiment", "--resume", str(folder), "--json"))
        yield folder, {"first": first, "before": before, "billed": server.billed, "answered": dict(server.answered)}


def dataset(folder: Path, leg: str) -> list[dict[str, Any]]:
    (run,) = (folder / "legs" / leg).iterdir()
    lines = (run / "dataset" / "train.jsonl").read_text().splitlines()
    return [{key: record[key] for key in ("question", "answer")} for record in map(json.loads, lines)]


def test_the_arms_hold_what_they_chose_and_chance_as_much(whole: tuple[Path, Any]) -> None:
    folder, _ = whole
    pool, best, wide = (dataset(folder, f"data-{name}") for name in ("raw", "best", "wide"))
    assert (len(pool), len(best), len(wide)) == (POOL, KEPT, KEPT)
    assert all(record["answer"].endswith("to us.") for record in best) and best != wide
    draws = [dataset(folder, f"data-chance-{seed}") for seed in range(SEEDS)]
    assert [len(draw) for draw in draws] == [KEPT, KEPT] and draws[0] != draws[1]

    def tokens(leg: str) -> int:
        (run,) = (folder / "legs" / leg).iterdir()
        return tokens_in([str(run / "dataset" / "train.jsonl")])

    wanted = tokens("data-wide")
    even = [tokens(f"data-even-{seed}") for seed in range(SEEDS)]
    assert all(wanted - 60 < count <= wanted for count in even), "the last record that fits, and no more"
    facts = report(folder)
    assert facts["curation"]["arms"]["best"] == {"kept": KEPT, "dropped": POOL - KEPT, "edited": 0}
    assert set(facts["arms"]) == {"all", "best", "wide", "chance-0", "chance-1", "even-0", "even-1"}


def test_every_pair_has_its_interval_of_loss_and_of_the_judge(whole: tuple[Path, Any]) -> None:
    folder, _ = whole
    facts = report(folder)
    expected = [
        ("best", "all"), ("best", "chance"), ("wide", "all"), ("wide", "even"), ("chance", "all"), ("even", "all"),
        ("wide", "best"),
    ]  # fmt: skip
    for rows in (
        facts["differences"],
        facts["general_differences"],
        facts["judge"]["marks"]["helpfulness"]["differences"],
    ):
        assert [(one["arm"], one["other"]) for one in rows] == expected
        assert all(one["over_seeds"] is not None and len(one["by_seed"]) == SEEDS for one in rows)
    by_leg = {(leg["arm"], leg["seed"]): leg["heldout"] for leg in facts["legs"]}
    assert len(by_leg) == 5 * SEEDS
    first = facts["differences"][0]
    assert first["mean"] == pytest.approx(sum(by_leg["best", s] - by_leg["all", s] for s in range(SEEDS)) / SEEDS)
    couples = facts["judge"]["pairs"]["differences"]
    assert [(one["arm"], one["other"]) for one in couples] == expected[:4]
    assert all(one["won"] + one["lost"] + one["ties"] == SEEDS * PROMPTS for one in couples)
    text = (folder / "report.md").read_text()
    for row in (*facts["differences"], *couples):
        assert f"{row['mean']:+.4f}" in text
    assert "## The judge" in text and facts["judge"]["pairs"]["sentence"] in text


def test_a_dead_judge_leaves_everything_for_later_and_nothing_is_paid_twice(whole: tuple[Path, Any]) -> None:
    folder, seen = whole
    ending = json.loads([line for line in seen["first"].splitlines() if line.startswith("{")][-1])
    assert ending["event"] == "run_failed" and "The judge cannot be asked any more" in ending["message"]
    assert seen["before"] and all(path.stat().st_mtime_ns == then for path, then in seen["before"].items())
    assert len([path for path in seen["before"] if path.name == "answers.jsonl"]) == 5 * SEEDS
    judge = report(folder)["judge"]
    assert (judge["judged"], judge["failed"], judge["left"]) == (5 * SEEDS * PROMPTS + 4 * SEEDS * PROMPTS, 0, 0)
    assert set(seen["answered"].values()) == {1}, "no question is paid for twice"
    assert 4 < seen["billed"] == len(seen["answered"]) <= judge["cost"]["calls"]


def test_what_it_costs_is_said_before_it_begins(whole: tuple[Path, Any]) -> None:
    folder, _ = whole
    (planned,) = told(folder, "experiment_planned")
    cost = {key: value for key, value in planned["judge"].items() if key != "model"}
    assert cost == report(folder)["judge"]["cost"]
    assert (cost["answers"], cost["marks"], cost["pairs"], cost["calls"]) == (30, 30, 24, 78)
    assert planned["trainings"] == 5 * SEEDS
    for answers in folder.glob("legs/*/*/answers.jsonl"):
        rows = [json.loads(line) for line in answers.read_text().splitlines()]
        assert len(rows) == PROMPTS and all(row["tokens"] <= 6 and row["pieces"] == [] for row in rows)


def test_show_tells_of_the_judge(whole: tuple[Path, Any], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = whole
    assert main(["runs", "show", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "wide - best" in shown and "mark, helpfulness" in shown and "won - lost" in shown


def test_the_old_three_may_be_judged_too_by_a_model_in_this_process(place: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

    config = AutoConfig.from_pretrained(place / "tiny", max_position_embeddings=4096)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "judge")
    AutoTokenizer.from_pretrained(place / "tiny").save_pretrained(tmp_path / "judge")
    usual = ("--recipe", str(place / "best.yaml"), "--set", "select.records=9", "--seeds", "1", "--max-steps", "2")
    judge = ("--judge", str(tmp_path / "judge"), "--judge-prompts", "2", "--judge-set", "sampling.max_tokens=4")
    finish(start(*words(place, tmp_path / "runs", *usual, *judge)))
    facts = report(the_run(tmp_path / "runs"))
    assert facts["arms"]["curated"]["records"] == 9
    assert set(facts["curation"]) == {"read", "kept_out", "dropped", "edited"}
    assert facts["judge"]["judged"] == 3 * 2 and facts["judge"]["pairs"] is None
    means = facts["judge"]["marks"]["helpfulness"]["means"]
    assert set(means) == {"raw", "curated", "random"} and all(0 < mean < 1 for mean in means.values())
    assert facts["verdict"] == "not shown", "one seed"


def plan(place: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(words(place, place / "none", *more, "--dry-run")) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["plan"]
    assert not (place / "none").exists()
    return found


def test_a_dry_run_says_what_it_would_be(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(place, capsys, *arms(place), "--seeds", "4")
    assert [arm["name"] for arm in found["arms"]] == ["all", "best", "wide", "chance", "even"]
    assert found["arms"][4] == {"name": "even", "kind": "random", "of": "wide", "size": "tokens"}
    assert (found["trainings"], found["judge"]) == (20, None)
    judged = plan(place, capsys, *arms(place), "--seeds", "4", "--judge", "http://127.0.0.1:9/v1#x")["judge"]
    assert (judged["marks"], judged["pairs"]) == (5 * 4 * 10, 0), "all ten held-out questions"
    more = plan(place, capsys, *arms(place), "--judge", "base", "--judge-by", "pairs", "--judge-prompts", "2")["judge"]
    assert (more["marks"], more["pairs"]) == (0, 4 * 3 * 2)
    options = [
        word for word in words(place, place / "none", *arms(place), "--judge", "base", "--dry-run") if word != "--json"
    ]
    assert main(options) == 0
    shown = capsys.readouterr().out
    assert (
        "15 trainings, 3 of each arm" in shown
        and "judge base: 150 marks" in shown
        and "as many tokens as wide" in shown
    )


def test_settings_name_their_arm(place: Path, tmp_path: Path) -> None:
    from studio.cli.experiment import _arms

    texts = [f"a={place}/wide.yaml", f"b={place}/wide.yaml", "all"]
    one, other, whole = _arms(texts, ["b.select.by=coverage", "b.select.records=5"])
    assert "by: spread" in one.curation and "by: coverage" in other.curation and "records: 5" in other.curation
    assert whole.curation == ""


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--arm", "all", "--arm", "best=sft", "--recipe", "sft"], 2, "--arm NAME=RECIPE"),
        (["--arm", "all", "--arm", "best=no-such-recipe"], 2, "no-such-recipe"),
        (["--arm", "all", "--arm", "best=sft", "--set", "exact.enabled=false"], 2, "ARM.STAGE.KEY"),
        (["--arm", "all", "--arm", "best=sft", "--set", "best.nothing.x=1"], 2, "nothing"),
        (["--arm", "best=sft"], 3, "set it against"),
        (["--judge-prompts", "3"], 2, "--judge-prompts needs --judge"),
        (["--judge-set", "judge.max_calls=3"], 2, "--judge-set needs --judge"),
        (["--judge", "smollm2", "--judge-set", "judge.nothing=3"], 2, "nothing"),
        (["--judge", "smollm2", "--judge-set", "judge.rubrics=[kindness]"], 2, "kindness"),
        (["--judge", "smollm2", "--judge-set", "judge.rubrics=[none.yaml]"], 2, "none.yaml"),
        (["--judge", "no-such-model"], 3, "no-such-model"),
        (["--judge", "http://127.0.0.1:9/v1#x", "--judge-set", "judge.key_env=NO_SUCH_KEY"], 6, "NO_SUCH_KEY"),
        (["--resume", "last", "--arm", "all"], 2, "--arm"),
        (["--resume", "last", "--judge", "x"], 2, "--judge"),
    ],
)
def test_mistakes_leave_nothing_behind(
    place: Path, tmp_path: Path, more: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = [
        "--in",
        str(place / "pool.jsonl"),
        "--heldout",
        str(place / "validation.jsonl"),
        "--model",
        str(place / "tiny"),
    ]
    found = main(["experiment", *([] if "--resume" in more else usual), *more, "--runs-dir", str(tmp_path / "runs")])
    err = capsys.readouterr().err
    assert (found, message in err) == (code, True), err
    assert not (tmp_path / "runs").exists()
