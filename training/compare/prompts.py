"""What is asked: the records that a training held out or learned, exactly those; or those of a file."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from curation.errors import InputError
from training.compare.model import Prompt
from training.compare.trained import TrainedRun, trained_run
from training.examples import TEXT, Example, Message, examples_to_ask, read_examples

if TYPE_CHECKING:
    from training.compare.sections import PromptSettings

Part = Literal["validation", "train"]


def read_prompts(settings: PromptSettings, run_folder: Path | None, runs_dir: Path) -> list[Prompt]:
    """The prompts that the settings name, in the order of their records.

    run_folder: of the training run that `heldout` and `train` mean. Raises InputError where there are none to ask
    though some are wanted.
    """
    if settings.limit == 0:
        return []
    if settings.source in ("heldout", "train"):
        if run_folder is None:
            raise InputError(
                f"The {settings.source} records are those of a training run, and none is named.",
                "Name the run, or a file with prompts.source=FILE.",
            )
        of_run = heldout_examples if settings.source == "heldout" else train_examples
        found = asked_of(of_run(run_folder), settings.source, texts=False)
    else:
        found = asked_of(_of_file(settings.source, runs_dir), "file", texts=True)
    if not found:
        raise InputError(*_why_none(settings.source))
    return [_with_system(prompt, settings.system) for prompt in drawn(found, settings.limit, settings.seed)]


def heldout_examples(run_folder: Path) -> list[Example]:
    """The records that a training held out, as it saw them. Raises InputError where its data has changed since."""
    return _examples_of(run_folder, "validation")


def train_examples(run_folder: Path) -> list[Example]:
    """The records that a training learned, in the order of its data. Raises InputError as `heldout_examples` does."""
    return _examples_of(run_folder, "train")


def _examples_of(run_folder: Path, part: Part) -> list[Example]:
    run = trained_run(run_folder, run_folder.parent)
    changed = list(run.changed_inputs())
    if changed:
        raise InputError(
            f"{changed[0]} has changed since {run.name} was made, or is gone: its records are no longer known.",
            "Put the file back as it was, or ask about a file with prompts.source=FILE.",
        )
    ids = _recorded_ids(run, part)
    if ids is None:
        return _prepared_again(run, part)
    data, recipe = run.recipe.data, run.recipe
    examples = read_examples(
        run.inputs,
        objective=recipe.method.objective,
        format=data.format,
        limit=data.limit,
        validation=data.validation,
        seed=recipe.seed,
    )
    by_id = {one.record_id: one for one in (examples.validation if part == "validation" else examples.train)}
    missing = [record_id for record_id in ids if record_id not in by_id]
    if missing:
        raise InputError(
            f"The data of {run.name} is read otherwise than when it was trained: {missing[0]} is not among it.",
            "Compare with the version of the studio that trained it, or ask about a file.",
        )
    return [by_id[record_id] for record_id in ids]


def _recorded_ids(run: TrainedRun, part: Part) -> list[str] | None:
    """The ids of the records that were trained on (or held out), as kept with the tensors; None where none are kept."""
    import numpy as np

    from training.tensors import FILE, key_of

    try:
        with np.load(run.path / FILE, allow_pickle=False) as arrays:
            rest = json.loads(arrays["rest"].tobytes())
    except (OSError, ValueError, KeyError):
        return None
    if rest.get("key") != key_of(run.spec["inputs"], run.recipe):
        return None
    return [str(record_id) for record_id in rest[part]]


def _prepared_again(run: TrainedRun, part: Part) -> list[Example]:
    """The same for a training that left no tensors (packed, or of several processes): it is prepared once more."""
    from training.session import prepare

    recipe = run.recipe
    model = recipe.model.model_copy(update={"name": run.resolved(recipe.model.name)})
    template = recipe.template.model_copy(update={"name": run.resolved(recipe.template.name)})
    device = recipe.device.model_copy(update={"kind": "auto"})
    session = prepare(run.inputs, recipe.model_copy(update={"model": model, "template": template, "device": device}))
    learned, read = {
        "validation": (session.validation, session.examples.validation),
        "train": (session.train, session.examples.train),
    }[part]
    kept = {one.record_id for one in learned}
    return [one for one in read if one.record_id in kept]


def _of_file(name: str, runs_dir: Path) -> list[Example]:
    """The records of a file, a folder or a finished run, by its name too."""
    as_run = runs_dir / name
    if not Path(name).exists() and Path(name).name == name and (as_run / "run.json").is_file():
        name = str(as_run)
    return examples_to_ask([name])


def asked_of(examples: Iterable[Example], source: str, *, texts: bool) -> list[Prompt]:
    """What the examples ask. texts: whether a plain text is a question; of a training it is none."""
    found: list[Prompt] = []
    for example in examples:
        messages, reference = example.messages, ""
        if messages and messages[0].role == TEXT:
            if not texts:
                continue
            messages = (Message("user", messages[0].content),)
        if messages and messages[-1].role == "assistant":
            messages, reference = messages[:-1], messages[-1].content
        if any(message.role != "system" for message in messages):
            found.append(Prompt(example.record_id, messages, reference, source, example.record_id))
    return found


def drawn(prompts: Sequence[Prompt], limit: int, seed: int) -> list[Prompt]:
    """At most `limit` of them, drawn by the seed, in their order."""
    if len(prompts) <= limit:
        return list(prompts)
    kept = sorted(random.Random(seed).sample(range(len(prompts)), limit))
    return [prompts[index] for index in kept]


def _with_system(prompt: Prompt, system: str) -> Prompt:
    from dataclasses import replace

    from training.tokenize import with_system

    return replace(prompt, messages=tuple(with_system(prompt.messages, system)))


def _why_none(source: str) -> tuple[str, str]:
    if source == "heldout":
        return (
            "The training run held out no record that asks something.",
            "Ask what it learned with prompts.source=train, or name a file with prompts.source=FILE.",
        )
    if source == "train":
        return "The training run learned from plain texts, which ask nothing.", "Name a file with prompts.source=FILE."
    return (
        f"{source} holds no record that asks something.",
        "A record is a conversation, a question, or a line of text.",
    )
