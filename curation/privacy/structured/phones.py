"""Phone numbers: by their country's shape, by phonenumbers where they begin with +, by the words around them otherwise."""

from __future__ import annotations

import re

from curation.privacy.structured.context import behind, led, money, near, thing, trigger, words
from curation.privacy.structured.rule import Judged, Rule

_PHONE_WORDS = words(
    "phones?(?: numbers?)?", "tel", "telephone", "mobile", "cell", "cellphone", "call(?:s|ed|ing)?", "dial", "fax", "whatsapp",
    "text(?: me| us)?", "sms", "ring", "reach(?: me| us| him| her| them)?", "contact", "hotline", "landline", "voicemail",
    "number is", "messages? to", "answering", "at work", "telegram", "signal",
    "电话", "電話", "手机", "手機", "移动电话", "座机", "固话", "联系", "聯絡", "聯繫", "致电", "拨打", "来电", "热线", "客服",
    "传真", "短信", "号码", "收货人", "收件人",
)  # fmt: skip
_NOT_PHONE = words(
    "scores?", "years?", "pages?", "ratio", "range", "chapter", "verses?", "isbn", "issn", "zip", "ip", "比分", "页"
)
_OTHER = words(
    "licen[cs]e",
    "policy",
    "account",
    "passport",
    "member(?:ship)?",
    "student",
    "serial",
    "registration",
    "驾驶证",
    "学号",
    "保单",
)
_HEAD = r"(?:(?<![0-9A-Za-z_.,/=+-])|(?<=[^0-9A-Za-z_][/,=])|(?<=[A-Za-z_]=)|(?<=[Tt][Ee][Ll])|(?<=[Tt][Ee][Ll]\.))"
_TAIL = r"(?![0-9A-Za-z_]|[.,-][0-9])"
_EXT = r"(?:\s?(?:x|ext\.?|extension|转|分机)\s?[0-9]{1,6})?"
# Lists of mobiles, "13812345678,13912345678": the comma between two of them is none of a number.
_LISTED = r"(?<=(?<![0-9])1[3-9][0-9]{9}[,/])"
_BEFORE_LISTED = r"(?![0-9A-Za-z_]|[.-][0-9]|,(?!1[3-9][0-9]{9}(?![0-9]))[0-9])"
_CN_MOBILE = re.compile(
    rf"(?:{_HEAD}|{_LISTED})(?:[(]?\+?(?:00)?86[)]?[ -]?)?"
    rf"(1[3-9][0-9])(?:[ -]?[0-9]{{4}}[ -]?[0-9]{{4}}|[ -][0-9]{{3}}[ -][0-9]{{5}})"
    rf"{_BEFORE_LISTED}"
)
_CN_LAND = re.compile(
    rf"{_HEAD}(?:(?:[(]?\+?86[)]?[ -]?)?(?:[(]0[1-9][0-9]{{1,2}}[)][ -]?|"
    rf"0?(?:10|2[0-9]|[3-9][0-9]{{2}})[ -])[2-9][0-9]{{2,3}}[ -]?"
    rf"[0-9]{{4}}|[48]00[ -]?[0-9]{{3}}[ -]?[0-9]{{4}}|[48]00[ -][0-9]{{4}}[ -][0-9]{{3}}){_EXT}{_TAIL}"
)
_TW = re.compile(
    rf"{_HEAD}(?:09[0-9]{{2}}[ -]?[0-9]{{3}}[ -]?[0-9]{{3}}|09[0-9]-[0-9]{{7,8}}|"
    rf"[(]?0[2-8][)]?[ -]?[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}){_EXT}{_TAIL}"
)
_US = re.compile(
    rf"(?<![0-9] ){_HEAD}(?:(?:\+|00)?1[ .-]?)?(?:[(][0-9]{{3}}[)][ .-]?[0-9]{{3}}[ .-]?|"
    rf"[0-9]{{3}}([ .-])[0-9]{{3}}\1)[0-9]{{4}}{_EXT}{_TAIL}"
)
_EU = re.compile(
    rf"{_HEAD}(?:0[1-9](?:([ .-])[0-9]{{2}})(?:\1[0-9]{{2}}){{3}}|07[0-9]{{3}} [0-9]{{3}} ?[0-9]{{3}}|"
    rf"0[1-9][0-9]{{2}} [0-9]{{3}} [0-9]{{4}}"
    rf"|[(]0[1-9][0-9]{{2,3}}[)] ?[0-9]{{3}} ?[0-9]{{3,4}}|0[1-9][0-9]{{3}} [0-9]{{6}}){_TAIL}"
)
_PLUS = re.compile(
    rf"(?<![0-9A-Za-z_+])(?:[(]\+[0-9]{{1,3}}[)]|\+|(?<![0-9.-])00(?=[1-9]))"
    rf"(?:[ .()/-]{{0,2}}[0-9]){{6,15}}{_EXT}(?![0-9A-Za-z_])"
)
_ANY = re.compile(rf"{_HEAD}[(]?[0-9](?:[ .()/-]{{0,2}}[0-9]){{6,15}}{_EXT}{_TAIL}")
_USE_BEHIND = re.compile(r"[ -]{1,3}(?:office|mobile|home|work|fax|cell)(?![a-z])", re.I)
_PARENTHESIS = re.compile(r"^\(\d{2,4}\)")


def phone_rules() -> tuple[Rule, ...]:
    """The rules for PHONE_NUMBER. The last takes any plausible group of digits, but only in a phone's context."""
    digits = r"[0-9](?:[ .()/-]{0,2}[0-9]){6}"
    return (
        Rule("phone_cn_mobile", "PHONE_NUMBER", r"1[3-9][0-9](?:[ -]?[0-9]){8}", _CN_MOBILE, _cn_mobile),
        Rule("phone_cn_landline", "PHONE_NUMBER", r"[0-9]{2}[0) -]+[0-9](?:[ -]?[0-9]){6}|[48]00", _CN_LAND, _cn_land),
        Rule("phone_tw", "PHONE_NUMBER", r"0[2-9](?:[ )-]{0,2}[0-9]){7}", _TW, _tw),
        Rule("phone_us", "PHONE_NUMBER", r"[0-9]{3}[ ).-]{1,2}[0-9]{3}[ .-]?[0-9]{4}", _US, _us),
        Rule("phone_europe", "PHONE_NUMBER", r"0[1-9](?:[ ).-]{0,2}[0-9]){7}", _EU, _eu),
        Rule("phone_international", "PHONE_NUMBER", r"(?:\+|00|\+[0-9]{1,3}\))(?:[ .()/-]{0,2}[0-9]){6}", _PLUS, _plus),
        Rule("phone_context", "PHONE_NUMBER", digits, _ANY, _any, trigger(_PHONE_WORDS)),
    )


def _score(match: re.Match[str], alone: float) -> Judged:
    """`alone` for a number that stands for itself, more in a phone's context, nothing for an order or an amount."""
    if near(match, _PHONE_WORDS):
        return None if money(match) else (*match.span(), 0.85)
    if alone == 0.0 or thing(match) or money(match) or near(match, _NOT_PHONE, size=16):
        return None
    return *match.span(), alone


def _cn_mobile(match: re.Match[str]) -> Judged:
    return _score(match, 0.75)


def _cn_land(match: re.Match[str]) -> Judged:
    return _score(match, 0.6 if _separated(match.group()) else 0.0)


def _tw(match: re.Match[str]) -> Judged:
    apart = re.match(r"\(|0[2-8][ -]|09[0-9]{1,2}[ -]", match.group())
    return _score(match, 0.6 if apart else 0.0)


def _us(match: re.Match[str]) -> Judged:
    """North America: area and exchange begin with 2-9; others of this shape only in context."""
    digits = re.sub(r"[^0-9]", "", re.split(r"x|ext|转|分机", match.group())[0])[-10:]
    sound = digits[0] in "23456789" and digits[3] in "23456789"
    return _score(match, 0.6 if sound and match.group(1) != " " else 0.5 if sound else 0.0)


def _eu(match: re.Match[str]) -> Judged:
    """France and the United Kingdom, grouped as they are written there."""
    return _score(match, 0.55)


def _plus(match: re.Match[str]) -> Judged:
    """With a country's code: phonenumbers knows it as possible; a valid one needs no context."""
    import phonenumbers

    told = match.group()
    plus = told.startswith(("+", "(+"))
    try:
        number = phonenumbers.parse(told if plus else "+" + told.lstrip("0"), None)
    except phonenumbers.NumberParseException:
        return None
    near_word = near(match, _PHONE_WORDS)
    if not near_word and (_sum(match) or told.startswith("+ ")):
        return None
    if phonenumbers.is_valid_number(number):
        return *match.span(), 0.95 if plus else 0.7
    if plus and (phonenumbers.is_possible_number(number) or near_word):
        return *match.span(), 0.9
    return _score(match, 0.0)


def _any(match: re.Match[str]) -> Judged:
    """Seven to fifteen digits behind a word for phone; not a date, not a decimal, not an amount."""
    told = re.split(r"x|ext|转|分机", match.group())[0]
    digits = re.sub(r"[^0-9]", "", told)
    if (
        not 7 <= len(digits) <= 15
        or money(match)
        or thing(match)
        or _is_date(told)
        or (told.count(".") == 1 and "(" not in told)
    ):
        return None
    start = match.start() + (told.startswith("(") and ")" not in told)  # "(0171 2345678)": the sentence's bracket
    if len(set(digits)) < 3 or match.string[start : match.end()].count("(") != told.count(")"):
        return None
    close = near(match, _PHONE_WORDS, size=32) and not led(match, _OTHER, size=32)
    close = close or bool(_USE_BEHIND.match(behind(match)))
    return (
        (start, match.end(), 0.65)
        if close or (_PARENTHESIS.match(told) and near(match, _PHONE_WORDS, size=80))
        else None
    )


def _is_date(told: str) -> bool:
    date = re.fullmatch(
        r"(?:19|20)[0-9]{2}([-/.]?)[01]?[0-9]\1[0-3]?[0-9]|[0-3]?[0-9]([-/.])[0-3]?[0-9]\2(?:19|20)[0-9]{2}", told
    )
    years = re.fullmatch(r"(?:1[0-9]|20)[0-9]{2} ?[-/] ?(?:1[0-9]|20)[0-9]{2}", told)
    return bool(date or years or re.match(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]", told))


def _separated(told: str) -> bool:
    return any(char in told for char in " -()")


def _sum(match: re.Match[str]) -> bool:
    """Whether the plus is one of arithmetic: digits or a bracket before it, an equals sign behind."""
    before = match.string[max(0, match.start() - 4) : match.start()].rstrip()
    return before[-1:].isdigit() or before[-1:] in tuple(")=*/") or "=" in behind(match, size=3)
