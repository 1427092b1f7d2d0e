"""A training step on tensors that have shapes and no memory: which bytes would be alive at once?

Every operation of the model, the adapter, the loss, the backward pass and the optimizer is really called, in PyTorch's
fake mode, so the lifetimes are those of the real step for any architecture. Takes seconds and no memory to speak of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from training.device import Device
    from training.recipe import TrainRecipe

BLOCK, NESTED = 64, 256  # bitsandbytes: weights to a constant, constants to a constant of constants


@dataclass(frozen=True)
class Shape:
    """A batch: records at once, tokens of the longest, and whether all are as long as that (no padding then)."""

    records: int
    tokens: int
    even: bool = True


@dataclass(frozen=True)
class Simulated:
    """Bytes of tensors by kind: what lies there all the time, and all there is at the peaks of the phases.

    in_heap: of what there is at training's peak, the part in blocks that the C library does not map one by one.
    """

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    parameters: int
    trainable: int
    training: dict[str, int]
    evaluation: dict[str, int]
    in_heap: dict[str, int]


def simulate(recipe: TrainRecipe, path: str, device: Device, train: Shape, evaluation: Shape | None) -> Simulated:
    """Two steps of `recipe` on the model in the folder `path` with batches like `train`; then an evaluation's batch.

    The second step counts: the optimizer's state is there from the end of the first on.
    """
    from curation.weights.hush import hush_libraries

    hush_libraries()
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from training.memory.live_bytes import LiveBytes

    with ExitStack() as stack:
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        if device.kind == "cpu":
            stack.enter_context(_no_wider_tiles(path))
        model = _model(recipe, path, device)
        parameters = _unique(model.parameters())
        trained = [weight for weight in parameters if weight.requires_grad]
        live = stack.enter_context(LiveBytes())
        live.tell(_tensors(model, trained=False), "weights")
        if recipe.method.objective == "dpo" and recipe.method.kind == "full":
            copy = torch.empty(sum(w.numel() * w.element_size() for w in parameters), dtype=torch.uint8)
            live.tell([copy], "weights")  # the model as it was, to compare with
        live.tell(trained, "weights" if recipe.method.kind == "full" else "adapter")
        optimizer = _optimizer(recipe, device, trained, live)
        _watch_gradients(trained, live)
        doubled = 2 if recipe.method.objective == "dpo" else 1  # the chosen and the rejected answer
        shape = Shape(train.records * doubled, train.tokens, train.even)
        for _ in range(2):
            live.forget_peak()
            for _ in range(min(recipe.schedule.accumulation, 2)):
                _step(model, shape, live)
            if recipe.optimizer.max_grad_norm:
                torch.nn.utils.clip_grad_norm_(trained, recipe.optimizer.max_grad_norm)
            gradients = live.now["gradients"]
            optimizer.step()
            live.tell(_state(optimizer), "optimizer")
            optimizer.zero_grad(set_to_none=True)
        training, in_heap = live.at_peak, live.heap_at_peak
        live.forget_peak()
        if evaluation is not None:
            model.eval()
            with torch.no_grad():
                _forward(model, Shape(evaluation.records * doubled, evaluation.tokens, evaluation.even))
        return Simulated(
            weights=live.now["weights"],
            adapter=live.now["adapter"],
            gradients=gradients,
            optimizer=live.now["optimizer"],
            parameters=_count_parameters(parameters),
            trainable=sum(weight.numel() for weight in trained),
            training=_plain(training),
            evaluation=_plain(live.at_peak),
            in_heap=_plain(in_heap),
        )


def _model(recipe: TrainRecipe, path: str, device: Device) -> Any:
    """The model as the trainer would have it, without memory: quantised, with adapter and fused head."""
    import torch
    from peft import get_peft_model

    from training.adapters import peft_config

    transformers: Any = import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(
        path, local_files_only=True, trust_remote_code=bool(recipe.model.trust_remote_code)
    )
    options: dict[str, Any] = {} if device.attention == "auto" else {"attn_implementation": device.attention}
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=getattr(torch, device.dtype), **options)
    if device.quantization != "none":
        _quantise(model, recipe, device)
    model.config.use_cache = False
    import_module("trl.trainer.utils").add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    plain = recipe.model_copy(
        update={"lora": recipe.lora.model_copy(update={"init": "default", "dora": _has_dora(recipe, device)})}
    )
    adapter = peft_config(plain, path)
    if adapter is not None:
        if getattr(adapter, "prompt_tuning_init_text", None):
            adapter.prompt_tuning_init, adapter.prompt_tuning_init_text = "RANDOM", None
        with _nothing_moves():
            model = get_peft_model(model, adapter)
    from training.arguments import uses_checkpointing

    model.train()
    if uses_checkpointing(recipe, device):
        model.gradient_checkpointing_enable()
        if adapter is not None:
            model.enable_input_require_grads()
    if device.quantization != "none":
        for name, weight in model.named_parameters():
            if weight.requires_grad and "magnitude" not in name:  # as TRL does
                weight.data = weight.data.to(torch.bfloat16)
    return model


def _has_dora(recipe: TrainRecipe, device: Device) -> bool:
    """DoRA on quantised weights asks them for their norm, which fake ones cannot say; it is counted as LoRA."""
    return recipe.lora.dora and device.quantization == "none"


def _quantise(model: Any, recipe: TrainRecipe, device: Device) -> None:
    """Put bitsandbytes' layers in the place of linear ones, as transformers does: all but the output layer."""
    from torch import nn

    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Linear) and layer is not head:
                setattr(parent, name, _int8(layer) if device.quantization == "int8" else _4bit(layer, recipe, device))
    model.is_loaded_in_8bit = device.quantization == "int8"
    model.is_loaded_in_4bit = not model.is_loaded_in_8bit


def _4bit(layer: nn.Linear, recipe: TrainRecipe, device: Device) -> Any:
    import torch
    from torch import nn

    double = recipe.model.double_quantization
    bnb: Any = import_module("bitsandbytes")
    state_of: Any = import_module("bitsandbytes.functional").QuantState
    dtype = getattr(torch, device.dtype)
    new = _empty(bnb.nn.Linear4bit, layer)
    new.compute_dtype, new.compute_type_is_set, new.quant_state, new.quant_storage = dtype, True, None, torch.uint8
    count = layer.weight.numel()
    blocks = -(-count // BLOCK)
    nested = None
    if double:
        nested = state_of(
            absmax=torch.empty(-(-blocks // NESTED)), code=torch.empty(256), blocksize=NESTED, dtype=torch.float32
        )
    packed: Any = nn.Parameter(torch.empty(-(-count // 2), 1, dtype=torch.uint8), requires_grad=False)
    packed.compress_statistics, packed.quant_type = double, device.quantization
    packed.quant_state = state_of(
        absmax=torch.empty(blocks, dtype=torch.uint8 if double else torch.float32),
        shape=layer.weight.shape,
        code=torch.empty(16),
        blocksize=BLOCK,
        quant_type=device.quantization,
        dtype=dtype,
        offset=torch.empty(()) if double else None,
        state2=nested,
    )
    new.weight = packed
    new.support_avx512bf16_for_cpu = False
    return new


def _int8(layer: nn.Linear) -> Any:
    import torch
    from torch import nn

    bnb: Any = import_module("bitsandbytes")
    new = _empty(bnb.nn.Linear8bitLt, layer)
    new.state = bnb.MatmulLtState()
    new.state.threshold, new.state.has_fp16_weights, new.index = 0.0, False, None  # outliers: how many, only data say
    packed: Any = nn.Parameter(torch.empty(layer.weight.shape, dtype=torch.int8), requires_grad=False)
    packed.has_fp16_weights = False
    packed.CB, packed.SCB = packed.data, torch.empty(layer.out_features)
    new.weight = packed
    return new


def _empty(kind: type[nn.Module], layer: nn.Linear) -> Any:
    """A layer whose constructor was not run: it makes parameters of its own kind, which cannot be fake."""
    from torch import nn

    new: Any = kind.__new__(kind)
    nn.Module.__init__(new)
    new.in_features, new.out_features, new.bias = layer.in_features, layer.out_features, layer.bias
    return new


def _step(model: Any, shape: Shape, live: Any) -> None:
    import torch

    def saved(tensor: Tensor) -> Tensor:
        if live.kind_of(tensor) == "working":
            live.tell([tensor], "activations")
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
        loss = _forward(model, shape)
    loss.backward()


def _forward(model: Any, shape: Shape) -> Any:
    """The loss as TRL computes it: log-probabilities in tiles of the vocabulary, at every position on CPUs."""
    import torch

    ids = torch.ones((shape.records, shape.tokens), dtype=torch.long)
    inputs: dict[str, Any] = {"input_ids": ids, "labels": torch.ones_like(ids), "use_cache": False}
    inputs["attention_mask"] = None if shape.even else torch.ones_like(ids)
    output = model(**inputs, fused_lm_head=True)
    return -output.log_probs.sum() / ids.numel()


def _optimizer(recipe: TrainRecipe, device: Device, trained: list[Tensor], live: Any) -> Any:
    """The optimizer itself; for bitsandbytes', plain SGD beside as many bytes as its state takes."""
    import torch

    rate, decay = recipe.optimizer.learning_rate, recipe.optimizer.weight_decay
    if device.optimizer == "adamw":
        return torch.optim.AdamW(trained, lr=rate, weight_decay=decay)
    if device.optimizer == "adafactor":
        adafactor: Any = import_module("transformers.optimization").Adafactor
        return adafactor(trained, lr=rate, weight_decay=decay, scale_parameter=False, relative_step=False)
    optimizer = torch.optim.SGD(trained, lr=rate, weight_decay=decay)
    if device.optimizer != "sgd":
        size = sum(_bnb_state(weight.numel(), eight="8bit" in device.optimizer) for weight in trained)
        state = torch.empty(size, dtype=torch.uint8)
        live.tell([state], "optimizer")
        kept: Any = optimizer.state
        kept["moments"] = {"moments": state}
    return optimizer


def _bnb_state(count: int, *, eight: bool) -> int:
    """Bytes of two moments: 4 each, or 1 and a 256th of 4 for tensors of 4096 numbers and more."""
    return 2 * count + 2 * 4 * -(-count // 256) if eight and count >= 4096 else 8 * count


def _state(optimizer: Any) -> Iterator[Tensor]:
    import torch

    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def _watch_gradients(trained: list[Any], live: Any) -> None:
    for weight in trained:
        weight.register_post_accumulate_grad_hook(lambda weight: live.tell([weight.grad], "gradients"))


def _tensors(model: Any, *, trained: bool) -> Iterator[Tensor]:
    """The weights that are (not) trained, buffers, and what bitsandbytes keeps beside its weights."""
    for weight in model.parameters():
        if weight.requires_grad == trained:
            yield weight
            state = getattr(weight, "quant_state", None)
            for part in (state, getattr(state, "state2", None)):
                yield from (getattr(part, key) for key in ("absmax", "code") if part is not None)
            if hasattr(weight, "SCB"):
                yield weight.SCB
    yield from model.buffers()


def _unique(tensors: Iterator[Tensor]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())


def _count_parameters(parameters: list[Tensor]) -> int:
    from math import prod

    packed = {id(weight): prod(weight.quant_state.shape) for weight in parameters if hasattr(weight, "quant_state")}
    return sum(packed.get(id(weight), weight.numel()) for weight in parameters)


def _plain(counted: Counter[str]) -> dict[str, int]:
    return {kind: size for kind, size in counted.items() if size > 0}


@contextmanager
def _no_wider_tiles(path: str) -> Iterator[None]:
    """TRL asks for room for 32,768 logits a token. Where the vocabulary is smaller, a CPU never gives the rest of it."""
    from curation.weights.folder import read_json

    trl: Any = import_module("trl.trainer.utils")
    real = trl._CHUNKED_LOGPROB_CHUNK_SIZE
    size = read_json(Path(path) / "config.json").get("vocab_size")
    trl._CHUNKED_LOGPROB_CHUNK_SIZE = min(real, int(size)) if size else real
    try:
        yield
    finally:
        trl._CHUNKED_LOGPROB_CHUNK_SIZE = real


@contextmanager
def _nothing_moves() -> Iterator[None]:
    """PEFT moves new adapters to the device of their layer: fake tensors cannot follow, and are there already."""
    kind: Any = import_module("torch.nn").Module
    real = kind.to
    kind.to = lambda module, *_, **__: module
    try:
        yield
    finally:
        kind.to = real
