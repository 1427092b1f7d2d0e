"""`compare.html`: one file with both answers to every prompt side by side and every figure with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from curation.report.marks import beside, visible
from training.compare.judge.model import last_pairs
from training.compare.model import Prompt
from training.compare.notes import NoteBook
from training.compare.report.facts import Seen

MOST_PROMPTS = 200
MOST_CHARACTERS = 3000  # of an answer


def page_of(seen: Seen, facts: Mapping[str, Any]) -> str:
    """The page. It forbids itself every script and every connection by a Content-Security-Policy of its own, and texts
    reach it only through `curation.report.marks`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [PackageLoader("training.compare.report", ""), PackageLoader("curation.report", "")]
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda value: "–" if value is None else f"{100 * value:.1f} %"
    environment.filters["number"] = _number
    environment.filters["p"] = lambda value: f"{value:.4f}" if value >= 0.001 else f"{value:.1e}"
    labels = {side: facts["sides"][side].get("label") or side for side in ("a", "b")}
    return environment.get_template("compare.html").render(
        facts=facts,
        labels=labels,
        bars=list(_bars(facts)),
        pairs=list(_pairs(seen)),
        left_out=max(0, len(seen.pairs) - MOST_PROMPTS),
        rows=_rows(facts),
        started=str(facts["created"])[:16].replace("T", " "),
    )


def _bars(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Win rates with their intervals, in percent of the width."""
    for key, who in (("votes", "people, blind"), ("judge", "judge")):
        found = facts[key]
        if not found or not found["preference"]["prompts"]:
            continue
        one = found["preference"]
        yield _bar(f"{who}, ties as halves", one["rate"], one["interval"], f"{one['prompts']} prompts")
        if one["a"] + one["b"]:
            decisive = f"{one['a'] + one['b']} prompts"
            yield _bar(f"{who}, without ties", one["decisive_rate"], one["decisive_interval"], decisive)
        if one["length"]["rate"] is not None:
            yield _bar(f"{who}, at equal length", one["length"]["rate"], one["length"]["interval"], "regression")


def _bar(name: str, rate: float, interval: list[float], of: str) -> dict[str, Any]:
    low, high = interval
    return {
        "name": name,
        "of": of,
        "at": f"{100 * rate:.2f}",
        "low": f"{100 * low:.2f}",
        "width": f"{100 * (high - low):.2f}",
        "said": f"{100 * rate:.1f} %, {100 * low:.1f} to {100 * high:.1f} %",
    }


def _rows(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Paired figures that have a value for each side: losses, suites, scores, rubrics."""
    found = []
    for name, one in (("held-out loss", facts["heldout"]), ("loss on general questions", facts["forgetting"]["loss"])):
        if one:
            found.append({**one, "name": name, "of": f"{one['records']:,} records, {one['unit']}", "share": False})
    for one in facts["forgetting"]["suites"]:
        found.append(
            {**one, "name": f"{one['suite']}, {one['language']}", "of": f"{one['cases']:,} cases", "share": True}
        )
    for one in (*facts["scores"], *facts["rubrics"]):
        if one["prompts"]:
            name = one.get("score") or one["rubric"]
            found.append({**one, "name": name, "of": f"{one['prompts']:,} prompts", "share": False})
    return found


def _pairs(seen: Seen) -> Iterator[dict[str, Any]]:
    """Both answers to each prompt, what was said about them, favourites first."""
    book = NoteBook(seen.folder)
    notes, favourites = book.notes(), book.favourites()
    judgements = last_pairs(seen.judgements)
    names = [name for name in seen.prompts if name in seen.pairs]
    for name in sorted(names, key=lambda one: one not in favourites)[:MOST_PROMPTS]:
        a, b = seen.answers[name, "a"], seen.answers[name, "b"]
        judgement = judgements.get(name)
        fresh = judgement is not None and judgement.digests == seen.pairs[name]
        yield {
            "prompt": seen.prompts[name],
            "title": _title(seen.prompts[name]),
            "answers": dict(zip(("a", "b"), beside(a.text, b.text, MOST_CHARACTERS), strict=True)),
            "same": a.text == b.text,
            "facts": {"a": a, "b": b},
            "people": seen.vote_winners.get(name, ""),
            "judge": judgement.winner if judgement and fresh else "",
            "why": judgement.why if judgement and fresh else "",
            "note": notes.get(name, ""),
            "favourite": name in favourites,
        }


def _title(prompt: Prompt) -> str:
    asked = [message.content for message in prompt.messages if message.role == "user"]
    text = " ".join((asked or [message.content for message in prompt.messages] or [""])[-1].split())
    return text if len(text) <= 110 else f"{text[:109]}…"


def _number(value: float | None, digits: int = 3, sign: bool = False) -> str:
    return "–" if value is None else f"{value:{'+' if sign else ''}.{digits}f}"
