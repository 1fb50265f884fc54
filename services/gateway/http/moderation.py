"""Reporting, appealing, and what operators do about it."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, Field, model_validator

from contracts.envelope import PersonId, SpaceId
from contracts.people.v1 import (
    Appeal,
    Appeals,
    AppealsQuery,
    AppealState,
    CloseReport,
    Comment,
    Cursor,
    DecideAppeal,
    EntryId,
    Evidence,
    Explanation,
    FileReport,
    LodgeAppeal,
    LogPage,
    LogQuery,
    Offence,
    Offences,
    OffencesQuery,
    OrderSpaceEnd,
    Reinstate,
    ReopenReport,
    Report,
    ReportId,
    Reports,
    ReportsQuery,
    ReportState,
    Suspend,
    UndoAct,
)
from contracts.room.v1 import EndSpace
from services.gateway.app.views import SpaceView
from services.gateway.http.caller import GatewayDep, OrderDep, PersonDep, SuspendedOrderDep, ViewerDep
from services.gateway.http.models import Body
from services.gateway.http.people import PersonPath
from services.gateway.http.problems import json_only, responses
from services.gateway.http.spaces import SpacePath, commanded, head

router = APIRouter(dependencies=[Depends(json_only)])

_COMMAND = ("unauthenticated", "suspended", "idempotency_conflict", "invalid", "too_many_requests")
_OPERATOR = (*_COMMAND, "not_allowed")
_LOOK = responses("unauthenticated", "not_allowed", "invalid")

ReportPath = Annotated[ReportId, Path(description="Id of a report")]
EntryPath = Annotated[EntryId, Path(description="Id of an entry of the log")]
Limit = Annotated[int, Query(ge=1, le=100)]
CursorQuery = Annotated[Cursor | None, Query(description="`next_cursor` of the page before")]


class NewReport(Body):
    """A complaint about a person, a Space, or a person in a Space; `reason` is one of `GET /v1/reports/reasons`."""

    person_id: PersonId | None = None
    space_id: SpaceId | None = None
    reason: Offence
    comment: Comment = ""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.person_id is None and self.space_id is None:
            raise ValueError("give person_id, space_id, or both")
        return self


class NewAppeal(Body):
    """What one has to say about one's suspension."""

    text: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class Because(Body):
    """Why, for the log and for whom it concerns."""

    explanation: Explanation = ""


class Sanction(Because):
    """Why an act is done to somebody or to a Space, and the report that is answered by it."""

    reason: Offence
    report_id: ReportId | None = None


class NewSuspension(Sanction):
    """Why somebody is suspended, and for how long."""

    until: AwareDatetime | None = None
    """When it ends by itself; without it, when operators end it."""


class Closing(Because):
    """What becomes of a report: `dismissed` or `acted`."""

    outcome: ReportState

    @model_validator(mode="after")
    def _closes(self) -> Self:
        if self.outcome is ReportState.OPEN:
            raise ValueError("a closed report is dismissed or acted upon")
        return self


class Verdict(Body):
    """The answer to an appeal."""

    granted: bool
    answer: Explanation = ""


# -- everybody -------------------------------------------------------------------------------------------------------


@router.get("/v1/reports/reasons", operation_id="getReportReasons", tags=["moderation"], responses=responses())
async def reasons(gateway: GatewayDep) -> Offences:
    """What one may report here."""
    return await gateway.ask(OffencesQuery())


@router.post(
    "/v1/reports", status_code=201, operation_id="report", tags=["moderation"],
    responses=responses(*_COMMAND, "not_allowed", "person_unknown", "space_unknown"),
)  # fmt: skip
async def report(body: NewReport, order: OrderDep, gateway: GatewayDep) -> Report:
    """Report a person or a Space to those who run this place."""
    command = FileReport(
        command_id=order.command_id,
        actor=order.actor,
        report_id=order.new("report"),
        person_id=body.person_id,
        space_id=body.space_id,
        reason=body.reason,
        comment=body.comment,
        evidence=body.evidence,
    )
    return await gateway.ask(command)


@router.get("/v1/me/appeals", operation_id="getMyAppeals", tags=["moderation"], responses=_LOOK)
async def my_appeals(person_id: PersonDep, gateway: GatewayDep) -> Appeals:
    """One's appeals, newest first."""
    return await gateway.ask(AppealsQuery(actor=person_id, person_id=person_id))


@router.post(
    "/v1/me/appeals", status_code=201, operation_id="appeal", tags=["moderation"],
    responses=responses(*_COMMAND, "person_unknown", "wrong_state"),
)  # fmt: skip
async def appeal(body: NewAppeal, order: SuspendedOrderDep, gateway: GatewayDep) -> Appeal:
    """Appeal against one's suspension, once."""
    return await gateway.ask(LodgeAppeal(command_id=order.command_id, actor=order.actor, text=body.text))


# -- operators -------------------------------------------------------------------------------------------------------


@router.get("/v1/ops/moderation/reports", operation_id="getReports", tags=["operators"], responses=_LOOK)
async def reports(
    viewer: ViewerDep,
    gateway: GatewayDep,
    state: ReportState | None = None,
    person_id: PersonId | None = None,
    space_id: SpaceId | None = None,
    cursor: CursorQuery = None,
    limit: Limit = 50,
) -> Reports:
    """Reports, newest first."""
    query = ReportsQuery(
        actor=viewer.person_id, operator=viewer.operator, state=state, person_id=person_id, space_id=space_id,
        cursor=cursor, limit=limit,
    )  # fmt: skip
    return await gateway.ask(query)


_REPORT = responses(*_OPERATOR, "report_unknown", "wrong_state")


@router.post(
    "/v1/ops/moderation/reports/{report_id}/close", operation_id="closeReport", tags=["operators"], responses=_REPORT
)
async def close(report_id: ReportPath, body: Closing, order: OrderDep, gateway: GatewayDep) -> Report:
    """Dismiss a report, or say that something was done."""
    return await gateway.ask(CloseReport(**order.head, report_id=report_id, **dict(body)))


@router.post(
    "/v1/ops/moderation/reports/{report_id}/reopen", operation_id="reopenReport", tags=["operators"], responses=_REPORT
)
async def reopen(report_id: ReportPath, order: OrderDep, gateway: GatewayDep, body: Because | None = None) -> Report:
    """Look at a report again."""
    return await gateway.ask(ReopenReport(**order.head, report_id=report_id, **dict(body or Because())))


@router.get("/v1/ops/moderation/appeals", operation_id="getAppeals", tags=["operators"], responses=_LOOK)
async def appeals(
    viewer: ViewerDep,
    person_id: PersonDep,
    gateway: GatewayDep,
    state: AppealState | None = None,
    cursor: CursorQuery = None,
    limit: Limit = 50,
) -> Appeals:
    """Appeals, newest first; those who are no operators see their own."""
    query = AppealsQuery(actor=person_id, operator=viewer.operator, state=state, cursor=cursor, limit=limit)
    return await gateway.ask(query)


@router.post(
    "/v1/ops/moderation/appeals/{person_id}", operation_id="decideAppeal", tags=["operators"],
    responses=responses(*_OPERATOR, "person_unknown", "wrong_state"),
)  # fmt: skip
async def decide(person_id: PersonPath, body: Verdict, order: OrderDep, gateway: GatewayDep) -> Appeal:
    """Grant somebody's open appeal, which ends their suspension, or reject it."""
    return await gateway.ask(DecideAppeal(**order.head, person_id=person_id, **dict(body)))


@router.get("/v1/ops/moderation/log", operation_id="getModerationLog", tags=["operators"], responses=_LOOK)
async def log(
    viewer: ViewerDep,
    gateway: GatewayDep,
    person_id: PersonId | None = None,
    space_id: SpaceId | None = None,
    cursor: CursorQuery = None,
    limit: Limit = 50,
) -> LogPage:
    """Who did what to whom, when and why, newest first: operators everywhere, hosts in their Spaces."""
    query = LogQuery(
        actor=viewer.person_id, operator=viewer.operator, person_id=person_id, space_id=space_id, cursor=cursor,
        limit=limit,
    )  # fmt: skip
    return await gateway.ask(query)


@router.post(
    "/v1/ops/moderation/log/{entry_id}/undo", status_code=204, operation_id="undoAct", tags=["operators"],
    responses=responses(*_OPERATOR, "entry_unknown", "wrong_state"),
)  # fmt: skip
async def undo(entry_id: EntryPath, order: OrderDep, gateway: GatewayDep, body: Because | None = None) -> None:
    """Take an act back, where it can be."""
    await gateway.ask(UndoAct(**order.head, entry_id=entry_id, **dict(body or Because())))


@router.post(
    "/v1/ops/people/{person_id}/suspend", status_code=204, operation_id="suspend", tags=["operators"],
    responses=responses(*_OPERATOR, "person_unknown", "report_unknown"),
)  # fmt: skip
async def suspend(person_id: PersonPath, body: NewSuspension, order: OrderDep, gateway: GatewayDep) -> None:
    """Refuse somebody everywhere, at once."""
    await gateway.ask(Suspend(**order.head, person_id=person_id, **dict(body)))


@router.post(
    "/v1/ops/people/{person_id}/reinstate", status_code=204, operation_id="reinstate", tags=["operators"],
    responses=responses(*_OPERATOR, "person_unknown"),
)  # fmt: skip
async def reinstate(person_id: PersonPath, order: OrderDep, gateway: GatewayDep, body: Because | None = None) -> None:
    """End somebody's suspension."""
    await gateway.ask(Reinstate(**order.head, person_id=person_id, **dict(body or Because())))


@router.post(
    "/v1/ops/spaces/{space_id}/end", operation_id="endSpaceByPlatform", tags=["operators"],
    responses=responses(*_OPERATOR, "space_unknown", "report_unknown", "not_live"),
)  # fmt: skip
async def end(space_id: SpacePath, body: Sanction, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """End a Space, at once."""
    # What and why goes on the log first; sent again with the same key, what is missing is done.
    await gateway.ask(OrderSpaceEnd(**head(space_id, order), **dict(body)))
    return await commanded(gateway, EndSpace(**head(space_id, order)))
