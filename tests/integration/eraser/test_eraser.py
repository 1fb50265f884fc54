"""What tells of erased people by name is deleted from the streams, in NATS's files too, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import nats
import nats.errors
from nats.js import JetStreamContext

from contracts import subjects
from contracts.people import v1 as people
from infra.eraser.notes import Notes
from infra.eraser.overwriting import overwrite_noted
from infra.launcher import System
from infra.nats.server import ADMIN
from libs.bus import Bus, BusSettings, connect
from libs.bus.dead_letters import bury, read_letters
from libs.bus.origin import mark
from libs.ids import new_id
from libs.relay import COUNT, RelayReport
from tests.support.at_rest import contents
from tests.support.command import rostrum
from tests.support.nats import NatsServer, running_nats
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually

NAME, HANDLE = "Needle Grüße", "needle_ann"
MANY = 1500
"""Events that name somebody: they are not deleted before a test has seen that it has begun."""


@asynccontextmanager
async def jetstream(system: System) -> AsyncIterator[JetStreamContext]:
    user, password = system.credentials(ADMIN)
    client = await nats.connect(system.nats_url, user=user, password=password)
    try:
        yield client.jetstream(prefix=system.nats_api(), timeout=LIMIT)
    finally:
        await client.close()


async def naming(js: JetStreamContext, person: str) -> int:
    """How many events there are that name somebody."""
    wanted = f"rostrum.people.v1.{person}.*"
    while True:
        try:
            info = await js.stream_info(subjects.EVENTS_STREAM, subjects_filter=wanted)
            break
        except nats.errors.TimeoutError:
            continue  # this process stands still while it starts the one that services are forked from
    found = info.state.subjects or {}
    return sum(
        count for subject, count in found.items() if subject.rpartition(".")[2] in ("registered", "profile_changed")
    )


async def letters(js: JetStreamContext) -> list[str]:
    return [letter.origin.split(".")[3] async for letter in read_letters(js)]


async def owed(js: JetStreamContext) -> int | None:
    """How many events people's relay says that the stream should have."""
    reply = await js._nc.request(subjects.relay_check("people"), COUNT, timeout=LIMIT, headers=mark("launcher"))
    return RelayReport.decode(reply.data).owed


def on_disk(folder: Path, needle: str) -> list[str]:
    return [path.name for path, held in contents(folder) if needle.encode() in held]


def in_both(folder: Path, needle: str) -> bool:
    """Whether it stands in the files of both streams."""
    return len(on_disk(folder, needle)) >= 2


def nowhere(folder: Path, needle: str) -> bool:
    return not on_disk(folder, needle)


async def give_up(system: System, js: JetStreamContext, person: str) -> None:
    """Somebody's sign-up becomes the letter of a consumer that could not handle it."""
    subject = subjects.event("people", person, "registered")
    message = await js.get_msg(subjects.EVENTS_STREAM, seq=1, subject=subject, next=True)
    user, password = system.credentials("analytics")
    async with await connect("analytics", BusSettings(system.nats_url, user, password)) as bus:
        await bury(
            bus, "analytics-people", subjects.EVENTS_STREAM, message.seq or 0, datetime.now(UTC), subject,
            dict(message.headers or {}), message.data or b"", "it was odd",
        )  # fmt: skip


async def test_nothing_in_the_streams_tells_what_somebody_was_called_who_is_erased(tmp_path: Path) -> None:
    async with (
        System(tmp_path, gateway_port=0, services=("people", "gateway")) as system,
        httpx.AsyncClient(base_url=system.url) as http,
        jetstream(system) as js,
    ):

        async def sign_up(handle: str, name: str) -> tuple[str, dict[str, str]]:
            made = (await http.post("/v1/people", json={"handle": handle, "name": name})).json()
            return made["person"]["id"], {"authorization": f"Bearer {made['token']}"}

        (ann, as_ann), (bob, as_bob) = await sign_up(HANDLE, NAME), await sign_up("bob", "Bob Needle")
        assert (await http.patch("/v1/me", json={"name": f"{NAME} 2"}, headers=as_ann)).status_code == 200
        for person in (ann, bob):

            async def told(person: str = person) -> bool:
                return await naming(js, person) > 0

            await eventually(told)
            await give_up(system, js, person)
        for needle in (HANDLE, NAME):  # in both streams: it is looked for where it is
            await eventually(partial(in_both, tmp_path / "nats", needle))

        refused = await http.request("DELETE", "/v1/me", json={"confirmation": "bob"}, headers=as_ann)
        assert (refused.status_code, refused.json()["reason"]) == (422, "invalid")
        refused = await http.request("DELETE", f"/v1/ops/people/{ann}", json={"confirmation": ann}, headers=as_bob)
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_allowed")
        done = await http.request("DELETE", "/v1/me", json={"confirmation": f"@{HANDLE}"}, headers=as_ann)
        assert done.status_code == 202, done.text

        async def signed_out() -> bool:
            answer = await http.get("/v1/me", headers=as_ann)
            return (answer.status_code, answer.json().get("detail")) == (401, "This account was deleted.")

        await eventually(signed_out)

        async def deleted() -> bool:
            return await naming(js, ann) == 0 and ann not in await letters(js)

        await eventually(deleted)
        for needle in (NAME, HANDLE):
            await eventually(partial(nowhere, tmp_path / "nats", needle))
        assert await naming(js, bob) == 1
        assert await letters(js) == [bob]

        # For `rostrum rebuild` nothing is missing now, and nothing comes back by it.
        async def settled() -> bool:
            return await owed(js) == await naming(js, bob) + len(("tokens_revoked", "erased", "forgotten"))

        await eventually(settled)  # the keys are destroyed after the names are deleted
        said = await rostrum("rebuild", "--anew", "--var", str(tmp_path), "--json")
        assert json.loads(said.out)["stream"].startswith("the stream held")
        assert await naming(js, ann) == 0
        assert await naming(js, bob) == 1
        assert not on_disk(tmp_path / "nats", NAME)

        # Everything again, with the eraser and NATS killed meanwhile.
        system.kill("eraser")
        done = await http.request("DELETE", "/v1/me", json={"confirmation": "bob"}, headers=as_bob)
        assert done.status_code == 202, done.text
        system.kill("nats")
        await system.ready("nats")
        await system.ready("eraser")

        async def bob_is_gone() -> bool:
            try:
                return await naming(js, bob) == 0 and await letters(js) == []
            except nats.errors.Error:  # this client connects anew too
                return False

        await eventually(bob_is_gone)
        await eventually(partial(nowhere, tmp_path / "nats", "Bob Needle"))


@asynccontextmanager
async def a_stream(server: NatsServer, person: str) -> AsyncIterator[tuple[Bus, JetStreamContext]]:
    """As it is when somebody is erased who was called many things; and somebody patient to ask about it, for NATS is
    busy."""
    async with await connect("test", BusSettings(url=server.url)) as bus:
        await call_names(bus, person)
        await bus.publish_event(people.Erased(person_id=person, version=MANY + 2, at=datetime.now(UTC)))
        yield bus, bus.nc.jetstream(timeout=LIMIT)


async def call_names(bus: Bus, person: str) -> None:
    at = datetime.now(UTC)
    for number in range(MANY):
        await bus.publish_event(
            people.ProfileChanged(person_id=person, version=number + 2, at=at, handle=HANDLE, display_name=NAME)
        )


async def killed_when_fewer(eraser: ServiceProcess, js: JetStreamContext, person: str) -> bool:
    """Start it, and kill it once it has deleted something; whether it had not deleted everything by then."""
    before = await naming(js, person)

    async def fewer() -> bool:
        return await naming(js, person) < before

    starting = asyncio.create_task(eraser.start())
    await eventually(fewer)
    starting.cancel()  # it is killed with that
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    return await naming(js, person) > 0


async def test_killed_in_the_middle_it_goes_on_when_it_is_started_again() -> None:
    person = new_id()
    with running_nats() as server, contextlib.closing(ServiceProcess("eraser", server.env)) as eraser:
        async with a_stream(server, person) as (bus, js):
            in_the_middle = 0
            for _ in range(6):
                if await killed_when_fewer(eraser, js, person):
                    in_the_middle += 1
                else:  # it was quicker than this process, on a busy machine
                    await call_names(bus, person)
                if in_the_middle == 3:
                    break
            assert in_the_middle == 3
            await eraser.start()  # ready when everybody is done who was erased before
            assert await naming(js, person) == 0
            await eventually(partial(nowhere, server.directory / "jetstream", NAME))


async def test_nats_may_be_killed_while_it_deletes() -> None:
    person = new_id()
    with running_nats() as server, contextlib.closing(ServiceProcess("eraser", server.env)) as eraser:
        async with a_stream(server, person) as (_, js):

            async def fewer() -> bool:
                return await naming(js, person) < MANY

            starting = asyncio.create_task(eraser.start())
            await eventually(fewer)
            server.kill()
            overwrite_noted(server.directory / "jetstream", Notes(server.directory / "var"))  # as the launcher does
            server.start()
            await starting
        async with await connect("test", BusSettings(url=server.url)) as again:
            assert await naming(again.js, person) == 0
        await eventually(partial(nowhere, server.directory / "jetstream", NAME))
