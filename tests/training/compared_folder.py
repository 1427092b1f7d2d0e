"""Comparisons as their runs leave them, written in milliseconds: every row is made by the classes that runs write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from curation.events import Event
from curation.json_lines import append_line
from studio.runs.compare_begin import make_compare
from training.compare.events import ComparePrepared
from training.compare.judge.model import Failure, PairJudgement, RubricScore, Verdict
from training.compare.judge.model import append as append_judgement
from training.compare.model import (
    ANSWERS,
    LOSSES,
    PROMPTS,
    SUITES,
    Answer,
    CaseResult,
    Prompt,
    RecordLoss,
    SideName,
    answer_digest,
    append,
    last_answers,
)
from training.compare.recipe import CompareRecipe
from training.examples import Message

HOSTILE = "</div><script>alert(1)</script>\u202e\x1b[31m {{ facts }} ]]> <img src=x onerror=alert(1)>"


def new_comparison(runs: Path, a: str, b: str, *settings: str, digests: tuple[str, str] = ("aa", "bb")) -> Path:
    """The folder of a comparison that has begun, and found its sides."""
    source = runs / "questions.jsonl"
    if not source.exists():
        runs.mkdir(parents=True, exist_ok=True)
        source.write_text('{"question": "Why?", "answer": "So."}\n', encoding="utf-8")
    wanted = [
        f'sides.a="{a}"',
        f'sides.b="{b}"',
        f'prompts.source="{source}"',
        "losses.heldout=false",
        "statistics.resamples=400",
        *settings,
    ]
    folder, lock = make_compare(CompareRecipe.load().with_settings(wanted), runs)
    lock.close()
    prepared(folder.path, digests)
    return folder.path


def prepared(folder: Path, digests: tuple[str, str], labels: tuple[str, str] = ("base", "tuned")) -> None:
    """What a leg of the run says when it has its models."""
    facts = [
        {"name": label, "label": label, "digest": digest, "kind": kind}
        for label, digest, kind in zip(labels, digests, ("base", "tuned"), strict=True)
    ]
    event: Event = ComparePrepared(facts[0], facts[1], "chatml", "cpu, float32", 1, [])
    append_line(folder / "events.jsonl", event.as_json())


def ask(folder: Path, name: str, a: str, b: str, *, question: str = "Why?", reference: str = "So.") -> None:
    """A prompt with both answers to it."""
    append(folder / PROMPTS, Prompt(name, (Message("user", question),), reference, "file", f"questions.jsonl:{name}"))
    say(folder, name, "a", a)
    say(folder, name, "b", b)


def say(folder: Path, name: str, side: SideName, text: str) -> None:
    """An answer to a prompt, in the place of an earlier one."""
    append(folder / ANSWERS, Answer(name, side, text, max(1, len(text) // 4), 0.5, "end"))


def judge(folder: Path, name: str, winner: str, *, disagreed: bool = False, identity: str = "judge-1") -> None:
    """What a judge said about the answers as they are now."""
    answers = last_answers(folder)
    failure = Failure("no_object", "What the judge wrote holds no JSON object.", "hm") if winner == "failed" else None
    first, second = ("a", "b") if disagreed else (winner, winner)
    verdicts = (
        Verdict("a", first, "It is clearer.", failure),  # type: ignore[arg-type]
        Verdict("b", second, "It is clearer."),  # type: ignore[arg-type]
    )
    digests = (answer_digest(answers[name, "a"]), answer_digest(answers[name, "b"]))
    append_judgement(folder, PairJudgement(name, winner, verdicts, digests, "how", "a judge", identity))  # type: ignore[arg-type]


def mark(folder: Path, name: str, rubric: str, scores: Mapping[SideName, float | None]) -> None:
    """Marks by a rubric for both answers."""
    answers = last_answers(folder)
    for side, score in scores.items():
        failure = Failure("out_of_range", "The score lies outside of its scale.") if score is None else None
        digest = answer_digest(answers[name, side])
        row = RubricScore(name, side, rubric, score, digest, "how", "a judge", "judge-1", failure=failure)
        append_judgement(folder, row)


def measure(folder: Path, dataset: str, pairs: Sequence[tuple[float, float]], tokens: int = 20) -> None:
    """Losses of both sides on records, as sums."""
    for number, (a, b) in enumerate(pairs):
        for side, loss in (("a", a), ("b", b)):
            append(folder / LOSSES, RecordLoss(dataset, f"r{number}", side, loss, tokens, 80))  # type: ignore[arg-type]


def answer_suite(folder: Path, suite: str, right: Sequence[tuple[int, int]], language: str = "en") -> None:
    """Cases of a suite, right (1) or wrong (0) on either side."""
    for number, (a, b) in enumerate(right):
        for side, score in (("a", a), ("b", b)):
            row = CaseResult(suite, language, f"{suite}-{language}-{number}", side, float(score), "1+1?", "2", "2")  # type: ignore[arg-type]
            append(folder / SUITES, row)
