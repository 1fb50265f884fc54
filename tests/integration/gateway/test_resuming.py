"""Many clients that come back at once are told what they missed, at the first try."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from contracts import subjects
from contracts.presence.v1 import Counted, Reacted
from contracts.room import v1 as room
from contracts.tipping.v1 import TipOffered
from libs.bus import Bus
from libs.ids import new_id
from services.gateway.app.recent import STEP
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Way
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer, settled

CLIENTS: Final = 300
MISSED: Final = 300
MOST_CPU: Final = 5.0
"""Seconds of computing until the last of them has all, the clients' included; it takes about 1.3. Not by the clock,
which tells more of what else the machine does."""
PATIENT: Final[dict[str, Any]] = {"ask_seconds": 30, "head_seconds": 60}
"""Clients, gateway and room share one loop here: on a busy machine it takes long until the last one has an answer."""
_ID: Final = re.compile(rb"^id: [0-9a-z]+-(\d+)$", re.MULTILINE)


async def come_back(base: str, space_id: str, last_id: str, last: int) -> list[int]:
    """The sequences that one connection is told, up to the last that was missed."""
    where = urlsplit(base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        head = f"GET /v1/spaces/{space_id}/events HTTP/1.1", f"Host: {where.netloc}", f"Last-Event-ID: {last_id}"
        writer.write("\r\n".join((*head, "", "")).encode())
        told: list[int] = []
        rest = b""
        while not told or told[-1] < last:
            more = await reader.read(65536)
            assert more, f"closed after {len(told)}"
            whole, newline, rest = (rest + more).rpartition(b"\n")
            told += [int(sequence) for sequence in _ID.findall(whole + newline)]
        return told
    finally:
        writer.close()


async def happen(behind: Backend, space: room.Space, count: int) -> list[int]:
    """Sequences of events of a Space, with others between them."""
    other = new_id()
    at = datetime.now(UTC)
    sent = []
    for number in range(0, count, 100):
        here = [Reacted(space_id=space.id, at=at, counts={"heart": 1}, window_ms=250) for _ in range(100)]
        elsewhere = [Counted(space_id=other, at=at, listeners=1, on_stage=0) for _ in range(100)]
        both = [event for pair in zip(here, elsewhere, strict=True) for event in pair]
        first = await behind.bus.last_sequence() + 1
        await behind.bus.publish_events([(event, new_id()) for event in both])
        sent += list(range(first, first + 200, 2))
        assert len(sent) == number + 100
    return sent


@asynccontextmanager
async def reads(bus: Bus, space_id: str) -> AsyncIterator[list[str]]:
    """What is read of the stream for clients of a Space."""
    asked: list[str] = []

    async def listen(msg: object) -> None:
        request = json.loads(msg.data)  # type: ignore[attr-defined]
        if space_id in request.get("next_by_subj", ""):
            asked.append(request)

    subscription = await bus.nc.subscribe(f"$JS.API.DIRECT.GET.{subjects.EVENTS_STREAM}", cb=listen)
    await settled(bus.nc)
    yield asked
    await settled(bus.nc)
    await subscription.unsubscribe()


@pytest.mark.parametrize("restarted", [False, True])
async def test_three_hundred_clients_that_missed_three_hundred_events_have_them_at_the_first_try(
    nats: NatsServer, behind: Backend, tmp_path: Path, restarted: bool
) -> None:
    """Out of memory; and where the gateway is another one, read once for all of them."""
    space = behind.add(a_person("Host"))
    async with running_gateway(nats.url, tmp_path, **PATIENT) as gateway, gateway.client() as client:
        async with client.follow(Way.SENT, space.id) as events:
            last_id = (await events.next()).id
        missed = await happen(behind, space, MISSED)
        async with client.follow(Way.SENT, space.id, last_id) as events:
            while (await events.next()).sequence < missed[-1]:
                pass  # the gateway has them all
        if not restarted:
            await back_at_once(gateway, behind, space, last_id, missed, most_reads=0)
    if restarted:
        async with running_gateway(nats.url, tmp_path, **PATIENT) as gateway:
            await back_at_once(gateway, behind, space, last_id, missed, most_reads=2)


async def back_at_once(
    gateway: Running, behind: Backend, space: room.Space, last_id: str, missed: list[int], most_reads: int
) -> None:
    async with reads(behind.bus, space.id) as asked:
        began, began_computing = monotonic(), process_time()
        told = await asyncio.gather(*(come_back(gateway.base, space.id, last_id, missed[-1]) for _ in range(CLIENTS)))
        took, computing = monotonic() - began, process_time() - began_computing
    print(f"{CLIENTS} clients had {MISSED} events each after {took:.2f} s, {computing:.2f} s of computing")
    assert all(one == missed for one in told)
    assert computing < MOST_CPU
    assert len(asked) <= most_reads


async def test_what_lies_far_back_and_near_comes_in_order_and_once(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    """Over all the seams: what is read alone, in parts, and out of memory that holds little; from every place."""
    host = a_person("Host")
    space = behind.add(host)
    epoch = await behind.bus.stream_epoch()
    async with running_gateway(nats.url, tmp_path, recent_events=0) as gateway, gateway.client() as client:
        async with client.follow(Way.SENT, space.id) as events:
            await events.next()
            missed = await happen(behind, space, 3 * STEP // 2 // 100 * 100)
            while (await events.next()).sequence < missed[-1]:
                pass
        for after in (0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP, missed[-2]):
            told = await come_back(gateway.base, space.id, f"{epoch}-{after}", missed[-1])
            assert told == [sequence for sequence in missed if sequence > after]


async def test_a_payer_hears_of_their_tip_wherever_it_is_read(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    host, payer, other = a_person("Host"), a_person("Payer"), a_person("Other")
    space = behind.add(host)
    tip = TipOffered(
        person_id=host.id, version=1, at=datetime.now(UTC), tip_id=new_id(), space_id=space.id, payer=payer,
        provider="paypal", amount_minor=500, currency="EUR",
    )  # fmt: skip
    expected = {payer: ["tipping.tip_offered", "room.muted"], other: ["room.muted"]}

    async def hear(gateway: Running, last_id: str) -> None:
        for person, told in expected.items():
            async with gateway.client(person.id) as client, client.follow(Way.SENT, space.id, last_id) as events:
                assert [one.event for one in await events.until("room.muted")] == told

    async with running_gateway(nats.url, tmp_path) as gateway:
        async with gateway.client() as client, client.follow(Way.SENT, space.id) as events:
            last_id = (await events.next()).id
            await behind.emit(tip)
            await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
            await events.until("room.muted")
        await hear(gateway, last_id)
    async with running_gateway(nats.url, tmp_path) as gateway:
        await hear(gateway, last_id)
