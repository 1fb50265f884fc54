"""Transcription in the test's loop, with people, who has the keys and tells names: on a NATS of its own, or one for a
whole file, which takes seconds to start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from libs.bus import Bus, BusSettings, connect
from libs.keyring.client import open_keyring
from libs.service import Service, running
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from services.transcription.app import transcriber
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage, follow_capture_noted
from tests.support.nats import NatsServer, running_nats


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("media", BusSettings(url=nats.url)) as bus:
        yield bus


@pytest.fixture
async def people(nats: NatsServer) -> AsyncIterator[None]:
    async with running(PeopleSettings.read(nats.env), compose_people):
        yield


@pytest.fixture
def env(nats: NatsServer, people: None) -> dict[str, str]:
    return {**of_transcription(nats), "ROSTRUM_TRANSCRIPTION_WORKERS": "1"}


def of_transcription(nats: NatsServer) -> dict[str, str]:
    """Words are shown more seldom than by default, which takes most of the time. That a busy machine captures nothing
    for some seconds is no pause in what somebody says."""
    return {
        **nats.env,
        "ROSTRUM_TRANSCRIPTION_SETTLE": "1.0",
        "ROSTRUM_TRANSCRIPTION_FLUSH_AFTER": "5",
        "ROSTRUM_TRANSCRIPTION_DECODERS": "1",
        "ROSTRUM_TRANSCRIPTION_PARTIAL_EVERY": "1.0",
    }


@pytest.fixture
async def service(env: dict[str, str]) -> AsyncIterator[Service[Settings]]:
    async with running(Settings.read(env), compose) as service:
        yield service


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber, "follow_capture", follow_capture_noted)


@pytest.fixture
async def stage(bus: Bus) -> AsyncIterator[Stage]:
    stage = Stage(bus)
    async with open_keyring(bus, "media-1") as stage.keyring:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Service[Settings]]:
    """For the tests of a file that bring their own Spaces and leave the service as it was; in the file's loop."""
    with running_nats() as nats:
        async with (
            running(PeopleSettings.read(nats.env), compose_people),
            running(Settings.read(of_transcription(nats)), compose) as service,
        ):
            yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_bus(shared: Service[Settings]) -> AsyncIterator[Bus]:
    """A connection to its NATS."""
    async with await connect("media", BusSettings(url=shared.settings.nats_url)) as bus:
        yield bus
