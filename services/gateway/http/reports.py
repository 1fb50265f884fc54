"""Reports: complaints about people and Spaces, and what operators make of them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path

from contracts.envelope import PersonId, SpaceId
from contracts.people.v1 import (
    CloseReport,
    FileReport,
    Offences,
    OffencesQuery,
    ReopenReport,
    Report,
    ReportId,
    Reports,
    ReportsQuery,
    ReportState,
)
from libs.refusal import Refusal
from services.gateway.app.access import look
from services.gateway.http.bodies import Because, Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, ViewerDep, json_only
from services.gateway.http.parameters import CursorQuery, LimitQuery
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])

ReportPath = Annotated[ReportId, Path(description="Id of a report")]


@router.get("/v1/reports/reasons", operation_id="getReportReasons", tags=["moderation"], responses=responses())
async def reasons(gateway: GatewayDep) -> Offences:
    """What one may report here."""
    return await gateway.ask(OffencesQuery())


@body_of(FileReport, "person_id", "space_id", "reason", "comment", "evidence")
class NewReport(Body):
    """A complaint about a person, a Space, or a person in a Space; `reason` is one of `GET /v1/reports/reasons`."""


@router.post(
    "/v1/reports", status_code=201, operation_id="report", tags=["moderation"],
    responses=responses(*OF_A_COMMAND, "suspended", "not_allowed", "person_unknown", "space_unknown"),
)  # fmt: skip
async def report(body: NewReport, head: HeadDep, viewer: ViewerDep, gateway: GatewayDep) -> Report:
    """Report a person or a Space to those who run this place."""
    filed = await gateway.ask(FileReport(**head.fields, report_id=head.new("report"), **dict(body)))
    if filed.space_id is None:
        return filed
    try:
        await look(gateway.bus, filed.space_id, viewer, gateway.ask_seconds)
    except Refusal:
        # Whoever may not see the Space may report it all the same, and is not told here what it is.
        return filed.model_copy(update={"title": "", "host_id": None})
    return filed


@router.get(
    "/v1/ops/moderation/reports", operation_id="getReports", tags=["operators"],
    responses=responses("unauthenticated", "not_allowed", "invalid"),
)  # fmt: skip
async def reports(
    viewer: ViewerDep,
    gateway: GatewayDep,
    state: ReportState | None = None,
    person_id: PersonId | None = None,
    space_id: SpaceId | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Reports:
    """Reports, newest first."""
    query = ReportsQuery(
        actor=viewer.person_id, operator=viewer.operator, state=state, person_id=person_id, space_id=space_id,
        cursor=cursor, limit=limit,
    )  # fmt: skip
    return await gateway.ask(query)


_REPORT: Final = responses(*OF_A_COMMAND, "suspended", "not_allowed", "report_unknown", "wrong_state")


@body_of(CloseReport, "outcome", "explanation")
class Closing(Body):
    """What becomes of a report: `dismissed` or `acted`."""


@router.post(
    "/v1/ops/moderation/reports/{report_id}/close", operation_id="closeReport", tags=["operators"], responses=_REPORT
)
async def close(report_id: ReportPath, body: Closing, head: HeadDep, gateway: GatewayDep) -> Report:
    """Dismiss a report, or say that something was done."""
    return await gateway.ask(CloseReport(**head.fields, report_id=report_id, **dict(body)))


@router.post(
    "/v1/ops/moderation/reports/{report_id}/reopen", operation_id="reopenReport", tags=["operators"], responses=_REPORT
)
async def reopen(report_id: ReportPath, head: HeadDep, gateway: GatewayDep, body: Because | None = None) -> Report:
    """Look at a report again."""
    return await gateway.ask(ReopenReport(**head.fields, report_id=report_id, **dict(body or Because())))
