"""The stage `machine_text`: what language models leave in answers, each kind with its own reason and action."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from curation.machine.finding import REASONS, RULES, Finding, Reason
from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.scoring.perplexity import Reader
from curation.stage import RecordStage, StageContext

What = Literal["drop", "flag", "trim"]

_DEFAULTS: Mapping[Reason, What] = {
    "refusal": "drop",
    "prompt_leak": "drop",
    "looping": "drop",
    "truncated": "flag",
    "translation": "flag",
    "placeholder": "flag",
    "disclaimer": "flag",
    "boilerplate": "trim",
    "low_perplexity": "flag",
    "high_perplexity": "flag",
}
_FEWEST_TOKENS = 8  # an answer with fewer is not measured by a language model: one rare name decides it
_STRENGTH = {"drop": 0, "trim": 1, "flag": 2}
_ORDER = {reason: place for place, reason in enumerate(REASONS)}


class MachineText(RecordStage):
    """Find refusals, disclaimers, chat phrases, leaked prompts, unfilled gaps, translation debris, loops and cut ends.

    Only answers in English and Chinese are judged, with their prompt as context; other languages are left as they are,
    and so are rejected answers, which are meant to be worse. What is quoted, in code, or asked for (a template, a
    dialogue, a prompt) is no fault. Each reason has an action of its own; a record gets one decision, for the gravest
    reason among those with the strongest action, and `values` names the others. How often it is right:
    docs/machine_text.md.
    """

    name: ClassVar[str] = "machine_text"
    reasons: ClassVar[Mapping[str, str]] = {**REASONS}

    part: Part = Field("answer", description="Which turns are judged: the answer (or the text), the assistant's, …")
    rules: tuple[Reason, ...] = Field(
        tuple(_DEFAULTS), min_length=1, description="The reasons that are looked for; all by default."
    )
    omit: tuple[str, ...] = Field(
        (), description="Single rules that are not asked, as reason.rule, such as translation.entity."
    )
    actions: dict[Reason, What] = Field(
        {},
        description="What becomes of a record, by reason: drop, flag, or for boilerplate trim, which removes the phrases "
        "and keeps the answer. Reasons that are not named keep their default: refusal, prompt_leak and looping drop, "
        "boilerplate trim, all others flag.",
    )
    safety_refusals: Literal["keep", "report"] = Field(
        "keep",
        description="Refusals of prompts that ask for harm: keep leaves them, report treats them as any refusal.",
    )
    loop_repeats: int = Field(6, ge=3, description="How often a unit must stand at the end to be a loop.")
    loop_chars: int = Field(
        60, ge=10, description="Fewest characters of a loop; a character of Chinese counts as three."
    )
    perplexity_model: str = Field(
        "",
        description="The language model that measures answers: smollm2, a folder, a .gguf file, a Hub name; empty: none.",
    )
    perplexity_below: float | None = Field(
        None, gt=1, description="Answers with a lower perplexity than this are low_perplexity; null: not looked for."
    )
    perplexity_above: float | None = Field(
        None, gt=1, description="Answers with a higher perplexity than this are high_perplexity; null: not looked for."
    )
    perplexity_tokens: int = Field(512, ge=16, le=8192, description="How many tokens of an answer the model reads.")

    @model_validator(mode="after")
    def _fits(self) -> MachineText:
        for reason, what in self.actions.items():
            if what == "trim" and reason != "boilerplate":
                raise ValueError(f"only boilerplate can be trimmed, not {reason}")
        known = {f"{reason}.{rule}" for reason, rules in RULES.items() for rule in rules}
        unknown = sorted(set(self.omit) - known)
        if unknown:
            raise ValueError(f"there is no rule '{unknown[0]}'; the rules are {', '.join(sorted(known))}")
        limits = (self.perplexity_below, self.perplexity_above)
        if bool(self.perplexity_model) != any(limit is not None for limit in limits):
            raise ValueError("perplexity_model and perplexity_below or perplexity_above belong together")
        if None not in limits and limits[0] >= limits[1]:  # type: ignore[operator]
            raise ValueError("perplexity_below must be less than perplexity_above")
        return self

    def assets(self) -> Mapping[str, str]:
        """The word lists, the classifier that tells other languages, and the language model if there is one."""
        from curation.language.weights import weights_digest
        from curation.machine.rulebook import phrases_digest

        found = {"phrases": phrases_digest(), "lid.176.ftz": weights_digest()}
        if self.perplexity_model:
            found["perplexity_model"] = self._reader().digest()
        return found

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One decision for each record in which something was found; edits where phrases are trimmed."""
        from curation.machine.judge import judge

        turns = self._turns(batch)
        found = judge(turns["content"], turns["prompt"], self.rules, self.omit, self.loop_repeats, self.loop_chars)
        if self.safety_refusals == "keep":
            _keep_safety(turns["prompt"], found)
        if self.perplexity_model:
            self._measure(turns, found)
        return self._decisions(turns, found)

    def _turns(self, batch: Batch) -> pl.DataFrame:
        """The turns to judge: `record_id, turn, content, prompt`, the prompt being all that the user said before."""
        prompts: list[str] = []
        last, asked = "", ""
        for record, role, content in batch.turns.select("record_id", "role", "content").iter_rows():
            if record != last:
                last, asked = record, ""
            prompts.append(asked)
            if role == "user":
                asked = f"{asked}\n{content}" if asked else content
        roles = PART_ROLES[self.part]
        wanted = pl.lit(value=True) if roles is None else pl.col("role").is_in(roles)
        turns = batch.turns.with_columns(prompt=pl.Series(prompts, dtype=pl.String))
        return turns.filter(wanted & (pl.col("role") != "rejected")).select("record_id", "turn", "content", "prompt")

    def _measure(self, turns: pl.DataFrame, found: list[list[Finding]]) -> None:
        """Add what the language model finds; it only reads answers that are not dropped anyway."""
        rows = [row for row, some in enumerate(found) if all(self._what(finding) != "drop" for finding in some)]
        chosen = turns[rows]
        befores = (f"{prompt}\n\n" if prompt else "" for prompt in chosen["prompt"])
        readings = self._reader().read(list(zip(befores, chosen["content"], strict=True)))
        below, above = self.perplexity_below, self.perplexity_above
        for row, reading in zip(rows, readings, strict=True):
            if reading.tokens < _FEWEST_TOKENS:
                continue
            value = reading.perplexity
            if below is not None and value < below and "low_perplexity" in self.rules:
                found[row].append(Finding("low_perplexity", "", value, below))
            elif above is not None and value > above and "high_perplexity" in self.rules:
                found[row].append(Finding("high_perplexity", "", value, above))

    def _reader(self) -> Reader:
        return Reader(self.perplexity_model, self.perplexity_tokens)

    def _what(self, finding: Finding) -> What:
        """The action for a finding. Where trimming would leave nothing, the record is flagged instead."""
        what = self.actions.get(finding.reason, _DEFAULTS[finding.reason])
        return "flag" if what == "trim" and finding.keep and finding.keep[0] >= finding.keep[1] else what

    def _decisions(self, turns: pl.DataFrame, found: list[list[Finding]]) -> Decisions:
        """Rows in record order, one a record, and the trimmed turns of the records that are edited."""
        records: dict[str, list[tuple[int, Finding]]] = {}
        for row, some in enumerate(found):
            if some:
                records.setdefault(turns["record_id"][row], []).extend((row, finding) for finding in some)
        rows, edits = [], []
        for record, several in records.items():
            ranked = sorted(several, key=lambda one: (_STRENGTH[self._what(one[1])], _ORDER[one[1].reason], one[0]))
            place, gravest = ranked[0]
            what = self._what(gravest)
            rows.append(
                {
                    "record_id": record,
                    "action": "edit" if what == "trim" else what,
                    "reason": gravest.reason,
                    "score": gravest.score,
                    "threshold": gravest.threshold,
                    "values": _values(finding for _, finding in ranked),
                    "detail": f"turn {turns['turn'][place]}" + (f", rule {gravest.rule}" if gravest.rule else ""),
                }
            )
            if what == "trim":
                edits += [
                    (record, turns["turn"][row], turns["content"][row][slice(*finding.keep)])
                    for row, finding in ranked
                    if finding.keep and self._what(finding) == "trim"
                ]
        if not rows:
            return Decisions.none()
        schema = {"record_id": pl.String, "turn": pl.Int32, "after": pl.String}
        return Decisions.of(pl.DataFrame(rows, infer_schema_length=None), pl.DataFrame(edits, schema, orient="row"))


def _values(findings: Iterable[Finding]) -> str:
    """Every reason that was found, and the rules that found it, as a JSON object: {"machine_text": {reason: [rules]}}."""
    told: dict[str, list[str]] = {}
    for finding in findings:
        rules = told.setdefault(finding.reason, [])
        if finding.rule and finding.rule not in rules:
            rules.append(finding.rule)
    return json.dumps({"machine_text": told})


def _keep_safety(prompts: pl.Series, found: list[list[Finding]]) -> None:
    """Take back refusals of prompts that ask for harm."""
    from curation.machine.rulebook import rulebook

    for row, some in enumerate(found):
        if any(finding.reason == "refusal" for finding in some) and rulebook().asks(prompts[row], "harm"):
            found[row] = [finding for finding in some if finding.reason != "refusal"]
