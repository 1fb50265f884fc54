"""Any orders to a Space in a real store, some of them sent again at any later time: a repeat changes nothing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.room import v1
from libs.database import Place
from libs.eventstore import Done, Order, open_store
from libs.ids import new_id
from libs.refusal import Refusal
from services.room.app import Spaces
from services.room.domain import Limits, Settings, Space
from services.room.projection import People
from services.room.relay import wire_space

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = [new_id() for _ in range(5)]
HOST = IDS[0]
OWN = ("ask", "cancel", "unmute", "raise", "step_down", "come")
KINDS = (*OWN, "accept", "mute", "mute_all", "cohost", "invite", "remove")
SOMEBODY = st.sampled_from(IDS)
ORDERS = st.lists(st.tuples(st.sampled_from(KINDS), SOMEBODY, SOMEBODY, st.booleans()), min_size=5, max_size=40)
Answer = Callable[[], Awaitable[Done[v1.Space]]]


def view(space: Space) -> v1.Space:
    return wire_space(space, all=True)


def given_by(spaces: Spaces, space: str, kind: str, order: Order, who: str) -> Awaitable[Done[v1.Space]]:
    """The order as the app takes it."""
    match kind:
        case "ask":
            return spaces.request_to_speak(order, space, view, message="", consent_to_recording=True, here=False)
        case "cancel":
            return spaces.cancel_request(order, space, view)
        case "accept":
            return spaces.accept_request(order, space, who, view)
        case "mute":
            return spaces.mute(order, space, who, view)
        case "mute_all":
            return spaces.mute_all(order, space, view)
        case "unmute":
            return spaces.unmute(order, space, order.actor or "", view)
        case "raise":
            return spaces.raise_hand(order, space, view)
        case "step_down":
            return spaces.leave_stage(order, space, order.actor or "", view)
        case "cohost":
            return spaces.appoint_cohost(order, space, who, view)
        case "invite":
            return spaces.invite(order, space, who, "speak", view)
        case "come":
            return spaces.accept_invitation(order, space, view, consent_to_recording=True)
        case _:
            return spaces.remove(order, space, who, "", view)


async def _play(orders: list[tuple[str, str, str, bool]], place: Place, folder: Path) -> None:
    async with open_store(place, Space) as store, People(folder / "people.db") as people:
        for number, person in enumerate(IDS):
            people.db.execute("INSERT INTO people VALUES (?, ?, ?)", (person, f"p{number}", f"P{number}"))
        spaces = Spaces(store, people, Limits(), person_wait=0)
        space, opened = new_id(), Order(id="open", actor=HOST, at=NOW)
        accepted = [await spaces.create(opened, space, Settings(title="x"), view, scheduled_start=None)]
        again: list[tuple[Answer, Done[v1.Space]]] = []
        for number, (kind, by, who, twice_at_once) in enumerate(orders):
            # Most orders are the host's, so that not all are refused.
            actor = by if kind in OWN or number % 4 == 0 else HOST
            order = Order(id=str(number), actor=actor, at=NOW + timedelta(seconds=number), digest=kind)

            async def send(kind: str = kind, order: Order = order, who: str = who) -> Done[v1.Space]:
                return await given_by(spaces, space, kind, order, who)

            answers = await asyncio.gather(*(send() for _ in range(1 + twice_at_once)), return_exceptions=True)
            for answer in answers:
                assert isinstance(answer, Done | Refusal), answer
            done = [answer for answer in answers if isinstance(answer, Done)]
            if done:
                assert all((d.version, d.view) == (done[0].version, done[0].view) for d in done)
                accepted.append(done[0])
                again.append((send, done[0]))
        before = await spaces.read(space, view)
        for send_again, first in again:
            answer = await send_again()
            assert answer.repeated
            assert (answer.version, answer.view) == (first.version, first.view)
        assert await spaces.read(space, view) == before
        assert view(await store.load(space)) == before, "rebuilt, it is what it is"
        assert before.version == max(done.version for done in accepted)


@settings(max_examples=20, deadline=None)
@given(orders=ORDERS)
def test_whatever_is_sent_again_changes_nothing_and_is_answered_as_before(
    new_place: Callable[[str], Place], orders: list[tuple[str, str, str, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(orders, new_place("room"), Path(folder)))
