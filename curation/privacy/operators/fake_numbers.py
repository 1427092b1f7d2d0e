"""Numbers that look right and that nobody has: from ranges that are reserved or never assigned, or with a wrong check digit.

Separators, and so the look, stay as they were.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from curation.privacy.pseudonyms import Draw

_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_CHECKS = "10X98765432"


def refilled(value: str, symbols: str) -> str:
    """The value with its letters and digits replaced by `symbols`, one by one; both have as many of them."""
    rest = iter(symbols)
    return "".join([next(rest, "") if character.isalnum() else character for character in value]) + "".join(rest)


def compact(value: str) -> str:
    """Only the letters and digits, the latter as ASCII."""
    return "".join(
        [str(int(character)) if character.isdecimal() else character for character in value if character.isalnum()]
    )


def phone(value: str, draw: Draw) -> str:
    """12x for a mobile of the mainland (never assigned), 555-01xx in North America (for fiction), 000 elsewhere."""
    digits = compact(value)
    code, rest = _country(value, digits)
    if len(rest) == 11 and code in ("", "86", "0086") and re.match("1[3-9]", rest):
        fake = f"124{draw.digits(8)}"
    elif len(rest) == 10 and code in ("", "1", "001") and rest[0] in "23456789":
        fake = f"{2 + draw.below(8)}{1 + draw.below(8)}{draw.below(10)}55501{draw.digits(2)}"
    else:
        fake = f"000{draw.digits(max(len(rest) - 3, 4))}"[: max(len(rest), 7)]
    return refilled(value, code + fake)


def _country(value: str, digits: str) -> tuple[str, str]:
    """The country code as it is written ("" without one), and the digits after it."""
    lead = value.lstrip("（( \u3000")
    if lead[:1] in "+＋":
        found = re.match(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}", digits)
        return (found[0], digits[found.end() :]) if found else ("", digits)
    american = r"|1(?=[2-9]\d{9}$)" if lead[:1] == "1" and not lead[1:2].isdecimal() else ""  # 1-800, not 138
    found = re.match(rf"0086(?=1[3-9]\d{{9}}$)|86(?=1[3-9]\d{{9}}$){american}", digits)
    return (found[0], digits[found.end() :]) if found else ("", digits)


def cn_id_card(value: str, draw: Draw) -> str:
    """Of region 99, which there is none of, and with a wrong check digit."""
    born = f"{1950 + draw.below(60)}{1 + draw.below(12):02}{1 + draw.below(28):02}"
    body = f"99{draw.digits(4)}{born}{draw.digits(3)}"
    right = sum(int(digit) * weight for digit, weight in zip(body, _CN_WEIGHTS, strict=True)) % 11
    return refilled(value, body + _CN_CHECKS[(right + 1 + draw.below(10)) % 11])


def card(value: str, draw: Draw) -> str:
    """Begins with 99, which no issuer has, and fails Luhn. Without zeros, so that no group of it begins like a landline."""
    size = max(len(compact(value)), 4)
    body = "99" + "".join([str(1 + draw.below(9)) for _ in range(size - 3)])
    right = -sum(_luhn(int(digit), place) for place, digit in enumerate(reversed(body))) % 10
    return refilled(value, f"{body}{(right + 1 + draw.below(9)) % 10}")


def _passes(digits: str) -> bool:
    """Whether a number passes Luhn."""
    return sum(_luhn(int(digit), place) for place, digit in enumerate(reversed(digits), 1)) % 10 == 0


def _luhn(digit: int, place: int) -> int:
    doubled = digit * 2 if place % 2 == 0 else digit
    return doubled - 9 if doubled > 9 else doubled


def us_ssn(value: str, draw: Draw) -> str:
    """Area 000, which is never assigned."""
    return refilled(value, f"000{draw.digits(6)}")


def iban(value: str, draw: Draw) -> str:
    """Of the country ZZ, which there is none of."""
    return refilled(value, f"ZZ00{draw.digits(max(len(compact(value)) - 4, 4))}")


def ip_address(value: str, draw: Draw) -> str:
    """In 240.0.0.0/4 (reserved) or 2001:db8::/32 (documentation)."""
    if ":" in value:
        return f"2001:db8::{draw.below(65536):x}:{draw.below(65536):x}:{draw.below(65536):x}"
    return f"{240 + draw.below(15)}.{draw.below(256)}.{draw.below(256)}.{1 + draw.below(254)}"


def mac_address(value: str, draw: Draw) -> str:
    """Locally administered: 02:00:00 and three bytes."""
    return refilled(value, f"020000{draw.below(1 << 24):06x}")


def license_plate(value: str, draw: Draw) -> str:
    """With I after the province, a letter that plates leave out."""
    size = max(len(compact(value)) - 2, 4)
    return refilled(value, f"京I{draw.digits(size)}")


def date(value: str, draw: Draw) -> str:
    """Another day in the same form: numbers and names of months are exchanged, words such as 年 stay."""

    def other(found: re.Match[str]) -> str:
        text = found[0]
        if not text.isdecimal():
            return _MONTHS[draw.below(12)][: 3 if len(text) < 4 else None]
        if len(text) == 8:
            return f"{1940 + draw.below(70)}{1 + draw.below(12):02}{1 + draw.below(28):02}"
        number = 1940 + draw.below(70) if len(text) == 4 else 1 + draw.below(12)
        return f"{number:0{len(text)}}"

    return re.sub(rf"\d+|(?i:{'|'.join(f'{month[:3]}[a-z]*' for month in _MONTHS)})", other, value)


_MONTHS = ("January February March April May June July August September October November December").split()


def shape(value: str, draw: Draw) -> str:
    """Any other number: digits for digits, letters for letters. Han stays, since it names a place or a unit."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"

    def other(character: str) -> str:
        if character.isdecimal():
            return str(draw.below(10))
        if character.isascii() and character.isalpha():
            drawn = letters[draw.below(len(letters))]
            return drawn if character.isupper() else drawn.lower()
        return character

    return "".join([other(character) for character in value])


NUMBERS: dict[str, Callable[[str, Draw], str]] = {
    "PHONE_NUMBER": phone,
    "CN_ID_CARD": cn_id_card,
    "CREDIT_CARD": card,
    "US_SSN": us_ssn,
    "IBAN_CODE": iban,
    "IP_ADDRESS": ip_address,
    "MAC_ADDRESS": mac_address,
    "LICENSE_PLATE": license_plate,
    "DATE_OF_BIRTH": date,
}


def nobodys(entity: str, value: str) -> bool:
    """Whether a value lies in a range that nobody has, so that it needs no mask: a fake of an earlier run is left alone."""
    digits = compact(value)
    if entity == "PHONE_NUMBER":
        code, rest = _country(value, digits)
        mainland = code in ("", "86", "0086") and re.fullmatch(r"124\d{8}", rest)
        fiction = code in ("", "1", "001") and re.fullmatch(r"\d{3}55501\d\d", rest)
        card = code == "" and re.fullmatch(r"99\d{11,17}", digits) and not _passes(digits)  # a fake card looks like one
        return bool(mainland or fiction or card or re.fullmatch(r"000\d{4,}", rest))
    if entity == "IP_ADDRESS":
        try:
            address = ipaddress.ip_address(value.strip())
        except ValueError:
            return False
        return address in (_RESERVED_4 if address.version == 4 else _RESERVED_6)
    if entity == "MAC_ADDRESS":
        return digits.lower().startswith("020000")
    return entity in _UNASSIGNED and digits.upper().startswith(_UNASSIGNED[entity])


_RESERVED_4 = ipaddress.ip_network("240.0.0.0/4")
_RESERVED_6 = ipaddress.ip_network("2001:db8::/32")
_UNASSIGNED = {"CN_ID_CARD": "99", "US_SSN": "000", "IBAN_CODE": "ZZ", "LICENSE_PLATE": "京I"}
