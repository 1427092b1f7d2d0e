"""All that stands before the first step: device, model, template, examples, and the tensors that will be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from curation.errors import InputError
from training.distributed import rank

if TYPE_CHECKING:
    from curation.weights.find import FoundModel
    from training.device import Device
    from training.examples import Example, Examples
    from training.recipe import TrainRecipe
    from training.template import Template
    from training.tokenize import Encoded, EncodedPair

_SHOWN = 2000  # characters of a sample's prompt and reference that are told


@dataclass(frozen=True)
class Prompt:
    """A held-out prompt to answer: its tokens, and texts to show."""

    record_id: str
    ids: tuple[int, ...]
    text: str
    reference: str


@dataclass
class Session:
    """What a recipe and its inputs come to. model: None until `load`; everything else is light.

    all_train, all_validation: every record as tokens, those that are too long included; pairs for dpo.
    prompts: held-out ones that are answered at each evaluation; of training, where nothing is held out.
    is_main: whether this process tells and saves.
    """

    recipe: TrainRecipe
    device: Device
    found: FoundModel
    tokenizer: Any
    template: Template
    examples: Examples
    all_train: Sequence[Encoded] | Sequence[EncodedPair]
    all_validation: Sequence[Encoded] | Sequence[EncodedPair]
    retention: Sequence[Encoded]
    changes: tuple[str, ...]
    prompts: tuple[Prompt, ...] = ()
    is_main: bool = True
    model: Any = None

    @cached_property
    def train(self) -> Sequence[Any]:
        """What is trained on: without the records that are too long, where the recipe drops these."""
        return _kept(self.all_train, self.recipe)

    @cached_property
    def validation(self) -> Sequence[Any]:
        """What is held out, treated alike."""
        return _kept(self.all_validation, self.recipe)

    @cached_property
    def train_rows(self) -> list[dict[str, Any]]:
        """The training tensors as TRL takes them: packed, where the recipe says so."""
        return _rows(self)

    def load(self) -> None:
        """Load the weights, once."""
        if self.model is not None:
            return
        from training.device import apply_threads
        from training.model import load_model

        apply_threads(self.recipe.device.threads)
        self.model = load_model(self.found, self.recipe.model, self.device, train=True)


def prepare(inputs: Sequence[str], recipe: TrainRecipe) -> Session:
    """Everything but the weights. Raises InputError, RecipeError or StudioError for what cannot be trained."""
    from training.device import choose
    from training.examples import read_examples
    from training.model import find_model, load_tokenizer
    from training.template import template_for

    if not recipe.model.name:
        raise InputError("No model is named.", "Name one with --model: a folder, a Hub name, a .gguf file, or smollm2.")
    data, objective = recipe.data, recipe.method.objective
    examples = read_examples(
        inputs,
        objective=objective,
        format=data.format,
        limit=data.limit,
        validation=data.validation,
        seed=recipe.seed,
    )
    device = choose(recipe)
    changes = list(device.changes)
    found = find_model(recipe.model.name, recipe.model.revision)
    tokenizer = load_tokenizer(found, changes, trust=recipe.model.trust_remote_code)
    template = template_for(recipe.template.name, tokenizer)
    examples = _renderable(examples, template, recipe.template.system)
    session = Session(
        recipe=recipe,
        device=device,
        found=found,
        tokenizer=tokenizer,
        template=template,
        examples=examples,
        all_train=_encoded(examples.train, template, tokenizer, recipe),
        all_validation=_encoded(examples.validation, template, tokenizer, recipe),
        retention=_retention(template, tokenizer, recipe) if recipe.evaluation.retention else (),
        changes=tuple(changes),
        is_main=rank() == 0,
    )
    session.prompts = _prompts(session)
    return session


def restore(recipe: TrainRecipe, found: Mapping[str, Any]) -> Session:
    """A session around tensors that were saved (`training.tensors`): without the examples, ready to load the model."""
    from training.device import choose
    from training.examples import Examples
    from training.model import find_model, load_tokenizer
    from training.template import template_for

    model = find_model(recipe.model.name, recipe.model.revision)
    tokenizer = load_tokenizer(model, trust=recipe.model.trust_remote_code)
    return Session(
        recipe=recipe,
        device=choose(recipe),
        found=model,
        tokenizer=tokenizer,
        template=template_for(recipe.template.name, tokenizer),
        examples=Examples((), (), {}, found["split_by"]),
        all_train=found["train"],
        all_validation=found["validation"],
        retention=found["retention"],
        changes=tuple(found["changes"]),
        prompts=found["prompts"],
    )


def _renderable(examples: Examples, template: Template, system: str) -> Examples:
    """Without the records that the template cannot write, which are counted. Raises InputError if none is left."""
    from training.tokenize import unrenderable

    refused = dict(unrenderable((*examples.train, *examples.validation), template, system))
    if not refused:
        return examples
    train, validation = (
        tuple(one for one in side if one.record_id not in refused) for side in (examples.train, examples.validation)
    )
    if not train:
        first, why = next(iter(refused.items()))
        raise InputError(f"The template {template.name} can write none of the records. {first}: {why}", "Take another.")
    skipped = {**examples.skipped, "template": len(refused)}
    return replace(examples, train=train, validation=validation, skipped=skipped)


def _kept(encoded: Sequence[Any], recipe: TrainRecipe) -> Sequence[Any]:
    return [one for one in encoded if not one.cut_tokens] if recipe.data.too_long == "drop" else encoded


def _encoded(
    records: Sequence[Example], template: Template, tokenizer: Any, recipe: TrainRecipe
) -> list[Encoded] | list[EncodedPair]:
    from training.tokenize import encode, encode_pairs

    if recipe.method.objective == "dpo":
        return encode_pairs(records, template, tokenizer, recipe.data, recipe.template.system)
    return encode(records, template, tokenizer, recipe.data, recipe.template.system)


def _retention(template: Template, tokenizer: Any, recipe: TrainRecipe) -> Sequence[Encoded]:
    """The small set of general questions and answers that comes with the studio, in this model's template."""
    from training.examples import read_examples
    from training.sections import DataSettings
    from training.tokenize import encode

    with as_file(files("training").joinpath("retention", "general.jsonl")) as path:
        examples = read_examples([str(path)], validation=0)
    settings = DataSettings(max_length=recipe.data.max_length, too_long="cut")
    encoded = encode(examples.train, template, tokenizer, settings)
    return [one for one in encoded if any(label >= 0 for label in one.labels)]


def _prompts(session: Session) -> tuple[Prompt, ...]:
    """The first held-out prompts that end with an answer, or those of training where nothing is held out."""
    from training.examples import TEXT
    from training.tokenize import encode_prompt

    wanted = session.recipe.evaluation.samples
    found: list[Prompt] = []
    for example in session.examples.validation or session.examples.train:
        if len(found) >= wanted:
            break
        last = example.messages[-1]
        if last.role != "assistant" or len(example.messages) < 2 or example.messages[0].role == TEXT:
            continue
        asked = example.messages[:-1]
        ids = encode_prompt(asked, session.template, session.tokenizer, session.recipe.template.system)
        if len(ids) > session.recipe.data.max_length:
            continue
        text = next((message.content for message in reversed(asked) if message.role == "user"), "")
        found.append(Prompt(example.record_id, tuple(ids), text[:_SHOWN], last.content[:_SHOWN]))
    return tuple(found)


def _rows(session: Session) -> list[dict[str, Any]]:
    from training.losses import pair_columns

    if session.recipe.method.objective == "dpo":
        return [pair_columns(pair) for pair in session.train]
    if session.recipe.data.packing:
        from training.packing import pack

        return [
            {"input_ids": one.input_ids, "labels": one.labels, "seq_lengths": one.seq_lengths}
            for one in pack(session.train, session.recipe.data.max_length)
        ]
    return [{"input_ids": one.input_ids, "labels": one.labels} for one in session.train]
