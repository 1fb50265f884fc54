"""From where somebody comes, as far as limits go."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def address_of(host: str | None) -> str:
    """The address that limits are counted by: of IPv6 the network of 64 bits, which is what one connection is given."""
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return (host or "")[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Networks:
    """Addresses and networks, such as those of named proxies. Raises ValueError for what is neither."""

    def __init__(self, names: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(name) for name in names)

    def __contains__(self, host: object) -> bool:
        try:
            address = ipaddress.ip_address(str(host))
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
