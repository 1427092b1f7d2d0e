"""Numbers of money: cards, bank accounts, organisations' credit codes, wallets."""

from __future__ import annotations

import re

from curation.privacy.structured import checksums
from curation.privacy.structured.context import money, near, thing, words
from curation.privacy.structured.rule import Judged, Rule, checked

_CARD = re.compile(r"(?<![0-9A-Za-z_])(?<![0-9][.,-])[1-9][0-9](?:[ -]?[0-9]){10,17}(?![0-9A-Za-z_]|[.,-][0-9])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_USCC = re.compile(
    r"(?<![0-9A-Za-z])[1-9ANYany][0-9A-HJ-NP-RTUW-Ya-hj-np-rtuw-y][0-9]{6}[0-9A-HJ-NP-RTUW-Ya-hj-np-rtuw-y]{10}(?![0-9A-Za-z])"
)
_BASE58 = re.compile(r"(?<![A-Za-z0-9])[13TDLMA][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9])")
_BECH32 = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11,71}|(?:BC|TB|LTC)1[02-9AC-HJ-NP-Z]{11,71})(?![A-Za-z0-9])"
)
_ETHEREUM = re.compile(r"(?<![A-Za-z0-9])0[xX][0-9a-fA-F]{40}(?![0-9a-zA-Z])")
_CARD_WORDS = words(
    "cards?", "credit", "debit", "visa", "mastercard", "amex", "maestro", "unionpay", "payment(?:_method)?",
    "billed", "charged?", "cvv",
    "银行卡", "信用卡", "储蓄卡", "借记卡", "卡号", "账号", "帐号", "账户", "银联", "开户行",
    "转账", "汇款", "汇至", "打款", "银行", "这张卡",
)  # fmt: skip
# Issuers: first digits, number of digits as a range, and whether they are rare enough to need a word for card beside them
_ISSUERS: tuple[tuple[re.Pattern[str], range, bool], ...] = tuple(
    (re.compile(start), range(low, high + 1), weak)
    for start, low, high, weak in (
        ("4", 16, 16, False), ("4", 13, 13, True), ("4", 19, 19, True),  # Visa
        ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", 16, 16, False),  # Mastercard
        ("3[47]", 15, 15, False),  # American Express
        ("6011|64[4-9]|65", 16, 19, False),  # Discover
        ("35(?:2[89]|[3-8])", 16, 19, False), ("35", 16, 16, True), ("2131|1800", 15, 15, True),  # JCB
        ("30[0-59]|3[689]", 14, 14, True),  # Diners Club
        ("62|81", 16, 19, False),  # UnionPay
        ("9558|60[1-9]|690755|984", 16, 19, True),  # mainland banks before UnionPay
        ("50|5[6-8]|6", 12, 19, True),  # Maestro
        ("220[0-4]|8[12]|508", 16, 19, True),  # Mir, RuPay
    )
)  # fmt: skip


def finance_rules() -> tuple[Rule, ...]:
    """The rules for CREDIT_CARD, IBAN_CODE, CN_USCC and CRYPTO."""
    letters = "[0-9A-HJ-NP-RTUW-Ya-hj-np-rtuw-y]"
    return (
        Rule("card", "CREDIT_CARD", r"[1-9][0-9](?:[ -]?[0-9]){10}", _CARD, _card),
        Rule("iban", "IBAN_CODE", r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11}", _IBAN, _iban),
        Rule("uscc", "CN_USCC", rf"[1-9ANYany]{letters}[0-9]{{6}}{letters}{{10}}", _USCC, _uscc),
        Rule(
            "wallet_base58",
            "CRYPTO",
            r"[13TDLMA][1-9A-HJ-NP-Za-km-z]{25}",
            _BASE58,
            checked(checksums.base58_check, 1.0),
        ),
        Rule(
            "wallet_bech32",
            "CRYPTO",
            r"(?i)(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11}",
            _BECH32,
            checked(checksums.bech32, 1.0),
        ),
        Rule("wallet_ethereum", "CRYPTO", r"0[xX][0-9a-fA-F]{40}", _ETHEREUM, checked(checksums.ethereum, 0.95)),
    )


def _card(match: re.Match[str]) -> Judged:
    """Luhn, an issuer's range, and groups as cards have them; an order's number one time in ten passes Luhn too."""
    told = match.group()
    digits = told.replace(" ", "").replace("-", "")
    known = [weak for start, lengths, weak in _ISSUERS if len(digits) in lengths and start.match(digits)]
    if not known or not checksums.luhn(digits) or not _grouped(told):
        return None
    if near(match, _CARD_WORDS):
        return *match.span(), 0.95
    mistyped_id = len(digits) == 18 and checksums.cn_id_shape(digits)
    return None if all(known) or mistyped_id or thing(match) or money(match) else (*match.span(), 0.75)


def _grouped(told: str) -> bool:
    """One kind of separator, and groups of four (the last may be shorter), or 4-6-5, 4-6-4, 6-13 as on a card."""
    if " " in told and "-" in told:
        return False
    sizes = [len(group) for group in re.split("[ -]", told)]
    fours = all(size == 4 for size in sizes[:-1]) and 1 <= sizes[-1] <= 4
    return len(sizes) == 1 or fours or sizes in ([4, 6, 5], [4, 6, 4], [6, 13], [6, 10])


def _iban(match: re.Match[str]) -> Judged:
    """As many characters as the country's accounts have; what follows is the sentence."""
    told = match.group()
    length = checksums.iban_length(told[:2])
    seen = 0
    for place, char in enumerate(told):
        seen += char not in " -"
        if length and seen == length:
            end = match.start() + place + 1
            follows = match.string[end : end + 1]
            whole = told[: place + 1].replace(" ", "").replace("-", "")
            sound = checksums.iban(whole) and not (follows.isascii() and follows.isalnum())
            return (match.start(), end, 1.0) if sound else None
    return None


def _uscc(match: re.Match[str]) -> Judged:
    return (*match.span(), 0.9) if checksums.uscc(match.group()) else None
