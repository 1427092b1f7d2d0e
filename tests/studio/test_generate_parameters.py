"""Every parameter of a generation's recipe changes an outcome: what is asked, what is read, what is paid for, what is kept.

Those of source, ask, privacy and budget are tried here, each against prompts as they would be sent or against a real HTTP
server; for every other the file that tries it is named. A new parameter without a test fails the first test.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "curation"))

from llm_server import FaultyServer

from curation.errors import StudioError
from curation.llm.budget import BILLIONTHS, Budget, Cost
from curation.llm.model import ChatRequest
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.run import dry_run
from curation.synthesis.sections import GateSettings
from studio.cli.main import main

TESTS = Path(__file__).resolve().parents[1]
CHECKS: dict[str, Callable[[Path], None]] = {}
ELSEWHERE: Mapping[str, str] = {
    "source.timeout": "curation/test_documents_hostile.py",
    "source.memory": "curation/test_documents_hostile.py",
    **dict.fromkeys(
        ("model.name", "model.key_env", "model.temperature", "model.top_p", "model.max_tokens", "model.structured",
         "model.attempts", "model.timeout", "model.concurrency", "model.threads"),
        "studio/test_generate_model_settings.py",
    ),
    **dict.fromkeys(
        ("chunks.tokens", "chunks.overlap", "chunks.minimum", "chunks.tokenizer"), "curation/test_chunks.py"
    ),
    "prompts.folder": "studio/test_cli_generate.py",
    **dict.fromkeys(
        (f"gates.{name}" for name in GateSettings.model_fields if name not in ("existing", "judge_key_env")),
        "curation/test_synthesis_gates.py",
    ),
    "output.format": "curation/test_generate_run.py",
    "output.system": "curation/test_generate_run.py",
}  # fmt: skip

TEXT = "The museum of clocks opens at nine. Ann Lee (ann.lee@example.com, 555-867-5309) winds every clock on Mondays."
RECORDS = (
    ("When does the museum open?", "The museum of clocks opens at nine in the morning."),
    ("Who winds the clocks?", "Every clock is wound by the keeper on Mondays."),
    ("What is the oldest clock?", "The oldest clock is a water clock made of bronze."),
    ("How many clocks are there?", "There are four hundred clocks in eleven rooms."),
    ("May I touch a clock?", "Visitors may touch the clocks in the last room."),
    ("Where can I eat?", ""),
)


def about(key: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Registers what tries the parameter."""

    def keep(check: Callable[[Path], None]) -> Callable[[Path], None]:
        CHECKS[key] = check
        return check

    return keep


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document, lines that may be documents, and records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_RUNS_DIR", str(tmp_path / "runs"))
    (tmp_path / "one.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / "lines.txt").write_text(
        "".join(f"Room {n} has {n} clocks in it.\n" for n in range(4)), encoding="utf-8"
    )
    with (tmp_path / "records.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *RECORDS])
    return tmp_path


def asked(
    home: Path, *changes: str, kind: str = "documents", file: str = "", leaves: bool = False
) -> list[ChatRequest]:
    """The requests that a recipe comes to."""
    settings = [f"source.kind={kind}", "chunks.minimum=4", *changes]
    recipe = GenerateRecipe.load("documents").with_settings(settings)
    given = file or ("one.md" if kind == "documents" else "records.csv")
    return list(dry_run(recipe, [str(home / given)], None, leaves))


def said(requests: list[ChatRequest]) -> list[str]:
    return ["\n".join(message.content for message in request.messages) for request in requests]


def test_every_parameter_is_tried_somewhere() -> None:
    fields = {f"{section}.{name}" for section, known in GenerateRecipe.sections().items() for name in known}
    assert fields == CHECKS.keys() | ELSEWHERE.keys(), "a parameter without a test, or a test of none"
    assert not CHECKS.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("key", ELSEWHERE)
def test_the_file_that_tries_it_does(key: str) -> None:
    text = (TESTS / ELSEWHERE[key]).read_text(encoding="utf-8")
    section, name = key.split(".")
    assert re.search(rf"\b{section}\.{name}\b|[^\w]{name}=|\"{name}\"", text), (
        f"{ELSEWHERE[key]} does not speak of {key}"
    )


# What it is made from


@about("source.kind")
def kinds(home: Path) -> None:
    found = {
        kind: said(asked(home, "source.limit=1", kind=kind))[0] for kind in ("documents", "seeds", "texts", "records")
    }
    assert len(set(found.values())) == 4
    assert "museum of clocks opens at nine. Ann Lee" in found["documents"]
    assert RECORDS[0][0] in found["seeds"]
    assert RECORDS[0][0] not in found["texts"]
    assert RECORDS[0][0] in found["records"]
    assert RECORDS[0][1] in found["texts"]


@about("source.how")
def works(home: Path) -> None:
    hows = ("rewrite", "complete", "translate", "deepen")
    found = {
        how: said(asked(home, f"source.how={how}", "ask.languages=[fr]", kind="records", file="records.csv"))
        for how in hows
    }
    assert len({prompts[0] for prompts in found.values()}) == 4
    assert {how: len(prompts) for how, prompts in found.items()} == {
        "rewrite": 6,
        "complete": 1,
        "translate": 6,
        "deepen": 6,
    }
    assert "Where can I eat?" in found["complete"][0]


@about("source.lines")
def lines(home: Path) -> None:
    once = ("ask.per_chunk=1", "ask.anchor=quote")
    whole = said(asked(home, *once, file="lines.txt"))
    apart = said(asked(home, *once, "source.lines=true", file="lines.txt"))
    assert len(whole) == 1
    assert "Room 0" in whole[0]
    assert "Room 3" in whole[0]
    assert [re.findall(r"Room \d", prompt) for prompt in apart] == [[f"Room {n}"] for n in range(4)]


@about("source.limit")
def limit(home: Path) -> None:
    assert len(asked(home, "ask.per_chunk=1", "source.lines=true", "source.limit=3", file="lines.txt")) == 3
    for kind in ("texts", "records", "seeds"):
        assert len(asked(home, "source.limit=2", kind=kind)) == 2


# What is asked for


@about("ask.items")
def items(home: Path) -> None:
    for kind in ("documents", "seeds", "texts", "records"):
        assert len(asked(home, "ask.items=7", "ask.per_call=1", kind=kind)) == 7


@about("ask.per_chunk")
def per_chunk(home: Path) -> None:
    assert len(asked(home, "ask.per_chunk=2", "ask.per_call=1")) == 2
    assert len(asked(home, "ask.per_chunk=5", "ask.per_call=1")) == 5


@about("ask.per_call")
def per_call(home: Path) -> None:
    assert [len(asked(home, "ask.per_chunk=6", f"ask.per_call={most}")) for most in (1, 2, 6)] == [6, 3, 1]
    one, six = (said(asked(home, "ask.per_chunk=6", f"ask.per_call={most}"))[0] for most in (1, 6))
    assert "6" in six.replace(TEXT, "")
    assert one != six
    at_endpoint = asked(home, "ask.per_chunk=6", "model.name=http://127.0.0.1:1/v1#m")
    assert (len(at_endpoint), len(asked(home, "ask.per_chunk=6"))) == (2, 6), "0: 3 of an endpoint, else 1"


@about("ask.types")
def types(home: Path) -> None:
    one = ("ask.per_call=1", "ask.anchor=quote")
    prompts = said(asked(home, "ask.types=[numeric, cause]", "ask.per_chunk=4", *one))
    assert prompts[0] != prompts[1]
    plain = [re.sub(r"[0-9a-f]{8,}", "", prompt) for prompt in prompts]
    assert plain[0] == plain[2]
    assert plain[1] == plain[3]
    others = [re.sub(r"[0-9a-f]{8,}", "", prompt) for prompt in said(asked(home, "ask.types=[definition]", *one))]
    assert not set(others) & set(plain)


@about("ask.anchor")
def anchor(home: Path) -> None:
    def sentences(*changes: str) -> list[str]:
        prompts = asked(home, "ask.per_chunk=2", *changes)
        return [
            each for prompt in prompts for each in re.findall(r"<sentence \w+>\n(.*)\n<", prompt.messages[-1].content)
        ]

    there = "model.name=http://127.0.0.1:1/v1#m"
    two = ["The museum of clocks opens at nine.", TEXT.partition("nine. ")[2]]
    assert sentences() == sentences("ask.anchor=sentence") == sentences("ask.anchor=sentence", there) == two
    assert sentences("ask.anchor=quote") == sentences(there) == []


@about("ask.difficulties")
def difficulties(home: Path) -> None:
    prompts = said(
        asked(home, "ask.types=[cause]", "ask.difficulties=[easy, hard]", "ask.per_chunk=2", "ask.per_call=1")
    )
    plain = [re.sub(r"[0-9a-f]{8,}", "", prompt) for prompt in prompts]
    assert plain[0] != plain[1]
    assert "easy" in plain[0].lower()
    assert "hard" in plain[1].lower()


@about("ask.turns")
def turns(home: Path) -> None:
    one, three = (asked(home, f"ask.turns={count}", "ask.per_chunk=1") for count in (1, 3))
    assert said(one) != said(three)
    assert "3" in said(three)[0].replace(TEXT, "")
    assert three[0].schema is not None
    assert three[0].schema != one[0].schema


@about("ask.reasoning")
def reasoning(home: Path) -> None:
    without, steps = (
        asked(home, f"ask.reasoning={value}", "ask.per_chunk=2", "ask.per_call=2") for value in ("false", "true")
    )
    assert '"reasoning"' not in json.dumps(without[0].schema)
    assert '"reasoning"' in json.dumps(steps[0].schema)
    assert "reasoning" in said(steps)[0].lower()


@about("ask.languages")
def languages(home: Path) -> None:
    own, chinese, french = (
        said(asked(home, "ask.per_chunk=1", *more))[0]
        for more in ((), ("ask.languages=[zh]",), ("ask.languages=[fr]",))
    )
    assert "问" in chinese
    assert "问" not in own
    assert "French" in french
    assert "French" not in own


@about("ask.examples")
def examples(home: Path) -> None:
    for shown in (1, 3, 6):
        for prompt in said(asked(home, f"ask.examples={shown}", kind="seeds")):
            assert sum(question in prompt for question, _ in RECORDS) == shown


@about("ask.guidance")
def guidance(home: Path) -> None:
    words = "Ask as a child of nine would ask."
    for kind in ("documents", "seeds", "texts", "records"):
        assert all(words in prompt for prompt in said(asked(home, f"ask.guidance={words}", kind=kind)))
        assert not any(words in prompt for prompt in said(asked(home, kind=kind)))


@about("ask.seed")
def seed(home: Path) -> None:
    for kind in ("documents", "seeds", "texts", "records"):
        first, second = ([each.seed for each in asked(home, f"ask.seed={value}", kind=kind)] for value in (0, 1))
        assert not set(first) & set(second)
    first, second = (
        [[q for q, _ in RECORDS if q in prompt] for prompt in said(asked(home, f"ask.seed={value}", kind="seeds"))]
        for value in (0, 1)
    )
    assert first != second, "other seeds are drawn"


# What leaves the machine


@about("privacy.mask")
def mask(home: Path) -> None:
    for how, leaves, hidden in (
        ("auto", True, True), ("auto", False, False), ("always", False, True), ("never", True, False),
    ):  # fmt: skip
        only = "privacy.entities=[EMAIL_ADDRESS]"  # which needs no model of names
        (prompt,) = said(asked(home, f"privacy.mask={how}", only, "ask.items=1", leaves=leaves))
        assert ("ann.lee@example.com" not in prompt) is hidden
        assert ("<EMAIL_ADDRESS>" in prompt) is hidden


@about("privacy.entities")
def entities(home: Path) -> None:
    (prompt,) = said(asked(home, "privacy.entities=[PHONE_NUMBER]", "ask.items=1", leaves=True))
    assert "<PHONE_NUMBER>" in prompt
    assert "ann.lee@example.com" in prompt


# What is paid for


def answer(body: dict[str, Any]) -> str:
    """An item about the room that the prompt shows."""
    (number,) = set(re.findall(r"Room (\d) has", json.dumps(body)))
    said_of_it = f"Room {number} has {number} clocks in it."
    item = {"question": f"How many clocks does room {number} have?", "answer": said_of_it, "quote": said_of_it}
    return json.dumps({"items": [item]})


SETTINGS = (
    "source.lines=true", "chunks.minimum=4", "ask.per_chunk=1", "model.concurrency=1", "model.max_tokens=200",
    "gates.semantic=0", "gates.near=0",
)  # fmt: skip


def generated(home: Path, *changes: str) -> tuple[dict[str, Any], FaultyServer]:
    """The summary of a run about four rooms, one after another, at a real server."""
    settings = [*SETTINGS, *changes]
    with FaultyServer(answer) as server:
        words = ["generate", "--from-documents", "lines.txt", "--model", server.address, "-q"]
        main([*words, *(word for change in settings for word in ("--set", change))])
    newest = max((home / "runs").glob("*-generate-*"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return json.loads((newest / "summary.json").read_text(encoding="utf-8")), server


def counts(summary: Mapping[str, Any]) -> tuple[int, int]:
    """Accepted, and failed because the budget was spent or never asked for; the law holds."""
    found = summary["counts"]
    assert found["requested"] == found["accepted"] + found["rejected"] + found["failed"]
    assert found["planned"] == 4
    return found["accepted"], summary["reasons"].get("budget", 0) + found["left"]


@about("budget.calls")
def calls(home: Path) -> None:
    summary, server = generated(home, "budget.calls=2")
    assert server.billed == 2
    assert counts(summary) == (2, 2)


@about("budget.tokens")
def tokens(home: Path) -> None:
    bound, spent = room_for_two(home)
    summary, server = generated(home, f"budget.tokens={bound.tokens}")
    assert server.billed == 2
    assert counts(summary) == (2, 2)
    assert summary["prompt_tokens"] + summary["completion_tokens"] == spent.tokens // 2


PRICED = ("budget.price_prompt=1000", "budget.price_completion=5000")


@about("budget.money")
def money(home: Path) -> None:
    bound, spent = room_for_two(home, *PRICED)
    summary, server = generated(home, *PRICED, f"budget.money={bound.money / BILLIONTHS}")
    assert server.billed == 2
    assert counts(summary) == (2, 2)
    assert summary["spent"]["money"] == pytest.approx(spent.money / BILLIONTHS / 2)


def room_for_two(home: Path, *changes: str) -> tuple[Cost, Cost]:
    """A bound that the third of four calls may pass, and what all four come to where there is none."""
    whole, server = generated(home, *changes)
    assert server.billed == 4
    assert counts(whole) == (4, 0)
    (home / "runs").rename(home / "before")  # what was paid for there would be found again
    budget = Budget(price_prompt=1000, price_completion=5000) if changes else Budget()
    spent = budget.cost(whole["prompt_tokens"], whole["completion_tokens"])
    first = asked(home, *SETTINGS, *changes, "model.name=http://127.0.0.1:1/v1#stub", file="lines.txt")[0]
    most = budget.reservation(first)
    return Cost(most.tokens + spent.tokens * 3 // 8, most.money + spent.money * 3 // 8), spent


@about("budget.price_prompt")
def price_prompt(home: Path) -> None:
    priced("budget.price_prompt", "prompt_tokens", home)


@about("budget.price_completion")
def price_completion(home: Path) -> None:
    priced("budget.price_completion", "completion_tokens", home)


def priced(key: str, tokens: str, home: Path) -> None:
    """What is spent is the price of a million of these tokens, and told so."""
    summary, _ = generated(home, f"{key}=1000000")
    assert summary["spent"]["money"] == pytest.approx(summary[tokens])
    assert summary[tokens] > 0


# What is told by files and keys, besides what gates do by themselves


@about("gates.existing")
def existing(home: Path) -> None:
    """A dataset that is there: a file, or a finished run."""
    item = json.loads(answer({"prompt": "Room 2 has"}))["items"][0]
    record = {"question": item["question"], "answer": item["answer"]}
    (home / "there.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    summary, _ = generated(home, "gates.near=0.7", "gates.existing=[there.jsonl]")
    assert summary["reasons"] == {"in_dataset": 1}
    assert summary["counts"]["accepted"] == 3
    (run,) = (home / "runs").glob("*-generate-*")
    again, _ = generated(home, "gates.near=0.7", f"gates.existing=[{run}]")
    assert again["reasons"] == {"in_dataset": 3}


@about("gates.judge_key_env")
def judge_key(home: Path) -> None:
    """The judge's key is sent to the judge, and to nobody else."""
    with pytest.MonkeyPatch.context() as patch, FaultyServer(lambda _: '{"reason": "Fine.", "mark": 5}') as judge:
        patch.setenv("KEY_OF_THE_JUDGE", "sk-judges-own-key")
        judged = (f"gates.judge={judge.address}", "gates.judge_key_env=KEY_OF_THE_JUDGE")
        summary, server = generated(home, *judged)
        assert summary["counts"]["accepted"] == 4
    assert {seen.headers.get("authorization") for seen in judge.requests} == {"Bearer sk-judges-own-key"}
    assert not any("sk-judges-own-key" in str(seen.headers) for seen in server.requests)


@pytest.mark.parametrize("key", CHECKS)
def test_it_changes_an_outcome(key: str, home: Path) -> None:
    CHECKS[key](home)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("ask.languages=[klingonish]", "unknown language"),
        ("privacy.entities=[NAME]", "no type of personal data"),
        ("budget.money=1", "no price is known"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(setting: str, why: str) -> None:
    with pytest.raises(StudioError) as caught:
        GenerateRecipe.load("documents").with_settings([setting])
    assert why in caught.value.message
