"""Deleting accounts for ever."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from contracts.people.v1 import ErasePerson, Erasure, ErasureQuery
from libs.refusal import Refusal
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import (
    GatewayDep,
    HeadDep,
    SuspendedHeadDep,
    SuspendedPersonDep,
    ViewerDep,
    json_only,
)
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])

_OPERATORS: Final = (*OF_A_COMMAND, "suspended", "not_allowed", "person_unknown")


@body_of(ErasePerson, "confirmation")
class Confirmed(Body):
    """The account's handle or id, typed by whoever deletes it."""


@router.delete(
    "/v1/me", status_code=202, operation_id="deleteMe", tags=["people"],
    responses=responses(*OF_A_COMMAND, "person_unknown", standing=False),
)  # fmt: skip
async def me(body: Confirmed, head: SuspendedHeadDep, person_id: SuspendedPersonDep, gateway: GatewayDep) -> Erasure:
    """Delete one's account for ever, also while it is suspended: nothing of it can be had back.

    All tokens open nothing any more from now on, and nobody is shown the person. What they wrote and said is unreadable
    within minutes.
    """
    return await gateway.ask(ErasePerson(**head.fields | {"operator": False}, person_id=person_id, **dict(body)))


@router.delete(
    "/v1/ops/people/{person_id}", status_code=202, operation_id="deletePerson", tags=["operators"],
    responses=responses(*_OPERATORS),
)  # fmt: skip
async def person(person_id: PersonPath, body: Confirmed, head: HeadDep, gateway: GatewayDep) -> Erasure:
    """Delete somebody's account for ever. The log keeps ids, and reports keep what was reported."""
    _operators_only(head.operator)
    return await gateway.ask(ErasePerson(**head.fields, person_id=person_id, **dict(body)))


@router.get(
    "/v1/ops/people/{person_id}/erasure", operation_id="getErasure", tags=["operators"],
    responses=responses("unauthenticated", "suspended", "not_allowed", "person_unknown"),
)  # fmt: skip
async def erasure(person_id: PersonPath, viewer: ViewerDep, gateway: GatewayDep) -> Erasure:
    """How far somebody's erasure is."""
    return await gateway.ask(ErasureQuery(person_id=person_id, actor=viewer.person_id, operator=viewer.operator))


def _operators_only(operator: bool) -> None:
    if not operator:
        raise Refusal("not_allowed", "This is for operators.")
