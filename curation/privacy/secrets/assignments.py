"""Passwords and other secrets that are only known by what they are assigned to, in code, in files and in prose."""

from __future__ import annotations

import re

from curation.privacy.secrets.placeholder import entropy, is_placeholder
from curation.privacy.structured.rule import Judged, Rule

_PASSWORD = r"password|passwd|passphrase|passcode|pwd|密码|密碼|口令"
_SECRET = r"secret|token|credential|(?:api|access|auth|private|encryption|signing)[_-]?key|密钥|密鑰|秘钥|令牌|凭证"
_ASSIGNED = re.compile(
    rf"(?P<label>{_PASSWORD}|{_SECRET})[A-Za-z0-9_-]{{0,24}}"
    r"(?:[\"'`*]{1,3}\]?)?\s{0,4}(?P<glue>:=|=>|==|=|:|->|is(?![a-z]):?|was(?![a-z])|to(?![a-z])|设置为|设为|改为|改成|是|为|爲|\s)\s{0,4}"
    r"(?P<quote>[\"'`“「]?)(?P<v>[!#-&(-:<-_a-~]{6,256})",
    re.I,
)
_BEARER = re.compile(r"(?:Bearer|Basic|Token)\s{1,2}(?P<v>[A-Za-z0-9_.+/=~-]{16,2000})")
_TYPES = re.compile(
    r"^(?:str|string|int|bool|boolean|bytes|text|varchar|char|optional|none|null|required|number|object|any|field|input|"
    r"column|undefined|unknown|function|const|async|await|return|import)\b",
    re.I,
)
_HASH = re.compile(r"^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$", re.I)
_UUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.I)
_NAME = re.compile(r"^[A-Za-z_$][A-Za-z_$]*(?:[._][A-Za-z_$][A-Za-z_$]*)*$")  # a variable, a word: no digit in it
_ATTRIBUTE = re.compile(r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$")  # user.password2
_LATIN_PASSWORD = re.compile(r"pass|pwd", re.I)


def assignment_rules() -> tuple[Rule, ...]:
    """The rules for SECRET."""
    return (
        Rule("assignment", "SECRET", rf"(?i){_PASSWORD}|{_SECRET}", _ASSIGNED, _assigned),
        Rule("authorization", "SECRET", r"(?:Bearer|Basic|Token)\s", _BEARER, _bearer),
    )


def _assigned(match: re.Match[str]) -> Judged:
    """The value of a label: not code, not a placeholder, not a word, not a digest."""
    glue, quote, label = match.group("glue").strip().lower(), match.group("quote"), match.group("label")
    value = match.group("v")
    if quote in ("'", "`"):
        value = value.partition(quote)[0]
    if not quote:
        value = re.split(r"[,;]|&&", value)[0] if glue in ("=", ":") else value
        value = value.rstrip(".,;:?)]}'\"\\")  # a password may well end with "!"
    if (
        len(value) < 6
        or is_placeholder(value)
        or _TYPES.match(value)
        or value.startswith(("http://", "https://", "/", "--"))
    ):
        return None
    if match.string[match.start("v") + len(value) : match.start("v") + len(value) + 1] == "(":
        return None  # a call
    if not quote and _ATTRIBUTE.match(value):
        return None
    if not glue and not quote and not _is_mixed(value, 3):
        return None  # "password hunter22!": only a value that can be no word
    password = bool(_LATIN_PASSWORD.match(label)) or label in ("密码", "密碼", "口令")
    sound = _is_password(value, quote) if password else _is_token(value)
    start = match.start("v")
    return (start, start + len(value), 0.85 if glue else 0.7) if sound else None


def _bearer(match: re.Match[str]) -> Judged:
    value = match.group("v")
    return (
        (*match.span("v"), 0.85)
        if _is_token(value) and any(c.isdigit() for c in value) and not is_placeholder(value)
        else None
    )


def _is_password(value: str, quote: str) -> bool:
    """What people choose as a password: a word with digits or marks in it; quoted or not."""
    if _NAME.match(value) or (_HASH.match(value) and not quote):
        return False
    return len(value) <= 128 and _is_mixed(value, 2)


def _is_mixed(value: str, kinds: int) -> bool:
    """Whether a value has characters of so many kinds: lower, upper, digit, mark; dots and dashes do not count as marks."""
    tests = (str.islower, str.isupper, str.isdigit, lambda c: c in "!@#$%^&*+=?~|")
    found = sum(any(test(char) for char in value) for test in tests)
    return found >= kinds and any(char.isdigit() or char in "!@#$%^&*+=?~|" for char in value)


def _is_token(value: str) -> bool:
    """Drawn at random: long, letters and digits, entropy of 3 bits a character or more; digests of files are none."""
    if _UUID.match(value) or _NAME.match(value):
        return False
    drawn = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    chosen = len(value) >= 8 and _is_mixed(value, 3)
    return (len(value) >= 10 and drawn and entropy(value) >= 2.9) or chosen
