"""Everybody can have a copy of everything that there is about them: whole, or with a reason why not now."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import object_names
from contracts.analytics.v1 import HeldQuery as OfAnalytics
from contracts.commands import Nothing
from contracts.notifications.v1 import HeldQuery as OfNotifications
from contracts.people import v1 as people
from contracts.personal_data import HeldFile, HeldPage, HeldQuery, HeldRecord
from contracts.recording.v1 import HeldQuery as OfRecording
from contracts.room.v1 import HeldQuery as OfRoom
from contracts.tipping.v1 import HeldQuery as OfTipping
from contracts.transcription.v1 import HeldQuery as OfTranscription
from libs.bus import Unavailable
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.app.export import _MOST
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.gateway.test_replays import as_stored, with_keys
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

PARTS: tuple[type[HeldQuery], ...] = (
    people.HeldQuery, OfRoom, OfTranscription, OfRecording, OfTipping, OfNotifications, OfAnalytics,
)  # fmt: skip
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Answer = Callable[[Any], Awaitable[HeldPage]]


def record(subject: str, file: HeldFile | None = None, **fields: Any) -> HeldRecord:
    return HeldRecord(subject=subject, at=AT, fields=fields, file=file)


def pages(*given: tuple[HeldRecord, ...]) -> Answer:
    """These pages, one after another."""

    async def answer(query: HeldQuery) -> HeldPage:
        number = int(query.after or 0)
        return HeldPage(records=given[number], next=str(number + 1) if number + 1 < len(given) else None)

    return answer


@pytest.fixture
def nothing(behind: Backend) -> None:
    """Nobody knows anything of anybody."""
    for part in PARTS:
        behind.on(part, pages(()))


def opened(answer: httpx.Response) -> dict[str, bytes]:
    """The files of an archive, each of which is as it was written."""
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


@pytest.mark.usefixtures("nothing")
async def test_the_archive_has_a_file_for_each_subject_and_the_persons_tracks(
    gateway: Running, behind: Backend
) -> None:
    person, space = new_id(), new_id()
    name, voice = object_names.track(space, person), bytes(range(256)) * 5000
    keys, stored = with_keys(behind), gateway.var / "recordings" / name
    stored.parent.mkdir(parents=True)
    stored.write_bytes(as_stored(keys, name, voice))
    track = HeldFile(path=f"tracks/{space}.ogg", object=name)
    gone = HeldFile(path="tracks/gone.ogg", object=object_names.track(new_id(), person))
    behind.on(
        people.HeldQuery, pages((record("profile", name="Ann"), record("account", n=1)), (record("account", n=2),))
    )
    behind.on(OfRoom, pages((), (record("spaces", title="Tea & «milk»"),)))
    behind.on(OfRecording, pages((record("recordings", track, space_id=space), record("recordings", gone))))
    async with gateway.client(person) as client:
        answer = await client.http.get("/v1/me/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith('attachment; filename="rostrum-export-')
    files = opened(answer)
    assert json.loads(files.pop("about.json"))["person_id"] == person
    assert b"spaces.json" in files.pop("README.txt")
    assert files.pop(track.path) == voice
    at = {"at": AT.isoformat()}
    assert {name: json.loads(data) for name, data in files.items()} == {
        "profile.json": [at | {"name": "Ann"}],
        "account.json": [at | {"n": 1}, at | {"n": 2}],
        "spaces.json": [at | {"title": "Tea & «milk»"}],
        "recordings.json": [at | {"space_id": space, "file": track.path}, at | {"file": gone.path}],
    }
    for part in PARTS:
        asked = [one for one in behind.asked["held"] if type(one) is part]
        assert {(one.actor, one.operator) for one in asked} == {(person, False)}


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.service)
async def test_a_part_that_is_away_is_named_and_nothing_is_counted(
    gateway: Running, behind: Backend, part: type[HeldQuery]
) -> None:
    async def away(query: HeldQuery) -> HeldPage:
        raise Unavailable("it sleeps")

    person = new_id()
    behind.on(part, away)
    async with gateway.client(person) as client:
        for _ in range(4):
            answer = await client.http.get("/v1/me/export")
            assert reason(answer) == (503, "unavailable")
            assert part.service in answer.json()["detail"]
        behind.on(part, pages(()))
        assert (await client.http.get("/v1/me/export")).status_code == 200


@pytest.mark.usefixtures("nothing")
async def test_a_part_that_goes_away_is_waited_for_and_otherwise_the_archive_never_ends(
    gateway: Running, behind: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def once_away(query: HeldQuery) -> HeldPage:
        nonlocal calls
        calls += 1
        if query.after and calls == 2:
            raise Refusal("unavailable", "Not now.", retry=True)
        return HeldPage(records=(record("spaces", n=query.after),), next=None if query.after else "1")

    async def away(query: HeldQuery) -> HeldPage:
        if query.after:
            raise Refusal("unavailable", "Not now.", retry=True)
        return HeldPage(records=(record("spaces"),), next="1")

    behind.on(OfRoom, once_away)
    async with gateway.client(new_id()) as client:
        files = opened(await client.http.get("/v1/me/export"))
        assert [one["n"] for one in json.loads(files["spaces.json"])] == ["", "1"]
        behind.on(OfRoom, away)
        monkeypatch.setattr("services.gateway.app.export._PAUSE", 0.01)
        monkeypatch.setattr("services.gateway.app.export._WAIT", 0.05)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.http.get("/v1/me/export")


@pytest.mark.usefixtures("nothing")
async def test_nor_does_one_without_a_file_whose_key_cannot_be_had(gateway: Running, behind: Backend) -> None:
    async def away(query: people.LocksQuery) -> people.Locks:
        raise Refusal("unavailable", "Not now.", retry=True)

    person, space = new_id(), new_id()
    track = HeldFile(path=f"tracks/{space}.ogg", object=object_names.track(space, person))
    behind.on(people.LocksQuery, away)
    behind.on(OfRecording, pages((record("recordings", track),)))
    async with gateway.client(person) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.http.get("/v1/me/export")


@pytest.mark.usefixtures("nothing")
async def test_few_are_made_at_once_however_many_ask_in_one_moment(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    together, ready = 6, asyncio.Event()

    async def slowly(query: HeldQuery) -> HeldPage:
        await ready.wait()
        return HeldPage()

    behind.on(people.HeldQuery, slowly)
    async with running_gateway(nats.url, tmp_path, ask_seconds=20) as gateway, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(gateway.client(new_id())) for _ in range(together)]
        asking = {asyncio.create_task(client.http.get("/v1/me/export")) for client in clients}
        refused = set[asyncio.Task[httpx.Response]]()
        while len(refused) < together - _MOST:
            done, _ = await asyncio.wait(asking - refused, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        assert {reason(task.result()) for task in refused} == {(503, "unavailable")}
        ready.set()
        answers = await asyncio.gather(*(asking - refused))
        assert [answer.status_code for answer in answers] == [200] * _MOST
        assert (await clients[0].http.get("/v1/me/export")).status_code == 200


@pytest.mark.usefixtures("nothing")
async def test_who_is_erased_meanwhile_gets_no_more_of_it(gateway: Running, behind: Backend) -> None:
    person = new_id()
    counted = 0

    async def on_and_on(query: HeldQuery) -> HeldPage:
        nonlocal counted
        counted += 1
        return HeldPage(records=(record("spaces", n=counted),), next=str(counted))

    behind.on(OfRoom, on_and_on)
    async with gateway.client(person) as client:
        async with client.http.stream("GET", "/v1/me/export") as answer:
            assert answer.status_code == 200
            await behind.emit(people.Erased(person_id=person, version=9, at=AT))
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()
        assert reason(await client.http.get("/v1/me/export")) == (401, "unauthenticated")


@pytest.mark.usefixtures("nothing")
async def test_a_person_may_have_three_an_hour_and_asking_whether_counts_for_nothing(gateway: Running) -> None:
    async with gateway.client(new_id()) as client, gateway.client(new_id()) as other:
        for left in (2, 1, 0):
            assert (await client.http.head("/v1/me/export")).status_code == 200
            answer = await client.http.get("/v1/me/export")
            assert f'"exports";r={left}' in answer.headers["ratelimit"]
        assert reason(await client.http.get("/v1/me/export")) == (429, "too_many_requests")
        assert (await client.http.head("/v1/me/export")).status_code == 429
        assert (await other.http.get("/v1/me/export")).status_code == 200


@pytest.mark.usefixtures("nothing")
async def test_a_link_downloads_it_for_whoever_is_suspended_too_and_nobody_else_has_it(
    gateway: Running, behind: Backend
) -> None:
    person = new_id()
    await behind.emit(people.Suspended(person_id=person, version=2, at=AT, reason="abuse"))
    async with gateway.client(person) as client, gateway.client() as nobody:

        async def suspended() -> bool:
            return (await client.http.get("/v1/me/reminders")).status_code == 403

        await eventually(suspended)
        made = await client.http.post("/v1/links", json={"address": "/v1/me/export"})
        assert made.status_code == 201, made.text
        answer = await nobody.http.get(made.json()["url"])
        assert json.loads(opened(answer)["about.json"])["person_id"] == person
        assert reason(await nobody.http.get("/v1/me/export")) == (401, "unauthenticated")
        assert reason(await nobody.http.get(made.json()["url"][:-1])) == (401, "unauthenticated")


@pytest.mark.usefixtures("nothing")
async def test_operators_have_it_of_anybody_and_the_log_says_so(gateway: Running, behind: Backend) -> None:
    async def noted(command: people.NoteExport) -> Nothing:
        return Nothing()

    behind.on(people.NoteExport, noted)
    operator, person = new_id(), new_id()
    at = f"/v1/ops/people/{person}/export"
    async with gateway.client(operator, operator=True) as client, gateway.client(person) as somebody:
        assert (await client.http.head(at)).status_code == 200
        assert not behind.asked["note_export"], "nobody has had it yet"
        answer = await client.http.get(at)
        assert json.loads(opened(answer)["about.json"])["person_id"] == person
        (note,) = behind.asked["note_export"]
        assert isinstance(note, people.NoteExport)
        assert (note.actor, note.operator, note.person_id) == (operator, True, person)
        assert reason(await somebody.http.get(at)) == (403, "not_allowed")
