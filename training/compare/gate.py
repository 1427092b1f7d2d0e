"""A gate for a pipeline: a policy in YAML, a comparison, and pass or fail with the reasons.

Nothing passes for want of evidence: what the policy asks about and nobody measured fails, and so does everything where
the evidence is stale. Bounds are held against the unfavourable end of an interval, not against its middle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation import recipe_text
from curation.errors import InputError
from curation.recipe_problems import Problem, RecipeProblems, explain, quoted
from training.compare.report import compare_facts
from training.compare.stale import stale_evidence

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(allow_inf_nan=False)]


class Policy(BaseModel):
    """What a comparison must show. Every key may be left out; `verdicts` then is [better], and the others ask nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdicts: tuple[Literal["better", "worse", "not shown"], ...] = Field(
        default=("better",), min_length=1, description="Conclusions that pass."
    )
    decided_by: tuple[Literal["votes", "judge", "loss"], ...] = Field(
        default=("votes", "judge", "loss"), min_length=1, description="Kinds of evidence that may decide."
    )
    require_human_votes: int = Field(default=0, ge=0, description="On at least so many prompts people must have voted.")
    min_prompts: int = Field(default=0, ge=0, description="At least so many prompts must be answered by both.")
    min_win_rate_lower_bound: Share | None = Field(
        default=None,
        description="The win rate's interval must begin here or above: of votes, of the judge without any.",
    )
    max_heldout_loss_increase: Amount | None = Field(
        default=None, description="The interval of the loss difference on held-out records must end here or below."
    )
    max_forgetting: Amount | None = Field(
        default=None, description="The interval of the loss difference on general questions must end here or below."
    )
    forgetting: tuple[Literal["kept", "not shown", "forgot", "not measured"], ...] = Field(
        default=("kept", "not shown", "forgot", "not measured"),
        min_length=1,
        description="Verdicts on forgetting that pass.",
    )
    min_suite_score: Share | dict[str, Share] | None = Field(
        default=None, description="Share of cases that must be right in each suite and language; or by suite."
    )
    max_suite_drop: Share | None = Field(
        default=None, description="All suites together may not have fallen by more, to the interval's unfavourable end."
    )
    max_judge_failures: Share | None = Field(
        default=None, description="Share of prompts on which the judge may have given no usable verdict."
    )
    min_judge_agreement: Amount | None = Field(
        default=None, description="The interval of Cohen's kappa of people and judge must begin here or above."
    )
    min_scores: dict[str, Amount] = Field(
        default={}, description="Mean of a score or rubric, by name, that the second side must reach."
    )


class Check(NamedTuple):
    """One thing that was asked. reason: what was found, whether it passed or not."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class GateResult:
    """passed: whether everything did. checks: in the order of the policy, the evidence first. evidence: digests."""

    passed: bool
    checks: tuple[Check, ...]
    run: str
    evidence: Mapping[str, str]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it failed; none where it passed."""
        return tuple(check.reason for check in self.checks if not check.passed)

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return {
            "passed": self.passed,
            "run": self.run,
            "checks": [check._asdict() for check in self.checks],
            "evidence": dict(self.evidence),
        }


def check_gate(policy_path: Path, folder: Path) -> GateResult:
    """Hold a comparison against a policy.

    Raises RecipeProblems for a policy that is wrong, InputError where there is none, or no comparison.
    """
    policy = read_policy(policy_path)
    stale = stale_evidence(folder)
    facts = compare_facts(folder)
    evidence = [Check("evidence", False, sentence) for sentence in stale] or [
        Check("evidence", True, "Everything that was compared is what it was.")
    ]
    checks = (*evidence, *_checks(policy, facts))
    return GateResult(all(check.passed for check in checks), checks, facts["run"], facts["evidence"])


def read_policy(path: Path) -> Policy:
    """The policy in a YAML file. Raises RecipeProblems with every problem and its line, InputError for no file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is no UTF-8 text.", "A policy is YAML, written as UTF-8.") from None
    except OSError as error:
        raise InputError(f"The policy {path} cannot be read: {error.strerror}.", "docs/gate.md shows one.") from error
    document = recipe_text.parse(text, str(path))
    data = document.data if document.data is not None else {}
    if not isinstance(data, Mapping):
        said = f"a policy must be a mapping of keys to values, got {quoted(data)}"
        raise RecipeProblems(document.origin, [Problem(document.origin, None, "", said)])
    try:
        return Policy.model_validate_json(json.dumps(data, allow_nan=False), strict=True)
    except ValidationError as error:
        problems = [
            Problem(*document.where(key), ".".join(map(str, key)), message, hint)
            for key, message, hint in explain(error.errors(include_url=False), data, Policy.model_fields)
        ]
        raise RecipeProblems(document.origin, problems) from None


def _checks(policy: Policy, facts: Mapping[str, Any]) -> Iterator[Check]:
    conclusion = facts["conclusion"]
    yield _among("verdicts", conclusion["verdict"], policy.verdicts, conclusion["sentence"])
    if conclusion["by"] != "none":
        yield _among("decided_by", conclusion["by"], policy.decided_by, f"It was decided by {conclusion['by']}.")
    voted = facts["votes"]["preference"]["prompts"] if facts["votes"] else 0
    if policy.require_human_votes:
        yield _least("require_human_votes", voted, policy.require_human_votes, "prompts that people voted on")
    if policy.min_prompts:
        yield _least("min_prompts", facts["counts"]["answered"], policy.min_prompts, "prompts that both answered")
    if policy.min_win_rate_lower_bound is not None:
        source = "votes" if voted else "judge"
        found = facts[source]["preference"] if facts[source] else None
        low = found["interval"][0] if found and found["prompts"] else None
        yield _least(
            "min_win_rate_lower_bound", low, policy.min_win_rate_lower_bound, f"lower end of the win rate by {source}"
        )
    forgetting = facts["forgetting"]
    if policy.max_heldout_loss_increase is not None:
        high = _end(facts["heldout"], 1)
        yield _most(
            "max_heldout_loss_increase",
            high,
            policy.max_heldout_loss_increase,
            "upper end of the held-out loss difference",
        )
    if policy.max_forgetting is not None:
        high = _end(forgetting["loss"], 1)
        yield _most(
            "max_forgetting", high, policy.max_forgetting, "upper end of the loss difference on general questions"
        )
    said = f"Forgetting: {forgetting['verdict']}. {' '.join(forgetting['reasons'])}".strip()
    yield _among("forgetting", forgetting["verdict"], policy.forgetting, said)
    yield from _suites(policy, forgetting)
    yield from _judge(policy, facts)
    known = {one.get("score") or one["rubric"]: one["b"] for one in (*facts["scores"], *facts["rubrics"])}
    for name, bound in policy.min_scores.items():
        yield _least(f"min_scores.{name}", known.get(name), bound, f"mean of {name}")


def _suites(policy: Policy, forgetting: Mapping[str, Any]) -> Iterator[Check]:
    wanted, suites = policy.min_suite_score, forgetting["suites"]
    if wanted is not None:
        names = (
            wanted if isinstance(wanted, dict) else {one["suite"]: wanted for one in suites} or {"any suite": wanted}
        )
        for name, bound in names.items():
            scores = [one["b"] for one in suites if one["suite"] == name]
            yield _least("min_suite_score", min(scores, default=None), bound, f"score of {name}")
    if policy.max_suite_drop is not None:
        low = _end(forgetting["together"], 0)
        drop = None if low is None else -low
        yield _most(
            "max_suite_drop", drop, policy.max_suite_drop, "largest fall of all suites together that is not refuted"
        )


def _judge(policy: Policy, facts: Mapping[str, Any]) -> Iterator[Check]:
    found = facts["judge"]
    if policy.max_judge_failures is not None:
        asked = found["preference"]["prompts"] + found["failed"] if found else 0
        share = found["failed"] / asked if asked else None
        yield _most("max_judge_failures", share, policy.max_judge_failures, "share of failed verdicts of the judge")
    if policy.min_judge_agreement is not None:
        kappa = (facts["agreement"] or {}).get("kappa_interval")
        low = kappa[0] if kappa else None
        yield _least("min_judge_agreement", low, policy.min_judge_agreement, "lower end of kappa of people and judge")


def _end(found: Mapping[str, Any] | None, place: int) -> float | None:
    return found["interval"][place] if found and found["interval"] else None


def _among(name: str, found: str, allowed: tuple[str, ...], said: str) -> Check:
    return Check(
        name, found in allowed, said if found in allowed else f"{said} The policy asks for {' or '.join(allowed)}."
    )


def _least(name: str, found: float | None, bound: float, what: str) -> Check:
    if found is None:
        return Check(name, False, f"The {what} was not measured; the policy asks for at least {bound:g}.")
    return Check(name, found >= bound, f"The {what}: {found:.4g}; the policy asks for at least {bound:g}.")


def _most(name: str, found: float | None, bound: float, what: str) -> Check:
    if found is None:
        return Check(name, False, f"The {what} was not measured; the policy allows {bound:g} at most.")
    return Check(name, found <= bound, f"The {what}: {found:.4g}; the policy allows {bound:g} at most.")
