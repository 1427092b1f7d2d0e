"""How much memory a run will need, by component, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import uses_checkpointing
from training.memory.available import Room, room_on
from training.memory.baseline import baseline
from training.memory.simulate import Shape, Simulated, simulate

if TYPE_CHECKING:
    from curation.weights.find import FoundModel
    from training.device import Device
    from training.recipe import TrainRecipe

# The model's modules, the trainer, autograd's threads: measured at 13 to 20 MB from 2 to 8 layers.
TRAINER = 16_000_000
# glibc cannot give a freed aligned block to the next request of the same size, so temporary tensors leave holes between
# those that stay. Measured: 0.5 to 0.7 of the activations in blocks that are not mapped one by one.
HOLES = 0.6
# CUDA's context, cuBLAS' workspace and the holes of PyTorch's caching allocator. Not measured here.
CUDA_CONTEXT = 600_000_000
CUDA_HOLES = 0.05


@dataclass(frozen=True)
class Component:
    """A part of the memory, in bytes at the peak, and what it is in words."""

    name: str
    size: int
    text: str


@dataclass(frozen=True)
class Estimate:
    """What a run needs on its device.

    total: bytes at the highest of the phases loading, training and evaluation. phase: which one that is.
    components: sum up to total. room: what the device has. measured_here: False for GPUs, where nothing of this was
    checked against a measurement. parameters, trainable: how many numbers the model has, and how many are trained.
    """

    total: int
    phase: str
    components: tuple[Component, ...]
    room: Room
    measured_here: bool
    parameters: int
    trainable: int
    phases: dict[str, int]

    @property
    def fits(self) -> bool:
        """Whether it is less than what is free, with a twentieth to spare."""
        return self.total * 1.05 <= self.room.free


def estimate(
    recipe: TrainRecipe, found: FoundModel, device: Device, train: Shape, evaluation: Shape | None = None
) -> Estimate:
    """The memory `recipe` needs with batches like `train` (and `evaluation`). Takes some seconds, loads no weights.

    On CPUs the figure is the peak of the process (RSS). On GPUs it is an estimate of the GPU's memory, simulated with
    the operations of a CPU.
    """
    simulated = simulate(recipe, found.path, device, train, evaluation)
    held = _in_heap(recipe, found, device, train, simulated)
    cuda = device.kind == "cuda"
    base = CUDA_CONTEXT if cuda else baseline(found.path) + TRAINER
    file = 0 if cuda else sum(path.stat().st_size for path in Path(found.path).glob("*.safetensors"))
    at_training, at_evaluation = simulated.training, simulated.evaluation
    holes = int(CUDA_HOLES * sum(at_training.values()) if cuda else HOLES * held)
    phases = {
        "loading": base + simulated.weights + file,
        "training": base + sum(at_training.values()) + holes,
        "evaluation": base + sum(at_evaluation.values()) + (0 if cuda else held),
    }
    phase = max(phases, key=lambda name: phases[name])
    parts = {"loading": {"weights": simulated.weights, "working": file}, "training": at_training}
    components = _components(base, parts.get(phase, at_evaluation), phases[phase], cuda=cuda)
    return Estimate(
        total=phases[phase],
        phase=phase,
        components=components,
        room=room_on(device),
        measured_here=device.kind == "cpu",
        parameters=simulated.parameters,
        trainable=simulated.trainable,
        phases=phases,
    )


def _in_heap(recipe: TrainRecipe, found: FoundModel, device: Device, train: Shape, simulated: Simulated) -> int:
    """Activations in small blocks. Those that are computed again leave as many holes as those that are kept."""
    if device.kind == "cuda":
        return 0
    if uses_checkpointing(recipe, device):
        schedule = recipe.schedule.model_copy(update={"gradient_checkpointing": "off"})
        simulated = simulate(recipe.model_copy(update={"schedule": schedule}), found.path, device, train, None)
    return simulated.in_heap.get("activations", 0)


def _components(base: int, kinds: dict[str, int], total: int, *, cuda: bool) -> tuple[Component, ...]:
    found = [
        Component("framework", base, "CUDA's context" if cuda else "interpreter, libraries and tokenizer; measured"),
        Component("weights", kinds.get("weights", 0), "the model, as it lies in memory"),
        Component("adapter", kinds.get("adapter", 0), "what is trained beside it"),
        Component("gradients", kinds.get("gradients", 0), "one number for each that is trained"),
        Component("optimizer", kinds.get("optimizer", 0), "its averages over the steps"),
        Component("activations", kinds.get("activations", 0), "kept for the backward pass; grow with batch and length"),
        Component("working", kinds.get("working", 0), "logits, loss and temporary results"),
    ]
    rest = total - sum(component.size for component in found)
    found.append(Component("allocator", rest, "holes between blocks that cannot be given back"))
    return tuple(component for component in found if component.size > 0)
