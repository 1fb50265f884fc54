"""Signing in at an OpenID provider: the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

What must be known when the browser comes back is in a sealed cookie of that browser, so that it may come back to any
process. Nobody else's browser has it: a page cannot sign somebody in as another.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BEGUN_SECONDS: Final = 600
"""How long somebody may take to sign in."""
READY_SECONDS: Final = 60
"""How long a token waits for the page that is to have it."""
_LONGEST_RETURN: Final = 500


@dataclass(frozen=True, slots=True)
class StartedSignIn:
    """A sign-in that waits for the browser to come back."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    """A path of our own page."""

    @property
    def challenge(self) -> str:
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())

    @staticmethod
    def new(return_to: str) -> StartedSignIn:
        """A new one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return StartedSignIn(state, nonce, verifier, own_path(return_to))


def own_path(wanted: str) -> str:
    """A path of our own page; its beginning for whatever leads elsewhere."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    other = wanted.startswith(("//", "/\\", "/v1/", "/sign-"))  # to sign out is no page either
    leads_away = parts.scheme or parts.netloc or not wanted.startswith("/") or other
    plain = wanted.isascii() and wanted.isprintable() and " " not in wanted and "\\" not in wanted
    return "/" if leads_away or not plain or len(wanted) > _LONGEST_RETURN else wanted.partition("#")[0]


def authorization(endpoint: str, client_id: str, redirect_uri: str, scope: str, begun: StartedSignIn) -> str:
    """Where the browser goes to sign in."""
    query = urlencode(
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
    )
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"


class Cookies:
    """Seals what a browser keeps for us for a short time. `secret` has 32 bytes, the same in every gateway."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESGCM(secret)

    def seal(self, purpose: str, seconds: int, values: Mapping[str, str]) -> str:
        """Values as a cookie has them, good for that long."""
        nonce = secrets.token_bytes(12)
        text = json.dumps({**values, "ends": time.time() + seconds}).encode()
        return _encoded(nonce + self._box.encrypt(nonce, text, purpose.encode()))

    def open(self, purpose: str, text: str) -> dict[str, str] | None:
        """The values; None for a cookie that is none, is over, or is for something else."""
        if not text.isascii() or len(text) > 4096:
            return None
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            values: dict[str, Any] = json.loads(self._box.decrypt(raw[:12], raw[12:], purpose.encode()))
        except (ValueError, InvalidTag):
            return None
        return None if values.pop("ends") <= time.time() else values


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
