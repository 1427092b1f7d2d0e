"""`card.md`: what a comparison shows, as a section for the card of the model that was compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_MARKS = re.compile(r"([\\`*_\[\]#|~])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def card_of(facts: Mapping[str, Any]) -> str:
    """Markdown, from the facts. It holds no text of a record and no path."""
    conclusion = facts["conclusion"]
    a, b = (_text(facts["sides"][side].get("label") or side) for side in ("a", "b"))
    parts = [
        f"## Comparison with {a}\n",
        f"**{_text(_capital(conclusion['verdict']))}.** {_text(conclusion['sentence'])}\n",
        *_list("What was measured", conclusion["evidence"]),
        *_list("To be known besides", conclusion["caveats"]),
        f"| | {a} | {b} | difference | {facts['confidence']:.0%} interval |\n|:--|--:|--:|--:|:--|\n"
        + "".join(_rows(facts)),
        _how(facts),
    ]
    return "\n".join(parts)


def _list(title: str, sentences: list[str]) -> list[str]:
    return [f"{title}:\n", "".join(f"- {_text(sentence)}\n" for sentence in sentences)] if sentences else []


def _rows(facts: Mapping[str, Any]) -> list[str]:
    rows = []
    for key, name in (("votes", "preferred by people, blind"), ("judge", "preferred by a judge")):
        found = facts[key]
        if found and found["preference"]["prompts"]:
            one = found["preference"]
            low, high = one["interval"]
            rows.append(
                f"| {name}, of {one['prompts']} prompts | {one['a']} | {one['b']} | win rate {one['rate']:.1%} "
                f"| {low:.1%} to {high:.1%} |\n"
            )
    for name, one in (("held-out loss", facts["heldout"]), ("loss on general questions", facts["forgetting"]["loss"])):
        if one:
            rows.append(
                f"| {name}, {one['unit']}, of {one['records']} records | {one['a']:.4f} | {one['b']:.4f} "
                f"| {one['difference']:+.4f} | {_between(one['interval'], '+.4f')} |\n"
            )
    for one in facts["forgetting"]["suites"]:
        name = f"{_text(one['suite'])} ({_text(one['language'])}), of {one['cases']} cases"
        rows.append(
            f"| {name} | {one['a']:.1%} | {one['b']:.1%} | {one['difference']:+.1%} | {_between(one['interval'], '+.1%')} |\n"
        )
    for one in [*facts["scores"], *facts["rubrics"]]:
        if one["prompts"]:
            name = f"{_text(one.get('score') or one['rubric'])}, of {one['prompts']} prompts"
            rows.append(
                f"| {name} | {one['a']:.3f} | {one['b']:.3f} | {one['difference']:+.3f} | {_between(one['interval'], '+.3f')} |\n"
            )
    return rows


def _between(interval: list[float] | None, form: str) -> str:
    return "" if interval is None else f"{interval[0]:{form}} to {interval[1]:{form}}"


def _how(facts: Mapping[str, Any]) -> str:
    digests = facts["evidence"]
    named = ("recipe", "training", "dataset", "a", "b", "prompts", "answers")
    shown = "".join(f"| {name} | `{digests[name]}` |\n" for name in named if digests.get(name))
    return (
        f"{facts['counts']['answered']} of {facts['counts']['prompts']} prompts were answered by both. What these figures "
        f"were made from, as SHA-256:\n\n| what | digest |\n|:--|:--|\n{shown}"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(text: Any) -> str:
    """Text of others as Markdown text: no marks of its own, no hidden characters, one line."""
    return _MARKS.sub(r"\\\1", _HIDDEN.sub(" ", str(text)).translate(_ENTITIES))
