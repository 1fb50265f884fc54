"""NATS that stands still is told from NATS that is well, and from a connection that broke."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from libs.aio import end
from libs.bus import Bus, BusSettings, Pulse, connect
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import LIMIT, eventually, standstill

EVERY = 0.05


@dataclass
class Pulsing:
    """A pulse that is felt."""

    server: NatsServer
    bus: Bus
    pulse: Pulse
    silences: list[float] = field(default_factory=list)


@pytest.fixture
async def pulsing() -> AsyncIterator[Pulsing]:
    with running_nats() as server:
        async with await connect("room", BusSettings(url=server.url)) as bus:
            silences: list[float] = []
            pulse = Pulse(bus, EVERY, on_answer=lambda _, silence: silences.append(silence))
            task = asyncio.create_task(pulse.run())
            await eventually(lambda: len(silences) > 3)
            yield Pulsing(server, bus, pulse, silences)
            await end(task)


async def echoes(bus: Bus) -> bool:
    """Whether the connection carries something both ways, before two pings of nats-py's own are missed: 10 to 15 s."""

    async def answer(msg: object) -> None:
        heard.set()

    heard = asyncio.Event()
    subscription = await bus.listen("_INBOX.echo", answer)
    await bus.say("_INBOX.echo", b"")
    try:
        async with standstill() as stood:
            asked = time.monotonic()
            async with asyncio.timeout(LIMIT):
                await heard.wait()
            return time.monotonic() - asked < 8 + stood()
    except TimeoutError:
        return False
    finally:
        await subscription.unsubscribe()


async def test_nats_that_stands_still_owes_an_answer_and_is_heard_at_once_when_it_goes_on(pulsing: Pulsing) -> None:
    pulsing.server.pause()
    await eventually(lambda: pulsing.pulse.owed > 2)
    assert pulsing.bus.is_connected
    assert pulsing.pulse.silence > 2
    async with standstill() as stood:
        pulsing.server.resume()
        resumed = time.monotonic()
        await eventually(lambda: max(pulsing.silences) > 2)
        assert time.monotonic() - resumed < 3 + stood()
    assert await echoes(pulsing.bus), "the answer that came late has broken nothing"
    known = len(pulsing.silences)
    await eventually(lambda: len(pulsing.silences) > known + 3)


async def test_a_broken_connection_owes_an_answer_until_there_is_another(pulsing: Pulsing) -> None:
    pulsing.server.kill()
    await eventually(lambda: pulsing.pulse.owed > 0.5)
    pulsing.server.start()
    await eventually(lambda: max(pulsing.silences) > 0.5)
    known = len(pulsing.silences)
    await eventually(lambda: len(pulsing.silences) > known + 3)
    assert await echoes(pulsing.bus)


async def test_a_pulse_that_ends_while_it_waits_breaks_nothing(pulsing: Pulsing) -> None:
    pulse = Pulse(pulsing.bus, EVERY)
    task = asyncio.create_task(pulse.run())
    pulsing.server.pause()
    await eventually(lambda: pulse.owed > 0.2)
    await end(task)
    pulsing.server.resume()
    await eventually(lambda: max(pulsing.silences) > 0.2)
    assert await echoes(pulsing.bus)
