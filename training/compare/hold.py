"""Models in memory: one copy of a base for all sides that need it, whichever adapters lie on top."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import InputError, StudioError
from curation.weights.hush import hush_libraries

if TYPE_CHECKING:
    from curation.weights.find import FoundModel
    from training.device import Device
    from training.sections import ModelSettings

_MUTATING = ("pissa", "olora", "corda", "loftq")  # they take a part out of the base's own weights when they are loaded
VIRTUAL = ("PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING")
"""Adapters that are virtual tokens before the text."""
_UNKNOWN = (
    "CPT",
    "MULTITASK_PROMPT_TUNING",
    "ADAPTION_PROMPT",
    "POLY",
    "CARTRIDGE",
)  # with forward passes of their own


class Held:
    """One base model, and every adapter on it. Only one of them is active at a time; `lock` is held by who computes.

    Matrices beside the weights (LoRA and its like) are put into the base's own layers, by one PeftModel that switches
    between them or off. Virtual tokens change no layer: each has a PeftModel of its own around the same base.
    """

    def __init__(self, base: Any, device: Device) -> None:
        self.base, self.device = base, device
        self.lock = threading.RLock()
        self._inside: Any = None  # the PeftModel of all adapters inside the layers
        self._virtual: dict[str, Any] = {}
        self._active: str | None = None

    def add(self, folder: Path) -> str:
        """Put the adapter in `folder` on the base; returns the name to use it by. Raises StudioError."""
        name, kind = f"adapter_{len(self._virtual) + self._count()}", adapter_config(folder)["peft_type"]
        if kind in _UNKNOWN:
            raise StudioError(f"Adapters of the kind {kind} cannot be compared ({folder}).", "Merge it into its base.")
        hush_libraries()
        peft: Any = import_module("peft").PeftModel
        options = {"adapter_name": name, "is_trainable": False, "torch_device": self.device.torch_name}
        with self.lock, self._bare():
            try:
                if kind in VIRTUAL:
                    self._virtual[name] = peft.from_pretrained(self.base, folder, **options)
                elif self._inside is None:
                    self._inside = peft.from_pretrained(self.base, folder, **options)
                else:
                    options["model_id"] = folder
                    self._inside.load_adapter(**options)
            except (RuntimeError, ValueError, KeyError, OSError, TypeError) as error:
                first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".:")
                raise StudioError(
                    f"The adapter in {folder} does not fit its base model: {first}.", "Name the base it was trained on."
                ) from error
        return name

    @contextmanager
    def use(self, adapter: str | None) -> Iterator[Any]:
        """The base's own module with `adapter` in its layers, or with none of them. Cheap where nothing changes.

        For virtual tokens it is the plain base: whoever calls it puts `virtual(adapter)` before the text.
        """
        with self.lock:
            self._activate(adapter)
            yield self.base

    @contextmanager
    def model(self, adapter: str | None) -> Iterator[Any]:
        """The whole model of a side: a PeftModel where there is an adapter, else the base itself."""
        with self.use(adapter) as base:
            yield base if adapter is None else self._virtual.get(adapter, self._inside)

    def virtual(self, adapter: str | None) -> Any:
        """The PeftModel of virtual tokens, None for an adapter that has none."""
        return None if adapter is None else self._virtual.get(adapter)

    def _activate(self, adapter: str | None) -> None:
        wanted = None if adapter in self._virtual else adapter
        if self._inside is None or wanted == self._active:
            return
        if wanted is None:
            self._inside.base_model.disable_adapter_layers()
        else:
            if self._inside.active_adapter != wanted:
                self._inside.set_adapter(wanted, inference_mode=True)
            if self._active is None:
                self._inside.base_model.enable_adapter_layers()
        self._active = wanted

    @contextmanager
    def _bare(self) -> Iterator[None]:
        """While an adapter is loaded. Loading makes it active, and switches layers on: afterwards all is as before."""
        before = self._active
        try:
            yield
        finally:
            if self._inside is not None:
                self._inside.base_model.disable_adapter_layers()
            self._active = None
            self._activate(before)

    def _count(self) -> int:
        return 0 if self._inside is None else len(self._inside.peft_config)


class Memory:
    """Every model that is loaded, each once. on_change: told what is not as the recipe says."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._held: dict[tuple[str, ...], Held] = {}
        self._adapters: dict[tuple[int, str], str] = {}
        self._on_change = on_change

    def hold(self, found: FoundModel, settings: ModelSettings, device: Device, adapter: Path | None) -> Held:
        """The model, loaded now or before; an adapter that changes the base's weights has a copy of its own."""
        from training.model import load_model

        own = str(adapter) if adapter is not None and changes_base(adapter) else ""
        key = (found.path, device.dtype, device.quantization, str(settings.double_quantization), device.torch_name, own)
        if key not in self._held:
            if own:
                self._on_change(
                    "The adapter was begun from the base's own weights, or trains its biases: it needs a second copy."
                )
            self._held[key] = Held(load_model(found, settings, device, train=False), device)
        return self._held[key]

    def adapter(self, held: Held, folder: Path) -> str:
        """The name of an adapter on `held`, loaded now or before."""
        key = (id(held), str(folder))
        if key not in self._adapters:
            self._adapters[key] = held.add(folder)
        return self._adapters[key]

    def clear(self) -> None:
        """Let go of everything."""
        import gc

        self._held.clear()
        self._adapters.clear()
        gc.collect()


def adapter_config(folder: Path) -> dict[str, Any]:
    """The adapter_config.json of a folder. Raises InputError."""
    path = folder / "adapter_config.json"
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "An adapter's folder holds it.") from error
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("peft_type"), str):
        raise InputError(f"{path} is damaged.", "Fetch the adapter again.")
    return found


def changes_base(folder: Path) -> bool:
    """Whether the base is not what it was with this adapter switched off."""
    config = adapter_config(folder)
    begun = config.get("init_lora_weights")
    return config.get("bias", "none") != "none" or (isinstance(begun, str) and begun.startswith(_MUTATING))
