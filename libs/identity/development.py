"""Identity for one machine, where anybody may be anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from libs.addresses import is_loopback
from libs.identity.errors import AddressRefused
from libs.identity.own_tokens import OwnTokens

_ISSUER: Final = "rostrum-development"


class DevelopmentIdentity(OwnTokens):
    """Tokens for whoever asks."""

    def __init__(self, keys: Path) -> None:
        super().__init__(keys, _ISSUER)


def check_address(host: str) -> None:
    """Raises AddressRefused unless `host` is a loopback address."""
    if not is_loopback(host):
        raise AddressRefused(
            f"development identity lets anybody be anybody, so it serves 127.0.0.1 only, not {host or 'every address'}"
        )
