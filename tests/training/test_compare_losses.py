"""Losses paired by record: the same numbers as training's own, whatever the batch; every setting has its effect."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from compare_sides import AdapterSides
from train_runs import arguments, events, finish, start, the_run

from curation.errors import InputError, Stopped
from curation.events import Event, Warned
from training.compare.events import LossesMeasured
from training.compare.losses import chosen, mean_losses, measure_losses, retention_examples
from training.compare.model import LOSSES, RecordLoss, SideName, read
from training.compare.noise_floor import BUNDLED, FLOOR, floor_for
from training.compare.sections import LossSettings
from training.examples import Example, Message, read_examples

HELD_OUT = 12


@pytest.fixture(scope="module")
def trained(tiny: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose adapter has learned something, and whose retention loss was measured by the trainer."""
    runs = tmp_path_factory.mktemp("runs")
    finish(start(arguments(tiny, questions, runs, "data.validation=0.3", "checkpoints.every=24", "evaluation.every=0")))
    return the_run(runs)


@pytest.fixture(scope="module")
def sides(tiny: Path, trained: Path) -> AdapterSides:
    return AdapterSides(tiny, trained)


@pytest.fixture(scope="module")
def held_out(questions: Path) -> list[Example]:
    return list(read_examples([str(questions)], validation=0.3, seed=0).validation)


def measure(
    sides: Any,
    examples: Sequence[Example],
    folder: Path,
    *,
    dataset: str = "heldout",
    should_stop: Callable[[], bool] = lambda: False,
    system: str = "",
    **settings: Any,
) -> list[Event]:
    said: list[Event] = []
    measure_losses(sides, examples, dataset, LossSettings(**settings), folder, said.append, should_stop, system=system)
    return said


def rows(folder: Path) -> dict[tuple[str, str], RecordLoss]:
    found = read(folder / LOSSES, RecordLoss)
    assert len({(row.dataset, row.record_id, row.side) for row in found}) == len(found), "each is measured once"
    return {(row.record_id, row.side): row for row in found}


def test_the_mean_is_what_the_training_run_told(
    sides: AdapterSides, trained: Path, held_out: list[Example], tmp_path: Path
) -> None:
    assert len(held_out) == HELD_OUT
    said = measure(sides, held_out, tmp_path)
    measure(sides, retention_examples(), tmp_path, dataset="retention")
    told = json.loads((trained / "result.json").read_bytes())["summary"]["losses"]
    for split, dataset in (("validation", "heldout"), ("retention", "retention")):
        means = mean_losses(tmp_path, dataset)
        assert means["a"].value == pytest.approx(told["base"][split], abs=2e-5)
        assert means["b"].value == pytest.approx(told["tuned"][split], abs=2e-5)
    assert told["tuned"]["validation"] < told["base"]["validation"] - 0.1, "the adapter has learned something"
    (measured,) = [event for event in said if isinstance(event, LossesMeasured)]
    means = mean_losses(tmp_path, "heldout")
    assert (measured.a, measured.b, measured.tokens) == (means["a"].value, means["b"].value, means["a"].tokens)
    assert events(trained, "evaluated")


def test_a_record_has_the_loss_of_its_answer_alone(
    sides: AdapterSides, held_out: list[Example], tmp_path: Path
) -> None:
    """Against log-probabilities taken one token at a time, each from a forward pass of its own."""
    import torch

    from training.sections import DataSettings
    from training.tokenize import encode

    measure(sides, held_out, tmp_path, batch_size=5)
    example = held_out[3]
    (one,) = encode([example], sides.template("b"), sides.tokenizer("b"), DataSettings())
    total = 0.0
    with sides.model("b") as model, torch.no_grad():
        model.eval()
        for at, label in enumerate(one.labels):
            if label >= 0:
                logits = model(input_ids=torch.tensor([one.input_ids[:at]])).logits[0, -1]
                total -= float(torch.log_softmax(logits.double(), -1)[label])
    row = rows(tmp_path)[example.record_id, "b"]
    assert row.loss_sum == pytest.approx(total, rel=1e-5)
    assert row.tokens == sum(label >= 0 for label in one.labels)
    assert row.bytes == len(example.messages[-1].content.encode()) > len(example.messages[-1].content)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_neighbours_in_a_batch_change_nothing_but_rounding(
    sides: AdapterSides, held_out: list[Example], tmp_path: Path, batch_size: int
) -> None:
    long = Example("long", (Message("user", "Tell me."), Message("assistant", "The capital of France is Paris. " * 20)))
    examples = [*held_out, long]
    (tmp_path / "four").mkdir()
    measure(sides, examples, tmp_path / "four")
    measure(sides, examples, tmp_path, batch_size=batch_size)
    four, other = rows(tmp_path / "four"), rows(tmp_path)
    assert four.keys() == other.keys() and len(other) == 2 * len(examples)
    for key, row in other.items():
        assert row.loss_sum == pytest.approx(four[key].loss_sum, rel=1e-5)


class Counting(AdapterSides):
    """Counts the records that the model is shown."""

    def __init__(self, base: Path, run: Path) -> None:
        super().__init__(base, run)
        self.shown: list[int] = []
        forward = self._model.forward

        def counted(*args: Any, **options: Any) -> Any:
            self.shown.append(len(options["input_ids"]))
            return forward(*args, **options)

        self._model.forward = counted


def test_batch_size_is_how_many_records_are_shown_at_once(
    tiny: Path, trained: Path, held_out: list[Example], tmp_path: Path
) -> None:
    counting = Counting(tiny, trained)
    measure(counting, held_out, tmp_path, batch_size=5)
    assert counting.shown == [5, 5, 2] * 2


def test_stopped_it_goes_on_where_it_was(tiny: Path, trained: Path, held_out: list[Example], tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    counting = Counting(tiny, trained)
    measure(counting, held_out, tmp_path / "whole")
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        measure(counting, held_out, tmp_path, should_stop=lambda: next(asked))
    assert len(rows(tmp_path)) == 8
    with (tmp_path / LOSSES).open("ab") as stream:
        stream.write(b'{"dataset": "heldout", "record_id": "torn')
    counting.shown.clear()
    measure(counting, held_out, tmp_path)
    assert sum(counting.shown) == 2 * HELD_OUT - 8, "what is there is not done again"
    whole, found = rows(tmp_path / "whole"), rows(tmp_path)
    assert found.keys() == whole.keys()
    for key, row in found.items():
        assert row.loss_sum == pytest.approx(whole[key].loss_sum, rel=1e-6)
    counting.shown.clear()
    measure(counting, held_out, tmp_path)
    assert counting.shown == []


def test_random_numbers_and_the_mode_of_the_model_are_left_as_they_were(
    sides: AdapterSides, held_out: list[Example], tmp_path: Path
) -> None:
    import torch

    with sides.model("b") as model:
        model.train()
        before = torch.get_rng_state()
        measure(sides, held_out, tmp_path)
        assert model.training
        assert torch.equal(before, torch.get_rng_state())
        model.eval()


def test_longer_records_are_left_out_on_both_sides_and_counted(
    sides: AdapterSides, held_out: list[Example], tmp_path: Path
) -> None:
    long = Example("long", (Message("user", "Tell me."), Message("assistant", "Bread " * 300)))
    said = measure(sides, [*held_out, long], tmp_path, max_length=200)
    assert ("long", "a") not in rows(tmp_path) and ("long", "b") not in rows(tmp_path)
    assert [event.message for event in said if isinstance(event, Warned)] == ["1 records are not measured."]
    said = measure(sides, [*held_out, long], tmp_path, max_length=1024)
    assert rows(tmp_path)["long", "a"].tokens > 300
    assert not [event for event in said if isinstance(event, Warned)]


def test_a_few_records_are_part_of_more_and_do_not_depend_on_order(
    sides: AdapterSides, held_out: list[Example], tmp_path: Path
) -> None:
    measure(sides, held_out, tmp_path, records=5)
    five = {record for record, _ in rows(tmp_path)}
    assert len(five) == 5
    assert five == {one.record_id for one in chosen(held_out[::-1], 5)}
    measure(sides, held_out, tmp_path, records=8)
    assert five < {record for record, _ in rows(tmp_path)} and len(rows(tmp_path)) == 16
    measure(sides, retention_examples(), tmp_path, dataset="retention", records=5)
    assert mean_losses(tmp_path, "retention")["a"].records == len(retention_examples()), "held-out ones only"


def test_a_system_prompt_is_read_as_in_training(sides: AdapterSides, held_out: list[Example], tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    measure(sides, held_out, tmp_path)
    measure(sides, held_out, tmp_path / "system", system="The bakery opens at seven.")
    plain, other = mean_losses(tmp_path, "heldout"), mean_losses(tmp_path / "system", "heldout")
    assert plain["a"].tokens == other["a"].tokens
    assert abs(plain["b"].value - other["b"].value) > 1e-3


def test_one_side_alone(sides: AdapterSides, held_out: list[Example], tmp_path: Path) -> None:
    said: list[Event] = []
    measure_losses(
        sides,
        held_out,
        "heldout",
        LossSettings(),
        tmp_path,
        said.append,
        lambda: False,
        only=("b",),  # type: ignore[arg-type]
    )
    assert {side for _, side in rows(tmp_path)} == {"b"}
    assert not [event for event in said if isinstance(event, LossesMeasured)]


class AtAnEndpoint(AdapterSides):
    """Side b is somewhere else."""

    @contextmanager
    def model(self, side: SideName) -> Iterator[Any]:
        yield None if side == "b" else self._model


def test_a_side_that_is_no_model_is_said(tiny: Path, held_out: list[Example], tmp_path: Path) -> None:
    said = measure(AtAnEndpoint(tiny), held_out, tmp_path)
    assert "not measured" in str(next(event for event in said if isinstance(event, Warned)).message)
    assert rows(tmp_path) == {}


@pytest.mark.parametrize("method", ["prefix", "prompt", "full"])
def test_virtual_tokens_and_full_models_too(
    tiny: Path, questions: Path, held_out: list[Example], tmp_path: Path, method: str
) -> None:
    """Virtual tokens stand before the record; its positions move, its loss must not be looked for elsewhere."""
    runs = tmp_path / "runs"
    words = arguments(
        tiny, questions, runs, f"method.kind={method}", "virtual.tokens=4", "data.validation=0.3", "evaluation.every=0",
        "schedule.max_steps=6", "evaluation.samples=0", "optimizer.learning_rate=0.01",
    )  # fmt: skip
    finish(start(words))
    folder = the_run(runs)
    sides = AdapterSides(folder / "model") if method == "full" else AdapterSides(tiny, folder)
    measure(sides, held_out, tmp_path)
    told = json.loads((folder / "result.json").read_bytes())["summary"]["losses"]
    assert mean_losses(tmp_path, "heldout")["b"].value == pytest.approx(told["tuned"]["validation"], abs=2e-5)
    if method != "full":
        assert mean_losses(tmp_path, "heldout")["a"].value == pytest.approx(told["base"]["validation"], abs=2e-5)


def test_the_noise_floor_is_measured_or_the_experiments_own(tmp_path: Path) -> None:
    assert floor_for(tmp_path) == BUNDLED
    assert BUNDLED.loss is not None and 0 < BUNDLED.loss < 0.5 and BUNDLED.score is not None and 0 < BUNDLED.score < 0.5
    (tmp_path / FLOOR).write_text('{"loss": 0.125, "score": null, "source": "mine"}')
    assert floor_for(tmp_path).loss == 0.125
    assert floor_for(tmp_path).score == BUNDLED.score
    for damaged in (
        '{"loss": -1, "score": 0, "source": ""}',
        '{"loss": "x"}',
        "[]",
        '{"loss": NaN, "score": 0, "source": ""}',
    ):
        (tmp_path / FLOOR).write_text(damaged)
        with pytest.raises(InputError):
            floor_for(tmp_path)


def test_a_mean_is_over_tokens_and_of_no_record_there_is_none(tmp_path: Path) -> None:
    from training.compare.model import append

    for record, total, tokens in (("x", 10.0, 1), ("y", 2.0, 5)):
        append(tmp_path / LOSSES, RecordLoss("heldout", record, "a", total, tokens, 9))
    assert mean_losses(tmp_path, "heldout") == {"a": mean_losses(tmp_path, "heldout")["a"]}
    assert math.isclose(mean_losses(tmp_path, "heldout")["a"].value, 2.0)
    assert mean_losses(tmp_path, "retention") == {}
