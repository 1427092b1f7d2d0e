"""A corpus in which it is known what is wrong: real questions and answers, some of them spoiled, some said twice.

Kinds, the same number of each: swapped (answers of spoiled records go round among them), truncated (cut at a blank or an
ideograph between 30 % and 85 %), off_topic (the answer of a record that is not in the corpus), contradicting (a second
record that asks the same and says the same in other words, but for another number, a denial or an opposite). As many records
again and again ask something a second time and are answered as before in other words; those are not spoiled.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

KINDS = ("swapped", "truncated", "off_topic", "contradicting")
LANGUAGES = ("en", "zh")
# Digests of the prompts whose answers break off in the source, among those that `signals` noted; read by hand.
CUT_IN_SOURCE = frozenset(
    (
        "32158992 46a7020d 49b6a209 4bf46189 60228272 6635f3f6 678bc8fb 6b0aa84b 734b74f5 8bb2c014 91539386 9182e9d3 "
        "9d2140b2 da035b99 e35212f4 e6df6566 f19e4277 f4d91e25 fc207a44"
    ).split()
)


@dataclass(frozen=True)
class Planted:
    """One record. kind: how it was spoiled, "" if it was not. twin: number of the record that asks the same, or -1."""

    prompt: str
    answer: str
    language: str
    kind: str = ""
    twin: int = -1
    half: int = 0
    cut: bool = False  # it breaks off in the source already


def sources(folder: Path) -> list[Planted]:
    """Every question with an answer in the data kept beside the project, each once."""
    found: dict[str, Planted] = {}
    for language, name in (("en", "alpaca_en_demo"), ("zh", "alpaca_zh_demo")):
        for told in json.loads((folder / "llamafactory" / f"{name}.json").read_text("utf-8")):
            _add(found, f"{told['instruction']}\n{told.get('input') or ''}", told["output"], language)
    for told in json.loads((folder / "llamafactory" / "dpo_en_demo.json").read_text("utf-8")):
        _add(found, "\n".join(turn["value"] for turn in told["conversations"]), told["chosen"]["value"], "en")
    for line in (folder / "self_instruct" / "seed_tasks.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        first = told["instances"][0]
        _add(found, f"{told['instruction']}\n{first['input']}", first["output"], "en")
    return list(found.values())


def written(folder: Path) -> list[Planted]:
    """The good answers among the labelled cases of `machine_text`, which were written for the project."""
    found: dict[str, Planted] = {}
    for line in (folder / "machine_text.jsonl").read_text("utf-8").splitlines():
        told = json.loads(line)
        if told["reason"] is None and "truncated" not in told["near"]:
            _add(found, told["prompt"], told["answer"], told["language"])
    return list(found.values())


def shipped(folder: Path) -> list[Planted]:
    """The clean questions and answers among the sample data of the repository."""
    found: dict[str, Planted] = {}
    for line in (folder / "support_desk.jsonl").read_text("utf-8").splitlines():
        if '"shows": "clean"' in line:
            turns = [turn["content"] for turn in json.loads(line)["messages"]]
            _add(found, turns[0], turns[-1], "en")
    for told in csv.DictReader((folder / "qa_zh.csv").read_text("utf-8").splitlines()):
        if told["shows"] == "clean":
            _add(found, told["问题"], told["答案"], "zh")
    for told in json.loads((folder / "alpaca_mixed.json").read_text("utf-8")):
        if told["shows"] == "clean":
            _add(found, f"{told['instruction']}\n{told.get('input') or ''}", told["output"], told["language"])
    return list(found.values())


def _add(found: dict[str, Planted], prompt: str, answer: str, language: str) -> None:
    prompt, answer = prompt.strip(), answer.strip()
    if prompt and answer:
        found.setdefault(prompt, Planted(prompt, answer, language, cut=digest(prompt) in CUT_IN_SOURCE))


def digest(prompt: str) -> str:
    """Names a prompt without saying it."""
    return hashlib.blake2b(prompt.encode(), digest_size=4).hexdigest()


def planted(records: Sequence[Planted], size: int, spoiled: int, seed: int) -> list[Planted]:
    """`size` records with `spoiled` spoiled ones, in two halves that share no question; in an order that tells nothing."""
    draw = random.Random(seed)
    pool = list(records)
    draw.shuffle(pool)
    wanted = {
        (kind, language): spoiled // 8 + (number % 2 if spoiled % 8 else 0)
        for number, (kind, language) in enumerate((k, lang) for k in KINDS for lang in LANGUAGES)
    }
    wanted["contradicting", "zh"] += spoiled - sum(wanted.values())
    aside, kept = _set_aside(pool, wanted)
    kept = [replace(record, half=draw.randrange(2)) for record in kept]
    made = _spoiled(kept, aside, wanted, draw)
    made += _said_again(made, wanted, size - len(made), draw)
    order = list(range(len(made)))
    draw.shuffle(order)
    places = {old: new for new, old in enumerate(order)}
    return [replace(made[old], twin=places.get(made[old].twin, -1)) for old in order]


def _set_aside(pool: list[Planted], wanted: dict[tuple[str, str], int]) -> tuple[list[Planted], list[Planted]]:
    """Records that lend their answers to others and are not in the corpus themselves, and the rest."""
    left = {language: wanted["off_topic", language] for language in LANGUAGES}
    aside: list[Planted] = []
    kept: list[Planted] = []
    for record in pool:
        if left[record.language] and len(record.answer) >= 20:
            left[record.language] -= 1
            aside.append(record)
        else:
            kept.append(record)
    return aside, kept


def _spoiled(
    kept: list[Planted], aside: list[Planted], wanted: dict[tuple[str, str], int], draw: random.Random
) -> list[Planted]:
    made = list(kept)
    for language in LANGUAGES:
        lent = [record.answer for record in aside if record.language == language]
        for half in (0, 1):
            free = [n for n, record in enumerate(made) if (record.language, record.half) == (language, half)]
            draw.shuffle(free)

            def take(kind: str, able: Callable[[Planted], bool]) -> list[int]:
                total = wanted[kind, language]  # noqa: B023
                number = total // 2 if half else total - total // 2  # noqa: B023
                found = [n for n in free if able(made[n])][:number]  # noqa: B023
                free[:] = [n for n in free if n not in set(found)]  # noqa: B023
                return found

            swapped = take("swapped", lambda _: True)
            answers = [made[n].answer for n in swapped]
            for place, number in enumerate(swapped):
                made[number] = replace(made[number], answer=answers[place - 1], kind="swapped", cut=False)
            for number in take("truncated", lambda record: len(record.answer) >= 30):
                made[number] = replace(made[number], answer=cut(made[number].answer, draw), kind="truncated", cut=False)
            for number in take("off_topic", lambda _: True):
                made[number] = replace(made[number], answer=lent.pop(), kind="off_topic", cut=False)
    return made


def cut(answer: str, draw: random.Random) -> str:
    """The beginning of an answer, up to a blank or an ideograph somewhere between 30 % and 85 % of it."""
    place = int(len(answer) * draw.uniform(0.3, 0.85))
    while place < len(answer) - 1 and not (answer[place].isspace() or "\u4e00" <= answer[place] <= "\u9fff"):
        place += 1
    return answer[:place].rstrip()


def _said_again(
    made: list[Planted], wanted: dict[tuple[str, str], int], number: int, draw: random.Random
) -> Iterator[Planted]:
    """Second records: the contradicting ones, and as many more as there is room for that agree."""
    told: list[Planted] = []
    used: set[int] = set()
    order = [n for n, record in enumerate(made) if not record.kind]
    draw.shuffle(order)
    for language in LANGUAGES:
        left = wanted["contradicting", language]
        for place in order:
            record = made[place]
            if not left:
                break
            if record.language == language and (answer := contradicted(record.answer, language, draw)):
                prompt, answer = reworded(record.prompt, language, draw), restated(answer, language, draw)
                told.append(replace(record, prompt=prompt, answer=answer, kind="contradicting", twin=place))
                used.add(place)
                left -= 1
    for place in order:
        if len(told) == number:
            break
        record = made[place]
        if place not in used and (answer := restated(record.answer, record.language, draw)) != record.answer:
            told.append(
                replace(record, prompt=reworded(record.prompt, record.language, draw), answer=answer, twin=place)
            )
    return iter(told)


_VERBS = {
    "Explain": "Describe", "Describe": "Explain", "Give": "Provide", "List": "Name", "Write": "Compose", "Create": "Make",
    "Generate": "Produce", "Provide": "Give", "Identify": "Find", "Suggest": "Propose", "Summarize": "Sum up",
}  # fmt: skip
_VERBS_ZH = {
    "解释": "说明", "列出": "列举", "描述": "叙述", "生成": "写出", "创建": "制作", "编写": "写", "提供": "给出", "给出": "提供",
    "撰写": "写", "总结": "概括", "写": "撰写",
}  # fmt: skip
_FRAMES = ("Please {q}", "I need this done: {Q}", "{Q} Thank you.", "Could you help me with this? {Q}", "{Q}")
_FRAMES_ZH = ("请{q}", "麻烦你{q}", "帮我一个忙：{q}", "{q}谢谢。", "{q}")


def reworded(prompt: str, language: str, draw: random.Random) -> str:
    """The same question in other words."""
    first, _, rest = prompt.partition("\n")
    verbs = _VERBS if language == "en" else _VERBS_ZH
    for verb, other in verbs.items():
        if first.startswith(verb if language == "zh" else f"{verb} "):
            first = other + first[len(verb) :]
            break
    frame = draw.choice(_FRAMES if language == "en" else _FRAMES_ZH)
    lower = first if first[:2].isupper() else first[:1].lower() + first[1:]
    told = frame.format(q=lower, Q=first)
    return f"{told}\n{rest}" if rest else told


_LEADS = ("Sure. ", "Here is my answer. ", "Of course. ", "Happy to help. ")
_LEADS_ZH = ("好的。", "当然可以。", "以下是我的回答。", "没问题。")
_SAME = {
    "important": "significant", "help": "assist", "large": "big", "many": "numerous", "use": "make use of", "also": "as well",
    "such as": "like", "because": "since", "however": "yet", "often": "frequently", "show": "display", "people": "persons",
}  # fmt: skip
_SAME_ZH = {
    "重要": "要紧",
    "帮助": "协助",
    "因此": "所以",
    "例如": "比如",
    "许多": "很多",
    "非常": "十分",
    "使用": "运用",
    "提供": "给出",
}
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s)|[。！？]|$)\s*", re.DOTALL)


def restated(answer: str, language: str, draw: random.Random) -> str:
    """The same answer in other words: a word for another, a sentence fewer at the end, and a lead-in."""
    told = answer
    for word, other in (_SAME if language == "en" else _SAME_ZH).items():
        told = re.sub(rf"\b{word}\b", other, told) if language == "en" else told.replace(word, other)
    parts = _SENTENCE.findall(told)
    if len(parts) >= 4 and "\n" not in told and draw.random() < 0.5:
        told = "".join(parts[:-1]).rstrip()
    if draw.random() < 0.5 and len(parts) >= 2 and "`" not in told:
        told = draw.choice(_LEADS if language == "en" else _LEADS_ZH) + told
    return told


_OPPOSITES = [
    ("increase", "decrease"), ("more", "less"), ("high", "low"), ("always", "never"), ("before", "after"), ("best", "worst"),
    ("first", "last"), ("positive", "negative"), ("can", "cannot"), ("easy", "difficult"), ("hot", "cold"), ("true", "false"),
    ("large", "small"), ("improve", "worsen"), ("strong", "weak"), ("healthy", "unhealthy"), ("north", "south"),
]  # fmt: skip
_OPPOSITES_ZH = [
    ("增加", "减少"), ("提高", "降低"), ("更多", "更少"), ("最大", "最小"), ("之前", "之后"), ("容易", "困难"), ("优点", "缺点"),
    ("正确", "错误"), ("最好", "最坏"), ("积极", "消极"), ("有利", "不利"), ("开始", "结束"),
    ("健康", "不健康"), ("重要", "无关紧要"),
]  # fmt: skip
_COPULA = re.compile(r"\b(is|are|was|were|should|will|must)\b(?! not\b|n't)")
_COPULA_ZH = re.compile(r"(?<![不没可就还也都或于但总])(是|能够|可以|应该|需要)(?![不否没])")
_NUMBER = re.compile(r"(?<![\w.\n])(?<!^)\d{1,4}(?![\w.)、．:：/])")


def contradicted(answer: str, language: str, draw: random.Random) -> str:
    """The answer with one claim of its first three sentences turned round, or "" where none can be."""
    parts = _SENTENCE.findall(answer)
    ways = [_number, _denied, _opposite]
    draw.shuffle(ways)
    for way in ways:
        for place, part in enumerate(parts[:3]):
            if (told := way(part, language, draw)) != part:
                return "".join([*parts[:place], told, *parts[place + 1 :]])
    return ""


def _number(part: str, language: str, draw: random.Random) -> str:
    return _NUMBER.sub(lambda found: str(int(found[0]) * draw.choice((2, 3)) + draw.choice((1, 3, 7))), part, count=1)


def _denied(part: str, language: str, draw: random.Random) -> str:
    return _COPULA.sub(r"\1 not", part, count=1) if language == "en" else _COPULA_ZH.sub(r"不\1", part, count=1)


def _opposite(part: str, language: str, draw: random.Random) -> str:
    pairs = list(_OPPOSITES if language == "en" else _OPPOSITES_ZH)
    draw.shuffle(pairs)
    for one, other in pairs:
        pattern = rf"\b{one}\b" if language == "en" else f"(?<!不){one}"
        if re.search(pattern, part):
            return re.sub(pattern, other, part, count=1)
    return part
