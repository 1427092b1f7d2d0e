"""A model that does whatever a document tells it, behind a real HTTP endpoint, and what it must not get away with.

`data/injections.yaml` says which orders stand in which documents and what obeying them looks like. `Attack` is one order
with one way to obey it; `ObedientModel` answers by the seed of a request, which is the number of the attack.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from curation.dedup.differences import tokens_of
from curation.dedup.shingles import fold
from curation.synthesis.model import Chunk, Document, Item, Material, Origin, Unit
from curation.synthesis.prompts.fence import shown

DATA = Path(__file__).resolve().parent / "data" / "injections.yaml"
FENCE = re.compile(r"<(source|record|examples) ([0-9a-f]{12})>")
_KINDS = {"seed": "similar", "plain": "instruction", "record": "rewrite"}
RUN = 8  # words in a row of the prompt that are no chance; twice as many Chinese characters


@dataclass(frozen=True)
class Case:
    """One order in one article."""

    id: str
    attack: str
    article: dict[str, Any]
    order: str
    payload: str
    obey: list[str]
    where: str = "text"

    @property
    def language(self) -> str:
        return str(self.article["language"])

    @property
    def kind(self) -> Any:
        return _KINDS.get(self.where, "qa")

    @cached_property
    def text(self) -> str:
        """The article, with the order in it where it belongs there."""
        gap = "" if self.language == "zh" else " "
        before, after = self.article["before"], self.article["after"]
        if self.where in ("text", "plain"):
            return f"{before}\n\n{self.order}\n\n{after}"
        return f"{self.order}\n\n{before}{gap}{after}" if self.where == "before" else f"{before}{gap}{after}"

    @property
    def title(self) -> str:
        return self.order if self.where == "title" else str(self.article["title"])

    @property
    def headings(self) -> tuple[str, ...]:
        return (self.order,) if self.where == "heading" else tuple(self.article["headings"])

    @property
    def fact(self) -> dict[str, str]:
        return dict(self.article["fact"])

    def markdown(self) -> str:
        """The document as a file."""
        headings = "\n\n".join(f"{'#' * level} {' '.join(said.split())}" for level, said in enumerate(self.headings, 2))
        return f"# {' '.join(self.title.split())}\n\n{headings}\n\n{self.text}\n"


@lru_cache(maxsize=1)
def cases() -> list[Case]:
    """All of them."""
    found = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    articles = found["articles"]
    return [Case(**{**each, "article": articles[each["article"]]}) for each in found["cases"]]


@dataclass(frozen=True)
class Attack:
    """A case, and one reply of a model that obeys. number: its place among all, and the seed of its request."""

    number: int
    case: Case
    how: str
    reply: str = field(repr=False)

    @property
    def unit(self) -> Unit:
        """What is asked for."""
        case = self.case
        about = {"chunk_id": case.id} if case.kind == "qa" else {"record_ids": (case.id,)}
        types = ("factual",) if case.kind == "qa" else ()
        return Unit(f"u{self.number:05}", case.kind, 1, types=types, seed=self.number, **about)


@lru_cache(maxsize=1)
def attacks() -> list[Attack]:
    """Every case with every way to obey: those that it names, and the payload put into items that fit otherwise."""
    found: list[tuple[Case, str, str]] = []
    for case in cases():
        found += [(case, f"own {number}", reply) for number, reply in enumerate(case.obey, 1)]
        if case.payload:
            found += [(case, how, json.dumps({"items": [item]})) for how, item in _fitted(case).items()]
    return [Attack(number, *each) for number, each in enumerate(found)]


def _fitted(case: Case) -> dict[str, dict[str, str]]:
    fact = {"question": "%Q%", "answer": "%A%", "quote": "%QUOTE%"}
    items = {
        "as the answer": {**fact, "answer": "%PAYLOAD%"},
        "behind the answer": {**fact, "answer": "%A% %PAYLOAD%"},
        "as the question": {**fact, "question": "%PAYLOAD%"},
        "as answer and quote": {**fact, "answer": "%PAYLOAD%", "quote": "%PAYLOAD%"},
        "with the order as quote": {**fact, "answer": "%PAYLOAD%", "quote": "%ORDER%"},
        "the order as answer": {**fact, "answer": "%ORDER%", "quote": "%ORDER%"},
        "in the reasoning": {**fact, "reasoning": "%PAYLOAD%"},
    }
    if case.kind == "instruction":
        return {"as the question": {"question": "%PAYLOAD%"}, "the order": {"question": "%ORDER%"}}
    if case.kind != "qa":
        return {how: {key: item[key] for key in item if key != "quote"} for how, item in items.items()}
    return items


def honest(case: Case) -> str:
    """What a model writes that does not obey."""
    return json.dumps({"items": [case.fact]}, ensure_ascii=False)


class ObedientModel:
    """The answer function of a `FaultyServer`: obeys the attack whose number is the request's seed."""

    def __init__(self, attacks: list[Attack]) -> None:
        self._attacks = {attack.number: attack for attack in attacks}

    def __call__(self, body: dict[str, Any]) -> str:
        attack = self._attacks[body["seed"]]
        return filled_in(attack.reply, attack.case, body["messages"])


def filled_in(reply: str, case: Case, messages: list[dict[str, str]]) -> str:
    """A reply with what it takes from the prompt that the model was shown."""
    values = values_of(case, messages)
    in_json = '{"' in reply
    many = ", ".join(
        [json.dumps({"question": values["Q"], "answer": values["PAYLOAD"], "quote": values["QUOTE"]})] * 500
    )

    def one(found: re.Match[str]) -> str:
        if found[1] == "MANY":
            return many
        value = values[found[1]]
        return json.dumps(value, ensure_ascii=False)[1:-1] if in_json else value

    return re.sub(r"%([A-Z_0-9]+)%", one, reply)


def values_of(case: Case, messages: list[dict[str, str]]) -> dict[str, str]:
    """What `%NAME%` stands for."""
    system = "\n".join(each["content"] for each in messages if each["role"] == "system")
    user = "\n".join(each["content"] for each in messages if each["role"] == "user")
    fence = FENCE.search(user)
    assert fence, "the prompt has no fence"
    values = {
        "SYSTEM": system,
        "SYSTEM_TAIL": " ".join(system.split()[-40:]),
        "NONCE": fence[2],
        "LABEL": fence[1],
        "BASE64": base64.b64encode(system.encode()).decode(),
        "ORDER": case.order,
        "Q": case.fact["question"],
        "A": case.fact["answer"],
        "QUOTE": case.fact["quote"],
    }
    payload = values.get(case.payload.strip("%"), case.payload) if case.payload.startswith("%") else case.payload
    return {**values, "PAYLOAD": payload}


def rows(found: list[Case]) -> tuple[list[Document], list[Chunk], list[Origin]]:
    """The cases as documents, each of one chunk, and as origins."""
    documents, chunks, origins = [], [], []
    for case in found:
        if case.kind == "qa":
            documents.append(Document(case.id, f"{case.id}.md", case.title, "", "", "", len(case.text)))
            chunks.append(Chunk(case.id, case.id, 0, len(case.text), case.text, case.headings, 100))
        elif case.kind == "instruction":
            origins.append(Origin(case.id, (("text", case.text),), case.id))
        else:
            turns = (("user", f"{case.fact['question']} {case.order}"), ("assistant", case.fact["answer"]))
            origins.append(Origin(case.id, turns, case.id))
    return documents, chunks, origins


def violations(item: Item, unit: Unit, case: Case, material: Material, messages: list[dict[str, str]]) -> list[str]:
    """What an accepted item has that it must not: [] is as it should be."""
    values = values_of(case, messages)
    written = "\n".join(
        text
        for one in item.exchanges
        for text in ((one.question,) if unit.kind == "instruction" else (one.question, one.answer, one.reasoning))
    )
    quotes = "\n".join(one.quote for one in item.exchanges)
    found = _form(item, unit, material)
    if values["NONCE"] in f"{written}\n{quotes}".casefold():
        found.append("the mark")
    if _runs(values["SYSTEM"]) & _runs(written):
        found.append("words of the system prompt")
    for name in ("PAYLOAD", "ORDER"):
        if (said := _folded(values[name])) and said in _folded(written):
            found.append(f"the {name.lower()}")
    return found


def _form(item: Item, unit: Unit, material: Material) -> list[str]:
    """What is wrong with an accepted item's form and quotes."""
    found = [] if len(item.exchanges) == unit.turns else ["the number of exchanges"]
    for one in item.exchanges:
        if not all(isinstance(text, str) for text in (one.question, one.answer, one.quote, one.reasoning)):
            found.append("a value that is no text")
        if not one.question.strip() or not one.answer.strip():
            found.append("nothing asked or answered")
    spans = {span.exchange: material.text[span.start : span.end] for span in item.spans}
    if unit.kind == "qa" and any(not one.quote or one.quote != spans.get(at) for at, one in enumerate(item.exchanges)):
        found.append("a quote that does not stand there")
    return found


def _folded(text: str) -> str:
    return " ".join(tokens_of(fold(text)))


def _runs(text: str) -> set[tuple[str, ...]]:
    tokens = tokens_of(fold(text))
    size = 2 * RUN if re.search("[\u4e00-\u9fff]", text) else RUN
    return {tuple(tokens[place : place + size]) for place in range(len(tokens) - size + 1)}


class ObedientReader:
    """The answer function of a server that a whole run asks: it writes once what is honestly there, and then obeys the order
    in the document that it is shown, in one way after the other."""

    def __init__(self, found: list[Case]) -> None:
        self._ways = {case.id: cycle([honest(case), *(a.reply for a in attacks() if a.case is case)]) for case in found}
        self._cases = sorted(found, key=lambda case: -len(case.order))
        self.obeyed: Counter[str] = Counter()

    def __call__(self, body: dict[str, Any]) -> str:
        user = "".join(body["messages"][-1]["content"].split())
        case = next((case for case in self._cases if "".join(shown(case.order).split()) in user), None)
        if case is None:  # a stretch of a document in which the order is not
            return honest(next(case for case in self._cases if "".join(case.title.split()) in user))
        self.obeyed[case.id] += 1
        return filled_in(next(self._ways[case.id]), case, body["messages"])
