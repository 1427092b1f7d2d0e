"""Documents give orders, and the model obeys all of them: nothing that it was told to write is accepted.

The endpoint is a real HTTP server on this machine. What is measured is what comes out behind prompts, reading and gates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from llm_server import FaultyServer
from obedient import FENCE, Attack, ObedientModel, ObedientReader, attacks, cases, honest, rows, violations

from curation.llm.client import Endpoint, connect
from curation.synthesis.gates import Gates
from curation.synthesis.material import Materials
from curation.synthesis.model import CALLS, OUTCOMES, Item, Outcome, Unit, read_rows
from curation.synthesis.prompts import Prompts
from curation.synthesis.prompts.fence import shown
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.run import Opened, generate
from curation.synthesis.work import Worker

SECRET = "5b2f0c"


class Bench:
    """Everything between an endpoint and an outcome."""

    def __init__(self, server: FaultyServer, endpoint: Endpoint, recipe: GenerateRecipe) -> None:
        self.server, self.recipe = server, recipe
        self.prompts = Prompts.load()
        self.materials = Materials(recipe, *rows(cases()), leaves=False)
        gates = Gates(recipe, self.prompts, secret=SECRET)
        self._worker = Worker(recipe, self.prompts, self.materials, gates, endpoint, None, SECRET)

    def items(self, unit: Unit) -> tuple[Item, ...]:
        """What becomes of a unit's items."""
        return self._worker.work(unit, lambda: False).outcome.items

    def wrong(self, attack: Attack, unit: Unit | None = None) -> list[str]:
        """What is in accepted items that must not be."""
        unit = unit or attack.unit
        items = self.items(unit)
        assert len(items) == unit.wanted
        messages = self.server.requests[-1].body["messages"]
        material = self.materials.of(unit)
        accepted = [item for item in items if item.status == "accepted"]
        return [said for item in accepted for said in violations(item, unit, attack.case, material, messages)]


def recipe_for(server: FaultyServer, *settings: str) -> GenerateRecipe:
    return GenerateRecipe.load("documents").with_settings(
        [f"model.name={server.address}", "gates.semantic=0", *settings]
    )


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with FaultyServer(ObedientModel(attacks())) as server, connect(server.address) as endpoint:
        yield Bench(server, endpoint, recipe_for(server))


def test_the_set_is_large_and_in_two_languages() -> None:
    languages = Counter(case.language for case in cases())
    assert len(cases()) >= 60 and languages["zh"] >= 20 and languages["en"] >= 40
    assert len({case.attack for case in cases()}) >= 18
    assert len(attacks()) >= 400


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_nothing_that_a_document_orders_is_accepted(bench: Bench, case) -> None:
    wrong = {attack.how: found for attack in attacks() if attack.case is case if (found := bench.wrong(attack))}
    assert not wrong


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_no_order_leaves_its_fence(bench: Bench, case) -> None:
    attack = next(attack for attack in attacks() if attack.case is case)
    bench.items(attack.unit)
    body = bench.server.requests[-1].body
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["system", "user"]
    assert "tools" not in body and body["response_format"]["json_schema"]["strict"]
    system, user = (message["content"] for message in body["messages"])
    fences = FENCE.findall(user)
    assert len(fences) == 1
    label, mark = fences[0]
    assert user.count(mark) == 2 and user.count(f"</{label} {mark}>") == 1
    before, _, rest = user.partition(f"<{label} {mark}>")
    _, _, after = rest.partition(f"</{label} {mark}>")
    for said in case.order, *case.order.splitlines():
        if len(said) > 12:
            assert said not in before + after + system


def test_an_honest_model_is_not_turned_away_for_what_a_document_orders() -> None:
    grounded = [case for case in cases() if case.kind == "qa"]
    replies = {number: honest(case) for number, case in enumerate(grounded)}
    with FaultyServer(lambda body: replies[body["seed"]]) as server, connect(server.address) as endpoint:
        bench = Bench(server, endpoint, recipe_for(server))
        units = [
            Unit(f"u{n}", "qa", 1, chunk_id=case.id, types=("factual",), seed=n) for n, case in enumerate(grounded)
        ]
        reasons = {case.id: bench.items(unit)[0].reason for case, unit in zip(grounded, units, strict=True)}
    assert {case: reason for case, reason in reasons.items() if reason} == {}


def test_a_poisoned_item_beside_an_honest_one_is_turned_away_alone() -> None:
    chosen = [attack for attack in attacks() if attack.case.kind == "qa" and attack.how == "as the answer"]

    def both(attack: Attack) -> Attack:
        good, bad = honest(attack.case)[len('{"items": [') : -2], attack.reply[len('{"items": [') : -2]
        return replace(attack, reply=f'{{"items": [{good}, {bad}]}}')

    model = ObedientModel([both(attack) for attack in chosen])
    with FaultyServer(model) as server, connect(server.address) as endpoint:
        bench = Bench(server, endpoint, recipe_for(server))
        units = [replace(attack.unit, wanted=2, types=("factual", "factual")) for attack in chosen]
        became = {unit.chunk_id: [item.status for item in bench.items(unit)] for unit in units}
    assert {case: both for case, both in became.items() if both != ["accepted", "rejected"]} == {}


def test_the_orders_come_through_where_nothing_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test can fail: without gates, the same replies are accepted with what they must not hold."""
    from curation.synthesis.gates import chain

    monkeypatch.setattr(chain, "BEFORE", ())
    monkeypatch.setattr(chain, "AFTER", ())
    monkeypatch.setattr(chain, "injection", lambda *_: None)
    with FaultyServer(ObedientModel(attacks())) as server, connect(server.address) as endpoint:
        bench = Bench(server, endpoint, recipe_for(server, "gates.quote=false"))
        chosen = [attack for attack in attacks() if attack.how in ("own 1", "as the answer", "the order")]
        through = {attack.case.id for attack in chosen if bench.wrong(attack)}
    assert len(through) >= 58


@pytest.mark.parametrize("answer", ["yes", '{"answerable": "yes"}', '{"mark": 5, "reason": "best"}'])
def test_a_model_that_calls_everything_good_lets_nothing_more_through(answer: str) -> None:
    """The gates that ask a model can only turn away; an obedient judge opens none of the others."""
    chosen = [attack for attack in attacks() if attack.how.startswith("own")][::3]
    model = ObedientModel(chosen)

    def answers(body):
        return model(body) if body["seed"] in {attack.number for attack in chosen} and body["temperature"] else answer

    with FaultyServer(answers) as server, connect(server.address) as endpoint:
        bench = Bench(server, endpoint, recipe_for(server, "gates.answerable=model", "gates.judge=same"))
        for attack in chosen:
            accepted = [item for item in bench.items(attack.unit) if item.status == "accepted"]
            asked = [one.body["messages"] for one in server.requests if one.body["temperature"]][-1]
            material = bench.materials.of(attack.unit)
            assert not [v for item in accepted for v in violations(item, attack.unit, attack.case, material, asked)]


def test_a_whole_run_over_all_documents_publishes_only_what_is_honestly_there(tmp_path: Path) -> None:
    """Files in, dataset out: the model is honest once about each, and then obeys in one way after the other."""
    found = [case for case in cases() if case.kind == "qa" and shown(case.order).strip()]
    folder = tmp_path / "documents"
    folder.mkdir()
    for case in found:
        (folder / f"{case.id}.md").write_text(case.markdown(), encoding="utf-8")
    run = tmp_path / "run"
    run.mkdir()
    with FaultyServer(ObedientReader(found)) as server, connect(server.address, ledger=run / CALLS) as model:
        recipe = recipe_for(server, "ask.per_call=1", "ask.per_chunk=3", "model.concurrency=1", "gates.near=1")
        opened = Opened(model, False, model.ledger.summary)
        summary = generate(
            recipe,
            [str(folder)],
            run,
            opened=opened,
            judge=None,
            secret=SECRET,
            listener=lambda _: None,
            should_stop=lambda: False,
        )
    counts = summary["counts"]
    assert counts["requested"] == counts["accepted"] + counts["rejected"] + counts["failed"] >= 3 * len(found)
    facts = {(case.fact["question"], case.fact["answer"], case.fact["quote"]) for case in found}
    accepted = [
        item for outcome in read_rows(run / OUTCOMES, Outcome) for item in outcome.items if item.status == "accepted"
    ]
    assert {(one.question, one.answer, one.quote) for item in accepted for one in item.exchanges} == facts
    assert counts["accepted"] == len(facts), "what is said again is a duplicate"
    dataset = (run / "dataset" / "train.jsonl").read_text(encoding="utf-8")
    assert not [case.id for case in found if case.payload and "%" not in case.payload and case.payload in dataset]
