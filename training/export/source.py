"""What is exported: the weights of a training run, or an adapter or a model in a folder of its own; or a dataset."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curation.errors import InputError, StudioError
from curation.weights.find import FoundModel, find_model
from curation.weights.folder import read_json, weight_files, weights_digest
from training.compare.trained import TrainedRun, trained_run

if TYPE_CHECKING:
    from training.recipe import TrainRecipe
    from training.template import Template

ADAPTER = "adapter_config.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_VIRTUAL = {"PREFIX_TUNING": "prefix tuning", "PROMPT_TUNING": "prompt tuning", "P_TUNING": "p-tuning"}


@dataclass(frozen=True)
class Source:
    """Weights to export. path: their folder. run: the training that made them, where it is known. given_base: the base
    model that the user named, "" for none."""

    kind: Literal["adapter", "model"]
    path: Path
    run: TrainedRun | None
    given_base: str = ""

    @property
    def default_name(self) -> str:
        """A name for files: the recipe's and the end of the run's, or the folder's."""
        name = f"{self.run.recipe.name}-{self.run.name.rpartition('-')[2]}" if self.run else self.path.resolve().name
        return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:96] or "model"

    @cached_property
    def recipe(self) -> TrainRecipe:
        """How it was trained; the defaults where nobody knows. Anything that names a file or a device is of here."""
        from training.recipe import TrainRecipe

        if self.run is None:
            return TrainRecipe()
        recipe = self.run.recipe
        device = recipe.device.model_copy(update={"kind": "auto"})
        model = recipe.model.model_copy(update={"name": self.run.resolved(recipe.model.name)})
        return recipe.model_copy(update={"device": device, "model": model})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        if self.kind == "adapter":
            from training.manifest import sha256_of

            return sha256_of(self.path / _ADAPTER_WEIGHTS)
        return weights_digest(weight_files(self.path))

    @cached_property
    def base(self) -> FoundModel:
        """The model that the adapter belongs to. Raises StudioError where it is not here, or is another one by now."""
        config = read_json(self.path / ADAPTER)
        named = self.given_base or self.recipe.model.name or str(config.get("base_model_name_or_path") or "")
        revision = self.recipe.model.revision if self.run and not self.given_base else config.get("revision")
        try:
            found = find_model(named, revision if "/" in named and not Path(named).exists() else None)
        except StudioError as error:
            raise InputError(f"The base model is not here: {error.message}", "Name it with --base.") from error
        wanted = self.run.base_digest() if self.run else ""
        if wanted and wanted != found.digest:
            raise InputError(
                f"{found.name} is not the model that {self.path.parent.name} was trained on: its files have changed.",
                "Put them back, or name the right one with --base.",
            )
        return found

    @cached_property
    def whole(self) -> FoundModel:
        """A model folder as the loaders want it."""
        return FoundModel(str(self.path), str(self.path.resolve()), None, "folder", self.digest)

    def check_mergeable(self) -> None:
        """Raises InputError for an adapter that is no change of weights."""
        if self.kind != "adapter":
            return
        kind = str(read_json(self.path / ADAPTER).get("peft_type"))
        if kind in _VIRTUAL:
            raise InputError(
                f"An adapter of {_VIRTUAL[kind]} cannot be merged: it is made of virtual tokens, not of changes to "
                "weights.",
                "Export it with --to adapter, and run it with PEFT on its base; or train with LoRA.",
            )

    def load_tokenizer(self) -> Any:
        """The tokenizer that was saved with the weights, else the base model's."""
        from training.model import load_tokenizer

        own = (self.path / "tokenizer.json").is_file()
        found = self.whole if own else self.base
        return load_tokenizer(found, trust="")

    def template_of(self, tokenizer: Any) -> Template:
        """The template that it was trained with; built in where it is one of ours, under its name."""
        from training.template import template_for, template_names

        if self.run is not None:
            name = self.run.resolved(self.recipe.template.name)
            if name != "auto":
                return template_for(name, tokenizer)
        found = template_for("auto", tokenizer)
        for name in template_names():
            ours = template_for(name, tokenizer)
            if ours.chat_template() == found.source:
                return ours
        return found


def find_source(path: Path, base: str = "") -> Source:
    """What is in a folder: a training run, its `adapter` or `model`, or either of them standing alone.

    Raises InputError that says what the folder is instead.
    """
    if (path / "run.json").is_file():
        run = trained_run(path, path.parent)
        weights = run.weights()
        return Source("adapter" if weights.name == "adapter" else "model", weights, run, base)
    of_run = trained_run(path.parent, path.parent.parent) if _is_training(path.parent) else None
    if (path / ADAPTER).is_file():
        if not (path / _ADAPTER_WEIGHTS).is_file():
            raise InputError(f"{path} has no {_ADAPTER_WEIGHTS}.", "Adapters are read from safetensors only.")
        return Source("adapter", path, of_run, base)
    weight_files(path)  # says what is missing
    return Source("model", path, of_run, base)


def _is_training(folder: Path) -> bool:
    from training.compare.trained import is_training

    return is_training(folder)


def is_curation(path: Path) -> bool:
    """Whether a folder is that of a curation."""
    try:
        return bool(json.loads((path / "run.json").read_bytes())["kind"] == "curate")
    except (OSError, ValueError, KeyError, TypeError):
        return False
