"""The stage `values`: what a model should not learn to say, found by a policy that the user can read and edit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar

import orjson
import polars as pl
from pydantic import Field

from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext
from curation.values.categories import CATEGORIES, REASONS, Act, Category

if TYPE_CHECKING:
    from curation.values.judge import Finding, Judge
    from curation.values.policy import Policy
    from curation.values.transformer import TextClassifier

SCORED = "scored"


class Values(RecordStage):
    """Toxicity, harassment, hate, sexual content, violence, self-harm and illegal instructions, in English and Chinese.

    A policy says what is looked for, from which score on, and what becomes of it: drop, flag for a person, or keep.
    Medical, legal, historical, quoted and such uses are excused, and so is a harmful request whose answer refuses it.
    Rules find what is said in so many words; how much that is: docs/values.md.
    """

    name: ClassVar[str] = "values"
    reasons: ClassVar[Mapping[str, str]] = {
        **REASONS,
        SCORED: "Something was found, but below the thresholds, or of a category that is kept.",
    }

    policy: str = Field(
        "balanced",
        min_length=1,
        description="balanced, strict, minimal, medical or research, or the path of a policy file of your own.",
    )
    part: Part = Field(
        "record",
        description="Which turns are seen at all. Without the answer, no refusal can excuse a harmful prompt.",
    )
    rejected: bool = Field(
        False,
        description="Look at rejected answers too. They are there to be unlearned, so by default they may be bad.",
    )
    actions: Mapping[Category, Act] = Field(
        {}, description="Actions in place of the policy's, such as {toxicity: drop, violence: keep}."
    )
    thresholds: Mapping[Category, Annotated[float, Field(ge=0.05, le=1.0)]] = Field(
        {}, description="Thresholds in place of the policy's, such as {hate: 0.7}; from 0.05 to 1."
    )
    annotate: bool = Field(
        False,
        description="Note the scores of records that stay too, so that thresholds can be tried without a new run.",
    )

    def check(self, column_types: Mapping[str, Mapping[str, str]]) -> None:  # noqa: ARG002
        """RecipeProblems or StageError where the policy, a lexicon or a threshold cannot be used."""
        _judge(self._policy())

    def assets(self) -> Mapping[str, str]:
        """Digests of the policy with its lexicons, of the English classifier and of the transformer, if any."""
        from hashlib import sha256

        from curation.values.policy import policy_digest
        from curation.values.profanity import profanity_text

        policy = self._policy()
        found = {"policy": policy_digest(policy)}
        if policy.english_classifier:
            found["profanity"] = sha256(profanity_text().encode()).hexdigest()
        if policy.classifier is not None:
            found["classifier"] = _transformer(policy).digest()
        return found

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One decision for each record in which something is found: dropped before flagged, the gravest category first.

        score is the category's, threshold what it was held against; `values` has the scores of all categories.
        """
        policy = self._policy()
        turns = self._seen(batch.turns)
        found = _judge(policy).findings(turns)
        if policy.classifier is not None:
            _transformer(policy).add(turns, found, policy.allow_contexts)
        rows = [row for record, findings in found.items() if (row := self._row(record, findings, policy))]
        if not rows:
            return Decisions.none()
        order = batch.records.select("record_id")
        decided = pl.DataFrame(rows, schema=_ROW, orient="row")
        return Decisions.of(order.join(decided, on="record_id", maintain_order="left"))

    def _policy(self) -> Policy:
        from curation.values.policy import load_policy

        return load_policy(self.policy).changed(self.actions, self.thresholds)

    def _seen(self, turns: pl.DataFrame) -> pl.DataFrame:
        roles = PART_ROLES[self.part]
        kept = turns if roles is None else turns.filter(pl.col("role").is_in(roles))
        return kept if self.rejected else kept.filter(pl.col("role") != "rejected")

    def _row(self, record: str, findings: list[Finding], policy: Policy) -> tuple[object, ...] | None:
        """The decision about one record, as a row of _ROW; None where there is nothing to say."""
        scores = {finding.category: finding.score for finding in findings}
        over = [finding for finding in findings if finding.score >= policy.rule(finding.category).threshold]
        told = orjson.dumps(scores).decode()
        for action in ("drop", "flag"):
            for finding in sorted(over, key=lambda finding: CATEGORIES.index(finding.category)):
                rule = policy.rule(finding.category)
                if rule.action == action:
                    detail = f"{finding.rule}, in the {_SIDES[finding.side]}"
                    return record, action, finding.category, finding.score, rule.threshold, told, detail
        if not self.annotate or not findings:
            return None
        best = max(findings, key=lambda finding: finding.score)
        threshold = policy.rule(best.category).threshold
        return record, "annotate", SCORED, best.score, threshold, told, f"{best.category}: {best.rule}"


_SIDES = {"prompt": "prompt", "answer": "answer", "rejected": "rejected answer", "text": "text"}
_ROW = {
    "record_id": pl.String,
    "action": pl.String,
    "reason": pl.String,
    "score": pl.Float64,
    "threshold": pl.Float64,
    "values": pl.String,
    "detail": pl.String,
}


def _judge(policy: Policy) -> Judge:
    from curation.values.policy import policy_digest

    return _judge_of(policy.model_dump_json(), policy_digest(policy))


@cache
def _judge_of(told: str, digest: str) -> Judge:  # noqa: ARG001
    """One judge a process for each policy and content of its lexicons, which a user may edit in between."""
    from curation.values.judge import Judge
    from curation.values.policy import Policy

    return Judge(Policy.model_validate_json(told))


def _transformer(policy: Policy) -> TextClassifier:
    if policy.classifier is None:
        raise AssertionError("asked for a classifier that the policy does not have")
    return _transformer_of(policy.classifier.model_dump_json())


@cache
def _transformer_of(told: str) -> TextClassifier:
    from curation.values.policy import Classifier
    from curation.values.transformer import TextClassifier

    return TextClassifier(Classifier.model_validate_json(told))
