"""Who is asking, and under which command id: what routes depend on."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Security, WebSocket
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from libs.bus import Refusal
from libs.identity import TokenRefused
from libs.ids import from_uuid, is_id, new_id
from services.gateway.app import Gateway
from services.gateway.projection import Viewer

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A token of POST /v1/people or `rostrum token`.")


async def the_gateway(connection: HTTPConnection) -> Gateway:
    """The gateway this app was built for."""
    return cast(Gateway, connection.app.state.gateway)


GatewayDep = Annotated[Gateway, Depends(the_gateway)]
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def _verified(gateway: Gateway, token: str) -> Viewer:
    try:
        claims = gateway.identity.verify(token)
    except TokenRefused as no:
        raise Refusal("token_expired" if no.expired else "unauthenticated", no.detail) from no
    return Viewer(person_id=claims.person_id, operator=claims.operator)


def viewer_of(gateway: Gateway, authorization: str | None) -> Viewer:
    """Who an Authorization header proves to be; anonymous without one. Refuses: unauthenticated, token_expired."""
    if authorization is None:
        return Viewer()
    scheme, token = get_authorization_scheme_param(authorization)
    if scheme.lower() != "bearer" or not token:
        raise Refusal("unauthenticated", "The Authorization header holds no bearer token.")
    return _verified(gateway, token)


async def viewer(request: Request, gateway: GatewayDep, _: _Credentials) -> Viewer:
    """Whoever asks; anonymous without a token. Refuses: unauthenticated, token_expired."""
    return viewer_of(gateway, request.headers.get("authorization"))


_AccessToken = Annotated[
    str | None, Query(max_length=4096, description="The token, for clients that cannot send headers.")
]


async def viewer_by_address(
    request: Request, gateway: GatewayDep, credentials: _Credentials, access_token: _AccessToken = None
) -> Viewer:
    """Like `viewer`; the token may be in the address, for EventSource and media elements. Refuses also: suspended."""
    if access_token is not None and credentials is None:
        asker = _verified(gateway, access_token)
    else:
        asker = viewer_of(gateway, request.headers.get("authorization"))
    _in_good_standing(gateway, asker)
    return asker


async def viewer_by_socket(socket: WebSocket, gateway: GatewayDep, access_token: _AccessToken = None) -> Viewer:
    """Like `viewer_by_address`, of a WebSocket. Refuses also: not_allowed (a page of another origin)."""
    origin = socket.headers.get("origin")
    # Other requests of such pages are the browser's to refuse (CORS); of a WebSocket it only tells the origin.
    own = {None, f"http://{socket.headers.get('host')}", f"https://{socket.headers.get('host')}"}
    if origin not in own | socket.app.state.origins:
        raise Refusal("not_allowed", "Pages of that origin may not use this address.")
    authorization = socket.headers.get("authorization")
    if access_token is not None and authorization is None:
        asker = _verified(gateway, access_token)
    else:
        asker = viewer_of(gateway, authorization)
    _in_good_standing(gateway, asker)
    return asker


ViewerDep = Annotated[Viewer, Depends(viewer)]
AddressViewerDep = Annotated[Viewer, Depends(viewer_by_address)]
SocketViewerDep = Annotated[Viewer, Depends(viewer_by_socket)]


async def person(asker: ViewerDep) -> str:
    """The id of the person who asks. Refuses: unauthenticated, token_expired."""
    if asker.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return asker.person_id


PersonDep = Annotated[str, Depends(person)]


@dataclass(frozen=True, slots=True)
class Order:
    """What every command carries: its id, its actor, and whether they act for the instance."""

    command_id: str
    actor: str | None
    operator: bool
    repeatable: bool
    """Whether the client chose the id, so that it may send the command again."""

    @property
    def head(self) -> dict[str, Any]:
        """The fields of it that a command begins with."""
        return {"command_id": self.command_id, "actor": self.actor, "operator": self.operator}

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


def _in_good_standing(gateway: Gateway, asker: Viewer) -> None:
    if asker.person_id in gateway.suspensions:
        raise Refusal("suspended", "Your account is suspended. You can appeal.")


async def suspended_order(gateway: GatewayDep, asker: ViewerDep, key: _Key = None) -> Order:
    """A command of a person, suspended or not. Refuses: unauthenticated, token_expired, too_many_requests."""
    if asker.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    gateway.pace.take(asker.person_id)
    return Order(key or new_id(), asker.person_id, asker.operator, key is not None)


async def anonymous_order(gateway: GatewayDep, asker: ViewerDep, key: _Key = None) -> Order:
    """A command that may come without a token. Refuses: suspended, token_expired, too_many_requests."""
    _in_good_standing(gateway, asker)
    if asker.person_id is not None:
        gateway.pace.take(asker.person_id)
    return Order(key or new_id(), asker.person_id, asker.operator, key is not None)


async def order(asker: Annotated[Order, Depends(anonymous_order)]) -> Order:
    """A command of a person. Refuses: unauthenticated, suspended, token_expired, too_many_requests."""
    if asker.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return asker


OrderDep = Annotated[Order, Depends(order)]
SuspendedOrderDep = Annotated[Order, Depends(suspended_order)]
AnonymousOrderDep = Annotated[Order, Depends(anonymous_order)]


async def usual_arguments(request: Request) -> dict[str, Any] | None:
    """What an endpoint takes that has a Space in its path, an `AnonymousOrderDep` and at most a `session` in its query.

    Read by hand, in a tenth of the time that FastAPI needs to find out what each parameter is. None for a request that
    does not look as usual: FastAPI finds out what is wrong with it, if anything is. Refuses as `anonymous_order` does.
    """
    name, _, session = request.scope["query_string"].decode("latin-1").partition("=")
    space_id, key = request.path_params["space_id"], request.headers.get("idempotency-key")
    if not is_id(space_id) or (key is not None and not (len(key) <= _LONGEST_KEY and _KEY_LETTERS.match(key))):
        return None
    if name and (name != "session" or not is_id(session)):
        return None
    gateway = await the_gateway(request)
    asker = viewer_of(gateway, request.headers.get("authorization"))
    order = await anonymous_order(gateway, asker, key)
    return {
        "request": request, "space_id": space_id, "viewer": asker, "order": order, "gateway": gateway,
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
