"""All rules over many answers: cheap tests on columns say which answers a rule has to look at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from typing import cast

import polars as pl

from curation.machine.answer import Answer
from curation.machine.boilerplate import boilerplate
from curation.machine.endings import counting_loop, truncated
from curation.machine.finding import Finding, Reason
from curation.machine.leakage import prompt_leak
from curation.machine.placeholders import placeholder
from curation.machine.rulebook import Rulebook, rulebook
from curation.machine.speech import refusal, self_description
from curation.machine.translation import translation
from curation.stages.heuristics.loops import looping
from curation.stages.heuristics.scripts import HAN

Rule = Callable[[Answer, Rulebook, Container[str]], Finding | None]

# Letters of other scripts than Latin and Han: a text that has more than a few is not looked at.
_OTHER_SCRIPTS = r"[\p{Hiragana}\p{Katakana}\p{Hangul}\p{Cyrillic}\p{Arabic}\p{Thai}\p{Devanagari}\p{Hebrew}\p{Greek}]"
_MOST_OTHER = 0.1
# Signs of a cut end that end otherwise like a sentence: a number of a list, a bullet.
_BARE = r"\n\s*(?:\d{1,2}[.)]|[-*•+]|[（(]?\d{1,2}[)）])\s*$"
# Marks alone are a loop only in such numbers.
_MARKS = r"[!?！？]{30,}\s*$"
_TAIL = 64  # characters at the end in which such signs are looked for
_ENDED = r"[.!?。！？…”’」』)）\]】>*|~\"'；;]$"
_FENCE = "```"
# A text in Latin letters counts as another language if the classifier is this sure, of at least so many characters.
_SURE = 0.7
_LEAST_CHARS = 40


def judge(
    texts: pl.Series,
    prompts: pl.Series,
    reasons: Collection[Reason],
    off: Container[str],
    loop_repeats: int,
    loop_chars: int,
) -> list[list[Finding]]:
    """What the rules of `reasons` find in each text; rules named in `off` (as reason.rule) are not asked."""
    book = rulebook()
    found: list[list[Finding]] = [[] for _ in texts]
    answers: dict[int, Answer] = {}

    def ask(rows: pl.Series, rule: Rule) -> None:
        for row in rows.arg_true().to_list():
            if row not in answers:
                answers[row] = Answer(texts[row], prompts[row])
            finding = rule(answers[row], book, off)
            if finding and finding.reason in reasons:
                found[row].append(finding)

    alive = _readable(texts)
    if "looping" in reasons:
        _loops(texts, prompts, alive, off, loop_repeats, loop_chars, found)
        ask(alive & (texts.str.count_matches("\n") >= 7), lambda answer, _, skip: counting_loop(answer, skip))
    for reason, rule in _WORDED.items():
        wanted = {"refusal", "disclaimer"} if rule is self_description else {reason}
        if wanted & set(reasons):
            cued = texts.str.contains_any(list(book.cues[reason]), ascii_case_insensitive=True)
            ask(alive & cued, rule)
    if "translation" in reasons:
        ask(alive & _mixed(texts, prompts), translation)
    if "truncated" in reasons:
        tails = texts.str.strip_chars_end().str.tail(_TAIL)
        ends = tails.str.contains(_ENDED) & ~tails.str.contains(_BARE)
        ask(alive & (~ends | texts.str.contains(_FENCE, literal=True) | texts.str.contains(r"^\s*[{\[]")), truncated)
    _spare_other_languages(texts, found)
    return [_once(findings) for findings in found]


_WORDED: dict[str, Rule] = {
    "refusal": refusal,
    "disclaimer": self_description,
    "prompt_leak": prompt_leak,
    "placeholder": placeholder,
    "boilerplate": boilerplate,
}


def _loops(
    texts: pl.Series,
    prompts: pl.Series,
    alive: pl.Series,
    off: Container[str],
    repeats: int,
    chars: int,
    found: list[list[Finding]],
) -> None:
    if "looping.end" in off:
        return
    asked = rulebook().contexts["repeating"]
    loops = looping(texts, repeats, chars)
    marks = texts.str.tail(_TAIL).str.contains(_MARKS)
    for row in ((loops["repeats"].is_not_null() | marks) & alive).arg_true().to_list():
        worded = any(character.isalpha() for character in texts[row][-40:])
        if (worded or marks[row]) and not asked.search(prompts[row]):
            times = loops["repeats"][row]
            found[row].append(Finding("looping", "end", None if times is None else float(times), float(repeats)))


def _mixed(texts: pl.Series, prompts: pl.Series) -> pl.Series:
    """Texts with an entity, a note, marks of the other width, or letters of a script the prompt has not, or both."""
    han = texts.str.contains(f"[{HAN}]")
    asked = prompts.str.contains(f"[{HAN}]")
    latin = texts.str.contains(r"[a-z]{2,},? [a-z]{2,}")
    odd = texts.str.contains(
        r"&#?\w{2,8};|(?i)translated|note:|译|&[a-z]\)|\$[sd]|翻译|[A-Za-z0-9][，。；]|\p{Han}[,.]"
    )
    return odd | (han & latin) | (han & ~asked) | (latin & asked)


def _readable(texts: pl.Series) -> pl.Series:
    """Texts that are not mainly in a script that neither English nor Chinese is written in."""
    wide = texts.str.len_bytes() > texts.str.len_chars()
    text = pl.col("text")
    share = text.str.count_matches(_OTHER_SCRIPTS) / text.str.count_matches(r"\p{L}")
    others = pl.DataFrame({"text": texts}).with_row_index("row").filter(wide).filter(share > _MOST_OTHER)
    return ~pl.int_range(len(texts), dtype=pl.UInt32, eager=True).is_in(others["row"].implode())


def _spare_other_languages(texts: pl.Series, found: list[list[Finding]]) -> None:
    """Take back what was found in texts that are in Latin letters but surely not English."""
    rows = [row for row, findings in enumerate(found) if findings and len(texts[row]) >= _LEAST_CHARS]
    if not rows:
        return
    from curation.language.detect import detect_languages

    guesses = detect_languages(texts.gather(rows))
    for row, language, score in zip(rows, guesses["language"], guesses["language_score"], strict=True):
        if language not in ("en", "zh", "unknown") and score >= _SURE:
            found[row].clear()


def _once(findings: list[Finding]) -> list[Finding]:
    """The first finding of each reason."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(cast("str", finding.reason), finding)
    return list(first.values())
