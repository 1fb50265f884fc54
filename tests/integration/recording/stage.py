"""A Space as recording sees it: room's events and media's bundles on a real NATS with people, and no room nor media."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import av
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy

from contracts import capture, envelope, object_names, subjects
from contracts.envelope import Event, PersonRef
from contracts.named import with_names
from contracts.people import v1 as people
from contracts.recording import v1
from contracts.room import v1 as room
from libs.bus import Bus, BusSettings, connect
from libs.ids import is_id, new_id
from libs.keyring import HEADER, Destroyed, Expired, ends_of
from libs.keyring.client import Keyring, open_keyring
from libs.refusal import Refusal
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually
from tests.unit.recording.sounds import Sent, bundles

E = TypeVar("E", bound=Event)


class Stage:
    """One Space. Publishes as room and media do; answers `space` as room does."""

    def __init__(self, bus: Bus, *, recorded: bool = True, ago: float = 120.0) -> None:
        self.introduced: dict[str, PersonRef] = {}
        self.bus = bus
        self.space_id = new_id()
        self.host = self.hosted_by = person("Hanna")
        self.settings = room.Settings(title="On rivers", recorded=recorded, captions=True)
        self.started_at = datetime.now(UTC) - timedelta(seconds=ago)
        self.base_ns = round(self.started_at.timestamp() * 1e9)
        self.version = 1
        self.stage = [room.StageMember(person=self.host, role=room.Role.HOST, joined_at=self.started_at)]
        self.asked = 0
        self.pins: list[room.Pin] = []
        self.removed: set[str] = set()
        """Whom room refuses to show the Space."""
        self.keyring: Keyring | None = None
        """With which bundles are sealed, as media does; without, they are those of an earlier version."""

    async def tell(self, event: Event) -> None:
        headers = envelope.headers(event, id=new_id(), source="room")
        await self.bus.js.publish(event.subject, event.model_dump_json().encode(), headers=headers)

    async def introduce(self, who: PersonRef) -> None:
        self.introduced[who.id] = who
        """Make somebody known; again changes nothing."""
        command = people.SignUp(command_id=who.id, person_id=who.id, handle=who.handle, display_name=who.name)
        await self.bus.ask(command, timeout=LIMIT)

    async def start(self) -> None:
        await self.introduce(self.host)
        self.version += 1
        await self.tell(
            room.Started(
                space_id=self.space_id, version=self.version, at=self.started_at, host=self.host, settings=self.settings
            )
        )

    async def join(self, who: PersonRef, *, consents: bool = True, at: float = 0.0, told: bool = True) -> None:
        await self.introduce(who)
        self.version += 1
        joined_at = self.started_at + timedelta(seconds=at)
        self.stage.append(
            room.StageMember(person=who, role=room.Role.SPEAKER, consent_to_recording=consents, joined_at=joined_at)
        )
        if told:
            await self.tell(
                room.StageJoined(
                    space_id=self.space_id, version=self.version, at=joined_at, person=who,
                    role=room.Role.SPEAKER, consent_to_recording=consents,
                )
            )  # fmt: skip

    async def hand_over(self, to: PersonRef) -> None:
        """Somebody else hosts it from now on, and room answers so."""
        self.version += 1
        self.hosted_by = to
        await self.tell(
            room.HostChanged(
                space_id=self.space_id, version=self.version, at=datetime.now(UTC), host=to,
                previous_id=self.host.id, reason="handed_over",
            )
        )  # fmt: skip

    async def end(self) -> None:
        self.version += 1
        await self.tell(room.Ended(space_id=self.space_id, version=self.version, at=datetime.now(UTC)))

    async def say(self, who: PersonRef, sent: Iterable[Sent], *, session: str | None = None, ssrc: int = 0xABCD) -> str:
        """Publish packets (times are seconds after the start) as one session of somebody; the session's id."""
        session = session or new_id()
        for body in bundles(sent, base_ns=self.base_ns, ssrc=ssrc):
            await self.publish(who, session, body)
        return session

    async def publish(self, who: PersonRef, session: str, body: bytes) -> int:
        headers = {
            subjects.HEADER_PERSON: who.id,
            subjects.HEADER_SESSION: session,
        }
        if self.keyring is not None and is_id(who.id):
            seal = capture.seal_of(self.space_id, who.id, recorded=self.settings.recorded)
            headers[subjects.HEADER_UNIT] = seal.unit
            try:
                body = (await self.keyring.lock(*seal.subjects)).seal_bytes(seal.unit, body)
            except Destroyed:
                return 0  # media keeps nothing of who was erased
        subject = subjects.capture(self.space_id, session)
        return (await self.bus.js.publish(subject, body, headers=headers, stream=subjects.CAPTURE_STREAM)).seq

    @asynccontextmanager
    async def room_answers(self) -> AsyncIterator[None]:
        async def answer(msg: Msg) -> None:
            if room.SpaceQuery.model_validate_json(msg.data).space_id != self.space_id:
                return  # another stage's
            self.asked += 1
            if room.SpaceQuery.model_validate_json(msg.data).actor in self.removed:
                refused = {"outcome": "refused", "reason": "removed", "detail": "You were removed.", "retry": False}
                await msg.respond(json.dumps(refused).encode())
                return
            space = room.Space(
                id=self.space_id, version=self.version, state=room.State.LIVE, host=self.hosted_by,
                settings=self.settings, created_at=self.started_at, started_at=self.started_at, stage=tuple(self.stage),
                pins=tuple(self.pins),
            )  # fmt: skip
            reply = {"outcome": "accepted", "version": self.version, "result": space.model_dump(mode="json")}
            await msg.respond(json.dumps(reply).encode())

        subscription = await self.bus.nc.subscribe(subjects.query("room", "space", "*"), cb=answer)
        try:
            yield
        finally:
            await subscription.unsubscribe()

    async def replay(self) -> v1.Replay:
        async def answered() -> v1.Replay | None:
            with contextlib.suppress(Refusal):  # unavailable until it is known that nobody knows somebody's name
                return (await self.bus.ask(v1.ReplayQuery(space_id=self.space_id), timeout=2 * LIMIT)).result
            return None

        return await eventually(answered)

    def called(self, who: PersonRef) -> PersonRef:
        """Somebody by the name they signed up with."""
        return self.introduced.get(who.id, who)

    async def comes_to(self, state: v1.ReplayState, within: float = LIMIT) -> None:
        """Wait until the replay is in a state."""

        async def there() -> bool:
            return (await self.replay()).state is state

        await eventually(there, within=within)

    async def outcome(self, within: float = LIMIT) -> Event:
        """The `replay_ready` or `failed` event of this Space."""
        subscription = await self.bus.js.subscribe(
            subjects.event("recording", self.space_id, "*"),
            stream=subjects.EVENTS_STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(within):
                while True:
                    msg = await subscription.next_msg(timeout=within)
                    event = envelope.decode(msg.subject, msg.data)
                    if isinstance(event, v1.ReplayReady | v1.Failed):
                        return event
        finally:
            await subscription.unsubscribe()

    async def told(self, kind: type[E]) -> E:
        """The first event of a kind of this Space."""
        subscription = await self.bus.js.subscribe(
            subjects.event("recording", self.space_id, "*"),
            stream=subjects.EVENTS_STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LIMIT):
                while True:
                    msg = await subscription.next_msg(timeout=LIMIT)
                    if isinstance(event := envelope.decode(msg.subject, msg.data), kind):
                        return event
        finally:
            await subscription.unsubscribe()

    async def ready(self, within: float = LIMIT) -> v1.ReplayReady:
        event = await self.outcome(within)
        assert isinstance(event, v1.ReplayReady), event
        return with_names(event, self.called)

    async def dead_letters(self) -> list[str]:
        """Reasons of all dead letters of recording, oldest first."""
        info = await self.bus.js.stream_info(subjects.DEAD_LETTER_STREAM)
        return [
            ((await self.bus.js.get_msg(subjects.DEAD_LETTER_STREAM, seq)).headers or {})[subjects.HEADER_REASON]
            for seq in range(info.state.first_seq, info.state.last_seq + 1)
            if info.state.messages
        ]


def person(name: str) -> PersonRef:
    id = new_id()
    return PersonRef(id=id, handle=f"{name[:6]}_{id[-6:]}".lower(), name=name)


async def opened(bus: Bus, var: Path, name: str) -> bytes:
    """A stored object, opened as those do who may have its keys. Raises Destroyed."""
    async with open_keyring(bus, f"test-{new_id()}") as keyring:
        return await opened_with(keyring, var, name)


async def opened_with(keyring: Keyring, var: Path, name: str) -> bytes:
    """The same with a keyring that goes on to say what it has dropped. Raises Destroyed."""
    sealed = (var / "recordings" / name).read_bytes()
    seal = object_names.seal_of(name)
    assert seal is not None, name
    start, end = ends_of(len(sealed))
    while True:
        lock = await keyring.lock(*seal.subjects)
        with contextlib.suppress(Expired):  # what was destroyed just before is told as it is asked for
            reader = lock.reader(seal.unit, len(sealed), sealed[:HEADER], sealed[start:end])
            return reader.open(0, reader.length, sealed[HEADER:])


async def payloads(stage: Stage, track: v1.Track, var: Path) -> list[bytes]:
    """Packets of a stored track, without the silence that fills its gaps."""
    with av.open(BytesIO(await opened(stage.bus, var, track.object)), "r") as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    return [p for p in packets if len(p) != 3 or p[1:] != b"\xff\xfe"]


@asynccontextmanager
async def bus_of(server: NatsServer, name: str = "media") -> AsyncIterator[Bus]:
    async with await connect(name, BusSettings(url=server.url)) as bus:
        yield bus


__all__ = ["Refusal", "Stage", "bus_of", "opened", "opened_with", "payloads", "person"]
