"""Evaluation items with planted truth: copies that must be found, look-alikes that must not, in two languages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

PEOPLE = "Natalia Marcus Priya Yusuf Ingrid Tobias Amara Kenji Lucia Omar Freya Diego Hana Viktor Noor Elena".split()
GOODS = (
    "pencils lanterns melons bicycles postcards ladders teapots candles violins carpets buckets mirrors ropes tiles "
    "kettles stamps brushes barrels cushions hammers umbrellas baskets medals shells"
).split()
PLACES = (
    "harbour market library orchard museum station bakery workshop monastery airport vineyard factory theatre "
    "lighthouse school quarry stadium embassy greenhouse brewery"
).split()
ACTS = (
    "sells collects repairs delivers borrows paints counts packs inspects ships polishes trades stores weighs".split()
)
KINDS = "wooden ancient silver broken expensive tiny striped foreign heavy painted rusty fragile round borrowed".split()
TIMES = (
    "Monday Tuesday Wednesday Thursday Friday Saturday January March April October November sunrise midnight".split()
)
THEMES = (
    "love war autumn friendship glaciers bread trains jealousy volcanoes patience tides migration silence money memory "
    "chess rivers insomnia harvest loneliness gravity clocks thunder honesty markets salt exile dreams bridges weather"
).split()

人 = "小明 小红 李雷 韩梅 王芳 张伟 赵强 陈静 刘洋 孙丽 周杰 吴敏".split()
物 = "铅笔 灯笼 西瓜 自行车 明信片 梯子 茶壶 蜡烛 小提琴 地毯 水桶 镜子 绳子 瓷砖 邮票 刷子 雨伞 篮子 贝壳 锤子".split()
地 = "港口 市场 图书馆 果园 博物馆 车站 面包房 工厂 寺庙 机场 葡萄园 剧院 灯塔 学校 采石场 体育场 温室 酒厂".split()
事 = "卖掉 收集 修理 运送 借走 油漆 清点 打包 检查 抛光 交换 存放 称重".split()
样 = "木制的 古老的 银色的 破损的 昂贵的 细小的 条纹的 外国的 沉重的 生锈的 易碎的 圆形的".split()
时 = "星期一 星期三 星期五 星期天 清晨 傍晚 午夜 中秋节 端午节 国庆节 春节 开学那天".split()
题 = (
    "爱情 战争 秋天 友谊 冰川 面包 火车 嫉妒 火山 耐心 潮汐 迁徙 沉默 金钱 记忆 象棋 河流 失眠 丰收 孤独 引力 时钟 "
    "雷声 诚实 集市 食盐 流放 梦境 桥梁 天气"
).split()

TEMPLATES = {
    "en": [
        "Write a short story of about three hundred words for young readers, with a clear beginning and end, about {}.",
        "You are a careful assistant. Think step by step, explain each step, then answer. What is known of {}?",
        "Compose a formal letter to the editor of a newspaper in which you complain politely about the state of {}.",
        "Give me five good reasons, each in one sentence, why a curious person should learn more about {} this year.",
        "Summarise in plain words what a beginner has to know about {} before reading a longer book on the subject.",
    ],
    "zh": [
        "请为小学生写一篇大约三百字的短篇故事，要有清楚的开头和结尾，故事的主题是{}。",
        "你是一位细心的助手，请一步一步地思考，并在回答之前解释每一个步骤。请问关于{}人们知道些什么？",
        "请写一封正式的信给报社的编辑，在信中礼貌地抱怨{}目前的状况，并提出三条具体的建议。",
        "请用五句话分别说明五个充分的理由，为什么一个有好奇心的人今年应该多了解一些关于{}的知识。",
        "请用浅显易懂的话总结一下，初学者在阅读专门书籍之前必须知道哪些关于{}的基本内容。",
    ],
}


def problem(draw: random.Random, language: str, sentences: int) -> str:
    """A word problem that no other draw gives again."""
    pick = draw.choice
    parts = [_sentence(draw, language) for _ in range(sentences)]
    if language == "zh":
        return "，".join(parts) + f"，那么{pick(地)}里一共还剩下多少{pick(物)}？"
    return " ".join(parts) + f" How many {pick(GOODS)} are left in the {pick(PLACES)}?"


def _sentence(draw: random.Random, language: str) -> str:
    pick, number, shape = draw.choice, draw.randint(3, 980), draw.randrange(3)
    if language == "zh":
        who, what, kind, where, act = pick(人), pick(物), pick(样), pick(地), pick(事)
        if shape == 0:
            return f"{who}{pick(时)}在{where}{act}了{number}个{kind}{what}"
        return (
            f"{where}的{who}把{number}件{what}送到了{pick(地)}"
            if shape == 1
            else (f"如果{who}{act}{kind}{what}需要{number}分钟")
        )
    who, what, kind, where, act = pick(PEOPLE), pick(GOODS), pick(KINDS), pick(PLACES), pick(ACTS)
    if shape == 0:
        return f"{who} {act} {number} {kind} {what} at the {where} on {pick(TIMES)}."
    if shape == 1:
        return f"Every {pick(TIMES)} the {where} sends {number} {what} to {who}, who {act} them."
    return f"It takes {who} {number} minutes to reach the {kind} {where} with {what}."


def refilled(text: str, draw: random.Random, language: str) -> str:
    """The same problem with other people, things and numbers."""
    lists = [人, 物, 地, 事, 样, 时] if language == "zh" else [PEOPLE, GOODS, PLACES, ACTS, KINDS, TIMES]
    known = {word: words for words in lists for word in words}
    out, at = [], 0
    while at < len(text):
        word = next((word for word in known if text.startswith(word, at)), None)
        if word is not None:
            out.append(draw.choice([other for other in known[word] if other != word]))
            at += len(word)
        elif text[at].isdigit():
            end = next((place for place in range(at, len(text)) if not text[place].isdigit()), len(text))
            out.append(str(int(text[at:end]) + draw.randint(1, 40)))
            at = end
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def renumbered(text: str, draw: random.Random) -> str:
    """The same problem with one other number."""
    places = [at for at, (one, two) in enumerate(pairwise(text)) if one.isdigit() and not two.isdigit()]
    at = draw.choice(places)
    return f"{text[:at]}{(int(text[at]) + draw.randint(1, 8)) % 10}{text[at + 1 :]}"


def _typo(text: str, draw: random.Random, language: str) -> str:
    if language == "zh":
        at = draw.choice([at for at, one in enumerate(text) if one in "在了的把送到如果需要那么里剩"])
        return text[:at] + draw.choice("再乐得吧宋道入过须耀哪末理胜") + text[at + 1 :]
    words = text.split(" ")
    at = draw.choice([at for at, word in enumerate(words) if len(word) > 4 and word.isalpha()])
    place = draw.randint(1, len(words[at]) - 3)
    word = words[at]
    words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


def _minor(text: str, draw: random.Random, language: str) -> str:
    if language == "zh":
        return text.replace("了", "", 1) if "了" in text and draw.random() < 0.5 else text.replace("，", "，就", 1)
    words = text.split(" ")
    if "the" in words and draw.random() < 0.5:
        words.remove("the")
    else:
        words.insert(draw.randint(2, len(words) - 2), draw.choice(["just", "also", "very", "then"]))
    return " ".join(words)


def _punctuation(text: str, draw: random.Random, language: str) -> str:
    if language == "zh":
        return text.replace("，", draw.choice([",", "；", " "])).replace("？", "?")
    return text.replace(".", draw.choice([";", " -", "\n"])).replace("?", "").upper()


def _inside(text: str, draw: random.Random, language: str) -> str:
    if language == "zh":
        return draw.choice(["请回答下面的问题：", "题目：\n", "我的老师问我："]) + text + "谢谢你的帮助！"
    return draw.choice(["Please answer the question below.\n\n", "Q: ", "My teacher asked: "]) + text + " Thanks a lot!"


EDITS: dict[str, Callable[[str, random.Random, str], str]] = {
    "verbatim": lambda text, draw, language: text,
    "inside": _inside,
    "punctuation": _punctuation,
    "minor": _minor,
    "typo": _typo,
    "typo, inside": lambda text, draw, language: _inside(_typo(text, draw, language), draw, language),
}


@dataclass(frozen=True)
class Planted:
    """items: of the evaluation file. copies and lookalikes: (kind, text) to put into a corpus."""

    items: list[str]
    copies: list[tuple[str, str]]
    lookalikes: list[tuple[str, str]]


def plant(language: str, seed: int, count: int = 240) -> Planted:
    """`count` copies and as many look-alikes, of problems and of prompts made from templates."""
    draw = random.Random(seed)
    themes: Sequence[str] = 题 if language == "zh" else THEMES
    problems = [problem(draw, language, draw.randint(2, 5)) for _ in range(count)]
    # The first templates make up many items of the evaluation file, the third three of them, the last one each.
    sizes = [12, 12, 3, 1, 1]
    prompts = [
        template.format(theme)
        for template, size in zip(TEMPLATES[language], sizes, strict=True)
        for theme in themes[:size]
    ]
    items = [*problems, *prompts]
    kinds = list(EDITS)
    copies = [(kind, EDITS[kind](text, draw, language)) for text, kind in zip(problems, kinds * count, strict=False)]
    copies += [(kind, EDITS[kind](text, draw, language)) for text in prompts for kind in ("verbatim", "inside")]
    lookalikes = [("other filling", refilled(text, draw, language)) for text in problems[: count // 3]]
    lookalikes += [("other number", renumbered(text, draw)) for text in problems[count // 3 : 2 * count // 3]]
    lookalikes += [
        ("other theme", template.format(theme))
        for template, size in zip(TEMPLATES[language], sizes, strict=True)
        for theme in themes[max(size, 12) :]
    ]
    return Planted(items, copies, lookalikes)
