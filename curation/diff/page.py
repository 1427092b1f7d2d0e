"""A diff as a page for a browser. Every text of a record goes through `curation.report.marks`; nothing on the page runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markupsafe import Markup

from curation.diff.index import ReviewIndex
from curation.diff.model import MARKS, Counts, Hunk
from curation.report.marks import marked, visible

_HEAD = Markup(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
section {{ border-top: 1px solid #8886; padding: .7rem 0; }}
h2 {{ font-size: 1rem; margin: 0 0 .3rem; }}
p {{ margin: .2rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
.role, .why {{ opacity: .75; }}
del {{ background: #d1242f33; }} ins {{ background: #1a7f3733; text-decoration: none; }}
del::before {{ content: "[-"; }} del::after {{ content: "-]"; }}
ins::before {{ content: "{{+"; }} ins::after {{ content: "+}}"; }}
</style></head><body><h1>{title}</h1><p>{numbers}</p>
"""
)
_SECTION = Markup('<section><h2>{mark} {name}: {status}</h2><p class="why">{why}</p>{texts}</section>\n')
_TURN = Markup('<p><span class="role">{role}:</span> {text}</p>')


def page_parts(index: ReviewIndex, hunks: Iterable[Hunk], counts: Counts, title: str) -> Iterator[str]:
    """The page in parts, so that it may be longer than memory."""
    told = [f"{MARKS[status]} {number:,} {status}" for status, number in counts.by_status.items()]
    numbers = ", ".join([*told, f"{counts.equal:,} equal", f"{index.facts['records']:,} records in all"])
    yield _HEAD.format(title=visible(title, 300), numbers=numbers)
    for hunk in hunks:
        yield _section(hunk)
    yield "</body></html>\n"


def _section(hunk: Hunk) -> Markup:
    name = hunk.record_id + (f" → {hunk.other_id}" if hunk.other_id and hunk.other_id != hunk.record_id else "")
    why = "; ".join(" ".join(part for part in (c.stage, c.reason, c.reason_text) if part) for c in hunk.causes)
    texts = Markup().join([*_turns(hunk), *_fields(hunk)])
    return _SECTION.format(
        mark=MARKS[hunk.status], name=visible(name), status=hunk.status, why=visible(why), texts=texts
    )


def _turns(hunk: Hunk) -> Iterator[Markup]:
    old = {turn.turn: turn for turn in hunk.before}
    new = {turn.turn: turn for turn in hunk.after}
    for number in sorted({*old, *new}):
        turn = new.get(number) or old[number]
        if old and new:
            before, after = (side[number].content if number in side else "" for side in (old, new))
            text = marked(before, after)
        else:
            text = visible(turn.content)
        yield _TURN.format(role=visible(turn.role), text=text)


def _fields(hunk: Hunk) -> Iterator[Markup]:
    for change in hunk.fields:
        yield _TURN.format(role=visible(change.name), text=marked(change.before or "", change.after or ""))
