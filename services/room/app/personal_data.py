"""What room holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from contracts.envelope import Outgoing
from libs.eventstore import Notification, Store
from libs.keyring.opening import Opener
from libs.personal_data import Concerned, Found, Held, of_events
from services.room.domain.space import Space


def held(
    store: Store[Space],
    concerned: Concerned,
    translate: Callable[[Notification], Sequence[Outgoing]],
    opener: Opener,
    must_be_complete: Callable[[], Awaitable[None]],
) -> Held:
    """What they did, and what happened to them, in Spaces: as its events tell. `must_be_complete` refuses while it is
    not known who was erased."""

    async def spaces(person: str, after: str) -> AsyncIterator[Found]:
        await must_be_complete()
        await concerned.catch_up(store)
        async for found in of_events(
            store,
            lambda begin: concerned.of(person, begin),
            translate,
            opener,
            subject="spaces",
            person=person,
            after=after,
        ):
            yield found

    return Held(spaces)
