"""A room service on a NATS of the test's own, and people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import TypeVar, cast

import pytest

from contracts import subjects
from contracts.commands import Accepted, Command, Query
from contracts.envelope import Model, PersonRef
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1
from libs.bus import Bus, BusSettings, connect
from libs.bus.opening import Opening
from libs.ids import new_id
from libs.keyring.client import Keyring, open_keyring
from libs.keyring.opening import Opener
from libs.keyring.vault import Vault
from libs.refusal import Refusal
from libs.service import Service, running
from services.room.domain.written import WORDS
from services.room.main import compose
from services.room.settings import Settings
from tests.support.keys import Keys, keys_at
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import LIMIT, eventually

R = TypeVar("R", bound=Model)


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
def env(nats: NatsServer) -> dict[str, str]:
    """With leases that outlast a test, and patience with who has just signed up: no busy machine ends a session."""
    return {
        **nats.env,
        "ROSTRUM_ROOM_COUNT_INTERVAL": "0.1",
        "ROSTRUM_ROOM_LEASE_SECONDS": "60",
        "ROSTRUM_ROOM_PERSON_WAIT": "5",
    }


def brief(env: dict[str, str], seconds: float = 2.0) -> dict[str, str]:
    """The same with a lease that is over after so many seconds, 2 at least; for who is to be lost."""
    return {**env, "ROSTRUM_ROOM_LEASE_SECONDS": str(seconds)}


@pytest.fixture
async def service(env: dict[str, str]) -> AsyncIterator[Service[Settings]]:
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        yield service


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("gateway", BusSettings(url=nats.url)) as bus:
        yield bus


@pytest.fixture
async def words(bus: Bus) -> AsyncIterator[Opening]:
    """Opens what room publishes, as whoever shows it does."""
    async with open_keyring(bus, "reader") as keyring:
        yield Opener(keyring.locks)


class Guests:
    """People who order and ask, by a word each."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.ids: dict[str, str] = {}
        self.space = new_id()

    async def sign_up(self, *names: str, **ids: str) -> None:
        """Make people known to room, under new ids or these."""
        for name in [*names, *ids]:
            self.ids[name] = ids.get(name) or new_id()
            await self._publish(
                people.Registered(
                    person_id=self.ids[name], version=1, handle=name, display_name=name.title(), at=datetime.now(UTC)
                )
            )

    def called(self, person: PersonRef) -> PersonRef:
        """Somebody by the name they signed up with."""
        (name,) = [name for name, id in self.ids.items() if id == person.id]
        return PersonRef(id=person.id, handle=name, name=name.title())

    async def follow(self, follower: str, followee: str) -> None:
        event = people.Followed(
            person_id=self.ids[follower], version=2, followee_id=self.ids[followee], at=datetime.now(UTC)
        )
        await self._publish(event)

    async def block(self, who: str, whom: str) -> None:
        event = people.Blocked(person_id=self.ids[who], version=3, blocked_id=self.ids[whom], at=datetime.now(UTC))
        await self._publish(event)

    async def known_to_room(self) -> None:
        """Wait until room has taken in every event of people that was published before."""
        await self.sign_up("marker")
        probe = {"actor": self.ids["marker"], "space_id": new_id(), "session_id": new_id()}

        async def known() -> bool:
            try:
                await self.order(v1.JoinSpace.model_validate({"command_id": new_id(), **probe}))
            except Refusal as no:
                return no.reason == "space_unknown"
            return False

        await eventually(known)

    async def _publish(self, event: people.PersonEvent) -> None:
        await self.bus.publish_event(event)

    async def order(self, command: Command[R]) -> Accepted[R]:
        return await self.bus.ask(command, timeout=LIMIT)

    async def create(self, host: str = "host", **settings: object) -> v1.Space:
        chosen = v1.Settings.model_validate({"title": "On bees", **settings})
        command = v1.CreateSpace(command_id=new_id(), actor=self.ids[host], space_id=self.space, settings=chosen)
        return (await self.order(command)).result

    async def speaker(self, name: str) -> None:
        """Somebody joins, asks to speak and is let in."""
        await self.join(name)
        ask = v1.RequestToSpeak(command_id=new_id(), actor=self.ids[name], space_id=self.space)
        await self.order(ask)
        accept = v1.AcceptRequest(
            command_id=new_id(), actor=self.ids["host"], space_id=self.space, person_id=self.ids[name]
        )
        await self.order(accept)

    async def join(self, name: str | None, session: str | None = None, *, follows: bool = True) -> v1.Session:
        """Somebody opens a session, and an event stream with it where they follow the Space."""
        command = v1.JoinSpace(
            command_id=new_id(),
            actor=self.ids[name] if name else None,
            space_id=self.space,
            session_id=session or new_id(),
        )
        opened = (await self.order(command)).result
        if follows:
            await self.renew((opened.session_id, command.actor))
        return opened

    async def renew(
        self, *leases: tuple[str, str | None], holder: str = "gateway", ended: tuple[str, ...] = ()
    ) -> None:
        """A holder says which sessions are alive, and which it has let go of."""
        partition = subjects.partition_of(self.space, self.bus.settings.partitions)
        renewal = presence.Renewal(
            holder=holder,
            ended=tuple(presence.Ended(space_id=self.space, session_id=session) for session in ended),
            leases=tuple(
                presence.Lease(space_id=self.space, session_id=s, person_id=p, joined_at=datetime.now(UTC))
                for s, p in leases
            ),
        )
        await self.bus.say(subjects.presence(partition), renewal.model_dump_json().encode())

    async def ask(self, query: Query[R]) -> R:
        return (await self.bus.ask(query, timeout=LIMIT)).result

    async def see(self, name: str | None = None, *, follower: bool = False) -> v1.Space:
        actor = self.ids[name] if name else None
        return await self.ask(v1.SpaceQuery(space_id=self.space, actor=actor, follower=follower))

    async def count(self) -> tuple[int, int]:
        there = await self.ask(v1.PresenceQuery(space_id=self.space))
        return there.listeners, there.on_stage

    async def counted(self, listeners: int, on_stage: int) -> None:
        """Wait until so many are there."""

        async def there() -> bool:
            return await self.count() == (listeners, on_stage)

        await eventually(there)


def unread(space: v1.Space) -> v1.Space:
    """A Space as whoever has no keys sees it."""
    settings = space.settings.model_copy(update={"title": v1.TITLE_UNAVAILABLE})
    requests = tuple(request.model_copy(update={"message": ""}) for request in space.requests)
    return space.model_copy(update={"settings": settings, "requests": requests, "pins": (), "words": ()})


def unused_vault() -> Vault:
    """For Spaces in which nobody writes anything."""
    return Vault(Keyring(cast(Bus, None), "room"), WORDS, lambda person_id, space_id: False)


@pytest.fixture
async def keys(nats: NatsServer) -> AsyncIterator[Keys]:
    async with keys_at(nats.url) as keys:
        yield keys


@pytest.fixture
async def guests(bus: Bus, keys: Keys) -> Guests:
    guests = Guests(bus)
    await guests.sign_up("host", "ann", "bob")
    return guests
