"""From a training run's snapshot to what is shown of it: head, charts, answers side by side, what happened."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.content import Content

from studio.display import display
from studio.tui.i18n import _
from studio.tui.screens.runs_frames import MARKS, STYLES, status_words
from studio.tui.screens.train_frames import short_name
from studio.tui.text import block, cell, line
from studio.tui.widgets.charts import bar
from studio.tui.widgets.curve_chart import Curve, Picture, short, titled
from studio.tui.widgets.funnel import duration

if TYPE_CHECKING:
    from studio.runs.curves import Answer, Numbers, Story, TrainSnapshot
    from studio.tui.screens.curate_messages import RunStood

_MANY_BREAKS = re.compile(r"\n{3,}")
_POINTS = "ox+*#%&@"
_INKS = ("$text-success", "$text-warning", "$text-primary", "$text-secondary") * 2
SMOOTH = (0.0, 0.02, 0.1)
"""Shares of the steps whose mean is drawn, one after another."""


@dataclass(frozen=True)
class Look:
    """How curves are drawn."""

    log: bool = False
    smooth: int = 0


# The head


def head_content(stood: RunStood, snapshot: TrainSnapshot | None, width: int) -> Content:
    """How the run stands and how far it is; what is trained on what; what the machine does."""
    status = stood.status.value
    paused = status == "running" and snapshot is not None and snapshot.paused
    mark, word = ("‖", _("paused")) if paused else (MARKS[status], status_words()[status])
    style = "$text-warning" if paused else STYLES.get(status, "")
    parts = [Content.styled(f"{mark} {word}", f"bold {style}".strip()), line(stood.run, limit=80)]
    if stood.result is not None:
        parts.append(Content(_("took {time}").format(time=duration(stood.result.seconds))))
    lines = [Content("  ").join(parts), Content.styled(cell(_far(snapshot, status, width), width), "")]
    lines.append(Content.styled(cell(" · ".join(_facts(stood, snapshot)), width), "dim"))
    return Content("\n").join(lines)


def _far(snapshot: TrainSnapshot | None, status: str, width: int) -> str:
    if snapshot is None:
        return ""
    if not snapshot.steps:
        run = snapshot.run
        reading = _("reading the data, making tokens, loading the model")
        phase = reading if run.phase == "prepare" else display(run.phase, limit=60) or _("starting")
        return f"{phase} …" if status == "running" else ""
    share = min(1.0, snapshot.step / snapshot.steps)
    said = _("step {n} of {all}").format(n=f"{snapshot.step:,}", all=f"{snapshot.steps:,}")
    parts = [said, f"{share:.0%}"]
    eta = snapshot.last.get("eta")
    if status == "running" and eta and not snapshot.paused:
        parts.append(_("{time} left").format(time=duration(eta)))
    if status == "running" and not snapshot.step:
        parts = [_("measuring the base model"), *parts[:1]]
    text = " · ".join(parts)
    room = min(30, width - len(text) - 4)
    return f"{bar(share, room)} {text}" if room >= 8 else text


def _facts(stood: RunStood, snapshot: TrainSnapshot | None) -> list[str]:
    facts: list[str] = []
    if snapshot is not None and snapshot.prepared:
        said = snapshot.prepared
        facts += [
            display(short_name(said["model"]), limit=40),
            display(said["method"]),
            display(said["device"], limit=40),
        ]
        if stood.status.value != "running":
            facts.append(_("{n} records").format(n=f"{said['records']:,}"))
    if stood.status.value == "running" and snapshot is not None and snapshot.last:
        facts += _machine(stood, snapshot.last)
    elif snapshot is not None and snapshot.prepared:
        facts.append(_("{n} of {all} weights").format(n=count(said["trainable"]), all=count(said["parameters"])))
    return facts


def _machine(stood: RunStood, last: Mapping[str, Any]) -> list[str]:
    facts = []
    if memory := stood.memory or last.get("rss"):
        facts.append(_("{n} MB").format(n=f"{memory / 1e6:,.0f}"))
    if stood.cores is not None:
        facts.append(_("{n} cores").format(n=f"{stood.cores:.1f}"))
    gpu = last.get("gpu") or {}
    forms = {
        "util": (100, "{:.0f} %"),
        "memory": (1e-9, "{:.1f} GB"),
        "temperature": (1, "{:.0f} °C"),
        "power": (1, "{:.0f} W"),
    }
    told = [form.format(gpu[name] * factor) for name, (factor, form) in forms.items() if name in gpu]
    return [*facts, *(["GPU " + " ".join(told)] if told else [])]


def count(number: int) -> str:
    """`4.9 M`, `135 M`, `1.5 G`, `812`."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            value = number / size
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return str(number)


# The charts


def loss_picture(snapshot: TrainSnapshot, look: Look, other: TrainSnapshot | None = None) -> Picture:
    """Losses over steps: trained, held out, what is being forgotten, and the base as a line."""
    rows = snapshot.points.rows()
    parts: list[tuple[str, str]] = []
    curves = []
    if other is not None and len(other.points):
        behind = other.points.rows()
        curves.append(Curve(behind[:, 0], behind[:, 1], "$text-secondary", dotted=True, window=_window(behind, look)))
    curves.append(Curve(rows[:, 0], rows[:, 1], "$text-primary", window=_window(rows, look)))
    if len(rows):
        parts.append((f"⠒ {short(float(rows[-1, 1]))}  ", "$text-primary"))
    if other is not None:
        curves += _marks(other, "+", "$text-secondary", split="validation")[0]
        parts.append((f"⠂ {display(other.run.run[-4:])}  ", "$text-secondary"))
    for split, mark, style in (("validation", "o", "$text-success"), ("retention", "x", "$text-warning")):
        found, said = _marks(snapshot, mark, style, split=split)
        curves += found
        if said:
            name = _("held out") if split == "validation" else _("retention")
            parts.append((f"{mark} {name} {said}  ", style))
    base = snapshot.loss("validation", "base")
    if base is not None:
        name = _("base")
        parts.append((f"-- {name} {short(base)}", "dim"))
    title = titled(_("Loss (log)") if look.log else _("Loss"), parts)
    last = max(snapshot.steps, other.steps if other is not None else 0)
    return Picture(title, tuple(curves), (base,) if base is not None else (), last, look.log)


def _marks(snapshot: TrainSnapshot, mark: str, style: str, *, split: str) -> tuple[list[Curve], str]:
    points = snapshot.losses.get((split, "tuned"))
    if points is None or not len(points):
        return [], ""
    rows = points.rows(2)
    return [Curve(rows[:, 0], rows[:, 1], style, mark=mark)], short(float(rows[-1, 1]))


def small_pictures(snapshot: TrainSnapshot, look: Look, other: TrainSnapshot | None = None) -> list[Picture]:
    """Learning rate, length of the gradient, tokens a second, over the same steps. Scores, where there are any, stand in
    place of the learning rate, which the recipe tells as well."""
    names = ((_("Learning rate"), 2), (_("Gradient norm"), 3), (_("Tokens/s"), 4))
    rows, last = snapshot.points.rows(), max(snapshot.steps, other.steps if other is not None else 0)
    behind = other.points.rows() if other is not None else None
    pictures = []
    for name, column in names:
        curves = []
        if behind is not None and len(behind):
            curves.append(Curve(behind[:, 0], behind[:, column], "$text-secondary", dotted=True))
        window = _window(rows, look) if column != 2 else 1
        curves.append(Curve(rows[:, 0], rows[:, column], "$text-primary", window=window))
        now = [(short(float(rows[-1, column])), "")] if len(rows) and rows[-1, column] == rows[-1, column] else []
        pictures.append(Picture(titled(name, now), tuple(curves), (), last))
    return [_scores(snapshot, last), *pictures[1:]] if snapshot.scores else pictures


def _scores(snapshot: TrainSnapshot, last: int) -> Picture:
    """What a judge and small tasks say of the model, 0 to 1; of the base, a level at its height."""
    curves, parts, levels = [], [], []
    tuned = [name for name, who in snapshot.scores if who == "tuned"]
    for name, mark, style in zip(dict.fromkeys(name for name, _who in snapshot.scores), _POINTS, _INKS, strict=False):
        if name in tuned:
            rows = snapshot.scores[name, "tuned"].rows(2)
            curves.append(Curve(rows[:, 0], rows[:, 1], style, mark=mark))
        points = snapshot.scores.get((name, "tuned")) or snapshot.scores[name, "base"]
        if len(points):
            parts.append((f"{mark} {display(name, limit=16)} {short(float(points.rows(2)[-1, 1]))}  ", style))
        base = snapshot.scores.get((name, "base"))
        if base is not None and len(base):
            levels.append(float(base.rows(2)[-1, 1]))
    return Picture(titled(_("Scores"), parts), tuple(curves), tuple(levels), last)


def _window(rows: Numbers, look: Look) -> int:
    return max(1, round(len(rows) * SMOOTH[look.smooth]))


# Answers


def samples_content(snapshot: TrainSnapshot, width: int) -> Content:
    """Each held-out prompt, what the data answers, and under it base and tuned model side by side."""
    if not snapshot.stories:
        return Content.styled(_("Answers to held-out prompts come with the first evaluation."), "dim")
    lines: list[Content] = []
    for story in snapshot.stories.values():
        lines += _story(story, width)
    return Content("\n").join(lines)


def _story(story: Story, width: int) -> Iterator[Content]:
    yield Content.styled(display(story.record_id, limit=120), "dim")
    yield from _wrapped(story.prompt, width, "bold", 4)
    if story.reference:
        yield from _wrapped(_("data: ") + story.reference, width, "dim", 3)
    tuned = story.tuned[-1] if story.tuned else None
    room = (width - 3) // 2
    if room < 24:
        yield from _answered(_("base"), story.base, width)
        yield from _answered(_("tuned"), tuned, width)
    else:
        left, right = list(_answered(_("base"), story.base, room)), list(_answered(_("tuned"), tuned, room))
        for number in range(max(len(left), len(right))):
            first = left[number] if number < len(left) else Content("")
            second = right[number] if number < len(right) else Content("")
            yield Content.assemble(first, " " * max(0, room - first.cell_length), (" │ ", "dim"), second)
    yield Content("")


def _answered(who: str, answer: Answer | None, width: int) -> Iterator[Content]:
    if answer is None:
        yield Content.styled(f"{who}: …", "dim")
        return
    end = "" if answer.stopped else " " + _("(did not end)")
    head = _("{who}, step {n}{end}").format(who=who, n=f"{answer.step:,}", end=end)
    yield Content.styled(cell(head, width).rstrip(), "$text-accent")
    said = _MANY_BREAKS.sub(lambda match: f"\n↵×{len(match[0])}\n", answer.text).strip("\n")
    yield from _wrapped(said or "∅", width, "", 12)


def _wrapped(text: str, width: int, style: str, most: int) -> list[Content]:
    """At most `most` lines of a text out of data."""
    lines = [
        each for part in block(text, limit=width * most).split("\n", allow_blank=True) for each in part.wrap(width)
    ]
    kept = [each.stylize(style) if style else each for each in lines[:most]]
    return [*kept[:-1], kept[-1] + Content("…")] if len(lines) > most and kept else kept


# What happened


def notes_content(stood: RunStood, snapshot: TrainSnapshot | None) -> Content:
    """The newest first: what went wrong, how it ended, warnings, checkpoints, pauses."""
    lines = list(_ending(stood, snapshot))
    for note in reversed(snapshot.notes if snapshot is not None else ()):
        at = time.strftime("%H:%M:%S", time.localtime(note["time"]))
        said, style = note_words(note)
        lines.append(Content.assemble((f"{at} ", "dim"), line(said, style=style, limit=500)))
    for change in snapshot.prepared.get("changes", ()) if snapshot is not None else ():
        lines.append(line(change, style="dim", limit=300))
    return Content("\n").join(lines) if lines else Content.styled(_("Nothing to report yet."), "dim")


def note_words(note: Mapping[str, Any]) -> tuple[str, str]:
    """An event in words, and its style."""
    kind = note["event"]
    if kind == "checkpoint_saved":
        said = _("checkpoint at step {n} saved: {mb} MB in {s} s").format(
            n=f"{note['step']:,}", mb=f"{note['bytes'] / 1e6:,.1f}", s=f"{note['seconds']:.1f}"
        )
        return said + (", " + _("the best so far") if note["best"] else ""), ""
    if kind == "resumed":
        refused = "; ".join(note["refused"])
        said = _("goes on from step {n}").format(n=f"{note['step']:,}")
        passed_over = _("Not used:")
        return (f"{said}. {passed_over} {refused}", "$text-warning") if refused else (said, "")
    if kind == "paused":
        words = _("paused after step {n}") if note["on"] else _("goes on after step {n}")
        return words.format(n=f"{note['step']:,}"), "$text-warning" if note["on"] else ""
    if kind == "run_stopped":
        return _("stopped; c goes on from here"), ""
    return "! " + f"{note['message']} {note.get('hint', '')}".strip(), (
        "$text-error" if kind == "run_failed" else "$text-warning"
    )


def _ending(stood: RunStood, snapshot: TrainSnapshot | None) -> Iterator[Content]:
    status, result = stood.status.value, stood.result
    if status == "finished" and result is not None:
        yield from ended_lines(result.summary)
    elif status == "crashed":
        yield Content.styled("! " + _("Its process was killed before it could end."), "$text-error")
        yield Content(_("c goes on from the newest whole checkpoint."))
        yield from (Content.assemble("│ ", line(each, limit=300)) for each in stood.log)
    elif status == "failed" and not (snapshot is not None and snapshot.run.error):
        said = f"{result.message} {result.hint}" if result is not None else ""
        yield line("! " + said, style="$text-error", limit=600)


def ended_lines(summary: Mapping[str, Any]) -> Iterator[Content]:
    """What came out of a finished run: losses before and after, the best step, where the weights are."""
    losses = summary.get("losses") or {}
    for split, name in (("validation", _("held out")), ("retention", _("retention"))):
        base, tuned = ((losses.get(who) or {}).get(split) for who in ("base", "tuned"))
        if base is None or tuned is None:
            continue
        better = tuned < base
        mark, sign, style = ("✓", "↓", "$text-success") if better else ("!", "↑", "$text-warning")
        said = _("{name}: loss {a} → {b}").format(name=name, a=short(base), b=short(tuned))
        change = abs(tuned - base) / max(base, 1e-9)
        yield Content.assemble((f"{mark} {said} ", "bold"), (f"{sign} {change:.0%}", style))
    if summary.get("best_step"):
        yield Content(_("The best step was {n}.").format(n=f"{summary['best_step']:,}"))
    if summary.get("weights"):
        yield Content.assemble(_("weights: "), (display(summary["weights"], limit=300), "bold"))
