"""A corpus of sixty topics of very different size, so that a random tenth of it misses many.

Each record asks something about one thing of its topic, in English or Chinese. The sizes fall as in real data: a few topics
have most of the records.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

SIZES = (*([62] * 10), *([20] * 10), *([6] * 20), *([3] * 20))  # of the sixty topics: 1,000 records

TOPICS = {
    "en": """
baking: sourdough starter, puff pastry, rye bread, sponge cake, shortcrust, brioche, kneading dough, oven spring
astronomy: red giants, the Oort cloud, eclipses, binary stars, the Kuiper belt, dark matter, sunspots, nebulae
gardening: pruning roses, composting, tomato blight, raised beds, mulching, sowing carrots, slugs, grafting apples
cycling: worn chains, tubeless tyres, brake pads, gear ratios, saddle height, wheel truing, bottom brackets, panniers
tax: income tax returns, deductible expenses, capital gains, withholding, tax brackets, audits, late filing, allowances
cardiology: high blood pressure, heart attacks, arrhythmia, stents, cholesterol, angina, pacemakers, heart valves
chess: the Sicilian defence, rook endings, forks and pins, castling, zugzwang, the queen's gambit, passed pawns, stalemate
databases: SQL joins, indexes, transactions, normal forms, deadlocks, query plans, foreign keys, replication
photography: aperture, shutter speed, depth of field, white balance, long exposure, flash bounce, RAW files, lenses
law: breach of contract, small claims, wills, tenancy deposits, libel, patents, copyright, powers of attorney
sailing: tacking, reefing sails, tidal streams, knots for mooring, the boom, rules of the road at sea, anchoring, spinnakers
beekeeping: queen bees, swarming, varroa mites, honey extraction, smokers, brood frames, wintering hives, drones
geology: igneous rock, plate tectonics, fault lines, sedimentary layers, volcanoes, limestone caves, glaciers, fossils
opera: Verdi's Aida, sopranos, librettos, recitative, The Magic Flute, bel canto, overtures, Wagner's Ring
dogs: house training puppies, barking, leash pulling, vaccinations for dogs, kennels, grooming poodles, sheepdogs, fleas
economics: inflation, interest rates, supply and demand, monopolies, unemployment, exchange rates, recessions, tariffs
carpentry: dovetail joints, sanding, wood glue, planing boards, chisels, varnish, plywood, table saws
football: the offside rule, penalty kicks, corner kicks, goalkeepers, dribbling, formations, red cards, throw-ins
weather: cumulonimbus clouds, cold fronts, hail, barometers, monsoons, fog, tornadoes, the jet stream
grammar: the subjunctive, relative clauses, commas, irregular verbs, passive voice, gerunds, apostrophes, split infinitives
knitting: casting on, purl stitches, cable patterns, yarn weight, knitting socks, dropped stitches, circular needles, blocking
trains: signal boxes, narrow gauge, steam locomotives, overhead wires, sleepers and ballast, timetables, couplings, points
coffee: espresso, roasting beans, cold brew, French press, milk foam, grind size, decaffeination, filter paper
Rome: Julius Caesar, aqueducts, gladiators, the Roman senate, legions, Hadrian's wall, Pompeii, Augustus
dentistry: root canals, fillings, braces, wisdom teeth, gum disease, fluoride, dental crowns, flossing
painting: watercolour washes, oil glazes, perspective, still life, canvas priming, impressionism, portrait sketches, pigments
insurance: car insurance claims, deductibles, life insurance, home contents cover, premiums, travel insurance, bonuses, liability
mushrooms: chanterelles, toadstools, spore prints, growing oyster mushrooms, truffles, porcini, mycelium, puffballs
yoga: sun salutation, breathing exercises, tree pose, stretching hamstrings, meditation, headstands, lotus position, yoga mats
bridges: suspension cables, arches, cantilevers, load tests, bridge piers, drawbridges, expansion joints, truss bridges
parrots: talking parrots, bird cages, feather plucking, budgerigars, seeds and fruit for birds, macaws, clipping wings, cockatoos
cryptography: public keys, hash functions, one-time pads, digital signatures, prime factoring, AES, salted passwords, key exchange
wine: tannins, decanting, vintages, corks, sparkling wine, grape harvest, wine cellars, Riesling
Vikings: longships, runes, Odin, Viking raids, Leif Erikson, mead halls, sagas, shield walls
soap: lye, essential oils in soap, soap moulds, saponification, glycerine, shampoo bars, curing soap, olive oil soap
origami: paper cranes, valley folds, modular origami, paper boats, crease patterns, wet folding, paper frogs, kusudama
""",
    "zh": """
茶艺: 绿茶的冲泡, 紫砂壶, 普洱茶, 乌龙茶, 茶汤的颜色, 茶叶的保存, 盖碗, 茶道礼仪
书法: 楷书, 毛笔的选择, 宣纸, 临帖, 行书, 磨墨, 篆刻印章, 颜真卿
中医: 针灸, 拔火罐, 把脉, 阴阳五行, 艾灸, 中药煎法, 经络, 气血不足
高铁: 高铁票改签, 动车组, 轨道维护, 列车时速, 候车室, 铁路信号, 车厢座位, 检票口
编程: 递归函数, 变量作用域, 循环语句, 数组排序, 面向对象, 异常处理, 调试程序, 版本控制
房贷: 等额本息, 公积金贷款, 首付比例, 提前还款, 贷款利率, 征信报告, 抵押登记, 房屋评估
火锅: 牛油锅底, 毛肚, 蘸料, 羊肉卷, 鸳鸯锅, 豆皮, 麻辣程度, 虾滑
育儿: 婴儿辅食, 夜间哭闹, 换尿布, 母乳喂养, 学步, 疫苗接种, 绘本阅读, 分离焦虑
太极拳: 起势, 云手, 推手, 马步, 呼吸配合, 陈式太极, 野马分鬃, 收势
考古: 青铜器, 甲骨文, 墓葬发掘, 陶器修复, 碳十四测年, 兵马俑, 遗址保护, 玉器
养鱼: 鱼缸过滤, 金鱼, 水温控制, 换水, 水草, 鱼病, 热带鱼, 喂食次数
京剧: 脸谱, 花旦, 梅兰芳, 唱腔, 水袖, 武生, 胡琴, 生旦净丑
光学: 折射定律, 凸透镜, 光的干涉, 激光, 全反射, 棱镜色散, 衍射, 偏振光
围棋: 布局, 打劫, 死活题, 定式, 官子, 贴目, 征子, 眼位
剪纸: 窗花, 对称剪法, 红纸, 剪刀使用, 团花, 生肖图案, 阴刻阳刻, 喜字
露营: 帐篷搭建, 睡袋, 营地选址, 野外生火, 防蚊, 露营灯, 防潮垫, 垃圾带走
古筝: 义甲, 琴弦调音, 摇指, 练习曲, 琴码, 揉弦, 古筝保养, 指法
核能: 核裂变, 反应堆, 铀燃料, 核废料, 冷却系统, 核聚变, 辐射防护, 控制棒
快递: 寄件包装, 丢件赔偿, 快递柜, 运费计算, 物流查询, 生鲜冷链, 保价, 退货取件
眼科: 近视, 白内障, 隐形眼镜, 散光, 干眼症, 青光眼, 验光, 激光手术
篆书: 石鼓文, 小篆笔画, 印章布局, 李斯, 说文解字, 圆转线条, 大篆, 金石学
面食: 手擀面, 饺子皮, 发面, 刀削面, 包子褶, 葱油饼, 拉面, 和面水温
兰花: 兰花浇水, 分株, 兰盆, 烂根, 蝴蝶兰, 开花时间, 兰花土, 通风
潜水: 呼吸调节器, 减压病, 浮力控制, 潜水证, 面镜排水, 珊瑚礁, 耳压平衡, 氧气瓶
""",
}

ASKED = {
    "en": (
        "What should a beginner know about {thing}?", "Explain {thing} in a few sentences.",
        "What goes wrong most often with {thing}?",
        "Give me a tip about {thing}.", "Why do people care about {thing}?", "How did {thing} come about?",
        "Write a short note on {thing}.", "I have a question about {thing}: where do I start?",
    ),
    "zh": (
        "初学者应该了解{thing}的哪些内容？", "用几句话解释一下{thing}。", "关于{thing}，最常见的问题是什么？",
        "给我一条关于{thing}的建议。",
        "人们为什么关心{thing}？", "{thing}是怎么来的？", "写一段关于{thing}的短文。", "想了解{thing}，应该从哪里入手？",
    ),
}  # fmt: skip
TOLD = {
    "en": (
        "With {thing}, begin with the basics of {topic}: {other} and {third} belong to it, and most of the rest follows.",
        "In {topic}, {thing} comes up as often as {other} does. Look closely at one example before you go on to {third}.",
        "Most trouble with {thing} comes from haste. Whoever knows {topic}, and {other} above all, checks twice.",
    ),
    "zh": (
        "说到{thing}，先弄清{topic}的基本道理，比如{other}和{third}，其余的大多可以由此推出。",
        "在{topic}里，{thing}和{other}一样常见。先仔细看一个例子，再去看{third}。",
        "{thing}的麻烦多半来自着急。熟悉{topic}、特别是熟悉{other}的人会检查两遍。",
    ),
}


def topics() -> list[tuple[str, str, list[str]]]:
    """`(language, topic, things)` of all sixty."""
    return [
        (language, name, things.split(", "))
        for language, told in TOPICS.items()
        for name, _, things in (line.partition(": ") for line in told.strip().splitlines())
    ]


def records(seed: int) -> Iterator[tuple[str, str, str]]:
    """`(topic, question, answer)` of 1,000 records; which topics are large and which small is drawn."""
    draw = random.Random(seed)
    known = topics()
    sizes = list(SIZES)
    draw.shuffle(sizes)
    made = []
    for (language, name, things), size in zip(known, sizes, strict=True):
        for thing, ask in draw.sample([(thing, ask) for thing in things for ask in ASKED[language]], size):
            other, third = draw.sample([one for one in things if one != thing], 2)
            told = draw.choice(TOLD[language]).format(thing=thing, topic=name, other=other, third=third)
            made.append((name, ask.format(thing=thing), told))
    draw.shuffle(made)
    return iter(made)
