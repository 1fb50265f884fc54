"""What services refuse while a read model of theirs stands before an event that cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from contracts import envelope, subjects
from contracts.commands import Request
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.tipping import v1 as tipping
from contracts.transcription import v1 as transcription
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service, running
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from services.tipping.main import compose as compose_tipping
from services.tipping.settings import Settings as TippingSettings
from services.transcription.main import compose as compose_transcription
from services.transcription.settings import Settings as TranscriptionSettings
from tests.integration.people.asking import sign_up
from tests.integration.people.spaces import a_space, scheduled
from tests.support.nats import running_nats
from tests.support.waiting import eventually


async def break_an_event(bus: Bus) -> str:
    """Somebody left a stage, and nobody can read who; the id of the event."""
    left = room.StageLeft(at=datetime.now(UTC), space_id=new_id(), version=1, person_id=new_id(), reason="left")
    body = json.dumps(left.model_dump(mode="json") | {"person_id": "nobody"}).encode()
    headers = envelope.headers(left, id=new_id(), source="room")
    await bus.js.publish(left.subject, body, headers=headers, stream=subjects.EVENTS_STREAM)
    return headers["Nats-Msg-Id"]


def halted(service: Service[Any], name: str) -> dict[str, str] | None:
    """What it lacks, once this reader stands and readiness says so."""
    missing = service.missing()
    stands = missing.get(name, "").startswith("stands before rostrum.room.v1.")
    return missing if stands and "events" in missing else None


def is_ready(service: Service[Any]) -> bool:
    return not service.missing()


async def refusal(bus: Bus, request: Request[Any]) -> str | None:
    try:
        await bus.ask(request)
    except Refusal as no:
        return no.reason
    return None


async def test_what_depends_on_an_event_that_cannot_be_read_is_refused_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("libs.readmodel.stream._CATCH_UP_SECONDS", 0.05)
    with running_nats() as nats:
        async with (
            await connect("gateway", BusSettings(url=nats.url)) as bus,
            running(PeopleSettings.read(nats.env), compose_people) as of_people,
            running(TippingSettings.read(nats.env), compose_tipping) as of_tipping,
            running(
                TranscriptionSettings.read({**nats.env, "ROSTRUM_TRANSCRIPTION_WORKERS": "1"}), compose_transcription
            ) as of_transcription,
        ):
            ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
            space = await a_space(bus, ann)
            later = await scheduled(bus, ann.id, datetime.now(UTC) + timedelta(days=1))
            jar = tipping.FillJar(
                command_id=new_id(), actor=ann.id, enabled=True, names={"paypal": "ann"}, public_names_acknowledged=True
            )
            operator: dict[str, Any] = {"actor": new_id(), "operator": True}

            def needing() -> list[Request[Any]]:
                own: dict[str, Any] = {"command_id": new_id(), "actor": bob.id}
                return [
                    tipping.OfferTip(
                        **own, tip_id=new_id(), space_id=space, recipient=ann.id, provider="paypal", amount_minor=100,
                        currency="USD",
                    ),
                    people.FileReport(**own, report_id=new_id(), space_id=space, reason="impersonation"),
                    people.SetReminder(**own, space_id=later),
                    people.RemindersQuery(actor=bob.id),
                    people.LogQuery(**operator),
                    people.LogQuery(actor=ann.id, space_id=space),
                    people.OrderSpaceEnd(
                        **operator, command_id=new_id(), space_id=new_id(), reason="impersonation", explanation="x"
                    ),
                    transcription.TranscriptQuery(space_id=space),
                    transcription.TranscriptDocumentQuery(space_id=space, format="vtt"),
                ]  # fmt: skip

            def not_needing() -> list[Request[Any]]:
                own: dict[str, Any] = {"command_id": new_id(), "actor": bob.id}
                return [
                    jar.model_copy(update={"command_id": new_id()}),
                    tipping.JarQuery(person_id=ann.id),
                    tipping.TipsQuery(actor=bob.id, space_id=space),
                    people.PersonQuery(person_id=ann.id),
                    people.FileReport(**own, report_id=new_id(), person_id=ann.id, reason="impersonation"),
                    people.ReportsQuery(**operator),
                    people.MayHostQuery(actor=bob.id, person_id=bob.id),
                    transcription.LanguagesQuery(),
                ]  # fmt: skip

            for request in not_needing():
                assert await refusal(bus, request) is None, request
            before = [await refusal(bus, request) for request in needing()]
            assert "unavailable" not in before

            event_id = await break_an_event(bus)
            services: list[tuple[str, Service[Any]]] = [
                ("spaces", of_people), ("stages", of_tipping), ("stages", of_transcription)
            ]  # fmt: skip
            for name, service in services:
                missing = await eventually(partial(halted, service, name))
                assert event_id in missing["events"]
                assert service.bus.halts.told()[0]["event_id"] == event_id, "so does /ops, from what a process tells"
            for request in needing():
                assert await refusal(bus, request) == "unavailable", request
            for request in not_needing():
                assert await refusal(bus, request) is None, request

            await bus.ask(people.PassOverEvent(**operator, command_id=new_id(), event_id=event_id, explanation="x"))
            for _, service in services:
                await eventually(partial(is_ready, service))
            assert [await refusal(bus, request) for request in needing()] == before
