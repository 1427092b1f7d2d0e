"""What an experiment came to: report.json with every number, and report.md to read. No text of any record is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training.experiment.arms import pairs
from training.experiment.model import ArmData, ExperimentRecipe, LegFacts, mean
from training.experiment.statistics import Difference, difference, headline, seed_noise
from training.experiment.story import family, story

REPORT, PAGE, FLOOR = "report.json", "report.md", "noise_floor.json"


def facts_of(
    recipe: ExperimentRecipe,
    arms: Mapping[str, ArmData],
    curation: Mapping[str, Any],
    legs: Sequence[LegFacts],
    base: Mapping[str, Mapping[str, tuple[float, int]]],
    judged: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All numbers of a finished experiment. arms: by name, the draws of the random arm as `random-SEED`. curation: what
    was read, left out and dropped on the way. base: the losses of the untrained model, by dataset. judged: what the judge
    said, where there was one (`training.experiment.judged`)."""
    arms_asked = recipe.all_arms()
    by_arm = {
        arm.name: sorted((leg for leg in legs if leg.arm == arm.name), key=lambda leg: leg.seed) for arm in arms_asked
    }
    differences = _differences_of(by_arm, recipe)
    general = _differences_of({arm: _on_general(found) for arm, found in by_arm.items()}, recipe)
    families = {
        "differences": family(differences, recipe.confidence),
        "general_differences": family(general, recipe.confidence),
    }
    if recipe.arms:
        plain = [pair.plain for pair in pairs(arms_asked)]
        verdict, sentence = story(families["differences"], plain, "held-out loss, nats a token")
    else:
        verdict, sentence = headline(differences[0], differences[1], general[0])
    steady = [arm.name for arm in arms_asked if arm.kind != "random"]
    floors = {
        "heldout": seed_noise([[leg.loss for leg in by_arm[arm]] for arm in steady], recipe.confidence),
        "retention": seed_noise([[leg.general_loss for leg in by_arm[arm]] for arm in steady], recipe.confidence),
    }
    heldout = next(iter(legs)).losses
    return {
        "verdict": verdict,
        "sentence": sentence,
        "confidence": recipe.confidence,
        "budget": recipe.budget,
        "seeds": list(recipe.all_seeds()),
        "heldout": {"records": len(heldout), "tokens": sum(tokens for _, tokens in heldout.values())},
        "curation": dict(curation),
        "arms": {name: asdict(data) for name, data in arms.items()},
        "base": {name: mean(losses) for name, losses in base.items()},
        "legs": [
            {
                "arm": leg.arm, "seed": leg.seed, "run": leg.run, "steps": leg.steps, "epochs": leg.epochs,
                "tokens": leg.tokens, "heldout": leg.loss, "retention": leg.general_loss,
            }
            for found in by_arm.values() for leg in found
        ],
        **families,
        "noise_floor": floors,
        "tokens_apart": _apart(by_arm),
        **({"judge": dict(judged)} if judged else {}),
    }  # fmt: skip


def write_report(folder: Path, facts: Mapping[str, Any]) -> list[Path]:
    """report.json and report.md, and what a seed alone changes, where that is known; whole or not at all."""
    from curation.writers.atomic import write_atomic

    written = {REPORT: json.dumps(facts, indent=2) + "\n", PAGE: page(facts)}
    if facts["noise_floor"]["retention"] is not None:
        floor = {
            "loss": facts["noise_floor"]["retention"],
            "score": None,
            "source": f"{len(facts['seeds'])} seeds of two arms of an experiment, {facts['confidence']:.0%}",
        }
        written[FLOOR] = json.dumps(floor, indent=2) + "\n"
    for name, text in written.items():
        write_atomic(folder / name, text.encode(), mode=0o600)
    return [folder / name for name in written]


def page(facts: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    blocks = [
        "# Which choice of records helped?" if "arms" in facts["curation"] else "# Did curation help?",
        f"**{facts['verdict'].capitalize()}.** {facts['sentence']}",
        _data(facts),
        _trainings(facts),
        _differences(facts),
        *([judged_page(facts["judge"], facts["confidence"])] if "judge" in facts else []),
        _notes(facts),
    ]
    return "\n\n".join(blocks) + "\n"


def _data(facts: Mapping[str, Any]) -> str:
    curation = facts["curation"]
    rows = [
        [name, f"{data['records']:,}", f"{data['tokens']:,}", f"{data['trained_tokens']:,}"]
        for name, data in facts["arms"].items()
    ]
    said = (
        f"Read: {curation['read']:,} records. {curation['kept_out']:,} of them hold held-out text and are in no arm; "
    )
    if "arms" in curation:
        of_each = [
            f"{name} drops {one['dropped']:,} and edits {one['edited']:,}" for name, one in curation["arms"].items()
        ]
        said += f"of the rest, {', '.join(of_each)}."
    else:
        said += f"the curation drops {curation['dropped']:,} of the rest and edits {curation['edited']:,}."
    return f"## Data\n\n{said}\n\n" + table(("data", "records", "tokens", "trained tokens"), rows)


def _trainings(facts: Mapping[str, Any]) -> str:
    rows = [["base", "", "", "", "", f"{facts['base']['heldout']:.4f}", f"{facts['base']['retention']:.4f}"]]
    rows += [
        [
            leg["arm"], str(leg["seed"]), f"{leg['steps']:,}", f"{leg['epochs']:g}", f"{leg['tokens']:,}",
            f"{leg['heldout']:.4f}", f"{leg['retention']:.4f}",
        ]
        for leg in facts["legs"]
    ]  # fmt: skip
    heldout = facts["heldout"]
    said = (
        f"All are measured on the same {heldout['records']:,} held-out records ({heldout['tokens']:,} trained tokens), "
        "mean loss in nats a token; general: questions that come with the studio (forgetting)."
    )
    header = ("arm", "seed", "steps", "epochs", "tokens read", "held-out loss", "general loss")
    return f"## Trainings\n\n{said}\n\n" + table(header, rows)


def _differences(facts: Mapping[str, Any]) -> str:
    sure = f"{facts['confidence']:.0%}"
    count = len(facts["differences"])
    blocks = [
        "## Differences",
        "Below zero, the first is better. Shown is what both intervals agree on. p of all: the larger p of the two, "
        f"corrected for the {count} differences of a table (Holm).",
    ]
    for name, key in (("held-out loss", "differences"), ("general loss", "general_differences")):
        header = (
            name,
            "difference",
            f"{sure} over seeds (t)",
            f"{sure} over records (bootstrap)",
            "verdict",
            "p of all",
        )
        blocks.append(table(header, [[*difference_row(one, "−"), f"{one['p_holm']:.3f}"] for one in facts[key]]))
    return "\n\n".join(blocks)


def judged_page(judge: Mapping[str, Any], confidence: float) -> str:
    """What the judge said, as Markdown."""
    said = f"{judge['model']} was asked about the answers to {judge['prompts']:,} held-out questions. {judge_counts(judge)}"
    blocks = ["## The judge", said, "Above zero, the first is better. Prompts without every verdict are left out."]
    sure = f"{confidence:.0%}"
    for rubric, found in judge["marks"].items():
        means = ", ".join(f"{arm} {mean:.3f}" for arm, mean in found["means"].items())
        header = (f"mark, {rubric}", "difference", f"{sure} over seeds", f"{sure} over prompts", "verdict", "p of all")
        rows = [[*difference_row(one, "−"), f"{one['p_holm']:.3f}"] for one in found["differences"]]
        blocks += [found["sentence"], f"Mean mark for {rubric}, 0 to 1: {means}.", table(header, rows)]
    if judge["pairs"]:
        found = judge["pairs"]
        titles = (
            "pairs",
            "won / lost / tie",
            "won − lost",
            f"{sure} over seeds",
            f"{sure} over prompts",
            "verdict",
            "p of all",
        )
        rows = []
        for one in found["differences"]:
            names, *rest = difference_row(one, "against")
            rows.append([names, f"{one['won']} / {one['lost']} / {one['ties']}", *rest, f"{one['p_holm']:.3f}"])
        places = found["places"]
        steady = f"Asked in both orders, it agreed with itself {places['agreed']:,} of {places['asked']:,} times."
        blocks += [found["sentence"], steady, table(titles, rows)]
    return "\n\n".join(block for block in blocks if block)


def judge_counts(judge: Mapping[str, Any]) -> str:
    """How many verdicts there are, and how many there should have been."""
    said = f"{judge['judged']:,} verdicts"
    said += f"; {judge['failed']:,} could not be had" if judge["failed"] else ""
    said += f"; {judge['left']:,} were left when judge.max_calls was spent" if judge["left"] else ""
    return said + "."


def difference_row(one: Mapping[str, Any], minus: str) -> list[str]:
    """Arms, mean, both intervals, verdict."""
    names = f"{one['arm']} {minus} {one['other']}"
    return [names, f"{one['mean']:+.4f}", interval(one["over_seeds"]), interval(one["over_records"]), one["verdict"]]


def _notes(facts: Mapping[str, Any]) -> str:
    notes = []
    floor = facts["noise_floor"]
    if floor["heldout"] is not None:
        notes.append(
            f"- Two trainings that differ only in their seed lie up to {floor['heldout']:.4f} (held-out) and "
            f"{floor['retention']:.4f} (general) nats a token apart in {facts['confidence']:.0%} of the cases."
        )
    if len(facts["seeds"]) < 2:
        notes.append("- One seed: nothing can be said about what another would have given.")
    if facts["tokens_apart"] > 0.05:
        notes.append(
            f"- The arms read tokens in numbers up to {facts['tokens_apart']:.0%} apart; with the budget `tokens` they "
            "read as many."
        )
    notes.append("- A loss on held-out records is not the quality of answers; compare those with `studio compare`.")
    return "## Read with care\n\n" + "\n".join(notes)


def interval(found: Sequence[float] | None) -> str:
    """`-0.0312 … -0.0105`."""
    return "none" if found is None else f"{found[0]:+.4f} … {found[1]:+.4f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)


def _differences_of(by_arm: Mapping[str, Sequence[LegFacts]], recipe: ExperimentRecipe) -> list[Difference]:
    """Of all pairs of arms, in their order."""
    return [
        difference(by_arm[pair.arm], by_arm[pair.other], confidence=recipe.confidence, resamples=recipe.resamples)
        for pair in pairs(recipe.all_arms())
    ]


def _on_general(legs: Sequence[LegFacts]) -> list[LegFacts]:
    return [replace(leg, losses=leg.retention) for leg in legs]


def _apart(by_arm: Mapping[str, Sequence[LegFacts]]) -> float:
    """Largest tokens of a leg over the smallest, minus 1."""
    read = [leg.tokens for legs in by_arm.values() for leg in legs]
    return max(read) / max(1, min(read)) - 1
