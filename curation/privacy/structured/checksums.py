"""Check digits and what else tells a real identifier from a number of the same length. Values come without separators."""

from __future__ import annotations

import datetime
from hashlib import sha256

_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_CHECKS = "10X98765432"
# GB/T 2260: the first two digits of a region of mainland China, Taiwan (71, 83), Hong Kong (81) and Macao (82); 91 abroad
_CN_REGIONS = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91".split()
)
_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # the n-th letter stands for the number n + 10
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_IBAN_LENGTHS = {
    pair[:2]: int(pair[2:])
    for pair in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
        "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
        "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    ).split()
}


def is_date(year: int, month: int, day: int) -> bool:
    """Whether somebody alive, or lately so, can be born on that day."""
    try:
        return datetime.date(1900, 1, 1) <= datetime.date(year, month, day) <= datetime.date.today()
    except ValueError:
        return False


def cn_id(value: str) -> bool:
    """GB 11643-1999: 17 digits and a check character mod 11-2, a region that exists, a day somebody can be born on."""
    if not cn_id_shape(value):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value[:17], _CN_WEIGHTS, strict=True))
    return _CN_CHECKS[total % 11] == value[17].upper()


def cn_id_shape(value: str) -> bool:
    """A region that exists and a day somebody can be born on, whatever the check character."""
    return value[:2] in _CN_REGIONS and is_date(int(value[6:10]), int(value[10:12]), int(value[12:14]))


def old_cn_id(value: str) -> bool:
    """The 15 digits used until 1999: no check digit, so the region and the day of birth must do."""
    return value[:2] in _CN_REGIONS and is_date(1900 + int(value[6:8]), int(value[8:10]), int(value[10:12]))


def hk_id(value: str) -> bool:
    """Hong Kong: one or two letters, six digits, a check digit (0-9 or A) mod 11; a missing letter counts as 36."""
    letters, digits = value[:-7].upper(), value[-7:].upper()
    values = [36, *map(_base36, letters)][-2:] + [_base36(char) for char in digits]
    return sum(v * w for v, w in zip(values, range(9, 0, -1), strict=True)) % 11 == 0


def tw_id(value: str) -> bool:
    """Taiwan: a letter, nine digits, weighted mod 10."""
    code = _TW_LETTERS.index(value[0].upper()) + 10
    digits = [code // 10, code % 10, *map(int, value[1:])]
    return sum(d * w for d, w in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1: mod 10 with every second digit doubled; not all digits alike."""
    total = 0
    for position, digit in enumerate(reversed(value)):
        doubled = int(digit) * (1 + position % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0 and len(set(value)) > 1


def uscc(value: str) -> bool:
    """GB 32100-2015: 18 characters, digits 3 to 8 a region, the last a check mod 31 with weights 3**i."""
    value = value.upper()
    if value[2:4] not in _CN_REGIONS | {"10"} or not value[2:8].isdigit() or len(set(value)) < 4:
        return False
    total = sum(_USCC_ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(value[:17]))
    return _USCC_ALPHABET[-total % 31] == value[17]


def iban_length(country: str) -> int:
    """How long an IBAN of this country is; 0 for a country without."""
    return _IBAN_LENGTHS.get(country.upper(), 0)


def iban(value: str) -> bool:
    """ISO 13616: the length of its country, and 1 mod 97."""
    if iban_length(value[:2]) != len(value):
        return False
    return int("".join(str(_base36(char)) for char in value[4:] + value[:4])) % 97 == 1


def us_ssn(area: str, group: str, serial: str) -> bool:
    """The ranges the Social Security Administration never gives out, and the numbers printed as advertisements."""
    never = area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000"
    return not never and (area, group, serial) not in (("078", "05", "1120"), ("219", "09", "9999"))


def base58_check(value: str) -> bool:
    """Bitcoin's, Tron's, Dogecoin's and Litecoin's addresses: 21 bytes and 4 of their double SHA-256."""
    number = 0
    for char in value:
        place = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".find(char)
        if place < 0:
            return False
        number = number * 58 + place
    if number.bit_length() > 200:
        return False
    data = number.to_bytes(25)
    return sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]


def bech32(value: str) -> bool:
    """BIP 173 and BIP 350: the checksum of a segwit address, with the prefix before the last "1"."""
    prefix, _, data = value.lower().rpartition("1")
    places = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".find(char) for char in data]
    if len(data) < 7 or -1 in places:
        return False
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + places
    check = 1
    for part in expanded:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ part
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)


def ethereum(value: str) -> bool:
    """EIP-55: 40 hex digits behind 0x, all in one case or in the case that their own digest asks for."""
    body = value[2:]
    if body in (body.lower(), body.upper()):
        return len(set(body.lower())) > 4
    digest = keccak256(body.lower().encode()).hex()
    return all(not c.isalpha() or c.isupper() == (int(d, 16) > 7) for c, d in zip(body, digest, strict=False))


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it: SHA-3 with the padding of the submission (hashlib only has the standard's)."""
    rate, mask = 136, (1 << 64) - 1
    data += b"\x01" + bytes(-(len(data) + 1) % rate)
    data = data[:-1] + bytes([data[-1] | 0x80])
    lanes = [0] * 25
    for begin in range(0, len(data), rate):
        for lane in range(rate // 8):
            lanes[lane] ^= int.from_bytes(data[begin + 8 * lane : begin + 8 * lane + 8], "little")
        lanes = _keccak_f(lanes, mask)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _keccak_f(lanes: list[int], mask: int) -> list[int]:
    """The permutation Keccak-f[1600]; lane x + 5 * y."""

    def turn(value: int, by: int) -> int:
        return (value << by | value >> (64 - by)) & mask if by else value

    register = 1
    for _ in range(24):
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        lanes = [lanes[i] ^ columns[(i + 4) % 5] ^ turn(columns[(i + 1) % 5], 1) for i in range(25)]
        x, y, moved = 1, 0, lanes[1]
        for step in range(24):  # rho and pi
            x, y = y, (2 * x + 3 * y) % 5
            lanes[x + 5 * y], moved = turn(moved, (step + 1) * (step + 2) // 2 % 64), lanes[x + 5 * y]
        lanes = [
            lanes[i] ^ (~lanes[i - i % 5 + (i + 1) % 5] & mask & lanes[i - i % 5 + (i + 2) % 5]) for i in range(25)
        ]
        for power in range(7):  # iota, its constants from a shift register
            register = (register << 1) ^ ((register >> 7) * 0x171)
            if register & 2:
                lanes[0] ^= 1 << ((1 << power) - 1)
    return lanes


def _base36(char: str) -> int:
    return int(char, 36)
