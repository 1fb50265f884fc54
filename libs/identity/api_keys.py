"""API keys: long secrets with which another server proves that it may act here. Only their digests are kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from libs.ids import new_id

_FORM: Final = re.compile(r"rsk_([0-9a-z]{26})_[A-Za-z0-9_-]{43}")


def new_secret(key_id: str | None = None) -> tuple[str, str]:
    """The id of a new key, or that one, and a new text of it."""
    id = key_id or new_id()
    return id, f"rsk_{id}_{secrets.token_urlsafe(32)}"


def read_api_key(text: str) -> tuple[str, str] | None:
    """The id and the digest of a key; None for what is none."""
    found = _FORM.fullmatch(text)
    return None if found is None else (found.group(1), digest_of_key(text))


def digest_of_key(text: str) -> str:
    """What is kept of a key. It has 256 random bits, so a plain SHA-256 tells nobody what it is."""
    return hashlib.sha256(text.encode()).hexdigest()
