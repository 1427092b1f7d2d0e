"""The words around a number that say what it is, in English and Chinese, before it and behind it."""

from __future__ import annotations

import re

BEFORE, BEHIND = 48, 24  # code points that are looked at

# What stands right before a number that identifies a thing, not a person.
_THING = re.compile(
    r"(?:(?<![a-z])(?:order|invoice|tracking|ticket|waybill|parcel|shipment|transaction|reference|ref|serial|sku|isbn|issn|doi|"
    r"part|model|item|product|batch|lot|barcode|ean|upc|article|version|build|commit|revision|case|docket|patent|po|rma|"
    r"timestamp|epoch|created_at|updated_at|unix(?: time)?|population|revenue|total|sum|price|cost|budget|order_id|"
    r"usd|eur|gbp|cny|rmb)(?![a-z])"
    r"|订单|单号|运单|快递|物流|流水|工单|发票|编号|编码|序列|批号|批次|条码|条形码|型号|版本|货号|料号|零件|商品|"
    r"时间戳|毫秒|秒数|书号|刊号|专利|案号|文号|参考号|总价|合计|金额|人口|预算|价格|营收|圆周率)"
    r"[^\n。;；!！?？]{0,16}$",
    re.I,
)
_MONEY_BEFORE = re.compile(r"[$€£¥￥]\s?$|(?<![A-Za-z])(?:USD|EUR|GBP|CNY|RMB|HK\$|NT\$)\s?$", re.I)
_MONEY_BEHIND = re.compile(
    r"\s?(?:元|块|美元|欧元|英镑|日元|万|亿|人|个|%|％|dollars?|euros?|pounds?|yuan|people|USD|EUR)"
)


def words(*names: str) -> re.Pattern[str]:
    """One pattern for several words: Latin ones as whole words, others anywhere, letter case ignored."""
    latin = [name for name in names if name.isascii()]
    other = [name for name in names if not name.isascii()]
    parts = ([rf"(?<![a-z])(?:{'|'.join(latin)})(?![a-z])"] if latin else []) + other
    return re.compile("|".join(parts), re.I)


def trigger(lexicon: re.Pattern[str]) -> str:
    """A trigger for polars out of a lexicon: its words without their borders, which Rust's expressions cannot look at."""
    return "(?i)" + lexicon.pattern.replace("(?<![a-z])", "").replace("(?![a-z])", "")


def before(match: re.Match[str], group: int | str = 0, size: int = BEFORE) -> str:
    """The text before a match, at most `size` code points, no further back than its line or the one above."""
    start = match.start(group)
    return match.string[max(0, start - size) : start]


def behind(match: re.Match[str], group: int | str = 0, size: int = BEHIND) -> str:
    """The text behind a match, at most `size` code points of the same line."""
    end = match.end(group)
    return match.string[end : end + size].partition("\n")[0]


def near(match: re.Match[str], lexicon: re.Pattern[str], group: int | str = 0, size: int = BEFORE) -> bool:
    """Whether a word of the lexicon stands before the match or behind it."""
    return bool(lexicon.search(before(match, group, size)) or lexicon.search(behind(match, group)))


def led(match: re.Match[str], lexicon: re.Pattern[str], group: int | str = 0, size: int = BEFORE) -> bool:
    """Whether a word of the lexicon stands before the match."""
    return bool(lexicon.search(before(match, group, size)))


def thing(match: re.Match[str], group: int | str = 0) -> bool:
    """Whether the match is introduced as an order, a serial number, a sum and the like."""
    return bool(_THING.search(before(match, group, 32)))


def money(match: re.Match[str], group: int | str = 0) -> bool:
    """Whether the match is an amount of money or a count."""
    return bool(_MONEY_BEFORE.search(before(match, group, 8)) or _MONEY_BEHIND.match(behind(match, group)))
