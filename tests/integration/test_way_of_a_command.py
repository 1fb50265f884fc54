"""The way of one command, as ARCHITECTURE.md describes it: which files of the services a mute runs through.

Room and gateway run in this process on a real NATS. Every call is looked at; those that belong to the mute's trace, and
those that its relay makes, are on its way.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.room import v1
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.service import running
from libs.telemetry import trace_id
from services.room.main import compose
from services.room.settings import Settings
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.room.conftest import Guests
from tests.support.keys import keys_at
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = f"{ROOT}/services/"
RELAY: Final = f"{ROOT}/libs/relay/"
MOST: Final = 12
DECLARES: Final = {"services/room/domain/space.py", "services/room/domain/facts.py"}
"""On the way without calls of their own: they declare the aggregate and the fact."""
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("gateway", BusSettings(url=nats.url)) as bus:
        yield bus


@pytest.fixture
async def gateway(nats: NatsServer, tmp_path: Path) -> AsyncIterator[Running]:
    settings = Settings.read({**nats.env, "ROSTRUM_ROOM_PERSON_WAIT": "5"})
    async with (
        keys_at(nats.url),
        running(settings, compose) as room,
        running_gateway(nats.url, tmp_path, partitions=settings.partitions) as gateway,
    ):
        await eventually(lambda: not room.missing())
        yield gateway


@contextmanager
def watched() -> Iterator[set[str]]:
    """The files under services/ in which something runs on behalf of the trace, or of a relay."""
    found: set[str] = set()

    def relayed(frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code.co_filename.startswith(RELAY):
                return True
            frame = frame.f_back
        return False

    def look(frame: FrameType, what: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if what == "call" and name.startswith(SERVICES) and (trace_id() == TRACE or relayed(frame.f_back)):
            found.add(name.removeprefix(f"{ROOT}/"))

    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)


def written() -> list[str]:
    """The files that ARCHITECTURE.md lists as the way of a mute."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text[text.index("## The way of one command") :]
    section = section[: section.index("\n## ", 3)]
    return list(dict.fromkeys(re.findall(r"^\| `(services/[\w/]+\.py)` \|", section, re.MULTILINE)))


async def _told(bus: Bus, subject: str) -> bool:
    try:
        await bus.js.get_last_msg(subjects.EVENTS_STREAM, subject)
    except NotFoundError:
        return False
    return True


async def test_a_mute_takes_the_way_that_is_written_down(gateway: Running, bus: Bus) -> None:
    guests = Guests(bus)
    await guests.sign_up("host", "ann")
    await guests.create()
    await guests.speaker("ann")
    ann = guests.ids["ann"]
    await guests.order(v1.Unmute(command_id=new_id(), actor=ann, space_id=guests.space, person_id=ann))
    mute = f"/v1/spaces/{guests.space}/stage/{ann}/mute"
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00", "idempotency-key": new_id()}
    async with gateway.client(guests.ids["host"]) as host:
        with watched() as found:
            answer = await host.http.post(mute, headers=headers)
            assert answer.status_code == 200, answer.text
            subject = subjects.event(v1.Muted.context, guests.space, v1.Muted.name)
            await eventually(lambda: _told(bus, subject))
    way = sorted(found | DECLARES)
    assert way == sorted(written())
    assert len(way) <= MOST
