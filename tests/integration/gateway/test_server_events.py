"""A server of the host product follows all Spaces: what it is told, in which order, and until when."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts import subjects
from contracts.commands import Accepted
from contracts.people import v1 as people
from contracts.presence.v1 import Counted
from contracts.room import v1 as room
from libs.identity.api_keys import digest_of_key, new_secret
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from tests.integration.gateway.backend import Backend, a_person, backend
from tests.integration.gateway.client import Client, Told
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer
from tests.support.waiting import standstill

PATH = "/v1/server/events"


@pytest.fixture
async def behind(nats: NatsServer) -> AsyncIterator[Backend]:
    """Real people, who keep the keys; stand-ins for the others."""
    others = [name for name in subjects.SERVICES if name not in ("gateway", "people")]
    async with running(PeopleSettings.read(nats.env), compose_people), backend(nats.url, *others) as made:
        yield made


async def a_key(behind: Backend, *scopes: str) -> str:
    id, text = new_secret()
    given = {"key_id": id, "digest": digest_of_key(text), "title": "The app", "scopes": scopes or ("events",)}
    await behind.bus.ask(people.IssueApiKey.model_validate({"command_id": new_id(), "operator": True, **given}))
    return text


def id_of(key: str) -> str:
    return key.split("_")[1]


async def rotate(behind: Backend, key: str, keep: int) -> str:
    id, text = new_secret(id_of(key))
    head: dict[str, Any] = {"command_id": new_id(), "operator": True}
    await behind.bus.ask(people.RotateApiKey(**head, key_id=id, digest=digest_of_key(text), keep_seconds=keep))
    return text


async def revoke(behind: Backend, key: str) -> None:
    await behind.bus.ask(people.RevokeApiKey(command_id=new_id(), operator=True, key_id=id_of(key)))


def muted(behind: Backend, space: room.Space) -> room.Muted:
    return room.Muted(**behind.next(space), person_id=space.host.id)


def of(told: list[Told]) -> list[tuple[str, str]]:
    return [(one.event, one.data.get("space_id", "")) for one in told]


async def test_it_is_told_of_all_spaces_in_order_and_what_it_missed_when_it_comes_back(
    gateway: Running, behind: Backend
) -> None:
    one, other = behind.add(a_person("One")), behind.add(a_person("Other"))
    async with Client(gateway.base, await a_key(behind)) as server:
        async with server.events(PATH) as events:
            first = await events.next()
            assert (first.event, first.data) == ("snapshot", {})
            await behind.emit(muted(behind, one))
            await behind.emit(room.SpeakRequested(**behind.next(other), person=a_person("Guest")))
            expected = [("room.muted", one.id), ("room.speak_requested", other.id)]
            assert of([await events.next() for _ in expected]) == expected
        await behind.emit(room.StageLeft(**behind.next(other), person_id=other.host.id))
        await behind.emit(room.Ended(**behind.next(one)))
        missed = [("room.stage_left", other.id), ("room.ended", one.id)]
        async with server.events(PATH, first.id) as events:
            assert of([await events.next() for _ in range(4)]) == expected + missed
        # The same of fewer kinds and of one Space, out of memory, out of the stream, and as it happens.
        await behind.emit(muted(behind, other))
        for last in (first.id, "0"):
            async with server.events(PATH, last, types="room.ended,room.muted") as events:
                wanted = [("room.muted", one.id), ("room.ended", one.id), ("room.muted", other.id)]
                assert of([await events.next() for _ in wanted]) == wanted
            async with server.events(PATH, last, space=other.id) as events:
                wanted = [("room.speak_requested", other.id), ("room.stage_left", other.id), ("room.muted", other.id)]
                assert of([await events.next() for _ in wanted]) == wanted
                await behind.emit(Counted(space_id=one.id, at=datetime.now(UTC), listeners=1, on_stage=0))
                await behind.emit(Counted(space_id=other.id, at=datetime.now(UTC), listeners=1, on_stage=0))
                assert of([await events.next()]) == [("presence.counted", other.id)]
        async with server.events(PATH, f"{first.id}999") as events:
            assert [(await events.next()).event for _ in range(2)] == ["reset", "snapshot"]


async def test_whoever_has_no_key_for_it_or_asks_for_what_there_is_not_is_told_why(
    gateway: Running, behind: Backend
) -> None:
    async def answer(token: str | None, **params: str) -> tuple[int, str, str]:
        async with Client(gateway.base, token) as client:
            refused = await client.http.get(PATH, params=params)
            return refused.status_code, refused.json()["reason"], refused.json()["detail"]

    key, person = await a_key(behind), gateway.identity.mint(new_id(), operator=True)
    for token in (None, person, new_secret()[1]):
        assert (await answer(token))[:2] == (401, "unauthenticated")
    assert (await answer(await a_key(behind, "people", "spaces")))[:2] == (403, "not_allowed")
    status, reason, detail = await answer(key, types="room.started,room.begun")
    assert (status, reason) == (422, "invalid")
    assert "room.begun" in detail.split(".  ")[0]
    assert "room.ended" in detail
    for types in (",", "presence.joined", "captions.partial", "people.reported"):
        assert (await answer(key, types=types))[:2] == (422, "invalid"), types
    assert (await answer(key, space=new_id()))[:2] == (404, "space_unknown")
    assert (await answer(key, space="x"))[:2] == (422, "invalid")
    assert (await answer(key, spaces=new_id()))[:2] == (422, "invalid")


async def test_a_key_has_a_number_of_streams_of_its_own(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    async with (
        running_gateway(nats.url, tmp_path, streams_per_person=1, streams_per_address=1) as gateway,
        Client(gateway.base, await a_key(behind)) as server,
        Client(gateway.base, await a_key(behind)) as another,
        server.events(PATH) as events,
    ):
        await events.next()
        assert (await server.http.get(PATH)).status_code == 429
        async with another.events(PATH) as others:
            await others.next()


async def test_a_stream_ends_within_a_second_when_its_key_is_revoked_or_good_no_more(
    gateway: Running, behind: Backend
) -> None:
    space = behind.add(a_person("Host"))
    key, revoked = await a_key(behind), await a_key(behind)
    newer = await rotate(behind, key, keep=3600)
    async with (
        Client(gateway.base, key) as former, Client(gateway.base, newer) as new, Client(gateway.base, revoked) as gone,
        former.events(PATH) as formers, new.events(PATH) as news, gone.events(PATH) as gones,
    ):  # fmt: skip
        for events in (formers, news, gones):
            await events.next()
        async with standstill() as stood:
            began = time.monotonic()
            await revoke(behind, revoked)
            assert await gones.closed() == []
            assert time.monotonic() - began < 1 + stood()
        assert (await gone.http.get(PATH)).status_code == 401
        newest = await rotate(behind, newer, keep=3600)
        assert await formers.closed() == [], "only the text before is kept"
        await behind.emit(muted(behind, space))
        assert (await news.next()).event == "room.muted"
        async with Client(gateway.base, newest) as last, last.events(PATH) as lasts:
            await lasts.next()
            await rotate(behind, newest, keep=0)
            assert await lasts.closed() == []
            assert await news.closed() == []


async def test_a_stream_that_is_being_opened_when_its_key_is_revoked_tells_nothing(
    gateway: Running, behind: Backend
) -> None:
    space, key = behind.add(a_person("Host")), await a_key(behind)

    async def answer(query: room.SpaceQuery) -> room.Space:
        async with Client(gateway.base, await a_key(behind)) as other, other.events(PATH) as events:
            await events.next()
            await revoke(behind, key)
            await rotate(behind, other.headers["authorization"].split()[1], keep=0)
            assert await events.closed() == []  # the gateway has heard of both
        return behind.spaces[query.space_id]

    behind.on(room.SpaceQuery, answer)
    async with Client(gateway.base, key) as server, server.events(PATH, space=space.id) as events:
        assert await events.closed() == []


async def test_a_key_whose_end_is_heard_of_before_people_said_that_it_was_good_opens_nothing(
    nats: NatsServer, tmp_path: Path
) -> None:
    id, text = new_secret()
    other_id, other_text = new_secret()
    at = datetime.now(UTC)
    async with (
        backend(nats.url) as behind,
        running_gateway(nats.url, tmp_path) as gateway,
        Client(gateway.base, text) as server,
        Client(gateway.base, other_text) as other,
    ):

        async def answer(command: people.UseApiKey) -> Accepted[people.ApiKey]:
            if command.key_id == id:
                for key_id in (id, other_id):
                    await behind.emit(people.ApiKeyRevoked(at=at, key_id=key_id))
                assert await events.closed() == []  # the gateway has heard of both
            return Accepted(result=people.ApiKey(id=command.key_id, name="The app", scopes=("events",), created_at=at))

        behind.on(people.UseApiKey, answer)
        async with other.events(PATH) as events:
            await events.next()
            refused = await server.http.get(PATH)
        assert (refused.status_code, refused.json()["reason"]) == (401, "unauthenticated")


async def test_a_server_that_comes_back_and_reads_slowly_has_everything_at_one_go(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    """Much more than is queued for anybody happens while it reads."""
    space = behind.add(a_person("Host"))
    async with (
        running_gateway(nats.url, tmp_path, queued_events=10, recent_events=0) as gateway,
        Client(gateway.base, await a_key(behind)) as server,
    ):
        async with server.events(PATH) as events:
            start = (await events.next()).id
        sent = [await behind.emit(muted(behind, space)) for _ in range(5)]

        async def answer(query: room.SpaceQuery) -> room.Space:
            if len(sent) < 300:  # asked whether what was missed may be told
                sent.extend([await behind.emit(muted(behind, space)) for _ in range(100)])
            return behind.spaces[query.space_id]

        behind.on(room.SpaceQuery, answer)
        async with server.events(PATH, start) as events:
            told = [(await events.next()).sequence for _ in range(105)]
            while told[-1] < max(sent):
                told.append((await events.next()).sequence)
            assert told == sorted(sent), "on a busy machine it is asked again before it has answered"
            sent.append(await behind.emit(muted(behind, space)))
            assert (await events.next()).sequence == sent[-1]


async def test_of_a_space_that_is_deleted_or_was_ephemeral_and_is_over_the_past_tells_that_alone(
    gateway: Running, behind: Backend
) -> None:
    host = a_person("Host")
    kept, deleted = behind.add(host), behind.add(host)
    ephemeral = behind.add(host, settings=room.Settings(title="Tea", ephemeral=True))
    async with Client(gateway.base, await a_key(behind)) as server:
        async with server.events(PATH) as events:
            start = (await events.next()).id
        for space in (kept, deleted, ephemeral):
            await behind.emit(muted(behind, space))
            await behind.emit(room.Ended(**behind.next(space)))
        await behind.emit(room.SpaceDeleted(**behind.next(deleted)))
        del behind.spaces[deleted.id]
        await behind.emit(muted(behind, kept))
        expected = [
            ("room.muted", kept.id), ("room.ended", kept.id), ("room.ended", ephemeral.id),
            ("room.deleted", deleted.id), ("room.muted", kept.id),
        ]  # fmt: skip
        for last in (start, "0"):
            async with server.events(PATH, last) as events:
                assert of([await events.next() for _ in expected]) == expected


async def test_where_it_cannot_be_found_out_what_may_be_told_nothing_is_left_out(
    gateway: Running, behind: Backend
) -> None:
    first, second = behind.add(a_person("Host")), behind.add(a_person("Host"))
    away = True

    async def answer(query: room.SpaceQuery) -> room.Space:
        if query.space_id == second.id and away:
            raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)
        return behind.spaces[query.space_id]

    behind.on(room.SpaceQuery, answer)
    async with Client(gateway.base, await a_key(behind)) as server:
        async with server.events(PATH) as events:
            start = (await events.next()).id
        sent = [await behind.emit(muted(behind, space)) for space in (first, second, first)]
        async with server.events(PATH, start) as events:
            told = [one.sequence for one in await events.closed()]
        assert told in ([], sent[:1]), "it ends before what may not be left out"
        away = False
        async with server.events(PATH, start) as events:
            assert [(await events.next()).sequence for _ in sent] == sent
