"""What breaks the rules of NATS's protocol, and NATS passes on all the same, stops nobody who hears it."""

import asyncio
from collections.abc import Sequence

import pytest
from nats.aio.msg import Msg

from contracts import subjects
from libs.bus import Bus, Raw
from libs.bus.origin import mark
from libs.ids import new_id
from tests.support.nats import NatsServer, settled
from tests.support.waiting import LIMIT, eventually

STORED = [b"NATS/1.0 \xff\r\n\r\n", b"NATS/1.0 200 \xff\r\n\r\n", b"NATS/1.0", b"\r\n"]
HEADERS = [*STORED, b"NATS/1.0 200 \xff\r\nfrom: x\r\n\r\n", b"x"]


async def publish(nats: NatsServer, subject: bytes, headers: bytes, body: bytes, reply: bytes = b"") -> None:
    """Publish whatever bytes these are, which no client would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", nats.port)
    try:
        writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
        sizes = b"%d %d" % (len(headers), len(headers) + len(body))
        writer.write(b" ".join([b"HPUB", subject, *([reply] if reply else []), sizes]) + b"\r\n")
        writer.write(headers + body + b"\r\nPING\r\n")
        async with asyncio.timeout(LIMIT):
            while (line := await reader.readline()) != b"PONG\r\n":
                assert line.startswith((b"INFO", b"PING")), line
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("headers", HEADERS)
async def test_headers_that_cannot_be_read_end_no_connection(nats: NatsServer, bus: Bus, headers: bytes) -> None:
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    await bus.listen("lies", heard.put)
    await settled(bus.nc)
    await publish(nats, b"lies", headers, b"a lie")
    await bus.say("lies", b"true")
    async with asyncio.timeout(LIMIT / 9):
        assert (await heard.get()).data == b"true"


async def test_a_subject_or_reply_that_is_no_text_ends_no_connection(nats: NatsServer, bus: Bus) -> None:
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    await bus.listen("lies.>", heard.put)
    await settled(bus.nc)
    await publish(nats, b"lies.\xff", b"NATS/1.0\r\nfrom: x\r\n\r\n", b"strange", b"_INBOX.\xff")
    await bus.say("lies.true", b"true")
    async with asyncio.timeout(LIMIT / 9):
        assert [(await heard.get()).data, (await heard.get()).data] == [b"strange", b"true"]


@pytest.mark.parametrize("headers", STORED)
async def test_what_was_stored_with_such_headers_stops_no_consumer(nats: NatsServer, bus: Bus, headers: bytes) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle(batch: Sequence[Raw]) -> None:
        for one in batch:
            heard.put_nowait(one.data)

    subject = subjects.event("presence", new_id(), "counted")
    async with bus.consume_raw("people-a", handle, stream="EVENTS", filters=[subjects.events_of("presence")]):
        await publish(nats, subject.encode(), headers, b"a lie")
        await bus.js.publish(subject, b"true", headers=mark("people"), timeout=LIMIT)
        async with asyncio.timeout(LIMIT):
            assert await heard.get() == b"true"

        async def acknowledged() -> bool:
            info = await bus.js.consumer_info("EVENTS", "people-a")
            return info.num_ack_pending == 0 and info.delivered is not None and info.delivered.consumer_seq == 2

        await eventually(acknowledged)
