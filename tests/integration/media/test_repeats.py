"""WHIP and WHEP sent again with one Idempotency-Key, at whichever gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import httpx
import pytest

from contracts.envelope import PersonRef
from contracts.media import v1
from libs.ids import new_id
from services.gateway.adapters.node_claims import NodeClaims
from services.gateway.http.caller import derived_id
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.media.stage import Stage, person
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually
from tests.support.webrtc import Ear, Negotiate, Publisher, ear, new_connection, opus_tone, speaker

ADA, BOB = person("Ada"), person("Bob")


@pytest.fixture
async def gateways(stage: Stage, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Sequence[Running]]:
    """Two of one installation."""
    async with AsyncExitStack() as stack:
        made = [running_gateway(nats_server.url, tmp_path, partitions=stage.bus.settings.partitions) for _ in range(2)]
        yield [await stack.enter_async_context(gateway) for gateway in made]


class Repeating:
    """One person's WHIP or WHEP of a Space under one key, at several gateways."""

    def __init__(self, gateways: Sequence[Running], who: PersonRef | None, path: str, key: str | None = None) -> None:
        self._clients = [gateway.client(None if who is None else who.id) for gateway in gateways]
        self._path = path
        self._headers = {"content-type": "application/sdp", "idempotency-key": key or new_id()}
        self.offer = ""
        self.answers: list[httpx.Response] = []
        """To that offer."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.http.aclose()

    async def at_all(self, offer: str) -> str:
        """Sends an offer to all gateways at once; the last one's answer."""
        self.offer = offer
        self.answers = [*await asyncio.gather(*(self.at(number, offer) for number in range(len(self._clients))))]
        return self.answers[-1].text

    async def at(self, number: int, offer: str, **query: str) -> httpx.Response:
        """What one gateway answers to an offer."""
        client = self._clients[number].http
        return await client.post(self._path, content=offer, headers=self._headers, params=query)

    async def hang_up(self) -> None:
        """At the last gateway."""
        assert (await self._clients[-1].http.delete(self.answers[0].headers["location"])).status_code == 200


def told(answer: httpx.Response) -> tuple[int, str, str, str]:
    """What a client goes by."""
    assert answer.status_code == 201, answer.text
    return answer.status_code, answer.text, answer.headers["etag"], answer.headers["location"]


async def another_offer() -> str:
    """A listener's."""
    pc = new_connection()
    pc.addTransceiver("audio", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    offer: str = pc.localDescription.sdp
    await pc.close()
    return offer


async def heard(listener: Ear, talker: Publisher) -> None:
    """Waits until a tone that is said now is heard to its end."""
    tone = opus_tone(440, 0.4)
    before = listener.payloads()[tone[-1]]
    talker.track.say(tone)
    await listener.until(lambda it: it.payloads()[tone[-1]] > before)


@pytest.mark.parametrize("kind", ["whep", "whip"])
async def test_an_offer_sent_again_gets_its_answer_again_while_the_connection_lives(
    stage: Stage, gateways: Sequence[Running], kind: str
) -> None:
    space = stage.room.live(ADA)
    who = BOB if kind == "whep" else ADA
    async with Repeating(gateways, who, f"/v1/spaces/{space.id}/{kind}") as repeating:
        whep: Negotiate = repeating.at_all if kind == "whep" else stage.whep(space)
        whip: Negotiate = repeating.at_all if kind == "whip" else stage.whip(space, ADA)
        async with ear(whep) as listener, speaker(whip) as talker:
            assert len({told(answer) for answer in repeating.answers}) == 1, "both gateways were asked at once"
            await heard(listener, talker)
            for number in (1, 0):
                assert told(await repeating.at(number, repeating.offer)) == told(repeating.answers[0])
                # As after an upgrade that changes by which id everybody else knows the client's session.
                session = gateways[number].sessions.bound(new_id(), space.id, who.id)
                again = await repeating.at(number, repeating.offer, session=session)
                assert told(again) == told(repeating.answers[0])
                other = await repeating.at(number, await another_offer())
                assert (other.status_code, other.json()["reason"]) == (409, "idempotency_conflict")
            await heard(listener, talker)
            await eventually(lambda: len(stage.facts.of(v1.Connected)) == 2)
            assert not stage.facts.of(v1.Disconnected)

        # It is dead: the same key sets up another one, with any offer.
        first = told(repeating.answers[0])
        session = repeating.answers[0].headers["etag"].strip('"')
        await stage.facts.until(v1.Disconnected, lambda event: event.session_id == session)
        assert len(stage.facts.of(v1.Connected)) == 2, "nor was there another one up to then"
        assert told(await repeating.at(1, repeating.offer))[1] != first[1]
        await repeating.hang_up()
        async with ear(whep) as listener, speaker(whip) as talker:
            await heard(listener, talker)


async def test_two_people_without_a_token_do_not_end_each_others_connections_by_one_key(
    stage: Stage, gateways: Sequence[Running]
) -> None:
    space = stage.room.live(ADA)
    path = f"/v1/spaces/{space.id}/whep"
    async with (
        Repeating(gateways, None, path, "1") as one,
        Repeating(gateways, None, path, "1") as two,
        ear(one.at_all) as listener,
        speaker(stage.whip(space, ADA)) as talker,
    ):
        assert (await two.at(0, await another_offer())).status_code == 409
        await heard(listener, talker)


async def test_the_answer_comes_from_the_node_that_gave_it_and_from_another_when_that_node_died(
    stage: Stage, nats_server: NatsServer, gateways: Sequence[Running], tmp_path: Path
) -> None:
    space = stage.room.live(ADA)
    path, name = f"/v1/spaces/{space.id}/whep", f"media-{new_id()[-6:]}"
    env = {**nats_server.env, "ROSTRUM_INSTANCE": name, "ROSTRUM_VAR": str(tmp_path / name)}

    async def connect(node: str, session_id: str, offer: str) -> v1.Answer:
        command = v1.Connect(
            command_id=new_id(), space_id=space.id, session_id=session_id, person=None, direction="subscribe",
            offer=offer, space_version=space.version,
        )  # fmt: skip
        return (await stage.bus.ask(command, route=node, timeout=LIMIT)).result

    def node_of(answer: httpx.Response) -> str:
        return str(answer.headers["location"].split(".")[1])

    async with ServiceProcess("media", env) as other:
        for _ in range(2):
            await connect(name, new_id(), await another_offer())

        async def placed_there() -> bool:
            async with Repeating(gateways, None, path) as new:
                await new.at_all(await another_offer())
                # For a moment the gateways do not know this node yet.
                return {node_of(answer) for answer in new.answers if answer.is_success} == {name}

        await eventually(placed_there)
        key, offer = new_id(), await another_offer()
        # As a third gateway has done it a moment ago, at the node that these two would not take.
        first = await connect(stage.service.settings.name, derived_id(f"media subscribe {space.id}", "", key), offer)
        async with Repeating(gateways, None, path, key) as repeating:
            await repeating.at_all(offer)
            for answer in repeating.answers:
                assert (answer.text, node_of(answer)) == (first.sdp, first.node_id)

        # One of them is about to do so at this moment.
        key, offer = new_id(), await another_offer()
        session = derived_id(f"media subscribe {space.id}", "", key)
        chosen = stage.service.settings.name
        claims = [NodeClaims(stage.bus) for _ in gateways]
        assert await claims[0].settle(session, chosen, [chosen, name]) == chosen
        async with Repeating(gateways, None, path, key) as repeating:
            await repeating.at_all(offer)
            assert len({told(answer) for answer in repeating.answers}) == 1
            assert {node_of(answer) for answer in repeating.answers} == {chosen}
        assert await claims[1].settle(session, name, [name]) == name, "the one that was chosen refuses"
        for session in (new_id() for _ in range(20)):
            choices = zip(claims, (chosen, name), strict=True)
            agreed = await asyncio.gather(*(one.settle(session, node, [chosen, name]) for one, node in choices))
            assert len(set(agreed)) == 1

        async with Repeating(gateways, None, path) as repeating:
            await repeating.at_all(offer)
            assert {node_of(answer) for answer in repeating.answers} == {name}
            other.kill()
            again = await repeating.at(1, offer)
            assert told(again) != told(repeating.answers[0])
            assert node_of(again) == stage.service.settings.name
