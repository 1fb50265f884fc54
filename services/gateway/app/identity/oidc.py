"""Signing in at an OpenID provider; afterwards everybody has a token of ours on each of their devices."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from contracts.people.v1 import Person, SignIn
from libs.bus import Unavailable
from libs.fetch import FetchError
from libs.identity import (
    CheckedClaims,
    FetchedKeys,
    IdentityError,
    Issuer,
    KeysAway,
    OwnTokens,
    OwnTokensOnly,
    TokenRefused,
    read_compact,
)
from libs.refusal import Refusal
from services.gateway.adapters.provider import CodeRefused, Provider
from services.gateway.app.identity import ClaimNames, sign_in_of
from services.gateway.app.identity.logging_out import LogoutTokens, sign_in_name
from services.gateway.app.identity.signing_in import BEGUN_SECONDS, READY_SECONDS, Cookies, StartedSignIn, authorization

_OPERATORS_LIFETIME: Final = timedelta(hours=12)
"""What an issuer says of operators holds no longer."""


class SignInFailed(Exception):
    """Nobody is signed in; `why` is a word for the page."""

    def __init__(self, why: str, return_to: str = "/") -> None:
        super().__init__(why)
        self.why = why
        self.return_to = return_to


@dataclass(frozen=True, slots=True)
class OidcClient:
    """What we are to the provider."""

    id: str
    secret: str | None
    scope: str
    lifetime: timedelta
    """How long somebody stays signed in on a device."""


class Oidc(OwnTokensOnly):
    """Tokens of ours, for whoever signs in at a provider."""

    open_to_all = False

    def __init__(
        self,
        own: OwnTokens,
        keys: FetchedKeys,
        issuer: Issuer,
        provider: Provider,
        client: OidcClient,
        names: ClaimNames,
        sign_in: Callable[[SignIn], Awaitable[Person]],
        logout_tokens: LogoutTokens,
    ) -> None:
        super().__init__(own)
        self.logout_tokens = logout_tokens
        self._keys = keys
        self._issuer = issuer
        self._provider = provider
        self._client = client
        self._names = names
        self._sign_in = sign_in
        self._cookies = Cookies(own.secret("sign in"))

    # -- signing in --------------------------------------------------------------------------------------------

    async def begin(self, return_to: str, redirect_uri: str) -> tuple[str, StartedSignIn, str]:
        """Where the browser goes to sign in, and the cookie with which it comes back. Raises SignInFailed."""
        begun = StartedSignIn.new(return_to)
        try:
            endpoint = await self._provider.endpoint("authorization_endpoint")
        except (FetchError, IdentityError) as error:
            raise SignInFailed("unavailable", begun.return_to) from error
        values = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "return_to": begun.return_to}
        cookie = self._cookies.seal("begun", BEGUN_SECONDS, values)
        return authorization(endpoint, self._client.id, redirect_uri, self._client.scope, begun), begun, cookie

    async def finish(self, query: Mapping[str, str], cookie: str, redirect_uri: str) -> tuple[str, str]:
        """The sealed token of whoever comes back, and where they go on. Raises SignInFailed."""
        values = self._cookies.open("begun", cookie)
        if values is None or query.get("state") != values["state"]:
            raise SignInFailed("expired")
        return_to = values["return_to"]
        if query.get("iss", self._issuer.name) != self._issuer.name:  # RFC 9207
            raise SignInFailed("refused", return_to)
        code = query.get("code", "")
        if not code:
            raise SignInFailed("cancelled" if query.get("error") == "access_denied" else "refused", return_to)
        try:
            token = await self._token_of(code, values["verifier"], values["nonce"], redirect_uri)
        except (CodeRefused, TokenRefused) as error:
            raise SignInFailed("refused", return_to) from error
        except (FetchError, IdentityError, KeysAway, Unavailable) as error:
            raise SignInFailed("unavailable", return_to) from error
        except Refusal as refused:
            raise SignInFailed("unavailable" if refused.retry else "refused", return_to) from refused
        return self._cookies.seal("ready", READY_SECONDS, {"token": token}), return_to

    async def _token_of(self, code: str, verifier: str, nonce: str, redirect_uri: str) -> str:
        client = self._client
        id_token, access = await self._provider.exchange(client.id, client.secret, code, verifier, redirect_uri)
        compact = read_compact(id_token)
        claims = compact.claims()
        told = self._issuer.check(claims, time.time())
        await self._keys.signer(compact)
        if claims.get("nonce") != nonce:
            raise TokenRefused("The ID token belongs to another sign-in (nonce).")
        if access is not None:
            more = await self._provider.userinfo(access)
            if more.get("sub") == told.subject:
                claims = {**more, **claims}
        return await self._mint(claims, told)

    async def _mint(self, claims: Mapping[str, Any], told: CheckedClaims) -> str:
        said = self._names.read(claims)
        person = await self._sign_in(sign_in_of(self._issuer, told, said, told.issued_at))
        sid = claims.get("sid")
        lifetime = min(self._client.lifetime, _OPERATORS_LIFETIME) if said.operator else self._client.lifetime
        return self.own.mint(
            person.id,
            operator=said.operator,
            lifetime=lifetime,
            sign_in=sign_in_name(self._issuer.name, sid) if isinstance(sid, str) and sid else None,
        )

    def ready(self, cookie: str) -> str | None:
        """The token in a cookie that `finish` made; None where there is none, or it waited for too long."""
        values = self._cookies.open("ready", cookie)
        return None if values is None else values["token"]

    # -- signing out -------------------------------------------------------------------------------------------

    async def sign_out_at(self, page: str) -> str:
        """Where the browser goes to sign out at the provider too, and comes back from (RP-Initiated Logout 1.0); the
        page itself where the provider has no such address."""
        try:
            endpoint = await self._provider.endpoint_if_any("end_session_endpoint")
        except (FetchError, IdentityError):
            endpoint = None
        if endpoint is None:
            return page
        query = urlencode({"client_id": self._client.id, "post_logout_redirect_uri": page})
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"
