"""People of the host product, by its own ids: who there is, and what is done to or for somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from contracts.people.v1 import (
    ErasePerson,
    Erasure,
    MirroredPeople,
    MirroredPerson,
    Person,
    PersonQuery,
    Reinstate,
    RevokeTokens,
    Suspend,
    ToldPerson,
    UpsertPeople,
)
from contracts.room.v1 import CreateSpace, Settings
from contracts.times import Moment
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Because, Body, body_of
from services.gateway.http.caller import GatewayDep, json_only
from services.gateway.http.rights import Right
from services.gateway.http.server_caller import (
    PATIENCE,
    ModerationServer,
    PeopleServer,
    SpacesServer,
    SubjectParameter,
    TokensServer,
    person_of,
    refusals,
)
from services.gateway.http.spaces import NewSpace

router = APIRouter(tags=["server"], dependencies=[Depends(json_only)])

_TOGETHER: Final = 200
"""People who are asked for together."""
_SHORTEST: Final = 60
_LONGEST: Final = 24 * 3600


@body_of(ToldPerson, "name", "handle", "protected")
class ToldOfOne(Body):
    """What the product says of somebody; what is left out is not said."""


@router.put(
    "/v1/server/person", operation_id="serverPutPerson", responses=refusals("wrong_state"),
)  # fmt: skip
async def put(body: ToldOfOne, subject: SubjectParameter, server: PeopleServer, gateway: GatewayDep) -> Person:
    """Say who somebody is; whoever is new is registered. Again is fine."""
    told = UpsertPeople(**server.fields, issuer=gateway.issuer, people=(ToldPerson(subject=subject, **dict(body)),))
    (made,) = (await gateway.ask(told)).people
    if made.person_id is None:
        raise Refusal(made.reason or "unavailable", made.detail or "", retry=made.reason == "unavailable")
    return await gateway.ask(PersonQuery(person_id=made.person_id, operator=True))


@router.get("/v1/server/person", operation_id="serverGetPerson", responses=refusals("person_unknown"))
async def get(subject: SubjectParameter, server: PeopleServer, gateway: GatewayDep) -> Person:
    """Somebody as they are here."""
    return await gateway.ask(PersonQuery(person_id=await person_of(gateway, subject), operator=True))


@body_of(ToldPerson)
class ToldOfOneOfMany(Body):
    """The same, with the product's own id of the person."""


class ManyPeople(Body):
    """Up to 500 people."""

    people: Annotated[tuple[ToldOfOneOfMany, ...], Field(min_length=1, max_length=500)]


@router.post(
    "/v1/server/people", operation_id="serverPutPeople", responses=refusals(),
)  # fmt: skip
async def put_many(body: ManyPeople, server: PeopleServer, gateway: GatewayDep) -> MirroredPeople:
    """Say who many people are. Each is told of in its place; again is fine."""
    made: list[MirroredPerson] = []
    for first in range(0, len(body.people), _TOGETHER):
        order = server.fields | {"command_id": new_id()}  # what it orders may be ordered again, and is
        some = body.people[first : first + _TOGETHER]
        told = UpsertPeople(**order, issuer=gateway.issuer, people=tuple(ToldPerson(**dict(one)) for one in some))
        made += (await gateway.bus.ask(told, timeout=PATIENCE)).result.people
    return MirroredPeople(people=tuple(made))


@router.delete(
    "/v1/server/person", status_code=202, operation_id="serverErasePerson", responses=refusals("person_unknown")
)
async def erase(subject: SubjectParameter, server: PeopleServer, gateway: GatewayDep) -> Erasure:
    """Erase somebody for ever, as if they had deleted their account. Told of again, they are somebody new."""
    person = await person_of(gateway, subject)
    return await gateway.ask(ErasePerson(**server.fields, person_id=person, confirmation=person))


@body_of(Suspend, "reason", "explanation", "until")
class Suspension(Body):
    """Why somebody is suspended, and for how long."""


@router.post(
    "/v1/server/person/suspend", status_code=204, operation_id="serverSuspend", responses=refusals("person_unknown"),
)  # fmt: skip
async def suspend(body: Suspension, subject: SubjectParameter, server: ModerationServer, gateway: GatewayDep) -> None:
    """Refuse somebody everywhere, at once."""
    person = await person_of(gateway, subject)
    await gateway.ask(Suspend(**server.fields, person_id=person, **dict(body)))


@router.post(
    "/v1/server/person/reinstate", status_code=204, operation_id="serverReinstate",
    responses=refusals("person_unknown"),
)  # fmt: skip
async def reinstate(
    subject: SubjectParameter, server: ModerationServer, gateway: GatewayDep, body: Because | None = None
) -> None:
    """End somebody's suspension."""
    person = await person_of(gateway, subject)
    await gateway.ask(Reinstate(**server.fields, person_id=person, **dict(body or Because())))


@router.post(
    "/v1/server/person/sign-out", status_code=204, operation_id="serverSignOut", responses=refusals("person_unknown")
)
async def sign_out(subject: SubjectParameter, server: ModerationServer, gateway: GatewayDep) -> None:
    """Take back all tokens of somebody: they leave every Space, and what they opened ends."""
    await gateway.ask(RevokeTokens(**server.fields, person_id=await person_of(gateway, subject)))


@router.post(
    "/v1/server/person/spaces", status_code=201, operation_id="serverCreateSpace",
    responses=refusals("may_not_host", "person_unknown", "suspended", "too_many_scheduled", "too_many_live"),
)  # fmt: skip
async def create_space(
    body: NewSpace, subject: SubjectParameter, server: SpacesServer, gateway: GatewayDep, response: Response
) -> SpaceView:
    """Create a Space with somebody as its host, who may host as by themself."""
    head = server.head(await person_of(gateway, subject))
    settings = Settings(**body.of(Settings))
    command = CreateSpace(**head.fields, space_id=head.new("space"), settings=settings, **body.of(CreateSpace))
    created = await gateway.choose(command)
    gateway.new_spaces.add(created.id, created.host.id)
    await gateway.new_spaces.known()
    response.headers["Location"] = f"/v1/spaces/{created.id}"
    return created


class WantedToken(Body):
    """A token for a client of somebody."""

    rights: Annotated[tuple[Right, ...], Field(min_length=1, max_length=4)] = ("listen", "take_part")
    """What it is for; `listen` is always among them. `host` is to create and run Spaces, `account` everything about
    oneself."""
    seconds: Annotated[int, Field(ge=_SHORTEST, le=_LONGEST, description="How long it is good.")] = 900


class ClientToken(BaseModel):
    """A token for a client of somebody."""

    person_id: str
    token: str
    expires_at: Moment


@router.post(
    "/v1/server/person/tokens", status_code=201, operation_id="serverMakeToken", responses=refusals("person_unknown"),
)  # fmt: skip
async def make_token(
    subject: SubjectParameter, server: TokensServer, gateway: GatewayDep, body: WantedToken | None = None
) -> ClientToken:
    """Make a short-lived token with which a client acts as somebody."""
    person, wanted = await person_of(gateway, subject), body or WantedToken()
    lifetime = timedelta(seconds=wanted.seconds)
    ends, rights = datetime.now(UTC) + lifetime, {"listen", *wanted.rights}
    token = gateway.identity.own.mint(person, lifetime=lifetime, rights=rights)
    return ClientToken(person_id=person, token=token, expires_at=ends)
