"""Links that people give: what an address may be, and the one way in which it is kept.

A link shows where it leads. So it carries no user name (`https://bank.example@evil.example/`), and its host is kept as
it is resolved: what is not ASCII becomes Punycode (RFC 5891), and no letter can look like another.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

import idna

from libs.refusal import Refusal

_SCHEMES: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_LONGEST_HOST: Final = 253


def tidy_link(url: str, *, field: str = "url") -> str:
    """The link as it is kept: two that lead to the same address by their letters are the same. Raises Refusal
    invalid, about this `field`."""
    if any(unicodedata.category(letter)[0] in "CZ" for letter in url):
        raise Refusal("invalid", "Leave blanks and invisible characters out of a link.", field=field)
    if "\\" in url:
        # Browsers take it for a slash, others for a part of the host.
        raise Refusal("invalid", "Write a link with slashes, not with backslashes.", field=field)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refusal("invalid", "This is no address.", field=field) from None
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        raise Refusal("invalid", "A link begins with http:// or https://.", field=field)
    if "@" in parts.netloc:
        raise Refusal("invalid", "Leave the user name out of a link.", field=field)
    host = _host(parts.hostname or "", field)
    where = host if port is None or port == _SCHEMES[scheme] else f"{host}:{port}"
    rest = url[url.index("//") + 2 + len(parts.netloc) :]
    return f"{scheme}://{where}{rest if rest.startswith('/') else '/' + rest}"


def _host(host: str, field: str) -> str:
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise Refusal("invalid", "This is no address.", field=field) from None
    host = host.removesuffix(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise Refusal("invalid", "This link's host is no domain name.", field=field) from None
    host = host.lower()
    if _NUMBER.fullmatch(host.rpartition(".")[2]) is not None:
        # Browsers read every such host as an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker).
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise Refusal(
                "invalid", "Write the number of a host in four parts, as in 192.0.2.1.", field=field
            ) from None
    if len(host) > _LONGEST_HOST or _HOST.fullmatch(host) is None:
        raise Refusal("invalid", "This link's host is no domain name.", field=field)
    return host
