"""Everything that a comparison's files say, in numbers: what `compare.json` holds. No text of a prompt or an answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, median
from typing import Any

from curation.errors import InputError
from training.compare.judge import model as judged
from training.compare.model import (
    LOSSES,
    PROMPTS,
    SIDES,
    SUITES,
    Answer,
    CaseResult,
    Prompt,
    RecordLoss,
    SideName,
    answer_digest,
    last_answers,
    read,
)
from training.compare.noise_floor import floor_for
from training.compare.report.evidence import evidence_of, prepared_of
from training.compare.scored import scores_of
from training.compare.sections import JudgeSettings, StatisticsSettings
from training.compare.statistics import agreement, bootstrap_mean, conclude, forgetting, loss_difference, preference
from training.compare.votes import Preference as Winner
from training.compare.votes import VoteBook, pairs_in, preferences

VERSION = 1


def compare_facts(folder: Path) -> dict[str, Any]:
    """What is known about a comparison now, as JSON. Only reads; the same files give the same facts.

    Raises InputError where the folder is no comparison's.
    """
    return facts_of(Seen(folder))


def facts_of(seen: Seen) -> dict[str, Any]:
    """The same, of files that were read already."""
    facts: dict[str, Any] = {
        "version": VERSION,
        "run": seen.folder.name,
        "created": seen.spec.get("created", ""),
        "recipe": {key: seen.spec["recipe"].get(key, "") for key in ("name", "digest")},
        "training": Path(str(seen.resolved.get("sides", {}).get("run", ""))).name,
        **seen.prepared,
        **seen.how,
        "counts": _counts(seen),
        "votes": _votes(seen),
        "judge": _judge(seen),
        "rubrics": _rubrics(seen),
        "agreement": _agreement(seen),
        "heldout": _heldout(seen),
        "forgetting": _forgetting(seen),
        "scores": _scores(seen),
        "answers": {side: _answers(seen, side) for side in SIDES},
        "evidence": evidence_of(seen.folder, seen.spec, seen.prepared["sides"]),
    }
    facts["conclusion"] = conclude(facts).as_json()
    return json.loads(json.dumps(facts, allow_nan=False))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Seen:
    """The files of a comparison, each read once."""

    folder: Path

    @cached_property
    def spec(self) -> dict[str, Any]:
        """run.json."""
        return read_run(self.folder)

    @cached_property
    def prepared(self) -> dict[str, Any]:
        """Who was compared."""
        return prepared_of(self.folder)

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """The recipe, every value of it."""
        found = self.spec["recipe"].get("resolved")
        return found if isinstance(found, dict) else {}

    @cached_property
    def settings(self) -> StatisticsSettings:
        """How sure one wants to be."""
        return StatisticsSettings.model_validate(self.resolved.get("statistics", {}))

    @property
    def how(self) -> dict[str, Any]:
        """The same as keyword arguments."""
        return self.settings.model_dump()

    @cached_property
    def prompts(self) -> dict[str, Prompt]:
        """By prompt_id, in their order."""
        return {prompt.prompt_id: prompt for prompt in read(self.folder / PROMPTS, Prompt)}

    @cached_property
    def answers(self) -> dict[tuple[str, SideName], Answer]:
        """The ones that count."""
        return last_answers(self.folder)

    @cached_property
    def pairs(self) -> Mapping[str, tuple[str, str]]:
        """prompt_id -> digests of the answers of a and b."""
        return pairs_in(self.folder)

    @cached_property
    def lengths(self) -> dict[str, tuple[int, int]]:
        """prompt_id -> characters of the answers of a and b."""
        return {name: (len(self.answers[name, "a"].text), len(self.answers[name, "b"].text)) for name in self.pairs}

    @cached_property
    def judgements(self) -> list[judged.Judgement]:
        """All of them, in order."""
        return judged.read(self.folder)

    @cached_property
    def book(self) -> VoteBook:
        """What people said."""
        return VoteBook(self.folder)

    @cached_property
    def judge_winners(self) -> dict[str, Winner]:
        """prompt_id -> whom the judge prefers, of answers as they are now."""
        return {
            name: one.winner
            for name, one in judged.last_pairs(self.judgements).items()
            if self.pairs.get(name) == one.digests and one.winner != "failed"
        }

    @cached_property
    def vote_winners(self) -> dict[str, Winner]:
        """prompt_id -> whom people prefer; only votes that count."""
        return preferences(self.book.counted())


def read_run(folder: Path) -> dict[str, Any]:
    """run.json of a comparison. Raises InputError where there is none, or it is of another kind."""
    path = folder / "run.json"
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Name the folder of a comparison.") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged.", "Compare again.") from error
    if not isinstance(found, dict) or found.get("kind") != "compare" or not isinstance(found.get("recipe"), dict):
        raise InputError(f"{folder.name} is no comparison.", "Name the folder of a comparison.")
    return found


def _counts(seen: Seen) -> dict[str, Any]:
    return {
        "prompts": len(seen.prompts),
        "answered": len(seen.pairs),
        "identical": sum(a == b for a, b in seen.pairs.values()),
        "sources": dict(sorted(Counter(prompt.source for prompt in seen.prompts.values()).items())),
    }


def _answers(seen: Seen, side: SideName) -> dict[str, Any]:
    """Lengths and speed of a side's whole answers. cut: that ended at max_tokens; stopped: by hand, not counted."""
    mine = [answer for (_, one), answer in seen.answers.items() if one == side]
    whole = [answer for answer in mine if answer.stopped != "stopped"]
    seconds = sum(answer.seconds for answer in whole)
    tokens = sum(answer.tokens for answer in whole)
    characters = [len(answer.text) for answer in whole]
    return {
        "answers": len(whole),
        "stopped": len(mine) - len(whole),
        "cut": sum(answer.stopped == "length" for answer in whole),
        "empty": sum(not answer.text.strip() for answer in whole),
        "characters_mean": fmean(characters) if whole else None,
        "characters_median": median(characters) if whole else None,
        "tokens": tokens,
        "seconds": round(seconds, 3),
        "tokens_per_second": tokens / seconds if seconds > 0 else None,
    }


def _votes(seen: Seen) -> dict[str, Any] | None:
    tally = seen.book.tally()
    if not tally.votes and not tally.stale and not tally.sealed:
        return None
    return {"tally": {**asdict(tally), "votes": tally.votes}, "preference": _preference(seen, seen.vote_winners)}


def _judge(seen: Seen) -> dict[str, Any] | None:
    last = judged.last_pairs(seen.judgements)
    if not last:
        return None
    fresh = [one for name, one in last.items() if seen.pairs.get(name) == one.digests]
    sides = seen.prepared["sides"].values()
    digests = [side["digest"] for side in sides if side.get("digest")]
    return {
        "names": sorted({one.judge for one in fresh}),
        "preference": _preference(seen, seen.judge_winners),
        "failed": sum(one.winner == "failed" for one in fresh),
        "failures": dict(sorted(Counter(kind for one in fresh for kind in {f.kind for f in one.failures}).items())),
        "disagreed": sum(_disagreed(one) for one in fresh),
        "identical": sum(not one.verdicts for one in fresh),
        "stale": len(last) - len(fresh),
        "is_side": any(digest in one.identity for one in fresh for digest in digests),
    }


def _disagreed(one: judged.PairJudgement) -> bool:
    return one.winner != "failed" and len({verdict.winner for verdict in one.verdicts}) > 1


def _preference(seen: Seen, winners: Mapping[str, Winner]) -> dict[str, Any]:
    return asdict(preference(winners, seen.lengths, **seen.how))


def _rubrics(seen: Seen) -> list[dict[str, Any]]:
    """Scores of each rubric, paired by prompt, of answers as they are now."""
    last = judged.last_scores(seen.judgements)
    fresh = {
        (name, side, rubric): one
        for (name, side, rubric), one in last.items()
        if (name, side) in seen.answers and answer_digest(seen.answers[name, side]) == one.digest
    }
    threshold = JudgeSettings.model_validate(seen.resolved.get("judge", {})).threshold
    return [
        {**_rubric(seen, [one for key, one in fresh.items() if key[2] == rubric], threshold), "rubric": rubric}
        for rubric in sorted({rubric for _, _, rubric in fresh})
    ]


def _rubric(seen: Seen, rows: Sequence[judged.RubricScore], threshold: float) -> dict[str, Any]:
    scores = {(one.prompt_id, one.side): one.score for one in rows if one.score is not None}
    passed = {
        side: [one.passes(threshold) for one in rows if one.side == side and one.score is not None] for side in SIDES
    }
    return {
        **_paired(seen, scores),
        "threshold": threshold,
        "passed": {side: sum(map(bool, found)) / len(found) if found else None for side, found in passed.items()},
        "failed": sum(one.score is None for one in rows),
    }


def _scores(seen: Seen) -> list[dict[str, Any]]:
    """Answers against the records' own, paired by prompt."""
    found = scores_of(seen.folder)
    names = list(dict.fromkeys(name for scores in found.values() for name in scores))
    return [
        {**_paired(seen, {key: scores[name] for key, scores in found.items() if name in scores}), "score": name}
        for name in names
    ]


def _paired(seen: Seen, scores: Mapping[tuple[str, SideName], float]) -> dict[str, Any]:
    names = sorted(name for name, side in scores if side == "a" and (name, "b") in scores)
    differences = [scores[name, "b"] - scores[name, "a"] for name in names]
    return {
        "prompts": len(names),
        "a": fmean(scores[name, "a"] for name in names) if names else None,
        "b": fmean(scores[name, "b"] for name in names) if names else None,
        "difference": fmean(differences) if names else None,
        "interval": bootstrap_mean(differences, **seen.how),
    }


def _agreement(seen: Seen) -> dict[str, Any] | None:
    """Of people and judge, on the prompts that both spoke about."""
    both = [name for name in seen.vote_winners if name in seen.judge_winners]
    if not both:
        return None
    said = [(seen.vote_winners[name], seen.judge_winners[name]) for name in both]
    return asdict(agreement(said, seen.settings.confidence))


def _heldout(seen: Seen) -> dict[str, Any] | None:
    rows = [row for row in read(seen.folder / LOSSES, RecordLoss) if row.dataset == "heldout"]
    found = loss_difference(rows, **seen.how)
    return asdict(found) if found else None


def _forgetting(seen: Seen) -> dict[str, Any]:
    losses = [row for row in read(seen.folder / LOSSES, RecordLoss) if row.dataset == "retention"]
    cases = read(seen.folder / SUITES, CaseResult)
    return asdict(forgetting(losses, cases, floor_for(seen.folder), **seen.how))
