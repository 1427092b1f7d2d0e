"""The two models of a comparison: from their names to answers, in as little memory as they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from curation.errors import StudioError
from training.compare.model import Answer, Ending, Piece, Prompt, SideName
from training.compare.opening import Opener, Side, SideFacts

if TYPE_CHECKING:
    from curation.llm.model import ChatModel
    from training.compare.generate import Writer
    from training.compare.sections import SamplingSettings, SideSettings
    from training.template import Template

__all__ = ["SideFacts", "Sides", "open_sides"]

OnPieces = Callable[[Sequence[Piece]], None]
OnBoth = Callable[[SideName, Sequence[Piece]], None]
ShouldStop = Callable[[], bool]


def open_sides(settings: SideSettings, runs_dir: Path, *, on_change: Callable[[str], None]) -> Sides:
    """Both sides, loaded and ready. on_change: told, a sentence each, what is not as the settings say.

    Raises StudioError for a side that is not there, cannot be loaded, or does not fit.
    """
    opener = Opener(settings, runs_dir, on_change)
    try:
        a, b = opener.open_all([settings.a, settings.b])
    except BaseException:
        opener.close()
        raise
    return Sides(opener, a, b)


class Sides:
    """Two opened sides. `a` and `b` say who they are; close it in the end, or use it as a context manager."""

    def __init__(self, opener: Opener, a: Side, b: Side) -> None:
        self._opener = opener
        self._sides: dict[SideName, Side] = {"a": a, "b": b}
        self.a: SideFacts = a.facts
        self.b: SideFacts = b.facts

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def device(self) -> str:
        """Where they compute, for people; "" where none does so in this process."""
        found = (side.device for side in self._sides.values() if side.device is not None)
        return next((f"{device.name}, {device.dtype}" for device in found), "")

    def template(self, side: SideName) -> Template:
        """The chat template of a side. Raises StudioError for an endpoint, which has its own."""
        found: Template = self._local(side).template
        return found

    def tokenizer(self, side: SideName) -> Any:
        """The tokenizer of a side. Raises StudioError for an endpoint."""
        return self._local(side).tokenizer

    def system(self, side: SideName) -> str:
        """The system prompt that a conversation without one gets on this side: that of its training."""
        return self._sides[side].system

    @contextmanager
    def model(self, side: SideName) -> Iterator[Any]:
        """The side's torch model, a PeftModel where there is an adapter, which is on; None for an endpoint.

        Nobody else computes on it meanwhile.
        """
        found = self._sides[side]
        if found.held is None:
            yield None
        else:
            with found.held.model(found.adapter) as model:
                yield model

    def answer(
        self, prompt: Prompt, side: SideName, sampling: SamplingSettings, on_pieces: OnPieces, should_stop: ShouldStop
    ) -> Answer:
        """What a side answers. on_pieces: told each piece as it comes. Raises StudioError, CallFailed of an endpoint."""
        (found,) = self._written(
            {side: prompt}, sampling, lambda _side, pieces: on_pieces(pieces), should_stop
        ).values()
        return found

    def answer_both(
        self,
        prompt: Prompt,
        sampling: SamplingSettings,
        on_pieces: OnBoth,
        should_stop: ShouldStop,
        b_prompt: Prompt | None = None,
    ) -> tuple[Answer, Answer]:
        """What both answer, token by token in turns. b_prompt: what b is asked, where its conversation went otherwise.

        Each side writes what it would write alone: draws depend on the prompt and the seed, not on the other side.
        """
        found = self._written({"a": prompt, "b": b_prompt or prompt}, sampling, on_pieces, should_stop)
        return found["a"], found["b"]

    def chat_model(self, side: SideName) -> ChatModel:
        """A side as whoever may be asked anything: a judge."""
        return self._opener.chat_model(self._sides[side])

    def chat_model_of(self, name: str) -> ChatModel:
        """The same for another model, named as a side is; what is loaded already is not loaded again."""
        return self._opener.chat_model(self._opener.open_all([name])[0])

    def close(self) -> None:
        """Free memory and connections. Nothing can be asked afterwards."""
        self._sides = {}
        self._opener.close()

    def _local(self, side: SideName) -> Side:
        found = self._sides[side]
        if found.held is None:
            raise StudioError(
                f"{found.facts.label} is at an endpoint: its weights are not here.", "Name a local model."
            )
        return found

    def _written(
        self,
        prompts: dict[SideName, Prompt],
        sampling: SamplingSettings,
        on_pieces: OnBoth,
        should_stop: ShouldStop,
    ) -> dict[SideName, Answer]:
        answers = written({side: self._sides[side] for side in prompts}, prompts, sampling, on_pieces, should_stop)
        return {
            side: Answer(
                prompt_id=prompts[side].prompt_id,
                side=side,
                text=found.text,
                tokens=found.tokens,
                seconds=found.seconds,
                stopped=found.stopped,
                seed=found.seed,
                pieces=found.pieces,
            )
            for side, found in answers.items()
        }


class Written(NamedTuple):
    """What somebody wrote; the fields are those of an Answer."""

    text: str
    tokens: int
    seconds: float
    stopped: Ending
    seed: int
    pieces: tuple[Piece, ...]


Name = TypeVar("Name", bound=str)


def written(
    sides: Mapping[Name, Side],
    prompts: Mapping[Name, Prompt],
    sampling: SamplingSettings,
    on_pieces: Callable[[Name, Sequence[Piece]], None],
    should_stop: ShouldStop,
) -> dict[Name, Written]:
    """What each side answers to its prompt, token by token in turns. Raises StudioError, CallFailed of an endpoint."""
    from training.compare.generate import write
    from training.compare.sampling import seed_of

    seeds = {name: seed_of(sampling, prompt) for name, prompt in prompts.items()}
    writers: dict[Name, Writer] = {
        name: sides[name].writer(prompt.messages, sampling, seeds[name]) for name, prompt in prompts.items()
    }
    pieces = write(writers, on_pieces, should_stop)
    return {
        name: Written(
            text="".join(piece.text for piece in pieces[name]),
            tokens=writer.tokens,
            seconds=round(writer.seconds, 3),
            stopped=writer.ending or "stopped",
            seed=seeds[name],
            pieces=tuple(pieces[name]),
        )
        for name, writer in writers.items()
    }
