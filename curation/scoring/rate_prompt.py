"""From a record to what a judge is asked about it: the record in a fence, the rubric, and the form of the reply."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from curation.errors import RecipeError
from curation.llm.model import ChatMessage, ChatRequest
from curation.scoring.rate_rubric import Mark, Rubric
from curation.synthesis.prompts.fence import fenced, nonce_for, shown
from curation.synthesis.prompts.files import SUFFIX, PromptFolder

PACKAGE: Final = "curation.scoring.rubrics"
NAME: Final = "rate"
LIKELIEST_TOKENS: Final = 1  # of a reply that is not written but looked at

Turns = Sequence[tuple[str, str]]


class RatePrompt:
    """The prompt with its rubric. The same record gives the same requests.

    written: the judge writes reasons and marks, at most `max_tokens`; else it is asked for one mark after the other.
    folder: of the user's own `rate.jinja`, "" for the studio's. Raises RecipeError for a file that is no prompt.
    """

    def __init__(self, rubric: Rubric, folder: str, *, written: bool, max_tokens: int) -> None:
        self._rubric, self._written, self._max_tokens = rubric, written, max_tokens
        self._folder = PromptFolder(folder, PACKAGE)

    @property
    def digests(self) -> dict[str, str]:
        """Name of each file -> SHA-256 (hex)."""
        return self._folder.digests

    def requests(self, turns: Turns, *, masked: bool) -> tuple[ChatRequest, ...]:
        """What is asked about a record: one request for all marks, or one for each in the order of the rubric.

        masked: whether personal data was taken out of the turns.
        """
        record = "\n".join(
            json.dumps({"role": role, "content": shown(text)}, ensure_ascii=False) for role, text in turns
        )
        nonce = nonce_for("", NAME, record)
        values: dict[str, Any] = {
            "form": "json", "chinese": False, "nonce": nonce, "masked": masked, "only": "",
            "marks": [mark.model_dump() for mark in self._rubric.marks],
        }  # fmt: skip
        data = fenced("record", record, nonce)
        if self._written:
            return (self._request(values, data, self._max_tokens, _schema(self._rubric.marks)),)
        return tuple(
            self._request({**values, "only": mark.name}, data, LIKELIEST_TOKENS, None) for mark in self._rubric.marks
        )

    def _request(
        self, values: Mapping[str, Any], data: str, max_tokens: int, schema: Mapping[str, Any] | None
    ) -> ChatRequest:
        system = self._folder.render(NAME, "system", values)
        user = self._folder.render(NAME, "user", {**values, "record": data})
        if data not in user:
            said = f"{self._folder.where[NAME + SUFFIX]}: the block 'user' does not show {{{{ record }}}} as it is."
            raise RecipeError(said, "Put it in once, without a filter.")
        first = (ChatMessage("system", system),) if system else ()
        return ChatRequest("", (*first, ChatMessage("user", user)), max_tokens=max_tokens, schema=schema)


def _schema(marks: Sequence[Mark]) -> Mapping[str, Any]:
    """`{"quality": {"reason": …, "mark": …}, …}`, the reason first: what is written decides what follows."""
    return _object({mark.name: _object({"reason": {"type": "string"}, "mark": _number(mark)}) for mark in marks})


def _number(mark: Mark) -> dict[str, Any]:
    return {"type": "number", "minimum": mark.lowest, "maximum": mark.highest}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
