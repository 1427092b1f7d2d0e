"""Numbers of a person: identity cards, passports, dates of birth, medical records, chat names; and licence plates."""

from __future__ import annotations

import re

from curation.privacy.structured import checksums
from curation.privacy.structured.context import before, behind, led, near, thing, trigger, words
from curation.privacy.structured.rule import Judged, Rule

_CN_ID = re.compile(
    r"(?<![0-9])(?<![0-9][.-])[1-9][0-9]{5}([ -]?)(?:1[89]|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]\1[0-9]{3}[0-9Xx](?![0-9A-Za-z])"
)
_CN_OLD = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{7}(?:0[1-9]|1[0-2])[0-3][0-9]{4}(?![0-9A-Za-z])")
_HK_ID = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{1,2}[0-9]{6})(?: ?\(([0-9Aa])\)|([0-9Aa])(?![A-Za-z0-9]))")
_TW_ID = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z][1289][0-9]{8}(?![A-Za-z0-9-])")
_SSN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][.-])([0-9]{3})([ -]?)([0-9]{2})\2([0-9]{4})(?![0-9A-Za-z]|[.-][0-9])")
_PASSPORT = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]{0,2}[0-9]{2})[A-Za-z0-9]{6,10}(?![A-Za-z0-9])")
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使][A-HJ-NP-Z][·•‧・・. -]?"
    r"(?:(?:[A-HJ-K][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJ-K])|[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳领])(?![A-Za-z0-9])"
)
_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\.?"
_HAN_DIGITS = "〇零一二三四五六七八九"
_DATE = (
    r"(?<![0-9])(?:(?P<y1>(?:19|20)[0-9]{2})(?:(?P<s1>[-/.])(?P<m1>[01]?[0-9])(?P=s1)(?P<d1>[0-3]?[0-9])|"
    r" ?年 ?[01]?[0-9] ?月(?: ?[0-3]?[0-9] ?[日号])?|[01][0-9][0-3][0-9])"
    r"|(?P<a1>[0-3]?[0-9])(?P<s2>[-/.])(?P<b1>[0-3]?[0-9])(?P=s2)(?:19|20)?[0-9]{2}"
    rf"|{_MONTHS} [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}"
    rf"|[0-3]?[0-9](?:st|nd|rd|th)?(?: of)?[ -]{_MONTHS},?[ -](?:19|20)[0-9]{{2}})(?![0-9])"
    rf"|[一二][九〇零][{_HAN_DIGITS}]{{2}}年[{_HAN_DIGITS}十]{{1,2}}月(?:[{_HAN_DIGITS}十]{{1,3}}[日号])?"
)
_DATES = re.compile(_DATE, re.I)

_ID_WORDS = words(
    "id", "ids", "identity", "identification", "hkid", "resident", "身份证", "身份證", "身分證", "证件", "證件"
)
_HK_WORDS = words("hkid", "hong kong", "hk", "identity card", "香港", "港人", "身份證", "身份证")
_TW_WORDS = words(
    "taiwan(?:ese)?",
    "roc",
    "national",
    "identity",
    "identification",
    "id",
    "身分證",
    "身份证",
    "身份證",
    "台胞",
    "统一编号",
    "統一編號",
)
_SSN_WORDS = words("ssn", "ssns", "social security", "social sec", "tax ?payer", "itin", "社会安全", "社會安全", "社安")
_PASSPORT_WORDS = words("passports?", "护照", "護照", "通行证", "通行證")
_DOB_LABEL = re.compile(
    r"(?:(?<![a-z])(?:d\.?o\.?b\.?|(?:date|day) of birth|birth ?dates?|"
    r"birthdays?|born:)|出生(?:日期|年月日?|时间|日)|生日|出生日)"
    r"[\"'*]{0,3}(?: ?(?:is|was|on|为|是|在|于|爲|[:=,(（#-])[\"']?){0,3} ?[\"']?$",
    re.I,
)
_BORN = re.compile(r"(?:(?<![a-z])born(?: on| in)?|出生于|出生於|生于|生於)[ :]{0,2}$", re.I)
_BORN_BEHIND = re.compile(r"(?:出生|生人|生[，,。 ]|\(?(?:dob|date of birth)\b)", re.I)
_PRIVATE = words(
    "i", "i was", "i'm", "my", "patients?", "applicants?", "employees?", "customers?", "client", "user", "tenant", "name", "doe",
    "student", "insured", "member", "本人", "我", "患者", "病人", "客户", "用户", "申请人", "员工", "学生", "学员", "当事人",
    "原告", "被告", "嫌疑人", "身份证", "姓名", "户籍", "住址", "汉族",
)  # fmt: skip
_MRN = re.compile(
    r"(?:(?<![A-Za-z])(?:MRN|medical record(?:s)?|patient (?:id|no|number|identifier)|chart (?:no|number|id)|NHS (?:number|no)|"
    r"health card|hospital (?:no|number|id))(?![A-Za-z])|病历|病歷|病案|住院|"
    r"门诊|門診|就诊卡|就診卡|就诊|医疗卡|医保卡|病人ID|患者ID|患者编号|体检)"
    r"(?: ?(?:number|no|id|code|号码|编号|编码|卡号|号|號))?\.?(?: ?(?:is|was|are|为|是|[:：=#(]|\"|')){0,4} {0,2}"
    r"(?P<v>(?=[A-Za-z0-9-]{0,8}[0-9]{3})[A-Za-z0-9]{1,14}(?:[-/][A-Za-z0-9]{1,12}){0,3}(?: [0-9]{3,4}){0,2})(?![A-Za-z0-9])",
    re.I,
)
_CHAT = re.compile(
    r"(?:(?P<label>(?<![A-Za-z])(?:we ?chat|weixin|wx|vx|qq|telegram|skype|line)(?![A-Za-z])|微信|威信|薇信|加v|加V|扣扣|企鹅号?)"
    r"(?P<id> ?(?:ids?|no\.?|number|account|handle|user ?name|号码|号|號|账号|帐号|群号?)){0,2}"
    r"(?P<glue>(?: {0,2}(?:is|as|at|under|为|是|叫|搜|加|[:=#(]|\"|')){0,4}) {0,2}@?)"
    r"(?P<v>[A-Za-z][A-Za-z0-9_-]{5,31}|[1-9][0-9]{4,10})(?![A-Za-z0-9_@]|[.-][A-Za-z0-9])",
    re.I,
)
_WXID = re.compile(r"(?<![A-Za-z0-9_])wxid_[a-z0-9]{10,22}(?![A-Za-z0-9_])")


def identity_rules() -> tuple[Rule, ...]:
    """The rules for identity cards, passports, social security, plates, births, medical records and chat names."""
    month = r"(?:19|20)[0-9]{2}|年|[0-9][./-][0-9]{2}"
    plate = r"\p{Han}[A-HJ-NP-Z].?[A-Z0-9]{4}[A-Z0-9挂学警港澳领]"
    medical = r"(?i)mrn|medical rec|patient|chart|nhs|health card|hospital|[病住门門就医体患]"
    chat = r"(?i)we ?chat|weixin|[wv]x|qq|telegram|skype|line|[微威薇]信|加v|扣扣|企鹅"
    birth = r"(?i)born|birth|d\.?o\.?b|[出降]生|生日|生[于於]"
    return (
        Rule("cn_id", "CN_ID_CARD", r"[0-9]{6}[ -]?(?:1[89]|20)[0-9]{6}[ -]?[0-9]{3}[0-9Xx]", _CN_ID, _cn_id),
        Rule("cn_id_15", "CN_ID_CARD", "[0-9]{15}", _CN_OLD, _cn_old, trigger(_ID_WORDS)),
        Rule("hk_id", "HK_ID_CARD", r"[A-Za-z][0-9]{6}(?: ?\(|[0-9Aa])", _HK_ID, _hk_id),
        Rule("tw_id", "TW_ID_CARD", r"[A-Za-z][1289][0-9]{8}", _TW_ID, _tw_id),
        Rule("us_ssn", "US_SSN", r"[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}", _SSN, _ssn),
        Rule("passport", "PASSPORT", trigger(_PASSPORT_WORDS), _PASSPORT, _passport, "[0-9]{2}"),
        Rule("plate_cn", "LICENSE_PLATE", plate, _PLATE, _plate),
        Rule("birth", "DATE_OF_BIRTH", birth, _DATES, _birth, month),
        Rule("medical_record", "MEDICAL_RECORD", medical, _MRN, _medical, "[0-9]{4}"),
        Rule("chat_id", "CHAT_ID", chat, _CHAT, _chat, "[0-9_:：]|是|为"),
        Rule("wxid", "CHAT_ID", r"wxid_", _WXID, lambda match: (*match.span(), 0.95)),
    )  # fmt: skip


def _bare(told: str) -> str:
    return re.sub(r"[ ()-]", "", told)


def _cn_id(match: re.Match[str]) -> Judged:
    return (*match.span(), 1.0) if checksums.cn_id(_bare(match.group())) else None


def _cn_old(match: re.Match[str]) -> Judged:
    sound = checksums.old_cn_id(match.group()) and near(match, _ID_WORDS, size=24)
    return (*match.span(), 0.7) if sound else None


def _hk_id(match: re.Match[str]) -> Judged:
    """The check digit in brackets is convincing; without brackets it needs its context (one number in 11 would pass)."""
    check = match.group(2) or match.group(3)
    if not checksums.hk_id(match.group(1) + check):
        return None
    if match.group(2):
        return None if thing(match) else (*match.span(), 0.9)
    return (*match.span(), 0.85) if near(match, _HK_WORDS) else None


def _tw_id(match: re.Match[str]) -> Judged:
    """One number in ten passes, so a word of identity makes it sure and a word for goods rules it out."""
    if not checksums.tw_id(match.group()):
        return None
    if near(match, _TW_WORDS):
        return *match.span(), 0.9
    return None if thing(match) or match.group()[1] in "89" or match.group()[0].islower() else (*match.span(), 0.5)


def _ssn(match: re.Match[str]) -> Judged:
    """With dashes it stands for itself; with spaces or nothing only beside its name."""
    area, mark, group, serial = match.groups()
    if not checksums.us_ssn(area, group, serial):
        return None
    if near(match, _SSN_WORDS):
        return *match.span(), 0.95
    sample = match.group() == "123-45-6789"
    return (*match.span(), 0.7) if mark == "-" and not sample and not thing(match) else None


def _passport(match: re.Match[str]) -> Judged:
    """Five digits or more and four letters at most, with the word passport right before it or right behind."""
    told = match.group()
    digits = sum(char.isdigit() for char in told)
    if digits < len(told) - 4 or digits < 5 or re.fullmatch(r"(?:19|20)[0-9]{6}", told):
        return None
    return (*match.span(), 0.85) if near(match, _PASSPORT_WORDS, size=28) else None


def _plate(match: re.Match[str]) -> Judged:
    return (*match.span(), 0.9) if sum(char.isdigit() for char in match.group()[2:]) >= 2 else None


def _birth(match: re.Match[str]) -> Judged:
    """Behind a label always; behind "born on" only of a private person: biographies of the famous are knowledge."""
    year = re.search(r"(?:18|19|20)[0-9]{2}", match.group())
    if year and not 1900 <= int(year.group()) <= 2035:
        return None
    ahead, after = before(match, size=40), behind(match)
    if _DOB_LABEL.search(ahead):
        return *match.span(), 0.9
    born = _BORN.search(ahead) or _BORN_BEHIND.match(after)
    return (*match.span(), 0.7) if born and (led(match, _PRIVATE, size=64) or _PRIVATE.search(after)) else None


def _medical(match: re.Match[str]) -> Judged:
    value = match.group("v")
    digits = sum(char.isdigit() for char in value)
    date = re.fullmatch(r"(?:19|20)[0-9]{2}(?:[-/][0-9]{1,2}){1,2}|(?:19|20)[0-9]{2}", value)
    return (*match.span("v"), 0.85) if digits >= 4 and digits * 2 >= len(_bare(value)) and not date else None


def _chat(match: re.Match[str]) -> Judged:
    """After "WeChat ID" any name; after "WeChat" alone one with a digit or an underscore, or behind a colon in Chinese."""
    value, label = match.group("v"), match.group("label").lower()
    glue, named = match.group("glue").strip(), match.group("id") is not None
    if value.isdigit():
        number = label in ("qq", "扣扣", "企鹅", "企鹅号") or named or glue.startswith((":", "="))
        return (*match.span("v"), 0.85) if number and label != "line" else None
    marked = any(char in "0123456789_" for char in value)
    if (
        label in ("line", "skype", "telegram", "wx", "qq")
        and not (named and glue and marked)
        and not (label == "qq" and glue and marked)
    ):
        return None
    if marked:
        return (*match.span("v"), 0.85) if glue or named or not label.isascii() else None
    said = named and glue.startswith((":", "=", "是", "为", "is"))
    return (*match.span("v"), 0.7) if said and value.islower() else None
