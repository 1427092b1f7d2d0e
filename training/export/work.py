"""What the steps of an export share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.events import Listener, Progress
from training.export.check import Check
from training.export.events import ExportChecked, Exported
from training.export.place import bytes_of

if TYPE_CHECKING:
    from training.device import Device
    from training.export.greedy import Greedy
    from training.export.settings import ExportSettings
    from training.export.source import Source
    from training.template import Template


@dataclass
class Work:
    """One export under way. folder: of the run; out: where results go. model, answers: the whole weights in memory and
    what they answered, once they were loaded back."""

    settings: ExportSettings
    source: Source
    folder: Path
    out: Path
    say: Listener
    should_stop: Callable[[], bool]
    tokenizer: Any
    template: Template
    device: Device
    name: str
    prompts: list[tuple[str, list[int]]] = field(default_factory=list)
    model: Any = None
    answers: list[Greedy] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What llama.cpp's tools say."""
        return self.folder / "tools.log"

    def progress(self, phase: str, unit: str, total: int | None = None) -> Callable[[int], None]:
        """A function that tells how many are done."""
        began = time.monotonic()
        self.say(Progress(phase, 0, total, unit, 0.0, None))

        def tell(done: int) -> None:
            spent = max(time.monotonic() - began, 1e-6)
            eta = spent / done * (total - done) if total and done else None
            self.say(Progress(phase, done, total, unit, done / spent, eta))

        return tell

    def done(self, target: str, path: Path, *, reused: bool, **more: Any) -> None:
        """Say that something is whole, and keep it for export.json."""
        size = bytes_of(path)
        self.results[target] = {"path": str(path), "bytes": size, **more}
        self.say(Exported(target, str(path), size, reused))

    def checked(self, check: Check) -> None:
        """Say what a look at it found, and keep it for export.json."""
        self.checks.append(check)
        self.say(ExportChecked(check.check, check.passed, check.said))
