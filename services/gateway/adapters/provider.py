"""An OpenID provider: what it says of itself, and the two requests by which a code becomes somebody's identity."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from libs.fetch import Fetcher, FetchError, Response
from libs.identity import IdentityError, TokenRefused, read_object
from services.gateway.adapters.issuer_keys import discover

_log = logging.getLogger(__name__)
_MOST: Final = 64 * 1024
_WITHIN: Final = 5.0
_KEPT: Final = 600.0
"""Seconds for which what it says of itself is not asked for again."""


class CodeRefused(Exception):
    """The provider does not take the code; whoever signs in may begin again."""


class Provider:
    """The provider of an issuer. What it said last is kept while it is away."""

    def __init__(self, fetcher: Fetcher, issuer: str, clock: Callable[[], float]) -> None:
        self._fetcher = fetcher
        self._issuer = issuer
        self._clock = clock
        self._said: dict[str, Any] | None = None
        self._said_at = 0.0
        self._asking: asyncio.Task[dict[str, Any]] | None = None

    async def keys_at(self) -> str:
        """Where its keys are. Raises FetchError, IdentityError."""
        return await self.endpoint("jwks_uri")

    async def endpoint(self, name: str) -> str:
        """The address of something it has. Raises FetchError, IdentityError."""
        address = await self.endpoint_if_any(name)
        if address is None:
            raise IdentityError(f"{self._issuer} does not say where its {name} is")
        return address

    async def endpoint_if_any(self, name: str) -> str | None:
        """The same of what it need not have; None without."""
        address = (await self._document()).get(name)
        if address is None:
            return None
        if not isinstance(address, str):
            raise IdentityError(f"{self._issuer} names no address as its {name}")
        self._fetcher.check(address)
        return address

    async def _document(self) -> Mapping[str, Any]:
        if self._said is not None and self._clock() - self._said_at <= _KEPT:
            return self._said
        if self._asking is None:
            # Once, for all who sign in meanwhile.
            self._asking = asyncio.create_task(self._ask(), name="what the issuer says of itself")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> dict[str, Any]:
        try:
            said = await discover(self._fetcher, self._issuer)
        except (FetchError, IdentityError) as error:
            if self._said is None:
                raise
            said = self._said
            _log.warning("the issuer does not say where things are", extra={"why": str(error)})
        finally:
            self._asking = None
        self._said, self._said_at = said, self._clock()
        return said

    # -- the code flow -----------------------------------------------------------------------------------------

    async def exchange(
        self, client_id: str, secret: str | None, code: str, verifier: str, redirect_uri: str
    ) -> tuple[str, str | None]:
        """The ID token, and the access token if there is one, for a code (RFC 6749, section 4.1.3; RFC 7636). Raises
        CodeRefused, FetchError, IdentityError."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": client_id,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if secret is not None:
            methods = (await self._document()).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            if isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
                form["client_secret"] = secret
            else:
                pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
                headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._fetcher.fetch(
            await self.endpoint("token_endpoint"),
            method="POST",
            most=_MOST,
            within=_WITHIN,
            headers=headers,
            body=urlencode(form).encode(),
        )
        said = _object(answer)
        if answer.status in (400, 401, 403):
            _log.warning("the issuer refuses a code", extra={"why": str(said.get("error", answer.status))[:100]})
            raise CodeRefused
        token, access = said.get("id_token"), said.get("access_token")
        if answer.status != 200 or not isinstance(token, str):
            raise FetchError(f"the token endpoint of {self._issuer} answers {answer.status}, without an ID token")
        return token, access if isinstance(access, str) else None

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        """What else it says of whoever has the token; nothing where it has no such address, or is away."""
        try:
            address = await self.endpoint_if_any("userinfo_endpoint")
            if address is None or not access_token.isascii() or not access_token.isprintable():
                return {}
            headers = {"authorization": f"Bearer {access_token}", "accept": "application/json"}
            answer = await self._fetcher.fetch(address, most=_MOST, within=_WITHIN, headers=headers)
            return _object(answer) if answer.status == 200 else {}
        except (FetchError, IdentityError) as error:
            _log.warning("the issuer says nothing of somebody", extra={"why": str(error)})
            return {}


def _object(answer: Response) -> dict[str, Any]:
    try:
        return read_object(answer.body)
    except TokenRefused:
        return {}
