"""A corpus with known duplicates, over real sentences: what was copied from what, and the exact similarity of the two.

Everything but the sentences is planted by seed. Kinds:

base        1 to 40 different sentences; none has a Jaccard similarity of .5 or more with another base (checked)
exact       a base again, unchanged
near        a base with slips: typos, words swapped, deleted, inserted, replaced, sentences in another order. Numbers
            and negations are left alone and none is brought in: a record with another number is not a copy. Below 30
            words the slips are typos, doubled words and other punctuation and case
reworded    a base of less than 30 words with a word swapped, deleted, inserted or replaced. Whether it is a copy
            (`please`) or another record (`Java` for `Python`) no one can tell, so it counts neither way; it is listed
number      a base of 20 to 60 words with one of its numbers changed: another record
template    families of 25 records made from one template, with different fillings: different records
preamble    200 records that share a long preamble and differ in an answer of 15 to 30 words: different records

Similarity is that of the sets of token 3-grams, where a token is a word or, in Han and kana text, a character.
Nothing here is shared with the program that is measured.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from corpus import sentences
from scipy import sparse

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
NEGATIONS = set("not no never none neither nor without cannot can't don't doesn't isn't 不 没 无 非 未 勿 别".split())
SHORT = 30  # words; two ideographs are one
SLIPS = ("typo", "swap", "delete", "insert", "replace")
SMALL = ("typo", "double", "layout")
DISTINCT = 0.5  # two bases less similar than this are different records

TEMPLATES = {
    "en": [
        "Write a poem about {}.",
        "Write a short and cheerful story for children about {}, please.",
        "Explain to a beginner what {} is, why it matters, and give three examples from daily life.",
        "You are an experienced teacher. Prepare a lesson of forty minutes about {} for a class of twelve-year-old "
        "pupils. Start with a question that wakes their curiosity, go on with two activities in small groups, and end with a "
        "short test of five questions. Give the answers to the test in a separate list and keep to plain words.",
        "Summarise the following message in one sentence and say who should deal with it. Message: I have been waiting "
        "for my order of {} since the beginning of the month, nobody answers the telephone, and I should like to have "
        "my money back or at least to be told when it will be sent.",
    ],
    "zh": [
        "请写一首关于{}的诗。",
        "请用通俗的语言向初学者解释什么是{}，并举三个日常生活中的例子。",
        "你是一位经验丰富的老师。请为初中学生准备一节四十分钟的课，主题是{}。先提出一个能引起兴趣的问题，然后安排两个小组活动，"
        "最后出五道小测验题，并把答案单独列出来。请使用简单的词语。",
    ],
}
FILLINGS = {
    "en": (
        "love,war,autumn,bicycles,rivers,friendship,snow,trains,bread,volcanoes,chess,bees,music,taxes,glass,islands,"
        "mirrors,coffee,whales,deserts,robots,clocks,bridges,gardens,thunder"
    ).split(","),
    "zh": (
        "爱情,战争,秋天,自行车,河流,友谊,雪,火车,面包,火山,象棋,蜜蜂,音乐,税收,玻璃,岛屿,镜子,咖啡,鲸鱼,沙漠,机器人,时钟,桥梁,花园,雷声"
    ).split(","),
}


@dataclass(frozen=True)
class Record:
    """A record and its truth. `group` is the number of the base it says the same as; copies share it."""

    text: str
    kind: str
    group: int
    jaccard: float = 1.0


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The set of token 3-grams."""
    tokens = TOKEN.findall(text.lower())
    return frozenset(zip(tokens, tokens[1:], tokens[2:], strict=False)) or frozenset([tuple(tokens)])


def jaccard(one: str, other: str) -> float:
    """The exact similarity of two texts."""
    ours, theirs = shingles(one), shingles(other)
    return len(ours & theirs) / len(ours | theirs)


def make(count: int, language: str = "en", seed: int = 7, checked: bool = True) -> list[Record]:
    """About `count` records in random order: `language` is en, or mixed (half English, half Chinese).

    checked: bases are compared with each other, which takes time with the square of their number.
    """
    draw = random.Random(seed)
    languages = ["en"] if language == "en" else ["en", "zh"]
    special = [record for one in languages for record in _special(one, draw)]
    wanted = count - len(special)
    bases = _bases(round(wanted * 0.74), languages, draw, checked)
    found = [Record(text, "base", number) for number, text in enumerate(bases)]
    numbered = [n for n, text in enumerate(bases) if re.search(r"\d", text) and 20 <= len(TOKEN.findall(text)) <= 60]
    for number in draw.sample(numbered, min(len(numbered), wanted // 60)):
        found.append(Record(_other_number(bases[number], draw), "number", -1))
    while len(found) < wanted:
        number = draw.randrange(len(bases))
        if draw.random() < 0.35:
            found.append(Record(bases[number], "exact", number))
        else:
            kind = "near" if length(bases[number]) >= SHORT or draw.random() < 0.5 else "reworded"
            text = slips(bases[number], draw, SLIPS if length(bases[number]) >= SHORT or kind == "reworded" else SMALL)
            found.append(Record(text, kind, number, jaccard(bases[number], text)))
    found += special
    draw.shuffle(found)
    return found


def _bases(count: int, languages: list[str], draw: random.Random, checked: bool) -> list[str]:
    """Different records: of any two with a similarity of DISTINCT or more (checked) or equal ones (not checked) the
    later one is left out.
    """
    found: list[str] = []
    while len(found) < count:
        while len(found) < 1.4 * count:
            language = draw.choice(languages)
            joiner = "" if language == "zh" else " "
            found.append(joiner.join(draw.sample(sentences(language), min(40, 1 + int(draw.expovariate(0.22))))))
        if checked:
            found = [text for text, stays in zip(found, _distinct(found), strict=True) if stays]
        else:
            found = list(dict.fromkeys(found))
    return found[:count]


def _distinct(texts: list[str]) -> list[bool]:
    """Which texts have a similarity of less than DISTINCT with each one that stays before them, exactly: the sizes of
    all intersections are a matrix of the texts' shingles multiplied by itself.
    """
    sets = [np.fromiter(map(hash, shingles(text)), dtype=np.int64) for text in texts]
    sizes = np.array([len(one) for one in sets])
    _, columns, counts = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    shared = counts[columns] > 1  # what only one text has is in no intersection
    columns = (np.cumsum(counts > 1) - 1)[columns[shared]].astype(np.int32)
    ends = np.concatenate(
        ([0], np.cumsum(np.bincount(np.repeat(np.arange(len(texts)), sizes)[shared], None, len(texts))))
    )
    has = sparse.csr_matrix(
        (np.ones(len(columns), dtype=np.int32), columns, ends), (len(texts), int((counts > 1).sum()))
    )
    turned = has.T.tocsr()
    stays = np.ones(len(texts), dtype=bool)
    for start in range(0, len(texts), 2000):
        both = (has[start : start + 2000] @ turned).tocoo()
        later, earlier = both.row + start, both.col
        union = sizes[later] + sizes[earlier] - both.data
        close = (earlier < later) & (both.data >= DISTINCT * union)
        for one, other in sorted(zip(later[close].tolist(), earlier[close].tolist(), strict=True)):
            stays[one] &= not stays[other]
    return stays.tolist()


def _special(language: str, draw: random.Random) -> list[Record]:
    found = [
        Record(template.format(filling), "template", -1)
        for template in TEMPLATES[language]
        for filling in FILLINGS[language]
    ]
    pool = sentences(language)
    joiner = "" if language == "zh" else " "
    preamble = joiner.join(draw.sample(pool, 14))
    for _ in range(200):
        words = [word for sentence in draw.sample(pool, 12) for word in _units(sentence)]
        answer = joiner.join(draw.sample(words, min(len(words), draw.randint(15, 30))))
        found.append(Record(f"{preamble}\n\n{answer}", "preamble", -1))
    return found


def _units(text: str) -> list[str]:
    return [unit for unit in (list(text) if len(HAN.findall(text)) > len(text) / 4 else text.split(" ")) if unit]


def _other_number(text: str, draw: random.Random) -> str:
    place = draw.choice([found.span() for found in re.finditer(r"\d+", text)])
    old = text[slice(*place)]
    new = old
    while new == old:
        new = str(draw.randrange(10 ** len(old)))
    return text[: place[0]] + new + text[place[1] :]


def length(text: str) -> float:
    """The length in words."""
    return sum(0.5 if HAN.match(token) else 1.0 for token in TOKEN.findall(text))


def slips(text: str, draw: random.Random, kinds: tuple[str, ...] = SLIPS) -> str:
    """A copy with up to 8 % of its words touched by `kinds`, or with its sentences in another order."""
    if kinds == SLIPS and draw.random() < 0.15:
        parts = [part for part in re.split(r"(?<=[.!?。！？])\s*", text) if part]
        if len(parts) > 2:
            place = draw.randrange(len(parts) - 1)
            parts[place : place + 2] = parts[place + 1], parts[place]
            return ("" if HAN.search(text) else " ").join(parts)
    units = _units(text)
    for _ in range(max(1, round(len(units) * draw.uniform(0.0, 0.08)))):
        _slip(units, draw, kinds)
    return ("" if len(HAN.findall(text)) > len(text) / 4 else " ").join(units)


def _slip(units: list[str], draw: random.Random, kinds: tuple[str, ...]) -> None:
    free = [n for n, unit in enumerate(units) if _is_free(unit)]
    if len(free) < 4:
        return
    place, other = draw.sample(free, 2)
    kind = draw.choice(kinds)
    word = units[place]
    if kind == "typo" and len(word) <= 3:
        kind = "double"  # a single ideograph, or a word too short to misspell
    if kind == "typo":
        at = draw.randrange(1, len(word) - 2)
        units[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == "swap":
        near = place + 1 if place + 1 < len(units) and _is_free(units[place + 1]) else other
        units[place], units[near] = units[near], units[place]
    elif kind == "double":
        units.insert(place, word)
    elif kind == "layout":
        units[place] = draw.choice([word.upper(), word + ",", f"*{word}*", word + " "])
    elif kind == "delete":
        del units[place]
    elif kind == "insert":
        units.insert(place, units[other])
    else:
        units[place] = units[other]


@cache
def _is_free(unit: str) -> bool:
    return not re.search(r"\d", unit) and unit.lower().strip(".,;:!?") not in NEGATIONS and any(map(str.isalpha, unit))
