"""One Space on three media nodes, each a process of its own; room is played by the test."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.envelope import PersonRef
from contracts.media import v1
from contracts.room import v1 as spaces
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from tests.integration.media.stage import Facts, Room, answering, bundle_of, person
from tests.support import webrtc
from tests.support.keys import Keys, keys_at
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually, standstill
from tests.support.webrtc import Ear, Publisher, ear, opus_tone, speaker

ADA, BOB, EVE = person("Ada"), person("Bob"), person("Eve")
MUTED_SECONDS = 2.0
"""Much less than the one who is muted goes on talking; the nodes are processes of their own on a busy machine."""
UNBROKEN_SECONDS = 0.3
"""Between two packets of an unbroken stream, beside what a busy machine takes."""
PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class Nodes:
    """What these tests work with."""

    server: NatsServer
    bus: Bus
    room: Room
    facts: Facts
    keys: Keys
    children: dict[str, ServiceProcess]

    @property
    def names(self) -> list[str]:
        """The nodes, in order."""
        return list(self.children)

    def negotiate(
        self, node: str, space: spaces.Space, direction: v1.Direction, who: PersonRef | None = None
    ) -> webrtc.Negotiate:
        """A connection at one node."""

        async def negotiate(offer: str) -> str:
            command = v1.Connect(
                command_id=new_id(),
                actor=None if who is None else who.id,
                space_id=space.id,
                session_id=new_id(),
                person=who,
                direction=direction,
                offer=offer,
                recorded=space.settings.recorded,
                space_version=space.version,
            )
            return (await self.bus.ask(command, route=node, timeout=LIMIT)).result.sdp

        return negotiate


@pytest.fixture
async def nodes(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Nodes]:
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(await connect("room", BusSettings(url=nats_server.url)))
        room, facts = Room(bus), Facts()
        following = asyncio.create_task(facts.follow(bus, await bus.last_sequence()))
        stack.callback(following.cancel)
        await stack.enter_async_context(answering(bus, room))
        keys = await stack.enter_async_context(keys_at(nats_server.url))
        names = [f"node-{number}-{new_id()[-6:]}" for number in range(3)]
        children = {
            name: ServiceProcess(
                "media", {**nats_server.env, "ROSTRUM_INSTANCE": name, "ROSTRUM_VAR": str(tmp_path / name)}
            )
            for name in names
        }
        await asyncio.gather(*(stack.enter_async_context(child) for child in children.values()))
        yield Nodes(nats_server, bus, room, facts, keys, children)


@asynccontextmanager
async def ears(nodes: Nodes, space: spaces.Space, who: PersonRef | None = None) -> AsyncIterator[list[Ear]]:
    """A listener at each node."""
    async with AsyncExitStack() as stack:
        listeners = [ear(nodes.negotiate(name, space, "subscribe", who)) for name in nodes.names]
        yield list(await asyncio.gather(*(stack.enter_async_context(one) for one in listeners)))


def words(listener: Ear) -> list[bytes]:
    """What was heard, without the frames that end a slot."""
    return [packet.payload for packet in listener.heard if len(packet.payload) > 1]


async def arrivals(listener: Ear, one: Publisher, since: float, packets: int) -> list[float]:
    """When at least so many packets of a speaker came, after a moment."""

    def after() -> list[float]:
        said = set(one.sent)
        return [packet.at for packet in listener.heard if packet.payload in said and packet.at > since]

    await listener.until(lambda _: len(after()) >= packets)
    return after()


def gap(since: float, times: Sequence[float]) -> float:
    """The longest time between two of these moments, or up to the first, in seconds."""
    return max(b - a for a, b in pairwise([since, *times]))


def gapless(listener: Ear) -> bool:
    """Whether no slot's sequence has a hole."""
    for slot in range(3):
        sequences = [packet.sequence for packet in listener.in_slot(slot)]
        if sequences and sequences != list(range(sequences[0], sequences[0] + len(sequences))):
            return False
    return True


async def test_every_node_hears_every_byte_once_and_speakers_never_themselves(nodes: Nodes) -> None:
    space = nodes.room.live(ADA, BOB, recorded=True)
    first, second, _ = nodes.names
    high, low, last = opus_tone(880, 2.0), opus_tone(220, 2.0), opus_tone(440, 0.2)
    async with (
        ears(nodes, space) as everyone,
        ears(nodes, space, ADA) as ada_hears,
        speaker(nodes.negotiate(first, space, "publish", ADA)) as ada,
        speaker(nodes.negotiate(second, space, "publish", BOB)) as bob,
    ):
        ada.track.say(high)
        bob.track.say(low)
        for listener in everyone:
            await listener.until(lambda listener: len(words(listener)) >= len(high) + len(low))
        for listener in ada_hears:
            await listener.until(lambda listener: len(words(listener)) >= len(low))
        # Whatever is too much would come before what they say last.
        ada.track.say(last)
        bob.track.say(last)
        for listener in everyone:
            await listener.until(lambda listener: len(words(listener)) >= len(high + low + last + last))
        for listener in ada_hears:
            await listener.until(lambda listener: len(words(listener)) >= len(low + last))
        for listener in everyone:
            by_source: dict[tuple[int, ...], list[bytes]] = {}
            for packet in listener.heard:
                if len(packet.payload) > 1:
                    by_source.setdefault(packet.sources, []).append(packet.payload)
            assert sorted(by_source.values()) == sorted([high + last, low + last])
            assert gapless(listener)
        for listener in ada_hears:
            assert words(listener) == low + last
            assert gapless(listener)
        both = await nodes.facts.until(v1.Speaking, lambda e: len(e.person_ids) == 2 and e.space_id == space.id)
        assert set(both.person_ids) == {ADA.id, BOB.id}
        await nodes.facts.until(v1.Speaking, lambda e: not e.person_ids and e.space_id == space.id)
        assert len({event.node_id for event in nodes.facts.of(v1.Speaking) if event.space_id == space.id}) == 1
        delays = [
            (far.at - near.at) * 1000
            for listener in everyone[1:]
            for near, far in zip(
                [packet for packet in everyone[0].heard if packet.payload in set(high)],
                [packet for packet in listener.heard if packet.payload in set(high)],
                strict=False,
            )
            if near.payload == far.payload
        ]
        print(
            f"relay adds p50 {statistics.median(delays):.2f} ms, p99 {statistics.quantiles(delays, n=100)[98]:.2f} ms"
        )
        # What the machine does beside it only adds to the delay.
        assert statistics.quantiles(delays, n=4)[0] < 20

    async def kept() -> bool:
        return sorted((await captured(nodes, space.id)).values()) == sorted([high + last, low + last])

    # Only where they speak is it captured, once.
    await eventually(kept)


async def captured(nodes: Nodes, space_id: str) -> dict[str, list[bytes]]:
    """The payloads of each session in CAPTURE, read message by message: an ordered consumer may begin anew after NATS
    was away."""
    kept: dict[str, list[bytes]] = {}
    sequence = 0
    while True:
        try:
            message = await nodes.bus.js.get_msg(
                subjects.CAPTURE_STREAM, seq=sequence + 1, subject=subjects.capture_of(space_id), next=True
            )
        except NotFoundError:
            return kept
        assert message.subject is not None
        assert message.seq is not None
        sequence = message.seq
        kept.setdefault(message.subject, []).extend(packet.payload for packet in bundle_of(nodes.keys, message).packets)


async def test_a_mute_and_a_removal_hold_on_every_node(nodes: Nodes) -> None:
    space = nodes.room.live(ADA, BOB)
    first, second, _ = nodes.names
    before, secret, after = opus_tone(300, 1.0), opus_tone(500, 4.0), opus_tone(700, 12.0)
    async with (
        ears(nodes, space) as everyone,
        speaker(nodes.negotiate(first, space, "publish", ADA)) as ada,
        speaker(nodes.negotiate(second, space, "publish", BOB)) as bob,
        standstill() as stood_still,
    ):
        ada.track.say(before)
        for listener in everyone:
            await listener.until(lambda listener: len(words(listener)) >= len(before))
        ada.track.say(secret)
        for listener in everyone:
            await listener.until(lambda listener: len(words(listener)) >= len(before) + 20)
        await nodes.room.muted(space, ADA)
        told = time.monotonic()
        await ada.track.said()
        late = [packet.at - told for listener in everyone for packet in listener.heard if packet.at > told]
        assert max(late, default=0) < MUTED_SECONDS + stood_still()
        print(f"last packet after the mute was told: {max(late, default=0) * 1000:.0f} ms")
        await nodes.room.unmuted(space, ADA)
        ada.track.say(after)  # and the nodes hear of it while she talks
        for listener in everyone:
            await listener.until(lambda listener: len(set(words(listener)) & set(after)) >= 40)
            assert gapless(listener)
        bob.track.say(opus_tone(900, 6.0))
        for listener in everyone:
            await listener.until(lambda listener: set(words(listener)) >= set(bob.sent[:20]) and len(bob.sent) > 20)
        await nodes.room.removed(space, BOB)
        told = time.monotonic()
        for listener in everyone:
            await listener.until(lambda listener: listener.heard[-1].at > told + 2 * MUTED_SECONDS)  # ADA talks on
        his = set(bob.sent)
        late = [p.at - told for listener in everyone for p in listener.heard if p.at > told and p.payload in his]
        assert max(late, default=0) < MUTED_SECONDS + stood_still()


async def test_a_node_that_is_killed_takes_only_its_own_people(nodes: Nodes) -> None:
    space = nodes.room.live(ADA, BOB, EVE)
    async with ears(nodes, space) as everyone, standstill() as stood_still, AsyncExitStack() as stack:
        speakers = [
            await stack.enter_async_context(speaker(nodes.negotiate(name, space, "publish", who)))
            for name, who in zip(nodes.names, (ADA, BOB, EVE), strict=True)
        ]
        for number, one in enumerate(speakers):
            one.track.say(opus_tone(300 + 200 * number, 15.0))
        for listener in everyone:
            await listener.until(lambda listener: len({p.sources for p in listener.heard}) == 3)
        began = time.monotonic()
        longest_before = 0.0
        for listener in everyone[1:]:
            for one in speakers[1:]:
                longest_before = max(longest_before, gap(began, await arrivals(listener, one, began, 50)))
        nodes.children[nodes.names[0]].kill()
        killed = time.monotonic()

        for listener in everyone[1:]:
            for one in speakers[1:]:
                # Not much longer than before, when nothing was killed: so busy the machine is.
                after = gap(killed, await arrivals(listener, one, killed, 100))
                assert after < UNBROKEN_SECONDS + longest_before + stood_still()
            assert gapless(listener)
        await nodes.facts.until(v1.Speaking, lambda e: set(e.person_ids) == {BOB.id, EVE.id})


async def test_whoever_moves_to_another_node_is_heard_once(nodes: Nodes) -> None:
    space = nodes.room.live(ADA)
    first, second, _ = nodes.names
    old, new = opus_tone(300, 2.0), opus_tone(700, 2.0)
    async with (
        ears(nodes, space) as everyone,
        speaker(nodes.negotiate(first, space, "publish", ADA)) as here,
        standstill() as stood_still,
    ):
        here.track.say(old)
        await everyone[2].until(lambda listener: len(words(listener)) > 20)
        async with speaker(nodes.negotiate(second, space, "publish", ADA)) as there:
            there.track.say(new)
            await everyone[2].until(lambda listener: set(words(listener)) >= set(new[-5:]))
            for listener in everyone[1:]:
                began = min(packet.at for packet in listener.heard if packet.payload in set(new) - set(old))
                latest = began + 0.1 + stood_still()
                late = [p for p in listener.heard if p.payload in set(old) - set(new) and p.at > latest]
                assert not late
                assert gapless(listener)


async def test_an_outage_of_nats_stops_no_audio_at_its_own_node_and_relay_and_capture_go_on_after_it(
    nodes: Nodes,
) -> None:
    space = nodes.room.live(ADA, recorded=True)
    first, second, _ = nodes.names
    async with (
        ear(nodes.negotiate(first, space, "subscribe")) as here,
        ear(nodes.negotiate(second, space, "subscribe")) as there,
        speaker(nodes.negotiate(first, space, "publish", ADA), opus_tone(440, 60.0)) as ada,
        standstill() as stood_still,
    ):
        await there.until(lambda listener: len(words(listener)) > 20)
        killed = time.monotonic()
        # In a thread: the one who talks, and the ears, are in this loop.
        await asyncio.to_thread(nodes.server.kill)
        try:
            await here.until(lambda listener: listener.heard[-1].at > killed + 2.5)
        finally:
            await asyncio.to_thread(nodes.server.start)
        times = [packet.at for packet in here.heard if packet.at > killed - 0.1]
        assert max(b - a for a, b in pairwise(times)) < 1 + stood_still(), "at her own node nobody notices"
        heard = len(there.heard)
        await there.until(lambda listener: len(listener.heard) > heard + 25)
        assert gapless(here)
        assert gapless(there)
        said = list(ada.sent)
        await here.until(lambda listener: len(words(listener)) >= len(said))  # the node has it all

    async def all_of_it() -> list[bytes] | None:
        kept = [payload for all in (await captured(nodes, space.id)).values() for payload in all]
        return kept if len(kept) >= len(said) else None

    kept = await eventually(all_of_it)
    assert kept[: len(said)] == said, "and the recording has no hole"


async def test_what_nats_could_not_carry_while_it_stood_still_is_not_heard_late(nodes: Nodes) -> None:
    space = nodes.room.live(ADA)
    first, second, _ = nodes.names
    async with (
        ear(nodes.negotiate(first, space, "subscribe")) as here,
        ear(nodes.negotiate(second, space, "subscribe")) as there,
        speaker(nodes.negotiate(first, space, "publish", ADA), opus_tone(440, 60.0)),
        standstill() as stood_still,
    ):
        await there.until(lambda listener: len(words(listener)) > 20)
        paused = time.monotonic()
        nodes.server.pause()
        try:
            await here.until(
                lambda listener: listener.heard[-1].at > paused + PAUSE_SECONDS, within=PAUSE_SECONDS + LIMIT
            )
        finally:
            nodes.server.resume()
        resumed = time.monotonic()
        # The nodes still know each other.
        await there.until(lambda listener: len([p for p in listener.heard if p.at > resumed + 1]) > 40)
        times = [packet.at for packet in here.heard if packet.at > paused - 0.1]
        most = 1 + stood_still()
        assert max(b - a for a, b in pairwise(times)) < most, "whoever listens at the speaker's node notices nothing"
        burst = [packet for packet in there.heard if resumed - 0.1 < packet.at < resumed + 1]
        assert len(burst) < PAUSE_SECONDS / 2 * 50


async def test_nothing_is_published_for_a_space_on_one_node(nodes: Nodes) -> None:
    space = nodes.room.live(ADA)
    seen: list[int] = []

    async def count(message: object) -> None:
        seen.append(1)

    subscription = await nodes.bus.nc.subscribe(subjects.relayed_audio(space.id), cb=count)
    async with (
        ear(nodes.negotiate(nodes.names[0], space, "subscribe")) as listener,
        speaker(nodes.negotiate(nodes.names[0], space, "publish", ADA), opus_tone(440, 10.0)),
    ):
        await listener.until(lambda listener: len(words(listener)) >= 50)
        assert len(seen) <= 2
        async with ear(nodes.negotiate(nodes.names[1], space, "subscribe")):
            await eventually(lambda: len(seen) > 2)
    await subscription.unsubscribe()
