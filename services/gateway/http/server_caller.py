"""What routes for servers of the host product depend on: their API key, and whom they mean."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from contracts.people.v1 import ApiKeyScope, IssuerSubject, SubjectQuery, UseApiKey
from libs.identity.api_keys import read_api_key
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.visibility import Viewer
from services.gateway.http.caller import CommandHead, address, gateway_of, spend, would_spend
from services.gateway.http.problems import OF_A_COMMAND, responses

_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", bearerFormat="rsk_...", description="An API key of `rostrum keys`."
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="Sent twice with one API key, a command happens once.",
    ),
]
PATIENCE: Final = 30.0
"""Seconds that many things at once may take."""
SubjectParameter = Annotated[
    IssuerSubject, Query(alias="subject", examples=["u-17"], description="The product's own id of the person.")
]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that may do what it asks for."""

    key_id: str
    key: str | None
    """Its `Idempotency-Key`."""
    viewer: Viewer
    """As what it watches."""
    rights: tuple[str, ...] = ()
    """What its key may do."""

    def head(self, actor: str | None = None) -> CommandHead:
        """What its command begins with; `actor` is for whom it acts, else it acts for the instance."""
        sent = None if self.key is None else hashlib.sha256(f"{self.key_id}\0{self.key}".encode()).hexdigest()
        return CommandHead(sent or new_id(), actor, actor is None, sent is not None, self.key_id)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a command for the instance that come from here."""
        return self.head().fields


def server(scope: ApiKeyScope) -> Callable[[Request, _Credentials, _Key], Awaitable[Server]]:
    """A dependency: the server that asks, by a key for this. Refuses: unauthenticated, not_allowed,
    too_many_requests."""

    async def asking(request: Request, credentials: _Credentials, key: _Key = None) -> Server:
        gateway = gateway_of(request)
        read = None if credentials is None else read_api_key(credentials.credentials)
        guesses, at = gateway.limits.key_guesses, address(request)
        would_spend(guesses, at)
        try:
            if read is None:
                raise Refusal("unauthenticated", "Send an API key as a bearer token; `rostrum keys` makes one.")
            id, digest = read
            used = UseApiKey(command_id=new_id(), operator=True, key_id=id, digest=digest, scope=scope)
            known = await gateway.ask(used)
        except Refusal as refused:
            if refused.reason == "unauthenticated":
                spend(request, guesses, at)  # nobody tries keys for long
            raise
        spend(request, gateway.limits.servers, id)
        since = known.rotated_at or known.created_at
        return Server(id, key, Viewer(key_id=id, issued_at=since, until=known.good_until), known.scopes)

    return asking


PeopleServer = Annotated[Server, Depends(server("people"))]
RelationsServer = Annotated[Server, Depends(server("relations"))]
ModerationServer = Annotated[Server, Depends(server("moderation"))]
SpacesServer = Annotated[Server, Depends(server("spaces"))]
TokensServer = Annotated[Server, Depends(server("tokens"))]
EventsServer = Annotated[Server, Depends(server("events"))]
WebhooksServer = Annotated[Server, Depends(server("webhooks"))]


async def person_of(gateway: Gateway, subject: str) -> str:
    """The id here of whom the product means. Refuses: person_unknown."""
    return (await gateway.ask(SubjectQuery(issuer=gateway.issuer, subject_name=subject, operator=True))).id


OF_A_SERVER: Final = (*OF_A_COMMAND, "not_allowed")
"""Why any request of a server may be refused."""


def refusals(*more: str) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route for servers."""
    return responses(*OF_A_SERVER, *more, standing=False)
