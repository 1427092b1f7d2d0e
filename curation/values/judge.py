"""The judge: finds what a policy looks for in the turns of records, and weighs it by what stands around it.

A literal search over all turns at once (Aho-Corasick, in polars) leaves the few turns that hold a trigger. There each
rule's pattern is tried; what it finds is worth its weight, or EXCUSED times that where a context excuses it. A category's
score is the chance that not all of its strongest findings are wrong, were they independent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

import polars as pl

from curation.values.categories import CATEGORIES, Category
from curation.values.lexicon import Lexicon, Matcher, load_lexicon, matchers
from curation.values.policy import Policy
from curation.values.profanity import profanity

EXCUSED = 0.3  # what is left of a weight that a context excuses
STRONGEST = 3  # findings of a category that count in one message
FINDINGS = 20  # findings of one rule that are looked at in one message
NEAR = 200  # characters to each side that a `near` context may be away
OFFENSIVE = 0.5  # the classifier's probability from which on it adds to an insult's weight
SHARE = 0.6  # of what is missing to 1, this much is added at a probability of 1
_END = re.compile(r"[.!?。！？;；\n…]")
_QUOTES = re.compile(
    r"“[^”]{1,400}”|\"[^\"\n]{1,400}\"|「[^」]{1,400}」|『[^』]{1,400}』|《[^》]{1,100}》|«[^»]{1,400}»"
)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
SHORT = 6  # characters of a trigger that is only looked for where a word begins
_BEFORE = (
    " ",
    "\n",
    "\t",
    '"',
    "'",
    "(",
    "[",
    "-",
    "/",
    "*",
    "_",
    ",",
    ".",
    ":",
    ";",
    ">",
    "#",
    "“",
    "‘",
    "。",
    "，",
    "、",
)
_PROMPT = ("system", "user", "tool")

Turn = tuple[int, str, str]  # number, role, text
Places = dict[int, list[str]]  # the place of a rule, and those of its triggers that were found


@dataclass(frozen=True)
class Finding:
    """What was found in a record under one category. side: `prompt`, `answer`, `rejected` or `text`."""

    category: Category
    score: float
    rule: str
    side: str


@dataclass(frozen=True)
class Message:
    """One message of a record, normalised. answer: what was said to a prompt, "" if nothing was; else itself."""

    side: str
    text: str
    answer: str
    number: int


class Judge:
    """A policy, compiled. Made once a process; holds no text."""

    def __init__(self, policy: Policy) -> None:
        lexicons = [(name, load_lexicon(name)[0]) for name in policy.lexicons]
        self._rules: list[Matcher] = []
        for name, lexicon in lexicons:
            self._rules += matchers(_short(name), lexicon)
        self._classifier = policy.english_classifier
        self._by_trigger: dict[str, list[tuple[int, str]]] = {}
        for place, rule in enumerate(self._rules):
            for trigger in rule.triggers:
                for opening in _openings(trigger):
                    self._by_trigger.setdefault(opening, []).append((place, trigger))
        self._triggers = sorted(self._by_trigger)
        self._contexts = {name: _joined(lexicons, name) for name in policy.allow_contexts if name != "quotation"}
        self._quotation = "quotation" in policy.allow_contexts
        phrases = sorted((normalised(phrase) for phrase in policy.allow_phrases), key=len, reverse=True)
        self._allowed = re.compile("|".join(map(re.escape, phrases))) if phrases else None

    def findings(self, turns: pl.DataFrame) -> dict[str, list[Finding]]:
        """The best finding of each category, by record, for records where there is any. `turns`: of TURN_SCHEMA."""
        if not self._triggers or not turns.height:
            return {}
        content = pl.col("content")
        plain = pl.when(content.str.contains(r"[\x{ff01}-\x{ff5e}\x{200b}-\x{200f}\x{ad}\x{2019}]"))
        folded = plain.then(
            content.str.normalize("NFKC").str.replace_all("’", "'").str.replace_all(_HIDDEN.pattern, "")
        )
        texts = turns.select("record_id", "turn", text=pl.lit("\n") + folded.otherwise(content))
        hit = texts.filter(pl.col("text").str.contains_any(self._triggers, ascii_case_insensitive=True))
        if not hit.height:
            return {}
        wanted = hit.select(
            "record_id",
            "turn",
            found=pl.col("text").str.extract_many(self._triggers, ascii_case_insensitive=True, overlapping=True),
        )
        rules = {(record, turn): self._places(found) for record, turn, found in wanted.iter_rows()}
        records = turns.join(hit.select("record_id").unique(), on="record_id", how="semi", maintain_order="left")
        result = {}
        for record, chat in chats(records):
            found = self._record(record, chat, rules)
            if found:
                result[record] = found
        return result

    def _places(self, found: Sequence[str]) -> Places:
        """The rules that the found triggers belong to, by their places, each with its triggers."""
        places: Places = {}
        for opening in sorted(set(map(str.lower, found))):
            for place, trigger in self._by_trigger[opening]:
                places.setdefault(place, []).append(trigger)
        return places

    def _record(self, record: str, chat: Sequence[Turn], rules: dict[tuple[str, int], Places]) -> list[Finding]:
        best: dict[Category, Finding] = {}
        for message in messages(chat):
            for found in self._message(message, rules.get((record, message.number), {})):
                held = best.get(found.category)
                if held is None or found.score > held.score:
                    best[found.category] = found
        return [best[category] for category in CATEGORIES if category in best]

    def _message(self, message: Message, places: Places) -> Iterator[Finding]:
        """For each category the strongest rule that was found, with the score of all its findings together."""
        text = message.text
        if self._allowed is not None:
            text = self._allowed.sub(lambda found: " " * len(found[0]), text)
        found: dict[Category, dict[tuple[str, str], float]] = {}
        for place, triggers in sorted(places.items()):
            rule = self._rules[place]
            spots = (
                match for start, end in _spots(text, triggers) for match in rule.pattern.finditer(text, start, end)
            )
            for match in islice(spots, FINDINGS):
                weight = self._weigh(rule, match, text, message.answer)
                held = found.setdefault(rule.rule.category, {})
                key = (rule.name, match[0])
                held[key] = max(held.get(key, 0.0), weight)
        for category, weights in found.items():
            ordered = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
            wrong = 1.0
            for _, weight in ordered[:STRONGEST]:
                wrong *= 1.0 - weight
            if wrong < 1.0:
                yield Finding(category, round(1.0 - wrong, 4), ordered[0][0][0], message.side)

    def _weigh(self, rule: Matcher, match: re.Match[str], text: str, answer: str) -> float:
        start, end = _sentence(text, match.start(), match.end())
        sentence = text[start:end]
        if rule.unless is not None and rule.unless.search(sentence):
            return 0.0
        weight = rule.rule.weight
        if rule.rule.insult and self._classifier:
            offensive = profanity(sentence)
            weight += (1.0 - weight) * SHARE * max(0.0, offensive - OFFENSIVE) / (1.0 - OFFENSIVE)
        near = text[max(0, match.start() - NEAR) : match.end() + NEAR]
        reached = {"sentence": sentence, "near": near, "text": text, "answer": answer}
        for name in rule.excuses:
            if name == "quotation":
                if self._quotation and _quoted(text, match.start(), match.end()):
                    return weight * EXCUSED
            elif any(pattern.search(reached[reach]) for reach, pattern in self._contexts.get(name, ())):
                return weight * EXCUSED
        return weight


def _openings(trigger: str) -> list[str]:
    """A short word in Latin letters as it stands at the beginning of a word: "stab" is not looked for in "establish"."""
    if len(trigger) > SHORT or not trigger.isascii() or not trigger[0].isalnum():
        return [trigger]
    return [mark + trigger for mark in _BEFORE]


def chats(turns: pl.DataFrame) -> Iterator[tuple[str, list[Turn]]]:
    """The turns of each record, by its name; the turns of one record lie together in a batch."""
    rows = turns.select("record_id", "turn", "role", "content").iter_rows()
    for record, chat in groupby(rows, key=itemgetter(0)):
        yield record, [(turn, role, text) for _, turn, role, text in chat]


def messages(chat: Sequence[Turn]) -> Iterator[Message]:
    """The messages of one record in order. The answer to a prompt is the next turn that is no prompt."""
    turns = [(turn, role, normalised(text)) for turn, role, text in chat]
    for place, (turn, role, text) in enumerate(turns):
        side = "prompt" if role in _PROMPT else role if role in ("rejected", "text") else "answer"
        answer = text  # an answer or a text may refuse or support in its own words
        if side == "prompt":
            answer = next((said for _, other, said in turns[place + 1 :] if other not in _PROMPT), "")
        yield Message(side, text, answer, turn)


def normalised(text: str) -> str:
    """Lower case, full-width letters and typographic apostrophes made plain, invisible characters gone."""
    if not text.isascii():
        import unicodedata

        text = _HIDDEN.sub("", unicodedata.normalize("NFKC", text).replace("’", "'"))
    return text.lower()


def _short(name: str) -> str:
    """What the ledger calls a lexicon: its name, or its file's name."""
    return re.split(r"[\\/]", name)[-1].removesuffix(".yaml")


def _joined(lexicons: Sequence[tuple[str, Lexicon]], name: str) -> list[tuple[str, re.Pattern[str]]]:
    """The patterns of a context from every lexicon that has it: an English answer may refuse a Chinese prompt."""
    found: list[tuple[str, re.Pattern[str]]] = []
    for _, lexicon in lexicons:
        context = lexicon.contexts.get(name)
        if context is not None:
            found.append((context.reach, lexicon.compiled(context.pattern, name)))
    return found


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the sentence around a finding begins and ends, at most 300 characters away."""
    low = max(0, start - 300)
    before = [mark.end() for mark in _END.finditer(text, low, start)]
    after = _END.search(text, max(start, end - 1), end + 300)
    return (before[-1] if before else low), (after.end() if after else min(len(text), end + 300))


def _spots(text: str, triggers: Sequence[str]) -> list[tuple[int, int]]:
    """The sentences with a trigger in them, in order and without overlap; no more than FINDINGS for each trigger."""
    found = set()
    for trigger in triggers:
        at = text.find(trigger)
        for _ in range(FINDINGS):
            if at < 0:
                break
            start, end = _sentence(text, at, at + len(trigger))
            found.add((start, end))
            at = text.find(trigger, max(end, at + 1))
    spots: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if spots and start < spots[-1][1]:
            spots[-1] = (spots[-1][0], max(end, spots[-1][1]))
        else:
            spots.append((start, end))
    return spots


def _quoted(text: str, start: int, end: int) -> bool:
    """Whether a finding lies between quotation marks, with something said about it outside of them."""
    low, high = max(0, start - 400), end + 400
    for quote in _QUOTES.finditer(text, low, high):
        if quote.start() <= start and end <= quote.end():
            return len(text.strip()) - (quote.end() - quote.start()) >= 6
    return False
