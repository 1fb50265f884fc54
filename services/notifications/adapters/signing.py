"""Signatures of the Standard Webhooks specification (https://www.standardwebhooks.com, "Signature scheme")."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_secret() -> str:
    """A secret as it is given to who receives."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed(given: Sequence[str], message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a message, signed with each of these secrets; `at` in seconds of Unix time."""
    content = f"{message_id}.{at}.".encode() + body
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), content, "sha256")).decode()
        for secret in given
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
