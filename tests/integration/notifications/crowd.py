"""Hosts, followers and their browsers: with a real room, and people as their relay would tell of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.service import Service, running
from services.notifications.settings import Settings
from services.room.main import compose as compose_room
from services.room.settings import Settings as RoomSettings
from tests.integration.notifications.push_service import Device, PushService, pushing
from tests.integration.notifications.scene import Scene, scene
from tests.support.waiting import LIMIT, eventually

PUSH = {"push_hosts": '["127.0.0.1", "localhost"]', "private_hosts": '["127.0.0.1", "localhost"]'}
_TRUSTED = {f"ROSTRUM_NOTIFICATIONS_{name.upper()}": value for name, value in PUSH.items()}


class Crowd:
    """People by a word each, who are known to room and to notifications."""

    def __init__(self, there: Scene, gateway: Bus, service: PushService) -> None:
        self.there = there
        self.gateway = gateway
        self.service = service
        self.ids: dict[str, str] = {}

    @property
    def env(self) -> dict[str, str]:
        """Of notifications."""
        return {**self.there.env, **_TRUSTED}

    @contextlib.asynccontextmanager
    async def notifications(self, **settings: str) -> AsyncIterator[Service[Settings]]:
        """The service in this loop."""
        async with self.there.notifications(**{**PUSH, **settings}) as service:
            await eventually(lambda: not service.missing())
            yield service

    async def sign_up(self, *names: str) -> None:
        """Make people known."""
        for name in names:
            self.ids[name] = new_id()
            self.there.known[self.ids[name]] = people.PersonAtIssuer(
                person_id=self.ids[name], subject=f"u-{name}", handle=name, name=name.title()
            )
            await self.say(people.Registered, name, handle=name, display_name=name.title())

    async def say(self, kind: type[Event], name: str, /, **fields: Any) -> None:
        """Something about somebody, as people tells it."""
        await self.there.publish(
            kind.model_validate({"person_id": self.ids[name], "version": 1, "at": datetime.now(UTC), **fields})
        )

    async def follow(self, name: str, whom: str) -> None:
        await self.say(people.Followed, name, followee_id=self.ids[whom])

    async def block(self, name: str, whom: str) -> None:
        await self.say(people.Blocked, name, blocked_id=self.ids[whom])

    async def fans(self, whom: str, /, *names: str, **options: Any) -> list[Device]:
        """Followers of somebody, each with a browser that wants to be told."""
        devices = []
        for name in names:
            await self.sign_up(name)
            await self.follow(name, whom)
            devices.append(await self.browser(name, **options))
        return devices

    async def browser(self, name: str, /, **options: Any) -> Device:
        """Another browser of somebody."""
        return await self.service.subscribe(self.there, self.ids[name], **options)

    async def create(self, host: str, *, later: timedelta | None = None, **settings: Any) -> str:
        """A Space that has begun, or is to begin `later`."""
        id, start = new_id(), None if later is None else datetime.now(UTC) + later
        chosen = room.Settings.model_validate({"title": "On bees", **settings})
        command = room.CreateSpace(
            command_id=new_id(), actor=self.ids[host], space_id=id, settings=chosen, scheduled_start=start
        )
        await self.gateway.ask(command, timeout=LIMIT)
        return id

    async def order(self, kind: type[room.SpaceCommand], space: str, host: str, **fields: Any) -> None:
        """A host orders something."""
        command = kind.model_validate({"command_id": new_id(), "actor": self.ids[host], "space_id": space, **fields})
        await self.gateway.ask(command, timeout=LIMIT)

    async def remind(
        self, name: str, space: str, kind: str = "start", start: datetime | None = None, **more: Any
    ) -> None:
        """Somebody is reminded, as people decides it."""
        fields = {"space_id": space, "kind": kind, "title": "On bees", "scheduled_start": start or datetime.now(UTC)}
        await self.say(people.ReminderDue, name, **fields, **more)

    async def all_told(self, *devices: Device) -> None:
        """Wait until whatever these browsers are told of what happened before has come: their people are told of one
        more Space, of a host whom all of them follow."""
        marker = f"marker{len(self.ids)}"
        await self.sign_up(marker)
        for name, id in list(self.ids.items()):
            if name != marker and any(one.person == id for one in devices):
                await self.follow(name, marker)
        space = await self.create(marker, title="The marker")
        await eventually(lambda: all(any(told["path"].endswith(space) for told in one.shown) for one in devices))
        for one in devices:
            one.shown[:] = [told for told in one.shown if not told["path"].endswith(space)]


@contextlib.asynccontextmanager
async def crowd(store: str = "") -> AsyncIterator[Crowd]:
    """A crowd with everything but notifications itself; `store` as in `Scene`."""
    async with scene(store) as there, pushing() as service:
        env = {**there.server.env, "ROSTRUM_ROOM_PERSON_WAIT": "5"}
        async with (
            running(RoomSettings.read(env), compose_room) as rooms,
            await connect("gateway", BusSettings(url=there.server.url)) as gateway,
        ):
            await eventually(lambda: not rooms.missing())
            yield Crowd(there, gateway, service)
