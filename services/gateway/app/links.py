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
PLAYLIST_SECONDS: Final = 6 * 3600
"""The same of a playlist, which players read all the time; room is asked each time who may listen."""
LIVE_SECONDS: Final = 60
"""How long the parts of a Space that runs can be fetched by a key that its playlist gave."""
_LIVE_STEP: Final = 10
"""Seconds in which all players are given the same key, so that caches serve them the same addresses."""
_KEY: Final = re.compile(r"(\d{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)
_TEXT: Final = re.compile(
    r"(\d{1,12})\.([0-9a-z]{1,64})\.([01])(?:\.([0-9a-f]{32})\.((?:[0-9a-f]{32})?))?\.([A-Za-z0-9_-]{43})", re.ASCII
)
"""When it ends, who it is, whether an operator, by which token and sign-in (not in links of earlier versions)."""


def _seconds(target: str) -> int:
    return PLAYLIST_SECONDS if target.endswith(".m3u8") else SECONDS


class Links:
    """Makes and reads the signature of a link; `secret` is the same in every gateway of the installation."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, target: str, viewer: Viewer) -> tuple[str, int]:
        """The signature that opens `target`, a path with its query, as somebody, and when it ends (Unix time, s)."""
        ends = int(time.time()) + _seconds(target)
        head = f"{ends}.{viewer.person_id}.{int(viewer.operator)}.{viewer.token_id}.{viewer.sign_in or ''}"
        return f"{head}.{self._mac(target, head)}", ends

    def read(self, target: str, signature: str) -> tuple[Viewer, datetime]:
        """Who opens `target` with a signature, and when it was made. Refuses: unauthenticated, token_expired."""
        match = _TEXT.fullmatch(signature)
        if match is None or not hmac.compare_digest(self._mac(target, signature.rpartition(".")[0]), match.group(6)):
            raise Refusal("unauthenticated", "This link does not open that; get another one.")
        if int(match.group(1)) <= time.time():
            raise Refusal("token_expired", "This link was good for a short time; get another one.")
        made = datetime.fromtimestamp(int(match.group(1)) - _seconds(target), UTC)
        token_id, sign_in = match.group(4), match.group(5) or None
        return Viewer(match.group(2), match.group(3) == "1", token_id=token_id, sign_in=sign_in), made

    def live_key(self, space_id: str) -> str:
        """A key that opens the parts of a Space that runs, for a minute at most."""
        ends = int(time.time()) // _LIVE_STEP * _LIVE_STEP + LIVE_SECONDS
        return f"{ends}.{self._mac(f'live/{space_id}', str(ends))}"

    def open_live(self, space_id: str, key: str) -> int:
        """For how many seconds a key still opens the parts of a Space. Refuses: unauthenticated, token_expired."""
        match = _KEY.fullmatch(key)
        if match is None or not hmac.compare_digest(self._mac(f"live/{space_id}", match.group(1)), match.group(2)):
            raise Refusal("unauthenticated", "This key does not open that; read the playlist again.")
        left = int(match.group(1)) - int(time.time())
        if left <= 0:
            raise Refusal("token_expired", "This key was good for a minute; read the playlist again.")
        return min(left, LIVE_SECONDS)

    def _mac(self, target: str, head: str) -> str:
        digest = hmac.digest(self._secret, f"{head}\0{target}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
