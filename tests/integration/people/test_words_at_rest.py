"""What people write is in no file of people as they wrote it, and unreadable once they are erased."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.eventstore import Order, open_store
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.domain.entities import new
from services.people.domain.person import Registered
from services.people.main import compose
from tests.integration.people.asking import profile, sign_up
from tests.integration.people.spaces import a_space
from tests.integration.people.test_erasing import erase, told, until_forgotten
from tests.integration.people.test_keys import destroy, forgotten, settings
from tests.integration.people.test_moderation import OPERATOR, log
from tests.support.at_rest import contents
from tests.support.nats import NatsServer
from tests.support.places import execute
from tests.support.waiting import eventually

NAME, SUSPENDED, APPEAL, ANSWER, COMMENT, CLOSED, LISTED, RENAMED, BIO = NEEDLES = tuple(
    f"needle {number} Grüße" for number in range(9)
)
LINK = "https://needle.example/of-ann"


def found(var: Path) -> set[str]:
    """The needles that some file has."""
    data = b"".join(held for _, held in contents(var))
    return {needle for needle in (*NEEDLES, LINK) if needle.encode() in data or needle.encode("utf-16-le") in data}


def operators(**fields: object) -> dict[str, object]:
    return {"command_id": new_id(), "actor": OPERATOR, "operator": True, **fields}


async def report_of(bus: Bus) -> v1.Report:
    (report,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
    return report


async def appeal_of(bus: Bus, person: str) -> v1.Appeal:
    (appeal,) = (await bus.ask(v1.AppealsQuery(actor=person))).result.appeals
    return appeal


async def test_words_are_sealed_at_rest_read_by_whom_they_are_for_and_gone_with_the_person(
    server: NatsServer, bus: Bus
) -> None:
    var = Path(server.env["ROSTRUM_VAR"])
    async with running(settings(server), compose):
        ann, bob = await sign_up(bus, "ann", name=NAME), await sign_up(bus, "bob")
        (seen,) = (await bus.ask(v1.PeopleQuery(actor=bob.id, words="needle"))).result.people
        assert (seen.id, seen.name) == (ann.id, NAME)
        filed = v1.FileReport(
            command_id=new_id(), actor=bob.id, report_id=new_id(), person_id=ann.id, reason="abuse", comment=COMMENT
        )
        report = (await bus.ask(filed)).result
        assert (report.name, report.handle, report.comment) == (NAME, "ann", COMMENT)
        await bus.ask(v1.AllowHosting.model_validate(operators(person_id=ann.id, explanation=LISTED)))
        await bus.ask(v1.Suspend.model_validate(operators(person_id=ann.id, reason="abuse", explanation=SUSPENDED)))
        await bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=ann.id, text=APPEAL))
        await bus.ask(v1.DecideAppeal.model_validate(operators(person_id=ann.id, granted=False, answer=ANSWER)))
        await bus.ask(
            v1.CloseReport.model_validate(
                operators(report_id=report.id, outcome=v1.ReportState.ACTED, explanation=CLOSED)
            )
        )
    assert found(var) == {NAME}  # one finds people by it
    async with running(settings(server, lease=1.0), compose):
        assert (await profile(bus, ann.id)).name == NAME
        appeal = await appeal_of(bus, ann.id)
        assert (appeal.explanation, appeal.text, appeal.answer) == (SUSPENDED, APPEAL, ANSWER)
        report = await report_of(bus)
        assert (report.name, report.comment, report.explanation) == (NAME, COMMENT, CLOSED)
        assert [entry.explanation for entry in await log(bus)] == [CLOSED, ANSWER, SUSPENDED, LISTED]

        await erase(bus, ann)
        await until_forgotten(bus, ann)
        await eventually(lambda: not found(var))
        appeal = await appeal_of(bus, ann.id)
        assert (appeal.explanation, appeal.text, appeal.answer) == ("", "", "")
        assert (await report_of(bus)).comment == COMMENT  # its own key: what was reported stays until its time is over
        await forgotten(bus, await destroy(bus, f"report:{report.id}"))
        assert (await report_of(bus)).comment == ""
        assert [entry.explanation for entry in await log(bus)] == ["", "", "", "", ""]


async def test_what_an_earlier_version_stored_plainly_is_read_on(server: NatsServer, bus: Bus) -> None:
    person = new_id()
    async with open_store(settings(server).store_place, new) as store:
        order = Order(id="1", actor=person, at=datetime.now(UTC))
        await store.execute(person, order, lambda _: [Registered(handle="ann", name=NAME)], lambda _: None)
    async with running(settings(server), compose):
        assert (await profile(bus, person)).name == NAME


async def test_why_operators_ended_a_space_is_sealed_and_gone_with_its_host_or_with_it(
    server: NatsServer, bus: Bus
) -> None:
    var = Path(server.env["ROSTRUM_VAR"])
    async with running(settings(server, lease=1.0), compose):
        ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
        anns, bobs = await a_space(bus, ann), await a_space(bus, bob)
        for space in (anns, bobs):
            await bus.ask(
                v1.OrderSpaceEnd.model_validate(operators(space_id=space, reason="abuse", explanation=SUSPENDED))
            )

        async def why() -> dict[str | None, str]:
            return {entry.space_id: entry.explanation for entry in await log(bus) if entry.space_id}

        assert await why() == {anns: SUSPENDED, bobs: SUSPENDED}
        assert not found(var)
        await erase(bus, ann)
        await until_forgotten(bus, ann)
        assert await why() == {anns: "", bobs: SUSPENDED}
        await forgotten(bus, await destroy(bus, f"space:{bobs}"))
        assert await why() == {anns: "", bobs: ""}
        # A Space of which nothing may be kept any more is ended all the same.
        for space in (anns, bobs):
            await bus.ask(v1.OrderSpaceEnd.model_validate(operators(space_id=space, reason="abuse", explanation=NAME)))
        assert sorted(entry.explanation for entry in await log(bus) if entry.space_id) == ["", "", "", NAME]
        assert not found(var)


@pytest.mark.parametrize("again", [False, True])
async def test_a_sign_up_that_is_refused_leaves_no_key(bus: Bus, people: None, server: NatsServer, again: bool) -> None:
    first = await sign_up(bus, "ann", key="first")
    if again:
        assert (await sign_up(bus, "ann", key="first")).id == first.id
    else:
        with pytest.raises(Refusal, match="already"):
            await sign_up(bus, "ann")
    place = settings(server).keys_place
    assert execute(place, "SELECT name FROM subjects WHERE name LIKE 'person:%'") == [(f"person:{first.id}",)]


async def test_what_people_say_of_themselves_is_sealed_and_gone_with_them(server: NatsServer, bus: Bus) -> None:
    var = Path(server.env["ROSTRUM_VAR"])
    async with running(settings(server, lease=1.0), compose):
        ann, bob = await sign_up(bus, "ann", name=NAME), await sign_up(bus, "bob")

        async def change(**wanted: object) -> v1.Person:
            fields = {"command_id": new_id(), "actor": ann.id, **wanted}
            return (await bus.ask(v1.ChangeProfile.model_validate(fields))).result

        changed = await change(display_name=RENAMED, bio=BIO, links=(LINK,))
        assert (changed.name, changed.bio, changed.links) == (RENAMED, BIO, (LINK,))
        # Sealed once more, the same words are other bytes; they are no change all the same.
        assert (
            await change(handle="ann", display_name=RENAMED, bio=BIO, links=(LINK.replace("needle", "NEEDLE", 1),))
            == changed
        )
        assert (await change(bio="")).bio == ""
        assert (await change(bio=BIO)).links == (LINK,)
        (seen,) = (await bus.ask(v1.PeopleQuery(actor=bob.id, words="needle"))).result.people
        assert seen.name == RENAMED
        # Where only the keys are destroyed, by what else there may be, the person is erased.
        await forgotten(bus, await destroy(bus, f"person:{ann.id}"))
        await eventually(lambda: not found(var))
        await told(bus, v1.Erased, ann.id)
        with pytest.raises(Refusal, match="person_unknown"):
            await change(bio=BIO)


async def test_who_has_not_signed_up_changes_nothing_and_gets_no_key(
    bus: Bus, people: None, server: NatsServer
) -> None:
    with pytest.raises(Refusal, match="person_unknown"):
        await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=new_id(), display_name=NAME, bio=BIO))
    assert execute(settings(server).keys_place, "SELECT name FROM subjects") == []
