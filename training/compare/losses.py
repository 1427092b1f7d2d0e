"""Losses of both sides on the same records, paired by record: how much likelier an answer has become, or less likely.

A record's loss is the negative log-likelihood (nats) of the tokens a training would learn: its answers with their end
marks, read behind the very tokens that training reads them behind. Summed over records and divided by their tokens it is
the loss that a training run tells of (`training.losses.mean_loss`).
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import Stopped
from curation.events import Listener, Progress, Warned
from training.compare.events import LossesMeasured
from training.compare.model import LOSSES, SIDES, RecordLoss, SideName, append, read
from training.examples import TEXT

if TYPE_CHECKING:
    from training.compare.sections import LossSettings
    from training.compare.sides import Sides
    from training.examples import Example
    from training.tokenize import Encoded

HELDOUT, RETENTION = "heldout", "retention"
_ROWS_AT_ONCE = 256  # positions whose probabilities over the whole vocabulary are there at once, in float32


@dataclass(frozen=True)
class MeanLoss:
    """Mean negative log-likelihood of the trained tokens, nats a token, of how many tokens and records."""

    value: float
    tokens: int
    records: int


def measure_losses(
    sides: Sides,
    examples: Sequence[Example],
    dataset: str,
    settings: LossSettings,
    folder: Path,
    say: Listener,
    should_stop: Callable[[], bool],
    *,
    system: str = "",
    only: Sequence[SideName] = SIDES,
) -> None:
    """Append a RecordLoss to `losses.jsonl` for each of `examples` and each side that has none there yet.

    Of the held-out ones at most `settings.records` are. system: put before conversations that have none, as in the
    training. only: the sides that are measured. Records longer than `settings.max_length` on either side are left out
    on both, and counted in a warning; a side that is no model of this process leaves the dataset unmeasured, with a
    warning. Raises Stopped; what is measured is kept.
    """
    if dataset == HELDOUT:
        examples = chosen(examples, settings.records)
    if not all(_is_here(sides, side) for side in only):
        why = "A side is at an endpoint, which does not tell how likely a given answer is."
        say(Warned(f"The {dataset} losses are not measured.", why))
        return
    encoded = _encoded(sides, examples, settings, only, system, say)
    learned = {example.record_id: _learned_bytes(example) for example in examples}
    done = {(row.record_id, row.side) for row in read(folder / LOSSES, RecordLoss) if row.dataset == dataset}
    total = sum(len(records) for records in encoded.values())
    meter = _Meter(f"{dataset} losses", total, say)
    for side in only:
        left = [one for one in encoded[side] if (one.record_id, side) not in done]
        meter.pass_by(len(encoded[side]) - len(left))
        if not left:
            continue
        with sides.model(side) as model:
            pad_id = sides.tokenizer(side).pad_token_id
            with closing(record_losses(model, left, pad_id, settings.batch_size, should_stop)) as losses:
                for one, loss_sum, tokens in losses:
                    row = RecordLoss(dataset, one.record_id, side, loss_sum, tokens, learned[one.record_id])
                    append(folder / LOSSES, row)
                    meter.count()
    means = mean_losses(folder, dataset)
    if all(side in means for side in SIDES):
        say(LossesMeasured(dataset, means["a"].value, means["b"].value, means["a"].tokens))


def mean_losses(folder: Path, dataset: str) -> dict[SideName, MeanLoss]:
    """The mean loss of each side that has one, over all records of `dataset` in `losses.jsonl`."""
    rows = {(row.record_id, row.side): row for row in read(folder / LOSSES, RecordLoss) if row.dataset == dataset}
    found: dict[SideName, MeanLoss] = {}
    for side in SIDES:
        mine = [row for row in rows.values() if row.side == side]
        tokens = sum(row.tokens for row in mine)
        if tokens:
            found[side] = MeanLoss(sum(row.loss_sum for row in mine) / tokens, tokens, len(mine))
    return found


def retention_examples() -> tuple[Example, ...]:
    """The small set of general questions and answers that comes with the studio: what may be forgotten."""
    from importlib.resources import as_file, files

    from training.examples import read_examples

    with as_file(files("training").joinpath("retention", "general.jsonl")) as path:
        return read_examples([str(path)], validation=0).train


def chosen(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many of the examples, in their order: always the same ones, and of a smaller number a part of a
    larger one's."""
    drawn = sorted(examples, key=lambda one: hashlib.sha256(one.record_id.encode("utf-8", "replace")).digest())[:most]
    kept = {example.record_id for example in drawn}
    return [example for example in examples if example.record_id in kept]


def record_losses(
    model: Any, encoded: Sequence[Encoded], pad_id: int, batch_size: int, should_stop: Callable[[], bool]
) -> Generator[tuple[Encoded, float, int]]:
    """`(record, sum of losses in nats, trained tokens)` of each record, short ones first, `batch_size` at a time.

    Padding stands on the right and is masked, so a record's loss does not depend on its neighbours but for rounding.
    The model is put into evaluation mode and given back as it was. Raises Stopped between two batches.
    """
    order = sorted(encoded, key=lambda one: (len(one.input_ids), one.record_id))
    for begin in range(0, len(order), batch_size):
        if should_stop():
            raise Stopped("The losses are not all measured; those that are, are kept.")
        batch = order[begin : begin + batch_size]
        with _quietly(model):
            sums = _sums(model, batch, pad_id)
        yield from zip(batch, sums, (_trained(one) for one in batch), strict=True)


@contextmanager
def _quietly(model: Any) -> Iterator[None]:
    """Without gradients, dropout, or a trace in the random numbers."""
    import torch

    training = model.training
    with torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            model.train(training)


def _sums(model: Any, batch: Sequence[Encoded], pad_id: int) -> list[float]:
    """The loss of each record of a batch. Logits are only asked for from the first trained token on, where the model
    can do that: over a large vocabulary they are most of the memory."""
    import torch

    width = max(len(one.input_ids) for one in batch)
    ids = torch.full((len(batch), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(batch), width), dtype=torch.long)
    for place, one in enumerate(batch):
        ids[place, : len(one.input_ids)] = torch.tensor(one.input_ids)
        mask[place, : len(one.input_ids)] = 1
    first = min(next(at for at, label in enumerate(one.labels) if at and label >= 0) for one in batch)
    keep = width - first + 1  # the position before it predicts it
    options = {"logits_to_keep": keep} if _can_keep(model) else {}
    device = model.device
    logits = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False, **options).logits
    start = width - logits.shape[1]  # below 0 where virtual tokens stand before the record
    return [_sum(logits[place], one, start) for place, one in enumerate(batch)]


def _sum(logits: Any, one: Encoded, start: int) -> float:
    """Loss of one record: `logits` (positions, vocabulary) begin at its token `start`."""
    import torch

    places = [at for at, label in enumerate(one.labels) if at and label >= 0]
    total = torch.zeros((), dtype=torch.float64)
    for begin in range(0, len(places), _ROWS_AT_ONCE):
        part = places[begin : begin + _ROWS_AT_ONCE]
        rows = logits[torch.tensor([at - 1 - start for at in part], device=logits.device)].float()
        labels = torch.tensor([one.labels[at] for at in part], device=logits.device)
        total += torch.nn.functional.cross_entropy(rows, labels, reduction="none").double().sum().cpu()
    return float(total)


def _can_keep(model: Any) -> bool:
    """Whether the model's own forward can leave out logits; an adapter passes the wish on."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(inner.forward).parameters


def _encoded(
    sides: Sides,
    examples: Sequence[Example],
    settings: LossSettings,
    only: Sequence[SideName],
    system: str,
    say: Listener,
) -> Mapping[SideName, list[Encoded]]:
    """Every example as tokens of each side: those that fit both and teach something."""
    from training.sections import DataSettings
    from training.tokenize import encode, unrenderable

    data = DataSettings(max_length=settings.max_length, too_long="cut")
    found: dict[SideName, list[Encoded]] = {}
    for side in only:
        template, tokenizer = sides.template(side), sides.tokenizer(side)
        refused = {record_id for record_id, _ in unrenderable(examples, template, system)}
        written = [example for example in examples if example.record_id not in refused]
        found[side] = encode(written, template, tokenizer, data, system)
    fitting = [{one.record_id for one in records if not one.cut_tokens and _trained(one)} for records in found.values()]
    common = set.intersection(*fitting)
    if len(common) < len(examples):
        left = len(examples) - len(common)
        say(
            Warned(
                f"{left:,} records are not measured.",
                f"They are longer than {settings.max_length} tokens, or unwritable.",
            )
        )
    return {side: [one for one in records if one.record_id in common] for side, records in found.items()}


def _is_here(sides: Sides, side: SideName) -> bool:
    with sides.model(side) as model:
        return model is not None


def _trained(one: Encoded) -> int:
    """Tokens that are predicted and learned; nothing predicts the first."""
    return sum(label >= 0 for label in one.labels[1:])


def _learned_bytes(example: Example) -> int:
    answers = [message.content for message in example.messages if message.role in ("assistant", TEXT)]
    return sum(len(answer.encode("utf-8", "surrogatepass")) for answer in answers)


class _Meter:
    """Progress with a rate that counts what was done now, not what was there before."""

    def __init__(self, phase: str, total: int, say: Listener) -> None:
        self._phase, self._total, self._say = phase, total, say
        self._done = self._new = 0
        self._began = time.monotonic()
        self._said = 0.0

    def pass_by(self, number: int) -> None:
        """So many were there before."""
        self._done += number

    def count(self) -> None:
        """One more is done."""
        self._done += 1
        self._new += 1
        now = time.monotonic()
        if now - self._said < 0.25 and self._done < self._total:
            return
        self._said = now
        rate = self._new / max(now - self._began, 1e-9)
        left = (self._total - self._done) / rate
        self._say(Progress(self._phase, self._done, self._total, "records", rate, left))
