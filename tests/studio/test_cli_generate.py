"""`studio generate`, whole: from a document to pairs at a real HTTP server, and on through `curate` back to the sentence."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from llm_server import FaultyServer, last_user_text

from curation.ledger import batch_of
from curation.synthesis.decisions import decide
from curation.synthesis.story import item_story
from studio.cli.main import main
from studio.runs.begin import make
from studio.runs.execute import execute
from studio.runs.train_begin import make_train
from training.compare.back.story import made_of, story_of
from training.recipe import TrainRecipe

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

Cli = Callable[..., tuple[int, str, str]]
DOCUMENT = """# The bicycle library

## Lending

The library lends bicycles to members for three weeks at a time. A member may extend a loan twice, as long as nobody else
has reserved the bicycle. Whoever returns a bicycle late pays two crowns for each day.

## Workshop

The workshop in Harbour Street opens every Tuesday at six in the evening. Volunteers repair brakes and tyres there, and
they teach members how to true a wheel. Spare parts are sold at cost.
"""
ZH = """# 阅览室

阅览室每天上午九点开门，晚上八点关门。读者凭借书证可以借阅五本书，借期为三十天。逾期不还的，每天罚款两元。
"""
PAIRS = {
    "Lending": [
        ("For how long does the bicycle library lend a bicycle to a member?",
         "The bicycle library lends a bicycle to members for three weeks at a time.",
         "The library lends bicycles to members for three weeks at a time."),
        ("How often may a member of the bicycle library extend a loan?",
         "A member may extend a loan twice, as long as nobody else has reserved the bicycle.",
         "A member may extend a loan twice, as long as nobody else\nhas reserved the bicycle."),
    ],
    "Workshop": [
        ("When does the workshop in Harbour Street open?",
         "The workshop in Harbour Street opens every Tuesday at six in the evening.",
         "The workshop in Harbour Street opens every Tuesday at six in the evening."),
        ("What do volunteers teach members in the workshop?",
         "According to the passage, they teach members how to true a wheel.",
         "they teach members how to true a wheel"),
    ],
    "阅览室": [
        ("阅览室每天几点开门？", "阅览室每天上午九点开门。", "阅览室每天上午九点开门，晚上八点关门。"),
        ("读者凭借书证可以借阅几本书？", "读者凭借书证可以借阅五本书。", "这句话原文里没有，是编造出来的。"),
    ],
}  # fmt: skip
SHORT = ("--set", "chunks.tokens=80", "--set", "chunks.overlap=0", "--set", "chunks.minimum=8", "--set", "ask.per_chunk=2",
         "--set", "ask.per_call=2", "--set", "gates.semantic=0")  # fmt: skip


def answer(body: dict[str, Any]) -> str:
    """Two pairs about the section that the prompt shows; one of the second has a fault that a gate must see."""
    asked = last_user_text(body)
    marks = {"Lending": "lends bicycles", "Workshop": "Spare parts", "阅览室": "借书证"}
    found = [PAIRS[name] for name, mark in marks.items() if mark in asked]
    assert len(found) == 1, asked
    items = [{"question": q, "answer": a, "quote": quote} for q, a, quote in found[0]]
    return json.dumps({"items": items}, ensure_ascii=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "bicycles.md").write_text(DOCUMENT)
    (tmp_path / "docs" / "reading_room.md").write_text(ZH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], home: Path) -> Cli:
    """A verb in this process: exit code, stdout, stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


def generated(home: Path) -> Path:
    return max((home / "runs").glob("*-generate-*"), key=lambda path: path.stat().st_mtime)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_from_documents_to_a_curated_dataset_and_back_to_the_sentence(
    cli: Cli, home: Path, server: FaultyServer
) -> None:
    code, out, err = cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT, "--plain")
    assert code == 0, err
    assert out.strip().splitlines()[0] == "requested 6 = accepted 4 + rejected 2 + failed 0", out
    assert re.search(r"leakage +1 ", out) and re.search(r"quote_not_found +1 ", out)
    assert "Nothing leaves this machine" in err and "estimate: 3 calls" in err
    assert err.index("estimate:") < err.index("generate: ")
    folder = generated(home)
    records = rows(folder / "dataset" / "train.jsonl")
    assert len(records) == 4 and server.billed == 3
    for record in records:
        document, chunk = record["parents"]
        text = (folder / "documents" / f"{document}.md").read_text()
        (span,) = record["spans"]
        assert " ".join(text[span["start"] : span["end"]].split()) == " ".join(span["quote"].split())
        assert chunk in {row["chunk_id"] for row in rows(folder / "chunks.jsonl")}

    # An item by its id, by a fragment, as JSON
    first = next(record for record in records if "Harbour Street" in json.dumps(record))
    code, out, _ = cli("why", folder.name, first["id"])
    assert code == 0
    assert "‹The workshop in Harbour Street opens every Tuesday at six in the evening.›" in out
    assert (
        "bicycles.md" in out and "Workshop" in out and "prompt: qa.jinja (sha256 " in out and "every gate passed" in out
    )
    code, found, _ = cli("why", folder.name, "When does the workshop in Harbour", "--json")
    told = json.loads(found)
    assert told["item"]["item_id"] == first["id"] and told["chunk"]["headings"][-1] == "Workshop"
    assert told["prompt_digest"] == first["prompt_digest"] and told["outcome"]["calls"] == [first["call"]]
    code, out, _ = cli("why", "last", "According to the passage")
    assert code == 0 and "rejected, leakage" in out and "turned away: leakage" in out
    assert cli("why", "last", "u09999.0")[0] == 3

    # Straight into curate, the run's folder standing for its dataset; what it says of its making comes along
    code, out, err = cli("curate", str(folder), "--set", "split.enabled=false", "--workers", "1", "--no-report")
    assert code == 0 and "read 4 = " in out, out + err
    curation = max((home / "runs").glob("*-curate-*"), key=lambda path: path.stat().st_mtime)
    kept = {record["id"]: record for split in (curation / "dataset").glob("*.jsonl") for record in rows(split)}
    assert kept[first["id"]] == first
    assert batch_of(curation, 0).records["parent_ids"].to_list() == [record["parents"] for record in records]
    code, out, _ = cli("why", curation.name, "When does the workshop")
    assert "before that" in out and "‹The workshop in Harbour Street opens" in out
    code, out, _ = cli("why", curation.name, f"train.jsonl:{records.index(first) + 1}", "--json")
    assert json.loads(out)["made"]["item"]["item_id"] == first["id"]

    # The tree, from the document on and from the dataset back
    code, out, _ = cli("lineage", "docs/bicycles.md")
    assert code == 0 and folder.name in out and curation.name in out
    assert "requested 6 = accepted 4 + rejected 2 + failed 0" in out and f"written by {server.address}" in out
    code, out, _ = cli("lineage", curation.name)
    assert code == 0 and out.index(folder.name) > out.index("made from")

    # A training on either leads back too
    for dataset in (folder, curation):
        training, lock = make_train(
            [str(dataset)], TrainRecipe.load("lora").with_settings(["model.name=smollm2"]), home / "runs"
        )
        lock.close()
        lines = rows(dataset / "dataset" / "train.jsonl")
        story = story_of(training.path, "train.jsonl:1").original
        assert story.made is not None and story.made.item.item_id == lines[0]["id"]
        code, out, _ = cli("lineage", training.name, "--record", "train.jsonl:1")
        assert code == 0 and "‹" in out and f"made by {folder.name}" in out


def test_nothing_is_paid_for_twice_and_a_budget_is_kept(cli: Cli, home: Path, server: FaultyServer) -> None:
    words = (
        "generate",
        "--from-documents",
        "docs/bicycles.md",
        "docs/reading_room.md",
        "--model",
        server.address,
        *SHORT,
    )
    code, out, err = cli(*words, "--max-calls", "1", "--set", "model.concurrency=1")
    assert code == 0, err
    assert server.billed == 1 and "budget" in out and "studio generate --resume" in out
    folder = generated(home)
    code, out, err = cli("generate", "--resume", "last", "--max-calls", "10")
    assert code == 0, err
    assert server.billed == 3 and "requested 6 = accepted 4 + rejected 2 + failed 0" in out
    code, out, err = cli("generate", "--resume", folder.name)
    assert code == 0 and "finished already" in err and server.billed == 3
    assert json.loads((folder / "run.json").read_text())["recipe"]["resolved"]["budget"]["calls"] == 10

    # Another run asks the same: every call is found in the ledger of the first
    code, out, err = cli(*words, "--out", "pairs.jsonl")
    assert code == 0 and server.billed == 3, err
    assert generated(home) != folder
    assert rows(home / "pairs.jsonl") == rows(generated(home) / "dataset" / "train.jsonl")
    code, shown, _ = cli("runs", "show", "last", "--json")
    secret = json.loads((folder / "run.json").read_text())["options"]["secret"]
    assert len(secret) == 32 and secret not in shown and secret not in cli("runs", "show", "last")[1]


def test_decisions_reach_the_dataset_with_a_report_or_a_resume(cli: Cli, home: Path, server: FaultyServer) -> None:
    assert cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT)[0] == 0
    folder = generated(home)
    gone = rows(folder / "dataset" / "train.jsonl")[0]["id"]
    decide(folder, gone, "reject", "ann")
    code, out, _ = cli("generate", "--report", "last")
    assert code == 0 and "requested 6 = accepted 3 + rejected 3 + failed 0" in out and re.search(r"human +1 ", out)
    assert gone not in {record["id"] for record in rows(folder / "dataset" / "train.jsonl")}
    code, out, _ = cli("why", "last", gone)
    assert "rejected, human" in out and "ann: reject" in out and "every gate passed" in out
    decide(folder, gone, "restore", "ann")
    code, out, err = cli("generate", "--resume", "last")
    assert code == 0 and "accepted 4" in out, err
    assert server.billed == 3
    code, out, err = cli("generate", "--report", "last", "--json")
    assert json.loads(out)["counts"]["accepted"] == 4


def test_a_dry_run_asks_nobody(cli: Cli, home: Path, server: FaultyServer) -> None:
    words = (
        "generate",
        "--from-documents",
        "docs",
        "--model",
        server.address,
        *SHORT,
        "--set",
        "budget.price_prompt=2",
    )
    code, out, err = cli(*words, "--dry-run", "1")
    assert code == 0, err
    assert out.count("── Prompt") == 1 and "lends bicycles" in out and "estimate: 3 calls" in out and "in money" in out
    code, out, _ = cli(*words, "--json", "--dry-run")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line.get("prompt") for line in lines] == [1, 2, 3, None]
    assert lines[-1]["estimate"]["calls"] == 3 and lines[-1]["estimate"]["leaves_machine"] is False
    looked = cli(*words, "--judge", "same", "--set", "gates.answerable=model", "--json", "--dry-run", "0")[1]
    assert json.loads(looked)["estimate"]["calls"] == 3 + 2 * 6
    assert not server.requests and not (home / "runs").exists()


def test_prompts_are_files_of_the_users_own(cli: Cli, home: Path, server: FaultyServer) -> None:
    code, out, err = cli("generate", "--copy-prompts", "mine")
    assert code == 0 and "mine/qa.jinja" in out and "prompts.folder=mine" in err
    file = home / "mine" / "qa.jinja"
    file.write_text(file.read_text().replace("{% block user %}", "{% block user %}\nAsk about numbers.\n"))
    words = ("generate", "--from-documents", "docs", "--model", server.address, *SHORT, "--set", "prompts.folder=mine")
    assert cli(*words)[0] == 0
    assert all("Ask about numbers." in last_user_text(seen.body) for seen in server.requests)
    file.write_text("{% block system %}{% endblock %}{% block user %}{{ nothing_like_it }}{% endblock %}")
    code, _, err = cli(*words)
    assert code == 2 and "qa.jinja" in err and "nothing_like_it" in err
    assert len(list((home / "runs").iterdir())) == 1, "what cannot work leaves no folder"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--from-documents"),
        (("docs",), 2, "--from-"),
        (("--from-documents", "docs", "--from-seeds", "a.csv"), 2, "one kind"),
        (("--from-documents", "docs", "--how", "rewrite"), 2, "--from-records"),
        (("--from-documents", "missing.pdf"), 3, "missing.pdf"),
        (("--from-seeds", "missing.csv"), 3, "missing.csv"),
        (("--from-documents", "docs", "--preset", "document"), 2, "documents"),
        (("--from-documents", "docs", "--set", "ask.per_chunck=3"), 2, "per_chunk"),
        (("--from-documents", "docs", "--max-money", "3"), 2, "price"),
        (("--from-records", "docs/bicycles.md", "--how", "translate"), 2, "ask.languages"),
        (("--from-documents", "docs", "--model", "http://example.com/v1#m"), 3, "in the clear"),
        (("--resume", "last", "--from-seeds", "a.csv"), 3, "There is no run"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing_behind(
    cli: Cli, home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    found, _, err = cli("generate", *words)
    assert found == code and said in err, err
    assert not (home / "runs").exists() or not list((home / "runs").iterdir())


def test_a_generation_that_goes_on_keeps_its_sources(cli: Cli, home: Path, server: FaultyServer) -> None:
    assert cli("generate", "--from-documents", "docs/reading_room.md", "--model", server.address, *SHORT)[0] == 0
    code, _, err = cli("generate", "--resume", "last", "--from-seeds", "a.csv")
    assert code == 2 and "--from-seeds" in err
    (home / "a.jsonl").write_text('{"question": "What is the capital of France?", "answer": "It is Paris."}\n')
    assert cli("curate", "a.jsonl", "--workers", "1", "--no-report")[0] == 0
    code, _, err = cli("generate", "--resume", max(home.glob("runs/*-curate-*")).name)
    assert code == 3 and "no generation" in err


def test_a_detached_generation_is_done_by_a_worker(cli: Cli, home: Path, server: FaultyServer) -> None:
    code, out, err = cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT, "--detach")
    assert code == 0, err
    code, out, err = cli("runs", "attach", out.strip())
    assert code == 0 and "requested 6 = accepted 4 + rejected 2 + failed 0" in out, err
    code, out, _ = cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "run_finished" and events[-1]["summary"]["kind"] == "generate"
    assert {"generate_prepared", "unit_finished"} <= {event["event"] for event in events}


def test_the_story_of_a_text_that_has_changed_says_so(cli: Cli, home: Path, server: FaultyServer) -> None:
    assert cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT)[0] == 0
    folder = generated(home)
    item = rows(folder / "dataset" / "train.jsonl")[0]
    path = folder / "documents" / f"{item['parents'][0]}.md"
    path.write_text("Something else.\n" + path.read_text())
    assert not item_story(folder, item["id"]).intact
    assert "no longer the one" in cli("why", folder.name, item["id"])[1]
    path.unlink()
    story = item_story(folder, item["id"])
    assert not story.intact and story.document is not None and not story.sentences


def test_the_screens_show_the_sentence(cli: Cli, home: Path, server: FaultyServer) -> None:
    """A hunk of the Review screen, and a training record of the Compare screen, lead back to what the record was made of."""
    from curation.diff import ReviewIndex
    from studio.tui.made_text import made_content
    from studio.tui.screens.compare_back_frames import record_content
    from studio.tui.screens.review_messages import Shown
    from studio.tui.screens.review_text import hunk_content
    from training.compare.back.nearest import Near

    hostile = "docs/bicycles.md"
    (home / hostile).write_text((home / hostile).read_text().replace("opens every", "opens\x1b[2J\u202e every"))
    assert cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT)[0] == 0
    folder = generated(home)
    assert cli("curate", str(folder), "--set", "length.min_chars=200", "--workers", "1", "--no-report")[0] == 0
    curation = max((home / "runs").glob("*-curate-*"))
    hunks = ReviewIndex.open(curation).hunks([0])
    made = made_of(curation, hunks[0].record_id)
    assert made is not None
    drawn = hunk_content(Shown(hunks[0], (), made), "1/4", 90, side=False, whole=True).plain
    assert f"‹{made.sentences[0].text}›" in " ".join(drawn.split()) and made.run.name in drawn
    training, lock = make_train(
        [str(folder)], TrainRecipe.load("lora").with_settings(["model.name=smollm2"]), home / "runs"
    )
    lock.close()
    near = Near("train.jsonl:1", 0.9, 0.9, 0.5, (), "asked", "said")
    drawn = record_content(near, "said", story_of(training.path, "train.jsonl:1"), "b").plain
    assert made.run.name in drawn and "‹" in drawn
    item = next(
        item for item in ("u00001.0", "u00002.0", "u00003.0") if "Harbour" in str(item_story(folder, item).made)
    )
    text = "\n".join(each.plain for each in made_content(item_story(folder, item)))
    assert "\x1b" not in text and "\u202e" not in text


def test_a_record_may_claim_what_it_likes(cli: Cli, home: Path, server: FaultyServer) -> None:
    """Its run must be there, be a generation, and have such an item."""
    assert cli("generate", "--from-documents", "docs", "--model", server.address, *SHORT)[0] == 0
    folder = generated(home)
    claims = [(folder.name, "u09999.0"), ("../runs/" + folder.name, "u00001.0"), ("nobody", "u00001.0"), (3, None)]
    lines = [
        {
            "question": f"Whose claim is number {n}?",
            "answer": "It is nobody's, really.",
            "id": item,
            "run": run,
            "parents": [],
        }
        for n, (run, item) in enumerate(claims)
    ]
    (home / "claims.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    from curation.recipe import Recipe

    run, lock = make(["claims.jsonl"], Recipe.load("minimal"), home / "runs", options={"workers": 1, "report": False})
    with lock:
        assert execute(run, lock).exit_code == 0
    assert [made_of(run.path, f"claims.jsonl:{n}") for n in range(1, 5)] == [None] * 4
