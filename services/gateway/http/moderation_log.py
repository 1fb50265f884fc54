"""The log of moderation, and taking an act back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from contracts.envelope import PersonId, SpaceId
from contracts.people.v1 import EntryId, LogPage, LogQuery, UndoAct
from services.gateway.http.bodies import Because
from services.gateway.http.caller import GatewayDep, HeadDep, ViewerDep, json_only
from services.gateway.http.parameters import CursorQuery, LimitQuery
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(tags=["operators"], dependencies=[Depends(json_only)])

EntryPath = Annotated[EntryId, Path(description="Id of an entry of the log")]


@router.get(
    "/v1/ops/moderation/log", operation_id="getModerationLog",
    responses=responses("unauthenticated", "not_allowed", "invalid"),
)  # fmt: skip
async def log(
    viewer: ViewerDep,
    gateway: GatewayDep,
    person_id: PersonId | None = None,
    space_id: SpaceId | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> LogPage:
    """Who did what to whom, when and why, newest first: operators everywhere, hosts in their Spaces."""
    query = LogQuery(
        actor=viewer.person_id, operator=viewer.operator, person_id=person_id, space_id=space_id, cursor=cursor,
        limit=limit,
    )  # fmt: skip
    return await gateway.ask(query)


@router.post(
    "/v1/ops/moderation/log/{entry_id}/undo", status_code=204, operation_id="undoAct",
    responses=responses(*OF_A_COMMAND, "suspended", "not_allowed", "entry_unknown", "wrong_state"),
)  # fmt: skip
async def undo(entry_id: EntryPath, head: HeadDep, gateway: GatewayDep, body: Because | None = None) -> None:
    """Take an act back, where it can be."""
    await gateway.ask(UndoAct(**head.fields, entry_id=entry_id, **dict(body or Because())))
