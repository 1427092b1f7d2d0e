"""Records whose topic is known, English and Chinese: what topics a map finds is held against them.

Every topic has things it is about and answers in both languages; a record is one of each. The questions of all topics are
put alike ("How do I begin with …"), so that their form does not give the topic away.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

_QUESTIONS = {
    "en": ("How do I begin with {}?", "Explain {} to a beginner.", "Write a short text about {}.",
           "What are common mistakes with {}?", "Give me three tips about {}."),
    "zh": ("我该怎么开始了解{}？", "请向初学者解释{}。", "写一段关于{}的短文。",
           "关于{}，常见的错误有哪些？", "请给我三条关于{}的建议。"),
}  # fmt: skip


@dataclass(frozen=True)
class Topic:
    en: tuple[str, ...]
    zh: tuple[str, ...]
    answers_en: tuple[str, ...]
    answers_zh: tuple[str, ...]


TOPICS = {
    "cooking": Topic(
        ("baking sourdough bread", "frying rice", "roasting a chicken", "tomato soup", "making pasta dough",
         "steamed dumplings"),
        ("烤酸面包", "炒饭", "烤鸡", "番茄汤", "和面做面条", "蒸饺子"),
        ("Heat the pan, add oil and salt, and stir {} until the onions are golden; taste before serving.",
         "For {} you need flour, butter, eggs and a hot oven; let it rest and keep the kitchen clean.",
         "Chop the garlic finely, simmer the sauce for twenty minutes, and {} will be tender and full of flavour."),
        ("先热锅，放油和盐，把{}翻炒到洋葱变成金黄色，出锅前尝一下味道。",
         "做{}需要面粉、黄油、鸡蛋和热烤箱，要静置一会儿，厨房保持干净。",
         "把大蒜切碎，酱汁小火煮二十分钟，{}就会又嫩又香。")),
    "programming": Topic(
        ("Python lists", "recursive functions", "SQL joins", "unit tests", "Git branches", "JavaScript promises"),
        ("Python列表", "递归函数", "SQL连接查询", "单元测试", "Git分支", "JavaScript的Promise"),
        ("With {} the code compiles faster; define a function, return the variable and print the result in a loop.",
         "Import the library, write a class, and let the debugger show which exception {} raises.",
         "The compiler parses the source code; {} store data in memory and call the API of the program."),
        ("用{}写代码：先定义函数，返回变量，再在循环里打印结果。",
         "导入库，写一个类，用调试器查看{}抛出了哪个异常。",
         "编译器解析源代码，{}把数据存进内存，并调用程序的接口。")),
    "astronomy": Topic(
        ("black holes", "the rings of Saturn", "the phases of the Moon", "supernovae", "the Milky Way", "comets"),
        ("黑洞", "土星环", "月相", "超新星", "银河系", "彗星"),
        ("Astronomers observe {} with telescopes; light from distant stars travels for millions of years through space.",
         "Gravity bends the orbit of planets around the sun, and {} are seen far away in the galaxy.",
         "A satellite measured the radiation of {}; the universe expands and galaxies drift apart."),
        ("天文学家用望远镜观测{}，遥远恒星的光在太空中传播了数百万年。",
         "引力使行星绕太阳公转，在遥远的星系里也能看到{}。",
         "卫星测量了{}的辐射，宇宙在膨胀，星系彼此远离。")),
    "finance": Topic(
        ("a monthly budget", "index funds", "credit card debt", "a retirement account", "mortgage rates", "an emergency fund"),
        ("每月预算", "指数基金", "信用卡债务", "养老金账户", "房贷利率", "应急储蓄"),
        ("Compare the interest of your bank, save a part of your salary, and {} will pay off over the years.",
         "Investors buy shares and bonds; {} lower the risk of the portfolio and the fees of the broker.",
         "Write down income and expenses, pay loans early, and let {} grow with compound interest."),
        ("比较银行的利息，把工资存一部分，多年以后{}会带来回报。",
         "投资者购买股票和债券，{}可以降低投资组合的风险和手续费。",
         "记下收入和支出，尽早还清贷款，让{}随复利增长。")),
    "football": Topic(
        ("the offside rule", "penalty kicks", "defending corners", "a 4-3-3 formation", "the World Cup final", "goalkeeping"),
        ("越位规则", "点球", "防守角球", "四三三阵型", "世界杯决赛", "守门"),
        ("The referee blew the whistle, the striker shot, and {} decided the match in the last minute.",
         "Coaches train passing and dribbling; with {} the team scored two goals in the league.",
         "Players run, tackle and press; {} is what fans in the stadium talk about after the game."),
        ("裁判吹响哨子，前锋射门，{}在最后一分钟决定了比赛。",
         "教练训练传球和盘带，凭借{}，球队在联赛中打进两球。",
         "球员奔跑、铲球、逼抢，赛后体育场里的球迷都在谈论{}。")),
    "gardening": Topic(
        ("growing tomatoes", "pruning roses", "compost", "watering succulents", "planting tulip bulbs", "raised beds"),
        ("种西红柿", "修剪玫瑰", "堆肥", "给多肉浇水", "种郁金香球根", "抬高的花床"),
        ("Loosen the soil, water the roots in the morning, and {} will bring blossoms in spring.",
         "Use fertilizer sparingly; weeds and snails harm the seedlings, and {} need sun and shade.",
         "Dig a hole, add mulch, cut dry leaves and branches; {} keeps the garden green."),
        ("把土壤松一松，早晨给根部浇水，{}到春天就会开花。",
         "少用化肥，杂草和蜗牛会伤害幼苗，{}需要阳光和遮荫。",
         "挖个坑，铺上覆盖物，剪掉枯叶和枝条，{}让花园常绿。")),
    "health": Topic(
        ("sleeping better", "high blood pressure", "back pain", "a common cold", "vitamin D", "stretching after work"),
        ("改善睡眠", "高血压", "背痛", "普通感冒", "维生素D", "下班后拉伸"),
        ("See a doctor when the symptoms stay; {} depends on rest, exercise and the right medicine.",
         "The patient should drink water, avoid stress, and have blood tested; {} affects the heart and muscles.",
         "Nurses recommend a warm bath and light movement; {} improves when the immune system recovers."),
        ("症状不消失就去看医生，{}取决于休息、锻炼和合适的药物。",
         "患者应多喝水，避免压力，并去验血，{}会影响心脏和肌肉。",
         "护士建议洗热水澡、轻微活动，免疫系统恢复后{}会好转。")),
    "history": Topic(
        ("the Roman Empire", "the Tang dynasty", "the French Revolution",
         "medieval castles", "the Silk Road", "the Industrial Revolution"),
        ("罗马帝国", "唐朝", "法国大革命", "中世纪城堡", "丝绸之路", "工业革命"),
        ("The emperor ruled over provinces; historians date {} by coins, chronicles and wars between kings.",
         "In that century soldiers, peasants and merchants lived through {}; treaties ended the old kingdom.",
         "Archaeologists dig up ruins of the ancient capital; {} changed the power of nobles and the church."),
        ("皇帝统治各省，历史学家凭钱币、编年史和国王之间的战争来确定{}的年代。",
         "在那个世纪，士兵、农民和商人经历了{}，条约结束了旧王国。",
         "考古学家发掘古都的遗址，{}改变了贵族和教会的权力。")),
    "music": Topic(
        ("playing the guitar", "piano scales", "jazz improvisation", "a string quartet", "singing in a choir", "drum rhythms"),
        ("弹吉他", "钢琴音阶", "爵士即兴", "弦乐四重奏", "合唱团唱歌", "鼓的节奏"),
        ("Practise chords slowly with a metronome; {} lets the melody and harmony sound in tune.",
         "The composer wrote the song for an orchestra; at the concert {} made the audience listen.",
         "Tune the strings, count the beat, and record yourself; {} needs a feeling for tempo and notes."),
        ("用节拍器慢慢练和弦，{}能让旋律与和声更协调。",
         "作曲家为乐团写了这首歌，音乐会上{}让听众静静聆听。",
         "调好琴弦，数好拍子，录下自己的演奏，{}需要对速度和音符的感觉。")),
    "travel": Topic(
        ("a week in Kyoto", "packing for a flight", "visiting Paris", "hiking in the Alps",
         "booking a hostel", "a visa for Vietnam"),
        ("京都一周游", "乘飞机打包行李", "游览巴黎", "阿尔卑斯山徒步", "预订青年旅舍", "越南签证"),
        ("Book the hotel early, take the train from the airport, and keep your passport at hand for {}.",
         "Tourists like the old town and the museums; for {} you need a map, a suitcase and local currency.",
         "Our guide showed us temples and beaches; {} is cheaper outside the holiday season."),
        ("提前订好酒店，从机场坐火车，{}时随身带好护照。",
         "游客喜欢老城和博物馆，{}需要地图、行李箱和当地货币。",
         "导游带我们看了寺庙和海滩，{}在旅游淡季更便宜。")),
    "law": Topic(
        ("a rental contract", "copyright", "a small claims court", "an employment agreement",
         "a patent application", "a last will"),
        ("租房合同", "著作权", "小额诉讼", "劳动合同", "专利申请", "遗嘱"),
        ("Ask a lawyer to read every clause; a judge decides whether {} is valid under the statute.",
         "The plaintiff filed a lawsuit; evidence and witnesses show that {} was breached by the defendant.",
         "Both parties sign the document; {} gives rights and obligations and names the legal deadline."),
        ("请律师阅读每一项条款，{}是否有效由法官依据法律裁定。",
         "原告提起诉讼，证据和证人表明被告违反了{}。",
         "双方签署文件，{}规定了权利、义务和法定期限。")),
    "chemistry": Topic(
        ("acids and bases", "the periodic table", "covalent bonds", "oxidation of iron", "distillation", "catalysts"),
        ("酸和碱", "元素周期表", "共价键", "铁的氧化", "蒸馏", "催化剂"),
        ("Atoms share electrons; in the laboratory {} is shown with a solution in a test tube.",
         "The reaction releases heat and hydrogen gas; {} depends on temperature and concentration of the molecules.",
         "Wear goggles, mix the compound with water, and measure the pH; {} forms ions and salts."),
        ("原子共用电子，在实验室里可以用试管中的溶液演示{}。",
         "反应放出热量和氢气，{}取决于温度和分子的浓度。",
         "戴上护目镜，把化合物与水混合，测量酸碱度，{}会形成离子和盐。")),
}  # fmt: skip


def known_topics(
    records: int, names: tuple[str, ...] = tuple(TOPICS), seed: int = 7
) -> tuple[list[dict[str, Any]], list[str]]:
    """Records (question, answer), half of them Chinese, and the topic of each. A topic is up to five times another's size."""
    chance = random.Random(seed)
    weights = [1 + 4 * place / max(1, len(names) - 1) for place in range(len(names))]
    found, labels = [], []
    for number in range(records):
        name = chance.choices(names, weights)[0]
        topic, language = TOPICS[name], ("en", "zh")[number % 2]
        thing = chance.choice(topic.zh if language == "zh" else topic.en)
        answer = chance.choice(topic.answers_zh if language == "zh" else topic.answers_en)
        question = chance.choice(_QUESTIONS[language]).format(thing)
        found.append({"question": question, "answer": answer.format(thing)})
        labels.append(name)
    return found, labels


def agreement(labels: list[str], topics: list[int]) -> tuple[float, float]:
    """Purity, and the adjusted Rand index (Hubert and Arabie 1985), of found topics against the true ones."""
    from sklearn.metrics import adjusted_rand_score

    together: dict[int, dict[str, int]] = {}
    for label, topic in zip(labels, topics, strict=True):
        counts = together.setdefault(topic, {})
        counts[label] = counts.get(label, 0) + 1
    purity = sum(max(counts.values()) for counts in together.values()) / len(labels)
    return purity, float(adjusted_rand_score(labels, topics))
