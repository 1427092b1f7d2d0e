"""The one line: is b better than a, worse, or is neither shown?

One kind of evidence decides, the first of these that there is enough of: what people said blind, what a judge said in both
orders, the loss on held-out records. Which one it is depends on how much there is, never on what it says, and only its
test is made at the level asked for: several looks cannot add up to a finding. What the others say is told, and counts for
nothing. Forgetting is another question, and goes with the verdict as a caveat. Answers of several models, where a side
changed between two legs of the run, show nothing about either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from training.compare.statistics.sign import sign_test

Verdict = Literal["better", "worse", "not shown"]
Decider = Literal["votes", "judge", "loss", "none"]

FEWEST_RECORDS = 10
"""Held-out records below which a bootstrap's interval is not to be trusted."""
MOST_FAILED = 0.2
"""Share of a judge's verdicts that may have failed: what fails is not drawn at random."""
_LOUD = 0.05  # p below which a place or a failure is worth a caveat


@dataclass(frozen=True)
class Conclusion:
    """verdict: of b against a. by: what decided. sentence: the whole of it, for people. evidence: a sentence for each
    kind there is, the deciding one first. caveats: what has to be known besides."""

    verdict: Verdict
    by: Decider
    sentence: str
    evidence: tuple[str, ...]
    caveats: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return {**asdict(self), "evidence": list(self.evidence), "caveats": list(self.caveats)}


def conclude(facts: Mapping[str, Any]) -> Conclusion:
    """What `training.compare.report.facts` gathered, in one line. Facts that are missing are none."""
    alpha = 1 - float(facts.get("confidence", 0.95))
    names = _names(facts)
    found = _said(facts, alpha, names)
    usable = [one for one in found if one.enough]
    caveats = _caveats(facts, found, usable, names)
    if facts.get("mixed"):
        said = tuple(_capital(one.sentence) for one in found)
        return Conclusion("not shown", "none", f"Nothing is shown: {' '.join(facts['mixed'])}", said, caveats)
    if not usable:
        little = "; ".join(f"{one.amount}, too few" for one in found) or "nothing was measured"
        return Conclusion(
            "not shown", "none", f"Nothing is shown: {little}.", tuple(_capital(one.sentence) for one in found), caveats
        )
    first = usable[0]
    evidence = tuple(_capital(one.sentence) for one in (first, *(other for other in found if other is not first)))
    does = "fits the held-out records {} than" if first.by == "loss" else "is {} than"
    heads = {
        "better": f"{names[1]} {does.format('better')} {names[0]}",
        "worse": f"{names[1]} {does.format('worse')} {names[0]}",
        "not shown": f"It is not shown that {names[1]} is better or worse than {names[0]}",
    }
    return Conclusion(first.verdict, first.by, f"{heads[first.verdict]}: {first.sentence}", evidence, caveats)


@dataclass(frozen=True)
class _Said:
    """What one kind of evidence says. enough: whether it could show anything at all; amount: how much there is."""

    by: Decider
    verdict: Verdict
    sentence: str
    amount: str
    enough: bool


def _said(facts: Mapping[str, Any], alpha: float, names: tuple[str, str]) -> list[_Said]:
    """Everything there is, in the order in which it may decide."""
    found = []
    votes, judge, heldout = facts.get("votes"), facts.get("judge"), facts.get("heldout")
    if votes and votes["preference"]["prompts"]:
        found.append(_preferred("votes", votes["preference"], alpha, names, True))
    if judge and judge["preference"]["prompts"] + judge["failed"]:
        failed = judge["failed"] / (judge["preference"]["prompts"] + judge["failed"])
        found.append(_preferred("judge", judge["preference"], alpha, names, failed <= MOST_FAILED))
    if heldout:
        found.append(_lower(heldout, names))
    return found


def _preferred(
    by: Literal["votes", "judge"], found: Mapping[str, Any], alpha: float, names: tuple[str, str], usable: bool
) -> _Said:
    low, high = found["interval"]
    verdict: Verdict = "not shown"
    if found["p"] < alpha:
        verdict = "better" if low > 0.5 else "worse" if high < 0.5 else "not shown"
    who = "blind, people" if by == "votes" else "asked in both orders, the judge"
    sentence = (
        f"{who} preferred {names[1]} on {found['b']} of {_prompts(found['prompts'])}, {names[0]} on {found['a']}, and neither on "
        f"{found['ties']} (win rate {found['rate']:.0%}, {_percent(1 - alpha)} interval {low:.0%} to {high:.0%}; sign test "
        f"p = {_p(found['p'])})."
    )
    if verdict == "not shown" and by == "votes" and found["needed"]:
        sentence += f" If the difference is as large as it looks, about {found['needed']:,} more votes would show it."
    amount = f"{_prompts(found['prompts'])} {'voted on' if by == 'votes' else 'judged'}"
    return _Said(by, verdict, sentence, amount, usable and sign_test(found["prompts"], 0) < alpha)


def _lower(found: Mapping[str, Any], names: tuple[str, str]) -> _Said:
    interval = found["interval"]
    enough = interval is not None and found["records"] >= FEWEST_RECORDS
    verdict: Verdict = "not shown"
    if enough:
        verdict = "better" if interval[1] < 0 else "worse" if interval[0] > 0 else "not shown"
    between = f", interval {interval[0]:+.3f} to {interval[1]:+.3f}" if interval else ""
    sentence = (
        f"the loss of {names[1]} on {found['records']:,} held-out records is {found['b']:.3f} {found['unit']}, that of "
        f"{names[0]} {found['a']:.3f} (difference {found['difference']:+.3f}{between})."
    )
    return _Said("loss", verdict, sentence, f"{found['records']:,} held-out records", enough)


def _caveats(
    facts: Mapping[str, Any], found: list[_Said], usable: list[_Said], names: tuple[str, str]
) -> tuple[str, ...]:
    caveats = [*_forgetting(facts.get("forgetting"), names[1])]
    first = usable[0] if usable else None
    if first and first.by == "loss":
        caveats.append("A loss says how likely the held-out answers are, not which answers people would prefer.")
    if first and first.by == "judge":
        caveats.append("A judge is a model: nobody knows that people would say the same.")
    for other in found:
        if first and other is not first and other.enough and {first.verdict, other.verdict} == {"better", "worse"}:
            caveats.append(f"The evidence disagrees: {other.sentence}")
        if not other.enough:
            caveats.append(f"Not enough to decide by: {other.amount}.")
    return (
        *caveats,
        *_of_length(facts, first),
        *_of_votes(facts.get("votes")),
        *_of_judge(facts),
        *_of_training(facts),
    )


def _forgetting(found: Mapping[str, Any] | None, name: str) -> list[str]:
    if not found or found["verdict"] == "not measured":
        return ["Forgetting was not measured."]
    if found["verdict"] == "forgot":
        return [f"{name} forgot: {' '.join(found['reasons'])}"]
    if found["verdict"] == "kept":
        return []
    return [f"It is not shown that {name} kept what it could do before, nor that it forgot."]


def _of_length(facts: Mapping[str, Any], first: _Said | None) -> list[str]:
    if first is None or first.by == "loss" or first.verdict == "not shown":
        return []
    length = facts[first.by]["preference"]["length"]
    if length["rate"] is None:
        return []
    low, high = length["interval"]
    if (first.verdict == "better" and low > 0.5) or (first.verdict == "worse" and high < 0.5):
        return []
    return [
        f"With answers of the same length it would not be shown (win rate {length['rate']:.0%}, interval {low:.0%} to "
        f"{high:.0%})."
    ]


def _of_votes(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return []
    tally, caveats = found["tally"], []
    decisive = tally["a"] + tally["b"]
    if decisive and sign_test(tally["left"], decisive - tally["left"]) < _LOUD:
        caveats.append(f"People chose the left answer {tally['left']} times of {decisive}, whichever it was.")
    if tally["stale"]:
        caveats.append(f"{_votes(tally['stale'])} on answers that were given anew since; they do not count.")
    if tally["sealed"]:
        caveats.append(f"{_votes(tally['sealed'])} of people who are still voting; they do not count yet.")
    return caveats


def _of_judge(facts: Mapping[str, Any]) -> list[str]:
    found, caveats = facts.get("judge"), []
    if not found:
        return []
    judged = found["preference"]["prompts"]
    if found["failed"]:
        caveats.append(f"The judge gave no usable verdict on {found['failed']} of {judged + found['failed']} prompts.")
    if found["disagreed"] and found["disagreed"] > judged / 3:
        caveats.append(f"The judge changed its mind with the order of the answers on {found['disagreed']} of {judged}.")
    if found["is_side"]:
        caveats.append("The judge is one of the models that are compared.")
    if found["stale"]:
        caveats.append(f"{found['stale']} judgements are of answers that were given anew since; they do not count.")
    agreed = (facts.get("agreement") or {}).get("kappa_interval")
    if agreed and agreed[0] <= 0:
        caveats.append("It is not shown that the judge agrees with people more than chance would.")
    return caveats


def _of_training(facts: Mapping[str, Any]) -> list[str]:
    trained = ("tuned", "checkpoint", "adapter")
    if any(side.get("kind") in trained for side in (facts.get("sides") or {}).values()):
        return ["This is about one training: another seed gives another model."]
    return []


def _names(facts: Mapping[str, Any]) -> tuple[str, str]:
    sides = facts.get("sides") or {}
    a, b = (str((sides.get(side) or {}).get("label") or f"side {side}") for side in ("a", "b"))
    return a, b if a != b else f"{b} (b)"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _prompts(count: int) -> str:
    return f"{count:,} prompt{'' if count == 1 else 's'}"


def _votes(count: int) -> str:
    return f"{count:,} {'vote is' if count == 1 else 'votes are'}"


def _percent(share: float) -> str:
    return f"{round(100 * share, 6):g}%"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
