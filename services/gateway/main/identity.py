"""Puts together how people prove who they are."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from contracts.commands import R, Request
from contracts.people.v1 import Person, SignIn
from libs.addresses import is_loopback
from libs.bus import Bus
from libs.fetch import Fetcher
from libs.identity import (
    OWN_ISSUER,
    AddressRefused,
    DevelopmentIdentity,
    FetchedKeys,
    Issuer,
    IssuerClock,
    OwnTokens,
    check_address,
)
from libs.service import CannotStart, Service
from services.gateway.adapters import issuer_keys
from services.gateway.adapters.claimed_pictures import ClaimedPictures
from services.gateway.adapters.provider import Provider
from services.gateway.app.identity import ClaimNames, Identity, TakenBack
from services.gateway.app.identity.development import Development
from services.gateway.app.identity.logging_out import LogoutTokens
from services.gateway.app.identity.oidc import Oidc, OidcClient
from services.gateway.app.identity.product_tokens import ProductTokens
from services.gateway.settings import LONGEST_SESSION, GatewaySettings


def check_addresses(settings: GatewaySettings) -> None:
    """Raises AddressRefused where others could reach what is for this machine, or cannot be told where we are."""
    public = _parts(settings.public_url, "PUBLIC_URL") if settings.public_url else None
    if settings.identity == "development":
        check_address(settings.host)
        if public is not None:
            check_address(public.hostname or "")
        return
    if public is None and not is_loopback(settings.host):
        raise AddressRefused(
            f"ROSTRUM_PUBLIC_URL is missing: say where browsers reach {settings.host}, e.g. https://live.example.org"
        )
    if public is not None and public.scheme != "https" and not is_loopback(public.hostname or ""):
        raise AddressRefused(
            f"ROSTRUM_PUBLIC_URL is {settings.public_url}: browsers give a microphone to https addresses only"
        )


def own_tokens(settings: GatewaySettings) -> OwnTokens:
    """Tokens of ours. Raises IdentityError, OSError."""
    keys = settings.var / "keys"
    return DevelopmentIdentity(keys) if settings.identity == "development" else OwnTokens(keys, OWN_ISSUER)


@dataclass(frozen=True, slots=True)
class _People:
    """The people service, waited for as long as this gateway waits."""

    bus: Bus
    within: float

    async def ask(self, request: Request[R]) -> R:
        return (await self.bus.ask(request, timeout=self.within)).result

    async def order(self, command: Request[R]) -> None:
        await self.ask(command)


async def identity_of(
    service: Service[GatewaySettings],
    own: OwnTokens,
    taken_back: TakenBack,
    make_picture: Callable[[bytes], Awaitable[Mapping[int, bytes]]],
) -> Identity:
    """How people prove who they are; `make_picture` makes the sizes of a picture. Raises CannotStart."""
    settings = service.settings
    if settings.identity == "development":
        return Development(own)
    mode = settings.identity
    audience = settings.identity_audience if mode == "tokens" else settings.identity_client_id
    name = _given(settings.identity_issuer, "ISSUER")
    issuer = Issuer(
        name,
        frozenset({_given(audience, "AUDIENCE" if mode == "tokens" else "CLIENT_ID")}),
        frozenset(settings.identity_parties),
    )
    if name == OWN_ISSUER:
        raise CannotStart(f"ROSTRUM_IDENTITY_ISSUER is {name!r}, which is what tokens made here say")
    where = settings.identity_keys
    named = (("KEYS", where or ""), ("ISSUER", name))
    try:
        hosts = [_parts(url, f"IDENTITY_{setting}").hostname for setting, url in named if "://" in url]
    except AddressRefused as error:
        raise CannotStart(str(error)) from error
    fetcher = await service.enter(
        Fetcher(trusted=[host for host in hosts if host], http_on_loopback=settings.identity_http_on_loopback)
    )
    asked = {"KEYS": where} if where and "://" in where else {}
    if mode == "oidc" or not where:
        asked["ISSUER"] = name
    for setting, url in asked.items():
        try:
            fetcher.check(url or "")
        except OSError as error:
            raise CannotStart(f"ROSTRUM_IDENTITY_{setting}: {error}") from error
    provider = Provider(fetcher, name, time.monotonic)
    if not where:
        fetch = issuer_keys.of_address(fetcher, provider.keys_at)
    elif "://" in where:
        fetch = issuer_keys.of_address(fetcher, partial(_always, where))
    else:
        fetch = issuer_keys.of_file(Path(where))
    keys = FetchedKeys(fetch, time.monotonic)
    service.spawn("keys of the issuer", keys.run())
    service.ready_when("identity", keys.lack)
    people = _People(service.bus, settings.ask_seconds)
    # Not the present setting: tokens of before may last longer. Of the product's own tokens nobody knows how long.
    longest = timedelta(hours=LONGEST_SESSION) if mode == "oidc" else None
    clock = IssuerClock()
    logout_tokens = LogoutTokens(keys, issuer, clock, people.ask, people.order, longest)
    names = ClaimNames(
        name=settings.identity_name_claim or None,
        handle=settings.identity_handle_claim or None,
        protected=settings.identity_protected_claim or None,
        picture=settings.identity_picture_claim or None,
        operator=settings.identity_operator_claim or None,
        operator_value=settings.identity_operator_value or None,
    )
    sign_in = partial(_sign_in, people, await _pictures(service, people, make_picture))
    if mode == "tokens":
        return ProductTokens(own, keys, issuer, clock, names, sign_in, people.ask, taken_back, logout_tokens)
    secret = settings.identity_client_secret
    client = OidcClient(
        id=_given(settings.identity_client_id, "CLIENT_ID"),
        secret=secret.get_secret_value() if secret else None,
        scope=settings.identity_scope,
        lifetime=timedelta(hours=settings.identity_session_hours),
    )
    return Oidc(own, keys, issuer, provider, client, names, sign_in, logout_tokens)


async def _pictures(
    service: Service[GatewaySettings],
    people: _People,
    make: Callable[[bytes], Awaitable[Mapping[int, bytes]]],
) -> ClaimedPictures:
    # With nobody of the private network trusted but who is listed: anybody may write such an address at the issuer.
    settings = service.settings
    fetcher = await service.enter(
        Fetcher(trusted=settings.identity_picture_hosts, http_on_loopback=settings.identity_http_on_loopback)
    )
    pictures = ClaimedPictures(fetcher, make, people.order)
    service.spawn("pictures that issuers name", pictures.run())
    return pictures


async def _sign_in(people: _People, pictures: ClaimedPictures, request: SignIn) -> Person:
    person = await people.ask(request)
    if person.picture_due and request.picture is not None:
        pictures.want(person.id, request.picture)
    return person


def _parts(url: str, setting: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise AddressRefused(f"ROSTRUM_{setting} is {url}, which is no address") from None


def _given(value: str | None, setting: str) -> str:
    if not value:
        raise CannotStart(f"ROSTRUM_IDENTITY_{setting} is missing; see docs/identity.md")
    return value


async def _always(url: str) -> str:
    return url
