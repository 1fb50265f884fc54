"""A connection does not outlive the token that it was opened with, and without one there are so many at an address."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_hex

import pytest

from contracts.envelope import PersonRef
from contracts.media import v1
from contracts.people.v1 import TokensRevoked
from contracts.room.v1 import Space
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.media.stage import Stage, now, person, set_stage
from tests.support.nats import NatsServer
from tests.support.waiting import standstill
from tests.support.webrtc import new_connection

ADA, BOB = person("Ada"), person("Bob")


async def an_offer() -> str:
    """Of a listener who does nothing with the answer."""
    pc = new_connection()
    pc.addTransceiver("audio", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    await pc.close()
    return str(pc.localDescription.sdp)


def a_token(**lasts: float) -> v1.Token:
    return v1.Token(id=token_hex(16), issued_at=now(), until=now() + timedelta(**(lasts or {"days": 30})))


async def listening(
    stage: Stage, space: Space, who: PersonRef | None, token: v1.Token | None, address: str = ""
) -> str:
    """The id of a new connection. Raises Refusal."""
    session = new_id()
    await stage.connect(space, "subscribe", who, await an_offer(), session, address or None, token)
    return session


def ended(stage: Stage) -> dict[str, str]:
    """Why each connection that is gone was closed."""
    return {event.session_id: event.reason for event in stage.facts.of(v1.Disconnected)}


async def test_a_connection_ends_when_its_token_expires(stage: Stage) -> None:
    space = stage.room.live(ADA)
    stays = [await listening(stage, space, who, token) for who, token in ((BOB, a_token()), (BOB, None), (None, None))]
    async with standstill() as stood_still:
        began = now()
        session = await listening(stage, space, BOB, a_token(seconds=3))
        await stage.facts.until(v1.Disconnected, lambda event: event.session_id == session)
        assert (now() - began).total_seconds() < 5 + stood_still()
    assert ended(stage) == {session: "closed"}
    assert not set(stays) & set(ended(stage))


async def test_a_connection_ends_when_its_token_is_revoked_or_all_of_the_person(stage: Stage) -> None:
    space = stage.room.live(ADA)
    one, two = a_token(), a_token()
    of_one, of_two = await listening(stage, space, BOB, one), await listening(stage, space, BOB, two)
    of_ada = await listening(stage, space, ADA, a_token())
    await stage.bus.publish_event(TokensRevoked(person_id=BOB.id, token_id=one.id, at=now()))
    await stage.facts.until(v1.Disconnected, lambda event: event.session_id == of_one)
    assert set(ended(stage)) == {of_one}
    await stage.bus.publish_event(TokensRevoked(person_id=BOB.id, at=now()))
    await stage.facts.until(v1.Disconnected, lambda event: event.session_id == of_two)
    assert set(ended(stage)) == {of_one, of_two}
    assert of_ada not in ended(stage)
    # What the gateway let through a moment before it heard of that is refused; whoever signs in again is not.
    for token in (one, two):
        with pytest.raises(Refusal, match="unauthenticated"):
            await listening(stage, space, BOB, token)
    await listening(stage, space, BOB, a_token())


async def test_a_connection_ends_with_the_sign_in_that_its_token_comes_of(stage: Stage) -> None:
    space, sign_in = stage.room.live(ADA), "0123456789abcdef" * 2
    mine = a_token().model_copy(update={"sign_in": sign_in})
    of_one, of_two = await listening(stage, space, BOB, mine), await listening(stage, space, BOB, a_token())
    # Its issuer need not say whose it is.
    await stage.bus.publish_event(TokensRevoked(person_id=new_id(), token_id=sign_in, at=now()))
    await stage.facts.until(v1.Disconnected, lambda event: event.session_id == of_one)
    assert of_two not in ended(stage)
    with pytest.raises(Refusal, match="unauthenticated"):
        await listening(stage, space, BOB, mine)


async def test_a_node_that_starts_knows_what_was_revoked_before(nats_server: NatsServer) -> None:
    token = a_token()
    async with set_stage(nats_server) as stage:
        await stage.bus.publish_event(TokensRevoked(person_id=BOB.id, token_id=token.id, at=now()))
    async with set_stage(nats_server) as stage:
        space = stage.room.live(ADA)
        with pytest.raises(Refusal, match="unauthenticated"):
            await listening(stage, space, BOB, token)


async def test_people_without_a_token_have_so_many_connections_at_an_address(nats_server: NatsServer) -> None:
    async with set_stage(nats_server, {"ROSTRUM_MEDIA_ANONYMOUS_PER_ADDRESS": "2"}) as stage:
        space = stage.room.live(ADA)
        first, _ = [await listening(stage, space, None, None, "192.0.2.1") for _ in range(2)]
        with pytest.raises(Refusal, match="too_many_requests"):
            await listening(stage, space, None, None, "192.0.2.1")
        # Nobody else is concerned: another address, and whoever is signed in at this one.
        await listening(stage, space, None, None, "192.0.2.2")
        await listening(stage, space, BOB, a_token(), "192.0.2.1")
        await stage.disconnect(first)
        await stage.facts.until(v1.Disconnected, lambda event: event.session_id == first)
        await listening(stage, space, None, None, "192.0.2.1")


async def test_a_person_has_so_many_connections_wherever_they_are(nats_server: NatsServer) -> None:
    async with set_stage(nats_server, {"ROSTRUM_MEDIA_CONNECTIONS_PER_PERSON": "2"}) as stage:
        space = stage.room.live(ADA)
        first, _ = [await listening(stage, space, BOB, None, f"192.0.2.{number}") for number in range(2)]
        with pytest.raises(Refusal, match="too_many_requests"):
            await listening(stage, space, BOB, None, "192.0.2.9")
        await listening(stage, space, ADA, None, "192.0.2.1")
        await stage.disconnect(first)
        await stage.facts.until(v1.Disconnected, lambda event: event.session_id == first)
        await listening(stage, space, BOB, None, "192.0.2.9")


async def test_no_event_names_who_listens(stage: Stage) -> None:
    space = stage.room.live(ADA)
    session = await listening(stage, space, BOB, None)
    await stage.disconnect(session)
    gone = await stage.facts.until(v1.Disconnected, lambda event: event.session_id == session)
    assert gone.person_id is None
