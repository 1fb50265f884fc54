"""Notifications with a bus, keys, people who are known, and events as the relays of others publish them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from nats.aio.msg import Msg

from contracts import subjects
from contracts.commands import Accepted
from contracts.envelope import Outgoing, PersonRef, body_of, event_of, headers
from contracts.notifications import v1
from contracts.people import v1 as people
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.service import Service, running
from services.notifications.main import compose
from services.notifications.settings import Settings
from tests.support.events import created, person, stage_joined, started
from tests.support.keys import Keys
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import LIMIT

ANN, BOB, EVE = person("ann"), person("bob"), person("eve")
QUICK = {
    "ROSTRUM_NOTIFICATIONS_PRIVATE_HOSTS": '["127.0.0.1"]',
    "ROSTRUM_NOTIFICATIONS_RETRY_FIRST_SECONDS": "0.05",
    "ROSTRUM_NOTIFICATIONS_RETRY_LONGEST_SECONDS": "0.2",
    "ROSTRUM_NOTIFICATIONS_WEBHOOK_SECONDS": str(min(60.0, LIMIT)),
}
"""Settings with which a test need not wait for what is tried again."""


@dataclass
class Scene:
    """Everything but notifications itself."""

    server: NatsServer
    bus: Bus
    keys: Keys
    owner: Bus
    """A connection of people, which tells of keys."""
    known: dict[str, people.PersonAtIssuer] = field(default_factory=dict)
    store: str = ""
    """Where notifications keeps its facts and what it owes: an address of PostgreSQL, or files."""
    numbers: dict[str, itertools.count[int]] = field(default_factory=dict)
    """Of the notifications of each context."""
    said: list[tuple[Outgoing, int]] = field(default_factory=list)
    """What was published."""

    @property
    def env(self) -> dict[str, str]:
        store = {"ROSTRUM_NOTIFICATIONS_STORE": self.store} if self.store else {}
        return {**self.server.env, **QUICK, **store}

    @contextlib.asynccontextmanager
    async def notifications(self, **settings: str) -> AsyncIterator[Service[Settings]]:
        """The service in this loop; settings without what all begin with, in lower case."""
        more = {f"ROSTRUM_NOTIFICATIONS_{name.upper()}": value for name, value in settings.items()}
        async with running(Settings.read({**self.env, **more}), compose) as service:
            yield service

    async def publish(self, *events: Outgoing) -> None:
        """As the relays of their services do."""
        for outgoing in events:
            event = event_of(outgoing)
            number = next(self.numbers.setdefault(event.context, itertools.count(1)))
            await self.publish_as(outgoing, number)

    async def publish_as(self, outgoing: Outgoing, number: int) -> None:
        """With the number of a notification."""
        event = event_of(outgoing)
        told = headers(event, id=str(number), source=event.context)
        told.pop("Nats-Msg-Id")
        told[subjects.HEADER_NOTIFICATION] = str(number)
        self.said.append((outgoing, number))
        await self.bus.js.publish(event.subject, body_of(outgoing), headers=told)

    async def space(self, host: PersonRef = ANN, **settings: Any) -> str:
        """A Space that has just begun, of version 2."""
        id = new_id()
        await self.publish(created(id, host, **settings), started(id, host, **settings))
        return id

    async def joins(self, space: str, *versions: int) -> None:
        """Events of these versions in a Space."""
        await self.publish(*(stage_joined(space, BOB, version=version) for version in versions))

    async def add(
        self, url: str, *events: str, rights: tuple[str, ...] = ("events", "people"), key_id: str | None = None
    ) -> v1.WebhookWithSecret:
        """A webhook."""
        order = v1.AddWebhook.model_validate(
            {
                "command_id": new_id(),
                "operator": True,
                "webhook_id": new_id(),
                "key_id": key_id,
                "url": url,
                "events": events,
                "rights": rights,
            }
        )
        return (await self.bus.ask(order, timeout=LIMIT)).result

    async def webhook(self, id: str) -> v1.Webhook:
        """A webhook as it is now."""
        found = (await self.bus.ask(v1.WebhooksQuery(operator=True), timeout=LIMIT)).result.webhooks
        return next(one for one in found if one.id == id)

    async def log(self, id: str, *, failed: bool = False, limit: int = 500) -> tuple[v1.Delivery, ...]:
        """The attempts to tell a webhook, newest first."""
        query = v1.DeliveriesQuery(operator=True, webhook_id=id, failed=failed, limit=limit)
        return (await self.bus.ask(query, timeout=LIMIT)).result.deliveries


def _known(who: PersonRef) -> people.PersonAtIssuer:
    return people.PersonAtIssuer(person_id=who.id, subject=f"u-{who.handle}", handle=who.handle, name=who.name)


@contextlib.asynccontextmanager
async def scene(store: str = "") -> AsyncIterator[Scene]:
    """A scene, gone afterwards; `store` as in `Scene`."""
    with running_nats() as server:
        async with (
            await connect("test", BusSettings(url=server.url)) as bus,
            await connect("people", BusSettings(url=server.url)) as owner,
        ):
            keys = Keys(owner, 300.0)
            there = Scene(server, bus, keys, owner, {who.id: _known(who) for who in (ANN, BOB, EVE)}, store)
            table = keys.table()

            @table.on(people.SubjectsQuery)
            async def subjects_of(query: people.SubjectsQuery) -> Accepted[people.PeopleAtIssuer]:
                found = tuple(there.known[id] for id in query.person_ids if id in there.known)
                return Accepted(result=people.PeopleAtIssuer(people=found))

            async def all_published(message: Msg) -> None:
                await message.respond(b"")

            await owner.nc.subscribe(subjects.relay_check("people"), cb=all_published)
            async with owner.serve(table):
                yield there
