"""Stand-ins for the other services, on a real NATS, that can be told to misbehave. Spaces are kept as room does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from contracts import catalogue, subjects
from contracts.commands import Accepted, Request
from contracts.discovery.v1 import BrowseQuery, LiveBarQuery, SearchQuery, SpaceCards, SpacePage
from contracts.envelope import Event, PersonRef
from contracts.people.v1 import Person, PersonQuery, SignUp
from contracts.room import v1 as room
from contracts.room.follow import follow, member
from libs.bus import Bus, BusSettings, Handlers, connect
from libs.ids import new_id
from libs.refusal import Refusal
from tests.support.nats import settled

Q = TypeVar("Q", bound=Request[Any])
ROUTES = {"room": ("0",), "media": ("node-1",)}
"""Where requests for a Space of the one partition go, and those for one node."""
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_person(name: str) -> PersonRef:
    """Somebody new."""
    return PersonRef(id=new_id(), handle=name.lower(), name=name)


class Backend:
    """Answers whatever the gateway asks. `on` replaces an answer, `emit` lets something happen in a Space."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.spaces: dict[str, room.Space] = {}
        self.people: dict[str, Person] = {}
        self.asked: defaultdict[str, list[Request[Any]]] = defaultdict(list)
        self._answers: dict[type[Request[Any]], Callable[[Any], Awaitable[Any]]] = {}
        self.on(room.SpaceQuery, self._space)
        self.on(room.PresenceQuery, self._presence)
        self.on(room.AdmitQuery, self._admit)
        self.on(SignUp, self._sign_up)
        self.on(PersonQuery, self._person)
        self.on(BrowseQuery, self._cards)
        self.on(SearchQuery, self._found)
        self.on(LiveBarQuery, self._cards)

    def on(self, request: type[Q], answer: Callable[[Q], Awaitable[Any]]) -> None:
        """Answer a request type from now on."""
        self._answers[request] = answer

    def add(self, host: PersonRef, **changes: Any) -> room.Space:
        """A live Space."""
        space = room.Space(
            id=new_id(),
            version=2,
            state=room.State.LIVE,
            host=host,
            settings=room.Settings(title="Tea", recorded=True),
            created_at=AT,
            started_at=AT,
            stage=(room.StageMember(person=host, role=room.Role.HOST, joined_at=AT),),
        ).model_copy(update=changes)
        self.spaces[space.id] = space
        return space

    async def emit(self, event: Event) -> int:
        """Let it happen, and publish it; its sequence, 0 for one that is kept nowhere."""
        if isinstance(event, room.SpaceEvent):
            self.spaces[event.space_id] = follow(self.spaces[event.space_id], event)
        if event.passing:
            await self.bus.tell(event)
            await settled(self.bus.nc)  # the server has it before whatever comes next
            return 0
        return await self.bus.publish_event(event)

    def next(self, space: room.Space) -> dict[str, Any]:
        """The fields of the next event of a Space."""
        return {"space_id": space.id, "version": self.spaces[space.id].version + 1, "at": datetime.now(UTC)}

    async def answer(self, request: Request[Any]) -> Any:
        """What the gateway gets."""
        self.asked[request.name].append(request)
        answer = self._answers.get(type(request))
        if answer is None:
            raise Refusal("not_found", f"nobody answers {request.name} in this test")
        return await answer(request)

    def _known(self, space_id: str) -> room.Space:
        if space_id not in self.spaces:
            raise Refusal("space_unknown", "There is no such Space.")
        return self.spaces[space_id]

    async def _space(self, query: room.SpaceQuery) -> room.Space:
        space = self._known(query.space_id)
        if query.follower:
            return space
        if query.actor in space.removed:
            raise Refusal("removed", "You were removed from this Space.")
        here = member(space, query.actor)
        hosts = query.actor == space.host.id or (here is not None and here.role in (room.Role.HOST, room.Role.COHOST))
        return space if hosts else space.model_copy(update={"requests": (), "removed": ()})

    async def _presence(self, query: room.PresenceQuery) -> room.Presence:
        self._known(query.space_id)
        return room.Presence(space_id=query.space_id, listeners=7, on_stage=1)

    async def _admit(self, query: room.AdmitQuery) -> room.Grant:
        space = self._known(query.space_id)
        here = member(space, query.actor)
        if query.actor in space.removed:
            raise Refusal("removed", "You were removed from this Space.")
        if query.publish and here is None:
            raise Refusal("not_on_stage", "Ask to speak first.")
        return room.Grant(
            space_id=space.id,
            person=here.person if here else None,
            role=here.role if here else room.Role.LISTENER,
            may_publish=here is not None,
            muted=here.muted if here else False,
            recorded=True,
            captions=True,
            consent_to_recording=True,
            version=space.version,
        )

    async def _sign_up(self, command: SignUp) -> Accepted[Person]:
        person = Person(id=command.person_id, handle=command.handle, name=command.display_name, version=1)
        self.people[person.id] = person
        return Accepted(version=1, result=person)

    async def _person(self, query: PersonQuery) -> Person:
        if query.person_id not in self.people:
            raise Refusal("person_unknown", "There is no such person.")
        return self.people[query.person_id]

    async def _found(self, query: Request[Any]) -> SpacePage:
        return SpacePage(spaces=())

    async def _cards(self, query: Request[Any]) -> SpaceCards:
        return SpaceCards(spaces=())


@asynccontextmanager
async def backend(url: str, *services: str) -> AsyncIterator[Backend]:
    """Stand-ins for these services (by default all but the gateway), in one partition."""
    async with AsyncExitStack() as stack:
        # Its own name, so that it may publish for any service.
        bus = await stack.enter_async_context(await connect("backend", BusSettings(url=url, partitions=1)))
        made = Backend(bus)
        for service in services or [name for name in subjects.SERVICES if name != "gateway"]:
            handlers = Handlers(service)
            for (_, owner, _), kind in catalogue.request_types().items():
                if owner == service:
                    handlers.add(kind, made.answer)
            for route in (subjects.ANY, *ROUTES.get(service, ())):
                await stack.enter_async_context(bus.serve(handlers, route=route))
        yield made
