"""What a template that is not ours does at the borders of an answer, learned by letting it write a made-up conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.template import guards, jinja
from training.template.errors import TemplateError


@dataclass(frozen=True)
class Learned:
    """stops: what ends a generated answer. ends: what is written after an answer, which differs in some templates
    between the last answer and earlier ones. missing_prompt: the header before an answer, where the template does not
    write it when asked for a generation prompt."""

    stops: tuple[str, ...]
    ends: tuple[str, ...]
    missing_prompt: str = ""


def learn(source: str, variables: Mapping[str, str], specials: tuple[str, ...], where: str) -> Learned:
    """Render and look. where: names the template in errors. Raises TemplateError where the template cannot teach a
    model to answer and stop."""
    question, answer, again = list(guards.unused([source], 3))
    asked = [{"role": "user", "content": question}]
    answered = [*asked, {"role": "assistant", "content": answer}]

    def render(chat: list[dict[str, str]], opened: bool = False) -> str:
        return jinja.render(source, chat, variables, generation_prompt=opened)[0]

    before, found, behind = render(answered).partition(answer)
    if not found:
        raise TemplateError(f"The template ({where}) leaves out answers.", "Take a built-in one, such as chatml.")
    try:
        between = render([*answered, {"role": "user", "content": again}]).partition(answer)[2].partition(again)[0]
    except TemplateError:
        between = behind  # a template for one exchange
    eos = variables["eos_token"]
    ends = _ends(_run(behind, specials), _run(between, specials), eos)
    if not ends:
        raise TemplateError(
            f"The template ({where}) writes no end mark after an answer: the model would not learn to stop.",
            "Write {{ eos_token }} after an answer, or take a built-in template, such as chatml.",
        )
    missing = ""
    opened = render(asked, opened=True)
    if opened == render(asked):
        header = before.rpartition(question)[2].removeprefix(opened.rpartition(question)[2])
        missing = header if header.strip() else ""  # nothing: the answer follows the question at once, as in Llama 2
    return Learned(tuple(dict.fromkeys((ends[0][-1], eos))), tuple(dict.fromkeys("".join(e) for e in ends)), missing)


def _run(text: str, specials: tuple[str, ...]) -> list[str]:
    """The special tokens at the beginning of a text, one after the other; white space before the first is skipped."""
    pattern = guards.pattern_of(specials)
    text, found = text.lstrip(), []
    while match := pattern.match(text):
        found.append(match.group())
        text = text[match.end() :]
    return found


def _ends(last: list[str], earlier: list[str], eos: str) -> list[list[str]]:
    """The tokens that end the last answer, and an earlier one. What both share belongs to the answer; what follows is
    the next header, or the end of the whole conversation."""
    shared: list[str] = []
    for one, other in zip(last, earlier, strict=False):
        if one != other:
            break
        shared.append(one)
    if shared:
        return [_up_to(shared, eos)]
    return [_up_to(run, eos) if eos in run else run[:1] for run in (last, earlier) if run] if last else []


def _up_to(run: list[str], eos: str) -> list[str]:
    return run[: run.index(eos) + 1] if eos in run else run
