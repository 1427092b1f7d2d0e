"""`scores.jsonl`: every answer against the record's own answer. A score is one of a text, and is not measured twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.json_lines import append_line, lines_of
from training.compare.model import PROMPTS, Prompt, SideName, answer_digest, last_answers, read
from training.compare.scores import reference_scores
from training.compare.sections import ScoreSettings

SCORES_FILE = "scores.jsonl"


def score_all(folder: Path, settings: ScoreSettings) -> None:
    """Score every whole answer whose prompt has a reference, by what is switched on and not measured yet."""
    prompts = {prompt.prompt_id: prompt for prompt in read(folder / PROMPTS, Prompt) if prompt.reference.strip()}
    there = _rows(folder)
    for (prompt_id, side), answer in last_answers(folder).items():
        if prompt_id not in prompts or answer.stopped == "stopped":
            continue
        digest = answer_digest(answer)
        known = there.get((prompt_id, side, digest), {})
        wanted = settings.model_copy(update=dict.fromkeys(_measured(known), False))
        scores = reference_scores(prompts[prompt_id], answer, wanted)
        if scores:
            row = {"prompt_id": prompt_id, "side": side, "digest": digest, "scores": scores}
            append_line(folder / SCORES_FILE, row)


def scores_of(folder: Path) -> dict[tuple[str, SideName], dict[str, float]]:
    """(prompt_id, side) -> the scores of the answer that counts."""
    there = _rows(folder)
    found = {
        (prompt_id, side): there.get((prompt_id, side, answer_digest(answer)), {})
        for (prompt_id, side), answer in last_answers(folder).items()
    }
    return {key: scores for key, scores in found.items() if scores}


def _measured(scores: Mapping[str, float]) -> list[str]:
    return [setting for setting in ScoreSettings.model_fields if {"rouge": "rouge_l"}.get(setting, setting) in scores]


def _rows(folder: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for line in lines_of(folder / SCORES_FILE):
        key: tuple[Any, ...] = (line.get("prompt_id"), line.get("side"), line.get("digest"))
        if isinstance(line.get("scores"), dict):
            found.setdefault(key, {}).update(line["scores"])
    return found
