"""Addresses of machines, and web addresses that carry a token."""

from __future__ import annotations

import ipaddress
import re

from curation.privacy.secrets.placeholder import is_placeholder
from curation.privacy.structured.context import before, near, words
from curation.privacy.structured.rule import Judged, Rule

_V4 = re.compile(
    r"(?:(?<![0-9A-Za-z_])(?<![0-9A-Za-z][.])|(?<=[Ii][Pp]))(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|[.-][0-9A-Za-z])"
)
_V6 = re.compile(
    r"(?<![0-9A-Za-z.])(?<![0-9A-Fa-f:]:)(?=[0-9A-Fa-f]{1,4}:|::)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![0-9A-Za-z:])"
)
_MAC = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9A-Fa-f][:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}(?:[0-9A-Fa-f]{2}\1[0-9A-Fa-f]{2}\1)?[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z]|[:.-][0-9A-Fa-f])"
)
_URL = re.compile(r"(?<![A-Za-z0-9])(?:https?|ftp|wss?|git|ssh|sftp)://[!#-;=?-\[\]_a-z~|$%]{4,2000}", re.I)
_USERINFO = re.compile(r"//([^/@:\s]{1,128}):([^/@\s]{3,256})@")
_TOKEN = re.compile(
    r"[?&#;]((?:[a-z0-9_-]{0,32}(?:token|secret|passw(?:or)?d|signature|api_?-?key|access_?-?key|credential|session_?id|ticket|jwt|auth))|"
    r"key|sig|sign|pwd|code|sid|sas|x-amz-[a-z-]{1,20}|authkey|ak|sk)=([^&#\s\"'<>]{6,2000})",
    re.I,
)
_VERSION = re.compile(
    r"(?:(?<![a-z])(?:v|ver|versions?|releases?|build|firmware|driver|sdk|rev|"
    r"section|chapter|clause|figure|table|oid|upgrade(?: to)?)"
    r"|版本号?|固件|驱动|升级到|章节|第|更新到|发布了?)[ :.=]{0,3}(?:为|是|is|to|v|number|:|：| ){0,3}$",
    re.I,
)
_IP_WORDS = words(
    "ip",
    "ips?(?:v4|v6)?",
    "host",
    "server",
    "address",
    "ping",
    "ssh",
    "login",
    "from",
    "client",
    "地址",
    "主机",
    "服务器",
    "来自",
)
# Asked by everybody, so they say nothing about anybody
_PUBLIC_RESOLVERS = frozenset(
    "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 114.114.114.114 223.5.5.5 223.6.6.6 119.29.29.29".split()
)
_DEFAULTS = frozenset("192.168.0.0 192.168.1.0 192.168.0.1 192.168.1.1 10.0.0.0 10.0.0.1 172.16.0.0 172.16.0.1".split())


def network_rules() -> tuple[Rule, ...]:
    """The rules for IP_ADDRESS, MAC_ADDRESS and URL_TOKEN."""
    mac = r"(?:[0-9A-Fa-f]{2}[:-]){3}|(?:[0-9A-Fa-f]{4}\.){2}"
    return (
        Rule("ipv4", "IP_ADDRESS", r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", _V4, _v4),
        Rule("ipv6", "IP_ADDRESS", r"[0-9A-Fa-f]{2}:[0-9A-Fa-f:]{3}", _V6, _v6),
        Rule("mac", "MAC_ADDRESS", mac, _MAC, _mac),
        Rule("url_token", "URL_TOKEN", r"://[^\s]+(?:=|@)", _URL, _url),
    )  # fmt: skip


def _v4(match: re.Match[str]) -> Judged:
    """An address that belongs to somebody.

    Versions and sections are none; nor are loopback, netmasks, multicast, networks (10.0.0.0/8), public resolvers and the
    default gateways of every manual. Private and documentation ranges count: in a record they stand where somebody's
    address stood.
    """
    told = match.group()
    try:
        address = ipaddress.IPv4Address(told)
    except ValueError:  # an octet over 255 or with a leading zero
        return None
    if address.is_loopback or address.is_multicast or address.is_unspecified or address.packed[0] in (0, 255):
        return None
    if told in _PUBLIC_RESOLVERS or told in _DEFAULTS or _VERSION.search(before(match, size=24)):
        return None
    network = re.match(r"/([0-9]{1,2})(?![0-9])", match.string[match.end() : match.end() + 4])
    if network and int(network.group(1)) < 32 and int(address) & ((1 << (32 - int(network.group(1)))) - 1) == 0:
        return None
    small = all(octet < 32 for octet in address.packed)
    if small and not near(match, _IP_WORDS, size=32):
        return None  # 1.2.3.4 may be anything
    return *match.span(), 0.6 if address.is_private else 0.9


def _v6(match: re.Match[str]) -> Judged:
    """Not loopback, not C++'s `ab::cd`: it has a digit and either three groups or a first group of four."""
    told = match.group()
    try:
        address = ipaddress.IPv6Address(told)
    except ValueError:
        return None
    groups = [group for group in told.split(":") if group]
    if address.is_loopback or address.is_unspecified or not any(char.isdigit() for char in told):
        return None
    sound = len(groups) >= 3 or (len(groups) == 2 and len(groups[0]) == 4)
    return (*match.span(), 0.9) if sound else None


def _mac(match: re.Match[str]) -> Judged:
    told = match.group().lower()
    marks = set(re.sub(r"[:.-]", "", told))
    if len(marks) < 3:
        return None  # all zeros, broadcast
    sure = ":" in told or bool(marks & set("abcdef")) or max(map(int, told.replace(".", "-").split("-"))) > 60
    return (*match.span(), 0.95) if sure else None


def _url(match: re.Match[str]) -> Judged:
    """A web address with a password before its host, or a parameter that is named like a secret and looks like one."""
    told = match.group().rstrip(".,;:!?'\")]}")
    user = _USERINFO.search(told[:512])
    secret = bool(user) and not is_placeholder(user.group(2)) if user else False
    for name, value in _TOKEN.findall(told):
        weak = name.lower() in ("key", "code", "sid", "sign", "ak", "sk", "auth", "ticket")
        long = len(value) >= (16 if weak else 8)
        secret = secret or (long and _drawn(value) and not is_placeholder(value))
    return (match.start(), match.start() + len(told), 0.95) if secret else None


def _drawn(value: str) -> bool:
    """Whether a value has a digit, or is long and mixes its letter cases as no word does."""
    mixed = len(value) >= 16 and any(c.isupper() for c in value[1:]) and any(c.islower() for c in value)
    return any(char.isdigit() for char in value) or mixed
