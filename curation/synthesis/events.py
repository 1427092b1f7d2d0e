"""What a generation tells its listeners, besides the events that every run has (`curation/events.py`)."""

from __future__ import annotations

from dataclasses import dataclass

from curation.events import EVENT_NAMES, Event


@dataclass(frozen=True)
class GeneratePrepared(Event):
    """What will be asked. model: who is asked. documents, chunks, units: how many. requested: items that will be asked
    for. done: units that an earlier leg finalised. calls, prompt_tokens, completion_tokens, money: the estimate of what is
    left; money is 0 where no price is known. leaves: whether texts leave this machine. masked: values that are masked by
    entity, {} where nothing is. prompts: SHA-256 (hex) of each prompt file in use, by name."""

    model: str
    documents: int
    chunks: int
    units: int
    requested: int
    done: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: float
    leaves: bool
    masked: dict[str, int]
    prompts: dict[str, str]


@dataclass(frozen=True)
class UnitFinished(Event):
    """A unit is finalised, and in outcomes.jsonl. reasons: items by reason. Tokens and money are of this unit; from_ledger:
    nothing was paid. under_way: calls at this moment; limit: how many may be."""

    unit_id: str
    accepted: int
    rejected: int
    failed: int
    reasons: dict[str, int]
    prompt_tokens: int
    completion_tokens: int
    money: float
    from_ledger: bool
    under_way: int
    limit: int


EVENT_NAMES.update({GeneratePrepared: "generate_prepared", UnitFinished: "unit_finished"})
