"""Reports, suspensions, appeals and the log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

from contracts.commands import Accepted, Nothing
from contracts.envelope import PersonRef
from contracts.people import v1
from contracts.pictures import address_of
from libs.bus import Handlers
from libs.commands import Executor, Rows, of_kind
from libs.refusal import Refusal
from services.people.app.api_keys import KeyRing
from services.people.app.moderation import Moderators, last_appeal
from services.people.app.pictures import Pictures
from services.people.domain.entities import INSTANCE, Entity
from services.people.domain.instance import Instance
from services.people.domain.person import Person
from services.people.handlers.access import actor, operators_only
from services.people.projection.acts import Act
from services.people.projection.moderation import AppealRow, ReportRow
from services.people.translation import stored_evidence, wire_evidence


def add(table: Handlers, executor: Executor[Entity], moderators: Moderators, pictures: Pictures, keys: KeyRing) -> None:
    """Answer for moderation."""

    rows = Rows(table, executor)

    async def report(row: ReportRow) -> v1.Report:
        person, reporter = row.filed.subject.person, row.filed.reporter
        about = None if person is None else await ref_of(person, moderators)
        return _report(row, moderators, about, await ref_of(reporter, moderators))

    @table.on(v1.Suspend)
    async def suspend(command: v1.Suspend) -> Accepted[Nothing]:
        operators_only(command)
        version = await moderators.suspend(
            executor.order(command),
            command.person_id,
            command.reason,
            command.explanation,
            command.report_id,
            command.until,
        )
        return Accepted(version=version, result=Nothing())

    rows.on(
        v1.Reinstate,
        Person,
        lambda c: c.person_id,
        lambda person, c: person.reinstate(moderators.about(c.person_id, c.explanation)),
        allowed=operators_only,
    )

    @table.on(v1.TakePictureAway)
    async def take_picture_away(command: v1.TakePictureAway) -> Accepted[Nothing]:
        operators_only(command)
        why = moderators.about(command.person_id, command.explanation)
        version = await pictures.take_away(executor.order(command), command.person_id, why)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.RevokeTokens)
    async def revoke_tokens(command: v1.RevokeTokens) -> Accepted[Nothing]:
        if command.operator:
            person, token, expires = command.person_id, command.token_id, command.expires_at
            decide = of_kind(Instance, lambda it: it.revoke_tokens(person, token, expires))
            await executor.execute(executor.order(command), INSTANCE, decide)
        elif actor(command) == command.person_id:
            own = of_kind(Person, lambda it: it.revoke_tokens(command.token_id, command.expires_at))
            await executor.execute(executor.order(command), command.person_id, own)
        else:
            operators_only(command)
        return Accepted(result=Nothing())

    rows.on(
        v1.PassOverEvent,
        Instance,
        lambda _: INSTANCE,
        lambda instance, c: instance.pass_over(c.event_id, c.explanation),
        allowed=operators_only,
    )

    @table.on(v1.OrderSpaceEnd)
    async def order_space_end(command: v1.OrderSpaceEnd) -> Accepted[Nothing]:
        operators_only(command)
        await moderators.order_end(
            executor.order(command), command.space_id, command.reason, command.explanation, command.report_id
        )
        return Accepted(result=Nothing())

    @table.on(v1.FileReport)
    async def file_report(command: v1.FileReport) -> Accepted[v1.Report]:
        version, row = await moderators.file(
            executor.order(command),
            command.report_id,
            actor(command),
            command.person_id,
            command.space_id,
            command.reason,
            command.comment,
            tuple(stored_evidence(one) for one in command.evidence),
        )
        return Accepted(version=version, result=await report(row))

    @table.on(v1.CloseReport)
    async def close_report(command: v1.CloseReport) -> Accepted[v1.Report]:
        operators_only(command)
        outcome: Literal["acted", "dismissed"] = "acted" if command.outcome is v1.ReportState.ACTED else "dismissed"
        version, row = await moderators.close(executor.order(command), command.report_id, outcome, command.explanation)
        return Accepted(version=version, result=await report(row))

    @table.on(v1.ReopenReport)
    async def reopen_report(command: v1.ReopenReport) -> Accepted[v1.Report]:
        operators_only(command)
        version, row = await moderators.reopen(executor.order(command), command.report_id, command.explanation)
        return Accepted(version=version, result=await report(row))

    @table.on(v1.ReportsQuery)
    async def reports(query: v1.ReportsQuery) -> Accepted[v1.Reports]:
        operators_only(query)
        state = None if query.state is None else query.state.value
        rows, cursor = await moderators.reports(query.cursor, state, query.person_id, query.space_id, query.limit)
        return Accepted(result=v1.Reports(reports=tuple([await report(row) for row in rows]), next_cursor=cursor))

    @table.on(v1.OffencesQuery)
    async def offences(query: v1.OffencesQuery) -> Accepted[v1.Offences]:
        return Accepted(result=v1.Offences(reasons=moderators.reasons))

    rows.on(
        v1.LodgeAppeal,
        Person,
        actor,
        lambda person, c: person.lodge_appeal(moderators.about(actor(c), c.text)),
        lambda person, _: _appeal(last_appeal(person), moderators),
    )
    rows.on(
        v1.DecideAppeal,
        Person,
        lambda c: c.person_id,
        lambda person, c: person.decide_appeal(c.granted, moderators.about(c.person_id, c.answer)),
        lambda person, _: _appeal(last_appeal(person), moderators),
        allowed=operators_only,
    )

    @table.on(v1.AppealsQuery)
    async def appeals(query: v1.AppealsQuery) -> Accepted[v1.Appeals]:
        person_id = query.person_id
        if not query.operator:
            if person_id not in (None, actor(query)):
                raise Refusal("not_allowed", "Appeals of others are not told.")
            person_id = actor(query)
        state = None if query.state is None else query.state.value
        rows, cursor = await moderators.appeals(query.cursor, state, person_id, query.limit)
        return Accepted(result=v1.Appeals(appeals=tuple(_appeal(row, moderators) for row in rows), next_cursor=cursor))

    @table.on(v1.LogQuery)
    async def log(query: v1.LogQuery) -> Accepted[v1.LogPage]:
        if not query.operator and query.space_id is not None:
            acts, cursor = await moderators.log_of_space(query.cursor, actor(query), query.space_id, query.limit)
        else:
            operators_only(query)
            acts, cursor = await moderators.log(query.cursor, query.person_id, query.space_id, query.limit)
        ids = {id for act in acts for id in (act.actor, act.person) if id is not None}
        named = {id: ref for id in ids if (ref := await ref_of(id, moderators)) is not None}
        titles = {key.id: key.title for key in await keys.all()} if any(act.api_key for act in acts) else {}
        entries = tuple(_entry(act, named, titles, moderators) for act in acts)
        return Accepted(result=v1.LogPage(entries=entries, next_cursor=cursor))

    @table.on(v1.UndoAct)
    async def undo_act(command: v1.UndoAct) -> Accepted[Nothing]:
        operators_only(command)
        await moderators.undo(executor.order(command), command.entry_id, command.explanation)
        return Accepted(result=Nothing())


async def ref_of(person_id: str, moderators: Moderators) -> PersonRef | None:
    """Somebody as they are now; None for who has no profile."""
    called = await moderators.named(person_id)
    if called is None:
        return None
    picture = address_of(person_id, called.picture) if called.picture else None
    return PersonRef(id=person_id, handle=called.handle, name=called.name, picture=picture)


def _report(row: ReportRow, moderators: Moderators, person: PersonRef | None, reporter: PersonRef | None) -> v1.Report:
    subject = row.filed.subject
    read = partial(moderators.read_in, row.id)
    return v1.Report(
        id=row.id,
        reporter_id=row.filed.reporter,
        reporter=reporter,
        at=row.at,
        person_id=subject.person,
        handle=read(subject.handle),
        name=read(subject.name),
        person=person,
        space_id=subject.space,
        title=read(subject.title),
        host_id=subject.host,
        reason=row.filed.reason,
        comment=read(row.filed.comment),
        evidence=tuple(wire_evidence(one) for one in row.filed.evidence),
        state=v1.ReportState(row.state),
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        explanation=read(row.explanation),
    )


def _appeal(row: AppealRow, moderators: Moderators) -> v1.Appeal:
    read = partial(moderators.sealer.read_about, row.person)
    return v1.Appeal(
        person_id=row.person,
        suspended_at=row.suspended_at,
        reason=row.reason,
        explanation=read(row.explanation),
        at=row.at,
        text=read(row.text),
        state=v1.AppealState(row.state),
        decided_at=row.decided_at,
        answer=read(row.answer),
    )


def _entry(act: Act, named: Mapping[str, PersonRef], titles: Mapping[str, str], moderators: Moderators) -> v1.LogEntry:
    return v1.LogEntry(
        id=act.id,
        at=act.at,
        actor_id=act.actor,
        act=act.act,
        person_id=act.person,
        space_id=act.space,
        reason=act.reason,
        explanation=moderators.explanation(act),
        report_id=act.report,
        undoable=act.undoable and act.undone_by is None,
        undone_by=act.undone_by,
        actor=named.get(act.actor or ""),
        person=named.get(act.person or ""),
        title=moderators.title(act.space),
        what=act.what,
        before=act.before,
        after=act.after,
        api_key=act.api_key,
        api_key_name=titles.get(act.api_key or "", ""),
    )
