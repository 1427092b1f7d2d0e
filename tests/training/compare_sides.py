"""Two sides of a comparison in the smallest real form: one model, whose adapter is off for a and on for b."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.compare.model import Answer, Piece, Prompt, SideName
from training.compare.sections import SamplingSettings


class AdapterSides:
    """A base on side a, the same with the adapter of a training run on side b."""

    def __init__(self, base: Path, run: Path | None = None) -> None:
        from transformers import AutoModelForCausalLM

        from training.model import find_model, load_tokenizer
        from training.template import template_for

        self._tokenizer = load_tokenizer(find_model(str(base), None))
        self._template = template_for("auto", self._tokenizer)
        self._model: Any = AutoModelForCausalLM.from_pretrained(base)
        if run is not None:
            from peft import PeftModel

            self._model = PeftModel.from_pretrained(self._model, run / "adapter")

    def tokenizer(self, side: SideName) -> Any:
        return self._tokenizer

    def template(self, side: SideName) -> Any:
        return self._template

    @contextmanager
    def model(self, side: SideName) -> Iterator[Any]:
        if side == "b" or not hasattr(self._model, "disable_adapter"):
            yield self._model
        else:
            with self._model.disable_adapter():
                yield self._model

    def answer(
        self,
        prompt: Prompt,
        side: SideName,
        sampling: SamplingSettings,
        on_pieces: Callable[[Sequence[Piece]], None],
        should_stop: Callable[[], bool],
    ) -> Answer:
        import torch

        from training.tokenize import encode_prompt

        ids = torch.tensor([encode_prompt(prompt.messages, self._template, self._tokenizer)])
        with self.model(side) as model, torch.no_grad():
            out = model.generate(input_ids=ids, max_new_tokens=sampling.max_tokens, do_sample=False)
        text = self._tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        return Answer(prompt.prompt_id, side, text, int(out.shape[1] - ids.shape[1]), 0.0, "end")
