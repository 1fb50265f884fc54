"""Several media nodes: one is killed or told to stop, and the people on it go on at another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiortc.rtp import RtpPacket

from contracts.media.v1 import NodeNewsName
from infra.demo.client import Client, Ears, Microphone
from infra.demo.live_events import LiveEvent
from infra.demo.story import Watcher
from infra.demo.voice import Speech
from infra.launcher import System
from tests.support.processes import gone
from tests.support.waiting import LIMIT, eventually, pace, standstill
from tests.support.webrtc import opus_tone
from tests.support.without_udp import ClientWithoutUdp

ANONYMOUS = 4
SIGNED_IN = 2
NOTICED_SECONDS = 0.5
AGAIN_SECONDS = 2.0
GAP_SECONDS = 1.0
PAUSES_SECONDS = (20.0, 5.0, 1.5)
UNBROKEN_SECONDS = 1.0
"""The longest time between two packets of a stream that no pause broke: less than the shortest pause. The node is a
process of its own on a busy machine."""


@dataclass(eq=False)
class Ear:
    """A listener who follows the live events, as the page does."""

    client: Client
    watcher: Watcher
    arrivals: list[tuple[float, bytes]] = field(default_factory=list)
    """When each packet came (monotonic), and its payload."""
    ears: Ears = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ears = Ears(self.client, self._take)
        self.watcher.audio = (self.ears,)

    def _take(self, packet: RtpPacket) -> None:
        self.arrivals.append((time.monotonic(), packet.payload))
        self._news.set()

    async def hears_after(self, moment: float, packets: int = 10, within: float = LIMIT) -> float:
        """When the first of so many packets after a moment came."""
        async with asyncio.timeout(within):
            while True:
                after = [at for at, _ in self.arrivals if at > moment]
                if len(after) >= packets:
                    return after[0]
                self._news.clear()
                await self._news.wait()

    def longest_gap(self, begin: float, end: float) -> float:
        """The longest time without a packet, in seconds."""
        times = [begin, *(at for at, _ in self.arrivals if begin < at < end), end]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


@dataclass(eq=False)
class Party:
    """A Space with a host who talks, a muted guest who talks too, and listeners. The host and every other listener have
    no UDP."""

    system: System
    base: str
    host: Client
    microphones: list[Microphone]
    ears: list[Ear]
    onlooker: Watcher
    """Watches the live events and has no audio connection."""
    tasks: list[asyncio.Task[None]]
    joined_within: float
    """Seconds that it took all listeners to connect, one after the other: how fast this machine is just now."""

    @property
    def nodes(self) -> set[str]:
        """Where everybody is connected."""
        return {audio.node_id for audio in (*self.microphones, *(ear.ears for ear in self.ears))}

    def process_at(self) -> str:
        """The process of the one node on which all are."""
        (node,) = self.nodes
        number = node.removeprefix("media-").partition("-")[0]
        return f"media-{number}" if f"media-{number}" in self.system.services else "media"

    async def stage(self) -> list[tuple[str, str, bool]]:
        """Who is on stage, as what, and whether muted."""
        space = await self.host.call("GET", self.base)
        return sorted((member["person"]["id"], member["role"], member["muted"]) for member in space["stage"])

    def forget(self) -> None:
        """Only what happens from now on counts."""
        for ear in self.ears:
            ear.watcher.seen.clear()
            ear.arrivals.clear()


async def _talk(speech: Speech) -> None:
    while True:
        await speech.say()


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    services = ("room", "people", "media", "gateway")
    async with System(tmp_path / "var", gateway_port=0, services=services, media_nodes=3) as running:
        yield running


@pytest.fixture
async def party(system: System) -> AsyncIterator[Party]:
    async with contextlib.AsyncExitStack() as stack:
        tasks: list[asyncio.Task[None]] = []

        async def end() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        host = await ClientWithoutUdp.sign_up(system.url, "host", "Host")
        guest = await Client.sign_up(system.url, "guest", "Guest")
        space = await host.call("POST", "/v1/spaces", {"title": "Unsinkable"})
        base = f"/v1/spaces/{space['id']}"
        await guest.join(base)
        await guest.call("POST", f"{base}/requests", {})
        await host.call("POST", f"{base}/requests/{guest.id}/accept")
        await host.call("POST", f"{base}/stage/{host.id}/unmute")
        microphones = [Microphone(host, Speech(opus_tone(440, 2))), Microphone(guest, Speech(opus_tone(880, 2)))]
        kinds = itertools.cycle((Client, ClientWithoutUdp))
        listeners = [next(kinds)(system.url) for _ in range(ANONYMOUS)]
        listeners += [await next(kinds).sign_up(system.url, f"listener_{n}", "Listener") for n in range(SIGNED_IN)]
        for client in (host, guest, *listeners):
            stack.push_async_callback(client.aclose)
        onlooker = Watcher(onlooking := Client(system.url), f"{base}/events")
        stack.push_async_callback(onlooking.aclose)
        stack.push_async_callback(end)
        ears: list[Ear] = []
        joined_within = 0.0
        for microphone in microphones:
            stack.push_async_callback(microphone.close)
            await microphone.connect(space["id"])
            watcher = Watcher(microphone.client, f"{base}/events", audio=(microphone,))
            tasks += [asyncio.create_task(watcher.run()), asyncio.create_task(_talk(microphone.speech))]
        for client in listeners:
            session = (await client.call("POST", f"{base}/sessions", {}))["session_id"]
            # Somebody signed in is known by who they are, somebody anonymous by the session they give both times.
            path = f"{base}/events" + ("" if client.token else f"?session={session}")
            ear = Ear(client, Watcher(client, path))
            stack.push_async_callback(ear.ears.close)
            tasks.append(asyncio.create_task(ear.watcher.run()))
            began = time.monotonic()
            await ear.ears.connect(space["id"], session)
            joined_within += time.monotonic() - began
            ears.append(ear)
        tasks.append(asyncio.create_task(onlooker.run()))
        made = Party(system, base, host, microphones, ears, onlooker, tasks, joined_within)
        for ear in ears:
            await ear.watcher.wait("live events", lambda e: e.name == "snapshot")
            await ear.hears_after(0)
        yield made


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def test_a_killed_node_is_noticed_at_once_and_everybody_hears_again_elsewhere(
    system: System, party: Party, record_property: Any
) -> None:
    spoken, muted = (set(microphone.speech.packets) for microphone in party.microphones)
    muted -= spoken
    stage = await party.stage()
    noticed: list[float] = []
    """Of each kill, until the last listener was told."""
    again: list[list[float]] = []
    """Of each kill, until each of them heard again."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback((elsewhere := Client(system.url)).aclose)
        other = await party.host.call("POST", "/v1/spaces", {"title": "Next door"})
        neighbour = Ear(elsewhere, Watcher(elsewhere, f"/v1/spaces/{other['id']}/events?session="))
        session = (await elsewhere.call("POST", f"/v1/spaces/{other['id']}/sessions", {}))["session_id"]
        neighbour.watcher.path += session
        stack.push_async_callback(neighbour.ears.close)
        await neighbour.ears.connect(other["id"], session)
        party.tasks.append(asyncio.create_task(neighbour.watcher.run()))
        assert neighbour.ears.node_id not in party.nodes, "the least loaded node is another one"

        for _ in range(3):
            process = party.process_at()
            before = party.nodes
            if neighbour.ears.node_id in before:
                break
            party.forget()
            killed = time.monotonic()
            offset = time.time() - killed
            system.kill(process)
            for ear in party.ears:
                lost = await ear.watcher.wait("the loss", lambda e: e.name == NodeNewsName.LOST)
                assert lost.id == ""
                assert lost.data["node_id"] in before
                assert len(lost.data["sessions"]) == 1
            noticed.append(
                max(at for ear in party.ears for at, _ in ear.watcher.all(NodeNewsName.LOST)) - offset - killed
            )
            again.append([await ear.hears_after(killed + 0.2) - killed for ear in party.ears])
            assert party.nodes.isdisjoint(before)
            assert len(party.nodes) == 1, "all of one Space are on one node"
            await system.ready(process)
        assert neighbour.watcher.all(NodeNewsName.LOST) == []
    assert party.onlooker.all(NodeNewsName.LOST) == []
    assert not any(payload in muted for ear in party.ears for _, payload in ear.arrivals), "muted before, muted after"
    assert await party.stage() == stage
    figures = {
        "noticed": [round(seconds, 3) for seconds in noticed],
        "again_p50": [round(_share(seconds, 0.5), 3) for seconds in again],
        "again_p95": [round(_share(seconds, 0.95), 3) for seconds in again],
        "joined_within": round(party.joined_within, 3),
    }
    for name, value in figures.items():
        record_property(name, value)
    print(figures)
    # What the machine does beside it only adds to the time: one kill of three may meet that.
    # Where it took the listeners longer to connect one after the other, the machine is busy.
    assert statistics.median_low(noticed) <= max(NOTICED_SECONDS, party.joined_within)
    assert statistics.median_low(_share(seconds, 0.95) for seconds in again) <= max(AGAIN_SECONDS, party.joined_within)


async def test_a_node_that_is_told_to_stop_hands_its_people_over_without_a_gap(system: System, party: Party) -> None:
    stage = await party.stage()
    process, before = party.process_at(), party.nodes
    old = psutil.Process(system.pid(process))
    party.forget()
    async with standstill() as stood:
        began = time.monotonic()
        system.kill(process, signal.SIGTERM)
        for ear in party.ears:
            await ear.watcher.wait("the news", lambda e: e.name == NodeNewsName.DRAINING)
        await gone([old])
        drained = time.monotonic()
        for ear in party.ears:
            await ear.hears_after(drained)
        end = time.monotonic()
        stood_still = stood()
    gaps = [ear.longest_gap(began, end) for ear in party.ears]
    print({"longest_gaps": [round(gap, 3) for gap in gaps], "stood_still": round(stood_still, 3)})
    assert max(gaps) <= GAP_SECONDS + stood_still
    assert party.nodes.isdisjoint(before)
    assert len(party.nodes) == 1
    assert await party.stage() == stage


async def test_nobody_on_a_node_notices_that_nats_pauses(system: System, party: Party) -> None:
    stage, before, sessions = await party.stage(), party.nodes, {ear.ears.session_id for ear in party.ears}
    told: list[str] = []
    guest, process = party.microphones[1].client, party.process_at()
    gaps: dict[float, float] = {}
    again: dict[float, float] = {}
    for seconds in PAUSES_SECONDS:
        async with standstill() as stood:
            party.forget()
            began = time.monotonic()
            system.kill("nats", signal.SIGSTOP)
            try:
                await pace(began + seconds)
            finally:
                system.kill("nats", signal.SIGCONT)
            resumed = time.monotonic()
            # What is commanded then happens, and everybody is told.
            await guest.call("PUT", f"{party.base}/hands/me")
            await guest.call("DELETE", f"{party.base}/hands/{guest.id}")
            for ear in party.ears:
                await ear.watcher.wait("live events", lambda e: e.name == "room.hand_lowered")
            end = time.monotonic()
            stood_still = stood()
        again[seconds] = round(end - resumed, 2)
        told += [event.name for ear in party.ears for _, event in ear.watcher.seen]
        gaps[seconds] = round(max(ear.longest_gap(began, end) for ear in party.ears), 3)
        assert gaps[seconds] <= UNBROKEN_SECONDS + stood_still
        assert await party.stage() == stage

        async def all_there() -> bool:
            listeners = (await guest.call("GET", f"{party.base}/participants"))["listeners"]
            return bool(listeners == len(party.ears))

        await eventually(all_there)
    print({"longest_gaps": gaps, "commands_again": again})
    assert party.nodes == before
    assert {ear.ears.session_id for ear in party.ears} == sessions
    assert {NodeNewsName.LOST, "room.lost"}.isdisjoint(told)

    # A gateway that is wrong all the same makes nobody drop what works.
    party.forget()
    async with standstill() as stood:
        began = time.monotonic()
        for ear in party.ears:
            session, node = ear.ears.session_id, ear.ears.node_id
            ear.ears.heed(LiveEvent("", NodeNewsName.LOST, {"node_id": node, "sessions": [session]}))
            await eventually(lambda ear=ear, session=session: ear.ears.session_id != session)  # type: ignore[misc]
        end = time.monotonic()
        for ear in party.ears:
            await ear.hears_after(end)
        stood_still = stood()
    gap = max(ear.longest_gap(began, end) for ear in party.ears)
    print({"longest_gap": round(gap, 3), "stood_still": round(stood_still, 3)})
    assert gap <= GAP_SECONDS + stood_still
    party.forget()
    system.kill(process)
    for ear in party.ears:
        await ear.watcher.wait("the loss", lambda e: e.name == NodeNewsName.LOST)
        assert len(ear.watcher.all(NodeNewsName.LOST)) == 1


async def test_a_gateway_that_has_just_started_knows_who_is_where(system: System, party: Party) -> None:
    snapshots = [len(ear.watcher.all("snapshot")) for ear in party.ears]
    system.kill("gateway")
    await system.ready("gateway")
    host = party.host
    await host.call("POST", f"{party.base}/stage/{host.id}/mute")
    await host.call("POST", f"{party.base}/stage/{host.id}/unmute")
    for ear in party.ears:
        # The live events are back, at the place where they broke off.
        await ear.watcher.wait("live events again", lambda e: e.name == "room.muted")
    assert snapshots == [len(ear.watcher.all("snapshot")) for ear in party.ears]
    before = party.nodes
    killed = time.monotonic()
    system.kill(party.process_at())
    for ear in party.ears:
        await ear.watcher.wait("the loss", lambda e: e.name == NodeNewsName.LOST)
        await ear.hears_after(killed + 0.2)
    assert party.nodes.isdisjoint(before)
