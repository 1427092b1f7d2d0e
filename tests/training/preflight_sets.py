"""Clean datasets for the tests of preflight: each is one that nothing should be said about, except in notes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from training.examples import Example, Examples, Message

# thing, what it does, where it is, what to look after
THINGS = (
    ("kettle", "boils water for tea and soup", "kitchen", "descale it with vinegar twice a year"),
    ("lathe", "turns a piece of wood or metal against a blade", "workshop", "keep the chuck key out of the chuck"),
    ("tent", "keeps rain and wind off sleeping people", "camping ground", "dry it before folding it"),
    ("piano", "makes tones when felt hammers hit strings", "music room", "have it tuned every spring"),
    ("compass", "shows where north is with a magnetic needle", "rucksack", "hold it away from iron"),
    ("sieve", "parts coarse grains from fine ones", "bakery", "tap it rather than scrape it"),
    ("bicycle", "carries one person with the force of two legs", "shed", "oil the chain after rain"),
    ("telescope", "gathers the light of distant stars", "observatory", "cap the mirror by day"),
    ("loom", "weaves threads into cloth", "mill", "check the warp for slack threads"),
    ("anchor", "holds a boat to the bottom", "bow", "rinse it in fresh water"),
    ("ladder", "lets people reach a roof", "garage", "set it at four to one"),
    ("camera", "records light on a sensor", "studio", "blow dust off instead of wiping"),
    ("beehive", "gives a swarm room for combs", "orchard", "leave enough honey for winter"),
    ("plough", "turns the soil over before sowing", "field", "sharpen the share in autumn"),
    ("printer", "puts toner on paper", "office", "fan the paper before loading"),
    ("violin", "sings when a bow is drawn over its strings", "concert hall", "loosen the bow afterwards"),
    ("stove", "burns logs to warm a room", "cabin", "sweep the chimney every year"),
    ("pump", "lifts water out of a cellar", "basement", "clean the filter after a flood"),
    ("microscope", "shows things that are too small for the eye", "laboratory", "clean lenses with lens paper"),
    ("scarf", "keeps a neck warm in winter", "wardrobe", "wash it by hand in cool water"),
    ("drum", "sounds when its skin is struck", "rehearsal room", "ease the tension in dry weather"),
    ("sail", "takes the force of the wind", "locker", "fold it loosely and out of the sun"),
    ("oven", "bakes bread with dry heat", "canteen", "wipe it out while it is lukewarm"),
    ("chisel", "cuts wood along a straight edge", "bench", "hone it on a fine stone"),
)
ZH = (
    ("水壶", "烧开水泡茶", "厨房", "每年用醋除两次水垢"),
    ("帐篷", "给露营的人挡风遮雨", "营地", "收起来之前先晾干"),
    ("钢琴", "用毡锤敲击琴弦发声", "琴房", "每年春天请人调音"),
    ("指南针", "用磁针指示北方", "背包", "远离铁器"),
    ("筛子", "把粗粒和细粒分开", "面包房", "轻轻拍打，不要刮"),
    ("自行车", "靠两条腿的力量载一个人", "车棚", "雨后给链条上油"),
    ("望远镜", "收集远处星星的光", "天文台", "白天盖好镜筒"),
    ("织布机", "把线织成布", "纺织厂", "检查经线有没有松"),
    ("梯子", "让人够得着屋顶", "车库", "按四比一的角度放稳"),
    ("蜂箱", "给蜂群筑巢的地方", "果园", "给冬天留足蜂蜜"),
    ("水泵", "把地下室的水抽出来", "地下室", "排完水清洗滤网"),
    ("显微镜", "让人看见肉眼看不到的东西", "实验室", "用擦镜纸擦镜头"),
)
LABELS = ("positive", "negative", "neutral")


def _chat(number: int, *said: tuple[str, str]) -> Example:
    return Example(f"set.jsonl:{number}", tuple(Message(role, content) for role, content in said))


def alpaca() -> list[Example]:
    """One instruction, one answer; three kinds of task."""
    made = []
    for thing, does, place, care in THINGS:
        made.append(
            [("user", f"What is a {thing} used for?"), ("assistant", f"A {thing} {does}. It belongs in the {place}.")]
        )
        made.append(
            [
                ("user", f"Give one piece of advice for the care of this thing.\n\nThing: {thing}"),
                ("assistant", f"To keep your {thing} for long, {care}."),
            ]
        )
        made.append(
            [
                ("user", f"Write a sentence that has the words '{thing}' and '{place}' in it."),
                ("assistant", f"In the {place} we found an old {thing}, and nobody knew that it {does}."),
            ]
        )
    return [_chat(number, *said) for number, said in enumerate(made)]


def chat() -> list[Example]:
    """A system prompt, a question, an answer."""
    return [
        _chat(
            number,
            ("system", "You advise people on things of every day. You answer in two sentences."),
            ("user", f"Somebody gave me a {thing}. Where do I put it, and what do I have to know?"),
            ("assistant", f"Put it into the {place}, since it {does}. And please {care}."),
        )
        for number, (thing, does, place, care) in enumerate(THINGS)
    ]


def multi_turn() -> list[Example]:
    """Three questions and answers each."""
    return [
        _chat(
            number,
            ("user", f"Do you know what a {thing} is?"),
            ("assistant", f"Yes. It {does}."),
            ("user", "And where would I find one?"),
            ("assistant", f"Most are in a {place}."),
            ("user", f"What should I look after with my {thing}?"),
            ("assistant", f"It is simple: {care}."),
        )
        for number, (thing, does, place, care) in enumerate(THINGS)
    ]


def chinese() -> list[Example]:
    """Questions and answers in Chinese."""
    made = []
    for thing, does, place, care in ZH:
        made.append((("user", f"{thing}是做什么用的？"), ("assistant", f"{thing}可以{does}，一般放在{place}。")))
        made.append((("user", f"{thing}怎么保养？请用一句话回答。"), ("assistant", f"记得{care}，这样能用很久。")))
        made.append(
            (("user", f"请写一句话，里面要有“{thing}”。"), ("assistant", f"他在{place}找到一个旧{thing}，还能{does}。"))
        )
    return [_chat(number, *said) for number, said in enumerate(made)]


def code() -> list[Example]:
    """Python functions, with quotes, tags and escapes in them as code has them."""
    made = []
    for number, (thing, does, place, _) in enumerate(THINGS):
        made.append(
            _chat(
                number,
                ("user", f"Write a Python function that prints what a {thing} does."),
                (
                    "assistant",
                    f"```python\ndef tell_{thing}(times={number + 1}):\n    for turn in range(times):\n"
                    f'        print(f"{{turn}}: the {thing} {does}\\n")\n    return {{"place": "{place}"}}\n```\n'
                    f"Call `tell_{thing}()` to see it.",
                ),
            )
        )
    return made


def labels() -> list[Example]:
    """Long questions with one word for an answer, which of course repeats."""
    moods = ("I like it a lot", "I want my money back", "It arrived on Tuesday")
    return [
        _chat(
            number * 3 + kind,
            (
                "user",
                f"Say whether this is positive, negative or neutral: My {thing} came yesterday. {mood}. It {does}.",
            ),
            ("assistant", LABELS[kind]),
        )
        for number, (thing, does, _, _) in enumerate(THINGS)
        for kind, mood in enumerate(moods)
    ]


def documents() -> list[Example]:
    """A long text and a question about it."""
    made, draw = [], random.Random(7)
    for number in range(len(THINGS)):
        chosen = draw.sample(THINGS, 7)
        text = " ".join(
            f"The {thing} stands in the {place}. It {does}, so {care}." for thing, does, place, care in chosen
        )
        thing, _, place, _ = chosen[3]
        made.append(
            _chat(
                number,
                ("user", f"{text}\n\nAccording to this text, where is the {thing}?"),
                ("assistant", f"According to the text the {thing} stands in the {place}, between the others."),
            )
        )
    return made


def pairs() -> list[Example]:
    """A better and a worse answer; now the one is longer, now the other."""
    made = []
    for number, (thing, does, place, care) in enumerate(THINGS * 2):
        asked = f"What is a {thing} for?" if number < len(THINGS) else f"How do I look after a {thing}?"
        good = f"A {thing} {does}." if number < len(THINGS) else f"Please {care}."
        bad = (
            "No idea."
            if number % 2
            else f"That is a good question about the {place}, and many people would like to know it."
        )
        messages = (Message("user", asked), Message("assistant", good))
        made.append(Example(f"set.jsonl:{number}", messages, (Message("assistant", bad),)))
    return made


def texts() -> list[Example]:
    """Plain texts."""
    return [
        Example(
            f"set.txt:{number}",
            (Message("text", f"On the {thing}\n\nA {thing} {does}. It is kept in the {place}. One rule: {care}."),),
        )
        for number, (thing, does, place, care) in enumerate(THINGS)
    ]


def tools() -> list[Example]:
    """An answer, what a tool said, and an answer to that."""
    return [
        _chat(
            number,
            ("system", "You may ask the stock keeper with: ask(name)."),
            ("user", f"Is there a {thing} left?"),
            ("assistant", f"ask({thing})"),
            ("tool", f'{{"name": "{thing}", "left": {number + 1}, "place": "{place}"}}'),
            ("assistant", f"Yes, there are {number + 1} in the {place}. Remember: {care}."),
        )
        for number, (thing, _, place, care) in enumerate(THINGS)
    ]


def translations() -> list[Example]:
    """English asked for in Chinese, and the other way round; with accents, signs and emoji."""
    made = []
    for number, (thing, does, place, _) in enumerate(ZH):
        english = THINGS[number]
        made.append(
            (("user", f"Translate: the {english[0]} {english[1]}."), ("assistant", f"{thing}用来{does} — “{place}” 😀"))
        )
        made.append(
            (
                ("user", f"翻译：{thing}用来{does}。"),
                ("assistant", f"Voilà: the {english[0]} {english[1]}, naïve café n° {number} 🙂"),
            )
        )
    return [_chat(number, *said) for number, said in enumerate(made)]


CLEAN: dict[str, Callable[[], list[Example]]] = {
    make.__name__: make
    for make in (alpaca, chat, multi_turn, chinese, code, labels, documents, pairs, texts, tools, translations)
}


def split(examples: Sequence[Example], held: int = 2) -> Examples:
    """The records with the last `held` held out."""
    return Examples(tuple(examples[: len(examples) - held]), tuple(examples[len(examples) - held :]), {}, "share")
