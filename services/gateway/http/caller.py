"""What routes depend on: who asks, under which command id, and that a body is JSON."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Security, WebSocket
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from libs.addresses import host_in, is_loopback
from libs.identity import TokenRefused
from libs.ids import from_uuid, is_id, new_id
from libs.rate_limit import QuotaSpent, RateLimit
from libs.refusal import Refusal
from services.gateway.adapters.addresses import address_of
from services.gateway.app import Gateway
from services.gateway.app.identity import REVOKED
from services.gateway.app.stream import Stream
from services.gateway.app.visibility import Viewer
from services.gateway.http import rights

_bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="A token of the product that this is a part of, or of `rostrum token`.",
)


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway that the app of a connection was built for."""
    return cast(Gateway, connection.app.state.gateway)


async def the_gateway(connection: HTTPConnection) -> Gateway:
    """The same as a dependency of routes: FastAPI runs one that is no coroutine in a thread."""
    return gateway_of(connection)


# What routes depend on asks `gateway_of`: FastAPI finds out what each dependency needs anew for each route.
GatewayDep = Annotated[Gateway, Depends(the_gateway)]
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def json_only(request: Request) -> None:
    """A body, where there is one, must be JSON. Refuses: unsupported_media_type."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != "application/json" and not (sent.startswith("application/") and sent.endswith("+json")):
        raise Refusal("unsupported_media_type", "Send application/json.")


# ---- who asks ---------------------------------------------------------------------------------------------------


async def _verified(connection: HTTPConnection, token: str) -> Viewer:
    gateway = gateway_of(connection)
    try:
        claims = await gateway.identity.verify(token)
    except TokenRefused as no:
        raise Refusal("token_expired" if no.expired else "unauthenticated", no.detail) from no
    _not_revoked(gateway, claims.person_id, (claims.token_id, claims.sign_in), claims.issued_at)
    if claims.rights is not None:
        rights.check(connection, claims.rights)
    return Viewer(
        claims.person_id,
        claims.operator,
        until=claims.expires_at,
        token_id=claims.token_id,
        issued_at=claims.issued_at,
        sign_in=claims.sign_in,
    )


def _not_revoked(gateway: Gateway, person_id: str, ids: Iterable[str | None], issued_at: datetime) -> None:
    if person_id in gateway.erased:
        raise Refusal("unauthenticated", "This account was deleted.")
    until = gateway.revoked_until.get(person_id)
    if any(id in gateway.revoked for id in ids) or (until is not None and issued_at <= until):
        raise Refusal("unauthenticated", REVOKED)


async def viewer_of(connection: HTTPConnection) -> Viewer:
    """Who an Authorization header proves to be; anonymous without one. Refuses: unauthenticated, token_expired,
    not_allowed (a token without the right for this), unavailable."""
    authorization = connection.headers.get("authorization")
    if authorization is None:
        return Viewer()
    scheme, token = get_authorization_scheme_param(authorization)
    if scheme.lower() != "bearer" or not token:
        raise Refusal("unauthenticated", "The Authorization header holds no bearer token.")
    return await _verified(connection, token)


def _not_suspended(gateway: Gateway, asker: Viewer) -> None:
    if asker.person_id in gateway.suspended:
        raise Refusal("suspended", "Your account is suspended. You can appeal.")


async def suspended_viewer(request: Request, _: _Credentials) -> Viewer:
    """Whoever asks, suspended or not: for the few routes that a suspended person needs. Refuses: unauthenticated,
    token_expired."""
    return await viewer_of(request)


async def viewer(request: Request, asker: Annotated[Viewer, Depends(suspended_viewer)]) -> Viewer:
    """Whoever asks; anonymous without a token. Refuses: unauthenticated, token_expired, suspended."""
    _not_suspended(gateway_of(request), asker)
    return asker


_AccessToken = Annotated[
    str | None,
    # A token is printable ASCII. Of other letters, an address within this length could be longer than a head may be.
    Query(max_length=8192, pattern=r"^[\x21-\x7e]*$", description="The token, for clients that cannot send headers."),
]


async def viewer_by_address(request: Request, credentials: _Credentials, access_token: _AccessToken = None) -> Viewer:
    """Like `viewer`; the token may be in the address, for EventSource and media elements. Refuses also: suspended."""
    gateway = gateway_of(request)
    if access_token is not None and credentials is None:
        asker = await _verified(request, access_token)
    else:
        asker = await viewer_of(request)
    _not_suspended(gateway, asker)
    return asker


_OF_PLAYERS: Final = "_HLS_"
"""What players of HLS add to an address begins with."""


async def viewer_by_link(
    request: Request,
    credentials: _Credentials,
    access_token: _AccessToken = None,
    link: Annotated[str | None, Query(max_length=300, description="The signature that `POST /v1/links` gave.")] = None,
) -> Viewer:
    """Like `viewer_by_address`; a signed link (`services.gateway.app.links`) opens what it was made for too."""
    if link is None or credentials is not None:
        return await viewer_by_address(request, credentials, access_token)
    asker = _linked(request, link)
    _not_suspended(gateway_of(request), asker)
    return asker


async def suspended_viewer_by_link(
    request: Request,
    credentials: _Credentials,
    link: Annotated[str | None, Query(max_length=300, description="The signature that `POST /v1/links` gave.")] = None,
) -> Viewer:
    """Like `viewer_by_link`, suspended or not, and without a token in the address."""
    if link is None or credentials is not None:
        return await suspended_viewer(request, credentials)
    return _linked(request, link)


def _linked(request: Request, link: str) -> Viewer:
    gateway = gateway_of(request)
    given = request.query_params.multi_items()
    query = urlencode([(name, value) for name, value in given if name != "link" and not name.startswith(_OF_PLAYERS)])
    asker, made = gateway.links.read(f"{request.url.path}?{query}" if query else request.url.path, link)
    _not_revoked(gateway, asker.person_id or "", (asker.token_id, asker.sign_in), made)
    return asker


def _is_own(socket: WebSocket, origin: str) -> bool:
    """Whether an origin is the one this gateway is reached at.

    That it equals the Host is not enough: a page elsewhere could have its own name point to this machine.
    """
    public = cast(str | None, socket.app.state.public_url)
    if public is not None:
        return origin == public
    host = socket.headers.get("host", "")
    scheme = "https" if socket.url.scheme == "wss" else "http"
    return origin == f"{scheme}://{host}" and is_loopback(host_in(host))


async def viewer_by_socket(socket: WebSocket, access_token: _AccessToken = None) -> Viewer:
    """Like `viewer_by_address`, of a WebSocket. Refuses also: not_allowed (a page of another origin)."""
    gateway = gateway_of(socket)
    origin = socket.headers.get("origin")
    # Other requests of such pages are the browser's to refuse (CORS); of a WebSocket it only tells the origin.
    if origin is not None and origin not in socket.app.state.origins and not _is_own(socket, origin):
        raise Refusal("not_allowed", "Pages of that origin may not use this address.")
    if access_token is not None and "authorization" not in socket.headers:
        asker = await _verified(socket, access_token)
    else:
        asker = await viewer_of(socket)
    _not_suspended(gateway, asker)
    return asker


ViewerDep = Annotated[Viewer, Depends(viewer)]
SuspendedViewerDep = Annotated[Viewer, Depends(suspended_viewer)]
AddressViewerDep = Annotated[Viewer, Depends(viewer_by_address)]
LinkViewerDep = Annotated[Viewer, Depends(viewer_by_link)]
SuspendedLinkViewerDep = Annotated[Viewer, Depends(suspended_viewer_by_link)]
SocketViewerDep = Annotated[Viewer, Depends(viewer_by_socket)]


def _signed_in(asker: Viewer) -> str:
    if asker.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return asker.person_id


async def person(asker: ViewerDep) -> str:
    """The id of the person who asks. Refuses: unauthenticated, token_expired, suspended."""
    return _signed_in(asker)


async def suspended_person(asker: SuspendedViewerDep) -> str:
    """Like `person`, suspended or not. Refuses: unauthenticated, token_expired."""
    return _signed_in(asker)


PersonDep = Annotated[str, Depends(person)]
SuspendedPersonDep = Annotated[str, Depends(suspended_person)]


async def operator(asker: AddressViewerDep) -> None:
    """Operators only, wherever they ask from: a proxy on this machine makes everybody look local. Refuses:
    unauthenticated, token_expired, suspended, not_allowed."""
    if asker.operator:
        return
    if asker.person_id is not None:
        raise Refusal("not_allowed", "This is for operators.")
    raise Refusal("unauthenticated", "Sign in as an operator: send a token of `rostrum token --operator`.")


# ---- how much somebody may ask for --------------------------------------------------------------------------------


def spend(connection: HTTPConnection, limit: RateLimit, key: str) -> None:
    """Count a request; its answer tells what is left, whatever it is. Refuses: too_many_requests."""
    quotas = connection.scope.setdefault("quotas", [])
    try:
        quotas.append(limit.take(key))
    except QuotaSpent as spent:
        quotas.append(spent.quota)
        raise


def give_back(connection: HTTPConnection, limit: RateLimit, key: str) -> None:
    """Count a request no more, since nothing came of it."""
    connection.scope["quotas"] = [one for one in connection.scope.get("quotas", ()) if one.policy != limit.policy]
    limit.give_back(key)


def would_spend(limit: RateLimit, key: str) -> None:
    """Refuses as `spend` would, and counts nothing: too_many_requests."""
    limit.take(key)
    limit.give_back(key)


async def opened(connection: HTTPConnection, opening: Awaitable[Stream]) -> Stream:
    """A live stream that is being opened; its answer tells how many more may be. Raises what opening it does."""
    quotas = connection.scope.setdefault("quotas", [])
    try:
        stream = await opening
    except QuotaSpent as spent:
        quotas.append(spent.quota)
        raise
    quotas.append(stream.quota)
    return stream


def address(connection: HTTPConnection) -> str:
    """The address that limits are counted by."""
    return address_of(connection.client.host if connection.client else None)


async def count_sign_up(request: Request) -> None:
    """Refuses: too_many_requests."""
    spend(request, gateway_of(request).limits.sign_ups, address(request))


async def count_created(request: Request, person_id: PersonDep) -> None:
    """Refuses: unauthenticated, too_many_requests."""
    spend(request, gateway_of(request).limits.created, person_id)


async def count_people_search(request: Request, person_id: PersonDep) -> None:
    """Refuses: unauthenticated, too_many_requests."""
    spend(request, gateway_of(request).limits.people_searches, person_id)


async def count_anonymous(request: Request, asker: ViewerDep) -> None:
    """Of people without a token only. Refuses: token_expired, too_many_requests."""
    if asker.person_id is None:
        spend(request, gateway_of(request).limits.sessions, address(request))


# ---- the head of a command --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandHead:
    """What every command begins with: its id, its actor, and whether they act for the instance."""

    command_id: str
    actor: str | None
    operator: bool
    repeatable: bool
    """Whether the client chose the id, so that it may send the command again."""
    api_key: str | None = None
    """The API key of the server that sends it, where one does."""

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of any command that come from here."""
        return {
            "command_id": self.command_id, "actor": self.actor, "operator": self.operator, "api_key": self.api_key
        }  # fmt: skip

    def new(self, kind: str) -> str:
        """The id of what this command makes: the same when the command is sent again, also to another gateway."""
        return derived_id(kind, self.actor or "", self.command_id) if self.repeatable else new_id()


_LONGEST_KEY: Final = 128
_KEY_LETTERS: Final = re.compile(r"^[\x21-\x7e]+$")
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=_LONGEST_KEY,
        pattern=_KEY_LETTERS.pattern,
        description="Sent twice by one person, a command happens once.",
    ),
]


async def suspended_head(connection: HTTPConnection, asker: SuspendedViewerDep, key: _Key = None) -> CommandHead:
    """A command of a person, suspended or not. Refuses: unauthenticated, token_expired, too_many_requests."""
    spend(connection, gateway_of(connection).limits.commands, _signed_in(asker))
    return CommandHead(key or new_id(), asker.person_id, asker.operator, key is not None)


async def anonymous_head(connection: HTTPConnection, asker: ViewerDep, key: _Key = None) -> CommandHead:
    """A command that may come without a token. Refuses: suspended, token_expired, too_many_requests."""
    gateway = gateway_of(connection)
    _not_suspended(gateway, asker)
    if asker.person_id is not None:
        spend(connection, gateway.limits.commands, asker.person_id)
    return CommandHead(key or new_id(), asker.person_id, asker.operator, key is not None)


async def head(anybodys: Annotated[CommandHead, Depends(anonymous_head)]) -> CommandHead:
    """A command of a person. Refuses: unauthenticated, suspended, token_expired, too_many_requests."""
    if anybodys.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return anybodys


HeadDep = Annotated[CommandHead, Depends(head)]
SuspendedHeadDep = Annotated[CommandHead, Depends(suspended_head)]
AnonymousHeadDep = Annotated[CommandHead, Depends(anonymous_head)]


async def usual_arguments(request: Request) -> dict[str, Any] | None:
    """What an endpoint takes that has a Space in its path, an `AnonymousHeadDep` and at most a `session` in its query.

    Read by hand, in a tenth of the time that FastAPI needs to find out what each parameter is. None for a request that
    does not look as usual: FastAPI finds out what is wrong with it, if anything is. Refuses as `anonymous_head` does.
    """
    name, _, session = request.scope["query_string"].decode("latin-1").partition("=")
    space_id, key = request.path_params["space_id"], request.headers.get("idempotency-key")
    if not is_id(space_id) or (key is not None and not (len(key) <= _LONGEST_KEY and _KEY_LETTERS.match(key))):
        return None
    if name and (name != "session" or not is_id(session)):
        return None
    gateway = gateway_of(request)
    asker = await viewer_of(request)
    command_head = await anonymous_head(request, asker, key)
    return {
        "request": request, "space_id": space_id, "viewer": asker, "head": command_head, "gateway": gateway,
        "session": session or None,
    }  # fmt: skip


def derived_id(*parts: str) -> str:
    """An id that the same parts always give (UUIDv8, RFC 9562, section 5.8)."""
    digest = bytearray(hashlib.sha256("\0".join(parts).encode()).digest()[:16])
    # Its first 48 bits read as a time between 2004 and 2039, so that whoever reads them as one gets a date.
    digest[0] = 0x01
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return from_uuid(UUID(bytes=bytes(digest)))
