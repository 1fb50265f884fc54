"""What is reported is copied as it is then, sealed for operators, before the real room and transcription."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import subjects
from contracts.people import v1
from contracts.people.v1 import CopyState as State
from contracts.people.v1 import EvidenceKind as Kind
from contracts.recording.v1 import ReplayDeleted
from contracts.room import v1 as room
from libs.bus import Bus
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.ids import new_id
from libs.keyring.client import open_keyring
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from services.room import main as room_main
from services.room import settings as room_settings
from services.transcription import main as transcription_main
from services.transcription import settings as transcription_settings
from services.transcription.app.caption_sealer import CaptionSealer
from services.transcription.app.transcripts import Transcripts
from services.transcription.domain.facts import Captioned
from services.transcription.domain.transcript import Transcript
from services.transcription.handlers import ordered
from tests.integration.people.asking import sign_up
from tests.integration.people.test_erasing import erase
from tests.integration.people.test_moderation import OPERATOR, log
from tests.support.matrix import answer_to
from tests.support.nats import NatsServer
from tests.support.needles import in_folder, needle
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually


@pytest.fixture
async def people(server: NatsServer) -> AsyncIterator[None]:
    async with running(Settings.read({**server.env, "ROSTRUM_PEOPLE_SPACE_WAIT": "1.8"}), compose):
        yield


@contextlib.asynccontextmanager
async def rooms(server: NatsServer) -> AsyncIterator[None]:
    async with running(room_settings.Settings.read(server.env), room_main.compose):
        yield


@contextlib.asynccontextmanager
async def transcribed(server: NatsServer) -> AsyncIterator[None]:
    env = {**server.env, "ROSTRUM_TRANSCRIPTION_WORKERS": "1"}
    async with running(transcription_settings.Settings.read(env), transcription_main.compose):
        yield


async def said(server: NatsServer, bus: Bus, space: room.Space, *texts: str) -> list[str]:
    """Put captions of the host into transcription's store, as it does, while it is away; their ids."""
    place = transcription_settings.Settings.read(server.env).store_place
    assert space.started_at is not None
    async with open_keyring(bus, "transcription-1") as keyring, open_store(place, Transcript) as store:
        transcripts = Transcripts(store, Executor(store, utc_now, ordered), CaptionSealer(keyring.locks))
        await transcripts.open(space.id, "en", space.started_at)
        for number, text in enumerate(texts):
            at = space.started_at + timedelta(milliseconds=number)
            caption = Captioned(
                caption_id=f"c-{number}", session_id=new_id(), person_id=space.host.id, lang="en", text=text,
                start_at=at, end_at=at + timedelta(milliseconds=1), epoch="e", sequence=number + 1, resume=number,
            )  # fmt: skip
            assert await transcripts.caption(space.id, caption)
    return [f"c-{number}" for number in range(len(texts))]


async def a_space(bus: Bus, host: v1.Person, title: str, **settings: Any) -> room.Space:
    chosen = room.Settings(title=title, captions=True, **settings)
    made = room.CreateSpace(command_id=new_id(), actor=host.id, space_id=new_id(), settings=chosen)
    space: room.Space = await eventually(lambda: done(bus, made))
    return space


async def done(bus: Bus, command: Any) -> Any:
    """What a command is answered, once whoever is asked has heard of everybody in it."""
    try:
        return (await bus.ask(command)).result
    except Refusal as no:
        if no.reason not in ("person_unknown", "space_unknown"):
            raise
        return None


async def order(bus: Bus, kind: Any, actor: v1.Person, space: room.Space, **fields: Any) -> Any:
    return (await bus.ask(kind(command_id=new_id(), actor=actor.id, space_id=space.id, **fields))).result


async def join(bus: Bus, who: v1.Person, space: room.Space) -> None:
    asked = room.JoinSpace(command_id=new_id(), actor=who.id, space_id=space.id, session_id=new_id())
    await eventually(lambda: done(bus, asked))


async def reported(
    bus: Bus, by: v1.Person, space: room.Space, *evidence: v1.Evidence, person: v1.Person | None = None
) -> str:
    filed = v1.FileReport(
        command_id=new_id(), actor=by.id, report_id=new_id(), space_id=space.id, reason="hate", evidence=evidence,
        person_id=None if person is None else person.id,
    )  # fmt: skip
    report: v1.Report = await eventually(lambda: done(bus, filed))
    return report.id


async def copy_of(bus: Bus, report: str) -> dict[Kind, v1.CopiedPiece]:
    look = v1.LookAtCopy(command_id=new_id(), actor=OPERATOR, operator=True, report_id=report)
    return {piece.kind: piece for piece in (await bus.ask(look)).result.pieces}


async def come_to(bus: Bus, report: str, *states: State) -> dict[Kind, v1.CopiedPiece]:
    """The copy, once no piece of it is in another state."""

    async def there() -> dict[Kind, v1.CopiedPiece] | None:
        found = await copy_of(bus, report)
        return found if {piece.state for piece in found.values()} <= set(states) else None

    return await eventually(there)


def piece(kind: Kind, space: room.Space, reference: str = "", **fields: Any) -> v1.Evidence:
    return v1.Evidence(kind=kind, space_id=space.id, reference=reference, **fields)


@pytest.mark.usefixtures("people")
async def test_what_is_reported_is_copied_as_it_is_then_and_its_author_cannot_delete_the_copy(
    server: NatsServer, bus: Bus
) -> None:
    title, before, spoken, after, pinned, message, bio = words = [needle() for _ in range(7)]
    ann, bob, carl = [await sign_up(bus, name, name=name.title()) for name in ("ann", "bob", "carl")]
    await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=ann.id, bio=bio))
    async with rooms(server):
        space = await a_space(bus, ann, title)
        await said(server, bus, space, before, spoken, after, "And on.")
        async with transcribed(server):
            pin = new_id()
            await order(bus, room.PinLink, ann, space, pin_id=pin, url=f"https://pins.example/{pinned}", text=pinned)
            await join(bus, carl, space)
            await order(bus, room.RequestToSpeak, carl, space, message=message)
            evidence = (
                piece(Kind.CAPTION, space, "c-1"),
                piece(Kind.PIN, space, pin),
                piece(Kind.MOMENT, space, from_seconds=0, to_seconds=600),
            )
            of_ann = await reported(bus, bob, space, *evidence, person=ann)
            of_carl = await reported(bus, ann, space, piece(Kind.REQUEST, space), person=carl)
            not_bobs = await reported(bus, bob, space, piece(Kind.REQUEST, space), person=carl)

            # Everything goes, and is called something else.
            await order(bus, room.Unpin, ann, space, pin_id=pin)
            await order(bus, room.ChangeSettings, ann, space, title="Nothing")
            await order(bus, room.CancelRequest, carl, space)
            await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=ann.id, bio="", handle="innocent"))
            await bus.publish_event(ReplayDeleted(space_id=space.id, version=1, at=utc_now(), reason="host"))
            late = await reported(bus, bob, space, *evidence[:2], person=ann)
            await eventually(lambda: is_missing(bus, late, Kind.PIN))

            found = await copy_of(bus, of_ann)
            assert {one.state for one in found.values()} == {State.KEPT}
            assert [(one.text, one.person_id) for one in found[Kind.CAPTION].captions] == [
                (before, ann.id),
                (spoken, ann.id),
                (after, ann.id),
            ]
            got = found[Kind.PIN].pin
            assert got is not None
            assert (got.url, got.text, got.person_id) == (f"https://pins.example/{pinned}", pinned, ann.id)
            assert found[Kind.TITLE].title == title
            profile = found[Kind.PROFILE].profile
            assert profile is not None
            assert (profile.handle, profile.name, profile.bio) == ("ann", "Ann", bio)
            moment = found[Kind.MOMENT]
            assert moment.sound_since is not None
            assert moment.sound_until is not None
            assert space.started_at is not None
            assert space.started_at <= moment.sound_since < moment.sound_until <= utc_now()
            assert (await copy_of(bus, of_carl))[Kind.REQUEST].message == message
            assert (await copy_of(bus, not_bobs))[Kind.REQUEST].state is State.UNSEEN

    told = await stretches(bus, of_ann)
    assert {event.piece for event in told} == {0, 2}, "recording is told of the stretches of sound, and of no words"
    said_of_reports = "".join(event.model_dump_json() for event in told)
    assert not [word for word in words if word in said_of_reports]
    # Sealed, the copy has them, and nothing else has: neither a file of any service nor a stream.
    assert in_folder(server.directory, set(words)) == {}
    assert in_folder(server.directory, {space.id}), "what is not sealed is found"


@pytest.mark.usefixtures("people")
async def test_a_report_stays_when_who_made_it_and_who_it_is_about_are_erased(server: NatsServer, bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann", name="Ann"), await sign_up(bus, "bob")
    filed = v1.FileReport(
        command_id=new_id(), actor=bob.id, report_id=new_id(), person_id=ann.id, reason="hate", comment="Threats.",
        evidence=(v1.Evidence(kind=Kind.PIN, reference="in my own words"),),
    )  # fmt: skip
    made = (await bus.ask(filed)).result
    assert made.reporter == bob.ref
    for person in (bob, ann):
        await erase(bus, person)

    async def both_are_gone() -> bool:
        (seen,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
        return seen.reporter is None and seen.person is None

    await eventually(both_are_gone)
    (seen,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
    assert (seen.comment, seen.name) == ("Threats.", "Ann")
    profile = (await copy_of(bus, made.id))[Kind.PROFILE].profile
    assert profile is not None
    assert profile.name == "Ann"
    assert not in_folder(Path(server.env["ROSTRUM_VAR"]), {"in my own words"}), "what is no id is not kept as one"


async def is_missing(bus: Bus, report: str, kind: Kind) -> bool:
    return (await copy_of(bus, report))[kind].state is State.DELETED


async def stretches(bus: Bus, report: str) -> list[v1.ReportCopied]:
    """What recording is told of a report."""
    await bus.ask(
        v1.CloseReport(
            command_id=new_id(), actor=OPERATOR, operator=True, report_id=report, outcome=v1.ReportState.DISMISSED
        )
    )
    found: list[v1.ReportCopied] = []
    async for batch in bus.follow(filters=[subjects.event("people", report, "*")]):
        found += [received.event for received in batch if isinstance(received.event, v1.ReportCopied)]
        if any(isinstance(received.event, v1.ReportClosed) for received in batch):
            break
    return found


@pytest.mark.usefixtures("people")
async def test_nobody_has_copied_what_they_could_not_see(server: NatsServer, bus: Bus) -> None:
    ann, bob, carl = [await sign_up(bus, name) for name in ("ann", "bob", "carl")]
    async with rooms(server):
        space = await a_space(bus, ann, "Among us", who_can_join=room.WhoCanJoin.INVITED)
        await said(server, bus, space, "Secret.")
        async with transcribed(server):
            pin = new_id()
            await order(bus, room.PinLink, ann, space, pin_id=pin, url="https://pins.example/", text="Secret.")
            evidence = (
                piece(Kind.CAPTION, space, "c-0"),
                piece(Kind.PIN, space, pin),
                piece(Kind.MOMENT, space, from_seconds=0),
            )
            stranger = await copy_of(bus, await reported(bus, bob, space, *evidence))
            assert {one.state for one in stranger.values()} == {State.UNSEEN}
            assert not any(one.captions or one.pin or one.title or one.sound_since for one in stranger.values())
            await order(bus, room.RemovePerson, ann, space, person_id=carl.id)
            removed = await copy_of(bus, await reported(bus, carl, space, *evidence))
            assert {one.state for one in removed.values()} == {State.KEPT}, "they saw it until then"


@pytest.mark.parametrize("meanwhile", ["kept", "deleted"])
async def test_what_cannot_be_had_at_once_is_copied_later_also_when_people_was_killed(
    server: NatsServer, bus: Bus, meanwhile: str
) -> None:
    env = {**server.env, "ROSTRUM_PEOPLE_SPACE_WAIT": "1.8"}
    async with ServiceProcess("people", env) as people:
        ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
        async with rooms(server):
            space = await a_space(bus, ann, "Tea")
            await said(server, bus, space, "Never.")
            report = await reported(bus, bob, space, piece(Kind.CAPTION, space, "c-0"))  # transcription is away
            assert (await copy_of(bus, report))[Kind.CAPTION].state is State.AWAITED
            people.kill()
            async with transcribed(server):
                if meanwhile == "deleted":
                    await bus.publish_event(ReplayDeleted(space_id=space.id, version=1, at=utc_now(), reason="host"))
                    await people.start()
                    found = await come_to(bus, report, State.KEPT, State.DELETED)
                    # Deleted before it could be had, or had just before it was deleted: nothing in between.
                    assert [one.text for one in found[Kind.CAPTION].captions] == (
                        [] if found[Kind.CAPTION].state is State.DELETED else ["Never."]
                    )
                else:
                    await people.start()
                    found = await come_to(bus, report, State.KEPT)
                    assert [one.text for one in found[Kind.CAPTION].captions] == ["Never."]
            people.kill()
            await people.start()
            assert await copy_of(bus, report) == found


async def test_a_copy_is_destroyed_when_its_time_is_over_and_the_log_keeps_who_looked(
    server: NatsServer, bus: Bus
) -> None:
    seconds = timedelta(seconds=2) / timedelta(days=1)
    env = {
        **server.env,
        "ROSTRUM_REPORTED_DAYS": str(seconds),
        "ROSTRUM_PEOPLE_SPACE_WAIT": "1.8",
        "ROSTRUM_PEOPLE_KEY_LEASE": "2",  # after a crash it is not known who has keys, until their time is over
    }
    async with ServiceProcess("people", env) as people:
        ann, bob = await sign_up(bus, "ann", name="Ann"), await sign_up(bus, "bob")
        async with rooms(server):
            space = await a_space(bus, ann, "Tea")
            report = await reported(bus, bob, space, person=ann)
            assert (await copy_of(bus, report))[Kind.TITLE].title == "Tea"
            look = v1.LookAtCopy(command_id="once", actor=OPERATOR, operator=True, report_id=report, piece=0)
            for _ in range(2):  # sent again, it is one look
                await bus.ask(look)
            await bus.ask(
                v1.CloseReport(
                    command_id=new_id(), actor=OPERATOR, operator=True, report_id=report,
                    outcome=v1.ReportState.DISMISSED, explanation="A joke.",
                )
            )  # fmt: skip
            people.kill()  # before its time
            await people.start()

            async def destroyed() -> bool:
                return any(entry.act == "report_destroyed" for entry in await log(bus))

            await eventually(destroyed)
            found = await copy_of(bus, report)
            assert {one.state for one in found.values()} == {State.DESTROYED}
            assert not any(one.title or one.profile for one in found.values())
            (row,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
            assert (row.person_id, row.name, row.title, row.explanation) == (ann.id, "", "", "")
            reopen = v1.ReopenReport(command_id=new_id(), actor=OPERATOR, operator=True, report_id=report)
            assert await answer_to(lambda: bus.ask(reopen)) == "wrong_state"
            acts = [(entry.act, entry.actor_id) for entry in await log(bus) if entry.report_id == report]
            assert acts[0] == ("report_destroyed", None)
            assert acts[1:] == [
                ("report_dismissed", OPERATOR),
                ("report_heard", OPERATOR),
                ("report_read", OPERATOR),
            ], "a look at what is destroyed shows nothing, and is none"
            forgotten = await first(bus, lambda event: isinstance(event, v1.Forgotten))
            assert forgotten.what == f"report:{report}"


async def first(bus: Bus, wanted: Callable[[Any], bool]) -> Any:
    async for batch in bus.follow(filters=[subjects.event("people", "*", v1.Forgotten.name)]):
        for received in batch:
            if wanted(received.event):
                return received.event
    raise AssertionError("the stream ended")
