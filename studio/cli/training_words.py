"""What a training run says to people on the command line while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from studio.display import display

if TYPE_CHECKING:
    from studio.runs.folder import RunFolder

_ANSWER = 100  # characters of a sample that are said


class StepCounter:
    """Turns points of the curves into events of progress, with the number of steps heard before."""

    def __init__(self) -> None:
        self._steps: int | None = None

    def progress(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """`step_logged` as `progress`; every other event as it is."""
        if event["event"] == "training_prepared":
            self._steps = event["steps"] or None
        return as_progress(event, self._steps) if event["event"] == "step_logged" else event


def as_progress(step: Mapping[str, Any], steps: int | None) -> dict[str, Any]:
    """A point of the curves as an event of progress. `note` holds loss and speed."""
    loss = "no number" if step["loss"] is None else f"{step['loss']:.4f}"
    note = f"loss {loss}, {step['tokens_per_second']:,.0f} tokens/s"
    return {
        "event": "progress", "phase": "train", "done": step["step"], "total": steps, "unit": "steps", "rate": 0.0,
        "eta": step["eta"], "note": note,
    }  # fmt: skip


def training_sentences(event: Mapping[str, Any]) -> list[str] | None:
    """What an event of a training run says; None for events that are not about training."""
    told = _TOLD.get(event["event"])
    return told(event) if told is not None else None


def _prepared(event: Mapping[str, Any]) -> list[str]:
    held = f", {event['validation']:,} held out" if event["validation"] else ""
    return [
        f"trains {display(event['model'])} ({event['method']}) on {event['device']}, template {display(event['template'])}",
        f"{event['records']:,} records{held}; {event['trained_tokens']:,} of {event['tokens']:,} tokens an epoch are "
        f"trained; {event['trainable']:,} weights move, of {event['parameters']:,}; {event['steps']:,} steps",
    ]


def _examined(event: Mapping[str, Any]) -> list[str]:
    words = {"block": "stops the run", "warn": "warning", "note": "note"}
    lines = []
    for finding in event["findings"]:
        records = f" ({finding['records']:,} records)" if finding["records"] else ""
        lines.append(
            f"preflight, {words.get(finding['level'], '')}: {finding['reason']}{records}: {finding['message']}"
        )
    return lines or ["preflight: nothing is in the way"]


def _evaluated(event: Mapping[str, Any]) -> list[str]:
    return [f"step {event['step']:,}: {event['split']} loss {event['loss']:.4f} ({event['who']})"]


def _sampled(event: Mapping[str, Any]) -> list[str]:
    end = "" if event["stopped"] else " (did not end)"
    prompt, answer = (display(event[key], limit=_ANSWER) for key in ("prompt", "answer"))
    return [f"step {event['step']:,}, {event['who']}: {prompt} → {answer}{end}"]


def _scored(event: Mapping[str, Any]) -> list[str]:
    failed = f", {event['failed']} without a score" if event["failed"] else ""
    name = display(event["name"], limit=40)
    return [f"step {event['step']:,}: {name} {event['score']:.2f} of {event['count']} answers{failed} ({event['who']})"]


def _saved(event: Mapping[str, Any]) -> list[str]:
    best = ", the best so far" if event["best"] else ""
    return [f"checkpoint at step {event['step']:,}: {event['bytes'] / 1e6:,.1f} MB in {event['seconds']:.1f} s{best}"]


def _resumed(event: Mapping[str, Any]) -> list[str]:
    refused = [f"not used, because it is not whole: {why}" for why in event["refused"]]
    return [f"goes on from step {event['step']:,}", *refused]


def _paused(event: Mapping[str, Any]) -> list[str]:
    return [f"{'paused' if event['on'] else 'goes on'} after step {event['step']:,}"]


def _planned(event: Mapping[str, Any]) -> list[str]:
    arms = [
        f"{name}: {arm['records']:,} records, {arm['tokens']:,} tokens, {arm['steps']:,} steps a training"
        for name, arm in event["arms"].items()
    ]
    said = [*arms, f"{event['trainings']:,} trainings"]
    if event.get("judge"):
        from training.experiment.judging import told

        said.append(told(event["judge"], event["judge"]["model"]))
    return said


def _leg_done(event: Mapping[str, Any]) -> list[str]:
    return [
        f"{event['arm']}, seed {event['seed']}: held-out loss {event['loss']:.4f} after {event['steps']:,} steps, "
        f"{event['tokens']:,} tokens"
    ]


_TOLD: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "training_prepared": _prepared,
    "preflight_done": _examined,
    "evaluated": _evaluated,
    "sampled": _sampled,
    "scored": _scored,
    "checkpoint_saved": _saved,
    "resumed": _resumed,
    "paused": _paused,
    "experiment_planned": _planned,
    "leg_done": _leg_done,
}


def training_progress(folder: RunFolder) -> dict[str, Any]:
    """How far a training run is, as an event of progress; empty before its first step."""
    from studio.runs.curves import read_snapshot

    snapshot = read_snapshot(folder.events)
    return as_progress(snapshot.last, snapshot.steps or None) if "loss" in snapshot.last else {}
