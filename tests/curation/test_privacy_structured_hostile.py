"""Texts made to be slow: a megabyte of what almost matches must take time in proportion to its length."""

from __future__ import annotations

import time

import pytest

from curation.privacy.structured import StructuredFinder

UNITS = {
    "digits": "1",
    "spaced digits": "1 ",
    "dashes": "1-2",
    "mobile": "1380013800",
    "letters": "a",
    "at": "a@",
    "at dots": "a@a.",
    "dots": "a.",
    "labels": "a@b.c-",
    "one at": "a" * 100,
    "han at": "中@中.",
    "spoken": "a dot ",
    "spoken at": "a at b dot ",
    "brackets": "a [at] b [dot] ",
    "plus": "+1 (2) ",
    "call": "call 1 ",
    "iban": "GB82 ",
    "base58": "1Boat",
    "hex": "0xabcdef",
    "colons": "ab:",
    "double colons": "a::1",
    "v4": "1.2.3.",
    "url": "http://a?token=",
    "url long": "http://",
    "userinfo": "://a:b",
    "connection": "postgres://a:b",
    "ado": "Server=a;",
    "jdbc": "jdbc:a:",
    "pem": "-----BEGIN PRIVATE KEY-----\n",
    "pem body": "-----BEGIN PRIVATE KEY-----\nABCD" + "A" * 60 + "\n",
    "jwt": "eyJhbGciOi",
    "jwt dots": "eyJhbGciOi.eyJhbGciOi.",
    "password": "password",
    "password is": "password is ",
    "secret": "secret_secret_secret ",
    "bearer": "Bearer ",
    "sk": "sk-proj-",
    "birth": "born on 1990-",
    "birth han": "出生于1990年",
    "passport": "passport E1234567 ",
    "wechat": "wechat id ",
    "mrn": "MRN no is ",
    "plate": "京A1234",
    "full width": "１３８",
    "invisible": "\u200b1",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_a_megabyte_of_almost(name):
    unit = UNITS[name]
    long = (unit * (1_000_000 // len(unit) + 1))[:1_000_000] + ("@x.com" if name == "one at" else "")
    finder = StructuredFinder()
    spent = []
    for text in (long[:125_000], long):
        began = time.process_time()
        finder.find([text], [""])
        spent.append(time.process_time() - began)
    assert spent[1] < 20
    assert spent[1] < 24 * max(spent[0], 0.05), (
        spent
    )  # eight times the text; a quadratic rule would take 64 times as long
