"""Rules for Chinese names: labels and introductions, titles behind a surname, names with a middle dot, public figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from curation.privacy.names import words
from curation.privacy.spans import Span

HAN = "㐀-䶿一-鿿"
TITLES = (
    "先生|女士|小姐|太太|夫人|老师|教授|医生|大夫|护士长|护士|师傅|大师傅|经理|总监|总经理|主任|主管|董事长|董事|"
    "局长|处长|科长|厂长|院长|校长|所长|队长|组长|部长|市长|县长|镇长|村长|书记|律师|法官|警官|警察|教练|同学|同志|"
    "博士|硕士|老板|老板娘|阿姨|叔叔|大叔|大爷|大妈|大娘|奶奶|爷爷|姐姐|哥哥|大哥|大姐|叔|姨|姐|哥|总|某某|某|氏|嫂|伯伯|婶"
)
# Behind a label and a colon nearly anything with a surname is a name.
LABELS = (
    "姓名|名字|联系人|收件人|寄件人|收货人|发件人|申请人|经办人|审核人|负责人|法定代表人|法人代表|法人|代表人|委托人|"
    "受托人|被告人|被告|原告|甲方|乙方|丙方|患者姓名|患者|病人|学生姓名|学生|家长|客户姓名|客户|签名|签字|作者姓名|"
    "填表人|制表人|报告人|主治医生|值班医生|医师|驾驶员|司机|户主|持卡人|开户名|户名|推荐人|来访者|领取人|领取人签名|"
    "紧急联系人|监护人|投保人|被保险人|受益人|嫌疑人|证人|担保人|借款人|出租人|承租人|房东|租客|导师|班主任|考生|致|"
    "教师|员工|员工姓名|应聘者|求职者|称呼|署名|落款|昵称"
)
INTRODUCES = "我叫做|我叫|我的名字叫|我的名字是|名字叫|名字是|名叫|叫做|他叫|她叫|全名是|本名|真名是|真名叫"
# What no given name has in it.
NEVER = (
    "的了着过是在有和与及或不没也都就还又很太最被把给对向从到吗呢吧啊呀么这那哪谁我你您他她它们个些什怎请要会能可上下"
)
# Words that models take for names.
NOT_NAMES = frozenset(
    "妈妈 爸爸 爷爷 奶奶 外公 外婆 姥姥 姥爷 哥哥 姐姐 弟弟 妹妹 叔叔 阿姨 舅舅 宝宝 宝贝 老师 先生 女士 小姐 医生 经理 上帝 "
    "天使 菩萨 老板 同学 朋友 客户 小明 小红 小刚 小华 小丽 小猫 小狗 小鸟 小兔 小熊 老虎 狮子 乌龟 兔子 某某 张三 李四 王五 "
    "本人 用户 主人公 主角 作者 国王 王后 公主 王子 皇帝 皇后 老人 男孩 女孩 小孩 孩子".split()
)
_LABEL = re.compile(rf"(?:{LABELS})\s*(?:[:：]|为[:：]?)\s*(?=[{HAN}])")
_BARE_LABEL = re.compile(rf"(?:收货人|收件人|寄件人|联系人|法定代表人|经办人|审核人|申请人|委托人|负责人)(?=[{HAN}])")
_CALLED = re.compile(rf"(?:我姓|免贵姓|他姓|她姓)(?P<n>[{HAN}])(?![{HAN}])")
# What stands in front of a name and is also a surname; what stands behind one and is in few.
_FUNCTION = "于和向时来都应连为单但从对与让由被把给找跟是"
_AFTER = "说问答来去走吃看听想做等到好家病死笑哭睡先总哥姐叔姨"
_INTRODUCTION = re.compile(rf"(?:{INTRODUCES})\s*[:：]?\s*(?=[{HAN}])")
_DOTTED = re.compile(rf"(?<![{HAN}·•])[{HAN}]{{1,6}}(?:[·•・‧][{HAN}]{{1,7}}|[·•・‧][A-Z]\.?(?=[·•・‧]))+")
_DOT_LEFT = re.compile(r"^(?:我叫|我是|这是|叫做|名叫|由|和|与|跟|给|找|向|对|请|据|是|在|被|让|到|把|问|见|于)")
_DOT_RIGHT = re.compile(r"(?:(?:先生|女士|小姐|教授|说|在|是|的|和|与|于|对|向|被|把|认为|提出|写|创作|发明|给|为).*)$")
# Facts of an encyclopaedia, not of somebody one knows.
_GENERAL = re.compile(
    r"朝|世纪|古代|诗人|词人|文学家|作家|小说|诗歌|科学家|物理学|化学家|数学家|哲学|思想家|政治家|军事家|画家|音乐家|作曲|"
    r"艺术家|总统|首相|国王|皇帝|皇后|女王|主席|诺贝尔|定理|定律|理论|公式|发明|发现了|革命|战争|战役|奥运|冠军|导演|主演|"
    r"电影|歌手|演员|球星|球员|神话|传说|童话|史记|三国|水浒|红楼|西游|《|公元|[（(]\s*(?:公元)?前?\d{3,4}\s*年?\s*[-—–~至]"
)
_PRIVATE = re.compile(
    r"电话|手机|地址|住址|家住|住在|身份证|患者|病人|发烧|咳嗽|住院|就诊|病历|快递|收件|收货|联系人|客户|房东|邻居|同学|同事|"
    r"请假|我叫|我是|我的|我家|我们|我和|我给|请联系|转告|您好|你好|预约|签字|签名|账户|贷款|面试|简历|投诉|押金|不在|欠我|借了"
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A surname with its title; a whole name of two to four characters."""
    single, common, several = words.surnames()
    sure = "".join(sorted(set(single) - set(common)))
    every = "".join(sorted(set(single) | set(common)))
    compound = "|".join(several)
    before = r"(?<![一-鿿])|(?<=[是和与跟给找请问对向据被让由叫见了到的、把陪替为听])"
    titled = re.compile(
        rf"(?:(?:{before})(?P<c>{compound}|[{every}])(?P<g>[{HAN}]{{0,2}}?)|(?P<s>{compound}|[{sure}]))(?=(?:{TITLES})(?![{HAN}]*家))"
    )
    whole = re.compile(rf"(?:{compound}|[{every}])[{HAN}]{{1,3}}|[小阿老][{HAN}]")
    return titled, whole


def rules(text: str) -> Iterator[Span]:  # noqa: C901 (one loop a rule)
    """Names that stand where only names stand; no model is asked."""
    for pattern, recogniser in ((_LABEL, "zh_label"), (_INTRODUCTION, "zh_introduction")):
        for cue in pattern.finditer(text):
            end = _name_end(text, cue.end(), lenient=recogniser == "zh_label")
            if end:
                yield Span(cue.end(), end, "PERSON", 0.9, recogniser)
    for cue in _BARE_LABEL.finditer(text):
        end = _name_end(text, cue.end(), lenient=True)
        if end and not re.match(rf"[{HAN}]", text[end : end + 1]):
            yield Span(cue.end(), end, "PERSON", 0.8, "zh_bare_label")
    for match in _CALLED.finditer(text):
        yield Span(*match.span("n"), "PERSON", 0.8, "zh_introduction")
    for match in _patterns()[0].finditer(text):
        start, end = match.span()
        if match["c"] and match["g"] and any(character in NEVER for character in match["g"]):
            continue
        if end > start and not _inside_a_word(text, start, end):
            yield Span(start, end, "PERSON", 0.8, "zh_title")
    for match in _DOTTED.finditer(text):
        start, end = match.span()
        left = _DOT_LEFT.match(text[start:end])
        start += left.end() if left else 0
        last = max(text.rfind(dot, start, end) for dot in "·•・‧")
        right = _DOT_RIGHT.search(text, last + 2, end)
        yield Span(start, right.start() if right else min(end, last + 5), "PERSON", 0.8, "zh_dotted")


def _name_end(text: str, start: int, *, lenient: bool) -> int:
    """Where the name that begins here ends, 0 if none does: before a title, a mark or a word no name has."""
    match = _patterns()[1].match(text, start)
    if match is None or text[start] in NEVER:
        return 0
    end = start + 1
    while end < match.end() and text[end] not in NEVER:
        end += 1
    name = text[start:end]
    title = re.search(rf"(?:{TITLES})$", name)
    if title and title.start() > 0:
        end -= len(name) - title.start()
    closed = end == len(text) or not re.match(rf"[{HAN}]", text[end]) or bool(re.match(rf"(?:{TITLES})", text[end:]))
    length = end - start
    if length < 2 or (length == 4 and name[:2] not in words.surnames()[2]):
        if length == 4:
            return start + 3
        return end if lenient and length == 1 and title else 0
    return end if closed or (not lenient and length <= 4) else 0


def _inside_a_word(text: str, start: int, end: int) -> bool:
    """A title makes a word of its own with some characters: 任何总 (经理) is none, 马上 is none, 国王叔叔 is none."""
    around = text[max(0, start - 1) : end + 2]
    return any(
        word in around
        for word in ("任何", "如何", "为何", "国王", "帝王", "女王", "大王", "霸王", "海王", "汇总", "老张开")
    )


def tidy(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """What a model found, without what is no name: marks at the ends, titles, words for anybody."""
    for span in spans:
        if span.entity != "PERSON":
            yield span
            continue
        start, end = span.start, span.end
        marks = re.compile(rf"[^{HAN}A-Za-z·•]+")
        while start < end and marks.match(text[start]):
            start += 1
        while end > start and marks.match(text[end - 1]):
            end -= 1
        cut = marks.search(text, start, end)
        if cut and not text[start : cut.start()].isascii():
            end = cut.start()
        title = re.search(rf"(?:{TITLES})$", text[start:end])
        if title and title.start() > 0:
            end = start + title.start()
        name = text[start:end]
        if not name or name in NOT_NAMES or name.isascii():
            continue
        start, end = _widen(text, start, end)
        if _a_word(text[start:end]):
            continue
        if len(name) == 1 and not re.match(rf"(?:{TITLES})", text[end:]):
            continue
        yield replace(span, start=start, end=end)


def _a_word(name: str) -> bool:
    """Whether two characters without a surname, that are no pet name either, are a word of the dictionary."""
    single, common, _ = words.surnames()
    if len(name) != 2 or name[0] in single + common + "小老阿大" or name[0] == name[1]:
        return False
    return name in words.chinese_words()


def _widen(text: str, start: int, end: int) -> tuple[int, int]:
    """A name of two characters without its surname in front, or without a last character that ends the clause."""
    single, common, _ = words.surnames()
    family = set(single) | set(common)
    if end - start != 2:
        return start, end
    before, behind = text[start - 1 : start], text[end : end + 1]
    if text[start] not in family | set("小老阿") and before in family - set(_FUNCTION) and before:
        return start - 1, end
    closed = not re.match(rf"[{HAN}]", text[end + 1 : end + 2])
    if text[start] in family and re.match(rf"[{HAN}]", behind) and closed and behind not in NEVER + _AFTER:
        return start, end + 1
    return start, end


def public(text: str, span: Span) -> bool:
    """Whether the span names a public figure, or somebody in a sentence of general knowledge."""
    name = text[span.start : span.end].replace("•", "·")
    known = name in words.public_chinese() or ("·" in name and name.rsplit("·", 1)[1] in words.public_chinese())
    sure = span.recogniser in ("zh_label", "zh_introduction")
    start = max(text.rfind(mark, 0, span.start) for mark in "。！？\n") + 1
    ends = [at for mark in "。！？\n" if (at := text.find(mark, span.end)) >= 0]
    sentence = text[start : min(ends, default=len(text))]
    private = bool(_PRIVATE.search(sentence))
    if known:
        return not sure and not (private and not _GENERAL.search(sentence))
    return not sure and not private and span.recogniser != "zh_title" and bool(_GENERAL.search(sentence))
