"""Check digits against published values, and that every single wrong digit is seen."""

from __future__ import annotations

import hashlib

import pytest

from curation.privacy.shadow import shadow
from curation.privacy.structured import checksums


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (checksums.cn_id, "11010519491231002X"),  # the example of GB 11643-1999
        (checksums.hk_id, "A1234563"),
        (checksums.hk_id, "G123456A"),
        (checksums.hk_id, "AB9876543"),
        (checksums.tw_id, "A123456789"),
        (checksums.tw_id, "F131104093"),
        (checksums.luhn, "4111111111111111"),
        (checksums.luhn, "378282246310005"),
        (checksums.uscc, "91350100M000100Y43"),  # the example of GB 32100-2015
        (checksums.iban, "GB82WEST12345698765432"),
        (checksums.iban, "FR1420041010050500013M02606"),
        (checksums.base58_check, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        (checksums.bech32, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),  # BIP 173
        (checksums.bech32, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),  # BIP 350
        (checksums.ethereum, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),  # EIP-55
        (checksums.ethereum, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
    ],
)
def test_published_values_pass_and_one_wrong_digit_does_not(check, value):
    assert check(value)
    for place, char in enumerate(value):
        if char.isdigit() and place > 1:
            wrong = value[:place] + str((int(char) + 1) % 10) + value[place + 1 :]
            assert not check(wrong) or (check is checksums.ethereum and not any(c.isupper() for c in wrong[2:])), wrong


def test_dates_and_regions_of_identity_cards():
    assert not checksums.cn_id("99010519491231002X")
    assert not checksums.cn_id_shape("110105194913310021") and not checksums.cn_id_shape("110105189912310021")
    assert checksums.old_cn_id("440308990101151") and not checksums.old_cn_id("440308991301151")


def test_social_security_numbers_that_are_never_given():
    assert checksums.us_ssn("536", "90", "4399")
    for never in (
        ("000", "12", "3456"),
        ("666", "12", "3456"),
        ("901", "12", "3456"),
        ("536", "00", "1"),
        ("078", "05", "1120"),
    ):
        assert not checksums.us_ssn(*never)


def test_keccak_is_not_sha3_but_ethereums():
    assert checksums.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert checksums.keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert checksums.keccak256(b"a" * 300) != hashlib.sha3_256(b"a" * 300).digest()


def test_the_shadow_folds_and_finds_the_way_back():
    held = shadow("Ａ\u200bｂ＠　—٣²①")
    assert held.text == "Ab@ -3²①"
    assert held.original(0, 2) == (0, 3) and held.original(5, 6) == (6, 7)
    assert shadow("plain").offsets is None and shadow("中文，。").text == "中文,。"
