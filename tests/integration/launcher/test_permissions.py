"""On the bus, a service can say only what is its own to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from contracts import subjects
from infra.launcher import System
from infra.nats.permissions import COMMANDS_TO

DUMMY = "tests.support.dummy_service:serve"
pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "01jd0000000000000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """NATS with the users of a real system, and no services."""
    var: Path = tmp_path_factory.mktemp("var")
    async with System(var, services=(), entry=DUMMY, preload=()) as running:
        yield running


async def settled(client: Client) -> None:
    """Until the server has said what it thinks of everything sent so far.

    nats-py's flush writes its PING before what is still waiting to be written; the second PING is behind it.
    """
    await client.flush()
    await client.flush()


async def refused(system: System, service: str, published: list[str]) -> set[str]:
    """Which of these subjects the server would not take from the service."""
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    user, password = system.credentials(service)
    client: Client = await nats.connect(system.nats_url, user=user, password=password, error_cb=complain)
    try:
        for subject in published:
            await client.publish(subject, b"{}")
        await settled(client)
    finally:
        await client.close()
    return {subject for subject in published if any(f'"{subject}"'.lower() in line.lower() for line in complaints)}


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_events_of_other_contexts_are_refused(system: System, service: str) -> None:
    contexts = sorted({context for owned in subjects.CONTEXTS_OF.values() for context in owned})
    by_context = {context: subjects.event(context, KEY, "happened") for context in contexts}
    foreign = {by_context[context] for context in contexts if context not in subjects.CONTEXTS_OF[service]}
    assert await refused(system, service, list(by_context.values())) == foreign


@pytest.mark.parametrize("service", [service for service in subjects.SERVICES if service != "media"])
async def test_only_media_captures_and_relays_audio(system: System, service: str) -> None:
    sound = [
        subjects.capture(KEY, KEY),
        subjects.relayed_audio(KEY),
        subjects.node_heartbeat("n1"),
        f"$KV.{subjects.NODES_BUCKET}.n1",
    ]
    assert await refused(system, service, sound) == set(sound)
    assert await refused(system, "media", sound) == set()


@pytest.mark.parametrize("service", [service for service in subjects.SERVICES if service != "gateway"])
async def test_only_the_gateway_orders_everybody(system: System, service: str) -> None:
    orders = [subjects.command(other, "act") for other in subjects.SERVICES if other != service]
    assert await refused(system, "gateway", orders) == set()
    assert await refused(system, service, orders) == set(orders) - allowed_orders(service)


def allowed_orders(service: str) -> set[str]:
    """What a service may order besides itself, as the table says it."""
    return {subjects.command(other, "act") for other in COMMANDS_TO.get(service, ())}


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_everybody_may_ask_everybody(system: System, service: str) -> None:
    assert await refused(system, service, [subjects.query(other, "tell") for other in subjects.SERVICES]) == set()


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_nobody_deletes_or_changes_a_stream(system: System, service: str) -> None:
    harm = [f"$JS.API.STREAM.{verb}.{subjects.EVENTS_STREAM}" for verb in ("DELETE", "PURGE", "UPDATE", "MSG.DELETE")]
    assert await refused(system, service, harm) == set(harm)


async def test_a_service_takes_no_lease_in_the_name_of_another(system: System) -> None:
    mine, theirs = f"$KV.{subjects.LEASES_BUCKET}.room.1", f"$KV.{subjects.LEASES_BUCKET}.people.1"
    assert await refused(system, "room", [mine, theirs]) == {theirs}


async def test_a_service_does_not_hear_what_others_are_ordered(system: System) -> None:
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    user, password = system.credentials("tipping")
    client = await nats.connect(system.nats_url, user=user, password=password, error_cb=complain)
    await client.subscribe(subjects.commands("room", "*"))
    await settled(client)
    await client.close()
    assert any("permissions violation for subscription" in line.lower() for line in complaints)


async def test_a_stranger_is_refused(system: System) -> None:
    with pytest.raises(nats.errors.Error, match="Authorization"):
        await nats.connect(system.nats_url, user="room", password="guess", allow_reconnect=False)


async def test_the_streams_are_there_before_any_service(system: System) -> None:
    user, password = system.credentials("room")
    client = await nats.connect(system.nats_url, user=user, password=password)
    async with client:
        for stream in (subjects.EVENTS_STREAM, subjects.CAPTURE_STREAM, subjects.DEAD_LETTER_STREAM):
            assert (await client.jetstream().stream_info(stream)).config.name == stream
