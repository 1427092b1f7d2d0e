"""Every check, in the order in which they look, and the closed set of reasons they can give."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from curation.errors import RecipeError, nearest
from training.preflight.context import Check, PreflightContext
from training.preflight.finding import LEVELS, Finding, Reason, Report

if TYPE_CHECKING:
    from training.session import Session


@cache
def checks() -> tuple[Check, ...]:
    """All of them: first what the tensors must be, then what the texts should be, then the recipe."""
    from training.preflight.checks import (
        adapter,
        aligned,
        answers,
        artefacts,
        begin_marks,
        duplicates,
        end_marks,
        held_out,
        languages,
        leakage,
        length,
        markup,
        packing,
        pairs,
        private,
        prompts,
        roles,
        schedule,
        share,
        template,
        vocabulary,
    )

    modules = (
        *(aligned, share, end_marks, begin_marks, length, vocabulary, template, prompts, packing, adapter),
        *(roles, answers, pairs, markup, artefacts, duplicates, leakage, held_out, languages, private, schedule),
    )
    return tuple(module.CHECK for module in modules)


@cache
def reasons() -> Mapping[str, Reason]:
    """What can be found: reason -> what it is, why it matters, how to mend it."""
    return {name: reason for check in checks() for name, reason in check.reasons.items()}


def examine(context: PreflightContext, *, allow: Collection[str] = ()) -> Report:
    """Look at everything, train nothing. allow: reasons that may not stop the run; RecipeError for unknown ones.

    Findings come gravest first, else in the order of the checks.
    """
    from training.preflight.checks.length import lengths_of
    from training.preflight.checks.schedule import planned_steps

    check_allowed(allow)
    began = time.monotonic()
    found = [one for check in checks() for one in _of(check, context)]
    found = [replace(one, allowed=one.level == "block" and one.reason in allow) for one in found]
    mine = context.tensors.kept(context.in_train)
    return Report(
        findings=tuple(sorted(found, key=lambda one: LEVELS.index(one.level))),
        records=len(context.examples.train),
        validation=len(context.examples.validation),
        tokens=len(mine.ids),
        trained_tokens=int(mine.trained_counts.sum()),
        steps=planned_steps(context),
        lengths=lengths_of(context),
        isolation=context.measured.get("isolation"),
        seconds=round(time.monotonic() - began, 3),
    )


def examine_session(session: Session, *, allow: Collection[str] = ()) -> Report:
    """`examine` what a prepared session would train; its model is looked at too, where it is loaded."""
    return examine(context_of(session), allow=allow)


def examine_weights(session: Session, *, allow: Collection[str] = ()) -> tuple[Finding, ...]:
    """What only the loaded model can tell (`session.load` before): packing, and markers that were never learned."""
    from training.preflight.checks import adapter, packing

    context = context_of(session)
    found = [one for module in (packing, adapter) for one in _of(module.CHECK, context)]
    return tuple(replace(one, allowed=one.level == "block" and one.reason in allow) for one in found)


def context_of(session: Session) -> PreflightContext:
    """What the checks look at, out of a prepared session."""
    return PreflightContext(
        recipe=session.recipe,
        examples=session.examples,
        template=session.template,
        tokenizer=session.tokenizer,
        train=session.all_train,
        validation=session.all_validation,
        config=_config(session),
        model=session.model,
    )


def check_allowed(allow: Collection[str]) -> None:
    """Raise RecipeError for a name that is no finding."""
    for name in allow:
        if name not in reasons():
            raise RecipeError(f"There is no finding called '{name}'.", nearest(name, reasons()))


def _of(check: Check, context: PreflightContext) -> Iterator[Finding]:
    for one in check.examine(context):
        if one.level not in check.reasons[one.reason].levels:
            raise ValueError(f"{check.name} says {one.reason} with the level {one.level}, which is not declared")
        yield one


def _config(session: Session) -> object | None:
    if session.model is not None:
        return getattr(session.model, "config", None)
    from transformers import AutoConfig

    try:
        trusted = bool(session.recipe.model.trust_remote_code)
        config: object = AutoConfig.from_pretrained(session.found.path, trust_remote_code=trusted)
    except (OSError, ValueError):
        return None
    return getattr(config, "text_config", config)
