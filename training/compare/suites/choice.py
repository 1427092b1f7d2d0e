"""Multiple choice: four things, one of which is of the kind that is asked for."""

from __future__ import annotations

import random
import re

from training.compare.suites.words import KINDS, plain

_LETTERS = "ABCD"
_LEAD = re.compile(
    r"""\W*(?:(?:the\s+)?(?:correct\s+|right\s+)?(?:answer|option|choice)(?:\s+is)?|(?:正确)?答案(?:是|为)?|应?选择?)?
    \s*:?\s*["'(\[*]*(?P<letter>[A-D])["')\]*]*(?=[.,:;!)。、]|\s*$|\s*\n)""",
    re.VERBOSE | re.IGNORECASE,
)
_MARKED = re.compile(r"(?<![\w'])([A-D])(?=[.):、])|[(\[*]([A-D])[)\]*]")


def make(draw: random.Random, language: str, number: int) -> tuple[str, str]:  # noqa: ARG001 - as every suite
    """The right letter is drawn, so each is right as often."""
    kinds = sorted(KINDS[language])
    wanted = draw.choice(kinds)
    others = draw.sample([kind for kind in kinds if kind != wanted], 3)
    things = [draw.choice(KINDS[language][kind]) for kind in others]
    right = draw.randrange(4)
    things.insert(right, draw.choice(KINDS[language][wanted]))
    options = "\n".join(f"{letter}. {thing}" for letter, thing in zip(_LETTERS, things, strict=True))
    if language == "zh":
        return f"下列哪一个是{wanted}？\n{options}\n只回答字母。", _LETTERS[right]
    article = "an" if wanted[0] in "aeiou" else "a"
    return f"Which of these is {article} {wanted}?\n{options}\nAnswer with the letter only.", _LETTERS[right]


def is_right(answer: str, expected: str, question: str) -> bool:
    """It begins with one letter, alone or as `(B)`, `B.`, `The answer is B`; or is just the thing's name.

    Whoever lists several letters has not chosen.
    """
    said = plain(answer)
    options: dict[str, str] = dict(re.findall(r"^([A-D])\. (.+)$", question, re.MULTILINE))
    lead = _LEAD.match(said)
    if lead is None:
        named = said.strip("\"'.*。 ").casefold()
        return named == options[expected].casefold()
    letter = lead["letter"].upper()
    marked = {first or second for first, second in _MARKED.findall(said)}
    return letter == expected and marked <= {letter}
