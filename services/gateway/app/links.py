"""Signed links: an address that opens one thing, as one person, for a short time.

A browser saves a file, or plays one, without headers, so that the address must say who asks. An account's token in an
address opens everything for days, wherever the address is copied to; a link opens only what stands in it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from typing import Final

from libs.refusal import Refusal
from services.gateway.app.visibility import Viewer

SECONDS: Final = 900
"""How long a link is good."""
_TEXT: Final = re.compile(r"(\d{1,12})\.([0-9a-z]{1,64})\.([01])\.([A-Za-z0-9_-]{43})", re.ASCII)


class Links:
    """Makes and reads the signature of a link; `secret` is the same in every gateway of the installation."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, target: str, person_id: str, *, operator: bool) -> tuple[str, int]:
        """The signature that opens `target`, a path with its query, and when it ends (Unix time, s)."""
        ends = int(time.time()) + SECONDS
        head = f"{ends}.{person_id}.{int(operator)}"
        return f"{head}.{self._mac(target, head)}", ends

    def read(self, target: str, signature: str) -> tuple[Viewer, datetime]:
        """Who opens `target` with a signature, and when it was made. Refuses: unauthenticated, token_expired."""
        match = _TEXT.fullmatch(signature)
        if match is None or not hmac.compare_digest(self._mac(target, signature.rpartition(".")[0]), match.group(4)):
            raise Refusal("unauthenticated", "This link does not open that; get another one.")
        if int(match.group(1)) <= time.time():
            raise Refusal("token_expired", "This link was good for a short time; get another one.")
        made = datetime.fromtimestamp(int(match.group(1)) - SECONDS, UTC)
        return Viewer(person_id=match.group(2), operator=match.group(3) == "1"), made

    def _mac(self, target: str, head: str) -> str:
        digest = hmac.digest(self._secret, f"{head}\0{target}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
