"""From a side's name to a side: which weights, which adapter, which tokenizer and template, or which endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curation.errors import InputError
from training.compare.trained import TrainedRun, is_training, names_a_training, trained_run

if TYPE_CHECKING:
    from curation.llm.client import Endpoint
    from curation.llm.model import ChatModel
    from curation.weights.find import FoundModel
    from training.compare.generate import Writer
    from training.compare.hold import Held
    from training.compare.sections import SamplingSettings, SideSettings
    from training.device import Device
    from training.examples import Message
    from training.recipe import TrainRecipe
    from training.template import Template

SideKind = Literal["base", "tuned", "checkpoint", "model", "adapter", "gguf", "endpoint"]
ENDPOINT = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class SideFacts:
    """Who a side is. name: as it was asked for; label: for people; digest: SHA-256 of what decides its answers: of the
    weights, and of the adapter's where there is one; of the address for an endpoint, whose weights nobody knows."""

    name: str
    label: str
    digest: str
    kind: SideKind

    def as_json(self) -> dict[str, str]:
        """In plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Side:
    """An opened side. held, adapter, tokenizer, template, device: of a model in this process; endpoint: of another one.
    system: a system prompt for conversations that have none."""

    facts: SideFacts
    held: Held | None = None
    adapter: str | None = None
    tokenizer: Any = None
    template: Any = None
    device: Device | None = None
    endpoint: Endpoint | None = None
    system: str = ""
    ends: frozenset[int] = field(default_factory=frozenset)

    def writer(self, messages: Sequence[Message], sampling: SamplingSettings, seed: int) -> Writer:
        """An answer to `messages`, not yet begun. Raises StudioError for what cannot be asked."""
        from training.compare.sampling import Chooser
        from training.tokenize import encode_prompt, with_system

        if self.endpoint is not None or self.held is None:
            return self._remote(with_system(messages, self.system), sampling, seed)
        from training.compare.generate import Job, ModelWriter
        from training.compare.pieces import decoder_of

        ids = encode_prompt(messages, self.template, self.tokenizer, self.system)
        decoder = decoder_of(self.tokenizer)
        job = Job(ids, sampling.max_tokens, self.ends)
        return ModelWriter(self.held, self.adapter, job, Chooser(sampling, seed), decoder.push, decoder.rest)

    def _remote(self, messages: Sequence[Message], sampling: SamplingSettings, seed: int) -> Writer:
        from curation.llm.model import ChatMessage, ChatRequest
        from training.compare.remote import EndpointWriter

        if sampling.top_k or sampling.repetition_penalty != 1:
            raise InputError(
                f"{self.facts.label} is an endpoint, which can be told neither top_k nor a repetition penalty.",
                "Set sampling.top_k=0 and sampling.repetition_penalty=1.",
            )
        if self.endpoint is None:
            raise AssertionError("a side is a model or an endpoint")
        request = ChatRequest(
            model="",
            messages=tuple(ChatMessage(message.role, message.content) for message in messages),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=seed & 0x7FFFFFFF,  # some endpoints take no more
        )
        return EndpointWriter(self.endpoint, request)


@dataclass(frozen=True)
class _Plan:
    """A side before anything is loaded. recipe: how the base lies in memory; run: the training it belongs to."""

    name: str
    label: str
    kind: SideKind
    found: FoundModel | None = None
    adapter: Path | None = None
    recipe: TrainRecipe | None = None
    run: TrainedRun | None = None


class Opener:
    """Opens sides, and knows what is loaded already."""

    def __init__(
        self,
        settings: SideSettings,
        runs_dir: Path,
        on_change: Callable[[str], None],
        bases: Mapping[str, str] | None = None,
    ) -> None:
        """bases: for adapters by their names, the model to put one on, in place of the one that it names itself."""
        from training.compare.hold import Memory

        self._bases = bases or {}
        self._settings, self._runs_dir = settings, runs_dir
        self._said: set[str] = set()
        self._on_change = on_change
        self._memory = Memory(self._change)
        self._tokenizers: dict[str, Any] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._opened: dict[str, Side] = {}

    def open_all(self, names: Sequence[str]) -> list[Side]:
        """The sides of these names, in order. Nothing is loaded before all of them are found."""
        from training.device import apply_threads

        plans = {name: self._plan(name) for name in dict.fromkeys(names) if name not in self._opened}
        apply_threads(self._settings.threads or None)
        # Virtual tokens first: what PEFT looks for in the base is only there while no layer is replaced.
        for name in sorted(plans, key=lambda one: not _is_virtual(plans[one].adapter)):
            self._opened[name] = self._open(plans[name])
        return [self._opened[name] for name in names]

    def facts(self, name: str) -> SideFacts:
        """Who the side of this name is now: its files are looked at, and nothing is loaded."""
        plan = self._plan(name)
        if plan.found is None:
            return self._connect(plan).facts
        return SideFacts(plan.name, plan.label, _digest(plan), plan.kind)

    def chat_model(self, side: Side) -> ChatModel:
        """A side that may be asked anything."""
        from training.compare.chat_model import SideChatModel

        return side.endpoint if side.endpoint is not None else SideChatModel(side)

    def close(self) -> None:
        """Let go of models, and close connections."""
        self._opened.clear()
        self._tokenizers.clear()
        self._memory.clear()
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._endpoints.clear()

    def _change(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._on_change(sentence)

    def _plan(self, name: str) -> _Plan:
        """What `name` means: see `SideSettings`."""
        from curation.weights.find import PACKAGED

        if ENDPOINT.match(name):
            return _Plan(name, name.partition("#")[2] or name, "endpoint")
        if name in ("base", "tuned") or name.startswith("checkpoint:"):
            return self._of_run(name, self._run_meant(name))
        path = Path(name).expanduser()
        if (path / "adapter_config.json").is_file():
            return self._adapter(name, path)
        if is_training(path):
            return self._of_run("tuned", trained_run(path, self._runs_dir))
        if name not in PACKAGED and not path.exists() and names_a_training(name, self._runs_dir):
            return self._of_run("tuned", trained_run(name, self._runs_dir))
        return self._model(name)

    def _run_meant(self, name: str) -> TrainedRun:
        if not self._settings.run:
            raise InputError(
                f"The side {name} is one of a training run, and none is named.", "Name the run with sides.run=RUN."
            )
        return trained_run(self._settings.run, self._runs_dir)

    def _of_run(self, side: str, run: TrainedRun) -> _Plan:
        from training.model import find_model

        recipe = run.recipe
        base = run.resolved(recipe.model.name)
        label = f"{recipe.model.name} (base)" if side == "base" else f"{run.name}{side.removeprefix('tuned')}"
        label = label.replace("checkpoint:", ", checkpoint ")
        if side == "base":
            return _Plan(side, label, "base", self._trained_on(run, base), None, recipe, run)
        folder = run.weights() if side == "tuned" else run.checkpoint(side.partition(":")[2])
        kind: SideKind = "tuned" if side == "tuned" else "checkpoint"
        if (folder / "adapter_config.json").is_file():
            return _Plan(side, label, kind, self._trained_on(run, base), folder, recipe, run)
        return _Plan(side, label, kind, find_model(str(folder)), None, recipe, run)

    def _trained_on(self, run: TrainedRun, base: str) -> FoundModel:
        """The base of a training, which must be the very one. Raises InputError where its weights have changed."""
        from training.model import find_model

        found = find_model(base, run.recipe.model.revision)
        digest = run.base_digest()
        if digest and digest != found.digest:
            raise InputError(
                f"The model {base} is not the one that {run.name} was trained on: its files have changed since.",
                "Put them back, or compare with another model.",
            )
        return found

    def _adapter(self, name: str, folder: Path) -> _Plan:
        """An adapter's folder: of a training run where it lies in one, else on the base that it names."""
        from training.compare.hold import adapter_config
        from training.model import find_model

        home = folder.resolve().parent
        chosen = self._bases.get(name, "")
        if not chosen and folder.resolve().name == "adapter" and is_training(home):
            return self._of_run("tuned", trained_run(home, self._runs_dir))
        base = chosen or str(adapter_config(folder).get("base_model_name_or_path") or "")
        if not base:
            raise InputError(f"The adapter {folder} does not say which model it is for.", "Merge it into its base.")
        return _Plan(name, f"{folder.name} on {base}", "adapter", find_model(base), folder)

    def _model(self, name: str) -> _Plan:
        from training.model import find_model

        found = find_model(name)
        kind: SideKind = "gguf" if found.kind == "gguf" else "model"
        label = name if found.kind != "folder" else Path(found.path).name
        return _Plan(name, label, kind, found)

    def _open(self, plan: _Plan) -> Side:
        if plan.found is None:
            return self._connect(plan)
        recipe = self._in_memory(plan)
        device = _device(recipe)
        for sentence in device.changes:
            self._change(sentence)
        held = self._memory.hold(plan.found, recipe.model, device, plan.adapter)
        adapter = None if plan.adapter is None else self._memory.adapter(held, plan.adapter)
        tokenizer = self._tokenizer(plan, recipe)
        template = self._template(plan, tokenizer)
        return Side(
            facts=SideFacts(plan.name, plan.label, _digest(plan), plan.kind),
            held=held,
            adapter=adapter,
            tokenizer=tokenizer,
            template=template,
            device=device,
            system=plan.recipe.template.system if plan.recipe is not None else "",
            ends=_ends(template, tokenizer, held),
        )

    def _connect(self, plan: _Plan) -> Side:
        from curation.llm.client import connect

        if plan.name not in self._endpoints:
            self._endpoints[plan.name] = connect(plan.name, self._settings.key_env)
        endpoint = self._endpoints[plan.name]
        facts = SideFacts(plan.name, endpoint.name, _sha256(endpoint.identity), "endpoint")
        return Side(facts, endpoint=endpoint)

    def _in_memory(self, plan: _Plan) -> TrainRecipe:
        """The recipe that says how the weights lie in memory: the training's, with what the settings change."""
        from training.recipe import TrainRecipe

        recipe = plan.recipe or TrainRecipe()
        model = recipe.model.model_copy(update={"liger": False, "backend": "transformers"})
        if model.trust_remote_code and plan.found is not None:
            model = model.model_copy(update={"trust_remote_code": plan.found.name})
        if self._settings.dtype != "auto":
            model = model.model_copy(update={"dtype": self._settings.dtype})
        if self._settings.quantization != "auto":
            model = model.model_copy(update={"quantization": self._settings.quantization})
        return recipe.model_copy(update={"model": model})

    def _tokenizer(self, plan: _Plan, recipe: TrainRecipe) -> Any:
        """The model's; of an adapter that brings one with a template, the adapter's."""
        from dataclasses import replace

        from training.model import load_tokenizer

        found = plan.found
        if found is None:
            raise AssertionError("only a model has a tokenizer")
        if plan.kind == "adapter" and plan.adapter is not None and (plan.adapter / "tokenizer.json").is_file():
            found = replace(found, path=str(plan.adapter))
        if found.path not in self._tokenizers:
            self._tokenizers[found.path] = load_tokenizer(found, trust=recipe.model.trust_remote_code)
        return self._tokenizers[found.path]

    def _template(self, plan: _Plan, tokenizer: Any) -> Template:
        from training.template import template_for

        if self._settings.template != "auto":
            return template_for(self._settings.template, tokenizer)
        if plan.run is not None and plan.recipe is not None:
            return template_for(plan.run.resolved(plan.recipe.template.name), tokenizer)
        return template_for("auto", tokenizer)


def _device(recipe: TrainRecipe) -> Device:
    """Where it computes: where it was trained, if this machine has that, else what it has."""
    from training.device import choose, machine_facts

    facts = machine_facts()
    there = {"cuda": facts.cuda, "mps": facts.mps}.get(recipe.device.kind, True)
    if not there:
        recipe = recipe.model_copy(update={"device": recipe.device.model_copy(update={"kind": "auto"})})
    return choose(recipe, facts)


def _ends(template: Template, tokenizer: Any, held: Held) -> frozenset[int]:
    """What ends an answer: the template's marks, the tokenizer's EOS, and what the model says of itself."""
    said = getattr(getattr(held.base, "generation_config", None), "eos_token_id", None)
    own = said if isinstance(said, (list, tuple)) else [said]
    return frozenset({*template.stop_ids(tokenizer), tokenizer.eos_token_id, *own} - {None})


def _is_virtual(adapter: Path | None) -> bool:
    from training.compare.hold import VIRTUAL, adapter_config

    return adapter is not None and adapter_config(adapter)["peft_type"] in VIRTUAL


def _digest(plan: _Plan) -> str:
    from curation.weights.cache import file_digest

    if plan.found is None:
        raise AssertionError("only weights have a digest")
    if plan.adapter is None:
        return plan.found.digest
    weights = plan.adapter / "adapter_model.safetensors"
    if not weights.is_file():
        raise InputError(f"{plan.adapter} holds no adapter_model.safetensors.", "Save the adapter as safetensors.")
    return _sha256(f"{plan.found.digest} {file_digest(weights)}")


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
