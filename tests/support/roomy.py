"""Limits per person and per address that a load, which is one person at one address, does not reach; and for how long a
service waits for news of others that the stream may bring late on a busy machine."""

from __future__ import annotations

import os
from typing import Final

_MANY: Final = "100000"
_NEWS_WITHIN: Final = "3"
"""Seconds, fewer than the gateway waits for an answer."""
SETTINGS: Final = {
    "ROSTRUM_GATEWAY_SIGN_UPS_PER_MINUTE": _MANY,
    "ROSTRUM_GATEWAY_ANONYMOUS_SESSIONS_BURST": _MANY,
    "ROSTRUM_GATEWAY_ANONYMOUS_SESSIONS_PER_MINUTE": _MANY,
    "ROSTRUM_GATEWAY_STREAMS_PER_ADDRESS": _MANY,
    "ROSTRUM_GATEWAY_CONNECTIONS_PER_ADDRESS": _MANY,
    "ROSTRUM_GATEWAY_SPACES_PER_HOUR": _MANY,
    "ROSTRUM_ROOM_LIVE_LIMIT": _MANY,
    "ROSTRUM_ROOM_PERSON_WAIT": _NEWS_WITHIN,
    "ROSTRUM_PEOPLE_SPACE_WAIT": _NEWS_WITHIN,
    "ROSTRUM_TIPPING_NEWS_WITHIN": _NEWS_WITHIN,
    "ROSTRUM_MEDIA_ANONYMOUS_PER_ADDRESS": _MANY,
    "ROSTRUM_MEDIA_CONNECTIONS_PER_PERSON": _MANY,
}


def raise_limits() -> None:
    """For every service that this process starts, unless its environment says otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def of_gateway() -> dict[str, int]:
    """The gateway's fields of them."""
    prefix = "ROSTRUM_GATEWAY_"
    return {
        name.removeprefix(prefix).lower(): int(value) for name, value in SETTINGS.items() if name.startswith(prefix)
    }
