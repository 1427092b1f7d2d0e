"""A conversation with one model, or with two about the same questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from training.compare.hold import adapter_config
from training.compare.model import Piece, Prompt
from training.compare.opening import Opener, SideFacts
from training.compare.sides import Written, written
from training.compare.trained import is_training, names_a_training, trained_run
from training.examples import Message

if TYPE_CHECKING:
    from training.compare.sections import SamplingSettings, SideSettings

__all__ = ["Chat", "Who", "who_is"]


@dataclass(frozen=True)
class Who:
    """Who one talks to. side: who answers first; pair: the two that can be compared, where there are two.
    run: the training run that base, tuned and checkpoint:STEP belong to, ""; bases: see `Opener`."""

    side: str
    pair: tuple[str, str] | None = None
    run: str = ""
    bases: tuple[tuple[str, str], ...] = ()


def who_is(name: str, adapter: str, runs_dir: Path) -> Who:
    """Who is meant by a model's or a run's name, and by an adapter on it.

    name: "" for the model that the adapter names, or for the last training run. Raises InputError.
    """
    if adapter:
        if not name:
            name = str(adapter_config(Path(adapter).expanduser()).get("base_model_name_or_path") or "")
            return Who(adapter, (name, adapter) if name else None)
        return Who(adapter, (name, adapter), bases=((adapter, name),))
    name = name or "last"
    path = Path(name).expanduser()
    if (path / "adapter_config.json").is_file():
        return who_is("", name, runs_dir)
    if is_training(path) or (not path.exists() and names_a_training(name, runs_dir)):
        return Who("tuned", ("base", "tuned"), str(trained_run(path if path.exists() else name, runs_dir).path))
    return Who(name)


@dataclass
class _Turn:
    """A question, and what was answered, by side; `last` of them is what the others heard."""

    text: str
    answers: dict[str, str] = field(default_factory=dict)
    last: str = ""


class Chat:
    """Turns of a conversation. A side remembers its own answers, and where it gave none, what was answered."""

    def __init__(
        self,
        settings: SideSettings,
        runs_dir: Path,
        *,
        on_change: Callable[[str], None],
        bases: Sequence[tuple[str, str]] = (),
        system: str = "",
    ) -> None:
        """settings: of the sides; its `a` and `b` are not looked at. system: in place of the training's."""
        self._opener = Opener(settings, runs_dir, on_change, dict(bases))
        self._system = (Message("system", system),) if system else ()
        self._turns: list[_Turn] = []

    def open(self, *names: str) -> list[SideFacts]:
        """Load these sides, where they are not yet; who they are. Raises StudioError."""
        return [side.facts for side in self._opener.open_all(names)]

    def ask(
        self,
        text: str,
        names: Sequence[str],
        sampling: SamplingSettings,
        on_pieces: Callable[[str, Sequence[Piece]], None],
        should_stop: Callable[[], bool],
    ) -> dict[str, Written]:
        """What each of `names` answers, in turns, token by token. The conversation has one more turn then.

        Where nobody answered, since it failed or was stopped before the first word, nothing was asked.
        """
        sides = dict(zip(names, self._opener.open_all(names), strict=True))
        turn = _Turn(text)
        prompts = {name: Prompt(f"turn {len(self._turns) + 1}", self._messages(name, text)) for name in sides}
        found = written(sides, prompts, sampling, on_pieces, should_stop)
        turn.answers = {name: one.text for name, one in found.items()}
        turn.last = names[-1]
        if any(turn.answers.values()):
            self._turns.append(turn)
        return found

    def reset(self) -> None:
        """Forget what was said."""
        self._turns.clear()

    def close(self) -> None:
        """Free memory and connections."""
        self._opener.close()

    def _messages(self, name: str, text: str) -> tuple[Message, ...]:
        messages = list(self._system)
        for turn in self._turns:
            heard = turn.answers.get(name, turn.answers[turn.last])
            messages += [Message("user", turn.text), Message("assistant", heard)]
        return (*messages, Message("user", text))
