"""E-mail addresses: plain, beside Han, with letters beyond ASCII, and written out so that a machine should not see them.

A domain must end in a public suffix of the snapshot that tldextract carries; nothing is ever fetched.
"""

from __future__ import annotations

import re
from functools import cache

from curation.privacy.structured.context import near, words
from curation.privacy.structured.rule import Judged, Rule

_LATIN = "A-Za-z0-9\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_LOCAL = rf"[{_LATIN}!#$%&'*+/=?^_`{{|}}~.-]"
_LABEL = rf"[{_LATIN}](?:[{_LATIN}-]{{0,61}}[{_LATIN}])?"
_PLAIN = re.compile(rf"@({_LABEL}(?:\.{_LABEL}){{1,8}})")
_NAME = re.compile(
    rf"{_LOCAL}{{1,64}}$"
)  # looked for from the @ backwards, so that a long text without one costs nothing
_HAN_LABEL = rf"[{_LATIN}\u3400-\u9fff-]{{1,63}}"
_HAN = re.compile(
    rf"(?<![{_LATIN}\u3400-\u9fff.@-])([{_LATIN}\u3400-\u9fff._-]{{1,32}})@({_HAN_LABEL}(?:\.{_HAN_LABEL}){{1,4}})"
)
_AT = r"\s{0,2}[\[({<]\s{0,2}(?:at|AT|At|@)\s{0,2}[\])}>]\s{0,2}"
_DOT = r"(?:\s{0,2}[\[({<]\s{0,2}(?:dot|DOT|Dot|\.)\s{0,2}[\])}>]\s{0,2}|\s{1,2}(?:dot|DOT)\s{1,2}|\.)"
_BRACKETS = re.compile(
    rf"(?<![A-Za-z0-9._+-])([A-Za-z0-9][A-Za-z0-9._+-]{{0,63}}){_AT}((?:[A-Za-z0-9-]{{1,63}}{_DOT}){{1,4}}([A-Za-z]{{2,24}}))"
    r"(?![A-Za-z0-9])"
)
_SPOKEN = re.compile(
    r"(?<![A-Za-z0-9._+-])((?:[A-Za-z0-9_+.-]{1,32} dot ){0,2}[A-Za-z0-9][A-Za-z0-9._+-]{0,63}) at "
    r"((?:[A-Za-z0-9-]{1,63} dot ){1,4}([A-Za-z]{2,24}))(?![A-Za-z0-9])",
    re.I,
)
_MAIL_WORDS = words(
    "e-?mails?", "mailto", "contact", "write to", "reach", "address is", "邮箱", "邮件", "电邮", "信箱", "联系"
)
_YOURS = re.compile(r"your(?:[._-]|e?mail|name|user)", re.I)
_EDGE = "!#$%&'*/=?^`{|}~.-+"  # allowed inside, but at the beginning they belong to the sentence or to code


def email_rules() -> tuple[Rule, ...]:
    """The rules for EMAIL_ADDRESS."""
    spoken = r"(?i)\bdot\s+[a-z]{2,24}\b"
    hidden = r"(?i)[\[({<]\s{0,2}(?:at|@)\s{0,2}[\])}>]"
    return (
        Rule("email", "EMAIL_ADDRESS", "@", _PLAIN, _plain),
        Rule("email_han", "EMAIL_ADDRESS", r"@\S*\p{Han}", _HAN, _han),
        Rule("email_brackets", "EMAIL_ADDRESS", hidden, _BRACKETS, _brackets),
        Rule("email_spoken", "EMAIL_ADDRESS", spoken, _SPOKEN, _spoken),
    )


@cache
def top_level_domains() -> frozenset[str]:
    """The last labels of all public suffixes, from the list inside tldextract: no cache folder, no connection."""
    from tldextract import TLDExtract

    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None).tlds
    return frozenset(suffix.rpartition(".")[2] for suffix in suffixes) | {
        "local",
        "internal",
        "test",
        "example",
        "invalid",
    }


def _is_domain(domain: str) -> bool:
    last = domain.rpartition(".")[2].lower()
    return last in top_level_domains() or (last.startswith("xn--") and len(last) > 6)


def _plain(match: re.Match[str]) -> Judged:
    """An address whose domain exists; the sentence's marks are cut off its ends."""
    text, at, domain = match.string, match.start(), match.group(1)
    name = _NAME.search(text[max(0, at - 64) : at])
    if name is None or text[match.end() : match.end() + 1] == "@":
        return None
    local = name.group().lstrip(_EDGE)
    for mark in "'=`|/":  # key=name@host, 'name@host', a path before a name
        local = local.rpartition(mark)[2]
    local = local.lstrip(_EDGE)
    start = at - len(local)
    if not local or local == "git" or _YOURS.match(local) or local.endswith(".") or ".." in local:
        return None
    if not _is_domain(domain):  # "...@example.com.The": the next sentence begins without a space
        domain = domain.rpartition(".")[0]
        if "." not in domain or not _is_domain(domain):
            return None
    if text[max(0, start - 1) : start] == ":" and "://" in text[max(0, start - 80) : start]:
        return None  # user:password@host of a web address; the rule for those takes it whole
    return start, at + 1 + len(domain), 1.0


def _han(match: re.Match[str]) -> Judged:
    """An address with Han in it: only where its last label is a public suffix of Han, or its name stands alone."""
    local, domain = match.groups()
    labels = domain.split(".")
    known = top_level_domains()
    for end in range(len(labels[-1]), 1, -1):  # what follows the suffix may be Han too
        last = labels[-1][:end].lower()
        if last in known and not last.isascii():
            start = match.start()
            while start < match.start(2) - 2 and not match.string[start].isascii() and local[-1].isascii():
                start += 1  # "邮箱zhang@例子.中国": an ASCII name beside a Han word
            return start, match.end() - (len(labels[-1]) - end), 0.9
    return None


def _brackets(match: re.Match[str]) -> Judged:
    """name [at] example [dot] com."""
    return (*match.span(), 0.9) if match.group(3).lower() in top_level_domains() else None


def _spoken(match: re.Match[str]) -> Judged:
    """name at example dot com, where mail is spoken of or the name is clearly one of a mailbox."""
    if match.group(3).lower() not in top_level_domains():
        return None
    local = match.group(1)
    clear = any(char in local for char in "._+0123456789") or " dot " in local.lower()
    return (*match.span(), 0.8) if clear or near(match, _MAIL_WORDS) else None
