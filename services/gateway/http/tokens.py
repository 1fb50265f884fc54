"""Taking tokens back: one, or all of a person."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field

from contracts.people.v1 import RevokeTokens
from libs.identity import TokenRefused
from libs.refusal import Refusal
from services.gateway.http.bodies import Body
from services.gateway.http.caller import (
    GatewayDep,
    HeadDep,
    SuspendedHeadDep,
    SuspendedPersonDep,
    SuspendedViewerDep,
    json_only,
)
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])

_OWN: Final = responses(*OF_A_COMMAND, "person_unknown", standing=False)
_OPERATORS: Final = responses(*OF_A_COMMAND, "not_allowed")


@router.delete("/v1/me/token", status_code=204, operation_id="revokeMyToken", tags=["people"], responses=_OWN)
async def this_one(
    head: SuspendedHeadDep, person_id: SuspendedPersonDep, viewer: SuspendedViewerDep, gateway: GatewayDep
) -> None:
    """Sign out here: the token that is sent opens nothing any more, and what it opened ends."""
    own = head.fields | {"operator": False}
    await gateway.ask(RevokeTokens(**own, person_id=person_id, token_id=viewer.token_id, expires_at=viewer.until))


@router.delete("/v1/me/tokens", status_code=204, operation_id="revokeMyTokens", tags=["people"], responses=_OWN)
async def all_of_mine(head: SuspendedHeadDep, person_id: SuspendedPersonDep, gateway: GatewayDep) -> None:
    """Sign out everywhere: none of one's tokens opens anything any more."""
    await gateway.ask(RevokeTokens(**head.fields | {"operator": False}, person_id=person_id))


@router.delete(
    "/v1/ops/people/{person_id}/tokens", status_code=204, operation_id="revokeTokensOf", tags=["operators"],
    responses=responses(*OF_A_COMMAND, "not_allowed", "person_unknown"),
)  # fmt: skip
async def all_of(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Take back all tokens of somebody; they may sign in again, which suspending them would prevent."""
    _operators_only(head.operator)
    await gateway.ask(RevokeTokens(**head.fields, person_id=person_id))


class Leaked(Body):
    """A token that got into the wrong hands."""

    token: Annotated[str, Field(max_length=8192)]


@router.post(
    "/v1/ops/tokens/revoke", status_code=204, operation_id="revokeToken", tags=["operators"], responses=_OPERATORS
)
async def one(body: Leaked, head: HeadDep, gateway: GatewayDep) -> None:
    """Take back one token, whoever's it is."""
    _operators_only(head.operator)
    try:
        claims = await gateway.identity.verify(body.token)
    except TokenRefused as no:
        raise Refusal("invalid", f"token: {no.detail}") from no
    await gateway.ask(
        RevokeTokens(**head.fields, person_id=claims.person_id, token_id=claims.token_id, expires_at=claims.expires_at)
    )


def _operators_only(operator: bool) -> None:
    if not operator:
        raise Refusal("not_allowed", "This is for operators.")
