"""Any orders to a Space in a real store, some of them sent again at any later time: a repeat changes nothing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.room import v1
from libs.commands import Executor
from libs.database import Place
from libs.eventstore import Done, Fact, Order, open_store
from libs.ids import new_id
from libs.keyring.worded import UnopenedWords
from libs.names import Named
from libs.refusal import Refusal
from services.room.app.admission import Admission
from services.room.app.live_limit import LiveLimit
from services.room.app.scheduling import Scheduling
from services.room.app.stage_entrance import StageEntrance
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Settings
from services.room.handlers.commands import ordered
from services.room.projection.agenda import Agenda
from services.room.projection.people import People
from services.room.translation import wire_space
from tests.integration.room.conftest import unused_vault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits()
IDS = [new_id() for _ in range(5)]
HOST = IDS[0]
OWN = ("ask", "cancel", "unmute", "raise", "step_down", "come")
KINDS = (*OWN, "accept", "mute", "mute_all", "cohost", "invite", "remove")
SOMEBODY = st.sampled_from(IDS)
ORDERS = st.lists(st.tuples(st.sampled_from(KINDS), SOMEBODY, SOMEBODY, st.booleans()), min_size=5, max_size=40)
Answer = Callable[[], Awaitable[Done[v1.Space]]]


def called(person_id: str) -> Named:
    return Named(person_id, "somebody", "Somebody")


def view(space: Space) -> v1.Space:
    return wire_space(space, called, UnopenedWords(), all=True)


def given_by(
    executor: Executor[Space], entrance: StageEntrance, space: str, kind: str, order: Order, who: str
) -> Awaitable[Done[v1.Space]]:
    """The order as room carries it out."""

    def carry_out(decide: Callable[[Space], Iterable[Fact]]) -> Awaitable[Done[v1.Space]]:
        return executor.execute(order, space, decide, view)

    actor = order.actor
    match kind:
        case "ask":
            return entrance.request_to_speak(order, space, view, message="", consent_to_recording=True)
        case "cancel":
            return carry_out(lambda it: it.cancel_request(actor))
        case "accept":
            return carry_out(lambda it: it.accept_request(actor, who, limits=LIMITS))
        case "mute":
            return carry_out(lambda it: it.mute(actor, who))
        case "mute_all":
            return carry_out(lambda it: it.mute_all(actor))
        case "unmute":
            return carry_out(lambda it: it.unmute(actor, actor or ""))
        case "raise":
            return carry_out(lambda it: it.raise_hand(actor))
        case "step_down":
            return carry_out(lambda it: it.leave_stage(actor, actor or ""))
        case "cohost":
            return carry_out(lambda it: it.appoint_cohost(actor, who, limits=LIMITS))
        case "invite":
            return entrance.invite(order, space, who, "speak", view)
        case "come":
            return carry_out(
                lambda it: it.accept_invitation(actor, consent_to_recording=True, now=order.at, limits=LIMITS)
            )
        case _:
            return carry_out(lambda it: it.remove(actor, who, ""))


async def _play(orders: list[tuple[str, str, str, bool]], place: Place, folder: Path) -> None:
    async with (
        open_store(place, Space) as store,
        People(folder / "people.db") as people,
        Agenda(folder / "agenda.db") as agenda,
    ):
        for number, person in enumerate(IDS):
            people.db.execute(
                "INSERT INTO people (id, handle, name) VALUES (?, ?, ?)", (person, f"p{number}", f"P{number}")
            )
        executor = Executor(
            store, lambda: NOW, ordered, check=Admission(store, people, unused_vault(), person_wait=0).check
        )
        live = LiveLimit(store, agenda, 3)
        scheduling = Scheduling(store, executor, people, LIMITS, lambda space_id, person_id: None, live, person_wait=0)
        entrance = StageEntrance(
            executor, people, LIMITS, lambda space, person: False, lambda space, person: False, person_wait=0
        )
        space, opened = new_id(), Order(id="open", actor=HOST, at=NOW)
        accepted = [await scheduling.create(opened, space, Settings(title="x"), view, scheduled_start=None)]
        again: list[tuple[Answer, Done[v1.Space]]] = []
        for number, (kind, by, who, twice_at_once) in enumerate(orders):
            # Most orders are the host's, so that not all are refused.
            actor = by if kind in OWN or number % 4 == 0 else HOST
            order = Order(id=str(number), actor=actor, at=NOW + timedelta(seconds=number), digest=kind)

            async def send(kind: str = kind, order: Order = order, who: str = who) -> Done[v1.Space]:
                return await given_by(executor, entrance, space, kind, order, who)

            answers = await asyncio.gather(*(send() for _ in range(1 + twice_at_once)), return_exceptions=True)
            for answer in answers:
                assert isinstance(answer, Done | Refusal), answer
            done = [answer for answer in answers if isinstance(answer, Done)]
            if done:
                assert all((d.version, d.view) == (done[0].version, done[0].view) for d in done)
                accepted.append(done[0])
                again.append((send, done[0]))
        before = await store.read(space, view)
        for send_again, first in again:
            answer = await send_again()
            assert answer.repeated
            assert (answer.version, answer.view) == (first.version, first.view)
        assert await store.read(space, view) == before
        assert view(await store.load(space)) == before, "rebuilt, it is what it is"
        assert before.version == max(done.version for done in accepted)


@settings(max_examples=20, deadline=None)
@given(orders=ORDERS)
def test_whatever_is_sent_again_changes_nothing_and_is_answered_as_before(
    new_place: Callable[[str], Place], orders: list[tuple[str, str, str, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(orders, new_place("room"), Path(folder)))
