"""Clients that got in and then send what no client sends: whatever it is, nobody else notices anything."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest
from aioice import stun

from contracts.media import v1
from contracts.room import v1 as spaces
from libs.ids import new_id
from tests.integration.media.stage import Stage, person
from tests.integration.media.test_space import counted
from tests.support.raw_client import RawClient, raw_client
from tests.support.waiting import LIMIT, eventually
from tests.support.webrtc import dtls_client_hello, ear, opus_tone, speaker

ADA, EVE = person("Ada"), person("Eve")
BEFORE, AFTER, OWN = opus_tone(400, 0.4), opus_tone(700, 0.4), opus_tone(1000, 0.4)
PAYLOAD_TYPE: Final = 96
"""What a raw client offers for Opus."""


@asynccontextmanager
async def undisturbed(stage: Stage, space: spaces.Space) -> AsyncIterator[set[bytes]]:
    """Ada speaks before and after what happens inside, and is heard; gives what else was heard, once it is over."""
    strange: set[bytes] = set()
    async with ear(stage.whep(space)) as listener, speaker(stage.whip(space, ADA), BEFORE) as ada:
        await listener.until(lambda listener: listener.payloads() >= Counter(BEFORE))
        yield strange
        ada.track.say(AFTER)
        await listener.until(lambda listener: listener.payloads() >= Counter(AFTER))
        assert ada.pc.connectionState == listener.pc.connectionState == "connected"
        strange |= {payload for payload in listener.payloads() if len(payload) > 1} - set(BEFORE) - set(AFTER)


async def taken(before: int, sent: int) -> None:
    """Waits until the forwarder has taken so many datagrams more."""
    await eventually(lambda: counted("received") >= before + sent)


# ---- STUN -----------------------------------------------------------------------------------------------------------


def checks(user: str, key: bytes) -> list[bytes]:
    """Connectivity checks that are wrong in one way each, most of them made with the right key."""

    def check(change: Callable[[stun.Message], None] | None = None, key: bytes | None = key) -> bytes:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes |= {"USERNAME": user, "PRIORITY": 1, "ICE-CONTROLLING": 7}
        if change is not None:
            change(message)
        if key is not None:
            message.add_message_integrity(key)
        return bytes(message)

    def whose(name: str) -> Callable[[stun.Message], None]:
        return lambda message: message.attributes.update(USERNAME=name)

    good = check()
    integrity_at = good.index(b"\x00\x08\x00\x14")
    attribute = b"\x00\x24\xff\xff"
    return [
        check(key=b"another"),
        check(key=None),
        check(whose("")),
        check(whose(":")),
        check(whose(user[::-1])),
        check(whose("x" * 700)),
        check(whose("\N{ZERO WIDTH SPACE}" + user)),
        good[:integrity_at],
        good[:-1],
        good + b"\0\0\0\0",
        good[:2] + b"\xff\xfc" + good[4:],
        good[:2] + struct.pack("!H", len(good) - 20 + 4) + good[4:] + attribute,
        good[:-4] + b"\0\0\0\0",  # FINGERPRINT
        good[: integrity_at + 4] + bytes(20) + good[integrity_at + 24 :],
        b"\x01\x01" + good[2:],  # as a success response
        b"\x01\x11" + good[2:],  # as an error response
        b"\x00\x11" + good[2:],  # as an indication
        b"\x00\x03" + good[2:],  # ALLOCATE of TURN
        good[:4] + b"\0\0\0\0" + good[8:],  # without the magic cookie
        b"\x00\x01\x05\x78" + good[4:20] + 350 * b"\x7f\xff\x00\x00",  # strange attributes alone
        *[check()[:length] for length in range(1, 24)],
    ]


async def test_checks_that_are_wrong_are_not_answered_and_change_nothing(stage: Stage) -> None:
    space = stage.room.live(ADA, EVE)
    async with (
        undisturbed(stage, space) as strange,
        raw_client("sendonly", stage.whip(space, EVE)) as eve,
        stranger(eve) as other,
    ):
        wrong = checks(*eve.check_as)
        before, moved = counted("received"), counted("moved")
        for datagram in wrong:
            other.send(datagram)
        await taken(before, len(wrong))
        await eve.send(*wrong)  # also from where the right ones come
        await taken(before, 2 * len(wrong))
        assert counted("moved") == moved
        await answered(eve, other)  # the first answer there is, to the first check that is right
    assert not strange


@asynccontextmanager
async def stranger(client: RawClient) -> AsyncIterator[socket.socket]:
    """A socket at another port that sends where the client does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        other.connect(client.server)
        yield other


async def answered(client: RawClient, other: socket.socket, priority: int = 1, *, nominates: bool = False) -> None:
    """Sends a right check from there; the next datagram that arrives must be its answer."""
    user, key = client.check_as
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes |= {"USERNAME": user, "PRIORITY": priority, "ICE-CONTROLLING": 7}
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(key)
    other.send(bytes(message))
    async with asyncio.timeout(LIMIT):
        answer = stun.parse_message(await asyncio.get_running_loop().sock_recv(other, 1500))
    assert (answer.message_class, answer.transaction_id) == (stun.Class.RESPONSE, message.transaction_id)


async def test_right_checks_from_many_addresses_take_nothing_from_where_the_client_is(stage: Stage) -> None:
    """One that got in, or who copied its check on the way, nominates address after address and answers no check."""
    space = stage.room.live(ADA)
    async with raw_client("recvonly", stage.whep(space)) as eve:
        async with undisturbed(stage, space):
            for number in range(64):
                async with stranger(eve) as other:
                    await answered(eve, other, priority=2**31 + number, nominates=True)
        await eventually(lambda: Counter(eve.heard) >= Counter(AFTER))


# ---- DTLS -----------------------------------------------------------------------------------------------------------


def record(kind: int, body: bytes, epoch: int = 0, number: int = 0, length: int | None = None) -> bytes:
    """A record of DTLS 1.2 (RFC 6347, section 4.1)."""
    head = struct.pack("!BHHHI", kind, 0xFEFD, epoch, 0, number)
    return head + struct.pack("!H", len(body) if length is None else length) + body


def handshake(kind: int, body: bytes, length: int, at: int = 0) -> bytes:
    """A fragment of a handshake message."""
    part = length.to_bytes(3, "big"), at.to_bytes(3, "big"), len(body).to_bytes(3, "big")
    return record(22, bytes([kind]) + part[0] + b"\0\0" + part[1] + part[2] + body)


HARMLESS: Final = [
    record(22, b"x" * 20, length=16_000),
    record(22, b"x" * 20, length=0xFFFF),
    record(20, b"\x01", epoch=7),
    record(21, b"\x02\x28", epoch=1, number=9),
    record(23, os.urandom(900), epoch=1, number=10),
    record(22, os.urandom(900), epoch=0xFFFF, number=0xFFFF_FFFF),
    b"\x16\xfe\xfd" + bytes(9),
    b"\x16",
    b"\x14" * 1200,
    b"\x16\xfe\xfd" + b"\xff" * 1300,
    b"\x17" + os.urandom(1400),
]
"""What a connection, or a handshake that is not over, must outlive: RFC 6347, section 4.1.2.7."""
FATAL: Final = {
    "nothing": record(22, b""),
    "the beginning of a message": record(22, b"\x01"),
    "data": record(23, b"application data"),
    "a heartbeat that asks for more than it brings": record(24, b"\x01\x40\x00" + bytes(16)),
    "records of no kind": 60 * record(63, b"of no kind"),
    "an alert": record(21, b"\x02\x28"),
    "a goodbye": record(21, b"\x01\x00"),
    "a message that is too long": handshake(1, bytes(100), 0xFF_FFFF),
    "overlapping fragments": handshake(1, bytes(100), 200) + handshake(1, bytes(150), 200, at=40),
    "fragments beyond the end": handshake(1, bytes(100), 120, at=100),
    "a message of no kind": handshake(99, bytes(40), 40),
    "a hello of nothing": handshake(1, b"", 0),
    "a hello that lies about its length": handshake(1, b"\xfe\xfd" + bytes(32) + b"\xff" * 20, 54),
    "the end before the beginning": record(20, b"\x01") + record(22, os.urandom(60), epoch=1),
}
"""What may end a handshake that is not over, and nothing else."""


async def test_records_that_are_none_end_no_connection(stage: Stage) -> None:
    space = stage.room.live(ADA, EVE)
    async with (
        undisturbed(stage, space) as strange,
        raw_client("sendonly", stage.whip(space, EVE), say=OWN) as eve,
    ):
        before = counted("accepted")
        everything = [*HARMLESS, *FATAL.values(), dtls_client_hello()]
        for _ in range(40):  # more than may wait of one session
            await eve.send(*everything)
        await eventually(lambda: counted("accepted") > before + 50)
        assert not eve.ended.is_set()
    assert strange == set(OWN)
    assert [gone.reason for gone in stage.facts.of(v1.Disconnected) if gone.person_id == EVE.id][1:] == []


class Meddling(RawClient):
    """Says something else before each flight of its handshake."""

    def __init__(self, *said: bytes) -> None:
        super().__init__("recvonly")
        self._said = said

    async def _flush(self) -> None:
        await self.send(*self._said)
        await super()._flush()


async def test_a_handshake_outlives_records_that_are_none(stage: Stage) -> None:
    space = stage.room.live(ADA)
    async with undisturbed(stage, space):
        eve = Meddling(*HARMLESS)
        try:
            await eve.connect(stage.whep(space))
        finally:
            await eve.close()


@pytest.mark.parametrize("said", FATAL.values(), ids=FATAL.keys())
async def test_a_broken_handshake_breaks_alone(stage: Stage, said: bytes) -> None:
    space, session_id = stage.room.live(ADA), new_id()
    eve = Meddling(said)
    async with undisturbed(stage, space):
        attempt = asyncio.create_task(eve.connect(stage.whep(space, session_id=session_id)))
        over = asyncio.create_task(stage.facts.until(v1.Disconnected, lambda e: e.session_id == session_id))
        up = asyncio.create_task(stage.facts.until(v1.Connected, lambda e: e.session_id == session_id))
        try:
            await asyncio.wait({over, up}, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
            assert over.done() or up.done(), "a handshake goes on for ever"
        finally:
            for task in (attempt, over, up):
                task.cancel()
            await asyncio.gather(attempt, over, up, return_exceptions=True)
            await eve.close()


# ---- RTP and RTCP ---------------------------------------------------------------------------------------------------


def rtp(number: int, payload: bytes, ssrc: int = 7, first: int = 0x80, kind: int = PAYLOAD_TYPE) -> bytes:
    """An RTP packet (RFC 3550, section 5.1)."""
    return struct.pack("!BBHII", first, kind, number & 0xFFFF, number * 960 & 0xFFFF_FFFF, ssrc) + payload


def odd_packets(number: int) -> list[bytes]:
    """Packets that a client with keys can seal, none of which carries a frame of Opus as it was agreed to."""
    return [
        rtp(number, b"\xff" * 40, first=0xA0),  # padding longer than all of it
        rtp(number + 1, b"\x00" * 40, first=0xA0),  # padding of no length
        rtp(number + 2, b"other", kind=0),
        rtp(number + 3, b"other", kind=127),
        rtp(number + 4, b""),
        rtp(number + 5, b"\xbe\xde\x00\x01\xff\xff\xff\xff" + b"z" * 3, first=0x90, kind=13),
        rtp(number + 6, b"\x10\x00\x00\x02" + b"\x01\xff" * 4, first=0x90),
    ]


async def test_packets_of_every_shape_from_who_may_speak_reach_nobody(stage: Stage) -> None:
    space = stage.room.live(ADA, EVE)
    async with (
        undisturbed(stage, space) as strange,
        raw_client("sendonly", stage.whip(space, EVE)) as eve,
    ):
        odd = eve.sealed(*odd_packets(1))
        good = eve.sealed(*(rtp(100 + number, payload) for number, payload in enumerate(OWN)))
        torn = [packet[:length] for packet in odd[:2] for length in range(1, len(packet), 3)]
        changed = [packet[:-1] + bytes([packet[-1] ^ 1]) for packet in odd]
        plain = [rtp(number, b"not sealed", ssrc=8) for number in range(20)]
        long = [b"\x80\x60" + os.urandom(60_000), b"\x80\xc8" + os.urandom(60_000), b"\xbf\x7f" + b"\xff" * 1400]
        before, muted = counted("received"), counted("accepted")
        sent = [*odd, *odd, *torn, *changed, *plain, *long]
        await eve.send(*sent)
        await taken(before, len(sent) - 3)  # what is longer than a packet may be is none
        await eve.send(*good, *good)
        await eventually(lambda: counted("accepted") >= muted + len(good))
    assert strange <= set(OWN)
    assert strange, "what was right afterwards is heard"


async def test_streams_without_end_take_no_memory_and_hush_nobody(stage: Stage) -> None:
    space = stage.room.live(ADA, EVE)
    async with undisturbed(stage, space), raw_client("sendonly", stage.whip(space, EVE)) as eve:
        before, refused = counted("received"), counted("unauthentic")
        for first in range(0, 3000, 100):
            await eve.send(*eve.sealed(*(rtp(1, b"\xf8x", ssrc=first + n + 1) for n in range(100))))
            await taken(before, first + 100)
        assert counted("unauthentic") > refused + 2000


def reports(ssrc: int) -> list[bytes]:
    """RTCP packets (RFC 3550, section 6) that lie, or are none; all begin so that a sealed one is taken for RTCP."""

    def packet(kind: int, body: bytes, count: int = 0, length: int | None = None) -> bytes:
        return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4 if length is None else length) + body

    own = struct.pack("!I", ssrc)
    worst = struct.pack("!IIIIII", ssrc, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF)
    return [
        packet(200, own + b"\xff" * 20),
        packet(200, own),
        packet(200, own + b"\xff" * 20, count=31),
        packet(201, own + 31 * worst, count=31),
        packet(201, own + worst, count=31),
        packet(201, own, count=31),
        packet(202, own + b"\x01\xff" + b"x" * 6, count=1),
        packet(203, own + struct.pack("!I", 1), count=31),
        packet(203, own + os.urandom(8), count=3),
        packet(204, own + b"evil" + b"x" * 40),
        packet(205, own + own + b"\xff\xff\xff\xff" * 200, count=1),  # NACK
        packet(206, own + own, count=1),  # PLI
        packet(206, own + own + b"REMB" + b"\xff\xff\xff\xff" * 3, count=15),
        packet(207, own + b"\x04\x00\x00\x02" + b"\xff" * 8),
        packet(201, own, length=0xFFFF),
        packet(201, own) + b"\x00\x00\x00\x00",
        packet(201, own) * 100,
        packet(223, own + b"\xff" * 400),
        packet(192, own),
    ]


@pytest.mark.parametrize("direction", ["sendonly", "recvonly"])
async def test_reports_of_every_shape_are_believed_by_nobody(stage: Stage, direction: str) -> None:
    space, session_id = stage.room.live(ADA, EVE), new_id()
    negotiate = stage.whip(space, EVE, session_id) if direction == "sendonly" else stage.whep(space, EVE, session_id)
    async with undisturbed(stage, space), raw_client(direction, negotiate) as eve:  # type: ignore[arg-type]
        lies = [lie for ssrc in (7, secrets.randbits(32)) for lie in reports(ssrc)]
        sealed = eve.sealed_rtcp(*lies)
        before = counted("received")
        sent = [*sealed, *sealed, *lies, *(lie[:length] for lie in sealed[:3] for length in range(2, len(lie), 5))]
        await eve.send(*sent)
        await taken(before, len(sent))
        with suppress(KeyError):
            assert session_id not in {gone.session_id for gone in stage.facts.of(v1.Disconnected)}
