"""Reports, suspensions, appeals, and the log of it all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import subjects
from contracts.people import v1
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.people.asking import sign_up
from tests.integration.people.spaces import a_space
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("people")

OPERATOR = new_id()


async def suspend(bus: Bus, person: v1.Person, *, key: str | None = None, report: str | None = None) -> int:
    command = v1.Suspend(
        command_id=key or new_id(), actor=OPERATOR, operator=True, person_id=person.id, reason="abuse",
        explanation="Threats.", report_id=report,
    )  # fmt: skip
    return (await bus.ask(command)).version


async def log(bus: Bus, **which: Any) -> list[v1.LogEntry]:
    return list((await bus.ask(v1.LogQuery(actor=OPERATOR, operator=True, **which))).result.entries)


async def undo(bus: Bus, entry: v1.LogEntry) -> None:
    await bus.ask(v1.UndoAct(command_id=new_id(), actor=OPERATOR, operator=True, entry_id=entry.id))


async def test_a_suspension_is_told_and_logged_and_undone(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    version = await suspend(bus, ann, key="k")
    assert await suspend(bus, ann, key="k") == version == await suspend(bus, ann)
    (entry,) = await log(bus, person_id=ann.id)
    assert (entry.act, entry.actor_id, entry.reason, entry.explanation) == ("suspended", OPERATOR, "abuse", "Threats.")
    assert entry.undoable
    await undo(bus, entry)
    reinstated, suspended = await log(bus, person_id=ann.id)
    assert (suspended.what, suspended.before, suspended.after) == ("standing", "in good standing", "suspended")
    assert (reinstated.before, reinstated.after) == ("suspended", "in good standing")
    assert (suspended.person, suspended.actor) == (ann.ref, None), "an operator without a profile has no name"
    assert (reinstated.act, suspended.undone_by, suspended.undoable) == ("reinstated", reinstated.id, False)
    with pytest.raises(Refusal, match="wrong_state"):
        await undo(bus, entry)
    told = []
    wanted = [subjects.event("people", ann.id, name) for name in ("suspended", "reinstated")]
    async for batch in bus.follow(filters=wanted):
        told += [received.event for received in batch]
        if len(told) == 2:
            break
    assert [type(event) for event in told] == [v1.Suspended, v1.Reinstated]
    assert OPERATOR not in told[0].model_dump_json()


async def test_a_report_keeps_what_it_is_about_and_its_evidence(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann", name="Ann"), await sign_up(bus, "bob")
    space = await a_space(bus, ann, title="Hate hour")
    evidence = (v1.Evidence(kind=v1.EvidenceKind.MOMENT, space_id=space, from_seconds=12.5, to_seconds=20),)
    command = v1.FileReport(
        command_id="k", actor=bob.id, report_id=new_id(), person_id=ann.id, space_id=space, reason="hate",
        comment="Listen.", evidence=evidence,
    )  # fmt: skip
    report = (await bus.ask(command)).result
    again = (await bus.ask(command.model_copy(update={"report_id": command.report_id}))).result
    assert again == report
    assert (report.handle, report.name, report.title, report.host_id) == ("ann", "Ann", "Hate hour", ann.id)
    assert (report.state, report.evidence) == ("open", evidence)

    await suspend(bus, ann, report=report.id)
    asked = v1.ReportsQuery(actor=OPERATOR, operator=True, state=v1.ReportState.ACTED)
    (closed,) = (await bus.ask(asked)).result.reports
    assert (closed.id, closed.closed_by, closed.explanation) == (report.id, OPERATOR, "Threats.")
    acts = await log(bus)
    assert [entry.act for entry in acts] == ["report_acted", "suspended"]
    assert {entry.report_id for entry in acts} == {report.id}
    await undo(bus, acts[0])
    (reopened,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
    assert reopened.state == "open"


async def test_a_report_tells_what_somebody_was_called_then_and_is_called_now(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann", name="Ann"), await sign_up(bus, "bob")
    report = v1.FileReport(command_id="k", actor=bob.id, report_id=new_id(), person_id=ann.id, reason="impersonation")
    assert (await bus.ask(report)).result.person == ann.ref
    await bus.ask(v1.ChangeProfile(command_id="n", actor=ann.id, handle="innocent", display_name="Innocent"))
    (seen,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
    assert (seen.handle, seen.name) == ("ann", "Ann")
    assert seen.person is not None
    assert (seen.person.handle, seen.person.name) == ("innocent", "Innocent")


async def test_reports_that_are_refused(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    for person, space, reason, refused in (
        (ann.id, None, "hate", "not_allowed"),
        (new_id(), None, "hate", "person_unknown"),
        (None, new_id(), "hate", "space_unknown"),
        (new_id(), None, "ugly", "invalid"),
    ):
        command = v1.FileReport(
            command_id=new_id(), actor=ann.id, report_id=new_id(), person_id=person, space_id=space, reason=reason
        )
        with pytest.raises(Refusal, match=refused):
            await bus.ask(command)
    close = v1.CloseReport(
        command_id=new_id(), actor=OPERATOR, operator=True, report_id=new_id(), outcome=v1.ReportState.ACTED
    )
    with pytest.raises(Refusal, match="report_unknown"):
        await bus.ask(close)


async def test_reports_and_the_log_come_in_pages(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    made = []
    for _ in range(5):
        filing = v1.FileReport(command_id=new_id(), actor=bob.id, report_id=new_id(), person_id=ann.id, reason="spam")
        made.append((await bus.ask(filing)).result.id)
        await bus.ask(
            v1.CloseReport(
                command_id=new_id(), actor=OPERATOR, operator=True, report_id=made[-1],
                outcome=v1.ReportState.DISMISSED,
            )
        )  # fmt: skip
    seen, cursor = list[str](), None
    while True:
        page = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True, limit=2, cursor=cursor))).result
        seen += [report.id for report in page.reports]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == made[::-1]
    seen, cursor = [], None
    while True:
        entries = (await bus.ask(v1.LogQuery(actor=OPERATOR, operator=True, limit=2, cursor=cursor))).result
        seen += [entry.report_id or "" for entry in entries.entries]
        if (cursor := entries.next_cursor) is None:
            break
    assert seen == made[::-1]
    with pytest.raises(Refusal, match="invalid"):
        await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True, cursor="x"))
    with pytest.raises(Refusal, match="invalid"):
        await bus.ask(v1.LogQuery(actor=OPERATOR, operator=True, cursor="x"))


async def test_a_suspended_person_appeals_and_is_heard(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    with pytest.raises(Refusal, match="wrong_state"):
        await bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=ann.id, text="Why?"))
    await suspend(bus, ann)
    appeal = (await bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=ann.id, text="Not me."))).result
    assert (appeal.state, appeal.reason, appeal.text) == ("open", "abuse", "Not me.")
    assert (await bus.ask(v1.AppealsQuery(actor=ann.id))).result.appeals == (appeal,)
    decide = v1.DecideAppeal(
        command_id=new_id(), actor=OPERATOR, operator=True, person_id=ann.id, granted=True, answer="Indeed."
    )
    assert (await bus.ask(decide)).result.state == "granted"
    (decided,) = (await bus.ask(v1.AppealsQuery(actor=OPERATOR, operator=True))).result.appeals
    assert (decided.state, decided.answer) == ("granted", "Indeed.")
    assert [entry.act for entry in await log(bus)] == ["reinstated", "appeal_granted", "suspended"]


async def test_every_look_at_a_safety_copy_is_on_the_log_and_the_host_is_not_told(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    space, report = await a_space(bus, ann), new_id()
    heard = recording.SafetyCopyHeard(
        space_id=space, version=4, at=datetime.now(UTC), actor_id=OPERATOR, report_id=report
    )
    await bus.publish_event(heard)
    (entry,) = await eventually(lambda: log(bus, space_id=space))
    assert (entry.act, entry.actor_id, entry.report_id) == ("safety_copy_heard", OPERATOR, report)
    assert not entry.undoable
    assert (await bus.ask(v1.LogQuery(actor=ann.id, space_id=space))).result.entries == ()


async def test_what_hosts_do_is_on_the_log_too(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    space = await a_space(bus, ann)
    common: dict[str, Any] = {"space_id": space, "at": datetime.now(UTC), "actor": ann.id, "person_id": bob.id}
    await bus.publish_event(room.Muted(version=3, **common))
    await bus.publish_event(room.Removed(version=4, **common))
    await bus.publish_event(room.RemovalRecorded(version=4, explanation="Shouts.", **common))
    await bus.publish_event(room.Readmitted(version=5, **common))
    await bus.publish_event(room.Muted(version=6, **{**common, "actor": bob.id}))
    order = v1.OrderSpaceEnd(
        command_id=new_id(), actor=OPERATOR, operator=True, space_id=space, reason="hate", explanation="Enough."
    )
    await bus.ask(order)
    ended: dict[str, Any] = {"space_id": space, "at": datetime.now(UTC), "actor": OPERATOR}
    await bus.publish_event(room.Ended(version=7, reason="platform", **ended))

    async def all_five() -> list[v1.LogEntry] | None:
        found = await log(bus, space_id=space)
        return found if len(found) >= 5 else None

    entries = await eventually(all_five)
    assert {entry.act for entry in entries} == {"muted", "removed", "readmitted", "space_end_ordered", "ended"}
    (removed,) = [entry for entry in entries if entry.act == "removed"]
    assert (removed.explanation, removed.actor_id, removed.person_id) == ("Shouts.", ann.id, bob.id)
    assert removed.undone_by == f"{space}-5"
    named = v1.Person(id=bob.id, handle=bob.handle, name=bob.name).ref
    assert (removed.person, removed.actor and removed.actor.id, removed.title) == (named, ann.id, "Tea")
    assert (removed.what, removed.before, removed.after) == ("place", "may be in the Space", "out of it")
    own = (await bus.ask(v1.LogQuery(actor=ann.id, space_id=space))).result.entries
    assert [entry.act for entry in own] == ["ended", "readmitted", "removed", "muted"]
    assert OPERATOR not in {entry.actor_id for entry in own}
    with pytest.raises(Refusal, match="not_allowed"):
        await bus.ask(v1.LogQuery(actor=bob.id, space_id=space))
    with pytest.raises(Refusal, match="wrong_state"):
        await undo(bus, removed)


async def test_undoing_a_change_of_the_policy(bus: Bus) -> None:
    def change(percentage: int) -> v1.ChangeHostingPolicy:
        rule = v1.HostingRule(who=v1.WhoMayHost.PERCENTAGE, percentage=percentage)
        policy = v1.HostingPolicy(rule=rule)
        return v1.ChangeHostingPolicy(command_id=new_id(), actor=OPERATOR, operator=True, policy=policy)

    await bus.ask(change(10))
    await bus.ask(change(20))
    second, first = await log(bus)
    with pytest.raises(Refusal, match="wrong_state"):
        await undo(bus, first)
    await undo(bus, second)
    assert (await bus.ask(v1.HostingPolicyQuery())).result.rule.percentage == 10
    changes = [(entry.what, entry.before, entry.after) for entry in reversed(await log(bus))]
    assert changes == [
        ("who may host", "everyone", "10 % of people"),
        ("who may host", "10 % of people", "20 % of people"),
        ("who may host", "20 % of people", "10 % of people"),
    ]
    assert (await log(bus))[1].undone_by == (await log(bus))[0].id
