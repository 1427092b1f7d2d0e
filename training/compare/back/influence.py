"""Which training records moved a model most towards an answer, by the directions in which they pull its weights.

The gradient of the answer's loss is held against that of each record's loss, on the weights that were trained (the
adapter; of a model without one, its last layer): TracIn (Pruthi et al. 2020) at the weights the run ended with, and the
cosine in place of the product, as in LESS (Xia et al. 2024), since long records have short gradients. Each gradient is
folded into 16,384 numbers by a count sketch (Charikar, Chen & Farach-Colton 2002), which keeps cosines to about 0.01;
those of records are kept in the run's folder, for the next question about the same weights.

It tells what the model would have learned more of had it seen the record again: a correlation, no proof of a cause.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curation.embedding.encoder import F32
from curation.errors import InputError, Stopped
from curation.events import Listener, Progress
from curation.weights.cache import held
from training.compare.back.index import open_index
from training.compare.back.nearest import nearest
from training.compare.back.records import learned_examples, train_spec
from training.compare.model import Prompt, SideName
from training.examples import Example, Message

if TYPE_CHECKING:
    from training.compare.sides import Sides
    from training.recipe import TrainRecipe
    from training.tokenize import Encoded

FOLDER = "influence"
SKETCH = 1 << 14
AMONG = 64
"""Of how many of the nearest records the gradients are taken, where nothing is said."""
_LAYER = re.compile(r"\blayers?\.(\d+)\.|\bh\.(\d+)\.|\bblocks?\.(\d+)\.")
_AT_ONCE = 256  # positions whose probabilities over the whole vocabulary are there at once, in float32

ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class Influence:
    """A training record and how much it pulled towards an answer. cosine: of the two gradients, -1 to 1; 0: they have
    nothing to do with each other, below: it pulled away."""

    record_id: str
    cosine: float
    prompt: str
    answer: str


def influential(
    sides: Sides,
    run: Path,
    prompt: Prompt,
    answer: str,
    count: int,
    should_stop: ShouldStop,
    say: Listener,
    *,
    side: SideName = "b",
    among: int = AMONG,
) -> list[Influence]:
    """The `count` records of the training run in folder `run` that pulled most towards `answer`, the first one most.

    side: whose weights; those of the run, or of a checkpoint of it. among: only the so many records nearest to the answer
    are looked at, each of which takes a forward and a backward pass; 0: all. Progress is told to `say`. Raises Stopped
    when `should_stop` says so; what is done is kept. Raises InputError for a side whose weights are not here.
    """
    encoded = _encoded_records(sides, run, side)
    asked = next((message.content for message in reversed(prompt.messages) if message.role == "user"), "")
    wanted = [
        near.record_id for near in nearest(run, answer, among or len(encoded), prompt=asked, should_stop=should_stop)
    ]
    query = _encoded_answer(sides, run, side, prompt, answer)
    facts = sides.a if side == "a" else sides.b
    chosen = [record_id for record_id in wanted if record_id in encoded]
    with held(run / FOLDER / "lock"), sides.model(side) as model:
        if model is None:
            raise InputError(f"{facts.label} is at an endpoint: its weights are not here.", "Name a local model.")
        kept = _Kept(run / FOLDER / f"{facts.digest[:24]}-{SKETCH}")
        with _learning(model) as weights:
            mine = _sketch_of(model, weights, query)
            meter = _Meter(len(chosen), say)
            for record_id in chosen:
                if should_stop():
                    raise Stopped("The search was stopped; the gradients that are done are kept.")
                if record_id not in kept:
                    kept.add(record_id, _sketch_of(model, weights, encoded[record_id]))
                meter.count()
    cosines = {record_id: float(kept[record_id] @ mine) for record_id in chosen}
    index = open_index(run)
    first = sorted(chosen, key=lambda record_id: -cosines[record_id])[:count]
    found = index.find_all(first)
    return [Influence(one, cosines[one], found[one].prompt, found[one].answer) for one in first]


def _encoded_records(sides: Sides, run: Path, side: SideName) -> Mapping[str, Encoded]:
    """Every record as the tokens that were trained: those the run kept, else made again from its data."""
    from training.tensors import key_of, load_tensors
    from training.tokenize import encode

    spec, recipe = train_spec(run), _recipe(run)
    if recipe.method.objective == "dpo":
        raise InputError(
            f"{run.name} learned from pairs: a single answer has no loss there.", "Ask for the nearest ones."
        )
    kept = load_tensors(run, key_of(spec["inputs"], recipe), "sft")
    if kept is not None:
        records: Sequence[Encoded] = kept["train"]
    else:
        examples = learned_examples(run)
        if examples is None:
            raise InputError(
                f"The data of {run.name} has changed since, and its tensors are gone.", "Put the files back."
            )
        records = encode(examples, sides.template(side), sides.tokenizer(side), recipe.data, recipe.template.system)
    return {one.record_id: one for one in records if any(label >= 0 for label in one.labels[1:])}


def _encoded_answer(sides: Sides, run: Path, side: SideName, prompt: Prompt, answer: str) -> Encoded:
    from training.sections import DataSettings
    from training.tokenize import encode

    recipe = _recipe(run)
    data = DataSettings(max_length=recipe.data.max_length, too_long="cut", train_on="last_answer")
    example = Example(prompt.prompt_id, (*prompt.messages, Message("assistant", answer)))
    (found,) = encode([example], sides.template(side), sides.tokenizer(side), data, recipe.template.system)
    if not any(label >= 0 for label in found.labels[1:]):
        raise InputError(
            "No token of the answer is within the length that was trained on.", "Ask about a shorter conversation."
        )
    return found


def _recipe(run: Path) -> TrainRecipe:
    from training.recipe import TrainRecipe

    recipe = train_spec(run)["recipe"]
    return TrainRecipe.from_text(recipe["yaml"], recipe["name"])


@contextmanager
def _learning(model: Any) -> Iterator[list[tuple[str, Any]]]:
    """The weights that gradients are taken on, by name; afterwards everything asks for what it asked for before."""
    named = list(model.named_parameters())
    chosen = set(_names(model, [name for name, weight in named if weight.is_floating_point()]))
    before, training = [weight.requires_grad for _, weight in named], model.training
    try:
        model.eval()
        for name, weight in named:
            weight.requires_grad_(name in chosen)
        # An adapter is called otherwise where it is loaded second; its sketches are the same all the same.
        own = f".{getattr(model, 'active_adapter', None)}"
        yield [(name.replace(own, ""), weight) for name, weight in named if name in chosen]
    finally:
        for (_, weight), wanted in zip(named, before, strict=True):
            weight.requires_grad_(wanted)
        model.train(training)


def _names(model: Any, names: Sequence[str]) -> list[str]:
    """The weights of the adapter that is on; without one, those of the last layer."""
    adapter = getattr(model, "active_adapter", None)
    if isinstance(adapter, str):
        return [name for name in names if adapter in name.split(".")]
    layers = {name: int(next(filter(None, found.groups()))) for name in names if (found := _LAYER.search(name))}
    last = max(layers.values(), default=None)
    return [name for name in names if last is None or layers.get(name) == last]


def _sketch_of(model: Any, weights: Sequence[tuple[str, Any]], one: Encoded) -> F32:
    """The gradient of a record's mean loss, as a sketch of length 1 (zeros where it has none)."""
    import torch

    with torch.enable_grad():
        loss = _loss(model, one)
        gradients = torch.autograd.grad(loss, [weight for _, weight in weights], allow_unused=True)
    sketch = torch.zeros(SKETCH, dtype=torch.float32)
    for (name, weight), gradient in zip(weights, gradients, strict=True):
        if gradient is not None:
            _fold(sketch, name, gradient.detach().reshape(weight.numel()).float().cpu())
    length = float(sketch.norm())
    found: F32 = (sketch / length if length else sketch).numpy()
    return found


def _fold(sketch: Any, name: str, values: Any) -> None:
    """Add each number, with a random sign, to a random one of the sketch; both depend on the weight's name alone."""
    import hashlib

    import torch

    seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, 2 * len(sketch), (len(values),), generator=generator)
    sketch.index_add_(0, drawn // 2, values * (drawn % 2 * 2 - 1))


def _loss(model: Any, one: Encoded) -> Any:
    """Mean negative log-likelihood (nats) of the learned tokens."""
    import torch

    ids = torch.tensor([one.input_ids], device=model.device)
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0]
    logits = logits[len(logits) - len(one.input_ids) :]  # virtual tokens stand before them
    places = [at for at, label in enumerate(one.labels) if at and label >= 0]
    total: Any = 0.0
    for begin in range(0, len(places), _AT_ONCE):
        part = places[begin : begin + _AT_ONCE]
        rows = logits[torch.tensor([at - 1 for at in part], device=logits.device)].float()
        labels = torch.tensor([one.labels[at] for at in part], device=logits.device)
        total = total + torch.nn.functional.cross_entropy(rows, labels, reduction="sum")
    return total / len(places)


class _Kept:
    """Sketches on disk, as float16, in the order they were made: `PATH.ids` and `PATH.sketches`."""

    def __init__(self, path: Path) -> None:
        self._ids, self._sketches = path.with_suffix(".ids"), path.with_suffix(".sketches")
        lines = self._ids.read_text("utf-8").split("\n")[:-1] if self._ids.is_file() else []
        size = self._sketches.stat().st_size // (2 * SKETCH) if self._sketches.is_file() else 0
        self._places = {json.loads(line): at for at, line in enumerate(lines[:size])}
        _cut(self._ids, sum(len(line.encode()) + 1 for line in lines[: len(self._places)]))
        _cut(self._sketches, len(self._places) * 2 * SKETCH)

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._places

    def __getitem__(self, record_id: str) -> F32:
        stored: NDArray[np.float16] = np.memmap(self._sketches, dtype=np.float16, mode="r").reshape(-1, SKETCH)
        found: F32 = stored[self._places[record_id]].astype(np.float32)
        return found

    def add(self, record_id: str, sketch: F32) -> None:
        """Keep one more."""
        with self._sketches.open("ab") as stream:
            stream.write(sketch.astype(np.float16).tobytes())
        with self._ids.open("a", encoding="utf-8") as names:
            names.write(json.dumps(record_id) + "\n")
        self._places[record_id] = len(self._places)


def _cut(path: Path, size: int) -> None:
    """To `size` bytes: what a kill left half written goes."""
    path.touch(0o600)
    with path.open("r+b") as stream:
        stream.truncate(size)


class _Meter:
    """Progress, four times a second at most."""

    def __init__(self, total: int, say: Listener) -> None:
        self._total, self._say, self._done, self._said = total, say, 0, 0.0
        self._began = time.monotonic()

    def count(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if now - self._said < 0.25 and self._done < self._total:
            return
        self._said = now
        rate = self._done / max(now - self._began, 1e-9)
        left = (self._total - self._done) / rate
        self._say(Progress("influence", self._done, self._total, "records", rate, left))
