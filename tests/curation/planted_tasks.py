"""A third corpus with known topics, of tasks as people set them: the kind of task and the form of the answer differ from record
to record, answers are a word or a paragraph, and often only one side tells the topic.

Seventy topics, English and Chinese; sizes fall as a power of the rank, which topic has which size is drawn.
"""

from __future__ import annotations

import random

SMALLEST, LARGEST, FALL = 4, 160, 0.9

TOPICS = {
    "en": """
vegetable soup|carrot broth|leek and potato soup|lentils|a stock cube|minestrone|croutons
lighthouses|Fresnel lenses|foghorns|a lighthouse keeper|coastal beacons|shipwrecks near shore|automatic lamps
spiders|orb webs|tarantulas|spider silk|jumping spiders|egg sacs|venom glands
dating|a first date|online profiles|small talk|being stood up|a blind date|long-distance love
election law|postal voting|ballot papers|gerrymandering|campaign spending|recounts|polling stations
skiing|carving turns|avalanche gear|ski wax|chairlifts|moguls|cross-country tracks
divorce|child custody|alimony|a prenuptial agreement|mediation|splitting a house|visiting rights
spreadsheets|pivot tables|VLOOKUP|cell references|conditional formatting|charts in Excel|CSV import
asthma|an inhaler|wheezing|peak flow|pollen triggers|steroid sprays|night-time coughing
rockets|liquid oxygen|stage separation|a launch pad|re-entry heat|solid boosters|orbital insertion
poetry|sonnets|iambic pentameter|haiku|free verse|rhyme schemes|alliteration
plumbing|a dripping tap|blocked drains|copper pipe|a toilet cistern|water pressure|compression fittings
whales|humpback songs|baleen|sperm whales|krill|whale migration|blowholes
startups|seed funding|a pitch deck|burn rate|co-founders|product-market fit|term sheets
tea ceremonies of Britain|Earl Grey|scones|a teapot cosy|cream or jam first|loose-leaf tea|afternoon tea
stamps|the Penny Black|perforations|first-day covers|a stamp album|misprints|watermarked paper
hearing loss|hearing aids|tinnitus|lip reading|ear wax|cochlear implants|an audiogram
medieval castles|moats|drawbridges of keeps|siege towers|arrow slits|a great hall|portcullises
statistics|the median|confidence intervals|p-values|standard deviation|sampling bias|regression lines
bread machines|the kneading paddle|yeast dispensers|a delay timer|gluten-free loaves|crust settings|machine-made pizza dough
tennis|a second serve|clay courts|tie-breaks|backhand slices|racket strings|line calls
airports|security queues|lost luggage|boarding passes|a missed connection|duty-free shops|runways
horses|dressage|hoof trimming|a bridle|colic|trotting|hay nets
kites|a delta kite|kite line|stunt kites|box kites|wind for kites|kite tails
ants|leafcutter ants|an ant nest|pheromone trails|worker ants|fire ants|a queen ant
recycling glass|bottle banks|cullet|coloured glass|deposit schemes|glass furnaces|jam jars
voice acting|a demo reel|microphone technique|audiobooks|accents|dubbing cartoons|warming up the voice
thermodynamics|entropy|heat engines|the second law|Carnot cycles|absolute zero|latent heat
street food of Mexico|tacos al pastor|tamales|elote|salsa verde|churros|quesadillas
marathon swimming|the English Channel|goggles|jellyfish stings|open-water pacing|wetsuits|feeding from a boat
furniture auctions|a reserve price|Chippendale chairs|bidding paddles|woodworm|provenance|an auctioneer
nightmares|sleep paralysis|falling in a dream|recurring dreams|lucid dreaming|night terrors|dream diaries
microscopes|oil immersion|staining slides|electron beams|focus knobs|onion cells|magnification
school bullying|cyberbullying|a bystander|name-calling|playground fights|telling a teacher|victims of bullies
olive growing|pressing olives|olive fly|Kalamata|pruning olive trees|extra virgin oil|old groves
""",
    "zh": """
豆腐制作|石膏点浆|卤水|豆渣|嫩豆腐|黄豆浸泡|豆浆过滤
自驾西藏|高原反应|国道318|加油站|边防证|冰川垭口|汽车轮胎
相声|捧哏|逗哏|贯口|抖包袱|马三立|相声段子
公务员考试|行测|申论|面试题|报名条件|职位表|体检标准
减肥|热量缺口|有氧运动|节食反弹|体脂率|代餐|平台期
婚礼|婚纱照|伴郎伴娘|喜糖|接亲|婚庆公司|敬茶
养鸡|鸡舍|孵蛋|禽流感|饲料配比|土鸡蛋|公鸡打鸣
微积分|极限|导数|不定积分|泰勒展开|洛必达法则|微分方程
红楼梦|林黛玉|贾宝玉|大观园|刘姥姥|金陵十二钗|曹雪芹
停车纠纷|车位租赁|违停罚单|地下车库|小区收费|堵住车道|划伤车门
乒乓球|弧圈球|直拍横打|发球旋转|胶皮|削球|双打规则
睡眠|失眠|褪黑素|午睡|打呼噜|深度睡眠|熬夜
拍短视频|剪辑软件|转场|背景音乐|涨粉|直播带货|封面标题
装修|水电改造|乳胶漆|瓷砖空鼓|甲醛|吊顶|全屋定制
二十四节气|立春|清明|冬至|惊蛰|霜降|大暑
云计算|虚拟机|容器编排|负载均衡|对象存储|弹性扩容|云服务器
离职|竞业协议|年终奖|工作交接|离职证明|赔偿金|辞职信
月嫂|坐月子|催乳|产后恢复|夜间带娃|月子餐|新生儿洗澡
蚕桑|蚕茧|桑叶|缫丝|蚕宝宝蜕皮|蚕蛾|丝绵被
古诗词|李白|平仄|宋词词牌|苏轼|绝句|借景抒情
黄金投资|金条|金价走势|纸黄金|首饰回收|黄金储备|避险资产
皮影戏|驴皮|皮影雕刻|幕布灯光|唱腔与皮影|陕西皮影|影人关节
火山|岩浆|火山灰|死火山|熔岩流|长白山天池|喷发预警
租房|押金|中介费|合租室友|租房合同|提前退租|房东涨价
汉服|襦裙|马面裙|交领右衽|发簪|汉服社团|立领长衫
驾照考试|科目二|倒车入库|路考|驾校教练|科目一题库|扣分规则
海水养殖|网箱|牡蛎|赤潮|对虾苗|海参|海带收割
心理咨询|焦虑|抑郁量表|认知疗法|咨询师伦理|原生家庭|倾听技巧
机器翻译|平行语料|注意力机制|译文质量|术语库|低资源语言|译后编辑
篮球鞋|缓震|鞋底纹路|护踝|限量款|球鞋清洗|磨脚
粽子|糯米|粽叶|咸肉粽|豆沙馅|龙舟与粽子|绑粽绳
宠物狗训练|定点排便|随行|护食|狗哨|零食奖励|乱叫
无人机|图传|禁飞区|云台|续航|航拍执照|失控返航
古建筑|斗拱|榫卯|飞檐|琉璃瓦|梁思成|彩画修缮
网络诈骗|钓鱼网站|刷单|冒充客服|验证码|杀猪盘|止付挂失
""",
}

# What is asked, what is answered; {a} {b} {c}: things of the topic, {t}: the topic. An answer need not name it.
TASKS = {
    "en": (
        (
            "Is the following sentence positive or negative?\nThe part on {a} was a complete waste of my evening.",
            "Negative.",
        ),
        (
            "Rewrite this so that a ten-year-old gets it: the matter of {a} depends on {b}.",
            "Think of it this way: {a} only works out when {b} is right.",
        ),
        (
            "Classify the word: {a}",
            "Topic: {t}",
        ),
        (
            "I run a small blog. Suggest five headlines about {t}, one of them with {a}.",
            "1. What nobody tells you about {a}\n2. {b}, and why it matters\n3. Ten years of {t}: my mistakes\n4."
            " {c} for the impatient\n5. Before you give up on {t}",
        ),
        (
            "Translate into German: we talked about {a} all morning.",
            "Wir haben den ganzen Morgen darüber gesprochen.",
        ),
        (
            "Write a Python dictionary with three entries on {t}.",
            "```python\nentries = {{'{a}': 1, '{b}': 2, '{c}': 3}}\n```",
        ),
        (
            "{a} vs {b}?",
            "They are not really rivals. {a} comes first, {b} when you have more time, and people who know {t} we"
            "ll use both.",
        ),
        (
            "Correct the spelling: i dont no nothing of {a}",
            "I don't know anything of {a}.",
        ),
        (
            "You are a patient teacher. A pupil asks you what {a} has to do with {b}. Reply in a friendly way.",
            "What a good question! Both belong to {t}. Start from {a}, which you can see for yourself, and you wi"
            "ll find that {b} follows almost by itself. Shall we try it together?",
        ),
        (
            "Continue the story: She had never cared for {t} until the day she came across {a}.",
            "It was raining, the shop was empty, and there it was. Within a week she talked of nothing but {b}, a"
            "nd her brother moved out.",
        ),
        (
            "Summarise in one line.\nMy uncle wrote four letters to the paper on {a}. He says {b} is to blame, an"
            "d that {c} used to be better.",
            "An uncle complains in the paper that {b} has spoiled {a}.",
        ),
        (
            "Make a table of pros and cons: {a}",
            "| Pros | Cons |\n|---|---|\n| easy to begin with | takes patience |\n| goes well with {b} | not cheap |",
        ),
        (
            "True or false: {a} has nothing to do with {b}.",
            "False.",
        ),
        (
            "How long does it usually take to learn the essentials of {t}?",
            "Two or three months, if you give it an hour a day; {a} and {b} take most of that.",
        ),
    ),
    "zh": (
        (
            "判断下面这句话的情感：关于{a}的那一段太让人失望了。",
            "负面",
        ),
        (
            "把这句话改得更正式：{a}这事儿得看{b}。",
            "{a}的结果取决于{b}的情况。",
        ),
        (
            "“{a}”属于哪个领域？",
            "{t}",
        ),
        (
            "帮我想三个跟{t}有关的公众号标题，其中一个要提到{a}。",
            "1. 你以为的{a}，都错了\n2. {b}背后的故事\n3. 入坑{t}之前，先看完这篇",
        ),
        (
            "翻译成英文：我们聊了一上午{a}。",
            "We chatted about it all morning.",
        ),
        (
            "用JSON列出{t}的三个关键词。",
            '{{"keywords": ["{a}", "{b}", "{c}"]}}',
        ),
        (
            "{a}和{b}有什么区别？",
            "简单说，{a}是起点，{b}要等有了一定经验再碰。懂{t}的人两样都会用。",
        ),
        (
            "改正错别字：我对{a}一巧不通。",
            "我对{a}一窍不通。",
        ),
        (
            "假设你是一位耐心的长辈，孩子问你{a}跟{b}有什么关系，请用亲切的语气回答。",
            "问得真好呀！它们都是{t}里的事情。你先把{a}看明白了，{b}自然就懂了。咱们一起试试，好不好？",
        ),
        (
            "续写：他本来对{t}毫无兴趣，直到那天遇见了{a}。",
            "那天下着雨，店里一个人也没有。一个星期之后，他嘴里就只剩下{b}了，连饭都顾不上吃。",
        ),
        (
            "一句话概括：我舅舅给报社写了四封信，说{a}不行了，都怪{b}，还说以前的{c}好得多。",
            "舅舅写信抱怨{b}毁了{a}。",
        ),
        (
            "列一个{a}的优缺点表格。",
            "| 优点 | 缺点 |\n|---|---|\n| 容易上手 | 需要耐心 |\n| 可以搭配{b} | 不便宜 |",
        ),
        (
            "对还是错：{a}跟{b}没有任何关系。",
            "错。",
        ),
        (
            "学会{t}的基本功一般要多久？",
            "每天一小时，两三个月就够了，其中{a}和{b}最花时间。",
        ),
    ),
}


def topics() -> list[tuple[str, str, list[str]]]:
    """`(language, topic, things)` of all seventy."""
    lines = [(language, line.split("|")) for language, told in TOPICS.items() for line in told.strip().splitlines()]
    return [(language, name, things) for language, (name, *things) in lines]


def tasks(seed: int) -> list[tuple[str, str, str]]:
    """`(topic, question, answer)` in a drawn order; which topics are large and which small is drawn."""
    draw = random.Random(seed)
    known = topics()
    sizes = [max(SMALLEST, round(LARGEST / (rank + 1) ** FALL)) for rank in range(len(known))]
    draw.shuffle(sizes)
    made: dict[tuple[str, str, str], None] = {}
    for (language, name, things), size in zip(known, sizes, strict=True):
        before = len(made)
        while len(made) < before + size:
            a, b, c = draw.sample(things, 3)
            asked, told = (
                side.format(a=a, b=b, c=c, t=name).replace("{{", "{").replace("}}", "}")
                for side in draw.choice(TASKS[language])
            )
            made[name, asked, told] = None
    shuffled = list(made)
    draw.shuffle(shuffled)
    return shuffled
