"""Reports, suspensions, appeals and the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Handlers
from libs.refusal import Refusal
from services.people.app import Moderators
from services.people.handlers.order import actor, operators_only, whole
from services.people.projection import Act, AppealRow, ReportRow
from services.people.relay import stored_evidence, wire_evidence


def add(table: Handlers, moderators: Moderators, now: Callable[[], datetime]) -> None:
    """Answer for moderation."""

    @table.on(v1.Suspend)
    async def suspend(command: v1.Suspend) -> Accepted[Nothing]:
        operators_only(command)
        version = await moderators.suspend(
            whole(command, now()),
            command.person_id,
            command.reason,
            command.explanation,
            command.report_id,
            command.until,
        )
        return Accepted(version=version, result=Nothing())

    @table.on(v1.Reinstate)
    async def reinstate(command: v1.Reinstate) -> Accepted[Nothing]:
        operators_only(command)
        version = await moderators.reinstate(whole(command, now()), command.person_id, command.explanation)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.OrderSpaceEnd)
    async def order_space_end(command: v1.OrderSpaceEnd) -> Accepted[Nothing]:
        operators_only(command)
        await moderators.order_end(
            whole(command, now()), command.space_id, command.reason, command.explanation, command.report_id
        )
        return Accepted(result=Nothing())

    @table.on(v1.FileReport)
    async def file_report(command: v1.FileReport) -> Accepted[v1.Report]:
        version, row = await moderators.file(
            whole(command, now(), "report_id"),
            command.report_id,
            actor(command),
            command.person_id,
            command.space_id,
            command.reason,
            command.comment,
            tuple(stored_evidence(one) for one in command.evidence),
        )
        return Accepted(version=version, result=_report(row))

    @table.on(v1.CloseReport)
    async def close_report(command: v1.CloseReport) -> Accepted[v1.Report]:
        operators_only(command)
        outcome: Literal["acted", "dismissed"] = "acted" if command.outcome is v1.ReportState.ACTED else "dismissed"
        version, row = await moderators.close(whole(command, now()), command.report_id, outcome, command.explanation)
        return Accepted(version=version, result=_report(row))

    @table.on(v1.ReopenReport)
    async def reopen_report(command: v1.ReopenReport) -> Accepted[v1.Report]:
        operators_only(command)
        version, row = await moderators.reopen(whole(command, now()), command.report_id, command.explanation)
        return Accepted(version=version, result=_report(row))

    @table.on(v1.ReportsQuery)
    async def reports(query: v1.ReportsQuery) -> Accepted[v1.Reports]:
        operators_only(query)
        state = None if query.state is None else query.state.value
        rows, cursor = await moderators.reports(query.cursor, state, query.person_id, query.space_id, query.limit)
        return Accepted(result=v1.Reports(reports=tuple(_report(row) for row in rows), next_cursor=cursor))

    @table.on(v1.OffencesQuery)
    async def offences(query: v1.OffencesQuery) -> Accepted[v1.Offences]:
        return Accepted(result=v1.Offences(reasons=moderators.reasons))

    @table.on(v1.LodgeAppeal)
    async def lodge_appeal(command: v1.LodgeAppeal) -> Accepted[v1.Appeal]:
        version, row = await moderators.lodge(whole(command, now()), actor(command), command.text)
        return Accepted(version=version, result=_appeal(row))

    @table.on(v1.DecideAppeal)
    async def decide_appeal(command: v1.DecideAppeal) -> Accepted[v1.Appeal]:
        operators_only(command)
        version, row = await moderators.decide_appeal(
            whole(command, now()), command.person_id, command.granted, command.answer
        )
        return Accepted(version=version, result=_appeal(row))

    @table.on(v1.AppealsQuery)
    async def appeals(query: v1.AppealsQuery) -> Accepted[v1.Appeals]:
        person_id = query.person_id
        if not query.operator:
            if person_id not in (None, actor(query)):
                raise Refusal("not_allowed", "Appeals of others are not told.")
            person_id = actor(query)
        state = None if query.state is None else query.state.value
        rows, cursor = await moderators.appeals(query.cursor, state, person_id, query.limit)
        return Accepted(result=v1.Appeals(appeals=tuple(_appeal(row) for row in rows), next_cursor=cursor))

    @table.on(v1.LogQuery)
    async def log(query: v1.LogQuery) -> Accepted[v1.LogPage]:
        if not query.operator and query.space_id is not None:
            acts, cursor = await moderators.log_of_space(query.cursor, actor(query), query.space_id, query.limit)
        else:
            operators_only(query)
            acts, cursor = await moderators.log(query.cursor, query.person_id, query.space_id, query.limit)
        return Accepted(result=v1.LogPage(entries=tuple(_entry(act) for act in acts), next_cursor=cursor))

    @table.on(v1.UndoAct)
    async def undo_act(command: v1.UndoAct) -> Accepted[Nothing]:
        operators_only(command)
        await moderators.undo(whole(command, now()), command.entry_id, command.explanation)
        return Accepted(result=Nothing())


def _report(row: ReportRow) -> v1.Report:
    subject = row.filed.subject
    return v1.Report(
        id=row.id,
        reporter_id=row.filed.reporter,
        at=row.at,
        person_id=subject.person,
        handle=subject.handle,
        name=subject.name,
        space_id=subject.space,
        title=subject.title,
        host_id=subject.host,
        reason=row.filed.reason,
        comment=row.filed.comment,
        evidence=tuple(wire_evidence(one) for one in row.filed.evidence),
        state=v1.ReportState(row.state),
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        explanation=row.explanation,
    )


def _appeal(row: AppealRow) -> v1.Appeal:
    return v1.Appeal(
        person_id=row.person,
        suspended_at=row.suspended_at,
        reason=row.reason,
        explanation=row.explanation,
        at=row.at,
        text=row.text,
        state=v1.AppealState(row.state),
        decided_at=row.decided_at,
        answer=row.answer,
    )


def _entry(act: Act) -> v1.LogEntry:
    return v1.LogEntry(
        id=act.id,
        at=act.at,
        actor_id=act.actor,
        act=act.act,
        person_id=act.person,
        space_id=act.space,
        reason=act.reason,
        explanation=act.explanation,
        report_id=act.report,
        undoable=act.undoable and act.undone_by is None,
        undone_by=act.undone_by,
    )
