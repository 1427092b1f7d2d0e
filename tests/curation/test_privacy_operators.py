"""Operators, keys and pseudonyms: what stands in the place of a value, and that nobody has it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.errors import StageError
from curation.privacy.entities import ENTITIES
from curation.privacy.keys import Key, load_key
from curation.privacy.operators import KEYED, UNMASKED, make
from curation.privacy.operators.fake_numbers import nobodys
from curation.privacy.operators.fake_words import FAKE
from curation.privacy.operators.labels import is_label
from curation.privacy.operators.partial import partial
from curation.privacy.operators.presidio import presidio
from curation.privacy.pseudonyms import Draw, Pseudonyms, canonical

KEY = Key(b"a key of this test, not of anybody")
OTHER = Key(b"another key of this test entirely")
MASKING = sorted({"replace", "pseudonym", "fake", "partial", "hash"})

VALUES = {
    "EMAIL_ADDRESS": "Jörg.Müller@firma.de",
    "PHONE_NUMBER": "138-1234-5678",
    "CN_ID_CARD": "11010519491231002X",
    "HK_ID_CARD": "A123456(3)",
    "TW_ID_CARD": "A123456789",
    "PASSPORT": "E12345678",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "CN_USCC": "91350100M000100Y43",
    "LICENSE_PLATE": "沪A12345",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "US_SSN": "078-05-1120",
    "IP_ADDRESS": "8.8.8.8",
    "MAC_ADDRESS": "3c:22:fb:12:34:56",
    "DATE_OF_BIRTH": "1987年6月5日",
    "MEDICAL_RECORD": "MRN00012345",
    "CHAT_ID": "wxid_abc123",
    "URL_TOKEN": "https://a.example/x?token=abcdef123456",
    "CRYPTO": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "API_KEY": "sk-abcdefghijklmnopqrstuvwx",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    "PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
    "CONNECTION_STRING": "postgres://u:hunter2@db/x",
    "SECRET": "hunter2hunter2",
    "PERSON": "Ada Lovelace",
    "ADDRESS": "12 Main Street, Springfield",
    "LOCATION": "Springfield",
    "ORGANIZATION": "Acme Inc",
}


def test_the_values_of_this_test_cover_every_type() -> None:
    assert set(VALUES) == set(ENTITIES)


@pytest.mark.parametrize("name", MASKING)
@pytest.mark.parametrize("entity", sorted(ENTITIES))
def test_no_mask_is_or_holds_the_value_and_masking_a_mask_changes_nothing(entity: str, name: str) -> None:
    mask = make(name, Pseudonyms(KEY), 8)
    value = VALUES[entity]
    masked = mask(entity, value)
    assert value not in masked
    assert masked
    assert mask(entity, value) == masked
    if name != "partial":
        assert canonical(entity, value) not in canonical(entity, masked)
    if name == "partial":
        assert partial(entity, masked) == masked
    elif name != "fake":
        assert is_label(masked)
    if name != "partial":  # which shows some of the value's own characters, and is escaped where it is put in
        json.loads(f'"{masked}"')


@pytest.mark.parametrize(
    ("entity", "value", "shown"),
    [
        ("PHONE_NUMBER", "13812345678", "138****5678"),
        ("PHONE_NUMBER", "23456789", "********"),
        ("CREDIT_CARD", "4111111111111111", "************1111"),
        ("PERSON", "张三丰", "张**"),
        ("PERSON", "Ada Lovelace", "A** L*******"),
        ("EMAIL_ADDRESS", "john@example.com", "j***@example.com"),
        ("CN_ID_CARD", "11010519491231002X", "1****************X"),
        ("API_KEY", "sk-1234567890", "********"),
        ("PRIVATE_KEY", "x" * 1000, "********"),
        ("ADDRESS", "北京市海淀区中关村大街1号", "北京市**********"),
    ],
)
def test_partial(entity: str, value: str, shown: str) -> None:
    assert partial(entity, value) == shown


def test_replace_is_what_presidio_replaces_with() -> None:
    for entity in ENTITIES:
        assert make("replace", None, 8)(entity, "x") == presidio().Replace().operate("x", {"entity_type": entity})


def test_loading_presidios_operators_loads_no_torch_and_leaves_the_analyzer_importable() -> None:
    code = (
        "import sys\nfrom curation.privacy.operators.presidio import presidio\npresidio().Mask\n"
        "assert 'torch' not in sys.modules and 'spacy' not in sys.modules\n"
        "assert 'presidio_analyzer' not in sys.modules\n"
        "from importlib.util import find_spec\nassert find_spec('presidio_analyzer') is not None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_operators_that_mask_nothing_or_lack_the_key_are_refused() -> None:
    for name in UNMASKED:
        with pytest.raises(ValueError, match="masks nothing"):
            make(name, Pseudonyms(KEY), 8)
    for name in KEYED:
        with pytest.raises(ValueError, match="has no key"):
            make(name, None, 8)


# Pseudonyms


SPELLINGS = [
    (
        "PHONE_NUMBER",
        [
            "13812345678",
            "138 1234 5678",
            "138-1234-5678",
            "+86 138 1234 5678",
            "１３８１２３４５６７８",
            "008613812345678",
        ],
    ),
    ("PERSON", ["Ada Lovelace", "ADA  LOVELACE", "ada\nlovelace", "Ada\u200b Lovelace"]),
    ("PERSON", ["王小明", "王 小明", "王\u3000小\u3000明"]),
    ("EMAIL_ADDRESS", ["John@Example.com", "john@example.com", "ｊｏｈｎ@example.com"]),
    ("CN_ID_CARD", ["11010519491231002X", "110105 19491231 002x"]),
]


@pytest.mark.parametrize(("entity", "spellings"), SPELLINGS)
@pytest.mark.parametrize("name", ["pseudonym", "hash"])
def test_spellings_of_a_value_have_one_pseudonym(entity: str, spellings: list[str], name: str) -> None:
    mask = make(name, Pseudonyms(KEY), 8)
    assert len({mask(entity, value) for value in spellings}) == 1


@pytest.mark.parametrize("name", sorted(KEYED))
def test_another_key_type_or_value_gives_another_mask(name: str) -> None:
    mine, other = make(name, Pseudonyms(KEY), 16), make(name, Pseudonyms(OTHER), 16)
    assert mine("PERSON", "Ada Lovelace") != other("PERSON", "Ada Lovelace")
    assert mine("PERSON", "Ada Lovelace") != mine("PERSON", "Ada Lovelice")
    assert mine("PERSON", "Ada") != mine("LOCATION", "Ada")


@given(st.integers(4, 64), st.text(min_size=1))
def test_a_pseudonym_has_as_many_digits_as_asked_for(digits: int, value: str) -> None:
    assert re.fullmatch(rf"<PERSON_[0-9a-f]{{{digits}}}>", make("pseudonym", Pseudonyms(KEY), digits)("PERSON", value))


def test_another_process_gives_the_same_masks() -> None:
    code = (
        "import json\nfrom curation.privacy.keys import load_key\nfrom curation.privacy.operators import make\n"
        "from curation.privacy.pseudonyms import Pseudonyms\n"
        "p = Pseudonyms(load_key())\n"
        "print(json.dumps([make(n, p, 8)('PERSON', '王小明') for n in ('pseudonym', 'fake', 'hash')]))"
    )
    seen = set()
    for seed in ("1", "2"):
        env = {**os.environ, "STUDIO_PII_KEY": "k" * 32, "PYTHONHASHSEED": seed}
        seen.add(subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True).stdout)
    assert len(seen) == 1


def test_drawn_numbers_are_even_and_always_the_same() -> None:
    draw, again = Draw(b"x" * 32), Draw(b"x" * 32)
    numbers = [draw.below(10) for _ in range(10_000)]
    assert numbers == [again.below(10) for _ in range(10_000)]
    assert all(880 < numbers.count(digit) < 1120 for digit in range(10))


# Fakes


PHONES = st.one_of(
    st.from_regex(r"\A1[3-9][0-9]{9}\Z"),
    st.from_regex(r"\A\+86 1[3-9][0-9] [0-9]{4} [0-9]{4}\Z"),
    st.from_regex(r"\A\(?[2-9][0-9]{2}\)? [2-9][0-9]{2}-[0-9]{4}\Z"),
    st.from_regex(r"\A\+1-[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}\Z"),
    st.from_regex(r"\A\+(44|49|33|852|886)[1-9][0-9]{7,8}\Z"),
    st.from_regex(r"\A0[1-9][0-9]{1,2}-[1-9][0-9]{7}\Z"),
)


@given(PHONES)
@example("16601956505")
@example("16601956005")
def test_a_fake_phone_looks_like_one_and_is_nobodys(value: str) -> None:
    fake = make("fake", Pseudonyms(KEY), 8)("PHONE_NUMBER", value)
    shape = re.sub("[0-9]", "0", value)
    assert re.sub("[0-9]", "0", fake) == shape
    assert nobodys("PHONE_NUMBER", fake)
    if re.fullmatch(r"1\d{10}", fake) or fake.startswith("+86"):
        assert not _is_a_number(fake)


def _is_a_number(value: str) -> bool:
    """Whether somebody may have it; 12xxx dials an exchange in front of a number, so what is left may be no number at all."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value, "CN"))
    except phonenumbers.NumberParseException:
        return False


@given(st.from_regex(r"\A[1-6][0-9]{16}[0-9X]\Z"))
def test_a_fake_id_has_no_region_and_a_wrong_check_digit(value: str) -> None:
    fake = make("fake", Pseudonyms(KEY), 8)("CN_ID_CARD", value)
    assert re.fullmatch(r"99\d{15}[\dX]", fake)
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    right = "10X98765432"[sum(int(a) * b for a, b in zip(fake, weights, strict=False)) % 11]
    assert fake[17] != right


@given(st.from_regex(r"\A4[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}\Z"))
def test_a_fake_card_fails_luhn(value: str) -> None:
    fake = make("fake", Pseudonyms(KEY), 8)("CREDIT_CARD", value)
    digits = [int(digit) for digit in fake if digit != " "]
    doubled = [d if place % 2 == 0 else sum(divmod(d * 2, 10)) for place, d in enumerate(reversed(digits))]
    assert len(fake) == len(value)
    assert sum(doubled) % 10 != 0


@given(st.ip_addresses())
def test_a_fake_address_is_reserved(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    fake = ipaddress.ip_address(make("fake", Pseudonyms(KEY), 8)("IP_ADDRESS", str(address)))
    assert fake.version == address.version
    assert fake.is_reserved or fake in ipaddress.ip_network("2001:db8::/32")


@pytest.mark.parametrize(
    ("entity", "value", "shape"),
    [
        ("PERSON", "王小明", "[\u4e00-\u9fff]{3}"),
        ("PERSON", "Ada Lovelace", "[A-Z][a-z]+ [A-Z][a-z]+"),
        ("PERSON", "Ada", "[A-Z][a-z]+"),
        ("ADDRESS", "北京市海淀区中关村大街1号", r"虚云市..路\d+号"),
        ("ADDRESS", "12 Main Street", r"\d+ [A-Z][a-z]+ Road, Nowhere"),
        ("ORGANIZATION", "某某科技有限公司", "..虚公司"),
        ("ORGANIZATION", "Acme", "[A-Z][a-z]+ Ltd"),
        ("LOCATION", "上海", "..虚市"),
        ("LOCATION", "Springfield", "[A-Z][a-z]+"),
        ("EMAIL_ADDRESS", "a@b.de", r"[a-z]+\.[a-z]+\d{4}@example\.(com|net|org)"),
        ("URL_TOKEN", "https://x.example/?token=abc", r"https://example\.com/[0-9a-f]{8}"),
    ],
)
def test_a_fake_with_words_is_of_the_same_kind_and_can_be_told(entity: str, value: str, shape: str) -> None:
    fake = make("fake", Pseudonyms(KEY), 8)(entity, value)
    assert re.fullmatch(shape, fake)
    assert FAKE.fullmatch(fake)


@pytest.mark.parametrize(
    "name", ["王小明", "欧阳娜娜", "马丁丁", "李庚", "Ada Lovelace", "Grace Hopper", "Alma Reed", "Otto Hahn"]
)
def test_no_real_name_is_taken_for_a_fake(name: str) -> None:
    assert not FAKE.search(name)


@given(st.from_regex(r"\A(19|20)[0-9]{2}[-/.](0[1-9]|1[0-2])[-/.](0[1-9]|1[0-9]|2[0-8])\Z"))
def test_a_fake_birthday_keeps_its_form(value: str) -> None:
    fake = make("fake", Pseudonyms(KEY), 8)("DATE_OF_BIRTH", value)
    assert re.fullmatch(r"(19|20)\d\d[-/.](0\d|1[0-2])[-/.](0\d|1[0-2])", fake) or fake.startswith("<DATE_OF_BIRTH_")
    assert fake != value


def test_secrets_have_no_fakes() -> None:
    fake = make("fake", Pseudonyms(KEY), 8)
    for entity, known in ENTITIES.items():
        if known.tier == "secret":
            assert is_label(fake(entity, VALUES[entity]))


# The key


def test_the_key_comes_from_the_environment_or_a_file_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_KEY", "  " + "e" * 32 + "\n")
    assert load_key("MY_KEY").secret == b"e" * 32
    path = tmp_path / "key"
    path.write_text("f" * 32 + "\n")
    path.chmod(0o600)
    assert load_key("MY_KEY", str(path)).secret == b"f" * 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text("f" * 32)
    path.chmod(mode)
    with pytest.raises(StageError, match="can be read by others") as error:
        load_key("MY_KEY", str(path))
    assert "chmod 600" in error.value.hint


def test_a_missing_or_short_key_is_an_error_that_does_not_tell_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(StageError, match="no key in the environment variable MY_KEY"):
        load_key("MY_KEY")
    monkeypatch.setenv("MY_KEY", "hunter2")
    with pytest.raises(StageError, match="too short") as error:
        load_key("MY_KEY")
    assert "hunter2" not in str(error.value) + error.value.hint
    with pytest.raises(StageError, match="cannot be read"):
        load_key("MY_KEY", str(tmp_path / "none"))


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == "Key(…)"
    assert KEY.digest() != OTHER.digest()
    assert KEY.secret.decode() not in KEY.digest()
