"""A media service with real NATS and real clients; room is played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg

from contracts import capture, subjects
from contracts.envelope import Event, PersonRef
from contracts.media import v1
from contracts.room import v1 as spaces
from contracts.room.follow import follow, member
from libs.bus import Bus, BusSettings, Handlers, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service, running
from services.media.main import compose
from services.media.settings import Settings
from tests.support import webrtc
from tests.support.keys import Keys, keys_at
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

E = TypeVar("E", bound=Event)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def person(name: str) -> PersonRef:
    """Somebody new."""
    return PersonRef(id=new_id(), handle=name.lower(), name=name)


class Room:
    """Decides what a Space is, answers for it, and tells its events, as the room service does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.spaces: dict[str, spaces.Space] = {}
        self.away = False

    def handlers(self) -> Handlers:
        """What room answers."""
        table = Handlers("room")

        @table.on(spaces.SpaceQuery)
        async def space(query: spaces.SpaceQuery) -> spaces.Space:
            if query.space_id not in self.spaces:
                raise Refusal("space_unknown", "There is no such Space.")
            return self.spaces[query.space_id]

        @table.on(spaces.AdmitQuery)
        async def admit(query: spaces.AdmitQuery) -> spaces.Grant:
            if query.space_id not in self.spaces:
                raise Refusal("space_unknown", "There is no such Space.")
            space = self.spaces[query.space_id]
            place = member(space, query.actor)
            if query.publish and place is None:
                raise Refusal("not_on_stage", "Ask to speak first.")
            return spaces.Grant(
                space_id=space.id,
                person=None if place is None else place.person,
                role=place.role if place else spaces.Role.LISTENER,
                may_publish=place is not None,
                muted=place is not None and place.muted,
                recorded=space.settings.recorded,
                captions=space.settings.captions,
                consent_to_recording=place is not None and place.consent_to_recording,
                version=space.version,
            )

        return table

    def live(self, *people: PersonRef, recorded: bool = False, consents: bool = True) -> spaces.Space:
        """A Space that is live, everybody on stage with an open microphone."""
        stage = tuple(
            spaces.StageMember(
                person=p, role=spaces.Role.SPEAKER, muted=False, joined_at=now(), consent_to_recording=consents
            )
            for p in people
        )
        space = spaces.Space(
            id=new_id(),
            version=1,
            state=spaces.State.LIVE,
            host=people[0] if people else person("Host"),
            settings=spaces.Settings(title="Tea", recorded=recorded),
            created_at=now(),
            started_at=now(),
            stage=stage,
        )
        self.spaces[space.id] = space
        return space

    async def tell(self, make: Callable[[int], spaces.SpaceEvent]) -> None:
        """Something happened in a Space: `make` gets its next version."""
        event = make(1)
        space = self.spaces[event.space_id]
        event = make(space.version + 1)
        self.spaces[event.space_id] = follow(space, event)
        await self._bus.publish_event(event)

    async def muted(self, space: spaces.Space, who: PersonRef) -> None:
        """A host mutes somebody."""
        await self.tell(lambda v: spaces.Muted(at=now(), space_id=space.id, version=v, person_id=who.id))

    async def unmuted(self, space: spaces.Space, who: PersonRef) -> None:
        """Somebody opens their microphone."""
        await self.tell(lambda v: spaces.Unmuted(at=now(), space_id=space.id, version=v, person_id=who.id))

    async def removed(self, space: spaces.Space, who: PersonRef) -> None:
        """A host removes somebody."""
        await self.tell(lambda v: spaces.Removed(at=now(), space_id=space.id, version=v, person_id=who.id))

    async def stage_left(self, space: spaces.Space, who: PersonRef) -> None:
        """Somebody steps down."""
        await self.tell(lambda v: spaces.StageLeft(at=now(), space_id=space.id, version=v, person_id=who.id))

    async def ended(self, space: spaces.Space) -> None:
        """The host ends it."""
        await self.tell(lambda v: spaces.Ended(at=now(), space_id=space.id, version=v))


class Facts:
    """Media's events as the stream has them."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._news = asyncio.Event()

    async def follow(self, bus: Bus, after: int) -> None:
        """Collects, for ever."""
        async for batch in bus.follow(filters=[subjects.events_of("media")], after=after):
            self.all += [received.event for received in batch]
            self._news.set()

    def of(self, kind: type[E]) -> list[E]:
        """Those of one type."""
        return [event for event in self.all if isinstance(event, kind)]

    async def until(self, kind: type[E], condition: Callable[[E], bool], *, within: float = LIMIT) -> E:
        """The first of a type that fits. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                for event in self.of(kind):
                    if condition(event):
                        return event
                self._news.clear()
                await self._news.wait()


@dataclass(slots=True)
class Stage:
    """What a test of the media service works with."""

    server: NatsServer
    bus: Bus
    room: Room
    facts: Facts
    keys: Keys
    service: Service[Settings]

    async def connect(
        self,
        space: spaces.Space,
        direction: v1.Direction,
        who: PersonRef | None,
        offer: str,
        session_id: str,
        address: str | None = None,
        token: v1.Token | None = None,
    ) -> str:
        """The answer to an offer. Raises Refusal."""
        command = v1.Connect(
            command_id=new_id(),
            actor=None if who is None else who.id,
            space_id=space.id,
            session_id=session_id,
            person=who,
            direction=direction,
            offer=offer,
            recorded=space.settings.recorded,
            space_version=space.version,
            client_address=address,
            token=token,
        )
        return (await self.bus.ask(command, route=self.service.settings.name, timeout=LIMIT)).result.sdp

    async def disconnect(self, session_id: str) -> None:
        """Closes a connection, as DELETE does. Raises Refusal."""
        command = v1.Disconnect(command_id=new_id(), session_id=session_id)
        await self.bus.ask(command, route=self.service.settings.name, timeout=LIMIT)

    def whip(self, space: spaces.Space, who: PersonRef, session_id: str | None = None) -> webrtc.Negotiate:
        """Negotiates somebody's microphone."""

        async def negotiate(offer: str) -> str:
            return await self.connect(space, "publish", who, offer, session_id or new_id())

        return negotiate

    def whep(
        self, space: spaces.Space, who: PersonRef | None = None, session_id: str | None = None
    ) -> webrtc.Negotiate:
        """Negotiates somebody's ears."""

        async def negotiate(offer: str) -> str:
            return await self.connect(space, "subscribe", who, offer, session_id or new_id())

        return negotiate


@asynccontextmanager
async def set_stage(server: NatsServer, env: Mapping[str, str] | None = None) -> AsyncIterator[Stage]:
    """A media service in this loop, with room played by the test and further settings in `env`."""
    settings = Settings.read({**server.env, "ROSTRUM_INSTANCE": f"media-{new_id()[-6:]}", **(env or {})})
    async with await connect("room", BusSettings(url=server.url)) as bus:
        played = Room(bus)
        facts = Facts()
        following = asyncio.create_task(facts.follow(bus, await bus.last_sequence()))
        try:
            async with answering(bus, played), keys_at(server.url) as keys, running(settings, compose) as service:
                await until_ready(service)
                yield Stage(server, bus, played, facts, keys, service)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def bundle_of(keys: Keys, message: Msg | RawStreamMsg) -> capture.Bundle:
    """What a message of CAPTURE says, opened as those do who may."""
    assert message.headers is not None
    assert message.subject is not None
    assert message.data is not None
    space_id, person_id = message.subject.split(".")[2], message.headers[subjects.HEADER_PERSON]
    lock = keys.lock(*capture.seal_of(space_id, person_id, recorded=True).subjects)
    return capture.decode(lock.open_bytes(message.headers[subjects.HEADER_UNIT], message.data))


@asynccontextmanager
async def answering(bus: Bus, played: Room) -> AsyncIterator[None]:
    """Room's answers on every partition."""
    async with bus.serve(played.handlers(), route="*"):
        yield


async def until_ready(service: Service[Settings], within: float = LIMIT) -> None:
    """Waits until nothing is missing."""
    await eventually(lambda: not service.missing(), within=within)
