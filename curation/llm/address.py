"""Where an endpoint is: `http://host:port/v1#model`, and whether it may be spoken to in the clear."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from curation.errors import InputError

_OWN_NAMES = (".local", ".lan", ".internal", ".home.arpa", ".localhost")


class Address(NamedTuple):
    """url: where the API begins, without a slash at its end. model: the name after `#`, "" where none was given."""

    url: str
    model: str

    def __str__(self) -> str:
        return f"{self.url}#{self.model}" if self.model else self.url


def read_address(text: str, *, with_key: bool) -> Address:
    """Take an address apart. Raises InputError for what is none, or would show a key or prompts to the network.

    Over http, a key is only sent to this machine, and prompts only to this machine or a private network.
    """
    parts = urlsplit(text.strip())
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in ("http", "https") or not host:
        raise InputError("This is no address of an endpoint.", "Write it as http://localhost:8000/v1#model.")
    if parts.username is not None or parts.password is not None or parts.query:
        raise InputError(
            f"The address of {host} holds a password or a query, which would be kept wherever the address is.",
            "Leave it out, and name the environment variable that holds the key.",
        )
    if parts.scheme == "http" and not _is_this_machine(host):
        hint = (
            f"Use https, or a tunnel: ssh -L 8000:localhost:{parts.port or 80} {host}, then http://localhost:8000/v1."
        )
        if with_key:
            raise InputError(f"The key would go to {host} in the clear.", hint)
        if not _is_private(host):
            raise InputError(f"Prompts and answers would go to {host} over the internet in the clear.", hint)
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return Address(f"{parts.scheme}://{parts.netloc.lower()}{path}", parts.fragment)


def leaves_machine(address: str) -> bool:
    """Whether what is asked at this address goes to another machine; what is no address of an endpoint stays here.

    A tunnel that ends at localhost counts as this machine: nothing here can see where it leads.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https"):
        return False
    try:
        return not _is_this_machine(parts.hostname or "")
    except ValueError:
        return True


def _is_this_machine(host: str) -> bool:
    number = _number(host)
    return number.is_loopback if number else host == "localhost"


def _is_private(host: str) -> bool:
    number = _number(host)
    return number.is_private if number else "." not in host or host.endswith(_OWN_NAMES)


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
